//! Numbers as elements of matrices: fused products and working memory.

use crate::kernels::aligned::Aligned;
use std::{cell::RefCell, thread::LocalKey};

/// The packed blocks of the two operands of a product.
pub(crate) type Buffers<F> = RefCell<(Aligned<F>, Aligned<F>)>;

/// Working memory of a thread: pieces that are not in use, each of which only grows.
pub(crate) type Pieces<F> = RefCell<Vec<Vec<F>>>;

/// A number that matrices are made of.
pub trait Element: Copy + Default + PartialEq + std::ops::Add<Output = Self> + 'static {
    /// One.
    const UNIT: Self;
    /// `self * b + c`, rounded once where `FMA`, else twice.
    fn multiply_add<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// The buffers of this thread that products pack into. They only grow.
    fn buffers() -> &'static LocalKey<Buffers<Self>>;
    /// The working memory of this thread for factorisations.
    fn workspace() -> &'static LocalKey<Pieces<Self>>;
}

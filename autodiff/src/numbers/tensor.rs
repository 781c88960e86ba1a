//! A tensor outside any tape: a shape and its numbers, row by row.

use crate::numbers::shape::Shape;
use std::fmt::{self, Display};

/// Numbers with a shape, the last axis running fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<F> {
    shape: Shape,
    values: Vec<F>,
}

/// The most numbers that are printed.
const SHOWN: usize = 8;

/// A number without axes as it is, and other tensors as their shape and their first numbers. A precision, as in `{:.3}`, is that of
/// each number.
impl<F: Display> Display for Tensor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.shape.is_empty() {
            write!(f, "{}: ", self.shape)?;
        }
        for (i, number) in self.values.iter().take(SHOWN).enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            number.fmt(f)?;
        }
        f.write_str(if self.values.len() > SHOWN { ", …" } else { "" })
    }
}

impl<F: Copy> Tensor<F> {
    /// A tensor of these values.
    ///
    /// # Panics
    /// If the number of values is not the size of the shape.
    #[track_caller]
    pub fn new(values: Vec<F>, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        assert!(
            values.len() == shape.size(),
            "tensor: {} values do not fill the shape {shape}",
            values.len()
        );
        Self { shape, values }
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The numbers, row by row.
    pub fn values(&self) -> &[F] {
        &self.values
    }

    /// The numbers, row by row, as a mutable slice.
    pub fn values_mut(&mut self) -> &mut [F] {
        &mut self.values
    }

    /// The only number of a tensor that has one.
    ///
    /// # Panics
    /// If the tensor does not hold exactly one number.
    #[track_caller]
    pub fn item(&self) -> F {
        assert!(
            self.values.len() == 1,
            "item: the shape {} holds {} numbers",
            self.shape,
            self.values.len()
        );
        self.values[0]
    }
}

//! The engine of a type of number, compiled once.
//!
//! Generic code is compiled anew in every crate that calls it, and most of the engine three times over, for
//! three widths of vectors. So everything reaches it through this trait, whose functions are of one type each: a
//! program, a bench or a test compiles none of it. The functions themselves are implemented in the rules and the
//! sweeps; the trait only names them.

#![expect(private_interfaces, reason = "nobody outside can name the trait, or call it")]

use crate::kernels::float::Float;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::grads::Grads;
use crate::tape::node::Id;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::program::Instruction;
use crate::tape::record::{Record, Var};
use crate::tape::term::Sink;
use rand::Rng;
use std::ops::{Add, Div, Mul, Range, Rem, Sub};

/// The computations of an engine for one type of number.
pub trait Engine: Float {
    /// The shape of the result of an op.
    fn shape(op: Op<Self>, args: &[&[usize]], wanted: Option<&[usize]>) -> Result<Shape, Error>;
    /// Computes the result of an op; `dims` is the shape of the result.
    fn forward(
        op: Op<Self>,
        args: &[View<Self>],
        dims: &[usize],
        y: &mut [Self],
    ) -> Result<(), Error>;
    /// Names the terms that the adjoints of the arguments gain.
    fn reverse(op: Op<Self>, args: &[&[usize]], sink: &mut dyn Sink<Self>);
    /// Records the definition of a kernel in elementary ops.
    fn define<'t>(kernel: Fused, args: &[Var<'t, Self>]) -> Var<'t, Self>;
    /// The result of an elementwise op on numbers.
    fn value(op: Op<Self>, a: Self, b: Self) -> Self;
    /// Carries every adjoint of the first `end` entries back, from the last entry to the first.
    fn sweep(record: &Record<Self>, end: usize, gates: &[(Id, &[Self])], grads: &mut Grads<Self>);
    /// Carries the adjoint of one entry to its arguments.
    fn carry(record: &Record<Self>, id: Id, grads: &mut Grads<Self>);
    /// Computes a fused run of elementwise ops.
    fn run(code: &[Instruction], len: usize, values: &mut [Self]);
    /// Carries the adjoints of a fused run back.
    fn run_back(
        code: &[Instruction],
        fresh: &[Range<usize>],
        len: usize,
        values: &[Self],
        bars: &mut [Self],
    );
}

/// A number that a tape can store: `f32` or `f64`. It may stand on the left of an arithmetic operator with a variable on the right, in
/// generic code too.
///
/// ```
/// use pathscore_autodiff::{Scalar, Tape, Var};
/// fn complement<F: Scalar>(x: Var<'_, F>) -> Var<'_, F> {
///     F::ONE - x
/// }
/// let tape = Tape::new();
/// assert_eq!(complement(tape.leaf(&[0.25_f32], [1])).value().values(), [0.75]);
/// ```
pub trait Scalar:
    Engine
    + for<'t> Add<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Sub<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Mul<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Div<Var<'t, Self>, Output = Var<'t, Self>>
    + for<'t> Rem<Var<'t, Self>, Output = Var<'t, Self>>
{
    /// A uniform number in $[0, 1)$ from the top bits of a random word, as many as the precision has.
    fn uniform(word: u64) -> Self;
    /// Fills `out` with independent uniform numbers in $[0, 1)$, one word of `rng` for each.
    fn fill_uniform<R: Rng>(out: &mut [Self], rng: &mut R);
    /// Fills `out` with independent standard normal numbers (Box and Muller 1958), the same on every machine in single
    /// precision, and in double precision to a few units in the last place, which depend on whether the processor
    /// has fused products.
    ///
    /// ```
    /// use pathscore_autodiff::Scalar;
    /// use rand_xoshiro::{Xoshiro256PlusPlus, rand_core::SeedableRng};
    /// let mut x = [0.0_f64; 1000];
    /// f64::fill_normal(&mut x, &mut Xoshiro256PlusPlus::seed_from_u64(0));
    /// let mean = x.iter().sum::<f64>() / 1000.0;
    /// assert!(mean.abs() < 5.0 / 1000_f64.sqrt());
    /// ```
    fn fill_normal<R: Rng>(out: &mut [Self], rng: &mut R);
    /// $I_x(a, b)$ and its derivatives with respect to $a$ and $b$.
    #[doc(hidden)]
    fn beta_inc(a: Self, b: Self, x: Self) -> [Self; 3];
    /// The second derivatives of $I_x(a, b)$ with respect to $a$ twice, $a$ and $b$, and $b$ twice.
    #[doc(hidden)]
    fn beta_inc_second(a: Self, b: Self, x: Self) -> [Self; 3];
}

//! Targets: log densities up to a constant, with and without gradients.

use crate::montecarlo::pool::Pool;
use pathscore_autodiff::{Grads, Id, Number, NumberTape, Plan, Tape, Var};

/// A density on $\mathbb R^d$, or a probability of bits, that is known up to a constant: $\pi(x) = e^{\ell(x)} / Z$.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the log density of a target",
    label = "this target has no `log_prob`",
    note = "`FromFn` makes a target of a closure over slices, `FromNumbers` and `FromTape` one with a gradient"
)]
pub trait LogDensity {
    /// The number of coordinates, $d$.
    fn dim(&self) -> usize;

    /// $\ell(x)$: the logarithm of the density up to a constant. It is $-\infty$ outside the support.
    ///
    /// # Panics
    /// If `x` does not have [`LogDensity::dim`] numbers.
    fn log_prob(&self, x: &[f64]) -> f64;
}

/// A density whose gradient $\nabla \ell(x)$ is known.
///
/// ```
/// use pathscore_estimators::samplers::{Differentiable, LogDensity};
/// /// The standard normal.
/// struct Normal;
/// impl LogDensity for Normal {
///     fn dim(&self) -> usize {
///         1
///     }
///     fn log_prob(&self, x: &[f64]) -> f64 {
///         -0.5 * x[0] * x[0]
///     }
/// }
/// impl Differentiable for Normal {
///     fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
///         grad[0] = -x[0];
///         self.log_prob(x)
///     }
/// }
/// let mut grad = [0.0];
/// assert_eq!(Normal.log_prob_and_grad(&[2.0], &mut grad), -2.0);
/// assert_eq!(grad, [-2.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "the gradient of the log density of `{Self}` is not known",
    label = "this target has no `log_prob_and_grad`",
    note = "samplers along gradients need `Differentiable`; `RandomWalk` needs only `LogDensity`"
)]
pub trait Differentiable: LogDensity {
    /// Returns $\ell(x)$ and writes $\nabla \ell(x)$ into `grad`.
    ///
    /// # Panics
    /// If `x` or `grad` does not have [`LogDensity::dim`] numbers.
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64;
}

impl<T: LogDensity + ?Sized> LogDensity for &T {
    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        (**self).log_prob(x)
    }
}

impl<T: Differentiable + ?Sized> Differentiable for &T {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        (**self).log_prob_and_grad(x, grad)
    }
}

/// The target of a closure over slices, without a gradient.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, LogDensity};
/// let coin = FromFn { dim: 1, log_prob: |x: &[f64]| if x[0] == 1.0 { 0.7_f64.ln() } else { 0.3_f64.ln() } };
/// assert_eq!(coin.log_prob(&[1.0]), 0.7_f64.ln());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FromFn<G> {
    /// The number of coordinates.
    pub dim: usize,
    /// The log density.
    pub log_prob: G,
}

impl<G: Fn(&[f64]) -> f64> LogDensity for FromFn<G> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        (self.log_prob)(x)
    }
}

/// Checks that a point has as many numbers as its target.
///
/// # Panics
/// If it has not.
fn expect_dim(x: &[f64], dim: usize) {
    assert!(x.len() == dim, "log_prob: {} numbers for a target of dimension {dim}", x.len());
}

/// Recordings of a function on a tape, which are replayed at new points; each thread that works at the same time has one.
#[derive(Debug)]
pub(crate) struct Replays {
    dim: usize,
    idle: Pool<Replay>,
}

/// A recorded function.
#[derive(Debug)]
struct Replay {
    plan: Plan<f64>,
    x: Id,
    y: Id,
    grads: Grads<f64>,
}

impl Replays {
    pub(crate) fn new(dim: usize) -> Self {
        Self { dim, idle: Pool::default() }
    }

    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// The value of the function that `record` records, and its gradient if `grad` is given; NaN if a factorisation
    /// fails.
    pub(crate) fn value(
        &self,
        record: impl for<'t> FnOnce(Var<'t, f64>) -> Var<'t, f64>,
        x: &[f64],
        grad: Option<&mut [f64]>,
    ) -> f64 {
        let dim = self.dim;
        expect_dim(x, dim);
        let new = || {
            let tape = Tape::new();
            let at = tape.leaf(x, [dim]);
            let y = record(at);
            let shape = y.shape();
            assert!(y.size() == 1, "a log density is one number, but its shape is {shape}");
            let (x, y) = (at.id(), y.id());
            Replay { plan: tape.plan(&[x], &[y]), x, y, grads: Grads::new() }
        };
        self.idle.lend_fitting(
            |_| true,
            new,
            |Replay { plan, x: at, y, grads }| {
                plan.set(*at, x);
                if plan.run().is_err() {
                    grad.into_iter().for_each(|grad| grad.fill(f64::NAN));
                    return f64::NAN;
                }
                if let Some(grad) = grad {
                    plan.pull_into(&[(*y, &[1.0])], grads);
                    grad.copy_from_slice(grads.leading(dim));
                }
                plan.value(*y)[0]
            },
        )
    }
}

/// The target of a closure over a variable of a tape, of shape `[dim]`, that returns one number, with its gradient.
///
/// The closure is recorded once for each thread and then replayed, so that a warm evaluation allocates nothing: it must
/// not look at the numbers of its variables. If a factorisation fails, density and gradient are NaN, and samplers reject
/// the point.
///
/// ```
/// use pathscore_estimators::samplers::{Differentiable, FromTape};
/// let target = FromTape::new(3, |x| x.sum_squares(-1) * -0.5);
/// let mut grad = [0.0; 3];
/// assert_eq!(target.log_prob_and_grad(&[1.0, 0.0, -2.0], &mut grad), -2.5);
/// assert_eq!(grad, [-1.0, 0.0, 2.0]);
/// ```
#[derive(Debug)]
pub struct FromTape<G> {
    record: G,
    replays: Replays,
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>> FromTape<G> {
    /// The target of dimension `dim` whose log density is `record`.
    pub fn new(dim: usize, record: G) -> Self {
        Self { record, replays: Replays::new(dim) }
    }
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>> LogDensity for FromTape<G> {
    fn dim(&self) -> usize {
        self.replays.dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        self.replays.value(&self.record, x, None)
    }
}

impl<G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>> Differentiable for FromTape<G> {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        self.replays.value(&self.record, x, Some(grad))
    }
}

/// The target of a closure over numbers that record their derivatives, with its gradient.
///
/// It suits functions that compute number by number, with loops and without matrices: a warm evaluation costs some
/// nanoseconds for each operation and allocates nothing. The density alone costs as much as with its gradient.
///
/// ```
/// use pathscore_autodiff::Real;
/// use pathscore_estimators::samplers::{Differentiable, FromNumbers};
/// /// The logarithm of a curved density: −(y − x²)² − x²/2.
/// fn banana<R: Real>(x: &[R]) -> R {
///     let across = x[1] - x[0] * x[0];
///     -across * across - x[0] * x[0] * x[0].of(0.5)
/// }
/// let target = FromNumbers::new(2, |x| banana(x));
/// let mut grad = [0.0; 2];
/// assert_eq!(target.log_prob_and_grad(&[1.0, 3.0], &mut grad), -4.5);
/// assert_eq!(grad, [7.0, -4.0]); // 4 x (y − x²) − x and −2 (y − x²)
/// ```
#[derive(Debug)]
pub struct FromNumbers<G> {
    dim: usize,
    log_prob: G,
    /// A tape for each thread that works at the same time.
    idle: Pool<NumberTape<f64>>,
}

impl<G: for<'t> Fn(&[Number<'t, f64>]) -> Number<'t, f64>> FromNumbers<G> {
    /// The target of dimension `dim` whose log density is `log_prob`.
    pub fn new(dim: usize, log_prob: G) -> Self {
        Self { dim, log_prob, idle: Pool::default() }
    }

    fn value(&self, x: &[f64], grad: Option<&mut [f64]>) -> f64 {
        expect_dim(x, self.dim);
        self.idle.lend_fitting(
            |_| true,
            NumberTape::new,
            |tape| {
                let (value, slopes) = tape.gradient(x, &self.log_prob);
                if let Some(grad) = grad {
                    grad.copy_from_slice(slopes);
                }
                value
            },
        )
    }
}

impl<G: for<'t> Fn(&[Number<'t, f64>]) -> Number<'t, f64>> LogDensity for FromNumbers<G> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        self.value(x, None)
    }
}

impl<G: for<'t> Fn(&[Number<'t, f64>]) -> Number<'t, f64>> Differentiable for FromNumbers<G> {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        self.value(x, Some(grad))
    }
}

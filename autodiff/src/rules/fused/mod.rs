//! Kernels that do the work of several ops at once.
//!
//! Each owes three things: `forward`; `reverse`, which adds to the arguments' adjoints; and `define`,
//! what it means in elementary ops. The definition is its oracle in tests and its road to second
//! derivatives: where a gradient is recorded, the definition is recorded and differentiated instead.

mod affine;
mod axis;
mod bernoulli;
mod log_softmax;
mod log_sum_exp;
mod max;
mod normal;
mod normal_kl;
mod prod;
mod quadratic_form;
mod scan;
mod sum_squares;

pub use affine::Activation;

use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// The fused kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fused {
    /// $f(xW + b)$ over rows: see [`Var::affine`].
    Affine(Activation),
    /// $\sum_j \ln \mathcal N(x_j; \mu_j, e^{2s_j})$ over the last axis: see [`Var::normal_log_prob`].
    NormalLogProb,
    /// $\sum_j \ln \mathrm{Bernoulli}(x_j; \eta_j)$ over the last axis: see [`Var::bernoulli_log_prob`].
    BernoulliLogProb,
    /// $\ln \sum_i e^{x_i}$ over one axis: see [`Var::log_sum_exp`].
    LogSumExp {
        /// The axis over which the sum goes.
        axis: u8,
    },
    /// $\ln \tfrac1n \sum_i e^{x_i}$ over one axis: see [`Var::log_mean_exp`].
    LogMeanExp {
        /// The axis over which the mean goes.
        axis: u8,
    },
    /// $x_i - \ln \sum_j e^{x_j}$ along one axis: see [`Var::log_softmax`].
    LogSoftmax {
        /// The axis along which the sum goes.
        axis: u8,
    },
    /// $\prod_i x_i$ over one axis: see [`Var::prod_axis`].
    Prod {
        /// The axis over which the product goes.
        axis: u8,
    },
    /// The largest element over one axis: see [`Var::max_axis`].
    Max {
        /// The axis over which it is looked for.
        axis: u8,
    },
    /// Running sums along one axis: see [`Var::cumsum`].
    CumSum {
        /// The axis along which they run.
        axis: u8,
    },
    /// Running products along one axis: see [`Var::cumprod`].
    CumProd {
        /// The axis along which they run.
        axis: u8,
    },
    /// The divergence of normal distributions over the last axis: see [`Var::normal_kl`].
    NormalKl,
    /// $x^\top A x$ over the last axis: see [`Var::quadratic_form`].
    QuadraticForm,
    /// $\sum_i x_i^2$ over one axis: see [`Var::sum_squares`].
    SumSquares {
        /// The axis over which the sum goes.
        axis: u8,
    },
}

impl Fused {
    /// The name of the kernel.
    pub fn name(self) -> &'static str {
        match self {
            Self::Affine(_) => "affine",
            Self::NormalLogProb => "normal_log_prob",
            Self::BernoulliLogProb => "bernoulli_log_prob",
            Self::LogSumExp { .. } => "log_sum_exp",
            Self::LogMeanExp { .. } => "log_mean_exp",
            Self::LogSoftmax { .. } => "log_softmax",
            Self::Prod { .. } => "prod",
            Self::Max { .. } => "max_axis",
            Self::CumSum { .. } => "cumsum",
            Self::CumProd { .. } => "cumprod",
            Self::NormalKl => "normal_kl",
            Self::QuadraticForm => "quadratic_form",
            Self::SumSquares { .. } => "sum_squares",
        }
    }

    /// Lends out the kernel.
    pub(crate) fn with<F: Scalar, R>(self, f: impl FnOnce(&dyn Kernel<F>) -> R) -> R {
        match self {
            Self::Affine(activation) => f(&affine::Affine(activation)),
            Self::NormalLogProb => f(&normal::NormalLogProb),
            Self::BernoulliLogProb => f(&bernoulli::BernoulliLogProb),
            Self::QuadraticForm => f(&quadratic_form::QuadraticForm),
            Self::LogSumExp { axis } => {
                f(&log_sum_exp::LogSumExp { axis: usize::from(axis), mean: false })
            }
            Self::LogMeanExp { axis } => {
                f(&log_sum_exp::LogSumExp { axis: usize::from(axis), mean: true })
            }
            Self::LogSoftmax { axis } => f(&log_softmax::LogSoftmax(usize::from(axis))),
            Self::Prod { axis } => f(&prod::Prod(usize::from(axis))),
            Self::Max { axis } => f(&max::Max(usize::from(axis))),
            Self::CumSum { axis } => f(&scan::CumSum(usize::from(axis))),
            Self::CumProd { axis } => f(&scan::CumProd(usize::from(axis))),
            Self::NormalKl => f(&normal_kl::NormalKl),
            Self::SumSquares { axis } => f(&sum_squares::SumSquares(usize::from(axis))),
        }
    }
}

/// The adjoints of a kernel's arguments, lent one at a time.
pub(crate) trait Bars<F> {
    /// The adjoint of argument `arg`, to add to; `None` if nobody asks for it.
    fn of(&mut self, arg: usize) -> Option<&mut [F]>;

    /// The same, and whether there is something to add to: if not, what it holds is not defined and
    /// must be overwritten.
    fn begun(&mut self, arg: usize) -> Option<(&mut [F], bool)>;

    /// Working memory that the caller keeps between calls; what it holds is not defined.
    fn scratch(&mut self) -> &mut Vec<F>;
}

/// The result of a kernel and its adjoint.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a, F> {
    pub(crate) args: &'a [View<'a, F>],
    pub(crate) y: &'a [F],
    pub(crate) y_bar: &'a [F],
}

/// What a fused kernel owes.
pub(crate) trait Kernel<F> {
    /// The shape of the result.
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error>;
    /// Writes the result.
    fn forward(&self, args: &[View<F>], y: &mut [F]);
    /// Adds to the adjoints of the arguments.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>);
    /// What the kernel means, in elementary ops.
    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F>;
}

/// The shape of a sum over the last axis of arguments that repeat along leading axes, each of which is
/// a suffix of the longest.
pub(crate) fn row_shape(op: &'static str, args: &[&[usize]]) -> Result<Shape, Error> {
    let longest = args.iter().max_by_key(|dims| dims.len()).expect("a kernel has arguments");
    if longest.is_empty() || !args.iter().all(|dims| !dims.is_empty() && longest.ends_with(dims)) {
        return Err(super::misfit(op, args, "each shape must be the end of the longest"));
    }
    Ok(Shape::from(&longest[..longest.len() - 1]))
}

/// The row of an argument that meets row `row` of the result, when it repeats along leading axes.
pub(crate) fn row_of<'a, F>(arg: View<'a, F>, row: usize) -> &'a [F] {
    let width = arg.dims[arg.dims.len() - 1];
    let start = row * width % arg.values.len().max(1);
    &arg.values[start..start + width]
}

/// The same row of an adjoint.
pub(crate) fn row_of_mut<F>(bar: &mut [F], width: usize, row: usize) -> &mut [F] {
    let start = row * width % bar.len().max(1);
    &mut bar[start..start + width]
}

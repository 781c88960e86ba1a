//! From the reals to increasing rows.

use super::Bijection;
use crate::dist::Support;
use crate::dist::shapes::sum_last;
use pathscore_autodiff::{Scalar, Shape, Var};

/// From rows of real numbers to increasing ones: $y_0 = x_0$ and $y_k = y_{k-1} + e^{x_k}$, so that $\ln\det =
/// \sum_{k \ge 1} x_k$ and $x_k = \ln(y_k - y_{k-1})$. A step that is too small for the digits of $y$ is lost.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bijection, Ordered};
/// let tape = Tape::new();
/// let x = tape.leaf(&[-1.0_f64, 0.0, 2_f64.ln()], [3]);
/// let y = Ordered.forward(x);
/// assert_eq!(y.value().values(), [-1.0, 0.0, 2.0]);
/// assert_eq!(Ordered.log_det(x, 1).item(), 2_f64.ln());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordered;

/// The differences of neighbours.
fn steps<F: Scalar>(y: Var<'_, F>) -> Var<'_, F> {
    let n = y.shape().last().copied().unwrap_or(0);
    y.slice(-1, 1..n) - y.slice(-1, 0..n - 1)
}

impl<'t, F: Scalar> Bijection<'t, F> for Ordered {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let n = x.shape().last().copied().unwrap_or(0);
        Var::concat(&[x.slice(-1, 0..1), x.slice(-1, 1..n).exp()], -1).cumsum(-1)
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        Var::concat(&[y.slice(-1, 0..1), steps(y).ln()], -1)
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let n = x.shape().last().copied().unwrap_or(0);
        sum_last(x.slice(-1, 1..n).sum_axis(-1), event_dim - 1)
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let zero = y.constant(0.0);
        let infinite = y.abs().equal(y.constant(f64::INFINITY)).sum_axis(-1);
        sum_last(steps(y).less_equal(zero).sum_axis(-1) + infinite, event_dim - 1)
    }

    fn event_dims(&self) -> [usize; 2] {
        [1, 1]
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        let n = shape.last().copied().unwrap_or(0);
        assert!(n > 0, "Ordered: an argument needs an axis that is not empty");
        Shape::from(shape)
    }

    fn support(&self, _: Support) -> Support {
        Support::Ordered
    }
}

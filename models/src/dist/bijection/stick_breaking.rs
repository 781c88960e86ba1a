//! From the reals to the simplex.

use super::Bijection;
use crate::dist::Support;
use crate::dist::edges::off_simplex;
use crate::dist::edges::smallest;
use crate::dist::shapes::sum_last;
use pathscore_autodiff::{Scalar, Shape, Var};

/// From rows of $n$ real numbers to rows of $n + 1$ positive numbers that sum to one: each part takes the fraction
/// $z_k = \sigma(x_k - \ln(n - k))$, $k = 0, \dots, n - 1$, of what the parts before it have left of a stick of length one, and
/// the last part takes the rest (Stan's reference manual, 10.7). Zeros go to equal parts.
///
/// $\ln y_k = \ln z_k + r_k$ with the rest $r_k = \sum_{j<k} \ln(1 - z_j)$, and $\ln\det = \sum_k \ln z_k + \ln(1 - z_k) + r_k$.
/// It is the determinant for the first $n$ numbers of $y$, in which the density of a
/// [`Dirichlet`](crate::dist::Dirichlet) is written, too. Parts that underflow are replaced by the smallest normal number.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bijection, StickBreaking};
/// let tape = Tape::new();
/// let x = tape.leaf(&[0.0_f64, 0.0, 0.0], [3]);
/// let y = StickBreaking.forward(x);
/// assert!(y.with(|y| y.iter().all(|y| (y - 0.25).abs() < 1e-15)));
/// assert!(StickBreaking.inverse(y).with(|x| x.iter().all(|x| x.abs() < 1e-15)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickBreaking;

/// $\ln(n - k)$, the logit shifts that make zeros go to equal parts.
fn shifts<F: Scalar>(x: Var<'_, F>, n: usize) -> Var<'_, F> {
    x.tape().constant_with([n], |out| {
        for (k, out) in out.iter_mut().enumerate() {
            *out = F::from_f64(((n - k) as f64).ln());
        }
    })
}

/// $\ln z_k$, $\ln(1 - z_k)$, and $r_k$ for $k = 0, \dots, n$.
fn parts<F: Scalar>(x: Var<'_, F>) -> [Var<'_, F>; 3] {
    let t = x - shifts(x, x.shape().last().copied().unwrap_or(0));
    let rest = (-t).log_sigmoid();
    [t.log_sigmoid(), rest, rest.cumsum(-1).pad(-1, 1, 0)]
}

impl<'t, F: Scalar> Bijection<'t, F> for StickBreaking {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let [taken, _, left] = parts(x);
        let y = (taken.pad(-1, 0, 1) + left).exp();
        y.max(y.tape().number(smallest()))
    }

    /// $x_k = \ln y_k - \ln\sum_{j>k} y_j + \ln(n - k)$.
    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        let n = y.shape().last().map_or(0, |parts| parts - 1);
        let after = y.slice(-1, 1..n + 1).flip(-1).cumsum(-1).flip(-1);
        y.slice(-1, 0..n).ln() - after.ln() + shifts(y, n)
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let n = x.shape().last().copied().unwrap_or(0);
        let [taken, rest, left] = parts(x);
        sum_last(taken + rest + left.slice(-1, 0..n), event_dim)
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let not_positive = y.less_equal(y.constant(0.0)).sum_axis(-1);
        sum_last(off_simplex(y) + not_positive, event_dim - 1)
    }

    fn event_dims(&self) -> [usize; 2] {
        [1, 1]
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        let (n, batch) = shape.split_last().expect("StickBreaking: an argument needs an axis");
        batch.iter().copied().chain([n + 1]).collect()
    }

    fn support(&self, _: Support) -> Support {
        Support::Simplex
    }
}

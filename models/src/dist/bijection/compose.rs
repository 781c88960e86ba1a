//! One map after another.

use super::{Bijection, Monotone};
use crate::dist::Support;
use crate::dist::shapes::append_axes;
use pathscore_autodiff::{Scalar, Shape, Var};

/// $y = g(f(x))$ with the maps $f$, which is applied first, and $g$. The logarithms of the determinants add up.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Affine, Bijection, Compose, Elementwise};
/// let tape = Tape::new();
/// let half = Affine::new(tape.leaf(&[0.5_f64], [1]), tape.leaf(&[0.5], [1]))?;
/// // ½ + ½ tanh(x) is the sigmoid of 2x.
/// let f = Compose(Elementwise::Tanh, half);
/// let x = tape.leaf(&[0.8], [1]);
/// assert!((f.forward(x).item() - 1.0 / (1.0 + (-1.6_f64).exp())).abs() < 1e-15);
/// assert!((f.inverse(f.forward(x)).item() - 0.8).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compose<A, B>(
    /// The map that is applied first.
    pub A,
    /// The map that is applied to the result.
    pub B,
);

impl<A, B> Compose<A, B> {
    /// The number of axes of the event between the two maps, if the event of the result has `event_dim`.
    fn between<'t, F: Scalar>(&self, event_dim: usize) -> usize
    where
        B: Bijection<'t, F>,
    {
        let [from, to] = self.1.event_dims();
        event_dim + from - to
    }
}

impl<'t, F: Scalar, A: Bijection<'t, F>, B: Bijection<'t, F>> Bijection<'t, F> for Compose<A, B> {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.1.forward(self.0.forward(x))
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        self.0.inverse(self.1.inverse(y))
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let [from, to] = self.0.event_dims();
        let y = self.0.forward(x);
        self.0.log_det(x, event_dim) + self.1.log_det(y, event_dim + to - from)
    }

    fn forward_and_log_det(&self, x: Var<'t, F>, event_dim: usize) -> [Var<'t, F>; 2] {
        let [from, to] = self.0.event_dims();
        let [y, first] = self.0.forward_and_log_det(x, event_dim);
        let [y, second] = self.1.forward_and_log_det(y, event_dim + to - from);
        [y, first + second]
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let outside = self.1.outside(y, event_dim);
        let between = self.between(event_dim);
        // Where the second inverse has no meaning, the first map is asked about nothing: NaN is not outside.
        let x = self.1.inverse(y);
        let x = append_axes(outside, between).select(x.constant(f64::NAN), x);
        outside + self.0.outside(x, between)
    }

    /// The axes that both maps together turn as a whole.
    fn event_dims(&self) -> [usize; 2] {
        let ([a, b], [c, d]) = (self.0.event_dims(), self.1.event_dims());
        [a + c.saturating_sub(b), d + b.saturating_sub(c)]
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        self.1.forward_shape(&self.0.forward_shape(shape))
    }

    fn support(&self, of: Support) -> Support {
        self.1.support(self.0.support(of))
    }

    fn detach(&self) -> Self {
        Self(self.0.detach(), self.1.detach())
    }

    fn is_tracked(&self) -> bool {
        self.0.is_tracked() || self.1.is_tracked()
    }
}

impl<'t, F: Scalar, A: Monotone<'t, F>, B: Monotone<'t, F>> Monotone<'t, F> for Compose<A, B> {
    fn cdf(&self, y: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        self.1.cdf(y, |x| self.0.cdf(x, base))
    }

    fn quantile(&self, u: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        self.1.quantile(u, |u| self.0.quantile(u, base))
    }
}

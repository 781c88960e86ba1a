//! Maps of the real line that have no parameters.

use super::{Bijection, Monotone, mapped};
use crate::dist::Support;
use crate::dist::edges::{below_one, smallest};
use crate::dist::shapes::sum_last;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::LN_2;

/// An increasing map of each number for itself.
///
/// The image is open. A value that rounds to an end of it is replaced by the nearest number inside, as far as there
/// is one: the smallest normal number instead of zero, and $1 - \epsilon/2$ instead of one.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bijection, Elementwise};
/// let tape = Tape::new();
/// let x = tape.leaf(&[-700.0_f64, 2.0], [2]);
/// let y = Elementwise::Softplus.forward(x);
/// assert_eq!(Elementwise::Softplus.inverse(y).value().values(), [-700.0, 2.0]);
/// // At −700 softplus is the exponential function.
/// assert_eq!(Elementwise::Softplus.log_det(x, 0).value().values()[0], -700.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Elementwise {
    /// $e^x$, of logarithmic slope $x$.
    Exp,
    /// $\sigma(x) = 1/(1 + e^{-x})$, of logarithmic slope $\ln\sigma(x) + \ln\sigma(-x)$.
    Sigmoid,
    /// $\ln(1 + e^x)$, of logarithmic slope $\ln\sigma(x)$.
    Softplus,
    /// $\tanh x$, of logarithmic slope $\ln 4 + \ln\sigma(2x) + \ln\sigma(-2x)$.
    Tanh,
}

impl Elementwise {
    /// The ends of the image, which do not belong to it.
    fn image(self) -> [f64; 2] {
        match self {
            Self::Exp | Self::Softplus => [0.0, f64::INFINITY],
            Self::Sigmoid => [0.0, 1.0],
            Self::Tanh => [-1.0, 1.0],
        }
    }

    /// The formula, whose values may round to an end of the image.
    fn formula<F: Scalar>(self, x: Var<'_, F>) -> Var<'_, F> {
        match self {
            Self::Exp => x.exp(),
            Self::Sigmoid => x.sigmoid(),
            Self::Softplus => x.softplus(),
            Self::Tanh => x.tanh(),
        }
    }

    /// Not zero below and above the image.
    fn sides<F: Scalar>(self, y: Var<'_, F>) -> [Var<'_, F>; 2] {
        let [low, high] = self.image().map(|end| y.constant(end));
        [y.less_equal(low), y.greater_equal(high)]
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for Elementwise {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        let largest = x.tape().number(below_one());
        let smallest = || x.tape().number(smallest());
        let y = self.formula(x);
        // `max` and `min` keep NaN.
        match self {
            Self::Exp | Self::Softplus => y.max(smallest()),
            Self::Sigmoid => y.max(smallest()).min(largest),
            Self::Tanh => y.max(-largest).min(largest),
        }
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        match self {
            Self::Exp => y.ln(),
            Self::Sigmoid => y.logit(),
            // ln(e^y − 1), without overflow for large y and without cancellation for small ones.
            Self::Softplus => y + (-y).log1m_exp(),
            Self::Tanh => y.atanh(),
        }
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let both = |x: Var<'t, F>| x.log_sigmoid() + (-x).log_sigmoid();
        let slope = match self {
            Self::Exp => x,
            Self::Sigmoid => both(x),
            Self::Softplus => x.log_sigmoid(),
            Self::Tanh => both(x + x) + F::from_f64(2.0 * LN_2),
        };
        sum_last(slope, event_dim)
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let [below, above] = self.sides(y);
        sum_last(below + above, event_dim)
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        Shape::from(shape)
    }

    fn support(&self, of: Support) -> Support {
        let image = match self {
            Self::Exp | Self::Softplus => Support::NonNegative,
            Self::Sigmoid => Support::UnitInterval,
            Self::Tanh => Support::Interval,
        };
        mapped(of, image)
    }
}

impl<'t, F: Scalar> Monotone<'t, F> for Elementwise {
    fn cdf(&self, y: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        let [below, above] = self.sides(y);
        // A number inside, in place of those that have no inverse.
        let inside = self.formula(y.constant(0.0));
        let level = base(self.inverse((below + above).select(inside, y)));
        below.select(y.constant(0.0), above.select(y.constant(1.0), level))
    }

    fn quantile(&self, u: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        self.formula(base(u))
    }
}

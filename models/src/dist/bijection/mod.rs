//! Smooth one-to-one maps, with inverses and Jacobian determinants.

pathscore_autodiff::modules! {
    affine: Affine;
    cholesky_factor: CholeskyFactor;
    compose: Compose;
    elementwise: Elementwise;
    flow: Flow, FlowKind, FlowNetwork;
    ordered: Ordered;
    stick_breaking: StickBreaking;
}

use super::Support;
use pathscore_autodiff::{Scalar, Shape, Var};

/// A smooth one-to-one map $y = f(x)$ between events.
///
/// If $x$ has the density $p(x)$, then $y$ has the density $p(f^{-1}(y))/|\det \partial f/\partial x|$;
/// [`Transformed`](super::Transformed) is this distribution.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bijection, Elementwise};
/// let tape = Tape::new();
/// let x = tape.leaf(&[0.3_f64, -2.0], [2]);
/// let y = Elementwise::Sigmoid.forward(x);
/// let back = Elementwise::Sigmoid.inverse(y).value();
/// assert!((back.values()[0] - 0.3).abs() < 1e-15 && (back.values()[1] + 2.0).abs() < 1e-15);
/// // ln σ(x)(1 − σ(x)), summed over one axis.
/// let slopes = y.with(|y| y.iter().map(|y| (y * (1.0 - y)).ln()).sum::<f64>());
/// assert!((Elementwise::Sigmoid.log_det(x, 1).item() - slopes).abs() < 1e-14);
/// ```
pub trait Bijection<'t, F: Scalar>: Copy {
    /// $f(x)$.
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F>;

    /// $f^{-1}(y)$, without meaning where `y` is [outside](Bijection::outside) the image.
    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F>;

    /// $\ln |\det \partial f/\partial x|$ of events that are the last `event_dim` axes of `x`: the sum of those of all
    /// parts, if the map acts on parts of an event.
    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F>;

    /// [`Bijection::forward`] and [`Bijection::log_det`], computed together where they share work.
    fn forward_and_log_det(&self, x: Var<'t, F>, event_dim: usize) -> [Var<'t, F>; 2] {
        let log_det = self.log_det(x, event_dim);
        [self.forward(x), log_det]
    }

    /// Not zero where an event, the last `event_dim` axes of `y`, has a part that is not in the image. Numbers are in the image
    /// if they are finite and not on its boundary. NaN is not outside.
    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F>;

    /// The numbers of last axes that the map turns as a whole, of its argument and of its result: `[0, 0]` for a map of
    /// single numbers.
    fn event_dims(&self) -> [usize; 2] {
        [0, 0]
    }

    /// The shape of `forward(x)` for an `x` of this shape.
    ///
    /// # Panics
    /// If the map has no value for this shape, or if its parameters have further axes.
    fn forward_shape(&self, shape: &[usize]) -> Shape;

    /// The set of the values of $f(x)$ for values $x$ in a set.
    fn support(&self, of: Support) -> Support;

    /// The same map, constant to derivatives.
    fn detach(&self) -> Self {
        *self
    }

    /// True if the map has parameters to which derivatives flow.
    fn is_tracked(&self) -> bool {
        false
    }
}

/// A bijection that maps each number for itself, so that a distribution function goes with it.
pub trait Monotone<'t, F: Scalar>: Bijection<'t, F> {
    /// $P(f(X) \le y)$ from the distribution function of $X$, which has no atoms: that of $f^{-1}(y)$, or one minus
    /// it where $f$ decreases; zero below the image and one above it.
    fn cdf(&self, y: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F>;

    /// The quantile of $f(X)$ at the level `u` from the quantiles of $X$.
    fn quantile(&self, u: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F>;
}

/// The support of a map of single numbers whose image of the real numbers is `image`.
fn mapped(of: Support, image: Support) -> Support {
    use Support::{HalfLine, Interval, NonNegative, Real, UnitInterval, Vectors};
    match (of, image) {
        (Vectors, Real) => Vectors,
        (NonNegative | HalfLine, Real | NonNegative | HalfLine) => HalfLine,
        (NonNegative | HalfLine, _) | (UnitInterval | Interval, _) => Interval,
        (_, image) => image,
    }
}

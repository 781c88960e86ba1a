//! The affine map.

use super::{Bijection, Monotone, mapped};
use crate::dist::parameters::{broadcast, check};
use crate::dist::shapes::sum_last;
use crate::dist::{Constraint, ParameterError, Support};
use pathscore_autodiff::{Scalar, Shape, Var};

/// $y = a + bx$ with `loc` $a$ and `scale` $b$, which may be negative, for each number; $\ln |\det|$ is $\sum \ln |b|$.
///
/// The parameters broadcast to the events, and may have no axes or numbers of their own: a map from one number to three
/// is none.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Affine, Bijection};
/// let tape = Tape::new();
/// let f = Affine::new(tape.leaf(&[1.0_f64], [1]), tape.leaf(&[-2.0], [1]))?;
/// let x = tape.leaf(&[0.5, 3.0], [2]);
/// let y = f.forward(x);
/// assert_eq!(y.value().values(), [0.0, -5.0]);
/// assert_eq!(f.inverse(y).value(), x.value());
/// assert_eq!(f.log_det(x, 1).item(), 2.0 * 2_f64.ln());
/// assert!(Affine::new(tape.leaf(&[1.0], [1]), tape.leaf(&[0.0], [1])).is_err());
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Affine<'t, F> {
    loc: Var<'t, F>,
    scale: Var<'t, F>,
}

impl<'t, F: Scalar> Affine<'t, F> {
    /// The map with these parameters, which broadcast against each other.
    ///
    /// # Errors
    /// If a number of a parameter is not finite, or one of `scale` is zero.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(loc: Var<'t, F>, scale: Var<'t, F>) -> Result<Self, ParameterError> {
        check(
            "Affine",
            &[("loc", loc, Constraint::Finite), ("scale", scale, Constraint::NonZero)],
        )?;
        Ok(Self::new_unchecked(loc, scale))
    }

    /// [`Affine::new`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new_unchecked(loc: Var<'t, F>, scale: Var<'t, F>) -> Self {
        let [loc, scale] = broadcast("Affine", [loc, scale]);
        Self { loc, scale }
    }

    /// The constant part, $a$.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// The factor, $b$.
    pub fn scale(self) -> Var<'t, F> {
        self.scale
    }

    /// Not zero where the map increases.
    fn increases(self) -> Var<'t, F> {
        self.scale.greater(self.scale.constant(0.0))
    }
}

impl<'t, F: Scalar> Bijection<'t, F> for Affine<'t, F> {
    fn forward(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.loc + self.scale * x
    }

    fn inverse(&self, y: Var<'t, F>) -> Var<'t, F> {
        (y - self.loc) / self.scale
    }

    fn log_det(&self, x: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        let whole = Shape::broadcast(&x.shape(), &self.scale.shape());
        let whole = whole.expect("the inverse was computed in this shape");
        sum_last(self.scale.abs().ln().broadcast_to(whole), event_dim)
    }

    fn outside(&self, y: Var<'t, F>, event_dim: usize) -> Var<'t, F> {
        sum_last(y.abs().equal(y.constant(f64::INFINITY)), event_dim)
    }

    fn forward_shape(&self, shape: &[usize]) -> Shape {
        let shape = Shape::from(shape);
        let whole = Shape::broadcast(&shape, &self.scale.shape());
        assert!(
            whole.as_deref() == Some(&shape[..]),
            "Affine: parameters of shape {} do not broadcast to an argument of shape {shape}",
            self.scale.shape()
        );
        shape
    }

    fn support(&self, of: Support) -> Support {
        mapped(of, Support::Real)
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), scale: self.scale.detach() }
    }

    fn is_tracked(&self) -> bool {
        self.loc.is_tracked() || self.scale.is_tracked()
    }
}

impl<'t, F: Scalar> Monotone<'t, F> for Affine<'t, F> {
    fn cdf(&self, y: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        let level = base(self.inverse(y));
        self.increases().select(level, -level + F::ONE)
    }

    fn quantile(&self, u: Var<'t, F>, base: impl FnOnce(Var<'t, F>) -> Var<'t, F>) -> Var<'t, F> {
        self.forward(base(self.increases().select(u, -u + F::ONE)))
    }
}

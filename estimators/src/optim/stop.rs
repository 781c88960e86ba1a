//! The reasons for which a deterministic optimiser stops.

/// The reason for which [`LBfgs`](super::LBfgs) or [`LevenbergMarquardt`](super::LevenbergMarquardt) stopped.
///
/// Only `Converged` says that the point is stationary. Each optimiser documents its measure of the gradient.
///
/// ```
/// use pathscore_estimators::optim::{LBfgs, Stop};
/// let flat = LBfgs { max_iterations: 2, ..LBfgs::default() };
/// let quartic = |x: &[f64], g: &mut [f64]| {
///     g[0] = 4.0 * x[0].powi(3);
///     x[0].powi(4)
/// };
/// assert!(matches!(flat.minimize(&[9.0], quartic).stop, Stop::MaxIterations { .. }));
/// assert!(LBfgs::default().minimize(&[9.0], quartic).stop.converged());
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stop {
    /// The gradient is as small as was asked for.
    Converged {
        /// The measure of the gradient.
        gradient_norm: f64,
    },
    /// The gradient is small, but some parameters, or combinations of them, have no effect on the residuals there: the
    /// point is one of many, or lies at infinity.
    Singular {
        /// The measure of the gradient.
        gradient_norm: f64,
    },
    /// No step improves the value, and the gradient is not small: the value is flat to the last digit, or the gradient
    /// is not its derivative.
    NoProgress {
        /// The measure of the gradient.
        gradient_norm: f64,
    },
    /// All iterations are used up, and the gradient is not small.
    MaxIterations {
        /// The measure of the gradient.
        gradient_norm: f64,
    },
    /// The value or a derivative is infinite or NaN at the point itself, so that there is no direction to go.
    NotFinite,
}

impl Stop {
    /// True if the gradient is small and, for least squares, all parameters are determined.
    pub fn converged(self) -> bool {
        matches!(self, Self::Converged { .. })
    }
}

impl std::fmt::Display for Stop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Converged { gradient_norm } => {
                write!(f, "converged with a gradient of {gradient_norm:.1e}")
            }
            Self::Singular { gradient_norm } => write!(
                f,
                "some parameters have no effect here, with a gradient of {gradient_norm:.1e}"
            ),
            Self::NoProgress { gradient_norm } => {
                write!(f, "no step improves the value, with a gradient of {gradient_norm:.1e}")
            }
            Self::MaxIterations { gradient_norm } => {
                write!(f, "all iterations are used up, with a gradient of {gradient_norm:.1e}")
            }
            Self::NotFinite => write!(f, "the value or a derivative is not finite"),
        }
    }
}

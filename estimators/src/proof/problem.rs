//! Problems whose exact gradient is known.

use super::known_mistakes::{Effect, KnownMistake};
use super::numerics::Numeric;
use crate::enumerator::Enumerator;
use std::cell::OnceCell;
use std::sync::Arc;

/// A function of parameters whose exact gradient is known.
pub trait Problem {
    /// The name of the problem, for messages.
    fn name(&self) -> String;

    /// The names of the gradient's components.
    fn components(&self) -> Vec<String>;

    /// The exact gradient and value, with their errors.
    ///
    /// # Errors
    /// If they cannot be found, or not to the tolerance of [`Truth::TOLERANCE`].
    fn truth(&self) -> Result<Truth, TruthError>;

    /// The effective sample size of one set of draws, if the problem weights its draws:
    /// [`LogWeights::effective_draws`](crate::LogWeights::effective_draws).
    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        let _ = source;
        None
    }

    /// The mistakes that the diagnosis compares a wrong gradient with. `truth` is the problem's own, which takes long to
    /// find.
    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        let _ = truth;
        Vec::new()
    }
}

/// The exact gradient and value of a problem, with the errors of the ways in which they were found.
///
/// ```
/// use pathscore_estimators::proof::{Latent, Problem, TruthMethod};
/// use pathscore_estimators::Target;
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let mut params = Params::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = LinearGaussian::new(&mut params, [0.3, -0.46, 1.5, 0.2], 0.5, rng);
/// let problem = Latent::new("line", model, params, &[1.0]);
/// let truth = Latent { target: Target::LogLikelihood, ..problem }.truth()?;
/// // ∂ ln p(x)/∂w.
/// assert!((truth.gradient[2] + 0.418512396694).abs() < 1e-10);
/// assert!(truth.gradient_errors[2] < 1e-9 && truth.method == TruthMethod::Quadrature);
/// # Ok::<(), pathscore_estimators::proof::TruthError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The gradient.
    pub gradient: Vec<f64>,
    /// The value whose gradient it is and which an estimator should report, if it is known.
    pub value: Option<f64>,
    /// The error of each component of the gradient: the largest difference between the ways in which it was found, or a
    /// standard error ([`TruthMethod::Draws`]).
    pub gradient_errors: Vec<f64>,
    /// The error of the value.
    pub value_error: f64,
    /// The way in which the gradient was found.
    pub method: TruthMethod,
}

/// The way in which an exact gradient was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TruthMethod {
    /// The answer was given, a closed form.
    #[default]
    Given,
    /// A sum over all outcomes.
    Sum,
    /// A sum over finite choices and the nodes of three quadratures, which must agree.
    Quadrature,
    /// The mean of so many draws, with its standard error: there are too many outcomes to list.
    Draws(usize),
}

impl std::fmt::Display for TruthMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Given => f.write_str("closed form"),
            Self::Sum => f.write_str("sum over all outcomes"),
            Self::Quadrature => f.write_str("three quadratures that agree"),
            Self::Draws(draws) => write!(f, "mean of {draws} draws"),
        }
    }
}

/// The reason for which a problem has no exact gradient.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TruthError {
    /// The ways in which the gradient was found differ by more than the tolerance.
    #[error(
        "{problem} is refused: its exact gradient is known only to {error:.1e} at {component}, and {tolerance:.1e} \
         is the tolerance ({method})"
    )]
    Inaccurate {
        /// The name of the problem, with its target and number of samples.
        problem: String,
        /// The component with the largest error.
        component: String,
        /// Its error.
        error: f64,
        /// The largest error that is accepted.
        tolerance: f64,
        /// The way in which the gradient was found.
        method: TruthMethod,
    },
    /// Draws contradict the quadrature: it misses an event between its nodes.
    #[error(
        "{problem} is refused: its mean is {mean:.6} by quadrature, but {drawn:.6} ± {error:.1e} by {draws} draws; draw \
         a rare event as a bit, or split the interval at its threshold"
    )]
    Unconfirmed {
        /// The name of the problem.
        problem: String,
        /// The mean by quadrature.
        mean: f64,
        /// The mean of draws.
        drawn: f64,
        /// The number of draws.
        draws: usize,
        /// The standard error of their mean.
        error: f64,
    },
    /// The random choices of an expectation have too many outcomes, or cannot be listed at all.
    #[error(
        "{problem} is refused: the outcomes of its random choices cannot be listed: there are more than {most}, or a loop that \
         waits for an outcome, or too many continuous numbers"
    )]
    TooMany {
        /// The name of the problem.
        problem: String,
        /// The most outcomes that are listed.
        most: usize,
    },
}

/// The norm below which a gradient is zero for the tolerance.
const SMALLEST_NORM: f64 = 1e-6;

impl Truth {
    /// The largest error of a component that is accepted, relative to the norm of the gradient, and of the value,
    /// relative to its size (at least one). Estimators are tested to a bias of 2 % of the norm, four times as much.
    pub const TOLERANCE: f64 = 5e-3;

    /// A given answer, which has no error.
    pub fn given(gradient: &[f64], value: Option<f64>) -> Self {
        let (gradient, gradient_errors) = (gradient.to_vec(), vec![0.0; gradient.len()]);
        Self { gradient, value, gradient_errors, value_error: 0.0, method: TruthMethod::Given }
    }

    /// An answer that was found with errors.
    pub(super) fn found(gradient: &[Numeric], value: Option<Numeric>, method: TruthMethod) -> Self {
        Self {
            gradient: gradient.iter().map(|slope| slope.value).collect(),
            value: value.map(|value| value.value),
            gradient_errors: gradient.iter().map(|slope| slope.error).collect(),
            value_error: value.map_or(0.0, |value| value.error),
            method,
        }
    }

    /// The truth, if its errors are within the tolerance.
    pub(super) fn within_tolerance(
        self,
        problem: &str,
        components: impl Fn() -> Vec<String>,
    ) -> Result<Self, TruthError> {
        let norm = self.gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let refused = |component: String, error: f64, tolerance: f64| TruthError::Inaccurate {
            problem: problem.into(),
            component,
            error,
            tolerance,
            method: self.method,
        };
        // An error that is not a number is the largest.
        let size = |error: f64| if error.is_nan() { f64::INFINITY } else { error };
        let errors = self.gradient_errors.iter().map(|&error| size(error)).enumerate();
        let worst = errors.max_by(|a, b| a.1.total_cmp(&b.1));
        let tolerance = Self::TOLERANCE * norm.max(SMALLEST_NORM);
        if let Some((i, error)) = worst
            && (error > tolerance || !norm.is_finite())
        {
            return Err(refused(components().swap_remove(i), error, tolerance));
        }
        let tolerance = Self::TOLERANCE * self.value.map_or(1.0, |value| value.abs().max(1.0));
        if size(self.value_error) > tolerance || self.value.is_some_and(f64::is_nan) {
            return Err(refused("the value".into(), self.value_error, tolerance));
        }
        Ok(self)
    }
}

/// A problem whose answer is given: a closed form, or the answer of another problem.
///
/// ```
/// use pathscore_estimators::proof::{Effect, Problem, Solved};
/// // d/dμ E z² = 2μ at μ = 0.5, for z ~ N(μ, 1).
/// let problem = Solved::new("E z²", &[1.0], Some(1.25))
///     .with_mistake("the factor 2 is missing", Effect::Factor(0.5));
/// assert_eq!(problem.truth()?.gradient, [1.0]);
/// # Ok::<(), pathscore_estimators::proof::TruthError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solved {
    /// The name of the problem.
    pub name: String,
    /// The names of the components.
    pub components: Vec<String>,
    /// The exact gradient and value.
    pub truth: Truth,
    /// The mistakes that a wrong gradient is compared with.
    pub known_mistakes: Vec<KnownMistake>,
}

impl Solved {
    /// A problem with a gradient, and the value whose gradient it is if estimators report one.
    pub fn new(name: impl Into<String>, gradient: &[f64], value: Option<f64>) -> Self {
        let components = (0..gradient.len()).map(|i| format!("[{i}]")).collect();
        let truth = Truth::given(gradient, value);
        Self { name: name.into(), components, truth, known_mistakes: Vec::new() }
    }

    /// Solves another problem and keeps the answer.
    ///
    /// # Errors
    /// If the problem has none.
    pub fn of(problem: &dyn Problem) -> Result<Self, TruthError> {
        let (name, components, truth) = (problem.name(), problem.components(), problem.truth()?);
        let known_mistakes = problem.known_mistakes(&truth);
        Ok(Self { name, components, truth, known_mistakes })
    }

    /// Adds a known mistake: its description and its effect on the gradient.
    #[must_use]
    pub fn with_mistake(mut self, what: impl Into<String>, effect: Effect) -> Self {
        self.known_mistakes.push(KnownMistake::new(what, effect));
        self
    }
}

impl Problem for Solved {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        self.components.clone()
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        Ok(self.truth.clone())
    }

    fn known_mistakes(&self, _: &Truth) -> Vec<KnownMistake> {
        self.known_mistakes.clone()
    }
}

/// A problem that computes its truth and its known mistakes when they are first needed, and keeps them.
#[derive(Debug)]
pub struct Cached<P> {
    problem: P,
    truth: OnceCell<Result<Truth, TruthError>>,
    known_mistakes: OnceCell<Vec<KnownMistake>>,
}

impl<P> Cached<P> {
    /// Wraps `problem`, of which nothing is computed yet.
    pub fn new(problem: P) -> Self {
        Self { problem, truth: OnceCell::new(), known_mistakes: OnceCell::new() }
    }
}

impl<P: Problem> Problem for Cached<P> {
    fn name(&self) -> String {
        self.problem.name()
    }

    fn components(&self) -> Vec<String> {
        self.problem.components()
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        self.truth.get_or_init(|| self.problem.truth()).clone()
    }

    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        self.problem.effective_draws(source)
    }

    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        self.known_mistakes.get_or_init(|| self.problem.known_mistakes(truth)).clone()
    }
}

impl<P: Problem + ?Sized> Problem for Arc<P> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn components(&self) -> Vec<String> {
        (**self).components()
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        (**self).truth()
    }

    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        (**self).effective_draws(source)
    }

    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        (**self).known_mistakes(truth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The component that is refused with its error and its tolerance, or nothing.
    fn refused(truth: Truth) -> Option<(String, f64, f64)> {
        let names = || vec!["a".to_string(), "b".to_string()];
        match truth.within_tolerance("problem", names) {
            Ok(_) => None,
            Err(TruthError::Inaccurate { component, error, tolerance, .. }) => {
                Some((component, error, tolerance))
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn errors_are_refused_beyond_the_tolerance_of_the_norm_and_of_the_value() {
        let truth = |gradient: [f64; 2], gradient_errors: [f64; 2], value, value_error| {
            let gradient_errors = gradient_errors.to_vec();
            Truth { gradient_errors, value_error, ..Truth::given(&gradient, value) }
        };
        let none = [0.0; 2];
        let gradient = |gradient, errors| refused(truth(gradient, errors, None, 0.0));
        // The norm is five, and the tolerance 0.005 of it.
        assert_eq!(gradient([3.0, -4.0], [0.0, 0.0249]), None);
        assert_eq!(gradient([3.0, -4.0], [0.0, 0.025]), None);
        assert_eq!(gradient([3.0, -4.0], [0.01, 0.0251]), Some(("b".into(), 0.0251, 0.025)));
        assert_eq!(gradient([3.0, -4.0], [0.03, 0.0251]), Some(("a".into(), 0.03, 0.025)));
        assert_eq!(gradient([0.003, 0.004], [0.0, 2.4e-5]), None);
        assert!(gradient([0.003, 0.004], [0.0, 2.6e-5]).is_some());
        // Below a norm of 10⁻⁶ the tolerance falls no further.
        assert_eq!(gradient([0.0; 2], [4.9e-9, 0.0]), None);
        assert!(gradient([0.0; 2], [5.1e-9, 0.0]).is_some());
        assert_eq!(gradient([3.0, 4.0], [0.02, f64::NAN]).unwrap().0, "b");
        assert!(gradient([3.0, f64::NAN], none).is_some());
        assert!(gradient([f64::INFINITY, 0.0], none).is_some());
        // Of the value, 0.005 of its size or of one.
        let value = |value, error| refused(truth([3.0, 4.0], none, value, error));
        assert_eq!(value(Some(-20.0), 0.099), None);
        assert_eq!(value(Some(-20.0), 0.101), Some(("the value".into(), 0.101, 0.1)));
        assert_eq!(value(Some(0.1), 0.0049), None);
        assert!(value(Some(0.1), 0.0051).is_some() && value(None, 0.0051).is_some());
        assert!(value(Some(1.0), f64::NAN).is_some() && value(Some(f64::NAN), 0.0).is_some());
        assert_eq!(value(Some(f64::NEG_INFINITY), 0.0), None);
    }
}

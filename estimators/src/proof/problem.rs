//! Problems whose exact gradient is known.

use super::known_mistakes::{Effect, KnownMistake};
use crate::enumerator::Enumerator;
use std::cell::OnceCell;

/// A function of parameters whose exact gradient is known.
pub trait Problem {
    /// The name of the problem, for messages.
    fn name(&self) -> String;

    /// The names of the gradient's components.
    fn components(&self) -> Vec<String>;

    /// The exact gradient and value.
    fn truth(&self) -> Truth;

    /// The effective sample size of one set of draws, if the problem weights its draws:
    /// [`LogWeights::effective_draws`](crate::LogWeights::effective_draws).
    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        let _ = source;
        None
    }

    /// The mistakes that the diagnosis compares a wrong gradient with.
    fn known_mistakes(&self) -> Vec<KnownMistake> {
        Vec::new()
    }
}

/// The exact gradient and value of a problem.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The gradient.
    pub gradient: Vec<f64>,
    /// The value whose gradient it is and which an estimator should report, if it is known.
    pub value: Option<f64>,
}

/// A problem whose answer is given: a closed form, or the answer of another problem.
///
/// ```
/// use pathscore_estimators::proof::{Effect, Problem, Solved};
/// // d/dμ E z² = 2μ at μ = 0.5, for z ~ N(μ, 1).
/// let problem = Solved::new("E z²", &[1.0], Some(1.25))
///     .with_mistake("the factor 2 is missing", Effect::Factor(0.5));
/// assert_eq!(problem.truth().gradient, [1.0]);
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
        let truth = Truth { gradient: gradient.to_vec(), value };
        Self { name: name.into(), components, truth, known_mistakes: Vec::new() }
    }

    /// Solves another problem and keeps the answer.
    pub fn of(problem: &dyn Problem) -> Self {
        let (name, components) = (problem.name(), problem.components());
        Self { name, components, truth: problem.truth(), known_mistakes: problem.known_mistakes() }
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

    fn truth(&self) -> Truth {
        self.truth.clone()
    }

    fn known_mistakes(&self) -> Vec<KnownMistake> {
        self.known_mistakes.clone()
    }
}

/// A problem that computes its truth and its known mistakes when they are first needed, and keeps them.
#[derive(Debug)]
pub struct Cached<P> {
    problem: P,
    truth: OnceCell<Truth>,
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

    fn truth(&self) -> Truth {
        self.truth.get_or_init(|| self.problem.truth()).clone()
    }

    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        self.problem.effective_draws(source)
    }

    fn known_mistakes(&self) -> Vec<KnownMistake> {
        self.known_mistakes.get_or_init(|| self.problem.known_mistakes()).clone()
    }
}

//! Gradients that are known.

use super::known_mistakes::units;
use crate::enumerator::{Coverage, Enumerator};
use std::cell::OnceCell;

/// Where the exact gradient is known.
pub trait Problem {
    /// What it is called.
    fn name(&self) -> String;

    /// What the components of the gradient are called.
    fn components(&self) -> Vec<String>;

    /// The exact gradient.
    fn truth(&self) -> Truth;

    /// How many of the draws count in one throw of the dice, if they are weighted:
    /// [`LogWeights::effective_draws`](crate::LogWeights::effective_draws).
    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        let _ = source;
        None
    }

    /// What a wrong gradient might be, so that it can be named.
    fn known_mistakes(&self) -> Vec<KnownMistake> {
        Vec::new()
    }
}

/// A mistake that can be told by its gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownMistake {
    /// What the mistake is.
    pub what: String,
    /// What it makes of the gradient.
    pub effect: Effect,
}

/// What a mistake makes of a gradient.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The gradient times a factor.
    Factor(f64),
    /// Another gradient in its place.
    Instead(Vec<f64>),
    /// A multiple of this beside it.
    Beside(Vec<f64>),
    /// This, which is a part of it, more or less often than once.
    Term(Vec<f64>),
}

impl KnownMistake {
    /// One that makes this of the gradient.
    pub fn new(what: impl Into<String>, effect: Effect) -> Self {
        Self { what: what.into(), effect }
    }
}

/// A problem whose answer is written down: a closed form, or what another problem came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solved {
    /// What it is called.
    pub name: String,
    /// What the components are called.
    pub components: Vec<String>,
    /// The answer.
    pub truth: Truth,
    /// What a wrong gradient might be.
    pub known_mistakes: Vec<KnownMistake>,
}

impl Solved {
    /// A gradient, and the value whose gradient it is.
    pub fn new(name: impl Into<String>, gradient: &[f64], value: Option<f64>) -> Self {
        let components = (0..gradient.len()).map(|i| format!("[{i}]")).collect();
        let truth = Truth { gradient: gradient.to_vec(), value };
        Self { name: name.into(), components, truth, known_mistakes: Vec::new() }
    }

    /// The answer to a problem, found once.
    pub fn of(problem: &dyn Problem) -> Self {
        let (name, components) = (problem.name(), problem.components());
        Self { name, components, truth: problem.truth(), known_mistakes: problem.known_mistakes() }
    }

    /// With one more suspect.
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

/// A problem whose answers are found when they are first asked for, and kept.
#[derive(Debug)]
pub struct Cached<P> {
    problem: P,
    truth: OnceCell<Truth>,
    known_mistakes: OnceCell<Vec<KnownMistake>>,
}

impl<P> Cached<P> {
    /// Nothing is found yet.
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

/// The exact answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// The gradient.
    pub gradient: Vec<f64>,
    /// The value whose gradient it is, as an estimator reports it.
    pub value: Option<f64>,
}

/// $\nabla_\theta E[f(\theta, \xi)]$ by listing $\xi$ and differences in $\theta$: no estimator, and no rule of
/// differentiation, takes part.
///
/// ```
/// use pathscore_estimators::proof::{Expectation, Problem};
/// use pathscore_models::RandomSource;
/// // E (b − t)² for a bit b of logit θ: the derivative is p(1 − p)(1 − 2t).
/// let toy = Expectation::new("bernoulli-toy", &[1.0], |at, dice| {
///     let b = f64::from(dice.bernoulli(1.0 / (1.0 + (-at[0]).exp())));
///     (b - 0.45).powi(2)
/// });
/// assert!((toy.truth().gradient[0] - 0.019661193324148185).abs() < 1e-12);
/// ```
#[derive(Clone, Debug)]
pub struct Expectation<V> {
    name: String,
    at: Vec<f64>,
    value: V,
}

/// Outcomes of the most choices that are listed.
const MOST: usize = 2_000_000;

impl<V: Fn(&[f64], &mut Enumerator) -> f64> Expectation<V> {
    /// The gradient at `at` of the mean of `value`.
    pub fn new(name: impl Into<String>, at: &[f64], value: V) -> Self {
        Self { name: name.into(), at: at.to_vec(), value }
    }

    /// $E[f(\theta, \xi)]$.
    fn mean(&self, at: &[f64]) -> [f64; 1] {
        listed_means(|source| [(self.value)(at, source)])
    }

    /// $E[\partial_\theta f(\theta, \xi)]$: the probabilities of $\xi$ are those of where the problem is posed, and stay.
    pub(crate) fn inside_slopes(&self) -> Vec<f64> {
        let [slopes] = differences(&self.at, |at| self.inside(at));
        slopes
    }

    fn inside(&self, at: &[f64]) -> [f64; 1] {
        listed_means(|source| {
            let value = (self.value)(at, source);
            source.rewind();
            (self.value)(&self.at, source);
            [value]
        })
    }
}

impl<V: Fn(&[f64], &mut Enumerator) -> f64> Problem for Expectation<V> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        (0..self.at.len()).map(|i| format!("[{i}]")).collect()
    }

    fn truth(&self) -> Truth {
        let [gradient] = differences(&self.at, |at| self.mean(at));
        let [value] = self.mean(&self.at);
        Truth { gradient, value: Some(value) }
    }

    fn known_mistakes(&self) -> Vec<KnownMistake> {
        let [whole] = differences(&self.at, |at| self.mean(at));
        let inside = self.inside_slopes();
        let score = whole.iter().zip(&inside).map(|(whole, inside)| whole - inside).collect();
        let mut known_mistakes = units(&self.at, &whole);
        for (what, gradient) in [
            ("the derivative of f at draws held still: the score term is missing", inside),
            ("the score term alone: the derivative of f itself is missing", score),
        ] {
            known_mistakes.push(KnownMistake::new(what, Effect::Instead(gradient)));
        }
        known_mistakes
    }
}

/// The means of a program's values over all that its dice can show.
///
/// Normal and uniform numbers are nodes of quadratures, as many as thirty thousand runs allow.
///
/// # Panics
/// If there are more outcomes than two million.
pub(crate) fn listed_means<const N: usize>(
    mut values: impl FnMut(&mut Enumerator) -> [f64; N],
) -> [f64; N] {
    let mut means_with = |nodes: usize| {
        let mut means = [0.0; N];
        let listing = Enumerator::for_each(nodes, MOST, |source| {
            let values = values(source);
            let p = source.probability();
            means.iter_mut().zip(values).for_each(|(mean, value)| *mean += p * value);
        });
        (means, listing)
    };
    let (means, listing) = means_with(0);
    if listing != Coverage::Continuous {
        assert!(listing != Coverage::TooMany, "more than {MOST} outcomes cannot be listed");
        return means;
    }
    // With one node for each number there are as many runs as finite outcomes.
    let (_, listing) = means_with(1);
    let Coverage::Complete { quadratures, .. } = listing else {
        panic!("too many outcomes to list")
    };
    let (means, listing) = means_with(nodes_for(quadratures, 30_000));
    assert!(listing != Coverage::TooMany, "more than {MOST} outcomes cannot be listed");
    means
}

/// How many nodes each of `numbers` continuous numbers may have for so many runs.
pub(crate) fn nodes_for(numbers: usize, runs: usize) -> usize {
    ((runs as f64).powf(1.0 / numbers.max(1) as f64) as usize).clamp(1, 60)
}

/// The gradients of smooth functions by central differences extrapolated to $h \to 0$ (Richardson).
///
/// With $D(h) = f' + c_2h^2 + c_4h^4 + \dots$, $[64 D(h/4) - 20 D(h/2) + D(h)]/45$ is free of $h^2$ and
/// $h^4$: with $h = 0.04$ what is left is of the order of $10^{-11}$, and rounding of $10^{-13}$.
pub(crate) fn differences<const N: usize>(
    at: &[f64],
    f: impl Fn(&[f64]) -> [f64; N],
) -> [Vec<f64>; N] {
    let mut gradients = std::array::from_fn(|_| Vec::with_capacity(at.len()));
    for i in 0..at.len() {
        let h = 0.04 * at[i].abs().max(1.0);
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[i] += by;
            f(&at)
        };
        let slopes = [h, h / 2.0, h / 4.0].map(|h| {
            let (up, down) = (moved(h), moved(-h));
            std::array::from_fn::<f64, N, _>(|n| (up[n] - down[n]) / (2.0 * h))
        });
        for (n, gradient) in gradients.iter_mut().enumerate() {
            let [one, half, quarter] = slopes.map(|slope| slope[n]);
            gradient.push((64.0 * quarter - 20.0 * half + one) / 45.0);
        }
    }
    gradients
}

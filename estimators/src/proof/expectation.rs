//! Expectations whose outcomes can be enumerated.

use super::known_mistakes::{Effect, KnownMistake, other_parameterisations};
use super::numerics::{enumerated_means, extrapolated_gradients};
use super::problem::{Problem, Truth};
use crate::enumerator::Enumerator;

/// $\nabla_\theta E[f(\theta, \xi)]$ by enumerating $\xi$ and differences in $\theta$; neither an estimator nor
/// automatic differentiation takes part.
///
/// ```
/// use pathscore_estimators::proof::{Expectation, Problem};
/// use pathscore_models::RandomSource;
/// // E (b − t)² for a bit b of logit θ: the derivative is p(1 − p)(1 − 2t).
/// let toy = Expectation::new("bernoulli-toy", &[1.0], |at, source| {
///     let b = f64::from(source.bernoulli(1.0 / (1.0 + (-at[0]).exp())));
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

impl<V: Fn(&[f64], &mut Enumerator) -> f64> Expectation<V> {
    /// The gradient, at the parameters `at`, of the mean of `value(parameters, source)`.
    pub fn new(name: impl Into<String>, at: &[f64], value: V) -> Self {
        Self { name: name.into(), at: at.to_vec(), value }
    }

    /// $E[f(\theta, \xi)]$.
    fn mean(&self, at: &[f64]) -> Vec<f64> {
        enumerated_means(1, |source, mean| mean[0] = (self.value)(at, source))
    }

    /// The gradient of the mean.
    fn gradient(&self) -> Vec<f64> {
        extrapolated_gradients(&self.at, 1, |at| self.mean(at)).remove(0)
    }

    /// $E[\partial_\theta f(\theta, \xi)]$, where the probabilities of $\xi$ stay those at the parameters of the
    /// problem.
    pub(crate) fn gradient_at_fixed_probabilities(&self) -> Vec<f64> {
        extrapolated_gradients(&self.at, 1, |at| self.mean_at_fixed_probabilities(at)).remove(0)
    }

    fn mean_at_fixed_probabilities(&self, at: &[f64]) -> Vec<f64> {
        enumerated_means(1, |source, mean| {
            mean[0] = (self.value)(at, source);
            // The second run makes the same choices, and sets the probability to that at the problem's parameters.
            source.rewind();
            (self.value)(&self.at, source);
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
        Truth { gradient: self.gradient(), value: Some(self.mean(&self.at)[0]) }
    }

    fn known_mistakes(&self) -> Vec<KnownMistake> {
        let total = self.gradient();
        let inside = self.gradient_at_fixed_probabilities();
        let score = total.iter().zip(&inside).map(|(total, inside)| total - inside).collect();
        let mut all = other_parameterisations(&self.at, &total);
        for (what, gradient) in [
            ("the derivative of f at draws held still: the score term is missing", inside),
            ("the score term alone: the derivative of f itself is missing", score),
        ] {
            all.push(KnownMistake::new(what, Effect::Instead(gradient)));
        }
        all
    }
}

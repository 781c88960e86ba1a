//! Expectations whose outcomes can be enumerated.

use super::known_mistakes::{Effect, KnownMistake, other_parameterisations};
use super::numerics::{Numeric, SURE_Z, Spread, extrapolated_gradients, in_all_ways};
use super::problem::{Problem, Truth, TruthError, TruthMethod};
use super::rules::{Agreement, Point, Rules, TooMany};
use crate::deadline;
use crate::enumerator::Enumerator;

/// The largest number of outcomes of finite choices that are listed.
const MOST_OUTCOMES: usize = 2_000_000;

/// The outcomes that continuous numbers are cut into, about so many at most.
const BUDGET: usize = 30_000;

/// The draws that confirm a quadrature: enough for events with a probability above $10^{-4}$.
const CONFIRMING_DRAWS: usize = 100_000;

/// The seed of those draws.
const CONFIRMING_SEED: u64 = 0x636f_6e66;

/// $\nabla_\theta E[f(\theta, \xi)]$ by enumerating $\xi$ and differences in $\theta$; neither an estimator nor
/// automatic differentiation takes part.
///
/// Continuous numbers become the nodes of three rules, and the difference of their means is the error of the truth: it
/// is small where $f$ is smooth in $\xi$, and tells of a kink or a step. A uniform number that is compared with a
/// threshold is better drawn as a bit, or by [`RandomSource::uniform_split`](pathscore_models::RandomSource).
///
/// ```
/// use pathscore_estimators::proof::{Expectation, Problem};
/// use pathscore_models::RandomSource;
/// // E (b − t)² for a bit b of logit θ: the derivative is p(1 − p)(1 − 2t).
/// let toy = Expectation::new("bernoulli-toy", &[1.0], |at, source| {
///     let b = f64::from(source.bernoulli(1.0 / (1.0 + (-at[0]).exp())));
///     (b - 0.45).powi(2)
/// });
/// assert!((toy.truth()?.gradient[0] - 0.019661193324148185).abs() < 1e-12);
/// # Ok::<(), pathscore_estimators::proof::TruthError>(())
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

    /// The rules for the random choices, made at the parameters of the problem.
    fn rules(&self) -> Result<Rules, TooMany> {
        Rules::choose(MOST_OUTCOMES, BUDGET, Agreement::Mean, &mut |rules, most| {
            let (mut points, mut numbers) = (Vec::new(), [0, 0]);
            let coverage = rules.for_each(most, |source, round| {
                let value = (self.value)(&self.at, source);
                let (rule, log_p) = rules.place(source, round);
                let (extent, log_size) = (source.extent(), value.abs().ln());
                numbers = source.continuous_numbers();
                if !rules.is_sum() {
                    points.push(Point { log_p, rule, extent, value, log_size });
                }
            });
            (points, coverage, numbers)
        })
    }

    /// The mean of `value(source)` by each of the rules.
    fn means(&self, rules: &Rules, value: impl Fn(&mut Enumerator) -> f64) -> Vec<f64> {
        let mut means = in_all_ways(0.0);
        rules.for_each(usize::MAX, |source, round| {
            let value = value(source);
            let (rule, log_p) = rules.place(source, round);
            // A probability of zero wins over a value that is not finite.
            if log_p.exp() > 0.0 {
                means[rule] += log_p.exp() * value;
            }
        });
        if rules.is_sum() { in_all_ways(means[0]) } else { means }
    }

    /// Compares the mean by the rules with the mean of draws: no rule sees an event that lies between its nodes, such as
    /// a uniform number below $10^{-4}$.
    ///
    /// The standard error of the mean of draws follows from the variance by the rules. A rare outcome that the rules see
    /// makes that variance large, and is no contradiction if draws miss it.
    fn confirm(&self, rules: &Rules, mean: f64) -> Result<(), TruthError> {
        let square = |source: &mut Enumerator| (self.value)(&self.at, source).powi(2);
        let variance =
            (Spread::Rules.combine(&self.means(rules, square)).value - mean * mean).max(0.0);
        let (mut sum, mut source) = (0.0, Enumerator::seeded(CONFIRMING_SEED, 0));
        for _ in 0..CONFIRMING_DRAWS {
            deadline::check();
            sum += (self.value)(&self.at, &mut source) - mean;
        }
        let away = sum / CONFIRMING_DRAWS as f64;
        let error = (variance / CONFIRMING_DRAWS as f64).sqrt();
        let rounding = 1e-9 * mean.abs().max(1.0);
        if away.abs() <= SURE_Z * error + rounding {
            return Ok(());
        }
        Err(TruthError::Unconfirmed {
            problem: self.name.clone(),
            mean,
            drawn: mean + away,
            draws: CONFIRMING_DRAWS,
            error,
        })
    }

    /// The gradient of the mean.
    fn gradient(&self, rules: &Rules) -> Vec<Numeric> {
        let mean = |at: &[f64]| vec![self.means(rules, |source| (self.value)(at, source))];
        extrapolated_gradients(&self.at, 1, Spread::Rules, 0.0, mean).remove(0)
    }

    /// $E[\partial_\theta f(\theta, \xi)]$, where the probabilities of $\xi$ stay those at the parameters of the
    /// problem.
    pub(crate) fn gradient_at_fixed_probabilities(&self) -> Vec<f64> {
        let Ok(rules) = self.rules() else { return vec![f64::NAN; self.at.len()] };
        let mean = |at: &[f64]| {
            vec![self.means(&rules, |source| {
                let value = (self.value)(at, source);
                // The second run makes the same choices, and sets the probability to that at the problem's parameters.
                source.rewind();
                (self.value)(&self.at, source);
                value
            })]
        };
        let gradient = extrapolated_gradients(&self.at, 1, Spread::Rules, 0.0, mean).remove(0);
        gradient.iter().map(|slope| slope.value).collect()
    }
}

impl<V: Fn(&[f64], &mut Enumerator) -> f64> Problem for Expectation<V> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        (0..self.at.len()).map(|i| format!("[{i}]")).collect()
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        let too_many =
            |TooMany| TruthError::TooMany { problem: self.name.clone(), most: MOST_OUTCOMES };
        let rules = self.rules().map_err(too_many)?;
        let value = self.means(&rules, |source| (self.value)(&self.at, source));
        let value = Spread::Rules.combine(&value);
        if !rules.is_sum() {
            self.confirm(&rules, value.value)?;
        }
        let method = if rules.is_sum() { TruthMethod::Sum } else { TruthMethod::Quadrature };
        let truth = Truth::found(&self.gradient(&rules), Some(value), method);
        truth.within_tolerance(&self.name, || self.components())
    }

    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        let (total, inside) = (&truth.gradient, self.gradient_at_fixed_probabilities());
        let score = total.iter().zip(&inside).map(|(total, inside)| total - inside).collect();
        let mut all = other_parameterisations(&self.at, total);
        for (what, gradient) in [
            ("the derivative of f at draws held still: the score term is missing", inside),
            ("the score term alone: the derivative of f itself is missing", score),
        ] {
            all.push(KnownMistake::new(what, Effect::Instead(gradient)));
        }
        all
    }
}

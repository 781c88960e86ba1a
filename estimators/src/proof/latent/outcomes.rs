//! Means over all outcomes of a latent-variable model's draws, and their gradients.

use super::super::numerics::{enumerated_means, extrapolated_gradients};
use crate::enumerator::{Coverage, Enumerator};
use crate::estimator::{LogWeights, copy_values, rows};
use crate::target::Target;
use pathscore_autodiff::{Tape, Tensor};
use pathscore_models::Params;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

/// The gradient of a bound of a latent-variable model, summed over a batch and multiplied by a scale.
///
/// The exact gradient comes from enumerating the draws of $z$ (normal ones are nodes of a quadrature) and from
/// differences in the parameters: neither an estimator nor automatic differentiation takes part.
///
/// ```
/// use pathscore_estimators::Target;
/// use pathscore_estimators::proof::{Latent, Problem};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let mut params = Params::new();
/// let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
/// let elbo = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
/// let bound = Latent { samples: 2, target: Target::Bound, ..elbo.clone() };
/// assert!(bound.truth().value > elbo.truth().value);
/// ```
#[derive(Clone, Debug)]
pub struct Latent<M> {
    /// The name of the problem.
    pub name: String,
    /// The model.
    pub model: M,
    /// The parameters at which the gradient is taken.
    pub params: Params<f64>,
    /// The batch, row by row.
    pub x: Vec<f64>,
    /// The number of rows.
    pub batch: usize,
    /// $K$, the number of draws for each row.
    pub samples: usize,
    /// The factor on the gradient summed over the batch.
    pub scale: f64,
    /// The quantity that is differentiated.
    pub target: Target,
}

impl<M> Latent<M> {
    /// The gradient of the ELBO of one row, for estimators that use one draw.
    pub fn new(name: impl Into<String>, model: M, params: Params<f64>, x: &[f64]) -> Self {
        let (batch, samples, scale, target) = (1, 1, 1.0, Target::Elbo);
        Self { name: name.into(), model, params, x: x.to_vec(), batch, samples, scale, target }
    }
}

/// The way in which the draws depend on parameters that are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrawDependence {
    /// The draws are drawn from the distribution at the moved parameters.
    Total,
    /// The draws keep their values and their probabilities.
    Fixed,
    /// The draws move along their paths and keep their probabilities.
    Path,
}

/// The draws that an outcome consists of: so many for each of so many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) draws: usize,
    pub(super) rows: usize,
}

/// One outcome of the draws.
pub(super) struct Outcome<'a> {
    /// The log-probabilities of the draws at the moved parameters.
    pub(super) w: LogWeights<'a, f64>,
    /// $\ln p(z)$ at the moved parameters, if there is a single draw.
    pub(super) log_prior: &'a [f64],
    /// The log-probabilities of the draws at the parameters of the problem; with [`DrawDependence::Total`] those at the
    /// moved parameters.
    pub(super) unmoved: LogWeights<'a, f64>,
}

/// The model at some parameters: it draws $z$ there and computes the log-probabilities of any draws.
struct ModelAtParams<'a, M> {
    model: &'a M,
    params: Params<f64>,
    tape: Tape<f64>,
    log_joint: Vec<f64>,
    log_q: Vec<f64>,
    log_prior: Vec<f64>,
}

impl<'a, M: LatentModel<f64>> ModelAtParams<'a, M> {
    fn new(problem: &'a Latent<M>, at: &[f64]) -> Self {
        let mut params = problem.params.clone();
        params.values_mut().copy_from_slice(at);
        let (log_joint, log_q, log_prior) = Default::default();
        Self { model: &problem.model, params, tape: Tape::new(), log_joint, log_q, log_prior }
    }

    fn sample(&mut self, x: &[f64], size: Size, source: &mut Enumerator) -> Tensor<f64> {
        self.tape.clear();
        let x = rows(&self.tape, x, size.rows);
        self.model.posterior(self.params.on(&self.tape), x).sample(size.draws, source).value()
    }

    /// Computes the log-probabilities of the draws `z`.
    fn log_probs(&mut self, x: &[f64], size: Size, z: &Tensor<f64>) {
        self.tape.clear();
        let params = self.params.on(&self.tape);
        let x = rows(&self.tape, x, size.rows);
        let z = self.tape.constant(z.values(), z.shape().clone());
        let log_joint = self.model.log_joint(params, x, z);
        let log_q = self.model.posterior(params, x).log_prob(z);
        copy_values(log_joint, &mut self.log_joint);
        copy_values(log_q, &mut self.log_q);
        // Only the ELBO, of a single draw, is taken apart into its terms.
        if self.log_joint.len() == 1 {
            copy_values(self.model.prior(params).log_prob(z), &mut self.log_prior);
        }
    }

    fn weights(&self, rows: usize) -> LogWeights<'_, f64> {
        LogWeights::new(self.log_joint.len() / rows, rows, &self.log_joint, &self.log_q)
    }
}

/// A function of an outcome whose mean is taken, and a function of that mean.
pub(super) trait Functional {
    /// The function whose mean over all outcomes is taken.
    fn inside(&self, outcome: &Outcome) -> f64;

    /// The function of the mean.
    fn outside(&self, mean: f64) -> f64 {
        mean
    }
}

impl Functional for Target {
    fn inside(&self, outcome: &Outcome) -> f64 {
        Self::inside(*self, &outcome.w)
    }

    fn outside(&self, mean: f64) -> f64 {
        Self::outside(*self, mean)
    }
}

/// A function of the log-weight of a single draw.
struct OfLogWeight<G>(G);

impl<G: Fn(f64) -> f64> Functional for OfLogWeight<G> {
    fn inside(&self, outcome: &Outcome) -> f64 {
        (self.0)(outcome.w.log_weight(0, 0))
    }
}

impl<M: LatentModel<f64>> Latent<M> {
    /// The draws of one outcome of the target.
    pub(super) fn target_size(&self) -> Size {
        Size { draws: self.target.draws().unwrap_or(self.samples), rows: 1 }
    }

    /// The value of each functional at the parameters `at`, summed over the batch, of which `size.rows` rows at a time
    /// make an outcome.
    pub(super) fn values(
        &self,
        at: &[f64],
        dependence: DrawDependence,
        size: Size,
        functionals: &[&dyn Functional],
    ) -> Vec<f64> {
        let [mut moved, mut unmoved] =
            [at, self.params.values()].map(|at| ModelAtParams::new(self, at));
        let (mut sums, rows) = (vec![0.0; functionals.len()], size.rows);
        for x in self.x.chunks(rows * self.x.len() / self.batch.max(1)) {
            let means = enumerated_means(functionals.len(), |source, values| {
                // The probability of an outcome is that of the last program that drew it.
                let (z, at_both) = match dependence {
                    DrawDependence::Total => (moved.sample(x, size, source), None),
                    DrawDependence::Fixed => {
                        let z = unmoved.sample(x, size, source);
                        (z.clone(), Some(z))
                    }
                    DrawDependence::Path => {
                        let z = moved.sample(x, size, source);
                        source.rewind();
                        (z, Some(unmoved.sample(x, size, source)))
                    }
                };
                moved.log_probs(x, size, &z);
                let unmoved = match at_both {
                    Some(z) => {
                        unmoved.log_probs(x, size, &z);
                        &unmoved
                    }
                    None => &moved,
                };
                let outcome = Outcome {
                    w: moved.weights(rows),
                    log_prior: &moved.log_prior,
                    unmoved: unmoved.weights(rows),
                };
                for (value, functional) in values.iter_mut().zip(functionals) {
                    *value = functional.inside(&outcome);
                }
            });
            for ((sum, functional), mean) in sums.iter_mut().zip(functionals).zip(means) {
                *sum += functional.outside(mean);
            }
        }
        sums
    }

    /// The gradient of each of the [values](Latent::values), multiplied by the scale.
    pub(super) fn gradients(
        &self,
        dependence: DrawDependence,
        size: Size,
        functionals: &[&dyn Functional],
    ) -> Vec<Vec<f64>> {
        let values = |at: &[f64]| self.values(at, dependence, size, functionals);
        let mut gradients = extrapolated_gradients(self.params.values(), functionals.len(), values);
        gradients.iter_mut().flatten().for_each(|slope| *slope *= self.scale);
        gradients
    }

    /// The gradient of the mean of a function of the log-weight of one draw, where the draw is held fixed.
    pub(crate) fn gradient_at_fixed_draws(&self, inside: impl Fn(f64) -> f64) -> Vec<f64> {
        let size = Size { draws: 1, rows: 1 };
        self.gradients(DrawDependence::Fixed, size, &[&OfLogWeight(inside)]).remove(0)
    }

    /// True if the draws of so many rows have few outcomes: no more than `most` of finite choices if there is at most
    /// one continuous number among them, or two continuous numbers and no finite choice.
    pub(super) fn has_few_outcomes(&self, rows: usize, most: usize) -> bool {
        let tape = Tape::new();
        let columns = self.x.len() / self.batch;
        let x = tape.constant(&self.x[..rows * columns], [rows, columns]);
        let q = self.model.posterior(self.params.on(&tape), x);
        // With one node for each continuous number the outcomes of the finite choices are counted.
        let coverage = Enumerator::for_each(1, most, |source| {
            q.sample(self.samples, source);
        });
        match coverage {
            Coverage::Complete { outcomes, quadratures: 2 } => outcomes == 1,
            Coverage::Complete { quadratures, .. } => quadratures < 2,
            _ => false,
        }
    }
}

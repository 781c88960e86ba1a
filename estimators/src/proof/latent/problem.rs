//! The truth about a bound, from the enumeration of its draws.

use super::super::known_mistakes::KnownMistake;
use super::super::problem::{Problem, Truth, TruthError, TruthMethod};
use super::mistakes;
use super::outcomes::{DrawDependence, Latent};
use crate::enumerator::Enumerator;
use crate::estimator::LogWeights;
use pathscore_autodiff::Tape;
use pathscore_models::Params;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;

impl<M: LatentModel<f64>> Problem for Latent<M> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        component_names(&self.params)
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        let (plans, total) = (self.plans(self.target_size()), DrawDependence::Total);
        let ways = self.values(self.params.values(), total, &plans, &[&self.target]).remove(0);
        let mut value = plans.spread().combine(&ways);
        let rounding = self.rounding(&plans, value.value);
        value.error += rounding;
        let gradient = self.gradients(total, &plans, &[&self.target], rounding).remove(0);
        let method = match plans.draws() {
            Some(draws) => TruthMethod::Draws(draws),
            None if plans.is_sum() => TruthMethod::Sum,
            None => TruthMethod::Quadrature,
        };
        let truth = Truth::found(&gradient, Some(value), method);
        let Self { name, target, samples, .. } = self;
        truth.within_tolerance(&format!("{name} ({target}, K = {samples})"), || self.components())
    }

    /// The effective sample size of the draws of the first row.
    fn effective_draws(&self, source: &mut Enumerator) -> Option<f64> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let columns = self.x.len() / self.batch.max(1);
        let x = tape.constant(&self.x[..columns], [1, columns]);
        let q = self.model.posterior(params, x);
        let z = q.sample(self.samples, source);
        let (log_joint, log_q) = (self.model.log_joint(params, x, z), q.log_prob(z));
        let effective = |log_joint: &[f64], log_q: &[f64]| {
            LogWeights::new(self.samples, 1, log_joint, log_q).effective_draws(0)
        };
        Some(log_joint.with(|log_joint| log_q.with(|log_q| effective(log_joint, log_q))))
    }

    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        mistakes::known(self, &truth.gradient)
    }
}

/// The name of every parameter: that of its tensor, with an index if the tensor has several elements.
pub(crate) fn component_names(params: &Params<f64>) -> Vec<String> {
    params
        .iter()
        .flat_map(|(name, shape, _)| {
            let one = shape.size() == 1;
            let label = move |i| if one { name.to_string() } else { format!("{name}[{i}]") };
            (0..shape.size()).map(label)
        })
        .collect()
}

//! The density of an energy-based model as a target.

use super::log_density::Replays;
use super::{Differentiable, LogDensity};
use pathscore_models::{Energy, Params};

/// The density $e^{-E(x)}$ of an energy-based model, with its gradient $-\nabla_x E(x)$. It is recorded once for each thread and then
/// replayed at new rows.
///
/// ```
/// use pathscore_estimators::samplers::{EnergyDensity, LogDensity};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let mut params = Params::<f64>::new();
/// let model = Rbm::new(&mut params, 3, 2, &mut seed::rng(0, seed::Stream::Init, 0));
/// let target = EnergyDensity::new(&model, &params, 3);
/// // No bit is on and there are no biases: the free energy is −2 ln 2.
/// assert!((target.log_prob(&[0.0; 3]) - 2.0 * 2_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Debug)]
pub struct EnergyDensity<'a, M> {
    model: &'a M,
    params: &'a Params<f64>,
    replays: Replays,
}

impl<'a, M: Energy<f64>> EnergyDensity<'a, M> {
    /// The density of a model of so many columns.
    pub fn new(model: &'a M, params: &'a Params<f64>, columns: usize) -> Self {
        Self { model, params, replays: Replays::new(columns) }
    }

    fn value(&self, x: &[f64], grad: Option<&mut [f64]>) -> f64 {
        self.replays.value(
            |x| {
                let params = self.params.on(x.tape()).detach();
                -self.model.energy(params, x.reshape([1, x.size()]))
            },
            x,
            grad,
        )
    }
}

impl<M: Energy<f64>> LogDensity for EnergyDensity<'_, M> {
    fn dim(&self) -> usize {
        self.replays.dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        self.value(x, None)
    }
}

impl<M: Energy<f64>> Differentiable for EnergyDensity<'_, M> {
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        self.value(x, Some(grad))
    }
}

//! The likelihood of an energy-based model of bits, by a sum over all states.

use super::known_mistakes::{Effect, KnownMistake, other_parameterisations, wrong_factors};
use super::latent::component_names;
use super::numerics::{Numeric, RULES, Spread, extrapolated_gradients, in_all_ways};
use super::problem::{Problem, Truth, TruthError, TruthMethod};
use crate::samplers::rows_of_bits;
use pathscore_autodiff::Tape;
use pathscore_models::{Energy, Params};

/// The gradient of $\sum_b \ln p(x_b)$ with $p(x) = e^{-E(x)} / Z$ and $Z = \sum_x e^{-E(x)}$ over all states of the bits,
/// multiplied by a scale.
///
/// It comes from the energies of all states and from differences in the parameters: neither an estimator nor automatic
/// differentiation takes part. Nor does another way to $Z$ that the model may have.
///
/// ```
/// use pathscore_estimators::proof::{EnergyBased, Problem};
/// use pathscore_models::{Params, energy::small_rbm, seed};
/// let mut params = Params::new();
/// let model = small_rbm(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
/// let rows = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
/// let one = EnergyBased::new("machine", model, params, &rows);
/// let truth = EnergyBased { batch: 3, scale: 1.0 / 3.0, ..one }.truth()?;
/// assert!((truth.gradient[0] - 0.2285075585).abs() < 1e-9);
/// # Ok::<(), pathscore_estimators::proof::TruthError>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnergyBased<M> {
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
}

/// The most columns whose states are listed.
const MOST_COLUMNS: usize = 16;

impl<M> EnergyBased<M> {
    /// The gradient of one row, for estimators that use one draw.
    pub fn new(name: impl Into<String>, model: M, params: Params<f64>, x: &[f64]) -> Self {
        let (batch, samples, scale) = (1, 1, 1.0);
        Self { name: name.into(), model, params, x: x.to_vec(), batch, samples, scale }
    }

    fn columns(&self) -> usize {
        self.x.len() / self.batch.max(1)
    }
}

impl<M: Energy<f64>> EnergyBased<M> {
    /// $-\sum_b E(x_b)$ and $B \ln Z$ at some parameters.
    fn phases(&self, at: &[f64]) -> [f64; 2] {
        let (tape, mut params) = (Tape::new(), self.params.clone());
        params.values_mut().copy_from_slice(at);
        let (params, columns) = (params.on(&tape).detach(), self.columns());
        let states = tape.constant(&rows_of_bits(columns).concat(), [1 << columns, columns]);
        let x = tape.constant(&self.x, [self.batch, columns]);
        let log_z = (-self.model.energy(params, states)).log_sum_exp(..).item();
        [-self.model.energy(params, x).sum().item(), self.batch as f64 * log_z]
    }

    /// The gradients of $-\sum_b E(x_b)$ and of $-B \ln Z$, times the scale.
    fn gradients(&self) -> [Vec<Numeric>; 2] {
        let rounding = f64::EPSILON * self.phases(self.params.values()).map(f64::abs)[1];
        let phases = |at: &[f64]| {
            let [data, model] = self.phases(at);
            vec![in_all_ways(self.scale * data), in_all_ways(-self.scale * model)]
        };
        let at = self.params.values();
        let scaled = self.scale.abs() * rounding;
        let mut found = extrapolated_gradients(at, 2, Spread::Rules, scaled, phases).into_iter();
        let mut next = || found.next().expect("there are two functions");
        [next(), next()]
    }

    /// The truth, unless there are too many states.
    fn summed(&self) -> Option<(Truth, [Vec<Numeric>; 2])> {
        if self.columns() > MOST_COLUMNS {
            return None;
        }
        let [data, model] = self.phases(self.params.values());
        let gradients = self.gradients();
        let sum = |(a, b): (&Numeric, &Numeric)| Numeric {
            value: a.value + b.value,
            error: a.error + b.error,
        };
        let gradient: Vec<Numeric> = gradients[0].iter().zip(&gradients[1]).map(sum).collect();
        let value =
            Numeric { value: data - model, error: RULES as f64 * f64::EPSILON * model.abs() };
        Some((Truth::found(&gradient, Some(value), TruthMethod::Sum), gradients))
    }
}

impl<M: Energy<f64>> Problem for EnergyBased<M> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        component_names(&self.params)
    }

    fn truth(&self) -> Result<Truth, TruthError> {
        let Some((truth, _)) = self.summed() else {
            return Err(TruthError::TooMany {
                problem: self.name.clone(),
                most: 1 << MOST_COLUMNS,
            });
        };
        truth.within_tolerance(&self.name, || self.components())
    }

    fn known_mistakes(&self, truth: &Truth) -> Vec<KnownMistake> {
        let Some((_, [data, model])) = self.summed() else { return Vec::new() };
        let values = |phase: &[Numeric]| phase.iter().map(|slope| slope.value).collect();
        let phase =
            |what: &str, phase: &[Numeric]| KnownMistake::new(what, Effect::Term(values(phase)));
        let mut all = vec![phase("the negative phase", &model), phase("the positive phase", &data)];
        all.extend(wrong_factors(self.samples, self.batch, self.scale));
        all.extend(other_parameterisations(self.params.values(), &truth.gradient));
        all
    }
}

//! The state of a training run, for a checkpoint.

use super::Trainer;
use super::shards::Shard;
use crate::estimator::Estimator;
use crate::optim::Optimizer;
use pathscore_autodiff::Scalar;
use pathscore_models::Params;

/// All that a training run needs to continue with the same bits, apart from the model, the estimator's settings and
/// the [`Options`](super::Options), among which is the seed.
///
/// Every random number is derived from the seed and the step, so these two are the state of the generators.
/// [`Trainer::state`] makes a state, and [`Trainer::restore`] continues from one.
#[derive(Clone, Debug, PartialEq)]
pub struct State<F> {
    /// The number of steps taken.
    pub step: u64,
    /// The parameters, by name.
    pub params: Params<F>,
    /// The number of steps that the optimiser has taken.
    pub optimizer_steps: u64,
    /// The optimiser's vectors, by name, each as long as all parameters together.
    pub optimizer: Vec<(String, Vec<F>)>,
    /// The numbers that the estimator has learnt.
    pub estimator: Vec<f64>,
    /// For every shard of a batch, the numbers of each state that the estimator keeps, for example of Markov chains.
    pub shards: Vec<Vec<Vec<f64>>>,
}

/// A state that does not fit a trainer; the trainer is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The tensors have other names or shapes.
    #[error("the state has the parameters {found}, and the model has {expected}")]
    Params {
        /// The names and shapes of the state.
        found: String,
        /// The names and shapes of the model.
        expected: String,
    },
    /// A vector of the optimiser is missing or has another length.
    #[error("the optimiser's vector `{name}` is missing or is not as long as the parameters")]
    Optimizer {
        /// The name of the vector.
        name: String,
    },
}

/// Refuses parameters that have other names or shapes than the model's.
fn check_layout<F: Scalar>(found: &Params<F>, expected: &Params<F>) -> Result<(), RestoreError> {
    let [found, expected] = [found, expected].map(layout);
    if found == expected { Ok(()) } else { Err(RestoreError::Params { found, expected }) }
}

/// The names and shapes of all tensors.
fn layout<F: Scalar>(params: &Params<F>) -> String {
    let tensors: Vec<String> =
        params.iter().map(|(name, shape, _)| format!("{name} {shape}")).collect();
    tensors.join(", ")
}

impl<F, M, E> Trainer<F, M, E>
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M>,
{
    /// A copy of all that changes from step to step.
    ///
    /// ```
    /// # use pathscore_estimators::{fit::{Options, Trainer}, optim::Adam, path::Sgvb};
    /// # use pathscore_models::{Params, latent::LinearGaussian, seed};
    /// let make = || {
    ///     let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    ///     let mut params = Params::<f64>::new();
    ///     let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.0, 0.0], 0.5, rng);
    ///     Trainer::new(model, params, Sgvb, Box::new(Adam::default()), Options::default())
    /// };
    /// let x = [0.5, 1.0, -0.3];
    /// let feed = |rows: std::ops::Range<usize>, out: &mut [f64], _: &mut _| {
    ///     out.copy_from_slice(&x[rows]);
    /// };
    /// let (mut first, mut second) = (make(), make());
    /// (0..3).for_each(|_| drop(first.step([3, 1], feed)));
    /// second.restore(first.state())?;
    /// assert_eq!(first.step([3, 1], feed), second.step([3, 1], feed));
    /// assert_eq!(first.params, second.params);
    /// # Ok::<(), pathscore_estimators::fit::RestoreError>(())
    /// ```
    pub fn state(&self) -> State<F> {
        let (estimator, shards) = (self.estimator.state(), &self.batch.shards);
        save(self.step, &self.params, &*self.optimizer, estimator, shards)
    }

    /// Continues from a state: the next step is the one that would have followed there.
    ///
    /// # Errors
    /// If the state has other parameters than the model, or lacks a vector of the optimiser.
    pub fn restore(&mut self, mut state: State<F>) -> Result<(), RestoreError> {
        take_over(&mut state, &mut self.params, &mut *self.optimizer, &mut self.batch.shards)?;
        self.estimator.restore(&state.estimator);
        self.step = state.step;
        Ok(())
    }
}

// What follows is compiled once for each precision, and not for each model and estimator.

/// A state from its parts.
fn save<F: Scalar>(
    step: u64,
    params: &Params<F>,
    optimizer: &dyn Optimizer<F>,
    estimator: Vec<f64>,
    shards: &[Shard<F>],
) -> State<F> {
    let (optimizer_steps, optimizer) = (optimizer.steps(), vectors(optimizer));
    let (params, shards) = (params.clone(), save_shards(shards));
    State { step, params, optimizer_steps, optimizer, estimator, shards }
}

/// Restores the parameters, the optimiser and the shards from a state that fits them.
fn take_over<F: Scalar>(
    state: &mut State<F>,
    params: &mut Params<F>,
    optimizer: &mut dyn Optimizer<F>,
    shards: &mut Vec<Shard<F>>,
) -> Result<(), RestoreError> {
    check_layout(&state.params, params)?;
    let vectors = std::mem::take(&mut state.optimizer);
    restore_vectors(optimizer, state.optimizer_steps, vectors, params.len())?;
    params.values_mut().copy_from_slice(state.params.values());
    restore_shards(shards, std::mem::take(&mut state.shards));
    Ok(())
}

/// The optimiser's vectors, by name.
fn vectors<F: Scalar>(optimizer: &dyn Optimizer<F>) -> Vec<(String, Vec<F>)> {
    let vectors = optimizer.state().into_iter();
    vectors.map(|(name, values)| (name.to_string(), values.to_vec())).collect()
}

fn restore_vectors<F: Scalar>(
    optimizer: &mut dyn Optimizer<F>,
    steps: u64,
    mut vectors: Vec<(String, Vec<F>)>,
    len: usize,
) -> Result<(), RestoreError> {
    let mut find = |name: &str| {
        let vector = vectors.iter_mut().find(|vector| vector.0 == name)?;
        (vector.1.len() == len).then(|| std::mem::take(&mut vector.1))
    };
    optimizer.restore(steps, &mut find).map_err(|name| RestoreError::Optimizer { name })
}

/// The state of every shard that was ever used, since a later batch may use more shards than the last one.
pub(super) fn save_shards<F: Scalar>(shards: &[Shard<F>]) -> Vec<Vec<Vec<f64>>> {
    shards.iter().map(|shard| shard.work.state.save()).collect()
}

pub(super) fn restore_shards<F: Scalar>(shards: &mut Vec<Shard<F>>, states: Vec<Vec<Vec<f64>>>) {
    while shards.len() < states.len() {
        shards.push(Shard::new());
    }
    let states = states.into_iter().chain(std::iter::repeat_with(Vec::new));
    shards.iter_mut().zip(states).for_each(|(shard, state)| shard.work.state.restore(state));
}

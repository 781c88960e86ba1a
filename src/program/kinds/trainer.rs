//! A trainer whose estimator is erased: the work around its steps is compiled once for each model, and not once for
//! each estimator.

use super::kind::Reading;
use crate::program::catalogue::Job;
use crate::program::choice::cli_name;
use crate::program::run::checkpoint::{Counters, PARAM, State};
use crate::program::run::choices::{OPTIMIZER_OPTIONS, OptimizerName};
use crate::program::run::settings::{OptimizerSettings, Settings};
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use pathscore::autodiff::vector::Lanes;
use pathscore::estimators::energy::Centred;
use pathscore::estimators::fit::{self, Noise, NotFinite, Options, Report, Trainer};
use pathscore::estimators::optim::{
    AdaGrad, Adam, AdamW, Adamax, Optimizer, RmsProp, Schedule, Sgd,
};
use pathscore::estimators::{Claim, Estimator, Target};
use pathscore::models::data::{Batches, Binarize, Table};
use pathscore::models::{Bipartite, Params};
use std::ops::Range;

/// Gradients whose noise is measured after each epoch: enough for one digit of their variance.
const NOISE_DRAWS: u64 = 20;

/// The beginnings of the names of the optimiser's vectors, and of the state of each shard of a batch.
const OPTIMIZER: &str = "optimizer.";
const SHARD: &str = "shard.";

/// Writes the numbers of a range of rows.
pub(crate) type FillRows<'a, F> = &'a (dyn Fn(Range<usize>, &mut [F], &mut Lanes) + Sync);

/// Receives one gradient after another.
pub(crate) type EachGradient<'a, F> = &'a mut dyn FnMut(&[F]);

/// A trainer whose estimator is erased.
pub(crate) trait AnyTrainer<F: Scalar, M> {
    fn step(&mut self, shape: [usize; 2], fill: FillRows<F>) -> Result<Report, NotFinite>;
    fn save(&self) -> State;
    fn restore(&mut self, state: &State) -> anyhow::Result<()>;
    fn gradient_noise(&mut self) -> Vec<Noise>;
    fn gradients(&mut self, x: &[F], rows: usize, draws: usize, seed: u64, each: EachGradient<F>);
    fn claim(&self) -> Claim;
    fn target(&self) -> Target;
    fn model(&self) -> &M;
    fn params(&self) -> &Params<F>;
    fn params_mut(&mut self) -> &mut Params<F>;
    /// The estimate of ln Z at the last step, if the estimator follows it.
    fn log_partition(&self) -> Option<f64>;
    /// The number of steps taken.
    fn taken(&self) -> u64;
}

impl<F: Scalar, M: Sync, E: Estimator<F, M>> AnyTrainer<F, M> for Trainer<F, M, E> {
    fn step(&mut self, shape: [usize; 2], fill: FillRows<F>) -> Result<Report, NotFinite> {
        Trainer::step(self, shape, fill)
    }

    fn save(&self) -> State {
        to_checkpoint(self.state(), self.options.seed)
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        let restored = Trainer::restore(self, from_checkpoint(state, self.params.clone())?);
        restored.map_err(|error| state.error(error.to_string()))
    }

    fn gradient_noise(&mut self) -> Vec<Noise> {
        Trainer::gradient_noise(self, NOISE_DRAWS)
    }

    fn gradients(&mut self, x: &[F], rows: usize, draws: usize, seed: u64, each: EachGradient<F>) {
        Trainer::gradients(self, x, rows, draws, seed, each);
    }

    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn target(&self) -> Target {
        self.estimator.target()
    }

    fn model(&self) -> &M {
        &self.model
    }

    fn params(&self) -> &Params<F> {
        &self.params
    }

    fn params_mut(&mut self) -> &mut Params<F> {
        &mut self.params
    }

    fn log_partition(&self) -> Option<f64> {
        self.estimator.log_partition()
    }

    fn taken(&self) -> u64 {
        self.step
    }
}

/// The state of a fit as a checkpoint keeps it.
fn to_checkpoint<F: Scalar>(state: fit::State<F>, seed: u64) -> State {
    let fit::State { step, params, optimizer_steps, optimizer, estimator, shards } = state;
    let estimator = estimator.iter().map(|x| x.to_bits()).collect();
    let mut state = State::new(Counters { step, optimizer_steps, estimator, seed });
    add_params(&mut state, &params);
    for (name, values) in &optimizer {
        state.add(format!("{OPTIMIZER}{name}"), &[values.len()], values);
    }
    for (i, shard) in shards.iter().enumerate() {
        for (j, values) in shard.iter().enumerate() {
            // All numbers have four digits, so that the order of the names is that of the numbers.
            state.add(format!("{SHARD}{i:04}.{j:04}"), &[values.len()], values);
        }
    }
    state
}

/// The state of a fit that [`to_checkpoint`] kept; `params` has the names and shapes of the parameters.
fn from_checkpoint<F: Scalar>(
    state: &State,
    mut params: Params<F>,
) -> anyhow::Result<fit::State<F>> {
    let Counters { step, optimizer_steps, estimator, .. } = &state.counters;
    restore_params(state, &mut params, usize::MAX)?;
    let vectors = state.vectors::<F>(OPTIMIZER).into_iter();
    let mut shards: Vec<Vec<Vec<f64>>> = Vec::new();
    for (name, values) in state.vectors::<f64>(SHARD) {
        let number = name.split('.').next().and_then(|number| number.parse::<usize>().ok());
        let i = number.ok_or_else(|| state.error(format!("{SHARD}{name} has no number")))?;
        shards.resize_with(shards.len().max(i + 1), Vec::new);
        shards[i].push(values);
    }
    Ok(fit::State {
        step: *step,
        params,
        optimizer_steps: *optimizer_steps,
        optimizer: vectors.map(|(name, values)| (name.to_string(), values)).collect(),
        estimator: estimator.iter().map(|&bits| f64::from_bits(bits)).collect(),
        shards,
    })
}

/// Takes one step on the next batch of the training part; the first two readings become the mean bound of the batch and
/// the norm of its gradient.
pub(crate) fn step_on_batch<F: Scalar, M>(
    trainer: &mut dyn AnyTrainer<F, M>,
    batches: &mut Batches,
    (train, binarize): (&Table, Binarize),
    readings: &mut [Reading],
) -> Result<(), NotFinite> {
    let rows = batches.at(trainer.taken());
    let report = trainer.step([rows.len(), train.columns()], &|range, x, rng| {
        binarize.fill(train, &rows[range], x, rng);
    })?;
    readings[0].value = report.bound;
    readings[1].value = report.grad_norm;
    Ok(())
}

/// Adds the parameters of a model to a state.
pub(crate) fn add_params<F: Scalar>(state: &mut State, params: &Params<F>) {
    for (name, shape, at) in params.iter() {
        state.add(format!("{PARAM}{name}"), shape, &params.values()[at..at + shape.size()]);
    }
}

/// Takes over the first `tensors` tensors of the parameters.
pub(crate) fn restore_params<F: Scalar>(
    state: &State,
    params: &mut Params<F>,
    tensors: usize,
) -> anyhow::Result<()> {
    let mut values = Vec::with_capacity(params.len());
    for (name, shape, _) in params.iter().take(tensors) {
        values.extend(state.tensor::<F>(&format!("{PARAM}{name}"), shape)?);
    }
    params.values_mut()[..values.len()].copy_from_slice(&values);
    Ok(())
}

/// The job of making a trainer for a model.
pub(crate) struct Start<'a, M> {
    pub(crate) model: M,
    pub(crate) settings: &'a Settings,
    pub(crate) schedule: Schedule,
    /// $K$, the draws for each row.
    pub(crate) samples: usize,
    /// The estimator and its options, for messages.
    pub(crate) words: &'a str,
}

impl<F: Scalar, M: Sync + 'static> Job<F, M> for Start<'_, M> {
    type Output = anyhow::Result<Box<dyn AnyTrainer<F, M>>>;

    fn run<E>(self, params: Params<F>, estimator: E) -> Self::Output
    where
        E: Estimator<F, M> + Clone + Send + Sync + 'static,
    {
        let Self { model, settings, schedule, samples, words } = self;
        let least = estimator.min_samples();
        if samples < least {
            return Err(usage_error(format!("{words}: it needs --num-samples {least} or more")));
        }
        let followed = settings.optimizer()?;
        let optimizer = optimizer(followed)?;
        let (lr, clip, seed) = (followed.lr, followed.clip, settings.run.seed);
        let options = Options { samples, lr, schedule, clip, seed };
        Ok(Box::new(Trainer::new(model, params, estimator, optimizer, options)))
    }
}

/// The job of making a trainer whose gradient is centred or not: one type for both, which is compiled once.
pub(crate) struct CentredStart<'a, M> {
    pub(crate) start: Start<'a, M>,
    pub(crate) centred: bool,
}

impl<F: Scalar, M: Bipartite<F> + 'static> Job<F, M> for CentredStart<'_, M> {
    type Output = anyhow::Result<Box<dyn AnyTrainer<F, M>>>;

    fn run<E>(self, params: Params<F>, estimator: E) -> Self::Output
    where
        E: Estimator<F, M> + Clone + Send + Sync + 'static,
    {
        let mut centred = Centred::new(estimator);
        centred.active = self.centred;
        self.start.run(params, centred)
    }
}

/// The optimiser of a run, before its first step.
pub(super) fn optimizer<F: Scalar>(
    settings: &OptimizerSettings,
) -> anyhow::Result<Box<dyn Optimizer<F>>> {
    let &OptimizerSettings { name, momentum, nesterov, centered, weight_decay, .. } = settings;
    for (option, words, _) in OPTIMIZER_OPTIONS {
        let (there, optional) = match option {
            "momentum" => (momentum.is_some(), false),
            "nesterov" => (nesterov, true),
            "centered" => (centered, true),
            _ => (weight_decay.is_some(), false),
        };
        let has = name.options().contains(&option);
        if there != has && !(has && optional) {
            let name = cli_name(&name);
            let verb = if there { "has no" } else { "needs a" };
            return Err(usage_error(format!("run.toml, [optimizer]: {name} {verb} {words}")));
        }
    }
    let momentum = momentum.unwrap_or_default();
    Ok(match name {
        OptimizerName::Adam => Box::new(Adam::default()),
        OptimizerName::AdamW => {
            let weight_decay = weight_decay.unwrap_or_default();
            Box::new(AdamW { weight_decay, ..AdamW::default() })
        }
        OptimizerName::Adamax => Box::new(Adamax::default()),
        OptimizerName::AdaGrad => Box::new(AdaGrad::default()),
        OptimizerName::RmsProp => {
            let mut rule = RmsProp::default();
            (rule.momentum, rule.centered) = (momentum, centered);
            Box::new(rule)
        }
        OptimizerName::Sgd => {
            let mut rule = Sgd::new(momentum);
            rule.nesterov = nesterov;
            Box::new(rule)
        }
    })
}

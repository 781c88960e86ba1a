//! The settings of a training run, and the result of a step.

use crate::optim::Schedule;
use pathscore_autodiff::NonFinite;

/// The settings of a training run, apart from the model and the estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// $K$, the draws for each member of a batch.
    pub samples: usize,
    /// The learning rate, before the schedule.
    pub lr: f64,
    /// The factor on the learning rate.
    pub schedule: Schedule,
    /// The largest norm of a gradient; a longer one is shortened to it.
    pub clip: Option<f64>,
    /// The seed, from which every random number of the run is derived.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { samples: 1, lr: 1e-3, schedule: Schedule::Constant, clip: None, seed: 0 }
    }
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The number of the step, from zero.
    pub step: u64,
    /// The mean of the bound over the batch, before the step.
    pub bound: f64,
    /// The norm of the gradient, before clipping.
    pub grad_norm: f64,
}

/// A bound or a gradient that is not finite.
///
/// The parameters, the optimiser and the estimator are as they were before the step; Markov chains of the shards have
/// moved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("step {step}: {what}{}", found.as_ref().map(|f| format!("; {f}")).unwrap_or_default())]
pub struct NotFinite {
    /// The step, from zero.
    pub step: u64,
    /// A sentence that names the bound, and the parameter whose gradient is not finite.
    pub what: String,
    /// The first entry of a tape that went wrong.
    pub found: Option<Box<NonFinite>>,
}

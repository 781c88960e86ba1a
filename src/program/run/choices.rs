//! The number types, schedules and optimisers that the command line offers and `run.toml` stores.

use clap::ValueEnum;
use pathscore::estimators::optim::Schedule;
use serde::{Deserialize, Serialize};

/// Number types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Dtype {
    /// Single precision.
    #[default]
    F32,
    /// Double precision.
    F64,
}

/// Learning-rate schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScheduleName {
    /// The learning rate is always --lr.
    #[default]
    Constant,
    /// Half a cosine leads from --lr down to zero at the last step.
    CosineDecay,
    /// The learning rate falls by a factor of ten until the last step.
    ExponentialDecay,
    /// The learning rate rises over the first twentieth of the steps and then follows a cosine down to zero.
    WarmupCosineDecay,
}

impl ScheduleName {
    /// The schedule of a run of `steps` steps.
    pub(crate) fn of(self, steps: u64) -> Schedule {
        match self {
            Self::Constant => Schedule::Constant,
            Self::CosineDecay => Schedule::CosineDecay { steps },
            Self::ExponentialDecay => Schedule::ExponentialDecay { rate: 0.1, steps },
            Self::WarmupCosineDecay => {
                Schedule::WarmupCosineDecay { warmup: steps.div_ceil(20), steps }
            }
        }
    }
}

/// Optimisers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OptimizerName {
    /// Adam with β₁ 0.9, β₂ 0.999, ε 1e-8.
    #[default]
    Adam,
    /// Stochastic gradient ascent with --momentum.
    Sgd,
}

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
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub(crate) enum OptimizerName {
    /// Adam with β₁ 0.9, β₂ 0.999, ε 1e-8.
    #[default]
    Adam,
    /// Adam with decoupled --weight-decay.
    AdamW,
    /// Adam with the maximum norm: β₁ 0.9, β₂ 0.999, ε 1e-8.
    Adamax,
    /// AdaGrad with ε 1e-10.
    AdaGrad,
    /// RMSProp with α 0.99, ε 1e-8, and --momentum and --centered.
    RmsProp,
    /// Stochastic gradient ascent with --momentum and --nesterov.
    Sgd,
}

impl OptimizerName {
    /// The options that the optimiser has, by their names on the command line.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Adam | Self::Adamax | Self::AdaGrad => &[],
            Self::AdamW => &["weight-decay"],
            Self::RmsProp => &["momentum", "centered"],
            Self::Sgd => &["momentum", "nesterov"],
        }
    }

    /// The momentum of the optimiser unless another is given.
    pub(crate) fn momentum(self) -> f64 {
        if self == Self::Sgd { 0.9 } else { 0.0 }
    }
}

/// Every option that only some optimisers have, with the words for it in a sentence and the optimisers that have it.
pub(crate) const OPTIMIZER_OPTIONS: [(&str, &str, &str); 4] = [
    ("momentum", "momentum", "sgd or rmsprop"),
    ("nesterov", "Nesterov momentum", "sgd"),
    ("centered", "centred form", "rmsprop"),
    ("weight-decay", "weight decay", "adamw"),
];

//! The options that models with latents and networks share, and their sections of `run.toml`.

use crate::program::run::settings::at_least_one;
use crate::program::usage_error::usage_error;
use clap::{Args, ValueEnum};
use pathscore::autodiff::Activation;
use pathscore::models::latent::Likelihood;
use serde::{Deserialize, Serialize};

/// Activations between layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActivationName {
    /// The hyperbolic tangent.
    #[default]
    Tanh,
    /// max(x, 0).
    Relu,
    /// The logistic function.
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
}

impl From<ActivationName> for Activation {
    fn from(name: ActivationName) -> Self {
        match name {
            ActivationName::Tanh => Self::Tanh,
            ActivationName::Relu => Self::Relu,
            ActivationName::Sigmoid => Self::Sigmoid,
            ActivationName::Softplus => Self::Softplus,
        }
    }
}

/// The distribution of the data given the latents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LikelihoodName {
    /// Bits (or grey values in [0, 1] read as probabilities).
    #[default]
    Bernoulli,
    /// Real numbers with a learnt standard deviation for each column.
    Normal,
    /// Grey values in [0, 1], by their density.
    ContinuousBernoulli,
    /// Grey values in [0, 1] at --levels levels, each with a probability of its own.
    Categorical,
}

impl LikelihoodName {
    /// True if all data must lie between zero and one.
    pub(crate) fn is_of_greys(self) -> bool {
        self != Self::Normal
    }
}

/// The approximate posterior of a layer of normal latents: the section `[model.posterior]` of `run.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Posterior {
    #[default]
    Diagonal,
    Full,
    Coupling {
        layers: usize,
        hidden: Vec<usize>,
    },
    Iaf {
        layers: usize,
        hidden: Vec<usize>,
    },
}

/// The order in which the posterior of several layers draws them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum InferenceName {
    /// From the data upwards: each layer given the one below.
    #[default]
    BottomUp,
    /// From the top downwards: each layer given the one above and evidence of the data. It learns more slowly, and
    /// without a warm-up of the divergence some units stay unused.
    Ladder,
}

/// The latents of a kind, as its options describe them.
#[derive(Debug, Default)]
pub(crate) struct Latents {
    /// The widths of the layers, nearest the data first.
    pub(crate) layers: Vec<usize>,
    pub(crate) posterior: Posterior,
    pub(crate) inference: InferenceName,
}

impl From<Vec<usize>> for Latents {
    fn from(layers: Vec<usize>) -> Self {
        Self { layers, ..Self::default() }
    }
}

/// Options of the networks.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct NetworkOptions {
    /// The widths of the encoder's hidden layers; the decoder has them in reverse.
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    pub(crate) hidden: Option<Vec<usize>>,

    /// The activation between the layers.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) activation: ActivationName,

    /// The distribution of the data given the latents.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) likelihood: LikelihoodName,

    /// The levels of --likelihood categorical; each grey value stands for the nearest [default: 16].
    #[arg(long, value_name = "C")]
    pub(crate) levels: Option<usize>,
}

/// The levels of a categorical likelihood if none are given.
pub(crate) const LEVELS: usize = 16;

/// The most levels: more than the grey values of sixteen bits have no use.
const MOST_LEVELS: usize = 65_536;

/// Options of the evaluation of bounds.
#[derive(Args, Debug)]
#[command(next_help_heading = "Evaluation")]
pub(crate) struct EvaluationOptions {
    /// The number of importance samples for each test row in the evaluation at the end.
    #[arg(long, default_value_t = 500, value_name = "K")]
    pub(crate) eval_samples: usize,

    /// After each epoch also write to metrics.jsonl the gradient's variance and signal-to-noise ratio, the
    /// effective sample size of 50 draws, the divergence of each latent from the prior, and how many
    /// latents are active. It costs 20 steps an epoch and changes nothing else.
    #[arg(long)]
    pub(crate) diagnostics: bool,
}

/// The section `[model]` of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Network {
    /// Widths of the layers of latents, nearest the data first.
    pub(crate) latents: Vec<usize>,
    pub(crate) hidden: Vec<usize>,
    pub(crate) activation: ActivationName,
    pub(crate) likelihood: LikelihoodName,
    /// The levels of a categorical likelihood; absent for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) levels: Option<usize>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) inference: InferenceName,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) posterior: Posterior,
}

/// True for a setting that `run.toml` leaves out.
fn is_default<T: Default + PartialEq>(setting: &T) -> bool {
    *setting == T::default()
}

/// The section `[evaluation]` of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationSettings {
    pub(crate) samples: usize,
    pub(crate) diagnostics: bool,
}

impl Network {
    /// Refuses sizes that make no model.
    ///
    /// # Errors
    /// If a width is zero, a categorical likelihood has no two levels, or a flow has no layers or too few latents.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let widths = |option: &str, widths: &[usize]| {
            widths.iter().try_for_each(|&width| at_least_one(option, width as u64))
        };
        widths("every layer of latents (--latent-dim, --layers)", &self.latents)?;
        widths("every width of --hidden", &self.hidden)?;
        if let Some(levels) = self.levels
            && !(2..=MOST_LEVELS).contains(&levels)
        {
            return Err(usage_error(format!(
                "--levels is {levels}; it must be at least 2 and at most {MOST_LEVELS}"
            )));
        }
        if let Posterior::Coupling { layers, hidden } | Posterior::Iaf { layers, hidden } =
            &self.posterior
        {
            at_least_one("--flow-layers", *layers as u64)?;
            widths("every width of --flow-hidden", hidden)?;
        }
        if matches!(self.posterior, Posterior::Coupling { .. }) && self.latent_dim() < 2 {
            return Err(usage_error(
                "--posterior coupling needs --latent-dim 2 or more: one half of the latents depends on the other; \
                 a single latent may take --posterior iaf",
            ));
        }
        Ok(())
    }

    pub(crate) fn activation(&self) -> Activation {
        self.activation.into()
    }

    pub(crate) fn likelihood(&self) -> Likelihood {
        match self.likelihood {
            LikelihoodName::Bernoulli => Likelihood::Bernoulli,
            LikelihoodName::Normal => Likelihood::Normal,
            LikelihoodName::ContinuousBernoulli => Likelihood::ContinuousBernoulli,
            LikelihoodName::Categorical => {
                Likelihood::Categorical { levels: self.levels.unwrap_or(LEVELS) }
            }
        }
    }

    /// The layers of latents as estimators with a signal for each see them: a ladder draws the top first, so that its layers are one.
    pub(crate) fn signals(&self) -> Vec<usize> {
        match self.inference {
            InferenceName::BottomUp => self.latents.clone(),
            InferenceName::Ladder => vec![self.latent_dim()],
        }
    }

    /// The number of latents.
    pub(crate) fn latent_dim(&self) -> usize {
        self.latents.iter().sum()
    }
}

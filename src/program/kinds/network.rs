//! The options that models with latents and networks share, and their sections of `run.toml`.

use crate::program::run::settings::at_least_one;
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

/// The distribution of the data given the latents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LikelihoodName {
    /// Bits (or grey values in [0, 1] read as probabilities).
    #[default]
    Bernoulli,
    /// Real numbers with a learnt standard deviation for each column.
    Normal,
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
}

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
}

/// The section `[evaluation]` of `run.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EvaluationSettings {
    pub(crate) samples: usize,
    pub(crate) diagnostics: bool,
}

impl Network {
    /// Refuses layers without units.
    ///
    /// # Errors
    /// If a width is zero.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let widths = |option: &str, widths: &[usize]| {
            widths.iter().try_for_each(|&width| at_least_one(option, width as u64))
        };
        widths("every layer of latents (--latent-dim, --layers)", &self.latents)?;
        widths("every width of --hidden", &self.hidden)
    }

    pub(crate) fn activation(&self) -> Activation {
        match self.activation {
            ActivationName::Tanh => Activation::Tanh,
            ActivationName::Relu => Activation::Relu,
            ActivationName::Sigmoid => Activation::Sigmoid,
            ActivationName::Softplus => Activation::Softplus,
        }
    }

    pub(crate) fn likelihood(&self) -> Likelihood {
        match self.likelihood {
            LikelihoodName::Bernoulli => Likelihood::Bernoulli,
            LikelihoodName::Normal => Likelihood::Normal,
        }
    }

    /// The number of latents.
    pub(crate) fn latent_dim(&self) -> usize {
        self.latents.iter().sum()
    }
}

//! The commands and their options, except those of `train`.

use super::check::CheckArgs;
use super::compare::CompareArgs;
use super::list::ListArgs;
use super::table::Format;
use clap::{Args as Group, Parser, Subcommand};
use std::path::PathBuf;

/// Learn probabilistic models by gradients of expectations, and see how good the gradients are.
///
/// The gradient of an expectation can be estimated along the path of a sample (sgvb) and through the score
/// of its density (reinforce). `train` fits a model with such an estimator, or exactly where the model allows it;
/// `compare` shows what the estimators cost and how noisy they are, beside the exact gradient.
#[derive(Parser, Debug)]
#[command(name = "pathscore", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// The exact log-likelihood of a trained run on its test part, or bounds on it.
    Evaluate(EvaluateArgs),
    /// Draw new pictures from a trained run.
    Sample(SampleArgs),
    /// Compare gradient estimators with each other and with the exact gradient.
    Compare(CompareArgs),
    /// Prove every estimator: its exact mean, or a test of its samples, against the exact gradient.
    Check(CheckArgs),
    /// Models, estimators, baselines, data sets and problems, each with its source.
    List(ListArgs),
}

/// Options of `evaluate`.
#[derive(Group, Debug)]
pub(crate) struct EvaluateArgs {
    /// The run's folder.
    pub(crate) run: PathBuf,

    /// Importance samples for each test row, where the likelihood is bounded by sampling [default: 5000].
    #[arg(long, value_name = "K")]
    pub(crate) num_samples: Option<usize>,

    /// The first rows of the test part only.
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// Threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// Options of `sample`.
#[derive(Group, Debug)]
pub(crate) struct SampleArgs {
    /// The run's folder.
    pub(crate) run: PathBuf,

    /// The number of pictures.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) count: usize,

    /// The picture file to write.
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: PathBuf,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
}

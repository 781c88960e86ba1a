//! The options of `compare`.

use super::options::Options;
use crate::program::table::Format;
use clap::Args;
use std::path::PathBuf;

/// A problem of `compare`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A problem of the bench, whose exact gradient is known.
    Known(String),
    /// The folder of a run.
    Run(PathBuf),
}

impl std::str::FromStr for Subject {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(dir) = text.strip_prefix("run:") {
            return Ok(Self::Run(dir.into()));
        }
        Ok(Self::Known(text.into()))
    }
}

/// Options of `compare`.
#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// The problem [default: all whose gradient is known; `list` names them], or run:DIR, the folder of a
    /// run of `train`: the model and data of the run, at the parameters that it has learnt.
    ///
    /// On a run the minibatch is one of its own batches, held fixed. A component is the gradient of a tensor along
    /// a direction drawn once (encoder.0.weight·1), and the variance is that of the whole gradient. The exact
    /// gradient is not known there: the mean of more draws by the least noisy unbiased estimator stands for it, and
    /// z counts the errors of both.
    #[arg(long, value_name = "NAME|run:DIR")]
    pub(crate) problem: Option<Subject>,

    /// The estimators, separated by commas [default: all that fit]; `list` names them, those of pathscore as forms.
    #[arg(long, value_name = "A,B")]
    pub(crate) estimators: Option<Vec<String>>,

    /// The number of gradients drawn from each estimator, at least 20 [default: 20000; on a run 400].
    #[arg(long, value_name = "N")]
    pub(crate) draws: Option<usize>,

    /// The number of samples within each gradient, K.
    #[arg(long, default_value_t = 2, value_name = "K")]
    pub(crate) num_samples: usize,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; results do not depend on it, times do [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The folder for the figures, each as SVG and PNG.
    ///
    /// PROBLEM shows means with their errors beside the exact gradient, and their variance and time. PROBLEM-draws
    /// shows single gradients as violins: an estimator is unbiased if its violin balances on the line, and good if the
    /// violin is narrow. PROBLEM-snr shows whether more samples K make a gradient clearer; along the path (iwae) the
    /// gradient of q gets noisier. Of the problems of pathscore, variance-… shows the variance along a parameter of two expectations, with closed
    /// forms; it is drawn without --problem.
    #[arg(long, default_value = "runs/compare", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Also write the gradients of the violins, the first 1500 of --draws, as PROBLEM-draws.csv: a line for each component of each.
    #[arg(long)]
    pub(crate) export_draws: bool,

    /// The format of the result: json and csv have a row for each component of the gradient.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

impl CompareArgs {
    /// The numbers of draws and samples.
    pub(super) fn options(&self) -> Options {
        let of_run = matches!(self.problem, Some(Subject::Run(_)));
        let default = if of_run { 400 } else { Options::default().draws };
        let draws = self.draws.unwrap_or(default);
        Options { draws, samples: self.num_samples, seed: self.seed }
    }
}

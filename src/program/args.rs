//! The commands, and the options of `evaluate`, `sample`, `encode` and `reconstruct`.

use super::check::CheckArgs;
use super::compare::CompareArgs;
use super::completions::CompletionsArgs;
use super::criteria::CriteriaArgs;
use super::likelihood::LikelihoodArgs;
use super::list::ListArgs;
use super::manual::ManArgs;
use super::progress::ProgressKind;
use super::report::ReportArgs;
use super::run::hidden::Hidden;
use super::run::rows::RowsArgs;
use super::table::Format;
use clap::{Args as Group, Parser, Subcommand};
use std::path::PathBuf;

/// Learn probabilistic models by gradients of expectations, and see how good the gradients are.
///
/// The gradient of an expectation can be estimated along the path of a sample (sgvb) and through the score
/// of its density (reinforce). `train` fits a model with such an estimator, or exactly where the model allows it;
/// `compare` shows what the estimators cost and how noisy they are, beside the exact gradient.
#[derive(Parser, Debug)]
// `train`, which is built by hand, has order zero and stands first in the help.
#[command(name = "pathscore", version, arg_required_else_help = true, next_display_order = 1)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Measure a trained model on its test part: exact log-likelihoods, bounds, errors.
    Evaluate(EvaluateArgs),
    /// Draw new data from a trained model, as one picture or as numbers.
    Sample(SampleArgs),
    /// Write the latents of rows of data: the parameters of their posterior.
    ///
    /// Real latents have columns loc_1, loc_2, … with the means of the posterior, and then scale_1, scale_2, … with its standard
    /// deviations. Bits have their probabilities, probs_1, probs_2, …, and so have the components of a mixture. Where there are layers, each is
    /// given the means of the layer that is drawn before it. An array of NumPy has the same columns without their names.
    Encode(EncodeArgs),
    /// Write rows of data as a trained model gives them back from their latents.
    ///
    /// Each number is the mean of its column given the latents, in the units in which the model sees the data: with --standardize of train,
    /// in standard deviations. The latents are the means of their posterior, or with --draw a draw from it.
    Reconstruct(ReconstructArgs),
    /// Write one page about a run: its numbers and what they mean, its curve, pictures and settings.
    Report(ReportArgs),
    #[command(flatten)]
    Bench(BenchCommand),
    /// Estimate ln p(x) and its gradient in all ways on one problem whose exact answer is known, and draw the evidence ladder.
    Likelihood(LikelihoodArgs),
    /// Compare the criteria of energy models on one machine whose states can be summed: exact bias, likelihood reached.
    Criteria(CriteriaArgs),
    /// Print the script by which a shell completes commands and options.
    Completions(CompletionsArgs),
    /// Print a page of the manual, for `man`.
    Man(ManArgs),
}

/// The commands about the estimators and problems of a bench.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// Compare gradient estimators with the exact gradient: bias, variance, time, pictures.
    Compare(CompareArgs),
    /// Certify every estimator: compare its mean, exact or from samples, with the exact gradient.
    Check(CheckArgs),
    /// List what there is, with its sources: estimators, problems; for pathscore also models, options and data.
    List(ListArgs),
}

/// The program of a bench.
///
/// Each problem has a known gradient, and each estimator of it is compared with that gradient.
#[derive(Parser, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

/// Options of `evaluate`.
#[derive(Group, Debug)]
pub(crate) struct EvaluateArgs {
    /// The folder of the run.
    pub(crate) run: PathBuf,

    /// Importance samples for each test row, where the likelihood is bounded by sampling [default: 5000].
    #[arg(long, value_name = "K")]
    pub(crate) num_samples: Option<usize>,

    /// The number of rows of the test part, from the first on [default: all].
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,

    /// Also estimate by annealed importance sampling in so many steps (a thousand is a good number).
    ///
    /// Of a model with latents that have a posterior of their own, it anneals the latents from their prior to their posterior and adds three
    /// quantities. `ais lower`: a lower bound of ln p(x) of test rows, tighter than the others where the posterior is far
    /// from q. `ais lower, simulated` and `ais upper, simulated`: a lower and an upper bound of rows that the model has drawn itself, of whose
    /// latents an exact posterior draw is known (Grosse, Ghahramani and Adams 2015). Their difference, `ais gap, simulated`, tells how far the
    /// lower bound may be from the truth: more steps make it smaller. The mean of each bound is on its side of ln p(x); a single value may
    /// differ by chance.
    ///
    /// Of an energy model, it estimates ln Z from two sides. Forward, chains go from independent columns to the model: that estimate is
    /// low in the mean, so the likelihood that it gives is too high. In reverse, chains go back from samples of the model: that one is high in
    /// the mean, if the samples are good. Low and high are the ends of an interval of three standard errors of Z (not of ln Z). The gap between
    /// the two sides tells how far they may be trusted; never quote the forward value alone.
    #[arg(long, value_name = "STEPS", help_heading = "Annealed importance sampling")]
    pub(crate) ais: Option<usize>,

    /// The number of chains: for each row of a model with latents [default: 10], or of an energy model [default: 100].
    #[arg(long, value_name = "N", requires = "ais", help_heading = "Annealed importance sampling")]
    pub(crate) ais_chains: Option<usize>,

    /// The number of test rows whose latents are annealed, from the first on, and of simulated rows [default: 100]; the time is proportional to it.
    #[arg(long, value_name = "N", requires = "ais", help_heading = "Annealed importance sampling")]
    pub(crate) ais_rows: Option<usize>,

    /// The form in which the progress of --ais is printed.
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "HOW",
        requires = "ais",
        help_heading = "Annealed importance sampling"
    )]
    pub(crate) progress: ProgressKind,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// Options of `sample`.
#[derive(Group, Debug)]
pub(crate) struct SampleArgs {
    /// The folder of the run.
    pub(crate) run: PathBuf,

    /// The number of rows of data that are drawn, or completed [default: 64, or 8 with --inpaint].
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<usize>,

    /// Gibbs sweeps of each chain of an energy model, from independent columns to a sample [default: 2000].
    #[arg(long, value_name = "N")]
    pub(crate) sweeps: Option<usize>,

    /// Complete test rows of which a part is hidden: left, right, top or bottom half of a picture, or a fraction of the
    /// columns between 0 and 1, chosen by the seed. The picture shows each row, the row without the hidden part, and
    /// completions, which are samples of the hidden part given the rest and not means.
    #[arg(long, value_name = "PART")]
    pub(crate) inpaint: Option<Hidden>,

    /// The file to write: a picture, FILE.png, or the rows as numbers, FILE.csv or FILE.npy (an array of NumPy). Pictures are drawn as
    /// means, rows of a table with their noise.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
}

/// Options of `encode`.
#[derive(Group, Debug)]
#[command(after_help = "Example: pathscore encode runs/vae-1 --part test --out latents.npy")]
pub(crate) struct EncodeArgs {
    /// The folder of the run.
    pub(crate) run: PathBuf,

    #[command(flatten)]
    pub(crate) rows: RowsArgs,

    /// The file to write: numbers, a line or row for each row of data, as FILE.csv with a header (and a column label if the data have labels) or as FILE.npy
    /// (an array of NumPy); or FILE.png, the rows in the plane of the first two latents.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Options of `reconstruct`.
#[derive(Group, Debug)]
#[command(
    after_help = "Example: pathscore reconstruct runs/vae-1 --part test --rows 20 --out rows.png"
)]
pub(crate) struct ReconstructArgs {
    /// The folder of the run.
    pub(crate) run: PathBuf,

    #[command(flatten)]
    pub(crate) rows: RowsArgs,

    /// Decode a draw from the posterior of each row in place of its mean.
    #[arg(long)]
    pub(crate) draw: bool,

    /// The file to write: the means of the columns given the latents as numbers, FILE.csv (with a column label if the data have labels) or
    /// FILE.npy (an array of NumPy), or as a picture beside the rows, FILE.png, which shows some rows unless --rows is given.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,

    /// The seed from which the draws are derived [default: 0].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

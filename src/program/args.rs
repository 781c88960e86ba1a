//! What can be asked on the command line.

use super::table::Format;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
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
    /// Set gradient estimators against each other where the exact gradient is known.
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

    /// From which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// Threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// Options of `sample`.
#[derive(Group, Debug)]
pub(crate) struct SampleArgs {
    /// The run's folder.
    pub(crate) run: PathBuf,

    /// How many pictures.
    #[arg(long, default_value_t = 64, value_name = "N")]
    pub(crate) count: usize,

    /// The picture file to write.
    #[arg(long, value_name = "FILE.png")]
    pub(crate) out: PathBuf,

    /// From which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,
}

/// A problem of `compare`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// One whose exact gradient is known.
    Known(ProblemName),
    /// The folder of a run.
    Run(PathBuf),
}

impl std::str::FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(dir) = text.strip_prefix("run:") {
            return Ok(Self::Run(dir.into()));
        }
        ProblemName::from_str(text, false).map(Self::Known).map_err(|_| {
            let names: Vec<String> =
                ProblemName::value_variants().iter().map(super::choice::cli_name).collect();
            format!("the choices are {}, and run:DIR", names.join(", "))
        })
    }
}

impl CompareArgs {
    /// Gradients drawn from each.
    pub(crate) fn draws(&self) -> usize {
        let of_run = matches!(self.problem, Some(Subject::Run(_)));
        self.draws.unwrap_or(if of_run { 400 } else { 20_000 })
    }
}

/// Options of `compare`.
#[derive(Group, Debug)]
pub(crate) struct CompareArgs {
    /// The problem [default: all whose gradient is known; `pathscore list` names them], or run:DIR, a folder that
    /// `train` has written: its model and data, at the parameters it has learnt.
    ///
    /// Of a run the minibatch is one of its own batches, held still; a component is the gradient of a tensor along
    /// a direction drawn once (encoder.0.weight·1), and the variance that of the whole gradient. The truth is not
    /// known there: it is the mean of more draws by the least noisy unbiased estimator, and z counts the errors of
    /// both.
    #[arg(long, value_name = "NAME|run:DIR")]
    pub(crate) problem: Option<Subject>,

    /// The estimators, separated by commas [default: all that fit]; `pathscore list` names them.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub(crate) estimators: Option<Vec<String>>,

    /// Gradients drawn from each [default: 20000; of a run 400].
    #[arg(long, value_name = "N")]
    pub(crate) draws: Option<usize>,

    /// Samples within each gradient, K.
    #[arg(long, default_value_t = 2, value_name = "K")]
    pub(crate) num_samples: usize,

    /// From which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// Threads; results do not depend on it, times do [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The folder for the figures, each as SVG and PNG.
    ///
    /// PROBLEM: means with their errors against the exact gradient, and what they cost. PROBLEM-draws:
    /// single gradients as violins; an estimator is right if its violin balances on the line, good if the
    /// violin is narrow. PROBLEM-snr: whether more draws K make a gradient clearer; along the path (iwae) it
    /// gets worse for q. variance-…: the noise along a parameter of two expectations, with theory's curves;
    /// without --problem.
    #[arg(long, default_value = "runs/compare", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// How the result is printed: json and csv have a row for each component of the gradient.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// Options of `check`.
#[derive(Group, Debug)]
pub(crate) struct CheckArgs {
    /// The problem [default: all].
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) problem: Option<ProblemName>,

    /// The estimators, separated by commas [default: all that fit]; `pathscore list` names them.
    #[arg(long, value_delimiter = ',', value_name = "A,B")]
    pub(crate) estimators: Option<Vec<String>>,

    /// Tries estimators that are known to be wrong instead, and says what gave each away.
    #[arg(long, conflicts_with_all = ["problem", "estimators"])]
    pub(crate) zoo: bool,

    /// The most gradients drawn from each whose mean cannot be listed.
    #[arg(long, default_value_t = 8_192_000, value_name = "N")]
    pub(crate) draws: usize,

    /// The most seconds of drawing for each of those; what is not settled by then is inconclusive.
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,

    /// From which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// Threads; results do not depend on it without --seconds [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

/// Problems whose exact gradient is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProblemName {
    /// Two bits behind three, all four states of the latents summed.
    #[value(alias = "small-dvae")]
    SbnSmall,
    /// One normal latent seen through a line, in closed form.
    LinearGaussian,
    /// E (b − 0.45)² for a bit b.
    BernoulliToy,
    /// E z² for a normal z.
    GaussianQuadratic,
    /// Layers of two bits and one behind three, all states summed.
    SbnTwoLayers,
    /// Three layers of a bit each, with tanh layers between, all states summed.
    SbnThreeLayers,
    /// One normal latent behind two bits, by quadrature.
    LogisticNormal,
    /// One normal latent, then two bits, behind one: states summed, the rest by quadrature.
    MixedSmall,
}

/// Options of `list`.
#[derive(Group, Debug)]
pub(crate) struct ListArgs {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

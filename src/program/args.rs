//! What can be asked on the command line.

use super::progress::ProgressKind;
use super::table::Format;
use clap::{Args as Group, Parser, Subcommand, ValueEnum};
use pathscore::models::data::{Binarize, Source};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Learn probabilistic models by gradients of expectations, and see how good the gradients are.
///
/// A gradient of an expectation has two roads: along the path of a sample (sgvb) and through the score
/// of its density (reinforce). `train` takes either to fit a variational autoencoder; `compare` sets
/// them against each other and against the exact gradient.
#[derive(Parser, Debug)]
#[command(name = "pathscore", version, arg_required_else_help = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Train a variational autoencoder and write a folder of numbers and pictures.
    Train(Box<TrainArgs>),
    /// Bounds and importance-sampled log-likelihood of a trained run on its test split.
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

/// The models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Model {
    /// Normal latents.
    #[default]
    Vae,
    /// Bernoulli latents with a uniform prior.
    Dvae,
    /// A sigmoid belief net: one to three layers of Bernoulli latents, --layers, with a learnt prior.
    Sbn,
}

/// The estimators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EstimatorName {
    /// ELBO, along the path of a reparameterised sample; needs continuous latents, as do the next four.
    Sgvb,
    /// ELBO, sticking the landing: the path part alone, silent where q is the posterior.
    Stl,
    /// The importance-weighted bound of K draws.
    Iwae,
    /// The same bound, doubly reparameterised: a clearer signal for the encoder; prefer it to iwae.
    Dreg,
    /// Rényi's bound, --alpha.
    Renyi,
    /// ELBO, through the score of the density, with --baseline; any latents, as the next five.
    Reinforce,
    /// ELBO, with a baseline network of the row, centred and scaled; layers of sbn have signals of their own.
    Nvil,
    /// The importance-weighted bound of K ≥ 2 draws, each with the others for a baseline.
    Vimco,
    /// Reweighted wake-sleep: model and posterior learn from the same K weighted draws.
    Wake,
    /// The same with the model's dreams for the posterior too, --wake.
    WakeSleep,
    /// The thermodynamic objective between the ELBO and ln p(x), --points.
    Tvo,
    /// ELBO, with a line through the mean of the bits for a baseline; one layer of bits, as all that follow.
    Muprop,
    /// ELBO, through pairs of opposite bits, --num-samples of them.
    Arm,
    /// The same with the uniform numbers averaged out; prefer it to arm.
    Disarm,
    /// The importance-weighted bound of K draws, through K such pairs.
    DisarmBound,
    /// ELBO, with the relaxed model for a control variate, whose --temperature and scale are learnt.
    Rebar,
    /// The same with a network beside it, --baseline-hidden.
    Relax,
    /// ELBO, each bit summed over exactly: one evaluation more for every latent.
    Local,
    /// Relaxed bits at --temperature, biased: the model learns to live between the bits.
    Concrete,
    /// Bits with the slope of their probabilities, or, with --temperature, of the relaxation; biased.
    StraightThrough,
}

/// How the divergence of the posterior from the prior enters sgvb.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KlForm {
    /// In closed form.
    #[default]
    Analytic,
    /// As ln q − ln p at the draws.
    Sampled,
}

/// The baselines of reinforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BaselineName {
    /// Nothing is subtracted.
    None,
    /// A constant, --baseline-value.
    Constant,
    /// The running mean of the signal over earlier batches.
    RunningMean,
    /// The mean of the other draws for the same row; needs --num-samples 2 or more.
    LeaveOneOut,
    /// A network of the row, --baseline-hidden units, learnt beside the model.
    Network,
    /// The constant of least variance, learnt from earlier batches by a second sweep back.
    Optimal,
}

/// When nvil's running mean and variance take in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NvilMode {
    /// After its gradient was taken.
    #[default]
    Unbiased,
    /// Before, as in the paper: biased by a factor of the batch's size.
    Paper,
}

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

/// What the decoder's output is the parameter of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LikelihoodName {
    /// Bits (or grey values in [0, 1] read as probabilities).
    #[default]
    Bernoulli,
    /// Real numbers with a learnt standard deviation for each column.
    Normal,
}

/// Learning-rate schedules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScheduleName {
    /// Always --lr.
    #[default]
    Constant,
    /// Half a cosine from --lr down to zero at the last step.
    CosineDecay,
    /// By a factor of ten down to the last step.
    ExponentialDecay,
    /// Rising over the first twentieth of the steps, then a cosine down to zero.
    WarmupCosineDecay,
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

/// Options of `train`.
#[derive(Group, Debug)]
pub(crate) struct TrainArgs {
    /// The model.
    #[arg(value_enum, default_value = "vae")]
    pub(crate) model: Model,

    /// digits (drawn by the program), bars, idx:PATH (MNIST's format; a folder or a file), csv:PATH, npy:PATH.
    #[arg(long, default_value = "digits", value_name = "SOURCE")]
    pub(crate) data: Source,

    /// The gradient estimator [default: sgvb for vae, reinforce for dvae, vimco for sbn].
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) estimator: Option<EstimatorName>,

    /// The form of the divergence in sgvb.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) kl: KlForm,

    /// What reinforce subtracts from its signal [default: leave-one-out].
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) baseline: Option<BaselineName>,

    /// The constant of --baseline constant.
    #[arg(long, default_value_t = 0.0, value_name = "X", allow_negative_numbers = true)]
    pub(crate) baseline_value: f64,

    /// How much of the old mean a running baseline (running-mean, optimal, nvil) keeps at each step.
    #[arg(long, default_value_t = 0.9, value_name = "D")]
    pub(crate) baseline_decay: f64,

    /// Units of the networks of nvil, --baseline network and relax.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) baseline_hidden: usize,

    /// When nvil's running mean and variance take in a batch.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) nvil_mode: NvilMode,

    /// The order of renyi's bound: 1 is the ELBO, 0 the importance-weighted bound.
    #[arg(long, default_value_t = 0.5, value_name = "A", allow_negative_numbers = true)]
    pub(crate) alpha: f64,

    /// Points of tvo's path from q to the posterior; with one it is the ELBO.
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub(crate) points: usize,

    /// The part of the wake phase in the posterior's gradient of wake-sleep, the rest being dreams.
    #[arg(long, default_value_t = 0.5, value_name = "L")]
    pub(crate) wake: f64,

    /// The temperature of relaxed bits: of concrete and straight-through, and where that of rebar and relax
    /// begins [default: 0.5; none for straight-through].
    #[arg(long, value_name = "T")]
    pub(crate) temperature: Option<f64>,

    /// Draws for each row, K (Pyro's num_particles) [default: 10 for the bounds of several draws, 4 for
    /// reinforce, 1 for the others].
    #[arg(long, value_name = "K")]
    pub(crate) num_samples: Option<usize>,

    /// The number of latents [default: 10 for vae, 200 for dvae].
    #[arg(long, value_name = "D")]
    pub(crate) latent_dim: Option<usize>,

    /// Widths of the layers of bits of sbn, nearest the data first, at most three [default: 200,200].
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    pub(crate) layers: Option<Vec<usize>>,

    /// Widths of the encoder's hidden layers; the decoder has them in reverse. In sbn they stand between any
    /// two layers of bits [default: 200,200 for vae, 200 for dvae, none for sbn].
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    pub(crate) hidden: Option<Vec<usize>>,

    /// What stands between the layers.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) activation: ActivationName,

    /// What the decoder describes.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) likelihood: LikelihoodName,

    /// Rows of a step.
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub(crate) batch: usize,

    /// Passes through the training rows [default: 60].
    #[arg(long, value_name = "N", group = "length")]
    pub(crate) epochs: Option<u64>,

    /// Steps instead of epochs.
    #[arg(long, value_name = "N", group = "length")]
    pub(crate) steps: Option<u64>,

    /// Seconds of training instead of epochs.
    #[arg(long, value_name = "S", group = "length")]
    pub(crate) seconds: Option<f64>,

    /// The learning rate.
    #[arg(long, default_value_t = 1e-3, value_name = "R")]
    pub(crate) lr: f64,

    /// How the learning rate changes.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) schedule: ScheduleName,

    /// How the gradient is followed.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) optimizer: OptimizerName,

    /// The momentum of --optimizer sgd.
    #[arg(long, default_value_t = 0.9, value_name = "M")]
    pub(crate) momentum: f64,

    /// The largest norm of a gradient; a longer one is shortened.
    #[arg(long, value_name = "NORM")]
    pub(crate) clip: Option<f64>,

    /// none, threshold (at one half), dynamic (drawn anew at each visit), fixed (drawn once)
    /// [default: dynamic for digits and idx with Bernoulli pixels, else none].
    #[arg(long, value_name = "HOW")]
    pub(crate) binarize: Option<Binarize>,

    /// The number type.
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    pub(crate) dtype: Dtype,

    /// From which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// Importance samples for each test row in the final evaluation.
    #[arg(long, default_value_t = 500, value_name = "K")]
    pub(crate) eval_samples: usize,

    /// After each epoch also measure, into metrics.jsonl: the gradient's variance and signal-to-noise ratio, the
    /// effective number of 50 weighted draws, the divergence of each latent from the prior, and how many
    /// latents are active. It costs 20 steps an epoch and changes nothing else.
    #[arg(long)]
    pub(crate) diagnostics: bool,

    /// Threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The run's folder [default: a fresh one under runs/].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Replace a run that is already in the folder.
    #[arg(long)]
    pub(crate) force: bool,

    /// Continue a run from its last checkpoint, with its own settings; only --threads, --progress and a
    /// new length are heeded beside it.
    #[arg(long, value_name = "DIR", conflicts_with_all = [
        "out", "force", "data", "estimator", "kl", "baseline", "baseline_value", "baseline_decay",
        "baseline_hidden", "nvil_mode", "alpha", "points", "wake", "temperature", "num_samples", "latent_dim", "layers", "hidden", "activation", "likelihood", "batch", "lr", "schedule",
        "optimizer", "momentum", "clip", "binarize", "dtype", "seed", "eval_samples", "diagnostics", "model"])]
    pub(crate) resume: Option<PathBuf>,

    /// How progress is told.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) progress: ProgressKind,

    /// The longest time between two checkpoints, in seconds.
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub(crate) checkpoint_seconds: f64,
}

/// Options of `evaluate`.
#[derive(Group, Debug)]
pub(crate) struct EvaluateArgs {
    /// The run's folder.
    pub(crate) run: PathBuf,

    /// Importance samples for each test row.
    #[arg(long, default_value_t = 5000, value_name = "K")]
    pub(crate) num_samples: usize,

    /// The first rows of the test split only.
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
                ProblemName::value_variants().iter().map(super::config::cli_name).collect();
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

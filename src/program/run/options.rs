//! The options of `train` that several kinds of models share, and a reader of the options that were given.

use super::choices::{Dtype, OPTIMIZER_OPTIONS, OptimizerName, ScheduleName};
use super::settings::{DataSettings, Length, OptimizerSettings, Settings};
use crate::program::choice::cli_name;
use crate::program::progress::ProgressKind;
use crate::program::usage_error::usage_error;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use pathscore::models::data::{Binarize, Source};
use std::fmt::Display;
use std::path::PathBuf;

/// Options of every run.
#[derive(Args, Debug)]
#[command(next_help_heading = "Run")]
pub(crate) struct RunOptions {
    /// The data.
    #[arg(long, default_value = "digits", value_name = "SOURCE")]
    pub(crate) data: Source,

    /// The binarisation of grey values: none, threshold (at one half), dynamic (drawn anew at each visit), fixed
    /// (drawn once) [default: dynamic for digits and idx if the model describes bits, else none].
    #[arg(long, value_name = "HOW")]
    pub(crate) binarize: Option<Binarize>,

    /// Bring every column to mean zero and standard deviation one in the training part; samples and pictures are in these
    /// units.
    #[arg(long)]
    pub(crate) standardize: bool,

    /// The number of passes through the training rows.
    #[arg(long, value_name = "N", group = "length")]
    pub(crate) epochs: Option<u64>,

    /// The number of steps, instead of --epochs.
    #[arg(long, value_name = "N", group = "length")]
    pub(crate) steps: Option<u64>,

    /// The time of training in seconds, instead of --epochs.
    #[arg(long, value_name = "S", group = "length")]
    pub(crate) seconds: Option<f64>,

    /// The number type.
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    pub(crate) dtype: Dtype,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The folder of the run [default: a new one under runs/].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Replace a run that is already in the folder; it stays until the first checkpoint of the new one is written.
    #[arg(long)]
    pub(crate) force: bool,

    /// Continue a run from its last checkpoint, with its own settings; only --threads, --progress,
    /// --checkpoint-seconds, --tensorboard, a new length and a new --lr may be given beside it.
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,

    /// Also write every number of metrics.jsonl, by its name there, into a folder of event files for TensorBoard, as in
    /// `--tensorboard runs/events/vae-1`, which `tensorboard --logdir runs/events` shows. A run that is continued does so only if the
    /// option is given again.
    #[arg(long, value_name = "DIR")]
    pub(crate) tensorboard: Option<PathBuf>,

    /// The form in which progress is printed.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) progress: ProgressKind,

    /// The longest time between two checkpoints, in seconds.
    #[arg(long, default_value_t = 5.0, value_name = "S")]
    pub(crate) checkpoint_seconds: f64,
}

/// Options of a run that follows gradients.
#[derive(Args, Debug)]
#[command(next_help_heading = "Optimizer")]
pub(crate) struct OptimizerOptions {
    /// The number of rows of a step.
    #[arg(long, value_name = "N")]
    pub(crate) batch: Option<usize>,

    /// The learning rate.
    #[arg(long, default_value_t = 1e-3, value_name = "R")]
    pub(crate) lr: f64,

    /// The schedule of the learning rate; with --seconds it is constant unless given.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) schedule: ScheduleName,

    /// The optimiser, which follows the gradient.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    pub(crate) optimizer: OptimizerName,

    /// The momentum of --optimizer sgd [default: 0.9] or rmsprop [default: 0].
    #[arg(long, value_name = "M")]
    pub(crate) momentum: Option<f64>,

    /// Nesterov's form of the momentum of --optimizer sgd.
    #[arg(long)]
    pub(crate) nesterov: bool,

    /// Divide the gradient by its standard deviation and not by its root mean square, with --optimizer rmsprop.
    #[arg(long)]
    pub(crate) centered: bool,

    /// The rate at which --optimizer adamw lets weights decay, as a multiple of the learning rate.
    #[arg(long, default_value_t = 0.01, value_name = "R")]
    pub(crate) weight_decay: f64,

    /// The largest norm of a gradient; a longer one is shortened.
    #[arg(long, value_name = "NORM")]
    pub(crate) clip: Option<f64>,
}

/// The help of `--epochs` for a kind whose runs have so many epochs if no length is given.
pub(crate) fn epochs_help(default: u64) -> String {
    format!("The number of passes through the training rows [default: {default}]")
}

/// The names of [`OptimizerOptions`], for a method that follows no gradient.
pub(crate) const OPTIMIZER: &[&str] = &[
    "batch",
    "lr",
    "schedule",
    "optimizer",
    "momentum",
    "nesterov",
    "centered",
    "weight_decay",
    "clip",
];

/// The options that may stand beside `--resume`.
pub(crate) const BESIDE_RESUME: &[&str] = &[
    "threads",
    "progress",
    "checkpoint_seconds",
    "tensorboard",
    "epochs",
    "steps",
    "seconds",
    "length",
    "lr",
];

impl RunOptions {
    /// The length that was asked for, if any was.
    pub(crate) fn length(&self) -> Option<Length> {
        let epochs = self.epochs.map(Length::Epochs);
        epochs.or(self.steps.map(Length::Steps)).or(self.seconds.map(Length::Seconds))
    }
}

/// The options that were given on the command line for one kind of model.
pub(crate) struct Given<'a> {
    matches: &'a ArgMatches,
}

impl<'a> Given<'a> {
    pub(crate) fn new(matches: &'a ArgMatches) -> Self {
        Self { matches }
    }

    /// The options of one group.
    pub(crate) fn options<T: FromArgMatches>(&self) -> anyhow::Result<T> {
        T::from_arg_matches(self.matches).map_err(|error| usage_error(error.to_string()))
    }

    /// Everything that was parsed.
    pub(crate) fn matches(&self) -> &'a ArgMatches {
        self.matches
    }

    /// The number of an option, if it was given or has a default.
    pub(crate) fn number(&self, id: &str) -> Option<usize> {
        self.matches.try_get_one(id).ok().flatten().copied()
    }

    /// The text of an option, if it was given or has a default.
    pub(crate) fn text(&self, id: &str) -> Option<&'a String> {
        self.matches.try_get_one(id).ok().flatten()
    }

    /// True if an option was given on the command line.
    pub(crate) fn has(&self, id: &str) -> bool {
        let known = self.matches.try_contains_id(id).unwrap_or(false);
        known && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// Refuses options that would have no effect.
    ///
    /// # Errors
    /// If one of them was given; the message ends with the reason.
    pub(crate) fn refuse(&self, ids: &[&str], reason: impl Display) -> anyhow::Result<()> {
        match ids.iter().find(|id| self.has(id)) {
            Some(id) => {
                let option = id.replace('_', "-");
                Err(usage_error(format!("--{option} has no effect here: {reason}")))
            }
            None => Ok(()),
        }
    }

    /// The settings that do not depend on the kind of model, with a length if none was given; `bits` is true if the
    /// model describes bits, so that grey values are binarised.
    pub(crate) fn settings(
        &self,
        kind: &str,
        length: Length,
        bits: bool,
    ) -> anyhow::Result<Settings> {
        let run: RunOptions = self.options()?;
        if bits {
            self.refuse(&["standardize"], "this model describes bits, which have one scale")?;
        }
        let greys = run.data.kind().grey;
        let default = if greys && bits { Binarize::Dynamic } else { Binarize::None };
        let data = DataSettings {
            source: absolute(&run.data)?,
            binarize: run.binarize.unwrap_or(default).to_string(),
            standardize: run.standardize,
            split: String::new(),
        };
        let length = run.length().unwrap_or(length);
        Ok(Settings::new(kind, (run.seed, run.dtype, length), data))
    }

    /// The settings of the optimiser.
    ///
    /// # Errors
    /// If an option was given that the chosen optimiser does not have.
    pub(crate) fn optimizer(&self) -> anyhow::Result<OptimizerSettings> {
        let given: OptimizerOptions = self.options()?;
        let (chosen, name) = (given.optimizer, cli_name(&given.optimizer));
        let has = |option: &str| chosen.options().contains(&option);
        for (option, words, owners) in OPTIMIZER_OPTIONS {
            if !has(option) {
                let reason =
                    format!("{name} has no {words} to set; it goes with --optimizer {owners}");
                self.refuse(&[&option.replace('-', "_")], reason)?;
            }
        }
        // A decay by default needs a known number of steps, and one that was asked for is refused without it.
        let unknown = self.has("seconds") && !self.has("schedule");
        let schedule = if unknown { ScheduleName::Constant } else { given.schedule };
        let momentum = given.momentum.unwrap_or(chosen.momentum());
        if given.nesterov && momentum == 0.0 {
            self.refuse(&["nesterov"], "the momentum is 0")?;
        }
        Ok(OptimizerSettings {
            name: given.optimizer,
            batch: given.batch,
            lr: given.lr,
            schedule,
            momentum: has("momentum").then_some(momentum),
            nesterov: given.nesterov,
            centered: given.centered,
            weight_decay: has("weight-decay").then_some(given.weight_decay),
            clip: given.clip,
        })
    }
}

/// The source with its path written out, so that a run can be resumed from anywhere.
fn absolute(source: &Source) -> anyhow::Result<String> {
    let full = |path: PathBuf| {
        let wrong = |what: &str| usage_error(format!("{}: {what}", path.display()));
        let full = std::path::absolute(&path).map_err(|error| wrong(&error.to_string()))?;
        match full.to_str() {
            Some(_) => Ok(full),
            None => Err(wrong("the path is not in UTF-8, so run.toml cannot hold it")),
        }
    };
    Ok(source.clone().map_path(full)?.to_string())
}

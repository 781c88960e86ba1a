//! The two traits by which the program knows models: a [`Kind`] makes a [`Fitting`], and everything else is written
//! once for all kinds.

use super::codes::Codes;
use crate::program::gallery::DRAWS;
use crate::program::progress::ProgressKind;
use crate::program::run::checkpoint::State;
use crate::program::run::options::Given;
use crate::program::run::settings::Settings;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Claim;
use pathscore::models::Params;
use pathscore::models::data::{Split, Table};
use serde_json::Value;
use std::ops::Range;

/// The entry of a kind in `list` and in the help.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// The name on the command line.
    pub(crate) name: &'static str,
    /// The description in one line.
    pub(crate) line: &'static str,
    /// The paper.
    pub(crate) source: &'static str,
    /// The names of the pictures that its runs write.
    pub(crate) pictures: &'static [&'static str],
}

/// A kind of model: its options, and how to open a run of it.
pub(crate) trait Kind: Sync {
    /// The entry of the kind in `list` and in the help.
    fn about(&self) -> &'static About;

    /// Adds the options of the kind, and those of the methods that fit it, to `train KIND`.
    fn options(&self, command: clap::Command) -> clap::Command;

    /// The settings of a new run.
    ///
    /// # Errors
    /// If an option is out of its range, or would have no effect beside the others.
    fn settings(&self, given: &Given) -> anyhow::Result<Settings>;

    /// A fit that has not begun. The number type and the types of model and estimator are chosen here.
    ///
    /// # Errors
    /// If the data do not fit the model, or the settings are not of this kind.
    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>>;

    /// The option with which cells of the data may be missing, if there is one.
    fn takes_missing(&self) -> Option<&'static str> {
        None
    }

    /// True if the fit is the same whatever the scales of the columns are.
    fn scales_columns(&self) -> bool {
        false
    }

    /// True if the fits of this kind have [`Fitting::codes`].
    fn has_codes(&self) -> bool {
        false
    }

    /// Completes the settings of a new run by what the data say, and returns a note about it for the user.
    ///
    /// # Errors
    /// If the data do not allow it.
    fn complete(&self, settings: &mut Settings, split: &Split) -> anyhow::Result<Option<String>> {
        let _ = (settings, split);
        Ok(None)
    }

    /// The estimators whose gradients `compare` can draw at the parameters of a run; `samples` is the number of draws
    /// for each row, unless an estimator has its own.
    fn compared(&self, settings: &Settings, samples: usize) -> Vec<Compared> {
        let _ = (settings, samples);
        Vec::new()
    }
}

/// A kind whose model is made from its settings and the data alike in either precision.
pub(crate) trait MakeModel {
    type Model;

    /// The model of a run with its initial parameters.
    ///
    /// # Errors
    /// If the settings are not of this kind, or the data do not fit the model.
    fn make<F: Scalar>(
        settings: &Settings,
        split: &Split,
    ) -> anyhow::Result<(Self::Model, Params<F>)>;
}

/// An estimator whose gradients `compare` can draw at the parameters of a run.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) name: String,
    /// The settings of the run with those of this estimator.
    pub(crate) settings: Settings,
    /// True if the estimator is so slow on this model that it is compared only if it is named.
    pub(crate) slow: bool,
}

/// A model that is being fitted; the types of the model, the estimator and the numbers are erased.
pub(crate) trait Fitting {
    /// The method and its options in a few words.
    fn words(&self) -> String;

    /// The number of parameters.
    fn parameters(&self) -> usize;

    /// The steps of one pass through the training rows.
    fn per_epoch(&self) -> u64;

    /// The number of steps taken.
    fn taken(&self) -> u64;

    /// Takes one step (a batch, a sweep of EM, a solution in closed form) and returns its readings; the first is the
    /// quantity that is maximised.
    ///
    /// # Errors
    /// If a number is not finite; the state is that before the step.
    fn advance(&mut self) -> anyhow::Result<&[Reading]>;

    /// True if further steps would change nothing.
    fn finished(&self) -> bool {
        false
    }

    /// The numbers that are measured at the end of an epoch, for `metrics.jsonl`.
    ///
    /// # Errors
    /// If the settings are not of this kind.
    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>>;

    /// The keys of `metrics.jsonl` that make the training curve.
    fn curve(&self) -> Curve;

    /// The results of a run that has ended, for `summary.json` and the terminal.
    ///
    /// # Errors
    /// If the settings are not of this kind.
    fn results(&mut self) -> anyhow::Result<Vec<Quantity>>;

    /// True if the results of a run have no likelihood, and `evaluate --ais` estimates one.
    fn needs_annealing(&self) -> bool {
        false
    }

    /// The quantities that `evaluate` finds on the test part.
    ///
    /// # Errors
    /// If an option of `evaluate` has no effect on this kind.
    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>>;

    /// New rows drawn from the model.
    ///
    /// # Errors
    /// If they are not finite.
    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table>;

    /// The words about the rows of [`Fitting::sample`] as pictures.
    fn samples_are(&self) -> &'static str {
        DRAWS
    }

    /// The pictures of the fitted model, each a file's name and a PNG.
    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>>;

    /// The pictures that are worth a look after this epoch, while training goes on.
    ///
    /// # Errors
    /// If a picture cannot be drawn.
    fn pictures_during(&self, epoch: u64) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let _ = epoch;
        Ok(Vec::new())
    }

    /// Everything that [`Fitting::restore`] needs to go on bit for bit.
    fn save(&self) -> State;

    /// Continues from a saved state.
    ///
    /// # Errors
    /// If it is not of this model, or not of these settings.
    fn restore(&mut self, state: &State) -> anyhow::Result<()>;

    /// The Markov chains by which the model is sampled, if it has no independent draws.
    fn chains(&self) -> Option<&dyn Chains> {
        None
    }

    /// The latents of rows of data, if the model has latents that can be found.
    fn codes(&self) -> Option<Box<dyn Codes + '_>> {
        None
    }

    /// The gradients of the estimator, if there is one.
    fn gradients(&mut self) -> Option<&mut dyn Gradients> {
        None
    }
}

/// One number of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    /// The key in `metrics.jsonl`.
    pub(crate) key: &'static str,
    pub(crate) value: f64,
}

/// The rows of the quick evaluation after each epoch, and the name of its line.
pub(crate) const QUICK_ROWS: usize = 500;
pub(crate) const QUICK_TEST: &str = "test (at most 500 rows)";

/// The names of a training curve.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    /// The key of the training line.
    pub(crate) train: &'static str,
    /// The key of the test line.
    pub(crate) test: &'static str,
    /// The names of the two lines.
    pub(crate) names: [&'static str; 2],
    /// The labels of the vertical axes of the two lines, with their units; lines of one label share an axis.
    pub(crate) labels: [&'static str; 2],
}

/// A quantity that is known of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quantity {
    /// The name in JSON.
    pub(crate) name: String,
    pub(crate) value: f64,
    /// The standard error, if the value is an estimate or a mean over rows.
    pub(crate) error: Option<f64>,
    pub(crate) unit: &'static str,
    /// The draws for each row; none if the value is exact.
    pub(crate) samples: Option<usize>,
    /// The number of rows over which the value is a mean.
    pub(crate) rows: usize,
}

/// The options of `evaluate`, with defaults resolved where they do not depend on the kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure {
    /// Importance samples for each row, if a number was given.
    pub(crate) samples: Option<usize>,
    /// The first rows of the test part.
    pub(crate) rows: usize,
    pub(crate) seed: u64,
    /// Annealed importance sampling, if it was asked for.
    pub(crate) ais: Option<Ais>,
}

/// The options of annealed importance sampling.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ais {
    /// The steps from the prior to the posterior, or from the base model to the model.
    pub(crate) steps: usize,
    /// The chains of each row or of the model, if a number was given.
    pub(crate) chains: Option<usize>,
    /// The most rows of the test part, and the number of simulated rows, if a number was given.
    pub(crate) rows: Option<usize>,
    pub(crate) progress: ProgressKind,
}

impl Measure {
    /// Refuses a number of samples and annealing where there is nothing to sample.
    ///
    /// # Errors
    /// If one of them was given.
    pub(crate) fn refuse_samples(&self, reason: &str) -> anyhow::Result<()> {
        let given = [("--num-samples", self.samples.is_some()), ("--ais", self.ais.is_some())];
        match given.into_iter().find(|given| given.1) {
            Some((option, _)) => Err(usage_error(format!("{option} has no effect here: {reason}"))),
            None => Ok(()),
        }
    }
}

/// Markov chains that leave the distribution of a fitted model invariant.
pub(crate) trait Chains {
    /// The number of sweeps from a start to a sample if none is given.
    fn sweeps(&self) -> usize;

    /// Rows after so many sweeps.
    ///
    /// # Errors
    /// If they are not finite.
    fn sample(&self, count: usize, sweeps: usize, seed: u64) -> anyhow::Result<Table>;

    /// The rows with the columns that are not `known` drawn given the others by so many sweeps.
    ///
    /// # Errors
    /// If they are not finite.
    fn complete(
        &self,
        rows: &Table,
        known: &[bool],
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Table>;
}

/// Draws of a gradient at parameters that stay.
pub(crate) trait Gradients {
    /// Takes over the model's parameters; those of the estimator stay as they were made.
    ///
    /// # Errors
    /// If the state is not of this model.
    fn load_model(&mut self, state: &State) -> anyhow::Result<()>;

    /// The tensors of the model: name and place in the gradient.
    fn tensors(&self) -> Vec<(String, Range<usize>)>;

    /// The claim of the estimator about its mean.
    fn claim(&self) -> Claim;

    /// The name of the quantity whose gradient is estimated.
    fn target(&self) -> String;

    /// Draws gradients for some rows of the training part and shows each to `see`.
    fn draw(&mut self, rows: &[usize], draws: usize, seed: u64, see: &mut dyn FnMut(&[f64]));
}

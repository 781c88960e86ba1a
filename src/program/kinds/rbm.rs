//! `train rbm`: a restricted Boltzmann machine.

use super::criterion;
use super::energy::{EnergyFit, EnergyKindModel, PICTURE_NAMES};
use super::kind::{About, Fitting, Kind};
use crate::program::catalogue::{Job, Row};
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OptimizerOptions, epochs_help};
use crate::program::run::settings::{Length, Settings, at_least_one, to_section};
use clap::{Args, Command};
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::energy::Rbm as Model;
use pathscore::models::seed::{self, Stream};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "rbm",
    line: "a restricted Boltzmann machine: visible and hidden bits, contrastive divergence and other criteria",
    source: "Hinton 2002",
    pictures: PICTURE_NAMES,
};

/// The length of a run if none is given.
const EPOCHS: u64 = 30;

/// The kind `rbm`.
pub(crate) struct Rbm;

/// The options of `rbm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of hidden units.
    #[arg(long, default_value_t = 100, value_name = "H")]
    hidden: usize,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: usize,
}

impl Kind for Rbm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        let command = criterion::options(Options::augment_args(command));
        OptimizerOptions::augment_args(command)
            .mut_arg("batch", |batch| batch.default_value("100"))
            .mut_arg("epochs", |epochs| epochs.help(epochs_help(EPOCHS)))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden } = given.options()?;
        at_least_one("--hidden", hidden as u64)?;
        let mut settings = given.settings(ABOUT.name, Length::Epochs(EPOCHS), true)?;
        settings.model = to_section(&ModelSettings { hidden })?;
        settings.estimator = criterion::settings(given)?;
        settings.optimizer = Some(given.optimizer()?);
        Ok(settings)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        Ok(match settings.run.dtype {
            Dtype::F32 => Box::new(EnergyFit::open(settings, split, new::<f32>(settings, split)?)?),
            Dtype::F64 => Box::new(EnergyFit::open(settings, split, new::<f64>(settings, split)?)?),
        })
    }
}

/// A restricted Boltzmann machine whose visible biases give the means of the data.
fn new<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
    let ModelSettings { hidden } = settings.model()?;
    let mut params = Params::new();
    let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
    let model = Model::new(&mut params, split.train.columns(), hidden, rng);
    model.set_visible_bias(&mut params, &split.train.mean());
    Ok((model, params))
}

impl<F: Scalar> EnergyKindModel<F> for Model {
    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        criterion::bit_rows()
    }

    fn reconstruct(&self, params: &Params<F>, x: &[F]) -> Vec<F> {
        let tape = Tape::new();
        let (bound, columns) = (params.on(&tape), self.visible());
        let hidden = self.hidden_probs(bound, tape.constant(x, [x.len() / columns, columns]));
        self.visible_probs(bound, hidden).value().values().to_vec()
    }

    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32> {
        let weights = params.get(self.weights());
        let of_unit = |unit: usize| weights.iter().skip(unit).step_by(self.hidden());
        (0..self.hidden().min(most)).flat_map(of_unit).map(|w| w.to_f64() as f32).collect()
    }
}

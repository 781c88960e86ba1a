//! `train rbm`: a restricted Boltzmann machine.

use super::chosen::Chosen;
use super::energy::model::{EnergyKindModel, bit_rows, by_criterion, some_columns};
use super::energy::{self, PICTURES_WITH_HIDDEN};
use super::kind::{About, Fitting, Kind, MakeModel};
use super::trainer::{AnyTrainer, CentredStart, Start};
use crate::program::catalogue::{Job, Row, Setup};
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use clap::{Args, Command};
use pathscore::autodiff::{Scalar, Var};
use pathscore::models::data::Split;
use pathscore::models::energy::Rbm as Model;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BitFlips, Bound, Params};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "rbm",
    line: "a restricted Boltzmann machine: visible and hidden bits, contrastive divergence and other criteria",
    source: "Hinton 2002",
    pictures: PICTURES_WITH_HIDDEN,
};

/// The kind `rbm`.
pub(crate) struct Rbm;

/// The options of `rbm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of hidden units.
    #[arg(long, default_value_t = 100, value_name = "H")]
    hidden: usize,

    /// Centre the gradient: the units enter as differences from their means. Learning is faster.
    #[arg(long)]
    centred: bool,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    centred: bool,
}

impl Kind for Rbm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        energy::options::<Model>(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden, centred } = given.options()?;
        at_least_one("--hidden", hidden as u64)?;
        energy::settings::<Model>(given, ABOUT.name, &ModelSettings { hidden, centred })
    }

    fn has_codes(&self) -> bool {
        true
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        energy::open::<Self>(settings, split)
    }
}

impl MakeModel for Rbm {
    type Model = Model;

    /// A restricted Boltzmann machine whose visible biases give the means of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let ModelSettings { hidden, .. } = settings.model()?;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(&mut params, split.train.columns(), hidden, rng);
        model.set_visible_bias(&mut params, &split.train.mean());
        Ok((model, params))
    }
}

impl<F: Scalar> EnergyKindModel<F> for Model {
    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        bit_rows()
    }

    fn trainer(
        criterion: &Chosen,
        setup: Setup<F>,
        start: Start<Self>,
    ) -> anyhow::Result<Box<dyn AnyTrainer<F, Self>>> {
        let ModelSettings { centred, .. } = start.settings.model()?;
        by_criterion(Self::criteria(), criterion, setup, CentredStart { start, centred })
    }

    fn flips<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.flip_differences(params, x))
    }

    fn expected<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Var<'t, F> {
        self.visible_probs(params, self.hidden_probs(params, states))
    }

    fn hidden_means<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.hidden_probs(params, states))
    }

    fn given_hidden<'t>(&self, params: Bound<'t, F>, hidden: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.visible_probs(params, hidden))
    }

    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32> {
        some_columns(params.get(self.weights()), self.hidden(), most)
    }
}

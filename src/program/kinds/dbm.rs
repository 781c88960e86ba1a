//! `train dbm`: a Boltzmann machine with two layers of hidden bits.

use super::energy::model::{EnergyKindModel, some_columns};
use super::energy::{self, PICTURES_WITH_HIDDEN};
use super::kind::{About, Fitting, Kind, MakeModel};
use crate::program::catalogue::{Job, Row, energy_rows, rows_of, tracked_rows};
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::{Scalar, Var};
use pathscore::models::data::Split;
use pathscore::models::energy::DeepBoltzmann as Model;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, MeanField, Params};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "dbm",
    line: "a deep Boltzmann machine: two layers of hidden bits, mean field and persistent chains",
    source: "Salakhutdinov & Hinton 2009",
    pictures: PICTURES_WITH_HIDDEN,
};

/// The kind `dbm`.
pub(crate) struct Dbm;

/// The options of `dbm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The numbers of hidden units of the two layers, the nearest to the data first.
    #[arg(long, value_delimiter = ',', default_value = "100,50", value_name = "H,H")]
    layers: Vec<usize>,

    /// The steps of mean field, each of which updates both layers.
    #[arg(long, default_value_t = 30, value_name = "N")]
    mean_field_steps: usize,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    layers: [usize; 2],
    mean_field_steps: usize,
}

impl Kind for Dbm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        energy::options::<Model>(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { layers, mean_field_steps } = given.options()?;
        let Ok(layers) = <[usize; 2]>::try_from(layers) else {
            return Err(usage_error("--layers takes two numbers of hidden units, as in 100,50"));
        };
        layers.iter().try_for_each(|&units| at_least_one("--layers", units as u64))?;
        at_least_one("--mean-field-steps", mean_field_steps as u64)?;
        energy::settings::<Model>(given, ABOUT.name, &ModelSettings { layers, mean_field_steps })
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

impl MakeModel for Dbm {
    type Model = Model;

    /// A machine whose visible biases give the means of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let ModelSettings { layers, mean_field_steps } = settings.model()?;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let mut model = Model::new(&mut params, split.train.columns(), layers, rng);
        model.mean_field_steps = mean_field_steps;
        model.set_visible_bias(&mut params, &split.train.mean());
        Ok((model, params))
    }
}

impl<F: Scalar> EnergyKindModel<F> for Model {
    /// The criteria that complete a row of data by mean field.
    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        rows_of([energy_rows(), tracked_rows()])
    }

    fn free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.variational_free_energy(params, x)
    }

    fn exact_free_energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Option<Var<'t, F>> {
        Model::free_energy(self, params, x)
    }

    fn expected<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Var<'t, F> {
        let outer = self.outer_probs(params, self.hidden_probs(params, states));
        outer.slice(-1, 0..self.visible())
    }

    fn hidden_means<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Option<Var<'t, F>> {
        let upper = states.slice(-1, self.visible()..self.columns());
        Some(Var::concat(&[self.hidden_probs(params, states), upper], -1))
    }

    fn given_hidden<'t>(&self, params: Bound<'t, F>, hidden: Var<'t, F>) -> Option<Var<'t, F>> {
        let lower = hidden.slice(-1, 0..self.hidden()[0]);
        Some(self.outer_probs(params, lower).slice(-1, 0..self.visible()))
    }

    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32> {
        some_columns(params.get(self.weights()), self.hidden()[0], most)
    }
}

//! `train grbm`: a restricted Boltzmann machine of real numbers.

use super::energy::model::{EnergyKindModel, some_columns};
use super::energy::{self, PICTURES_WITH_HIDDEN};
use super::kind::{About, Fitting, Kind, MakeModel};
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Scalar, Var};
use pathscore::models::data::{Split, Table};
use pathscore::models::energy::GaussianRbm as Model;
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "grbm",
    line: "a restricted Boltzmann machine of real numbers: a mixture of 2^H normal distributions",
    source: "Welling et al. 2004",
    pictures: PICTURES_WITH_HIDDEN,
};

/// The least standard deviation of a column at the start, as a fraction of the range of the column: one that hardly
/// changes would otherwise have a precision beyond all others.
const LEAST_SD: f64 = 0.03;

/// The kind `grbm`.
pub(crate) struct Grbm;

/// The standard deviations of the columns given the hidden units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sd {
    /// Parameters, which begin at the standard deviations of the data (Cho, Ilin & Raiko 2011).
    Learnt,
    /// Those of the data, whatever the hidden units explain.
    Fixed,
}

/// The options of `grbm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of hidden units.
    #[arg(long, default_value_t = 100, value_name = "H")]
    hidden: usize,

    /// The standard deviations of the columns given the hidden units.
    #[arg(long, value_enum, default_value_t = Sd::Learnt, value_name = "HOW")]
    sd: Sd,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: usize,
    sd: Sd,
}

impl Kind for Grbm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        energy::options::<Model>(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden, sd } = given.options()?;
        at_least_one("--hidden", hidden as u64)?;
        energy::settings::<Model>(given, ABOUT.name, &ModelSettings { hidden, sd })
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

impl MakeModel for Grbm {
    type Model = Model;

    /// A machine whose visible biases are the means of the data, and whose standard deviations begin at those of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let ModelSettings { hidden, sd } = settings.model()?;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let means = split.train.mean();
        let sds = deviations(&split.train);
        let model = match sd {
            Sd::Learnt => Model::with_learnt_sds(&mut params, &sds, hidden, rng),
            Sd::Fixed => Model::new(&mut params, &sds, hidden, rng),
        };
        model.set_visible_bias(&mut params, &means);
        Ok((model, params))
    }
}

/// The standard deviations of the columns, none of them far below the range of its column, as that of a pixel at the border of
/// pictures would be; of a column that never changes, one.
fn deviations(table: &Table) -> Vec<f64> {
    let of_column = |(column, deviation): (usize, f64)| {
        let values = || table.values().iter().skip(column).step_by(table.columns());
        let [low, high] = [
            values().fold(f32::INFINITY, |a, &b| a.min(b)),
            values().fold(f32::NEG_INFINITY, |a, &b| a.max(b)),
        ];
        let range = f64::from(high) - f64::from(low);
        if range > 0.0 { deviation.max(LEAST_SD * range) } else { 1.0 }
    };
    table.standard_deviation().into_iter().enumerate().map(of_column).collect()
}

impl<F: Scalar> EnergyKindModel<F> for Model {
    const BITS: bool = false;

    fn expected<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Var<'t, F> {
        self.visible_means(params, self.hidden_probs(params, states))
    }

    fn hidden_means<'t>(&self, params: Bound<'t, F>, states: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.hidden_probs(params, states))
    }

    fn given_hidden<'t>(&self, params: Bound<'t, F>, hidden: Var<'t, F>) -> Option<Var<'t, F>> {
        Some(self.visible_means(params, hidden))
    }

    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32> {
        some_columns(params.get(self.weights()), self.hidden(), most)
    }
}

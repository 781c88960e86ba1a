//! `train nade`: the neural autoregressive distribution estimator.

use super::density::{self, DensityModel};
use super::kind::{About, Fitting, Kind, MakeModel};
use crate::program::gallery::Gallery;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use clap::{Args, Command};
use pathscore::autodiff::Scalar;
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::Nade as Model;
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "nade",
    line: "a neural autoregressive density of bits: exact likelihood, column by column",
    source: "Larochelle & Murray 2011",
    pictures: &["samples.png", "filters.png", "completions.png"],
};

/// Rows of `completions.png`, the most of `filters.png`, and filters side by side.
const COMPLETIONS: usize = 39;
const FILTERS: usize = 98;
const ACROSS: usize = 14;

/// The kind `nade`.
pub(crate) struct Nade;

/// The options of `nade` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of hidden units.
    #[arg(long, default_value_t = 500, value_name = "H")]
    hidden: usize,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: usize,
}

impl Kind for Nade {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        density::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden } = given.options()?;
        at_least_one("--hidden", hidden as u64)?;
        density::settings(given, ABOUT.name, true, &ModelSettings { hidden })
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        density::bits_only(settings, split)?;
        density::open::<Self>(settings, split)
    }
}

impl MakeModel for Nade {
    type Model = Model;

    /// A model whose biases give the means of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let ModelSettings { hidden } = settings.model()?;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(&mut params, split.train.columns(), hidden, rng);
        model.set_bias(&mut params, &split.train.mean());
        Ok((model, params))
    }
}

impl<F: Scalar> DensityModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;

    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> Vec<F> {
        self.sample(params, count, &mut seed::rng(seed, Stream::Sample, 0))
    }

    /// The weights of hidden units as rows of the data, and rows of the test part, each above itself with the second half of
    /// its columns drawn given the first half.
    fn more_pictures(
        &self,
        params: &Params<F>,
        gallery: &Gallery,
        seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let weights = params.get(self.weights());
        let of_unit = |unit: usize| weights.iter().skip(unit).step_by(self.hidden());
        let units = (0..self.hidden().min(FILTERS)).flat_map(of_unit);
        let filters: Vec<f32> = units.map(|w| w.to_f64() as f32).collect();
        let rng = &mut seed::rng(seed, Stream::Sample, 1);
        let (columns, data) = (self.columns(), gallery.data());
        let completed = |row: &[f32]| -> Vec<F> {
            let first: Vec<F> = row[..columns / 2].iter().map(|&x| F::from(x.round())).collect();
            self.complete(params, &first, 1, rng)
        };
        let rows = (0..data.len().min(COMPLETIONS)).map(|i| data.row(i));
        let completions: Vec<f32> = rows.flat_map(completed).map(|x| x.to_f64() as f32).collect();
        let (shown, all) = (self.hidden().min(FILTERS), self.hidden());
        let names = ["unit", &format!("weights of {shown} of {all} hidden units")];
        Ok(vec![
            ("filters.png", gallery.weights(&filters, ACROSS, names)?),
            ("completions.png", gallery.completions(&completions)?),
        ])
    }
}

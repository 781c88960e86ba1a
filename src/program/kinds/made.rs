//! `train made`: the masked autoencoder as a density.

use super::density::{self, DensityModel};
use super::kind::{About, Fitting, Kind, MakeModel};
use super::network::ActivationName;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one};
use clap::{Args, Command};
use pathscore::autodiff::Scalar;
use pathscore::models::Params;
use pathscore::models::data::Split;
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::Made as Model;
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "made",
    line: "a masked autoencoder as a density of bits: exact likelihood, one order or a mixture of orders",
    source: "Germain et al. 2015",
    pictures: &["samples.png"],
};

/// The kind `made`.
pub(crate) struct Made;

/// The options of `made` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The widths of the hidden layers.
    #[arg(long, value_delimiter = ',', default_values_t = [500], value_name = "H,…")]
    hidden: Vec<usize>,

    /// The number of orders of the columns: the first is that of the data, others are drawn by the --seed, and their
    /// probabilities are averaged.
    #[arg(long, default_value_t = 1, value_name = "K")]
    orders: usize,

    /// The activation of hidden units.
    #[arg(long, value_enum, default_value_t = ActivationName::Relu, value_name = "NAME")]
    activation: ActivationName,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    hidden: Vec<usize>,
    orders: usize,
    activation: ActivationName,
}

impl ModelSettings {
    fn check(&self) -> anyhow::Result<()> {
        let least = self.hidden.iter().copied().min().unwrap_or(0);
        at_least_one("--hidden", least as u64)?;
        at_least_one("--orders", self.orders as u64)
    }
}

impl Kind for Made {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        density::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { hidden, orders, activation } = given.options()?;
        let model = ModelSettings { hidden, orders, activation };
        model.check()?;
        density::settings(given, ABOUT.name, true, &model)
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

impl MakeModel for Made {
    type Model = Model;

    /// A model whose biases give the means of the data.
    fn make<F: Scalar>(settings: &Settings, split: &Split) -> anyhow::Result<(Model, Params<F>)> {
        let model: ModelSettings = settings.model()?;
        model.check()?;
        let ModelSettings { hidden, orders, activation } = model;
        let mut params = Params::new();
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let columns = split.train.columns();
        let model = Model::new(&mut params, columns, &hidden, orders, activation.into(), rng);
        model.set_bias(&mut params, &split.train.mean());
        Ok((model, params))
    }
}

impl<F: Scalar> DensityModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;

    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> Vec<F> {
        self.sample(params, count, &mut seed::rng(seed, Stream::Sample, 0))
    }
}

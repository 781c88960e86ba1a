//! `train dvae`: a variational autoencoder with Bernoulli latents under a uniform prior.

use super::kind::{About, Compared, Fitting, Kind};
use super::latent::{DiagnosisInput, LatentKindModel, PICTURE_NAMES};
use super::latent_kind::{self, Facts, PATH_ESTIMATORS};
use super::network::Network;
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{self, Row, any_rows, bits_rows, generative_rows};
use crate::program::run::options::Given;
use crate::program::run::settings::Settings;
use clap::{Args, Command};
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::models::data::Split;
use pathscore::models::latent::DiscreteVae as Model;
use pathscore::models::{Params, seed};

const ABOUT: About = About {
    name: "dvae",
    line: "a variational autoencoder with Bernoulli latents, uniform prior",
    source: "Mnih & Gregor 2014",
    pictures: PICTURE_NAMES,
};

const FACTS: Facts = Facts {
    name: ABOUT.name,
    estimator: "reinforce",
    hidden: Some("200"),
    unfit: &[PATH_ESTIMATORS],
};

/// The kind `dvae`.
pub(crate) struct Dvae;

/// The options of `dvae` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 200, value_name = "D")]
    latent_dim: usize,
}

impl Kind for Dvae {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        latent_kind::options::<Model>(Options::augment_args(command), &FACTS)
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim } = given.options()?;
        latent_kind::settings::<Model>(given, &FACTS, vec![latent_dim])
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        latent_kind::open::<Model, Model>(settings, split)
    }

    fn compared(&self, settings: &Settings, samples: usize) -> Vec<Compared> {
        latent_kind::compared::<Model>(settings, samples)
    }
}

impl<F: Scalar> LatentKindModel<F> for Model {
    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let (hidden, latents) = (&network.hidden, network.latent_dim());
        let (activation, likelihood) = (network.activation(), network.likelihood());
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::new(params, columns, hidden, latents, activation, likelihood, rng)
    }

    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>> {
        catalogue::rows_of([any_rows(), generative_rows(), bits_rows()])
    }

    fn latent_view(views: &Views<F, Self>) -> Vec<u8> {
        views.latent_bits()
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

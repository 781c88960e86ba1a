//! `train dvae`: a variational autoencoder with Bernoulli latents under a uniform prior.

use super::codes::{Parameter, parameters};
use super::kind::About;
use super::latent::{DiagnosisInput, LatentKindModel, PICTURE_NAMES};
use super::latent_kind::{LatentKind, PATH_ESTIMATORS, Unfit};
use super::network::{Latents, Network};
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{self, Row, any_rows, bits_rows, generative_rows};
use clap::Args;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::estimators::samplers::Moves;
use pathscore::models::data::Table;
use pathscore::models::latent::Decoder;
use pathscore::models::latent::DiscreteVae as Model;
use pathscore::models::{Params, seed};

/// The kind `dvae`.
pub(crate) struct Dvae;

/// The options of `dvae` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 200, value_name = "D")]
    latent_dim: usize,
}

impl LatentKind for Dvae {
    type Model = Model;
    type Options = Options;
    const ABOUT: &'static About = &About {
        name: "dvae",
        line: "a variational autoencoder with Bernoulli latents, uniform prior",
        source: "Mnih & Gregor 2014",
        pictures: PICTURE_NAMES,
    };
    const ESTIMATOR: &'static str = "reinforce";
    const HIDDEN: Option<&'static str> = Some("200");
    const UNFIT: &'static [Unfit] = &[PATH_ESTIMATORS];

    fn latents(Options { latent_dim }: Options) -> anyhow::Result<Latents> {
        Ok(vec![latent_dim].into())
    }
}

impl<F: Scalar> LatentKindModel<F> for Model {
    const MOVES: Moves = Moves::GibbsBits;

    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let (hidden, latents) = (&network.hidden, network.latent_dim());
        let (activation, likelihood) = (network.activation(), network.likelihood());
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::new(params, columns, hidden, latents, activation, likelihood, rng)
    }

    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>> {
        catalogue::rows_of([any_rows(), generative_rows(), bits_rows()])
    }

    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>> {
        views.latent_bits()
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        parameters(params, rows, |params, x| [("probs", self.encode(params, x))])
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

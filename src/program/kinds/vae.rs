//! `train vae`: a variational autoencoder with normal latents.

use super::kind::About;
use super::latent::{DiagnosisInput, LatentKindModel};
use super::latent_kind::{LatentKind, Unfit};
use super::network::Network;
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{self, Row, any_rows, bits_rows, generative_rows, path_rows};
use clap::Args;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::models::latent::{DiscreteVae, Vae as Model};
use pathscore::models::{Params, seed};

/// The kind `vae`.
pub(crate) struct Vae;

/// The options of `vae` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 10, value_name = "D")]
    latent_dim: usize,
}

impl LatentKind for Vae {
    type Model = Model;
    type Options = Options;
    const ABOUT: &'static About = &About {
        name: "vae",
        line: "a variational autoencoder with normal latents, networks both ways",
        source: "Kingma & Welling 2014",
        pictures: &["samples.png", "reconstructions.png", "latent.png", "latent-map.png"],
    };
    const ESTIMATOR: &'static str = "sgvb";
    const HIDDEN: Option<&'static str> = Some("200,200");
    const UNFIT: &'static [Unfit] = &[(
        || bits_rows::<f64, DiscreteVae, Start<_>>().iter().map(|row| row.about).collect(),
        "it is for bits; the latents of vae have a path: try sgvb",
    )];

    fn layers(Options { latent_dim }: Options) -> anyhow::Result<Vec<usize>> {
        Ok(vec![latent_dim])
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
        catalogue::rows_of([path_rows(), any_rows(), generative_rows()])
    }

    fn latent_view(views: &Views<F, Self>) -> Vec<u8> {
        views.latent_plane()
    }

    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![("latent-map.png", views.latent_map()?)])
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

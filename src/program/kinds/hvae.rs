//! `train hvae`: a variational autoencoder with several layers of normal latents.

use super::codes::{Parameter, parameters};
use super::kind::About;
use super::latent::{DiagnosisInput, LatentKindModel};
use super::latent_kind::{LatentKind, Unfit};
use super::network::{InferenceName, Latents, Network};
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{
    self, Row, any_rows, bits_rows, generative_rows, sampled_path_rows,
};
use crate::program::usage_error::usage_error;
use clap::Args;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::models::data::Table;
use pathscore::models::latent::{DiscreteVae, HierarchicalVae as Model, Inference, LatentModel};
use pathscore::models::{Params, seed};

/// The kind `hvae`.
pub(crate) struct Hvae;

/// The options of `hvae` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct Options {
    /// The widths of the layers of latents, nearest the data first.
    #[arg(long, value_delimiter = ',', default_value = "32,16,8", value_name = "N,N")]
    layers: Vec<usize>,

    /// The order in which the posterior draws the layers.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    inference: InferenceName,
}

impl LatentKind for Hvae {
    type Model = Model;
    type Options = Options;
    const ABOUT: &'static About = &About {
        name: "hvae",
        line: "a variational autoencoder with layers of normal latents, bottom-up or ladder",
        source: "Sønderby et al. 2016",
        pictures: &[
            "samples.png",
            "reconstructions.png",
            "latent.png",
            "latent-map.png",
            "posterior.png",
        ],
    };
    const ESTIMATOR: &'static str = "sgvb";
    const HIDDEN: Option<&'static str> = Some("200");
    const HIDDEN_HELP: Option<&'static str> = Some(
        "The widths of the hidden layers of every network: between the data and a layer of latents, and \
         between any two of them",
    );
    const UNFIT: &'static [Unfit] = &[(
        || bits_rows::<f64, DiscreteVae, Start<_>>().iter().map(|row| row.about).collect(),
        "it is for bits; the latents of hvae have a path: try sgvb",
    )];

    fn latents(Options { layers, inference }: Options) -> anyhow::Result<Latents> {
        if inference == InferenceName::Ladder && layers.len() == 1 {
            return Err(usage_error(
                "--inference ladder has no effect with a single layer: there is no layer above it",
            ));
        }
        Ok(Latents { inference, ..layers.into() })
    }
}

impl<F: Scalar> LatentKindModel<F> for Model {
    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let Network { latents, hidden, .. } = network;
        let networks = (network.activation(), network.likelihood());
        let inference = match network.inference {
            InferenceName::BottomUp => Inference::BottomUp,
            InferenceName::Ladder => Inference::Ladder,
        };
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::new(params, columns, latents, hidden, networks, inference, rng)
    }

    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>> {
        catalogue::rows_of([sampled_path_rows(), any_rows(), generative_rows()])
    }

    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>> {
        let top = |model: &Model| model.layers().last().copied().unwrap_or(0);
        views.top_plane(top, |model, params, z| model.means_below(params, z))
    }

    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        views.map_and_posterior()
    }

    /// Those of each layer at the means of the layers that are drawn before it.
    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        parameters(params, rows, |params, x| {
            let q = self.posterior(params, x);
            [("loc", q.means()), ("scale", q.scales_at_means())]
        })
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

//! `train sbn`: a sigmoid belief network, one to three layers of Bernoulli latents with a learnt prior.

use super::codes::{Parameter, parameters};
use super::kind::About;
use super::latent::{DiagnosisInput, LatentKindModel, PICTURE_NAMES};
use super::latent_kind::{LatentKind, PATH_ESTIMATORS, Unfit};
use super::network::{Latents, Network};
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{self, Row, any_rows, bits_rows, generative_rows};
use crate::program::usage_error::usage_error;
use clap::Args;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::estimators::samplers::Moves;
use pathscore::models::data::Table;
use pathscore::models::latent::Decoder;
use pathscore::models::latent::SigmoidBelief as Model;
use pathscore::models::{Params, seed};

/// The kind `sbn`.
pub(crate) struct Sbn;

/// The options of `sbn` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct Options {
    /// The widths of the layers of bits, nearest the data first, at most three.
    #[arg(long, value_delimiter = ',', default_value = "200,200", value_name = "N,N")]
    layers: Vec<usize>,
}

impl LatentKind for Sbn {
    type Model = Model;
    type Options = Options;
    const ABOUT: &'static About = &About {
        name: "sbn",
        line: "a sigmoid belief network: one to three layers of bits, prior learnt",
        source: "Neal 1992",
        pictures: PICTURE_NAMES,
    };
    const ESTIMATOR: &'static str = "vimco";
    const HIDDEN: Option<&'static str> = None;
    const HIDDEN_HELP: Option<&'static str> =
        Some("The widths of the hidden layers between any two layers of bits [default: none]");
    const UNFIT: &'static [Unfit] = &[PATH_ESTIMATORS];

    fn latents(Options { layers }: Options) -> anyhow::Result<Latents> {
        if !(1..=3).contains(&layers.len()) {
            return Err(usage_error("--layers takes one to three widths"));
        }
        Ok(layers.into())
    }
}

impl<F: Scalar> LatentKindModel<F> for Model {
    const MOVES: Moves = Moves::GibbsBits;

    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let Network { latents, hidden, .. } = network;
        let (activation, likelihood) = (network.activation(), network.likelihood());
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::new(params, columns, latents, hidden, activation, likelihood, rng)
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

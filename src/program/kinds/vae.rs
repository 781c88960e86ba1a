//! `train vae`: a variational autoencoder with normal latents.

use super::codes::{Parameter, latents, moments, parameters};
use super::kind::{About, Compared, Fitting};
use super::latent::{DiagnosisInput, LatentKindModel};
use super::latent_kind::{LatentKind, Unfit, abouts, compared, open_model};
use super::network::{Latents, Network, Posterior};
use super::trainer::Start;
use super::views::Views;
use crate::program::catalogue::{
    self, About as Estimator, Row, any_rows, bits_rows, generative_rows, path_rows,
    sampled_path_rows,
};
use crate::program::choice::cli_name;
use crate::program::run::settings::Settings;
use crate::program::usage_error::usage_error;
use clap::{Args, ValueEnum};
use pathscore::autodiff::Scalar;
use pathscore::estimators::Diagnosis;
use pathscore::models::data::{Split, Table};
use pathscore::models::dist::FlowKind;
use pathscore::models::latent::{
    Decoder, DiscreteVae, FlowOptions, FullNormal, NormalFlow, Vae as Model,
};
use pathscore::models::{Params, seed};

/// The draws from the posterior of a row by which the standard deviations of a flow are found, to a fiftieth.
const DRAWS: u64 = 1000;

/// The kind `vae`.
pub(crate) struct Vae;

/// Families of approximate posteriors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum PosteriorName {
    /// Normal with independent latents.
    #[default]
    Diagonal,
    /// Normal with a full covariance matrix.
    Full,
    /// A flow of affine coupling layers (RealNVP).
    Coupling,
    /// An inverse autoregressive flow.
    Iaf,
}

/// The options of `vae` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 10, value_name = "D")]
    latent_dim: usize,

    /// The family of the approximate posterior.
    #[arg(long, value_enum, default_value_t, value_name = "NAME")]
    posterior: PosteriorName,

    /// The number of layers of the flow, for --posterior coupling and iaf [default: 4].
    #[arg(long, value_name = "N")]
    flow_layers: Option<usize>,

    /// The widths of the hidden layers of each network of the flow [default: 64].
    #[arg(long, value_delimiter = ',', value_name = "N,N")]
    flow_hidden: Option<Vec<usize>>,
}

impl LatentKind for Vae {
    type Model = Model;
    type Options = Options;
    const ABOUT: &'static About = &About {
        name: "vae",
        line: "a variational autoencoder with normal latents, networks both ways",
        source: "Kingma & Welling 2014",
        pictures: &[
            "samples.png",
            "reconstructions.png",
            "latent.png",
            "latent-map.png",
            "posterior.png",
        ],
    };
    const ESTIMATOR: &'static str = "sgvb";
    const HIDDEN: Option<&'static str> = Some("200,200");
    const UNFIT: &'static [Unfit] = &[(
        || bits_rows::<f64, DiscreteVae, Start<_>>().iter().map(|row| row.about).collect(),
        "it is for bits; the latents of vae have a path: try sgvb",
    )];

    fn latents(options: Options) -> anyhow::Result<Latents> {
        let Options { latent_dim, posterior, flow_layers, flow_hidden } = options;
        let given =
            [("--flow-layers", flow_layers.is_some()), ("--flow-hidden", flow_hidden.is_some())];
        let (layers, hidden) = (flow_layers.unwrap_or(4), flow_hidden.unwrap_or(vec![64]));
        let posterior = match posterior {
            PosteriorName::Coupling => Posterior::Coupling { layers, hidden },
            PosteriorName::Iaf => Posterior::Iaf { layers, hidden },
            PosteriorName::Diagonal | PosteriorName::Full => {
                if let Some((option, _)) = given.into_iter().find(|(_, given)| *given) {
                    return Err(usage_error(format!(
                        "{option} has no effect with --posterior {}, which is no flow; it goes with --posterior \
                         coupling or iaf",
                        cli_name(&posterior)
                    )));
                }
                if posterior == PosteriorName::Full { Posterior::Full } else { Posterior::Diagonal }
            }
        };
        Ok(Latents { posterior, ..vec![latent_dim].into() })
    }

    /// The posteriors with dependent latents have the estimators along the path alone: those through the score have no use where
    /// there is a path, and would invert a flow at every draw.
    fn estimators(network: &Network) -> Vec<&'static Estimator> {
        match network.posterior {
            Posterior::Diagonal => abouts::<Model>(),
            Posterior::Full => abouts::<Model<FullNormal>>(),
            Posterior::Coupling { .. } | Posterior::Iaf { .. } => abouts::<Model<NormalFlow>>(),
        }
    }

    fn open<'a>(settings: &'a Settings, split: &'a Split) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        match settings.model::<Network>()?.posterior {
            Posterior::Diagonal => open_model::<Model>(settings, split),
            Posterior::Full => open_model::<Model<FullNormal>>(settings, split),
            Posterior::Coupling { .. } | Posterior::Iaf { .. } => {
                open_model::<Model<NormalFlow>>(settings, split)
            }
        }
    }

    fn compared(settings: &Settings, samples: usize) -> Vec<Compared> {
        let Ok(network) = settings.model::<Network>() else { return Vec::new() };
        match network.posterior {
            Posterior::Diagonal => compared::<Model>(settings, samples),
            Posterior::Full => compared::<Model<FullNormal>>(settings, samples),
            Posterior::Coupling { .. } | Posterior::Iaf { .. } => {
                compared::<Model<NormalFlow>>(settings, samples)
            }
        }
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

    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>> {
        views.latent_plane()
    }

    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        views.map_and_posterior()
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        moments(self, params, rows)
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

impl<F: Scalar> LatentKindModel<F> for Model<FullNormal> {
    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let (hidden, sizes) = (&network.hidden, [columns, network.latent_dim()]);
        let (activation, likelihood) = (network.activation(), network.likelihood());
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::full_covariance(params, sizes, hidden, activation, likelihood, rng)
    }

    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>> {
        path_rows()
    }

    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>> {
        views.latent_plane()
    }

    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        views.map_and_posterior()
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        moments(self, params, rows)
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.at(self)
    }
}

impl<F: Scalar> LatentKindModel<F> for Model<NormalFlow> {
    fn describe(network: &Network, columns: usize, params: &mut Params<F>, seed: u64) -> Self {
        let (kind, layers, hidden) = match &network.posterior {
            Posterior::Coupling { layers, hidden } => (FlowKind::Coupling, *layers, hidden),
            Posterior::Iaf { layers, hidden } => (FlowKind::InverseAutoregressive, *layers, hidden),
            other => unreachable!("{other:?} is no flow"),
        };
        let flow = FlowOptions { kind, layers, hidden: hidden.clone() };
        let sizes = [columns, network.latent_dim()];
        let networks = (network.activation(), network.likelihood());
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        Model::with_flow(params, sizes, &network.hidden, networks, &flow, rng)
    }

    fn rows<'a>() -> Vec<Row<F, Self, Start<'a, Self>>> {
        sampled_path_rows()
    }

    fn latent_view(views: &Views<F, Self>) -> anyhow::Result<Vec<u8>> {
        views.latent_plane()
    }

    fn more_pictures(views: &Views<F, Self>) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        views.map_and_posterior()
    }

    /// A flow has no parameters of its own that are moments: `loc` is the image of the mean of its base, as for reconstructions, and
    /// `scale` the standard deviation of some draws.
    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        let mut found = parameters(params, rows, |params, x| [("loc", self.encode(params, x))]);
        let loc = &found[0].values;
        let (mut sums, mut squares) = (vec![0.0; loc.len()], vec![0.0; loc.len()]);
        for draw in 0..DRAWS {
            // Differences from a number nearby, so that the sums lose no digits.
            let z = latents(self, params, rows, Some(draw));
            for (i, z) in z.iter().enumerate() {
                let difference = z.to_f64() - loc[i];
                sums[i] += difference;
                squares[i] += difference * difference;
            }
        }
        let n = DRAWS as f64;
        let scale = |(sum, square): (&f64, &f64)| ((square - sum * sum / n) / (n - 1.0)).sqrt();
        let values = sums.iter().zip(&squares).map(scale).collect();
        found.push(Parameter { name: "scale", values });
        found
    }

    fn diagnose(&self, input: DiagnosisInput<F>) -> Diagnosis {
        input.of_whole(self)
    }
}

//! `train ppca`: probabilistic principal component analysis, fitted in closed form, by EM or by gradients of the exact
//! likelihood.

use super::exact::{self, ExactFit, ExactModel, Method, PICTURES};
use super::kind::{About, Fitting, Kind};
use super::views::{Views, latent_dim_fits};
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section};
use clap::{Args, Command};
use pathscore::autodiff::{Error, Scalar};
use pathscore::models::Params;
use pathscore::models::data::{Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::Ppca as Model;
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "ppca",
    line: "probabilistic principal components: exact likelihood, closed form, EM or gradients",
    source: "Tipping & Bishop 1999",
    pictures: &["samples.png", "reconstructions.png", "loadings.png", "latent-map.png"],
};

/// The kind `ppca`.
pub(crate) struct Ppca;

/// The options of `ppca` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 10, value_name = "L")]
    latent_dim: usize,

    /// The way to the maximum of the likelihood.
    #[arg(long, value_enum, default_value_t = Method::ClosedForm, value_name = "NAME")]
    method: Method,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    latent_dim: usize,
}

impl Kind for Ppca {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        exact::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim, method } = given.options()?;
        at_least_one("--latent-dim", latent_dim as u64)?;
        let mut settings = exact::settings(given, ABOUT.name, method)?;
        settings.model = to_section(&ModelSettings { latent_dim })?;
        Ok(settings)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        Ok(match settings.run.dtype {
            Dtype::F32 => Box::new(open::<f32>(settings, split)?),
            Dtype::F64 => Box::new(open::<f64>(settings, split)?),
        })
    }
}

fn open<'a, F: Scalar>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<ExactFit<'a, F, Model>> {
    let ModelSettings { latent_dim } = settings.model()?;
    let columns = split.train.columns();
    latent_dim_fits(latent_dim, columns)?;
    ExactFit::open(settings, split, |params, _, _| {
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(params, columns, latent_dim, rng);
        start_at_data(&model, params, &split.train);
        Ok(model)
    })
}

/// Sets the mean to that of the data and the noise to the mean variance of a column, so that a fit begins near the
/// data.
fn start_at_data<F: Scalar>(model: &Model, params: &mut Params<F>, train: &Table) {
    let means = train.mean();
    let squares = train.values().chunks_exact(train.columns()).map(|row| {
        row.iter().zip(&means).map(|(&x, mean)| (f64::from(x) - mean).powi(2)).sum::<f64>()
    });
    let variance = squares.sum::<f64>() / train.values().len() as f64;
    let mean = params.get_mut(model.loc());
    mean.iter_mut().zip(&means).for_each(|(to, &from)| *to = F::from_f64(from));
    // The reciprocal of the least noise is finite in single precision too.
    let log_noise = variance.max(1e-30).ln();
    params.get_mut(model.log_noise()).fill(F::from_f64(log_noise));
}

impl<F: Scalar> ExactModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;
    const ADVICE: &'static str = "try fewer latents or --method closed-form";

    fn solve(&self, params: &mut Params<F>, x: &[F], rows: usize) -> Option<Result<f64, Error>> {
        Some(self.closed_form(params, x, rows))
    }

    fn draws(&self, params: &Params<F>, data: &Table, count: usize, seed: u64) -> Vec<f32> {
        Views::new(self, params, data).samples(count, seed)
    }

    fn draw_pictures(
        &self,
        params: &Params<F>,
        data: &Table,
        settings: &Settings,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let views = Views::new(self, params, data);
        let samples = views.gallery().square(&views.samples(PICTURES, settings.run.seed));
        let numbers = |id| params.get(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        let loadings = views.loadings(&numbers(self.loc()), &numbers(self.weights()));
        Ok(vec![samples, views.reconstructions(), loadings, views.latent_map()?])
    }
}

//! `train fa`: factor analysis, fitted by EM or by gradients of the exact likelihood.

use super::codes::{Parameter, decode, latents, moments};
use super::exact::{self, ExactFit, ExactModel, Iterative};
use super::kind::{About, Fitting, Kind};
use super::linear;
use super::views::{Views, latent_dim_fits};
use crate::program::gallery::MEANS;
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section, within};
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::Scalar;
use pathscore::models::Params;
use pathscore::models::data::{Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::{FactorAnalysis as Model, varimax};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "fa",
    line: "factor analysis: noise of its own on every column, exact likelihood, EM or gradients",
    source: "Rubin & Thayer 1982",
    pictures: linear::PICTURE_NAMES,
};

/// The kind `fa`.
pub(crate) struct Fa;

/// The rotation of the loadings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Rotation {
    /// The loadings that are easiest to read: few and large ones in each latent (Kaiser 1958).
    Varimax,
    /// The loadings as they were found.
    None,
}

/// The options of `fa` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 10, value_name = "L")]
    latent_dim: usize,

    /// The least noise variance of a column, as a fraction of the variance of the column.
    #[arg(long, default_value_t = 0.005, value_name = "FRACTION")]
    noise_floor: f64,

    /// The rotation of the loadings in loadings.png; the likelihood does not depend on it.
    #[arg(long, value_enum, default_value_t = Rotation::Varimax, value_name = "NAME")]
    rotation: Rotation,

    /// The way to the maximum of the likelihood.
    #[arg(long, value_enum, default_value_t = Iterative::Em, value_name = "NAME")]
    method: Iterative,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    latent_dim: usize,
    noise_floor: f64,
    rotation: Rotation,
}

impl Kind for Fa {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        exact::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim, noise_floor, rotation, method } = given.options()?;
        at_least_one("--latent-dim", latent_dim as u64)?;
        let mut settings = exact::settings(given, ABOUT.name, method.into())?;
        settings.model = to_section(&ModelSettings { latent_dim, noise_floor, rotation })?;
        floor_fits(noise_floor)?;
        Ok(settings)
    }

    fn scales_columns(&self) -> bool {
        true
    }

    fn has_codes(&self) -> bool {
        true
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

fn floor_fits(floor: f64) -> anyhow::Result<()> {
    within("--noise-floor", floor, floor > 0.0 && floor < 1.0, "above 0 and below 1")
}

fn open<'a, F: Scalar>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<ExactFit<'a, F, Model>> {
    let ModelSettings { latent_dim, noise_floor, .. } = settings.model()?;
    let columns = split.train.columns();
    latent_dim_fits(latent_dim, columns)?;
    floor_fits(noise_floor)?;
    ExactFit::open(settings, split, |params, x, rows| {
        let rng = &mut seed::rng(settings.run.seed, Stream::Init, 0);
        let model = Model::new(params, columns, latent_dim, rng).with_noise_floor(noise_floor);
        model.start(params, x, rows, rng);
        Ok(model)
    })
}

impl<F: Scalar> ExactModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;
    const ADVICE: &'static str = "try fewer latents or a larger --noise-floor";
    const DRAWS_ARE: &'static str = MEANS;

    fn floors(&self, x: &[F], rows: usize) -> Vec<f64> {
        self.noise_floors(x, rows)
    }

    fn hold(&self, params: &mut Params<F>, floors: &[f64]) -> Option<(&'static str, usize)> {
        Some(("columns", self.hold_noise(params, floors)))
    }

    fn free(&self) -> Option<usize> {
        Some(self.free_parameters())
    }

    fn draws(&self, params: &Params<F>, data: &Table, count: usize, seed: u64) -> Vec<f32> {
        Views::new(self, params, data).samples(count, seed)
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        moments(self, params, rows)
    }

    fn decoded(&self, params: &Params<F>, rows: &Table, draw: Option<u64>) -> Vec<f64> {
        decode(self, params, &latents(self, params, rows, draw))
    }

    fn draw_pictures(
        &self,
        params: &Params<F>,
        data: &Table,
        settings: &Settings,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let ModelSettings { latent_dim, rotation, .. } = settings.model()?;
        let turned = |found: Vec<f64>| {
            let weights = match rotation {
                Rotation::Varimax => varimax(&found, latent_dim, true).loadings,
                Rotation::None => found,
            };
            largest_first(&weights, latent_dim)
        };
        let (weights, loc, log_noise) = (self.weights(), self.loc(), self.log_noise());
        let ids = linear::Ids { weights, loc, log_noise };
        let views = Views::new(self, params, data);
        linear::pictures(&views, params, ids, turned, settings.run.seed)
    }
}

/// The loadings with the latents in the order of their squares, the largest first, and the sign with which their cubes add up
/// to a positive number: the model has no order and no sign of its own.
fn largest_first(weights: &[f64], latents: usize) -> Vec<f64> {
    let sum = |k: usize, power: i32| {
        weights.iter().skip(k).step_by(latents).map(|w| w.powi(power)).sum::<f64>()
    };
    let mut order: Vec<usize> = (0..latents).collect();
    order.sort_by(|&a, &b| sum(b, 2).total_cmp(&sum(a, 2)));
    let signs: Vec<f64> = order.iter().map(|&k| 1.0_f64.copysign(sum(k, 3))).collect();
    let row = |row: &[f64]| order.iter().zip(&signs).map(|(&k, sign)| sign * row[k]).collect();
    weights.chunks_exact(latents).flat_map(|one| -> Vec<f64> { row(one) }).collect()
}

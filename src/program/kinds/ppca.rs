//! `train ppca`: probabilistic principal component analysis, fitted in closed form, by EM or by gradients of the exact
//! likelihood.

use super::codes::{Parameter, decode, latents, moments};
use super::exact::{self, ExactFit, ExactModel, Method};
use super::kind::{About, Fitting, Kind};
use super::linear;
use super::views::{Views, latent_dim_fits};
use crate::program::gallery::MEANS;
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::{Error, Scalar, Var};
use pathscore::models::data::{Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::Ppca as Model;
use pathscore::models::{Bound, Params, Tractable};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

const ABOUT: About = About {
    name: "ppca",
    line: "probabilistic principal components: exact likelihood, closed form, EM or gradients",
    source: "Tipping & Bishop 1999",
    pictures: linear::PICTURE_NAMES,
};

/// The kind `ppca`.
pub(crate) struct Ppca;

/// The options of `ppca` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of latents, or `auto` for the number that has the largest evidence (Minka 2000).
    #[arg(long, default_value = "10", value_name = "L|auto")]
    latent_dim: LatentDim,

    /// The way to the maximum of the likelihood.
    #[arg(long, value_enum, default_value_t = Method::ClosedForm, value_name = "NAME")]
    method: Method,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    /// Absent until the data have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latent_dim: Option<usize>,
}

/// A number of latents on the command line.
#[derive(Clone, Copy, Debug)]
enum LatentDim {
    Auto,
    Number(usize),
}

impl FromStr for LatentDim {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Self::Auto),
            _ => word.parse().map(Self::Number).map_err(|error| format!("{error}; or auto")),
        }
    }
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
        let latent_dim = match latent_dim {
            LatentDim::Auto => None,
            LatentDim::Number(number) => Some(number),
        };
        at_least_one("--latent-dim", latent_dim.unwrap_or(1) as u64)?;
        let mut settings = exact::settings(given, ABOUT.name, method)?;
        settings.model = to_section(&ModelSettings { latent_dim })?;
        Ok(settings)
    }

    fn takes_missing(&self) -> Option<&'static str> {
        Some("--method em")
    }

    fn complete(&self, settings: &mut Settings, split: &Split) -> anyhow::Result<Option<String>> {
        let ModelSettings { latent_dim: None } = settings.model()? else { return Ok(None) };
        let Split { train, .. } = split;
        let missing = train.missing();
        if missing > 0 || settings.binarize()? == Binarize::Dynamic || train.columns() < 2 {
            return Err(usage_error(format!(
                "--latent-dim auto needs the eigenvalues of one whole table of two columns or more: {missing} cells are missing, \
                 --binarize is {}, and there are {} columns",
                settings.binarize()?,
                train.columns()
            )));
        }
        let x: Vec<f64> = train.values().iter().map(|&x| f64::from(x)).collect();
        let (latents, evidence) = Model::choose_latents(&x, train.len(), train.columns())?;
        settings.model = to_section(&ModelSettings { latent_dim: Some(latents) })?;
        Ok(Some(format!(
            "--latent-dim auto: {latents} of at most {} latents have the largest evidence (Minka 2000)",
            evidence.len()
        )))
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

fn open<'a, F: Scalar>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<ExactFit<'a, F, Model>> {
    let ModelSettings { latent_dim } = settings.model()?;
    let latent_dim =
        latent_dim.ok_or_else(|| usage_error("run.toml, [model]: latent_dim is missing"))?;
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
    // A column without any observed cell begins at zero.
    let means: Vec<f64> =
        means.iter().map(|mean| if mean.is_nan() { 0.0 } else { *mean }).collect();
    let square = |row: &[f32]| {
        let observed = row.iter().zip(&means).filter(|(x, _)| !x.is_nan());
        observed.map(|(&x, mean)| (f64::from(x) - mean).powi(2)).sum::<f64>()
    };
    let squares: f64 = train.values().chunks_exact(train.columns()).map(square).sum();
    let variance = squares / (train.values().len() - train.missing()).max(1) as f64;
    let mean = params.get_mut(model.loc());
    mean.iter_mut().zip(&means).for_each(|(to, &from)| *to = F::from_f64(from));
    // The reciprocal of the least noise is finite in single precision too.
    let log_noise = variance.max(1e-30).ln();
    params.get_mut(model.log_noise()).fill(F::from_f64(log_noise));
}

/// Each row of a table of which cells may be missing, with the parameters under which its posterior is that of its observed cells: a
/// column without loadings says nothing about the latents.
fn observed<'a, F: Scalar>(
    model: &'a Model,
    params: &'a Params<F>,
    rows: &'a Table,
) -> impl Iterator<Item = (Params<F>, Table)> + 'a {
    (0..rows.len()).map(move |i| {
        let (mut params, mut row) = (params.clone(), rows.row(i).to_vec());
        let weights = params.get_mut(model.weights());
        let latents = weights.len() / row.len();
        for (x, weights) in row.iter_mut().zip(weights.chunks_exact_mut(latents)) {
            if x.is_nan() {
                *x = 0.0;
                weights.fill(F::ZERO);
            }
        }
        let row = rows.take(i..i + 1).with_values(row);
        (params, row.expect("a row without missing cells fits into its table"))
    })
}

impl<F: Scalar> ExactModel<F> for Model {
    const ABOUT: &'static About = &ABOUT;
    const ADVICE: &'static str = "try fewer latents or --method closed-form";
    const DRAWS_ARE: &'static str = MEANS;

    fn solve(&self, params: &mut Params<F>, x: &[F], rows: usize) -> Option<Result<f64, Error>> {
        Some(self.closed_form(params, x, rows))
    }

    fn sweep(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        self.observed_em_step(params, x, rows)
    }

    fn log_probs<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        match x.with(|x| x.iter().any(|x| x.to_f64().is_nan())) {
            true => self.observed_log_prob(params, x),
            false => self.log_prob(params, x),
        }
    }

    fn free(&self) -> Option<usize> {
        Some(self.free_parameters())
    }

    fn draws(&self, params: &Params<F>, data: &Table, count: usize, seed: u64) -> Vec<f32> {
        Views::new(self, params, data).samples(count, seed)
    }

    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter> {
        if rows.missing() == 0 {
            return moments(self, params, rows);
        }
        let mut all: Vec<Parameter> = Vec::new();
        for (params, row) in observed(self, params, rows) {
            let found = moments(self, &params, &row);
            match all.is_empty() {
                true => all = found,
                false => all.iter_mut().zip(found).for_each(|(a, b)| a.values.extend(b.values)),
            }
        }
        all
    }

    fn decoded(&self, params: &Params<F>, rows: &Table, draw: Option<u64>) -> Vec<f64> {
        let z = match rows.missing() {
            0 => latents(self, params, rows, draw),
            _ => {
                let each = observed(self, params, rows).enumerate().flat_map(|(i, (seen, row))| {
                    let draw = draw.map(|seed| seed::derive(seed, Stream::Sample, i as u64));
                    latents(self, &seen, &row, draw)
                });
                each.collect()
            }
        };
        decode(self, params, &z)
    }

    fn draw_pictures(
        &self,
        params: &Params<F>,
        data: &Table,
        settings: &Settings,
    ) -> anyhow::Result<Vec<Vec<u8>>> {
        let (weights, loc, log_noise) = (self.weights(), self.loc(), self.log_noise());
        let ids = linear::Ids { weights, loc, log_noise };
        // The latents of a row with every gap filled by its mean given the rest have the posterior mean of the incomplete row.
        let whole = match data.missing() {
            0 => None,
            _ => {
                let x: Vec<F> = data.values().iter().map(|&x| F::from(x)).collect();
                let whole = self.impute(params, &x, data.len());
                Some(data.with_values(whole.iter().map(|x| x.to_f64() as f32).collect())?)
            }
        };
        let views = Views::new(self, params, data).with_rows(whole.as_ref().unwrap_or(data));
        linear::pictures(&views, params, ids, |weights| weights, settings.run.seed)
    }
}

//! `train bgplvm`: the Bayesian Gaussian-process latent-variable model, which finds the number of latents itself.

use super::covariances::{effects, most_relevant};
use super::gplvm::{by_two_latents, nearest_error, numbers, of_classes, spreads};
use super::kind::{About, Fitting, Kind, Quantity};
use super::whole::{self, WholeFit, WholeModel};
use crate::program::gallery::{DRAWS, Gallery};
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::{Error, Scalar, Tape, Var};
use pathscore::models::data::{Split, Table};
use pathscore::models::gp::{BayesianGplvm as Model, GplvmData};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};
use serde::{Deserialize, Serialize};

const ABOUT: About = About {
    name: "bgplvm",
    line: "Bayesian Gaussian-process latent variables: a bound that switches needless latents off",
    source: "Titsias & Lawrence 2010",
    pictures: &["latent-map.png", "reconstructions.png", "samples.png"],
};

/// A latent is in use if its effect is at least this part of the largest one.
const IN_USE: f64 = 0.05;

/// The kind `bgplvm`.
pub(crate) struct Bgplvm;

/// The options of `bgplvm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The most latents; those that the data do not need get long length-scales.
    #[arg(long, default_value_t = 5, value_name = "L")]
    latent_dim: usize,

    /// The number of inducing points, through which the rows see the function.
    #[arg(long, default_value_t = 30, value_name = "M")]
    inducing: usize,

    /// The most training rows, the first ones.
    #[arg(long, default_value_t = 500, value_name = "N")]
    rows: usize,

    /// The labels of the rows, separated by commas [default: all].
    #[arg(long, value_delimiter = ',', value_name = "LABELS")]
    classes: Vec<u8>,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    latent_dim: usize,
    inducing: usize,
    rows: usize,
    /// Absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<u8>,
}

impl Kind for Bgplvm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        whole::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim, inducing, rows, classes } = given.options()?;
        at_least_one("--latent-dim", latent_dim as u64)?;
        at_least_one("--inducing", inducing as u64)?;
        at_least_one("--rows", rows as u64)?;
        let mut settings = whole::settings(given, ABOUT.name)?;
        settings.model = to_section(&ModelSettings { latent_dim, inducing, rows, classes })?;
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
    split: &Split,
) -> anyhow::Result<WholeFit<'a, F, Latents<F>>> {
    let ModelSettings { latent_dim, inducing, rows, classes } = settings.model()?;
    let train = of_classes(&split.train, &classes)?;
    let train = train.take(0..train.len().min(rows));
    let n = train.len();
    for (option, value) in [("--latent-dim", latent_dim), ("--inducing", inducing)] {
        if value >= n {
            let text = format!("{option} is {value}; it must be less than the {n} training rows");
            return Err(usage_error(text));
        }
    }
    let data = GplvmData::new(&numbers(train.values()), n, train.columns());
    let mut params = Params::new();
    let model = Model::new(&mut params, n, latent_dim, inducing);
    model.start(&mut params, &data)?;
    WholeFit::new(settings, split.train.len(), Latents { model, data, train }, params)
}

/// A model with its rows.
struct Latents<F> {
    model: Model,
    data: GplvmData<F>,
    train: Table,
}

impl<F: Scalar> Latents<F> {
    /// The means of the latents of the training rows.
    fn latents(&self, params: &Params<F>) -> Vec<f64> {
        params.get(self.model.latents()).iter().map(|x| x.to_f64()).collect()
    }

    /// The means of the cells of rows with some latents.
    fn decode(&self, params: &Params<F>, x: &[f64]) -> anyhow::Result<Vec<f32>> {
        let (tape, q) = (Tape::new(), self.model.kernel().dimensions());
        let x: Vec<F> = x.iter().map(|&x| F::from_f64(x)).collect();
        let x = tape.constant(&x, [x.len() / q, q]);
        let mean = self.model.mean(params.on(&tape).detach(), &self.data, x)?;
        Ok(mean.with(|mean| mean.iter().map(|x| x.to_f64() as f32).collect()))
    }
}

impl<F: Scalar> WholeModel<F> for Latents<F> {
    const ABOUT: &'static About = &ABOUT;
    const QUANTITY: &'static str = "bound";

    fn rows(&self) -> usize {
        self.train.len()
    }

    fn objective<'t>(&self, params: Bound<'t, F>) -> Result<Var<'t, F>, Error> {
        self.model.bound(params, &self.data)
    }

    fn quantities(&self, params: &Params<F>, _: usize, _: &str) -> anyhow::Result<Vec<Quantity>> {
        let (n, q) = (self.rows(), self.model.kernel().dimensions());
        let exact = |name: &str, value: f64, unit| Quantity {
            name: name.to_string(),
            value,
            error: None,
            unit,
            samples: None,
            rows: n,
        };
        let tape = Tape::new();
        let bound = self.model.bound(params.on(&tape), &self.data)?.item().to_f64();
        let latents = self.latents(params);
        let effects = effects(self.model.kernel(), params, &spreads(&latents, q));
        let largest = effects.iter().fold(0.0_f64, |most, &x| most.max(x));
        let used = effects.iter().filter(|&&x| x >= IN_USE * largest).count();
        let cells = self.decode(params, &latents)?;
        let squares = cells.iter().zip(self.train.values()).map(|(a, b)| f64::from(a - b).powi(2));
        let rmse = (squares.sum::<f64>() / cells.len() as f64).sqrt();
        let noise = params.get(self.model.log_noise())[0].to_f64().exp().sqrt();
        let mut found = vec![
            exact("log_marginal_bound", bound / n as f64, "nats for each row"),
            exact("latents_in_use", used as f64, "latents"),
            exact("reconstruction_rmse_train", rmse, "units of the data"),
            exact("noise", noise, "units of the data"),
        ];
        if let Some(labels) = self.train.labels() {
            let pca = self.data.principal_components(q)?;
            // Latents in units of their length-scales, as the kernel sees them.
            let scale = |at: usize| effects[at % q] / spreads(&latents, q)[at % q].max(1e-300);
            let seen: Vec<f64> = latents.iter().enumerate().map(|(at, x)| x * scale(at)).collect();
            let own = |x: &[f64]| nearest_error((x, labels), (x, labels), true);
            found.push(own(&seen).quantity("nearest_neighbour_error_train", "rows"));
            found.push(own(&pca).quantity("nearest_neighbour_error_pca", "rows"));
        }
        Ok(found)
    }

    /// Rows with latents from the prior: the mean of the function there, and the noise.
    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> anyhow::Result<Table> {
        let rng = &mut seed::rng(seed, Stream::Sample, 0);
        let mut x = vec![0.0; count * self.model.kernel().dimensions()];
        f64::fill_normal(&mut x, rng);
        let mut cells = self.decode(params, &x)?;
        let mut noise = vec![0.0; cells.len()];
        f64::fill_normal(&mut noise, rng);
        let scale = params.get(self.model.log_noise())[0].to_f64().exp().sqrt();
        cells.iter_mut().zip(&noise).for_each(|(cell, noise)| *cell += (scale * noise) as f32);
        Ok(Table::new(cells, self.train.columns())?)
    }

    fn draw_pictures(&self, params: &Params<F>, seed: u64) -> anyhow::Result<Vec<Vec<u8>>> {
        let (latents, q) = (self.latents(params), self.model.kernel().dimensions());
        let order = most_relevant(self.model.kernel(), params, &spreads(&latents, q));
        let map = by_two_latents(&latents, order, self.train.labels())?;
        let gallery = Gallery::new(&self.train).of("training rows");
        let rows = gallery.reconstructed();
        let pairs = gallery.reconstructions(&self.decode(params, &latents[..rows * q])?)?;
        let samples =
            gallery.samples(self.draws(params, gallery.shown(), seed)?.values(), DRAWS)?;
        Ok(vec![map, pairs, samples])
    }
}

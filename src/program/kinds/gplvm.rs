//! `train gplvm`: latents of rows under a Gaussian-process prior of the map to the columns.

use super::codes::{Codes, Parameter};
use super::covariances::{KernelName, forms, most_relevant};
use super::kind::{About, Fitting, Kind, Quantity};
use super::tractable::Mean;
use super::views::{latent_names, two_most_active_of};
use super::whole::{self, WholeFit, WholeModel};
use crate::program::chart::latent_map;
use crate::program::gallery::{DRAWS, Gallery};
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Error, Scalar, Tape, Var};
use pathscore::estimators::fit::{Placement, place};
use pathscore::estimators::optim::LBfgs;
use pathscore::models::data::{Split, Table};
use pathscore::models::gp::{Gplvm as Model, GplvmData, GplvmPosterior};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;

const ABOUT: About = About {
    name: "gplvm",
    line: "Gaussian-process latent variables: a map of the rows, exact marginal likelihood",
    source: "Lawrence 2005",
    pictures: &["latent-map.png", "reconstructions.png", "samples.png"],
};

/// Test rows that are placed at the end of a run.
const TEST_ROWS: usize = 100;
/// Test rows that are shown with their reconstructions.
const RECONSTRUCTED: usize = 40;
/// Nearest training rows at whose latents the search for the latent of a new row begins.
const STARTS: usize = 3;

/// The kind `gplvm`.
pub(crate) struct Gplvm;

/// Priors of the latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Prior {
    /// Standard normal latents: MAP.
    Normal,
    /// Maximum likelihood.
    None,
}

/// The options of `gplvm` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The number of latents.
    #[arg(long, default_value_t = 2, value_name = "L")]
    latent_dim: usize,

    /// The covariance function, or several, separated by commas, whose sum it is.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "rbf", value_name = "NAME")]
    kernel: Vec<KernelName>,

    /// The prior of the latents.
    #[arg(long, value_enum, default_value_t = Prior::Normal, value_name = "NAME")]
    prior: Prior,

    /// The most training rows, the first ones: time grows with the cube of their number.
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
    kernel: Vec<KernelName>,
    prior: Prior,
    rows: usize,
    /// Absent for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<u8>,
}

impl Kind for Gplvm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        whole::options(Options::augment_args(command))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim, kernel, prior, rows, classes } = given.options()?;
        at_least_one("--latent-dim", latent_dim as u64)?;
        at_least_one("--rows", rows as u64)?;
        forms(&kernel)?;
        let mut settings = whole::settings(given, ABOUT.name)?;
        let chosen = ModelSettings { latent_dim, kernel, prior, rows, classes };
        settings.model = to_section(&chosen)?;
        Ok(settings)
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
    split: &Split,
) -> anyhow::Result<WholeFit<'a, F, Latents<F>>> {
    let chosen: ModelSettings = settings.model()?;
    let train = of_classes(&split.train, &chosen.classes)?;
    let train = train.take(0..train.len().min(chosen.rows));
    let test = of_classes(&split.test, &chosen.classes)?;
    let (n, columns) = (train.len(), train.columns());
    if chosen.latent_dim >= n {
        return Err(usage_error(format!(
            "--latent-dim is {}; it must be less than the {n} training rows",
            chosen.latent_dim
        )));
    }
    let data = GplvmData::new(&numbers(train.values()), n, columns);
    let mut params = Params::new();
    let model = Model::new(&mut params, n, chosen.latent_dim, &forms(&chosen.kernel)?);
    model.start(&mut params, &data)?;
    let latents = Latents { model, data, prior: chosen.prior == Prior::Normal, train, test };
    WholeFit::new(settings, split.train.len(), latents, params)
}

pub(super) fn numbers<F: Scalar>(values: &[f32]) -> Vec<F> {
    values.iter().map(|&x| F::from(x)).collect()
}

/// The rows with one of some labels; all rows if there are none.
pub(super) fn of_classes(table: &Table, classes: &[u8]) -> anyhow::Result<Table> {
    if classes.is_empty() {
        return Ok(table.clone());
    }
    let labels = table.labels().ok_or_else(|| {
        usage_error("--classes has no effect here: the data have no labels".to_string())
    })?;
    if let Some(class) = classes.iter().find(|class| !labels.contains(class)) {
        return Err(usage_error(format!("--classes: no row of the data has the label {class}")));
    }
    let rows: Vec<usize> = (0..labels.len()).filter(|&i| classes.contains(&labels[i])).collect();
    Ok(table.select(&rows))
}

/// A model with its rows.
struct Latents<F> {
    model: Model,
    data: GplvmData<F>,
    /// True if latents have a standard normal prior.
    prior: bool,
    train: Table,
    test: Table,
}

impl<F: Scalar> Latents<F> {
    fn dimensions(&self) -> usize {
        self.model.kernel().dimensions()
    }

    /// The latents of the training rows.
    fn latents(&self, params: &Params<F>) -> Vec<f64> {
        params.get(self.model.latents()).iter().map(|x| x.to_f64()).collect()
    }

    /// The latents of the first rows of a table.
    fn placed(
        &self,
        posterior: &GplvmPosterior<F>,
        params: &Params<F>,
        (table, rows): (&Table, usize),
    ) -> Vec<Placement> {
        let lbfgs = LBfgs { max_iterations: 100, gradient_tolerance: 1e-5, ..LBfgs::default() };
        let each = (0..rows).into_par_iter().map(|i| {
            let row = numbers(table.row(i));
            place(posterior, params, &row, STARTS, self.prior, &lbfgs)
        });
        each.collect()
    }

    /// The means, and the variances, of the cells of rows with some latents.
    fn decode(
        &self,
        posterior: &GplvmPosterior<F>,
        params: &Params<F>,
        x: &[f64],
    ) -> [Vec<f64>; 2] {
        let tape = Tape::new();
        let x: Vec<F> = x.iter().map(|&x| F::from_f64(x)).collect();
        let x = tape.constant(&x, [x.len() / self.dimensions(), self.dimensions()]);
        let bound = params.on(&tape).detach();
        [posterior.mean(bound, x), posterior.variance(bound, x)]
            .map(|found| found.with(|found| found.iter().map(|x| x.to_f64()).collect()))
    }
}

/// A model with its parameters, which gives rows their most probable latents.
struct Placer<'a, F: Scalar> {
    latents: &'a Latents<F>,
    params: &'a Params<F>,
    /// Made for the first rows.
    posterior: OnceCell<GplvmPosterior<'a, F>>,
}

impl<'a, F: Scalar> Placer<'a, F> {
    fn posterior(&self) -> anyhow::Result<&GplvmPosterior<'a, F>> {
        if let Some(posterior) = self.posterior.get() {
            return Ok(posterior);
        }
        let made = self.latents.model.posterior(self.params, &self.latents.data)?;
        Ok(self.posterior.get_or_init(|| made))
    }

    fn place(&self, posterior: &GplvmPosterior<F>, rows: &Table) -> Vec<f64> {
        let placed = self.latents.placed(posterior, self.params, (rows, rows.len()));
        placed.into_iter().flat_map(|one| one.latent).collect()
    }
}

impl<F: Scalar> Codes for Placer<'_, F> {
    fn encode(&self, rows: &Table) -> anyhow::Result<Vec<Parameter>> {
        Ok(vec![Parameter { name: "loc", values: self.place(self.posterior()?, rows) }])
    }

    fn reconstruct(&self, rows: &Table, draw: Option<u64>) -> anyhow::Result<Vec<f64>> {
        if draw.is_some() {
            return Err(usage_error(
                "--draw has no effect on a run of gplvm: each row has one most probable latent, and no posterior to draw from",
            ));
        }
        let posterior = self.posterior()?;
        let latents = self.place(posterior, rows);
        let [mean, _] = self.latents.decode(posterior, self.params, &latents);
        Ok(mean)
    }
}

/// The mean and the standard deviation of each of `q` columns.
fn moments(latents: &[f64], q: usize) -> Vec<(f64, f64)> {
    let n = (latents.len() / q) as f64;
    let moments = |k: usize| {
        let column = || latents.iter().skip(k).step_by(q);
        let mean = column().sum::<f64>() / n;
        (mean, (column().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
    };
    (0..q).map(moments).collect()
}

/// The standard deviation of each of `q` columns.
pub(super) fn spreads(latents: &[f64], q: usize) -> Vec<f64> {
    moments(latents, q).into_iter().map(|moments| moments.1).collect()
}

/// A map of rows by the first two latents of an order.
pub(super) fn by_two_latents(
    latents: &[f64],
    order: Vec<usize>,
    labels: Option<&[u8]>,
) -> anyhow::Result<Vec<u8>> {
    let (q, mut most) = (order.len(), order);
    most.truncate(2);
    most.sort_unstable();
    let point = |x: &[f64]| [most.first(), most.get(1)].map(|k| k.map_or(0.0, |&k| x[k]));
    let points: Vec<[f64; 2]> = latents.chunks_exact(q).map(point).collect();
    let labels: Option<Vec<u32>> =
        labels.map(|labels| labels.iter().map(|&label| label.into()).collect());
    let title = format!("Training rows: {}", two_most_active_of(q));
    let [across, up] = latent_names(&most);
    latent_map(&points, labels.as_deref(), [&title, &across, &up])
}

/// The share of points whose nearest other point among some has another label; `own` is true if a point is one of them.
pub(super) fn nearest_error(
    (points, labels): (&[f64], &[u8]),
    (others, their_labels): (&[f64], &[u8]),
    own: bool,
) -> Mean {
    let q = others.len() / their_labels.len().max(1);
    let distance =
        |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum() };
    let row = |of: &'_ [f64], i: usize| of[i * q..(i + 1) * q].to_vec();
    let wrong = |i: usize| {
        let point = row(points, i);
        let candidates = (0..their_labels.len()).filter(|&j| !own || i != j);
        let found = candidates.map(|j| (distance(&point, &row(others, j)), j));
        let nearest = found.min_by(|a, b| a.0.total_cmp(&b.0));
        nearest.map_or(0.0, |(_, j)| f64::from(u8::from(their_labels[j] != labels[i])))
    };
    Mean::of(&(0..labels.len()).map(wrong).collect::<Vec<f64>>())
}

impl<F: Scalar> WholeModel<F> for Latents<F> {
    const ABOUT: &'static About = &ABOUT;

    fn rows(&self) -> usize {
        self.model.rows()
    }

    fn objective<'t>(&self, params: Bound<'t, F>) -> Result<Var<'t, F>, Error> {
        let log_prob = self.model.log_prob(params, &self.data)?;
        Ok(if self.prior { log_prob + self.model.log_latent_prior(params) } else { log_prob })
    }

    fn quantities(
        &self,
        params: &Params<F>,
        rows: usize,
        end: &str,
    ) -> anyhow::Result<Vec<Quantity>> {
        let rows = if rows == usize::MAX { TEST_ROWS } else { rows }.min(self.test.len());
        let (n, q) = (self.rows(), self.dimensions());
        let tape = Tape::new();
        let log_prob = self.model.log_prob(params.on(&tape), &self.data)?.item().to_f64();
        let exact = |name: String, value: f64, unit, rows| Quantity {
            name,
            value,
            error: None,
            unit,
            samples: None,
            rows,
        };
        let name = "log_marginal_likelihood".to_string();
        let mut found = vec![exact(name, log_prob / n as f64, "nats for each row", n)];
        let posterior = self.model.posterior(params, &self.data)?;
        let placed = self.placed(&posterior, params, (&self.test, rows));
        let log_probs: Vec<f64> = placed.iter().map(|one| one.log_prob).collect();
        found.push(Mean::of(&log_probs).quantity(format!("log_predictive{end}"), "nats"));
        let new: Vec<f64> = placed.iter().flat_map(|one| one.latent.iter().copied()).collect();
        let [mean, _] = self.decode(&posterior, params, &new);
        let cells = mean.iter().zip(self.test.values());
        let squares: f64 = cells.map(|(mean, &y)| (f64::from(y) - mean).powi(2)).sum();
        let rmse = (squares / mean.len() as f64).sqrt();
        found.push(exact(format!("reconstruction_rmse{end}"), rmse, "units of the data", rows));
        if let (Some(labels), Some(of_test)) = (self.train.labels(), self.test.labels()) {
            let (latents, pca) = (self.latents(params), self.data.principal_components(q)?);
            let own = |x: &[f64]| nearest_error((x, labels), (x, labels), true);
            let test = nearest_error((&new, &of_test[..rows]), (&latents, labels), false);
            found.push(own(&latents).quantity("nearest_neighbour_error_train", "rows"));
            found.push(own(&pca).quantity("nearest_neighbour_error_pca", "rows"));
            found.push(test.quantity(format!("nearest_neighbour_error{end}"), "rows"));
        }
        Ok(found)
    }

    /// Rows whose latents are drawn from a normal distribution with the moments of the fitted ones. Nothing holds the scale of these but the
    /// prior, which the lengths of the kernel give way to, so that draws from the prior may lie far from every row.
    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> anyhow::Result<Table> {
        let (q, columns) = (self.dimensions(), self.train.columns());
        let moments = moments(&self.latents(params), q);
        let rng = &mut seed::rng(seed, Stream::Sample, 0);
        let mut x = vec![0.0; count * q];
        f64::fill_normal(&mut x, rng);
        x.iter_mut()
            .enumerate()
            .for_each(|(at, x)| *x = moments[at % q].0 + moments[at % q].1 * *x);
        let posterior = self.model.posterior(params, &self.data)?;
        let [mean, variance] = self.decode(&posterior, params, &x);
        let mut y = vec![0.0; count * columns];
        f64::fill_normal(&mut y, rng);
        let cells = y.iter().zip(&mean).zip(&variance);
        let cells = cells.map(|((noise, mean), variance)| (mean + variance.sqrt() * noise) as f32);
        Ok(Table::new(cells.collect(), columns)?)
    }

    fn codes<'a>(&'a self, params: &'a Params<F>) -> Option<Box<dyn Codes + 'a>> {
        Some(Box::new(Placer { latents: self, params, posterior: OnceCell::new() }))
    }

    fn draw_pictures(&self, params: &Params<F>, seed: u64) -> anyhow::Result<Vec<Vec<u8>>> {
        let q = self.dimensions();
        let latents = self.latents(params);
        let order = most_relevant(self.model.kernel(), params, &spreads(&latents, q));
        let map = by_two_latents(&latents, order, self.train.labels())?;
        let posterior = self.model.posterior(params, &self.data)?;
        let gallery = Gallery::new(&self.test);
        let shown = self.test.len().min(RECONSTRUCTED);
        let placed = self.placed(&posterior, params, (&self.test, shown));
        let new: Vec<f64> = placed.iter().flat_map(|one| one.latent.iter().copied()).collect();
        let [mean, _] = self.decode(&posterior, params, &new);
        let means: Vec<f32> = mean.iter().map(|&x| x as f32).collect();
        let pairs = gallery.reconstructions(&means)?;
        let samples =
            gallery.samples(self.draws(params, gallery.shown(), seed)?.values(), DRAWS)?;
        Ok(vec![map, pairs, samples])
    }
}

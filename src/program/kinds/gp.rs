//! `train gp`: regression with a Gaussian process, whose hyperparameters maximise the marginal likelihood.

use super::covariances::{KernelName, forms, most_relevant};
use super::kind::{About, Fitting, Kind, Quantity};
use super::tractable::Mean;
use super::whole::{self, WholeFit, WholeModel};
use crate::program::chart::{Fit, fit_band, observed_and_predicted};
use crate::program::run::choices::Dtype;
use crate::program::run::options::Given;
use crate::program::run::settings::{Settings, at_least_one, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Error, Scalar, Tape, Var};
use pathscore::models::data::{Split, Table};
use pathscore::models::gp::{GpPrediction, GpRegression, HyperPrior};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{Bound, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ABOUT: About = About {
    name: "gp",
    line: "regression with a Gaussian process: exact marginal likelihood, predictions with errors",
    source: "Rasmussen & Williams 2006",
    pictures: &["fit.png", "predictions.png"],
};

/// The data if none are given.
const DATA: &str = "friedman";

/// The priors of the logarithms of hyperparameters with `--prior weak`, for columns of unit variance: length-scales from a tenth of
/// the spread of an input to far beyond it, variances of the order of that of the target, a noise well below.
const WEAK: HyperPrior = HyperPrior {
    log_variance: Some((0.0, 1.5)),
    log_length_scale: Some((0.5, 1.5)),
    log_noise: Some((-3.0, 2.0)),
};

/// Points across the picture of a fit.
const ACROSS: usize = 200;

/// The kind `gp`.
pub(crate) struct Gp;

/// Priors of the hyperparameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Prior {
    /// Maximum likelihood.
    None,
    /// Wide normal priors on the logarithms of hyperparameters: MAP.
    Weak,
}

/// The options of `gp` alone.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct Options {
    /// The column that is predicted from all others, by its name in the header or its number from 1 [default: the last].
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,

    /// The covariance function, or several, separated by commas, whose sum it is.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "rbf", value_name = "NAME")]
    kernel: Vec<KernelName>,

    /// The prior of the hyperparameters.
    #[arg(long, value_enum, default_value_t = Prior::None, value_name = "NAME")]
    prior: Prior,

    /// The most training rows, the first ones: time grows with the cube of their number.
    #[arg(long, default_value_t = 1000, value_name = "N")]
    rows: usize,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    /// Absent for the last column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    kernel: Vec<KernelName>,
    prior: Prior,
    rows: usize,
}

impl Kind for Gp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        whole::options(Options::augment_args(command))
            .mut_arg("data", |data| data.default_value(DATA))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { target, kernel, prior, rows } = given.options()?;
        at_least_one("--rows", rows as u64)?;
        forms(&kernel)?;
        let mut settings = whole::settings(given, ABOUT.name)?;
        settings.model = to_section(&ModelSettings { target, kernel, prior, rows })?;
        Ok(settings)
    }

    fn scales_columns(&self) -> bool {
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
) -> anyhow::Result<WholeFit<'a, F, Regression<'a, F>>> {
    let chosen: ModelSettings = settings.model()?;
    let columns = split.train.columns();
    if columns < 2 {
        return Err(usage_error("gp needs at least two columns, an input and the target"));
    }
    let target = target_column(chosen.target.as_deref(), &split.train)?;
    let train = split.train.take(0..split.train.len().min(chosen.rows));
    refuse_slow(train.len(), columns - 1)?;
    let scale = Scale::of(&train);
    let forms = forms(&chosen.kernel)?;
    let mut params = Params::new();
    let model = GpRegression::new(&mut params, &forms, columns - 1);
    // Columns have unit variance: a tenth of that of the target is noise, and length-scales grow with the number of inputs, so that
    // the distance of two rows is of their order.
    params.get_mut(model.log_noise()).fill(F::from_f64(0.1_f64.ln()));
    for &form in &forms {
        if let Some(id) = model.kernel().log_length_scale(form) {
            params.get_mut(id).fill(F::from_f64(0.5 * ((columns - 1) as f64).ln()));
        }
    }
    let prior = (chosen.prior == Prior::Weak).then_some(WEAK);
    let (x, y) = scale.parts(&train, target);
    let regression = Regression { model, prior, split, target, scale, x, y };
    WholeFit::new(settings, split.train.len(), regression, params)
}

/// The most differences of one evaluation, of all pairs of rows in all inputs: it then takes about a second.
const MOST_DIFFERENCES: f64 = 3e8;

/// Refuses data on which a step would take minutes, in which no signal is heard.
fn refuse_slow(rows: usize, inputs: usize) -> anyhow::Result<()> {
    let fits = (MOST_DIFFERENCES / inputs as f64).sqrt() as usize;
    if rows <= fits {
        return Ok(());
    }
    Err(usage_error(format!(
        "gp compares all pairs of {rows} rows in {inputs} inputs at every evaluation, which is too slow: try --rows {fits}, or \
         data with fewer columns"
    )))
}

/// The place of the target among the columns.
fn target_column(target: Option<&str>, table: &Table) -> anyhow::Result<usize> {
    let (columns, names) = (table.columns(), table.column_names());
    let Some(word) = target else { return Ok(columns - 1) };
    let mut by_name = (0..columns).filter(|&at| names.is_some_and(|names| names[at] == word));
    let first = by_name.next();
    if let (Some(first), Some(second)) = (first, by_name.next()) {
        return Err(usage_error(format!(
            "--target is {word}, the name of columns {} and {}: give the number of one of them",
            first + 1,
            second + 1
        )));
    }
    let by_number = || word.parse::<usize>().ok()?.checked_sub(1).filter(|&at| at < columns);
    first.or_else(by_number).ok_or_else(|| {
        let names = names.map_or(String::new(), |names| format!(" or one of {}", names.join(", ")));
        usage_error(format!("--target is {word}; it must be a number from 1 to {columns}{names}"))
    })
}

/// The means and standard deviations of the columns of the training rows.
struct Scale {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl Scale {
    fn of(table: &Table) -> Self {
        // A column that does not vary is left as it is.
        let or_one = |deviation| if deviation > 0.0 { deviation } else { 1.0 };
        let deviations = table.standard_deviation().into_iter().map(or_one).collect();
        Self { means: table.mean(), deviations }
    }

    /// A number of a column in units of its standard deviation from its mean.
    fn standard(&self, column: usize, x: f64) -> f64 {
        (x - self.means[column]) / self.deviations[column]
    }

    /// The inputs and the target of some rows, standardised.
    fn parts<F: Scalar>(&self, table: &Table, target: usize) -> (Vec<F>, Vec<F>) {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for row in table.values().chunks_exact(table.columns()) {
            for (column, &value) in row.iter().enumerate() {
                let value = F::from_f64(self.standard(column, f64::from(value)));
                if column == target { y.push(value) } else { x.push(value) }
            }
        }
        (x, y)
    }
}

/// The regression of one column on the others.
struct Regression<'a, F> {
    model: GpRegression,
    prior: Option<HyperPrior>,
    split: &'a Split,
    target: usize,
    scale: Scale,
    /// The training rows, standardised.
    x: Vec<F>,
    y: Vec<F>,
}

/// The means and variances of new observations, in units of the data.
struct Predicted {
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl<F: Scalar> Regression<'_, F> {
    fn data<'t>(&self, tape: &'t Tape<F>) -> (Var<'t, F>, Var<'t, F>) {
        let n = self.y.len();
        (tape.constant(&self.x, [n, self.x.len() / n]), tape.constant(&self.y, [n]))
    }

    /// Shows predictions for inputs that are standardised, or with `None` those of each training row from all others.
    fn predict(&self, params: &Params<F>, x: Option<&[F]>) -> anyhow::Result<Predicted> {
        let tape = Tape::new();
        let (seen, y) = self.data(&tape);
        let posterior = self.model.posterior(params.on(&tape).detach(), seen, y)?;
        let found: GpPrediction<F> = match x {
            None => posterior.leave_one_out(),
            Some(x) => {
                let inputs = seen.shape()[1];
                posterior.predict(tape.constant(x, [x.len() / inputs, inputs]))
            }
        };
        let (mean, deviation) = (self.scale.means[self.target], self.scale.deviations[self.target]);
        let numbers = |of: Var<F>, f: &dyn Fn(f64) -> f64| -> Vec<f64> {
            of.with(|numbers| numbers.iter().map(|x| f(x.to_f64())).collect())
        };
        Ok(Predicted {
            mean: numbers(found.mean, &|y| mean + deviation * y),
            variance: numbers(found.variance, &|v| deviation * deviation * v),
        })
    }

    /// The targets of some rows, in units of the data.
    fn observed(&self, table: &Table) -> Vec<f64> {
        (0..table.len()).map(|i| f64::from(table.row(i)[self.target])).collect()
    }

    /// The name of a column.
    fn name(&self, column: usize) -> String {
        let names = self.split.train.column_names();
        names.map_or_else(|| format!("column {}", column + 1), |names| names[column].clone())
    }
}

impl Predicted {
    fn log_prob(&self, y: &[f64]) -> Vec<f64> {
        let each = self.mean.iter().zip(&self.variance).zip(y);
        each.map(|((mean, v), y)| {
            -0.5 * ((y - mean).powi(2) / v + (v * std::f64::consts::TAU).ln())
        })
        .collect()
    }

    /// The root of the mean squared error.
    fn error(&self, y: &[f64]) -> f64 {
        let squares: f64 = self.mean.iter().zip(y).map(|(mean, y)| (y - mean).powi(2)).sum();
        (squares / y.len() as f64).sqrt()
    }
}

impl<F: Scalar> WholeModel<F> for Regression<'_, F> {
    const ABOUT: &'static About = &ABOUT;

    fn rows(&self) -> usize {
        self.y.len()
    }

    fn objective<'t>(&self, params: Bound<'t, F>) -> Result<Var<'t, F>, Error> {
        let (x, y) = self.data(params.tape());
        let log_marginal = self.model.log_marginal(params, x, y)?;
        Ok(match &self.prior {
            Some(prior) => log_marginal + self.model.log_prior(params, prior),
            None => log_marginal,
        })
    }

    fn offset(&self) -> f64 {
        -self.scale.deviations[self.target].ln()
    }

    /// Short and long length-scales, with little noise and much.
    fn further_starts(&self, params: &Params<F>) -> Vec<Vec<f64>> {
        let kernel = self.model.kernel();
        let start = |(shift, log_noise): (f64, f64)| {
            let mut there = params.clone();
            there.get_mut(self.model.log_noise()).fill(F::from_f64(log_noise));
            for form in kernel.forms() {
                let Some(id) = kernel.log_length_scale(form) else { continue };
                there.get_mut(id).iter_mut().for_each(|log| *log += F::from_f64(shift));
            }
            there.values().iter().map(|x| x.to_f64()).collect()
        };
        [(-1.5, -4.0), (1.5, -1.0), (0.0, -5.0)].map(start).to_vec()
    }

    fn metrics(&self, params: &Params<F>) -> anyhow::Result<Vec<(String, Value)>> {
        let test = &self.split.test;
        let found = self.predict(params, Some(&self.scale.parts(test, self.target).0))?;
        let log_prob = Mean::of(&found.log_prob(&self.observed(test)));
        Ok(vec![("test/log_predictive".into(), json!(log_prob.value))])
    }

    fn quantities(
        &self,
        params: &Params<F>,
        rows: usize,
        end: &str,
    ) -> anyhow::Result<Vec<Quantity>> {
        let train = self.split.train.take(0..self.y.len());
        let test = self.split.test.take(0..self.split.test.len().min(rows));
        let tape = Tape::new();
        let (x, y) = self.data(&tape);
        let log_marginal = self.model.log_marginal(params.on(&tape), x, y)?.item().to_f64();
        let exact = |name: &str, value: f64, unit, rows| {
            let name = name.to_string();
            Quantity { name, value, error: None, unit, samples: None, rows }
        };
        let n = self.y.len();
        let each = log_marginal / n as f64 + self.offset();
        let left_out = Mean::of(&self.predict(params, None)?.log_prob(&self.observed(&train)));
        let found = self.predict(params, Some(&self.scale.parts(&test, self.target).0))?;
        let observed = self.observed(&test);
        let deviation = self.scale.deviations[self.target];
        let noise = params.get(self.model.log_noise())[0].to_f64().exp().sqrt() * deviation;
        let log_predictive = Mean::of(&found.log_prob(&observed));
        let rmse = format!("rmse{end}");
        Ok(vec![
            exact("log_marginal_likelihood", each, "nats for each row", n),
            left_out.quantity("log_leave_one_out", "nats"),
            log_predictive.quantity(format!("log_predictive{end}"), "nats"),
            exact(&rmse, found.error(&observed), "units of the target", test.len()),
            exact("noise", noise, "units of the target", n),
        ])
    }

    /// Test rows whose target is drawn from its prediction.
    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> anyhow::Result<Table> {
        let test = &self.split.test;
        let rows: Vec<usize> = (0..count).map(|i| i % test.len()).collect();
        let table = test.select(&rows);
        let found = self.predict(params, Some(&self.scale.parts(&table, self.target).0))?;
        let mut noise = vec![0.0; count];
        f64::fill_normal(&mut noise, &mut seed::rng(seed, Stream::Sample, 0));
        let mut values = table.values().to_vec();
        for (i, noise) in noise.iter().enumerate() {
            let y = found.mean[i] + found.variance[i].sqrt() * noise;
            values[i * table.columns() + self.target] = y as f32;
        }
        Ok(Table::new(values, table.columns())?)
    }

    fn draw_pictures(&self, params: &Params<F>, _: u64) -> anyhow::Result<Vec<Vec<u8>>> {
        let inputs = self.model.kernel().dimensions();
        // Standardised inputs spread alike.
        let along = most_relevant(self.model.kernel(), params, &vec![1.0; inputs])[0];
        let column = along + usize::from(along >= self.target);
        let train = self.split.train.take(0..self.y.len());
        let at: Vec<f64> = (0..train.len()).map(|i| f64::from(train.row(i)[column])).collect();
        let low = at.iter().copied().fold(f64::INFINITY, f64::min);
        let high = at.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let place = |i: usize| low + (high - low) * i as f64 / (ACROSS - 1) as f64;
        // Other inputs stay at their means.
        let mut x = vec![F::ZERO; ACROSS * inputs];
        for i in 0..ACROSS {
            x[i * inputs + along] = F::from_f64(self.scale.standard(column, place(i)));
        }
        let found = self.predict(params, Some(&x))?;
        let band = Fit {
            x: (0..ACROSS).map(place).collect(),
            mean: found.mean,
            deviation: found.variance.iter().map(|v| v.sqrt()).collect(),
            points: at.into_iter().zip(self.observed(&train)).collect(),
        };
        let title = match inputs {
            1 => "Training rows, and predictions ± 2 SD".to_string(),
            _ => {
                "Training rows, and predictions ± 2 SD at the means of the other inputs".to_string()
            }
        };
        let names = [self.name(column), self.name(self.target)];
        let fit = fit_band(&band, &title, &names)?;
        let test = &self.split.test;
        let found = self.predict(params, Some(&self.scale.parts(test, self.target).0))?;
        let observed = self.observed(test);
        let triples = found.mean.iter().zip(&found.variance).zip(&observed);
        let triples: Vec<[f64; 3]> = triples.map(|((m, v), y)| [*m, v.sqrt(), *y]).collect();
        Ok(vec![fit, observed_and_predicted(&triples, &names[1])?])
    }
}

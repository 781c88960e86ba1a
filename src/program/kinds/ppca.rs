//! `train ppca`: probabilistic principal component analysis, fitted in closed form, by EM or by gradients of the exact
//! likelihood.

use super::kind::{About, Curve, Fitting, Kind, Measure, Quantity, Reading};
use super::tractable::log_likelihood;
use super::trainer::{AnyTrainer, Start, add_params, restore_params, step_on_batch};
use super::views::Views;
use crate::program::catalogue::Job;
use crate::program::choice::cli_name;
use crate::program::run::checkpoint::{Counters, State};
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OPTIMIZER, OptimizerOptions};
use crate::program::run::settings::{Length, Settings, at_least_one, positive, to_section, within};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::Scalar;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::Ppca as Model;
use pathscore::models::{Em, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const ABOUT: About = About {
    name: "ppca",
    line: "probabilistic principal components: exact likelihood, closed form, EM or gradients",
    source: "Tipping & Bishop 1999",
    pictures: &["samples.png", "reconstructions.png", "loadings.png"],
};

/// Sweeps of EM, or steps along the gradient, if no length is given.
const STEPS: u64 = 2000;
/// Pictures of `samples.png`.
const PICTURES: usize = 64;
/// Loadings side by side in `loadings.png`.
const ACROSS: usize = 6;

/// The kind `ppca`.
pub(crate) struct Ppca;

/// The ways to the maximum of the likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// The eigenvectors of the covariance, in one step.
    ClosedForm,
    /// Expectation maximisation, a step for each pass through the rows.
    Em,
    /// Gradients of the exact likelihood.
    Gradient,
}

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

    /// --method em stops when a sweep gains less than this, in nats for each row.
    #[arg(long, default_value_t = 1e-9, value_name = "NATS")]
    tolerance: f64,
}

/// The section `[model]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    latent_dim: usize,
}

/// The section `[estimator]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodSettings {
    name: Method,
    /// The tolerance of EM; absent for other methods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance: Option<f64>,
}

impl Kind for Ppca {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn options(&self, command: Command) -> Command {
        OptimizerOptions::augment_args(Options::augment_args(command))
            .mut_arg("dtype", |dtype| dtype.default_value("f64"))
            .mut_arg("steps", |steps| {
                steps.help(format!(
                    "The number of sweeps of em, or of steps along the gradient, instead of --epochs [default: {STEPS}]"
                ))
            })
            .mut_arg("batch", |batch| {
                batch.help("The number of rows of a step of --method gradient [default: all rows]")
            })
            .mut_arg("lr", |lr| lr.default_value("0.01"))
            .mut_arg("schedule", |schedule| schedule.default_value("cosine-decay"))
    }

    fn settings(&self, given: &Given) -> anyhow::Result<Settings> {
        let Options { latent_dim, method, tolerance } = given.options()?;
        at_least_one("--latent-dim", latent_dim as u64)?;
        within("--tolerance", tolerance, positive(tolerance), "positive")?;
        let name = cli_name(&method);
        let steps = if method == Method::ClosedForm { 1 } else { STEPS };
        let mut settings = given.settings(ABOUT.name, Length::Steps(steps), false)?;
        if method != Method::Gradient {
            given.refuse(OPTIMIZER, format!("--method {name} follows no gradient"))?;
            if settings.binarize()? == Binarize::Dynamic {
                return Err(usage_error(format!(
                    "--binarize dynamic draws the pixels anew at each visit, and --method {name} needs one table: \
                     try --binarize fixed"
                )));
            }
        } else {
            settings.optimizer = Some(given.optimizer()?);
        }
        if method != Method::Em {
            given.refuse(
                &["tolerance"],
                format!("--method {name} has no sweeps; it goes with em"),
            )?;
        }
        if method == Method::ClosedForm {
            let lengths = ["epochs", "steps", "seconds"];
            given.refuse(&lengths, "--method closed-form takes one step")?;
        }
        settings.model = to_section(&ModelSettings { latent_dim })?;
        let tolerance = (method == Method::Em).then_some(tolerance);
        settings.estimator = to_section(&MethodSettings { name: method, tolerance })?;
        Ok(settings)
    }

    fn open<'a>(
        &self,
        settings: &'a Settings,
        split: &'a Split,
    ) -> anyhow::Result<Box<dyn Fitting + 'a>> {
        Ok(match settings.run.dtype {
            Dtype::F32 => Box::new(Fit::<f32>::open(settings, split)?),
            Dtype::F64 => Box::new(Fit::<f64>::open(settings, split)?),
        })
    }
}

/// A model and the way it is fitted.
struct Fit<'a, F: Scalar> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    model: Model,
    words: String,
    fitter: Fitter<F>,
    readings: Vec<Reading>,
}

enum Fitter<F: Scalar> {
    ClosedForm(Whole<F>),
    Em { whole: Whole<F>, tolerance: f64, gain: f64 },
    Gradient { trainer: Box<dyn AnyTrainer<F, Model>>, batches: Batches },
}

/// A fit that sees all rows at once.
struct Whole<F> {
    params: Params<F>,
    x: Vec<F>,
    rows: usize,
    taken: u64,
    /// The mean of $\ln p(x)$ at the last step.
    log_likelihood: f64,
}

impl<'a, F: Scalar> Fit<'a, F> {
    fn open(settings: &'a Settings, split: &'a Split) -> anyhow::Result<Self> {
        let (shape, method): (ModelSettings, MethodSettings) =
            (settings.model()?, settings.estimator()?);
        let (columns, rows) = (split.train.columns(), split.train.len());
        if !(1..columns).contains(&shape.latent_dim) {
            return Err(usage_error(format!(
                "--latent-dim is {}; it must be at least 1 and less than the {columns} columns of the data",
                shape.latent_dim
            )));
        }
        let (binarize, seed) = (settings.binarize()?, settings.run.seed);
        let mut params = Params::new();
        let rng = &mut seed::rng(seed, Stream::Init, 0);
        let model = Model::new(&mut params, columns, shape.latent_dim, rng);
        start_at_data(&model, &mut params, &split.train);
        let words = cli_name(&method.name);
        let mut keys = vec!["train/log_likelihood"];
        let whole = |params| {
            let mut x = vec![F::ZERO; rows * columns];
            let rng = &mut seed::rng(seed, Stream::Shuffle, 0);
            binarize.fill(&split.train, &(0..rows).collect::<Vec<_>>(), &mut x, rng);
            Whole { params, x, rows, taken: 0, log_likelihood: f64::NEG_INFINITY }
        };
        let fitter = match method.name {
            Method::ClosedForm => Fitter::ClosedForm(whole(params)),
            Method::Em => {
                let tolerance = method.tolerance.unwrap_or(0.0);
                Fitter::Em { whole: whole(params), tolerance, gain: f64::INFINITY }
            }
            Method::Gradient => {
                keys.push("grad/norm");
                let batches = settings.batches(rows)?;
                let schedule = settings.schedule(batches.per_epoch())?;
                let start = Start { model, settings, schedule, samples: 1, words: &words };
                Fitter::Gradient { trainer: start.run(params, ExactLikelihood)?, batches }
            }
        };
        let reading = |key| Reading { key, value: f64::NAN };
        let readings = keys.into_iter().map(reading).collect();
        Ok(Self { settings, split, binarize, model, words, fitter, readings })
    }

    fn params(&self) -> &Params<F> {
        match &self.fitter {
            Fitter::ClosedForm(whole) | Fitter::Em { whole, .. } => &whole.params,
            Fitter::Gradient { trainer, .. } => trainer.params(),
        }
    }

    fn log_likelihood(&self, table: &Table, rows: usize, seed: u64, name: &str) -> Quantity {
        let data = (table, self.binarize);
        let found = log_likelihood(&self.model, self.params(), data, rows, seed);
        found.quantity(name, "nats")
    }

    fn views(&self) -> Views<'_, F, Model> {
        Views::new(&self.model, self.params(), &self.split.test)
    }
}

/// Refuses a log-likelihood that is no number.
fn finite(log_likelihood: f64) -> anyhow::Result<f64> {
    let wrong = || anyhow::anyhow!("the mean of ln p(x) is {log_likelihood}");
    log_likelihood.is_finite().then_some(log_likelihood).ok_or_else(wrong)
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

impl<F: Scalar> Fitting for Fit<'_, F> {
    fn words(&self) -> String {
        self.words.clone()
    }

    fn parameters(&self) -> usize {
        self.params().len()
    }

    fn per_epoch(&self) -> u64 {
        match &self.fitter {
            Fitter::ClosedForm(_) | Fitter::Em { .. } => 1,
            Fitter::Gradient { batches, .. } => batches.per_epoch(),
        }
    }

    fn taken(&self) -> u64 {
        match &self.fitter {
            Fitter::ClosedForm(whole) | Fitter::Em { whole, .. } => whole.taken,
            Fitter::Gradient { trainer, .. } => trainer.taken(),
        }
    }

    fn advance(&mut self) -> anyhow::Result<&[Reading]> {
        match &mut self.fitter {
            Fitter::ClosedForm(Whole { params, x, rows, taken, log_likelihood }) => {
                *log_likelihood = finite(self.model.closed_form(params, x, *rows)?)?;
                *taken += 1;
                self.readings[0].value = *log_likelihood;
            }
            Fitter::Em { whole, gain, .. } => {
                let found = finite(self.model.em_step(&mut whole.params, &whole.x, whole.rows))?;
                *gain = found - whole.log_likelihood;
                // A step of EM cannot lose likelihood; a millionth is far above the rounding error of the mean.
                if *gain < -1e-6 * (1.0 + found.abs()) {
                    anyhow::bail!(
                        "step {} of EM changed the mean of ln p(x) from {} to {found}: the data leave no noise that double precision can resolve; try fewer latents or --method closed-form",
                        whole.taken,
                        whole.log_likelihood
                    );
                }
                whole.log_likelihood = found;
                whole.taken += 1;
                self.readings[0].value = found;
            }
            Fitter::Gradient { trainer, batches } => {
                let data = (&self.split.train, self.binarize);
                step_on_batch(&mut **trainer, batches, data, &mut self.readings)?;
            }
        }
        Ok(&self.readings)
    }

    fn finished(&self) -> bool {
        match &self.fitter {
            Fitter::ClosedForm(whole) => whole.taken > 0,
            Fitter::Em { tolerance, gain, .. } => gain.abs() < *tolerance,
            Fitter::Gradient { .. } => false,
        }
    }

    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        let (test, seed) = (&self.split.test, self.settings.run.seed);
        let found = self.log_likelihood(test, test.len(), seed, "");
        Ok(vec![("test/log_likelihood".into(), json!(found.value))])
    }

    fn curve(&self) -> Curve {
        Curve {
            train: "train/log_likelihood",
            test: "test/log_likelihood",
            label: "log p(x) (nats)",
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        let (Split { train, test, .. }, seed) = (self.split, self.settings.run.seed);
        Ok(vec![
            self.log_likelihood(train, train.len(), seed, "log_likelihood_train"),
            self.log_likelihood(test, test.len(), seed, "log_likelihood_test"),
        ])
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        how.refuse_samples("the likelihood of ppca is exact")?;
        Ok(vec![self.log_likelihood(&self.split.test, how.rows, how.seed, "log_likelihood")])
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        Ok(Table::new(self.views().samples(count, seed), self.split.test.columns())?)
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let views = self.views();
        let samples = views.gallery().square(&views.samples(PICTURES, self.settings.run.seed));
        let numbers = |id| self.params().get(id).iter().map(|x| x.to_f64() as f32).collect();
        let (mean, weights): (Vec<f32>, Vec<f32>) =
            (numbers(self.model.loc()), numbers(self.model.weights()));
        let latents = weights.len() / mean.len();
        let loading = |j: usize| weights.iter().skip(j).step_by(latents).copied();
        let rows: Vec<f32> = mean.iter().copied().chain((0..latents).flat_map(loading)).collect();
        let pictures = [samples, views.reconstructions(), views.gallery().signed(&rows, ACROSS)];
        Ok(ABOUT.pictures.iter().copied().zip(pictures).collect())
    }

    fn save(&self) -> State {
        let (whole, learnt) = match &self.fitter {
            Fitter::Gradient { trainer, .. } => return trainer.save(),
            Fitter::ClosedForm(whole) => (whole, vec![whole.log_likelihood]),
            Fitter::Em { whole, gain, .. } => (whole, vec![whole.log_likelihood, *gain]),
        };
        let mut state = State::new(Counters {
            step: whole.taken,
            optimizer_steps: 0,
            estimator: learnt.iter().map(|x| x.to_bits()).collect(),
            seed: self.settings.run.seed,
        });
        add_params(&mut state, &whole.params);
        state
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        let Counters { step, estimator, .. } = &state.counters;
        let learnt = |i: usize| -> anyhow::Result<f64> {
            let bits = estimator.get(i).ok_or_else(|| {
                state.error("it does not hold the numbers of this --method".to_string())
            })?;
            Ok(f64::from_bits(*bits))
        };
        let whole = match &mut self.fitter {
            Fitter::Gradient { trainer, .. } => return trainer.restore(state),
            Fitter::ClosedForm(whole) => whole,
            Fitter::Em { whole, gain, .. } => {
                *gain = learnt(1)?;
                whole
            }
        };
        whole.log_likelihood = learnt(0)?;
        whole.taken = *step;
        restore_params(state, &mut whole.params, usize::MAX)
    }
}

//! Fits of models whose likelihood is exact: in closed form, by EM, or by gradients.

use super::codes::{Codes, Parameter};
use super::kind::{About, Curve, Fitting, Measure, Quantity, Reading};
use super::tractable::log_likelihood;
use super::trainer::{AnyTrainer, Start, add_params, restore_params, step_on_batch};
use crate::program::catalogue::Job;
use crate::program::choice::cli_name;
use crate::program::gallery::DRAWS;
use crate::program::run::checkpoint::{Counters, State};
use crate::program::run::options::{Given, OPTIMIZER, OptimizerOptions};
use crate::program::run::settings::{Length, Settings, positive, to_section, within};
use crate::program::usage_error::usage_error;
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Error, Scalar, Var};
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::tractable::{aic, bic};
use pathscore::models::{Bound, Em, Params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Sweeps of EM, or steps along the gradient, if no length is given.
const STEPS: u64 = 2000;

/// The ways to the maximum of the likelihood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Method {
    /// The eigenvectors of the covariance, in one step.
    ClosedForm,
    /// Expectation maximisation, a step for each pass through the rows.
    Em,
    /// Gradients of the exact likelihood.
    Gradient,
}

/// The ways to the maximum of a likelihood without a closed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Iterative {
    /// Expectation maximisation, a step for each pass through the rows.
    Em,
    /// Gradients of the exact likelihood.
    Gradient,
}

/// The option of the stopping rule, the same for every model.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
pub(crate) struct ToleranceOptions {
    /// --method em stops when a sweep gains less than this, in nats for each row.
    #[arg(long, default_value_t = 1e-9, value_name = "NATS")]
    pub(crate) tolerance: f64,
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

impl From<Iterative> for Method {
    fn from(method: Iterative) -> Self {
        match method {
            Iterative::Em => Self::Em,
            Iterative::Gradient => Self::Gradient,
        }
    }
}

/// Adds the options of the methods.
pub(crate) fn options(command: Command) -> Command {
    OptimizerOptions::augment_args(ToleranceOptions::augment_args(command))
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

/// The settings of a new run but for `[model]`.
pub(crate) fn settings(given: &Given, kind: &str, method: Method) -> anyhow::Result<Settings> {
    let ToleranceOptions { tolerance } = given.options()?;
    within("--tolerance", tolerance, positive(tolerance), "positive")?;
    let name = cli_name(&method);
    let steps = if method == Method::ClosedForm { 1 } else { STEPS };
    let mut settings = given.settings(kind, Length::Steps(steps), false)?;
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
        given.refuse(&["tolerance"], format!("--method {name} has no sweeps; it goes with em"))?;
    }
    if method == Method::ClosedForm {
        let lengths = ["epochs", "steps", "seconds"];
        given.refuse(&lengths, "--method closed-form takes one step")?;
    }
    let tolerance = (method == Method::Em).then_some(tolerance);
    settings.estimator = to_section(&MethodSettings { name: method, tolerance })?;
    Ok(settings)
}

/// A model whose likelihood is exact, as the program sees it.
pub(crate) trait ExactModel<F: Scalar>: Em<F> + Copy + 'static {
    /// The entry of its kind.
    const ABOUT: &'static About;
    /// The advice to a user whose data lead EM astray.
    const ADVICE: &'static str;
    /// The words about [`ExactModel::draws`] as pictures.
    const DRAWS_ARE: &'static str = DRAWS;

    /// Sets the parameters to the maximum of the likelihood, if it has a closed form, and returns the mean of $\ln p(x)$.
    fn solve(&self, params: &mut Params<F>, x: &[F], rows: usize) -> Option<Result<f64, Error>> {
        let _ = (params, x, rows);
        None
    }

    /// A sweep of EM, [`Em::em_step`], on rows of which cells may be missing if the kind takes such rows.
    fn sweep(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        self.em_step(params, x, rows)
    }

    /// $\ln p(x)$ of every row, or of its observed cells.
    fn log_probs<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.log_prob(params, x)
    }

    /// The least variances for some rows; none if nothing is held.
    fn floors(&self, x: &[F], rows: usize) -> Vec<f64> {
        let _ = (x, rows);
        Vec::new()
    }

    /// Raises variances to their floors and returns the name of the parts that have floors, and how many were there.
    fn hold(&self, params: &mut Params<F>, floors: &[f64]) -> Option<(&'static str, usize)> {
        let _ = (params, floors);
        None
    }

    /// The number of free parameters, if the kind reports AIC and BIC.
    fn free(&self) -> Option<usize> {
        None
    }

    /// New rows, flat.
    fn draws(&self, params: &Params<F>, data: &Table, count: usize, seed: u64) -> Vec<f32>;

    /// The parameters of the posterior of each row's latents.
    fn posterior_parameters(&self, params: &Params<F>, rows: &Table) -> Vec<Parameter>;

    /// $E[x \mid z]$ at the mean of each row's posterior, or with a seed at a draw from it; flat.
    fn decoded(&self, params: &Params<F>, rows: &Table, draw: Option<u64>) -> Vec<f64>;

    /// The pictures, in the order of their names.
    ///
    /// # Errors
    /// If the settings are not of this kind.
    fn draw_pictures(
        &self,
        params: &Params<F>,
        data: &Table,
        settings: &Settings,
    ) -> anyhow::Result<Vec<Vec<u8>>>;
}

/// A model and the way it is fitted.
pub(crate) struct ExactFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    model: M,
    words: String,
    floors: Vec<f64>,
    fitter: Fitter<F, M>,
    readings: Vec<Reading>,
}

enum Fitter<F: Scalar, M> {
    ClosedForm(Whole<F>),
    Em { whole: Whole<F>, tolerance: f64, gain: f64 },
    Gradient { trainer: Box<dyn AnyTrainer<F, M>>, batches: Batches },
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

impl<'a, F: Scalar, M: ExactModel<F>> ExactFit<'a, F, M> {
    /// A fit that has not begun; `make` makes the model, and its parameters near the rows.
    pub(crate) fn open(
        settings: &'a Settings,
        split: &'a Split,
        make: impl FnOnce(&mut Params<F>, &[F], usize) -> anyhow::Result<M>,
    ) -> anyhow::Result<Self> {
        let method: MethodSettings = settings.estimator()?;
        let (columns, rows) = (split.train.columns(), split.train.len());
        let missing = split.train.missing() + split.test.missing();
        if missing > 0 && method.name != Method::Em {
            return Err(usage_error(format!(
                "{missing} cells of the data are missing, and --method {} needs all: --method em does not",
                cli_name(&method.name)
            )));
        }
        let (binarize, seed) = (settings.binarize()?, settings.run.seed);
        let mut x = vec![F::ZERO; rows * columns];
        let rng = &mut seed::rng(seed, Stream::Shuffle, 0);
        binarize.fill(&split.train, &(0..rows).collect::<Vec<_>>(), &mut x, rng);
        let mut params = Params::new();
        let model = make(&mut params, &x, rows)?;
        let floors = model.floors(&x, rows);
        let words = cli_name(&method.name);
        let mut keys = vec!["train/log_likelihood"];
        let whole = |params| Whole { params, x, rows, taken: 0, log_likelihood: f64::NEG_INFINITY };
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
        Ok(Self { settings, split, binarize, model, words, floors, fitter, readings })
    }

    fn params(&self) -> &Params<F> {
        match &self.fitter {
            Fitter::ClosedForm(whole) | Fitter::Em { whole, .. } => &whole.params,
            Fitter::Gradient { trainer, .. } => trainer.params(),
        }
    }

    fn log_likelihood(&self, table: &Table, rows: usize, seed: u64, name: &str) -> Quantity {
        let data = (table, self.binarize);
        let (model, params) = (&self.model, self.params());
        log_likelihood(|params, x| model.log_probs(params, x), params, data, rows, seed)
            .quantity(name, "nats")
    }

    /// AIC and BIC of the training part, whose mean of $\ln p(x)$ is known, and the parts that are at their floors.
    fn of_training(&self, log_likelihood: f64) -> Vec<Quantity> {
        let rows = self.split.train.len();
        let exact = |name: &str, value: f64, unit| {
            let name = name.to_string();
            Quantity { name, value, error: None, unit, samples: None, rows }
        };
        let mut found = Vec::new();
        if let Some(free) = self.model.free() {
            let total = log_likelihood * rows as f64;
            found.push(exact("aic", aic(total, free), "nats"));
            found.push(exact("bic", bic(total, free, rows), "nats"));
        }
        if let Some((parts, held)) = self.model.hold(&mut self.params().clone(), &self.floors) {
            found.push(exact(&format!("{parts}_at_floor"), held as f64, parts));
        }
        found
    }
}

/// A model with its parameters.
struct Encoder<'a, F, M> {
    model: M,
    params: &'a Params<F>,
}

impl<F: Scalar, M: ExactModel<F>> Codes for Encoder<'_, F, M> {
    fn encode(&self, rows: &Table) -> anyhow::Result<Vec<Parameter>> {
        Ok(self.model.posterior_parameters(self.params, rows))
    }

    fn reconstruct(&self, rows: &Table, draw: Option<u64>) -> anyhow::Result<Vec<f64>> {
        Ok(self.model.decoded(self.params, rows, draw))
    }
}

/// Refuses a log-likelihood that is no number.
fn finite(log_likelihood: f64) -> anyhow::Result<f64> {
    let wrong = || anyhow::anyhow!("the mean of ln p(x) is {log_likelihood}");
    log_likelihood.is_finite().then_some(log_likelihood).ok_or_else(wrong)
}

impl<F: Scalar, M: ExactModel<F>> Fitting for ExactFit<'_, F, M> {
    fn words(&self) -> String {
        self.words.clone()
    }

    fn parameters(&self) -> usize {
        self.model.free().unwrap_or(self.params().len())
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
                let found = self.model.solve(params, x, *rows).ok_or_else(|| {
                    usage_error("run.toml, [estimator]: this kind has no closed form")
                })?;
                *log_likelihood = finite(found?)?;
                *taken += 1;
                self.readings[0].value = *log_likelihood;
            }
            Fitter::Em { whole, gain, .. } => {
                let found = finite(self.model.sweep(&mut whole.params, &whole.x, whole.rows))?;
                *gain = found - whole.log_likelihood;
                // A step of EM cannot lose likelihood; a millionth is far above the rounding error of the mean.
                if *gain < -1e-6 * (1.0 + found.abs()) {
                    anyhow::bail!(
                        "step {} of EM changed the mean of ln p(x) from {} to {found}: the data leave no noise that double precision can resolve; {}",
                        whole.taken,
                        whole.log_likelihood,
                        M::ADVICE
                    );
                }
                whole.log_likelihood = found;
                whole.taken += 1;
                self.readings[0].value = found;
            }
            Fitter::Gradient { trainer, batches } => {
                let data = (&self.split.train, self.binarize);
                step_on_batch(&mut **trainer, batches, data, &mut self.readings)?;
                if !self.floors.is_empty() {
                    self.model.hold(trainer.params_mut(), &self.floors);
                }
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
            names: match &self.fitter {
                Fitter::ClosedForm(_) => ["training", "test"],
                _ => ["training (before the step)", "test (after it)"],
            },
            labels: ["log p(x) (nats)"; 2],
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        let (Split { train, test, .. }, seed) = (self.split, self.settings.run.seed);
        let of_train = self.log_likelihood(train, train.len(), seed, "log_likelihood_train");
        let more = self.of_training(of_train.value);
        let of_test = self.log_likelihood(test, test.len(), seed, "log_likelihood_test");
        Ok([of_train, of_test].into_iter().chain(more).collect())
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        how.refuse_samples(&format!("the likelihood of {} is exact", M::ABOUT.name))?;
        let Split { train, test, .. } = self.split;
        let mut found = vec![self.log_likelihood(test, how.rows, how.seed, "log_likelihood")];
        if self.model.free().is_some() {
            let of_train = self.log_likelihood(train, train.len(), how.seed, "");
            found.extend(self.of_training(of_train.value));
        }
        Ok(found)
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        let rows = self.model.draws(self.params(), &self.split.test, count, seed);
        Ok(Table::new(rows, self.split.test.columns())?)
    }

    fn samples_are(&self) -> &'static str {
        M::DRAWS_ARE
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let pictures = self.model.draw_pictures(self.params(), &self.split.test, self.settings)?;
        Ok(M::ABOUT.pictures.iter().copied().zip(pictures).collect())
    }

    fn codes(&self) -> Option<Box<dyn Codes + '_>> {
        Some(Box::new(Encoder { model: self.model, params: self.params() }))
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

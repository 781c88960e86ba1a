//! Fits of models whose likelihood is that of all rows together: by L-BFGS, or by an optimiser that follows the gradient.

use super::codes::Codes;
use super::kind::{About, Curve, Fitting, Measure, Quantity, Reading};
use super::trainer::{add_params, optimizer, restore_params};
use crate::program::choice::cli_name;
use crate::program::run::checkpoint::{Counters, State};
use crate::program::run::options::{Given, OPTIMIZER, OptimizerOptions};
use crate::program::run::settings::{Length, Settings, positive, to_section, within};
use clap::{Args, Command, ValueEnum};
use pathscore::autodiff::{Error, Grads, Scalar, Tape, Var};
use pathscore::estimators::fit;
use pathscore::estimators::optim::{LBfgs, Optimizer, Schedule};
use pathscore::models::data::Table;
use pathscore::models::{Bound, Params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Iterations of L-BFGS in a step. Each step begins without a history, so that a checkpoint holds the parameters alone.
const ITERATIONS: usize = 25;
/// Steps of either method if no length is given.
const ROUNDS: u64 = 40;
const STEPS: u64 = 1000;

/// The ways to the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ascent {
    /// L-BFGS with a line search, 25 iterations a step.
    Lbfgs,
    /// The optimiser of --optimizer, which follows the gradient.
    Gradient,
}

/// The options of the methods.
#[derive(Args, Debug)]
#[command(next_help_heading = "Model")]
struct AscentOptions {
    /// The way to the maximum.
    #[arg(long, value_enum, default_value_t = Ascent::Lbfgs, value_name = "NAME")]
    method: Ascent,

    /// --method lbfgs stops when a step gains less than this, in nats for each row.
    #[arg(long, default_value_t = 1e-6, value_name = "NATS")]
    tolerance: f64,
}

/// The section `[estimator]` of `run.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MethodSettings {
    name: Ascent,
    /// The tolerance of L-BFGS; absent for the gradient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance: Option<f64>,
}

/// Adds the options of the methods.
pub(crate) fn options(command: Command) -> Command {
    OptimizerOptions::augment_args(AscentOptions::augment_args(command))
        .mut_arg("dtype", |dtype| dtype.default_value("f64"))
        .mut_arg("steps", |steps| {
            steps.help(format!(
                "The number of steps, of {ITERATIONS} iterations with --method lbfgs [default: {ROUNDS}; {STEPS} with \
                 --method gradient]"
            ))
        })
        .mut_arg("batch", |batch| batch.hide(true))
        .mut_arg("lr", |lr| lr.default_value("0.02"))
        .mut_arg("schedule", |schedule| schedule.default_value("cosine-decay"))
}

/// The settings of a new run but for `[model]`.
pub(crate) fn settings(given: &Given, kind: &str) -> anyhow::Result<Settings> {
    let AscentOptions { method, tolerance } = given.options()?;
    within("--tolerance", tolerance, positive(tolerance), "positive")?;
    given.refuse(&["batch"], "the likelihood is that of all rows together")?;
    let steps = if method == Ascent::Lbfgs { ROUNDS } else { STEPS };
    let mut settings = given.settings(kind, Length::Steps(steps), false)?;
    let tolerance = match method {
        Ascent::Lbfgs => {
            given
                .refuse(OPTIMIZER, "--method lbfgs chooses its own steps; it goes with gradient")?;
            Some(tolerance)
        }
        Ascent::Gradient => {
            given
                .refuse(&["tolerance"], "--method gradient takes all steps; it goes with lbfgs")?;
            settings.optimizer = Some(given.optimizer()?);
            None
        }
    };
    settings.estimator = to_section(&MethodSettings { name: method, tolerance })?;
    Ok(settings)
}

/// A model of all rows together with its data, as the program sees it.
pub(crate) trait WholeModel<F: Scalar> {
    /// The entry of its kind.
    const ABOUT: &'static About;
    /// The name of the quantity that is maximised, without its prior.
    const QUANTITY: &'static str = "likelihood";

    /// The number of training rows.
    fn rows(&self) -> usize;

    /// The quantity that is maximised, in nats for all rows, of shape `[]`: the likelihood, with the prior if there is one.
    fn objective<'t>(&self, params: Bound<'t, F>) -> Result<Var<'t, F>, Error>;

    /// A constant that is added to the mean over rows, so that it is in the units of the data.
    fn offset(&self) -> f64 {
        0.0
    }

    /// Parameters from which the first step begins, beside those that are there; the best of all wins.
    fn further_starts(&self, params: &Params<F>) -> Vec<Vec<f64>> {
        let _ = params;
        Vec::new()
    }

    /// The numbers that are measured after every step, for `metrics.jsonl`.
    ///
    /// # Errors
    /// If the model cannot predict.
    fn metrics(&self, params: &Params<F>) -> anyhow::Result<Vec<(String, Value)>> {
        let _ = params;
        Ok(Vec::new())
    }

    /// The quantities that are known of the fitted model, with the first rows of the test part; names of test quantities end with `end`.
    ///
    /// # Errors
    /// If the model cannot predict.
    fn quantities(
        &self,
        params: &Params<F>,
        rows: usize,
        end: &str,
    ) -> anyhow::Result<Vec<Quantity>>;

    /// New rows.
    ///
    /// # Errors
    /// If the model cannot predict.
    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> anyhow::Result<Table>;

    /// The latents of rows of data, if rows that were not trained on have latents that can be found.
    fn codes<'a>(&'a self, params: &'a Params<F>) -> Option<Box<dyn Codes + 'a>> {
        let _ = params;
        None
    }

    /// The pictures, in the order of their names.
    ///
    /// # Errors
    /// If the model cannot predict, or a picture cannot be drawn.
    fn draw_pictures(&self, params: &Params<F>, seed: u64) -> anyhow::Result<Vec<Vec<u8>>>;
}

/// A model, its parameters, and the way they go up.
pub(crate) struct WholeFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    model: M,
    /// The number of training rows of the data, of which the model may take fewer.
    all: usize,
    params: Params<F>,
    taken: u64,
    /// The mean of the objective over rows before or after the last step, and its gain.
    value: f64,
    gain: f64,
    way: Way<F>,
    memory: Memory<F>,
    readings: [Reading; 2],
}

enum Way<F> {
    Lbfgs { tolerance: f64 },
    Gradient { optimizer: Box<dyn Optimizer<F>>, schedule: Schedule },
}

/// The memory of a step along the gradient, which the next one uses again.
struct Memory<F> {
    tape: Tape<F>,
    grads: Grads<F>,
    gradient: Vec<F>,
}

impl<'a, F: Scalar, M: WholeModel<F>> WholeFit<'a, F, M> {
    /// A fit that has not begun, of data with `all` training rows.
    pub(crate) fn new(
        settings: &'a Settings,
        all: usize,
        model: M,
        params: Params<F>,
    ) -> anyhow::Result<Self> {
        let method: MethodSettings = settings.estimator()?;
        let way = match method.name {
            Ascent::Lbfgs => Way::Lbfgs { tolerance: method.tolerance.unwrap_or(0.0) },
            Ascent::Gradient => Way::Gradient {
                optimizer: optimizer(settings.optimizer()?)?,
                schedule: settings.schedule(1)?,
            },
        };
        let reading = |key| Reading { key, value: f64::NAN };
        let readings = ["train/log_marginal", "grad/norm"].map(reading);
        let (value, gain) = (f64::NEG_INFINITY, f64::INFINITY);
        let memory = Memory { tape: Tape::new(), grads: Grads::new(), gradient: Vec::new() };
        Ok(Self { settings, model, all, params, taken: 0, value, gain, way, memory, readings })
    }

    /// One step; the mean of the objective over rows and the norm of the gradient, after a step of L-BFGS and before one along the
    /// gradient.
    fn step(&mut self) -> anyhow::Result<[f64; 2]> {
        let Self { model, params, taken, way, settings, memory, .. } = self;
        let rows = model.rows() as f64;
        let mean = |value: f64| value / rows + model.offset();
        match way {
            Way::Lbfgs { .. } => {
                let lbfgs = LBfgs { max_iterations: ITERATIONS, ..LBfgs::default() };
                let mut starts = vec![params.values().iter().map(|x| x.to_f64()).collect()];
                if *taken == 0 {
                    starts.extend(model.further_starts(params));
                }
                let before = params.clone();
                let (_, found) =
                    fit::maximize_from(params, &starts, &lbfgs, |bound| model.objective(bound));
                let value = mean(found.value);
                if !value.is_finite() {
                    *params = before;
                    anyhow::bail!("step {taken}: the objective is {value}: {}", found.stop);
                }
                Ok([value, found.gradient.iter().map(|g| g * g).sum::<f64>().sqrt()])
            }
            Way::Gradient { optimizer, schedule } => {
                let Memory { tape, grads, gradient } = memory;
                let followed = settings.optimizer()?;
                let value = {
                    let value = model.objective(params.on(tape))?;
                    tape.pull_into(&[(value, &[F::ONE])], &[], grads);
                    value.item().to_f64()
                };
                tape.clear();
                gradient.clear();
                gradient.extend_from_slice(grads.leading(params.len()));
                let length = gradient.iter().map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt();
                let value = mean(value);
                if !(value.is_finite() && length.is_finite()) {
                    anyhow::bail!("step {taken}: the objective is {value}, its gradient {length}");
                }
                if let Some(clip) = followed.clip.filter(|&clip| length > clip) {
                    let scale = F::from_f64(clip / length);
                    gradient.iter_mut().for_each(|g| *g *= scale);
                }
                let lr = followed.lr * schedule.factor(*taken);
                optimizer.step(params.values_mut(), gradient, lr);
                Ok([value, length])
            }
        }
    }
}

impl<F: Scalar, M: WholeModel<F>> Fitting for WholeFit<'_, F, M> {
    fn words(&self) -> String {
        let name = cli_name(match self.way {
            Way::Lbfgs { .. } => &Ascent::Lbfgs,
            Way::Gradient { .. } => &Ascent::Gradient,
        });
        match self.model.rows() {
            rows if rows < self.all => format!("{name} on {rows} rows"),
            _ => name,
        }
    }

    fn parameters(&self) -> usize {
        self.params.len()
    }

    fn per_epoch(&self) -> u64 {
        1
    }

    fn taken(&self) -> u64 {
        self.taken
    }

    fn advance(&mut self) -> anyhow::Result<&[Reading]> {
        let [value, norm] = self.step()?;
        self.gain = value - self.value;
        self.value = value;
        self.taken += 1;
        self.readings[0].value = value;
        self.readings[1].value = norm;
        Ok(&self.readings)
    }

    fn finished(&self) -> bool {
        match self.way {
            Way::Lbfgs { tolerance } => self.gain < tolerance,
            Way::Gradient { .. } => false,
        }
    }

    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        self.model.metrics(&self.params)
    }

    fn curve(&self) -> Curve {
        let train = match M::QUANTITY {
            "bound" => "log marginal bound / N (nats)",
            _ => "log marginal likelihood / N (nats)",
        };
        Curve {
            train: "train/log_marginal",
            test: "test/log_predictive",
            names: ["training", "test"],
            labels: [train, "log predictive density of a row (nats)"],
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        self.model.quantities(&self.params, usize::MAX, "_test")
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        how.refuse_samples(&format!("the {} of {} is exact", M::QUANTITY, M::ABOUT.name))?;
        self.model.quantities(&self.params, how.rows, "")
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        self.model.draws(&self.params, count, seed)
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let pictures = self.model.draw_pictures(&self.params, self.settings.run.seed)?;
        Ok(M::ABOUT.pictures.iter().copied().zip(pictures).collect())
    }

    fn codes(&self) -> Option<Box<dyn Codes + '_>> {
        self.model.codes(&self.params)
    }

    fn save(&self) -> State {
        let optimizer_steps = match &self.way {
            Way::Lbfgs { .. } => 0,
            Way::Gradient { optimizer, .. } => optimizer.steps(),
        };
        let mut state = State::new(Counters {
            step: self.taken,
            optimizer_steps,
            estimator: vec![self.value.to_bits(), self.gain.to_bits()],
            seed: self.settings.run.seed,
        });
        add_params(&mut state, &self.params);
        if let Way::Gradient { optimizer, .. } = &self.way {
            for (name, values) in optimizer.state() {
                state.add(format!("optimizer.{name}"), &[values.len()], values);
            }
        }
        state
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        let Counters { step, optimizer_steps, estimator, .. } = &state.counters;
        let [value, gain] = estimator[..] else {
            return Err(state.error("it does not hold the numbers of this --method".to_string()));
        };
        if let Way::Gradient { optimizer, .. } = &mut self.way {
            let length = self.params.len();
            let mut find = |name: &str| state.tensor(&format!("optimizer.{name}"), &[length]).ok();
            let missing = |name| state.error(format!("it has no vector {name} of the optimiser"));
            optimizer.restore(*optimizer_steps, &mut find).map_err(missing)?;
        }
        (self.value, self.gain) = (f64::from_bits(value), f64::from_bits(gain));
        self.taken = *step;
        restore_params(state, &mut self.params, usize::MAX)
    }
}

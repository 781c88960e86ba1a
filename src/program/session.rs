//! Training, evaluating and sampling: from settings to a folder of results.

use super::args::{Dtype, EvaluateArgs, Model, SampleArgs, TrainArgs};
use super::chart::{Series, curve_svg};
use super::checkpoint::{self, Checkpoint};
use super::config::{self, Config, Length, cli_name};
use super::files::{JsonLines, clear_leftovers, keep_lines_while, write_atomically};
use super::interrupt::Interrupt;
use super::progress::{Progress, Total};
use super::table::print;
use super::usage_error::{Interrupted, usage_error};
use super::views::Views;
use pathscore::autodiff::{Activation, Scalar, vector::Lanes};
use pathscore::estimators::fit::{Noise, NotFinite, Report, Trainer};
use pathscore::estimators::{
    Claim, Diagnosis, Estimator, Evaluation, GROUP, diagnose, evaluate as evaluate_model,
};
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::dist::Coordinates;
use pathscore::models::latent::{Decoder, DiscreteVae, Generative, Likelihood, SigmoidBelief, Vae};
use pathscore::models::{Params, seed};
use serde::Serialize;
use serde_json::{Value, json};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod asked;

pub(crate) use asked::{Asked, Job};

const METRICS: &str = "metrics.jsonl";
const SUMMARY: &str = "summary.json";
const PICTURES: [&str; 4] = ["samples.png", "reconstructions.png", "latent.png", "curve.svg"];

/// Steps between two lines of metrics.
const LOG_STEPS: u64 = 50;
/// Rows and draws of the quick evaluation after each epoch.
const QUICK_ROWS: usize = 500;
const QUICK_SAMPLES: usize = 1;
/// Gradients whose noise is measured after each epoch: one digit of their variance.
const NOISE_DRAWS: u64 = 20;
/// Draws for each row in the evaluation of the training split, of which as many rows are taken as the
/// test split has.
const TRAIN_SAMPLES: usize = 10;
/// The first point behind zero of tvo, about where the paper's searches ended.
const FIRST_POINT: f64 = 0.025;
/// Pictures of `samples.png`.
const SAMPLES: usize = 64;

/// A pool of so many threads, all by default.
pub(crate) fn pool(threads: Option<usize>) -> anyhow::Result<rayon::ThreadPool> {
    if threads == Some(0) {
        return Err(usage_error("--threads must be at least 1"));
    }
    Ok(rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build()?)
}

/// A model that settings describe.
pub(crate) trait Described<F: Scalar>: Decoder<F> + Generative<F> + Sized {
    fn describe(config: &Config, columns: usize, params: &mut Params<F>) -> Self;
    fn latent_view(views: &Views<F, Self>) -> Vec<u8>;
    fn diagnose(&self, look: Look<F>) -> Diagnosis;
}

/// What the diagnostics of a posterior are made of.
pub(crate) struct Look<'a, F> {
    params: &'a Params<F>,
    x: &'a [F],
    rows: usize,
    seed: u64,
}

impl<F: Scalar> Look<'_, F> {
    fn at<M: Decoder<F>>(self, model: &M) -> Diagnosis
    where
        for<'t> M::Posterior<'t>: Coordinates<'t, F>,
        for<'t> M::Prior<'t>: Coordinates<'t, F>,
    {
        let rng = &mut seed::rng(self.seed, seed::Stream::Diagnose, 0);
        diagnose(model, self.params, self.x, self.rows, GROUP, rng)
    }
}

/// The arguments that both constructors take.
type Parts<'a> = (&'a [usize], usize, Activation, Likelihood);

fn parts(config: &Config) -> Parts<'_> {
    (&config.hidden, config.latent_dim, config.activation(), config.likelihood())
}

impl<F: Scalar> Described<F> for Vae {
    fn describe(config: &Config, columns: usize, params: &mut Params<F>) -> Self {
        let (hidden, latents, activation, likelihood) = parts(config);
        let rng = &mut seed::rng(config.seed, seed::Stream::Init, 0);
        Vae::new(params, columns, hidden, latents, activation, likelihood, rng)
    }

    fn latent_view(views: &Views<F, Self>) -> Vec<u8> {
        views.latent_plane()
    }

    fn diagnose(&self, look: Look<F>) -> Diagnosis {
        look.at(self)
    }
}

impl<F: Scalar> Described<F> for DiscreteVae {
    fn describe(config: &Config, columns: usize, params: &mut Params<F>) -> Self {
        let (hidden, latents, activation, likelihood) = parts(config);
        let rng = &mut seed::rng(config.seed, seed::Stream::Init, 0);
        DiscreteVae::new(params, columns, hidden, latents, activation, likelihood, rng)
    }

    fn latent_view(views: &Views<F, Self>) -> Vec<u8> {
        views.latent_bits()
    }

    fn diagnose(&self, look: Look<F>) -> Diagnosis {
        look.at(self)
    }
}

impl<F: Scalar> Described<F> for SigmoidBelief {
    fn describe(config: &Config, columns: usize, params: &mut Params<F>) -> Self {
        let (hidden, _, activation, likelihood) = parts(config);
        let rng = &mut seed::rng(config.seed, seed::Stream::Init, 0);
        let layers = &config.layers;
        SigmoidBelief::new(params, columns, layers, hidden, activation, likelihood, rng)
    }

    fn latent_view(views: &Views<F, Self>) -> Vec<u8> {
        views.latent_bits()
    }

    fn diagnose(&self, look: Look<F>) -> Diagnosis {
        look.at(self)
    }
}

/// The data of a run, split and made black and white as its settings say.
pub(crate) fn load(config: &Config) -> anyhow::Result<Split> {
    let split = config.source()?.load(config.seed)?.prepare(config.binarize()?, config.seed)?;
    let bits = config.likelihood() == Likelihood::Bernoulli;
    if bits && !(split.train.in_unit_interval() && split.test.in_unit_interval()) {
        return Err(usage_error(format!(
            "{}: some values lie outside [0, 1], which --likelihood bernoulli cannot describe; try --likelihood normal",
            config.data
        )));
    }
    Ok(split)
}

/// The folder of a run and how it goes there.
struct Session {
    config: Config,
    dir: PathBuf,
    split: Split,
    checkpoint: Option<Checkpoint>,
    checkpoint_every: Duration,
    progress: super::progress::ProgressKind,
    interrupt: Interrupt,
    threads: usize,
}

/// `train`.
pub(crate) fn train(args: Box<TrainArgs>) -> anyhow::Result<()> {
    let pool = pool(args.threads)?;
    let mut config = match &args.resume {
        Some(dir) => Config::read(dir)?,
        None => Config::resolve(&args)?,
    };
    config.length = args.length().unwrap_or(config.length);
    if matches!(config.length, Length::Seconds(_)) && cli_name(&config.schedule) != "constant" {
        return Err(usage_error(
            "--schedule needs a known number of steps: give --epochs or --steps instead of --seconds",
        ));
    }
    let split = load(&config)?;
    config.split.clone_from(&split.description);
    // Nothing is touched before everything that can be wrong with the request has been seen.
    Batches::new(split.train.len(), config.batch, config.seed)?;
    let (dir, checkpoint) = match &args.resume {
        Some(dir) => {
            // A run that ended before its first checkpoint begins again.
            let file = dir.join(checkpoint::FILE);
            let found = file.exists().then(|| Checkpoint::read(&file)).transpose()?;
            (dir.clone(), found)
        }
        None => (new_folder(args.out.as_deref(), args.force, config.model)?, None),
    };
    clear_leftovers(&dir)?;
    write_atomically(dir.join(config::FILE), toml::to_string(&config)?.as_bytes())?;
    let session = Session {
        dir,
        split,
        checkpoint,
        checkpoint_every: Duration::try_from_secs_f64(args.checkpoint_seconds)
            .map_err(|error| usage_error(format!("--checkpoint-seconds: {error}")))?,
        progress: args.progress,
        interrupt: Interrupt::install()?,
        threads: pool.current_num_threads(),
        config,
    };
    // The whole run lives in the pool: handing over each step would cost a wake-up and an allocation.
    let (config, columns) = (&session.config, session.split.train.columns());
    let asked = Asked { config, columns, steps: session.steps()?, purpose: &session };
    pool.install(|| asked.run_job())
}

/// A folder that holds no run yet.
fn new_folder(out: Option<&Path>, force: bool, model: Model) -> anyhow::Result<PathBuf> {
    let failed =
        |dir: &Path, error: std::io::Error| usage_error(format!("{}: {error}", dir.display()));
    let Some(dir) = out else {
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(|error| failed(runs, error))?;
        for number in 1.. {
            let dir = runs.join(format!("{}-{number}", cli_name(&model)));
            match fs::create_dir(&dir) {
                Ok(()) => return Ok(dir),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&dir, error)),
            }
        }
        unreachable!("there is always a next number");
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let ours = [config::FILE, checkpoint::FILE, METRICS, SUMMARY].into_iter().chain(PICTURES);
    let there: Vec<PathBuf> =
        ours.map(|name| dir.join(name)).filter(|path| path.exists()).collect();
    if !there.is_empty() && !force {
        return Err(usage_error(format!(
            "{}: there is a run in this folder; --force replaces it, --resume continues it",
            dir.display()
        )));
    }
    for path in there {
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
    }
    Ok(dir.to_path_buf())
}

/// What a run has come to, as `summary.json`.
#[derive(Serialize)]
struct Summary<'a> {
    model: String,
    data: &'a str,
    estimator: String,
    parameters: usize,
    steps: u64,
    epochs: f64,
    seconds: f64,
    elbo_train: f64,
    elbo_test: f64,
    elbo_test_se: f64,
    bound_50_test: f64,
    log_likelihood_test: f64,
    log_likelihood_test_se: f64,
    log_likelihood_samples: usize,
    test_rows: usize,
    seed: u64,
    threads: usize,
    dtype: String,
    pathscore: &'a str,
}

/// Writes the numbers of a range of rows.
pub(crate) type Feed<'a, F> = &'a (dyn Fn(Range<usize>, &mut [F], &mut Lanes) + Sync);

/// Sees gradients.
pub(crate) type See<'a, F> = &'a mut dyn FnMut(&[F]);

/// A trainer whose estimator is forgotten: what a run does around its steps is compiled once for each model,
/// and not once for each estimator.
pub(crate) trait Steps<F: Scalar, M> {
    fn step(&mut self, shape: [usize; 2], feed: Feed<F>) -> Result<Report, NotFinite>;
    fn save(&self, path: &Path) -> anyhow::Result<()>;
    fn resume(&mut self, checkpoint: &Checkpoint) -> anyhow::Result<()>;
    fn gradient_noise(&mut self) -> Vec<Noise>;
    fn gradients(&mut self, x: &[F], rows: usize, draws: usize, seed: u64, see: See<F>);
    fn claim(&self) -> Claim;
    fn model(&self) -> &M;
    fn params(&self) -> &Params<F>;
    /// The number of steps taken.
    fn taken(&self) -> u64;
}

impl<F: Scalar, M: Sync, E: Estimator<F, M>> Steps<F, M> for Trainer<F, M, E> {
    fn step(&mut self, shape: [usize; 2], feed: Feed<F>) -> Result<Report, NotFinite> {
        Trainer::step(self, shape, feed)
    }

    fn save(&self, path: &Path) -> anyhow::Result<()> {
        checkpoint::write(path, self, &self.estimator.state())
    }

    fn resume(&mut self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let learnt = checkpoint.restore(self)?;
        self.estimator.restore(&learnt);
        Ok(())
    }

    fn gradient_noise(&mut self) -> Vec<Noise> {
        Trainer::gradient_noise(self, NOISE_DRAWS)
    }

    fn gradients(&mut self, x: &[F], rows: usize, draws: usize, seed: u64, see: See<F>) {
        Trainer::gradients(self, x, rows, draws, seed, see);
    }

    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn model(&self) -> &M {
        &self.model
    }

    fn params(&self) -> &Params<F> {
        &self.params
    }

    fn taken(&self) -> u64 {
        self.step
    }
}

impl Session {
    /// How many steps were asked for.
    fn steps(&self) -> anyhow::Result<u64> {
        let per_epoch = self.batches()?.per_epoch();
        Ok(match self.config.length {
            Length::Epochs(n) => n.saturating_mul(per_epoch),
            Length::Steps(n) => n,
            Length::Seconds(_) => u64::MAX,
        })
    }

    fn batches(&self) -> anyhow::Result<Batches> {
        Ok(Batches::new(self.split.train.len(), self.config.batch, self.config.seed)?)
    }

    /// The noise of the gradient and the use of the latents, beside the other numbers of an epoch.
    fn diagnose<F: Scalar, M: Described<F>>(
        &self,
        trainer: &mut dyn Steps<F, M>,
        rows: usize,
        line: &mut Value,
    ) -> anyhow::Result<()> {
        for noise in trainer.gradient_noise() {
            line[format!("grad/variance/{}", noise.part)] = json!(noise.variance);
            line[format!("grad/snr/{}", noise.part)] = json!(noise.snr());
        }
        let (test, seed) = (&self.split.test, self.config.seed);
        let mut x = vec![F::ZERO; rows * test.columns()];
        let rng = &mut seed::rng(seed, seed::Stream::Diagnose, 1);
        self.config.binarize()?.fill(test, &(0..rows).collect::<Vec<_>>(), &mut x, rng);
        let look = Look { params: trainer.params(), x: &x, rows, seed };
        let found = trainer.model().diagnose(look);
        line[format!("test/ess_{GROUP}")] = json!(found.effective_draws);
        line["test/active_units"] = json!(found.active_units());
        line["test/kl_units"] = json!(found.kl);
        Ok(())
    }

    fn save<F: Scalar, M>(&self, trainer: &dyn Steps<F, M>) -> anyhow::Result<()> {
        trainer.save(&self.dir.join(checkpoint::FILE))
    }

    /// Evaluates the first rows of a table.
    fn look<F: Scalar, M: Decoder<F>>(
        &self,
        model: &M,
        params: &Params<F>,
        table: &Table,
        rows: usize,
        samples: usize,
    ) -> Evaluation {
        let binarize = self.config.binarize().unwrap_or(Binarize::None);
        look(model, params, table, rows, samples, binarize, self.config.seed)
    }

    /// Evaluates, draws, and writes what the run has come to.
    fn conclude<F: Scalar, M: Described<F>>(
        &self,
        trainer: &dyn Steps<F, M>,
        seconds: f64,
        per_epoch: u64,
    ) -> anyhow::Result<()> {
        let Session { config, dir, split, .. } = self;
        let (model, params) = (trainer.model(), trainer.params());
        let (test, samples) = (&split.test, config.eval_samples);
        let found = self.look(model, params, test, test.len(), samples);
        let rows = split.train.len().min(test.len());
        let found_train = self.look(model, params, &split.train, rows, TRAIN_SAMPLES);

        let views = Views::new(model, params, test);
        let [samples_png, reconstructions_png, latent_png, curve] =
            PICTURES.map(|name| dir.join(name));
        write_atomically(samples_png, &views.samples(SAMPLES, config.seed))?;
        write_atomically(reconstructions_png, &views.reconstructions())?;
        write_atomically(latent_png, &M::latent_view(&views))?;
        let title = format!(
            "{} on {}: {}",
            cli_name(&config.model),
            name_of(&config.data),
            config.estimator_in_words()
        );
        let series = curves(&dir.join(METRICS));
        write_atomically(curve, curve_svg(&series, "step", "ELBO (nats)", &title).as_bytes())?;

        let summary = Summary {
            model: cli_name(&config.model),
            data: &config.data,
            estimator: config.estimator_in_words(),
            parameters: params.len(),
            steps: trainer.taken(),
            epochs: trainer.taken() as f64 / per_epoch as f64,
            seconds,
            elbo_train: found_train.elbo,
            elbo_test: found.elbo,
            elbo_test_se: found.elbo_se,
            bound_50_test: found.group_bound,
            log_likelihood_test: found.log_likelihood,
            log_likelihood_test_se: found.log_likelihood_se,
            log_likelihood_samples: samples,
            test_rows: found.rows,
            seed: config.seed,
            threads: self.threads,
            dtype: cli_name(&config.dtype),
            pathscore: &config.pathscore,
        };
        write_atomically(dir.join(SUMMARY), &serde_json::to_vec_pretty(&summary)?)?;
        #[derive(Serialize)]
        struct Result<'a> {
            quantity: &'a str,
            nats: f64,
            #[serde(rename = "±")]
            se: Option<f64>,
        }
        let row = |quantity, nats, se| Result { quantity, nats, se };
        let out = &mut std::io::stdout().lock();
        print(
            &[
                row("training ELBO", found_train.elbo, Some(found_train.elbo_se)),
                row("test ELBO", found.elbo, Some(found.elbo_se)),
                row(
                    &format!("test log p(x), {samples} samples"),
                    found.log_likelihood,
                    Some(found.log_likelihood_se),
                ),
            ],
            super::table::Format::Table,
            out,
        )?;
        use std::io::Write;
        writeln!(
            out,
            "{} steps in {seconds:.1} s; see {}",
            trainer.taken(),
            dir.join(PICTURES[0]).display()
        )?;
        Ok(())
    }
}

impl Job for Session {
    /// The run, from the first step or the checkpoint to the pictures.
    fn run_job<F: Scalar, M: Described<F>>(
        &self,
        trainer: &mut dyn Steps<F, M>,
    ) -> anyhow::Result<()> {
        let config = &self.config;
        let train = &self.split.train;
        let (mut batches, steps) = (self.batches()?, self.steps()?);
        let schedule = config.schedule(steps);
        if let Some(checkpoint) = &self.checkpoint {
            trainer.resume(checkpoint)?;
        }
        let metrics_path = self.dir.join(METRICS);
        let done = trainer.taken();
        keep_lines_while(&metrics_path, |line| line["step"].as_u64().is_some_and(|s| s <= done))?;
        let spent =
            last_line(&metrics_path).and_then(|line| line["wall_s"].as_f64()).unwrap_or(0.0);
        let mut metrics = JsonLines::open(&metrics_path)?;

        let total = match config.length {
            Length::Seconds(s) => Total::Seconds(s),
            _ => Total::Steps(steps),
        };
        let mut progress = Progress::new(self.progress, total);
        progress.note(&format!(
            "{}: {} parameters, {}, {} training rows{}",
            self.dir.display(),
            trainer.params().len(),
            config.estimator_in_words(),
            train.len(),
            if done > 0 { format!(", from step {done}") } else { String::new() }
        ));
        let started = Instant::now();
        let elapsed = || spent + started.elapsed().as_secs_f64();
        let goes_on = |step: u64| match config.length {
            Length::Seconds(s) => elapsed() < s,
            _ => step < steps,
        };
        let binarize = config.binarize()?;
        let mut saved = Instant::now();
        let mut sum = Running::default();
        while goes_on(trainer.taken()) {
            let rows = batches.at(trainer.taken());
            let outcome = trainer.step([rows.len(), train.columns()], &|range, x, rng| {
                binarize.fill(train, &rows[range], x, rng);
            });
            let report = match outcome {
                Ok(report) => report,
                Err(wrong) => {
                    self.save(trainer)?;
                    return Err(wrong.into());
                }
            };
            let step = trainer.taken();
            progress.step(step, report.bound, report.grad_norm);
            sum.add(report.bound, report.grad_norm);
            let epoch_ends = step.is_multiple_of(batches.per_epoch());
            if step.is_multiple_of(LOG_STEPS) || epoch_ends || !goes_on(step) {
                let mut line = json!({
                    "step": step,
                    "epoch": step as f64 / batches.per_epoch() as f64,
                    "wall_s": elapsed(),
                    config.bound(): sum.bound(),
                    "grad/norm": sum.norm(),
                    "lr": config.lr * schedule.factor(step - 1),
                });
                sum = Running::default();
                if epoch_ends || !goes_on(step) {
                    let test = &self.split.test;
                    let quick = QUICK_ROWS.min(test.len());
                    let found = self.look::<F, M>(
                        trainer.model(),
                        trainer.params(),
                        test,
                        quick,
                        QUICK_SAMPLES,
                    );
                    line["test/elbo"] = json!(found.elbo);
                    if config.diagnostics {
                        self.diagnose(trainer, quick, &mut line)?;
                    }
                }
                metrics.append(&line)?;
                if saved.elapsed() >= self.checkpoint_every {
                    self.save(trainer)?;
                    saved = Instant::now();
                }
            }
            if self.interrupt.requested() && goes_on(step) {
                self.save(trainer)?;
                progress.finish("interrupted");
                let dir = self.dir.display();
                return Err(anyhow::Error::new(Interrupted(format!(
                    "stopped after step {step}; to continue: pathscore train --resume {dir}"
                ))));
            }
        }
        let seconds = elapsed();
        self.save(trainer)?;
        progress.finish("trained; evaluating");
        self.conclude(trainer, seconds, batches.per_epoch())
    }
}

fn look<F: Scalar, M: Decoder<F>>(
    model: &M,
    params: &Params<F>,
    table: &Table,
    rows: usize,
    samples: usize,
    binarize: Binarize,
    seed: u64,
) -> Evaluation {
    evaluate_model(model, params, [rows, table.columns()], samples, seed, |range, x, rng| {
        let rows: Vec<usize> = range.collect();
        binarize.fill(table, &rows, x, rng);
    })
}

/// The data's name without the folders that it is in.
fn name_of(data: &str) -> &str {
    data.rsplit('/').next().unwrap_or(data)
}

/// Means since the last line of metrics.
#[derive(Default)]
struct Running {
    steps: f64,
    bound: f64,
    norm: f64,
}

impl Running {
    fn add(&mut self, bound: f64, norm: f64) {
        self.steps += 1.0;
        self.bound += bound;
        self.norm += norm;
    }

    fn bound(&self) -> f64 {
        self.bound / self.steps
    }

    fn norm(&self) -> f64 {
        self.norm / self.steps
    }
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn last_line(path: &Path) -> Option<Value> {
    lines(path).pop()
}

/// The training and the test curve of a run.
fn curves(metrics: &Path) -> Vec<Series> {
    let lines = lines(metrics);
    let series = |name: &str, key: &str| Series {
        name: name.into(),
        points: lines
            .iter()
            .filter_map(|line| Some((line["step"].as_f64()?, line[key].as_f64()?)))
            .collect(),
    };
    let key = ["train/elbo", "train/bound"];
    let key = key.into_iter().find(|key| lines.iter().any(|line| line[*key].is_number()));
    vec![series("training", key.unwrap_or("train/elbo")), series("test", "test/elbo")]
}

/// `evaluate`.
pub(crate) fn evaluate(args: &EvaluateArgs) -> anyhow::Result<()> {
    let config = Config::read(&args.run)?;
    if args.num_samples == 0 {
        return Err(usage_error("--num-samples must be at least 1"));
    }
    let checkpoint = Checkpoint::read(&args.run.join(checkpoint::FILE))?;
    let split = load(&config)?;
    let found = pool(args.threads)?.install(|| match (config.dtype, config.model) {
        (Dtype::F32, Model::Vae) => found::<f32, Vae>(&config, &checkpoint, &split.test, args),
        (Dtype::F32, Model::Dvae) => {
            found::<f32, DiscreteVae>(&config, &checkpoint, &split.test, args)
        }
        (Dtype::F32, Model::Sbn) => {
            found::<f32, SigmoidBelief>(&config, &checkpoint, &split.test, args)
        }
        (Dtype::F64, Model::Sbn) => {
            found::<f64, SigmoidBelief>(&config, &checkpoint, &split.test, args)
        }
        (Dtype::F64, Model::Vae) => found::<f64, Vae>(&config, &checkpoint, &split.test, args),
        (Dtype::F64, Model::Dvae) => {
            found::<f64, DiscreteVae>(&config, &checkpoint, &split.test, args)
        }
    })?;
    #[derive(Serialize)]
    struct Row {
        quantity: String,
        nats: f64,
        standard_error: f64,
        samples: usize,
        rows: usize,
    }
    let row = |quantity: &str, nats, standard_error, samples| Row {
        quantity: quantity.into(),
        nats,
        standard_error,
        samples,
        rows: found.rows,
    };
    let group = GROUP.min(found.samples);
    let rows = [
        row("elbo", found.elbo, found.elbo_se, 1),
        row(&format!("bound_{group}"), found.group_bound, found.group_bound_se, group),
        row("log_likelihood", found.log_likelihood, found.log_likelihood_se, found.samples),
    ];
    print(&rows, args.format, &mut std::io::stdout().lock())
}

/// A model with the parameters of a checkpoint.
fn restored<F: Scalar, M: Described<F>>(
    config: &Config,
    checkpoint: &Checkpoint,
    columns: usize,
) -> anyhow::Result<(M, Params<F>)> {
    let mut params = Params::new();
    let model = M::describe(config, columns, &mut params);
    checkpoint.restore_params(&mut params)?;
    Ok((model, params))
}

fn found<F: Scalar, M: Described<F>>(
    config: &Config,
    checkpoint: &Checkpoint,
    test: &Table,
    args: &EvaluateArgs,
) -> anyhow::Result<Evaluation> {
    let (model, params) = restored::<F, M>(config, checkpoint, test.columns())?;
    let rows = args.rows.unwrap_or(test.len()).min(test.len());
    Ok(look(&model, &params, test, rows, args.num_samples, config.binarize()?, args.seed))
}

/// `sample`.
pub(crate) fn sample(args: &SampleArgs) -> anyhow::Result<()> {
    let config = Config::read(&args.run)?;
    if args.count == 0 {
        return Err(usage_error("--count must be at least 1"));
    }
    let checkpoint = Checkpoint::read(&args.run.join(checkpoint::FILE))?;
    let test = load(&config)?.test;
    let png = match (config.dtype, config.model) {
        (Dtype::F32, Model::Vae) => drawn::<f32, Vae>(&config, &checkpoint, &test, args),
        (Dtype::F32, Model::Dvae) => drawn::<f32, DiscreteVae>(&config, &checkpoint, &test, args),
        (Dtype::F32, Model::Sbn) => drawn::<f32, SigmoidBelief>(&config, &checkpoint, &test, args),
        (Dtype::F64, Model::Sbn) => drawn::<f64, SigmoidBelief>(&config, &checkpoint, &test, args),
        (Dtype::F64, Model::Vae) => drawn::<f64, Vae>(&config, &checkpoint, &test, args),
        (Dtype::F64, Model::Dvae) => drawn::<f64, DiscreteVae>(&config, &checkpoint, &test, args),
    }?;
    write_atomically(&args.out, &png)?;
    eprintln!("wrote {}", args.out.display());
    Ok(())
}

fn drawn<F: Scalar, M: Described<F>>(
    config: &Config,
    checkpoint: &Checkpoint,
    test: &Table,
    args: &SampleArgs,
) -> anyhow::Result<Vec<u8>> {
    let (model, params) = restored::<F, M>(config, checkpoint, test.columns())?;
    Ok(Views::new(&model, &params, test).samples(args.count, args.seed))
}

//! `train`: the loop over steps with progress, metrics, checkpoints and Ctrl-C, the same for every kind of model.

use super::checkpoint::{About, Checkpoint};
use super::fingerprint::Fingerprint;
use super::folder::{self, CHECKPOINT, FAILED, METRICS};
use super::lock::Lock;
use super::log::{Kept, Log, Means};
use super::options::{Given, OptimizerOptions, RunOptions};
use super::saved::Saved;
use super::settings::{Length, Settings};
use super::{data, summary};
use crate::program::files::{clear_leftovers, write_atomically};
use crate::program::interrupt::Interrupt;
use crate::program::kinds::kind::{Fitting, Kind, Reading};
use crate::program::kinds::pictures;
use crate::program::progress::{Progress, ProgressKind, Total, say};
use crate::program::tensorboard;
use crate::program::threads::pool;
use crate::program::usage_error::{usage_error, words};
use pathscore::models::data::Split;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Steps between two lines of metrics.
const LOG_STEPS: u64 = 50;

/// A run: its settings and its folder.
struct Run<'a> {
    kind: &'static str,
    settings: &'a Settings,
    dir: &'a Path,
    /// The text of the settings, and the data.
    about: About,
    /// Training rows.
    rows: usize,
    orders: &'a Orders,
    /// Notes about the data and about settings that they have decided.
    found: Vec<String>,
    /// The step of the checkpoint in the folder.
    last: AtomicU64,
}

/// The requests that belong to no run.
struct Orders {
    checkpoint_every: Duration,
    progress: ProgressKind,
    /// The folder of events for TensorBoard.
    tensorboard: Option<PathBuf>,
    interrupt: Interrupt,
}

/// Trains a new model of a kind, or continues the run of `--resume`.
pub(crate) fn train(kind: &'static dyn Kind, given: &Given) -> anyhow::Result<()> {
    let interrupt = Interrupt::install()?;
    let options: RunOptions = given.options()?;
    let pool = pool(options.threads)?;
    let checkpoint_every = Duration::try_from_secs_f64(options.checkpoint_seconds)
        .map_err(|error| usage_error(format!("--checkpoint-seconds: {error}")))?;
    let (progress, tensorboard) = (options.progress, options.tensorboard.clone());
    let orders = Orders { checkpoint_every, progress, tensorboard, interrupt };
    // The whole run takes place in the pool: handing over each step would cost a wake-up and an allocation.
    match &options.resume {
        Some(dir) => {
            let lr = given.has("lr").then(|| given.options::<OptimizerOptions>());
            let lr = lr.transpose()?.map(|options| options.lr);
            pool.install(|| resume(dir, &options, lr, &orders))
        }
        None => {
            let settings = kind.settings(given)?;
            pool.install(|| begin(kind, settings, given, &options, &orders))
        }
    }
}

/// Begins a run. Nothing is written before every part of the request has been checked.
fn begin(
    kind: &'static dyn Kind,
    mut settings: Settings,
    given: &Given,
    options: &RunOptions,
    orders: &Orders,
) -> anyhow::Result<()> {
    settings.check()?;
    let early = || Ok("stopped before the first step; nothing was written".into());
    let interrupt = &orders.interrupt;
    let split = interrupt.during(early, || data::load(&settings))?;
    settings.data.split.clone_from(&split.description);
    fit_defaults(&mut settings, given, &split);
    let found = interrupt.during(early, || kind.complete(&mut settings, &split))?;
    let found =
        found.into_iter().chain(data::word_about_scales(&settings, &split.train)?).collect();
    let mut fitting = interrupt.during(early, || kind.open(&settings, &split))?;
    let (kind, pictures) = (kind.about().name, pictures());
    orders.tensorboard.as_ref().map_or(Ok(()), |dir| tensorboard::prepare(dir, options.force))?;
    let (dir, _lock) = folder::create(options.out.as_deref(), options.force, kind, &pictures)?;
    let (text, data) = (settings.to_text()?, Fingerprint::of(&split));
    let about = About { settings: text.clone(), data, ..About::default() };
    let checkpoint = Checkpoint { about: about.clone(), state: fitting.save() };
    if options.force && folder::holds_run(&dir) {
        // A first step, which is taken again: what it cannot do, such as find its memory, costs the earlier run nothing.
        interrupt.during(early, || fitting.advance().map(|_| ()))?;
        fitting.restore(&checkpoint.state)?;
    }
    folder::replace(&dir, &text, &checkpoint, true, &pictures)?;
    let (settings, rows) = (&settings, split.train.len());
    let last = fitting.taken().into();
    let run = Run { kind, settings, dir: &dir, about, rows, orders, found, last };
    run.go(&mut *fitting, Kept::default())
}

/// Makes sizes smaller that were not given and are made for larger tables: batches and components are at most as many as rows, and
/// there are fewer inducing points than rows and fewer latents than columns.
pub(crate) fn fit_defaults(settings: &mut Settings, given: &Given, split: &Split) {
    let (rows, columns) = (split.train.len(), split.train.columns());
    let batch = settings.optimizer.as_mut().and_then(|one| one.batch.as_mut());
    if let Some(batch) = batch.filter(|_| !given.has("batch")) {
        *batch = rows.min(*batch);
    }
    let fewer = if columns > 1 { columns / 2 } else { 1 };
    let inducing = rows.saturating_sub(1).max(1);
    for (key, most, otherwise) in [
        ("latent_dim", columns - 1, fewer),
        ("inducing", inducing, inducing),
        ("components", rows, rows),
    ] {
        let size = settings.model.get_mut(key).filter(|_| !given.has(key));
        if let Some(toml::Value::Integer(size)) = size
            && *size > most as i64
        {
            *size = otherwise as i64;
        }
    }
}

/// Continues the run in a folder. Nothing is written before settings, checkpoint, metrics and data have been found to fit.
fn resume(
    dir: &Path,
    options: &RunOptions,
    lr: Option<f64>,
    orders: &Orders,
) -> anyhow::Result<()> {
    if !folder::holds_run(dir) {
        Settings::read(dir)?;
    }
    folder::check(dir, &pictures())?;
    let _lock = Lock::take(dir)?;
    folder::complete_found(dir, &pictures())?;
    let early = || Ok("stopped before the next step; nothing was changed".into());
    let mut saved = orders.interrupt.during(early, || Saved::read(dir))?;
    let kept = saved.checkpoint.about.logged.find(&dir.join(METRICS))?;
    saved.settings.run.length = options.length().unwrap_or(saved.settings.run.length);
    if let Some(lr) = lr {
        let optimizer = saved.settings.optimizer.as_mut();
        let reason = "--lr has no effect here: the run follows no gradient";
        optimizer.ok_or_else(|| usage_error(reason))?.lr = lr;
    }
    saved.settings.check()?;
    let mut fitting = orders.interrupt.during(early, || saved.open())?;
    let Saved { settings, checkpoint, split } = &saved;
    let (taken, steps) = (fitting.taken(), settings.steps(fitting.per_epoch()));
    if steps < taken && options.length().is_some() {
        return Err(usage_error(format!(
            "{}: the run has taken {taken} steps already, more than the {steps} that are asked for",
            dir.display()
        )));
    }
    if !goes_on(settings, &*fitting, kept.seconds) && summary::is_written(dir, taken) {
        let how = match fitting.finished() {
            true => "further steps would change nothing",
            false => "a larger number of --epochs, --steps or --seconds continues it",
        };
        let dir = dir.display();
        say(&format!("{dir}: the run ended after step {taken}, and nothing was changed; {how}"));
        return Ok(());
    }
    let mut about = checkpoint.about.clone();
    let text = settings.to_text()?;
    // The line of the end is about to be cut off, and the checkpoint must not miss it.
    let ended = about.logged.clone();
    if goes_on(settings, &*fitting, kept.seconds) {
        about.logged = about.logged.without_end();
    }
    if text != about.settings || about.logged != ended {
        about.settings.clone_from(&text);
        let checkpoint = Checkpoint { about: about.clone(), state: checkpoint.state.clone() };
        folder::replace(dir, &text, &checkpoint, false, &[])?;
    }
    orders.tensorboard.as_ref().map_or(Ok(()), |dir| tensorboard::prepare(dir, true))?;
    let (kind, rows) = (saved.kind()?.about().name, split.train.len());
    let last = taken.into();
    let run = Run { kind, settings, dir, about, rows, orders, found: Vec::new(), last };
    run.go(&mut *fitting, kept)
}

/// True if a run that has lasted so many seconds takes further steps.
fn goes_on(settings: &Settings, fitting: &dyn Fitting, seconds: f64) -> bool {
    let in_time = match settings.run.length {
        Length::Seconds(s) => seconds < s,
        _ => fitting.taken() < settings.steps(fitting.per_epoch()),
    };
    in_time && !fitting.finished()
}

impl Run<'_> {
    fn checkpoint(&self, fitting: &dyn Fitting, log: &Log, means: &Means) -> Checkpoint {
        let (logged, means) = (log.logged().clone(), means.clone());
        let about = About { logged, means, ..self.about.clone() };
        Checkpoint { about, state: fitting.save() }
    }

    /// Writes a checkpoint if the state is sound; otherwise the last one stays.
    fn save(&self, checkpoint: &Checkpoint) -> anyhow::Result<()> {
        let step = checkpoint.state.counters.step;
        match checkpoint.state.not_finite() {
            None => {
                checkpoint.write(&self.dir.join(CHECKPOINT))?;
                self.last.store(step, Ordering::Relaxed);
                Ok(())
            }
            Some(name) => {
                let wrong = anyhow::anyhow!("step {step}: the parameter {name} is not finite");
                Err(self.failed(checkpoint, wrong))
            }
        }
    }

    /// Writes the state at which the run could not go on beside the last checkpoint, and says how to go on.
    fn failed(&self, checkpoint: &Checkpoint, wrong: anyhow::Error) -> anyhow::Error {
        let (dir, last) = (self.dir.display(), self.last());
        if let Err(error) = checkpoint.write(&self.dir.join(FAILED)) {
            return wrong.context(words(&error));
        }
        let how = match self.settings.optimizer {
            Some(_) => {
                format!("; to go on at a smaller rate: pathscore train --resume {dir} --lr RATE")
            }
            None => String::new(),
        };
        wrong.context(format!(
            "the checkpoint of step {last} is kept, and {FAILED} beside it has the state that failed{how}"
        ))
    }

    /// The numbers that were measured after a step, if those of the curve are finite; otherwise the model is lost.
    fn sound(
        &self,
        step: u64,
        fitting: &dyn Fitting,
        found: Vec<(String, Value)>,
    ) -> anyhow::Result<Vec<(String, Value)>> {
        let curve = fitting.curve();
        let lost = |key: &str, value: &Value| {
            (key == curve.train || key == curve.test) && value.as_f64().is_none()
        };
        match found.iter().find(|(key, value)| lost(key, value)) {
            Some((key, _)) => Err(anyhow::anyhow!("step {step}: {key} is not finite")),
            None => Ok(found),
        }
    }

    fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    /// Goes back to a state, if there is one, and else to the last checkpoint; returns the sentence about it.
    fn stop_at(&self, before: Option<&Checkpoint>) -> anyhow::Result<String> {
        before.map_or(Ok(()), |checkpoint| self.save(checkpoint))?;
        Ok(self.stopped(self.last()))
    }

    /// The sentence about a run that has stopped on request.
    fn stopped(&self, step: u64) -> String {
        let dir = self.dir.display();
        format!("stopped after step {step}; to continue: pathscore train --resume {dir}")
    }

    /// Takes the steps from the first or the checkpoint on, evaluates the model and draws its pictures.
    fn go(&self, fitting: &mut dyn Fitting, kept: Kept) -> anyhow::Result<()> {
        let late = || {
            let (dir, last) = (self.dir.display(), self.last());
            Ok(format!(
                "stopped within a long step; the checkpoint of step {last} is kept; to continue: pathscore train --resume {dir}"
            ))
        };
        self.orders.interrupt.between(late, || self.steps(fitting, kept))
    }

    fn steps(&self, fitting: &mut dyn Fitting, kept: Kept) -> anyhow::Result<()> {
        let Run { settings, dir, orders, .. } = self;
        clear_leftovers(dir)?;
        let per_epoch = fitting.per_epoch();
        let steps = settings.steps(per_epoch);
        let done = fitting.taken();
        let total = match settings.run.length {
            Length::Seconds(s) => Total::Seconds(s),
            _ => Total::Steps(steps),
        };
        let started = Instant::now();
        let elapsed = || kept.seconds + started.elapsed().as_secs_f64();
        let goes_on = |fitting: &dyn Fitting| goes_on(settings, fitting, elapsed());
        let path = dir.join(METRICS);
        let events = orders.tensorboard.as_deref();
        let mut log = Log::open(path, &self.about.logged, kept, goes_on(fitting), events)?;
        let mut means = self.about.means.clone();
        let key = fitting.curve().train;
        let label = key.rsplit('/').next().unwrap_or(key).replace('_', " ");
        let mut progress = Progress::new(orders.progress, total, &label);
        progress.note(&format!(
            "{}: {} parameters, {}, {} training rows{}",
            dir.display(),
            fitting.parameters(),
            fitting.words(),
            self.rows,
            if done > 0 { format!(", from step {done}") } else { String::new() }
        ));
        self.found.iter().for_each(|found| progress.note(found));
        let mut saved = Instant::now();
        // The state before the last step, to which a stop during the evaluation behind that step goes back: only a step itself
        // leaves its batch in memory, and the diagnostics need it.
        let mut before: Option<Checkpoint> = None;
        loop {
            let step = fitting.taken();
            let ends = !goes_on(fitting);
            let epoch_ends = step.is_multiple_of(per_epoch);
            // A longer run would have this line, too.
            let regular = epoch_ends || step.is_multiple_of(LOG_STEPS) && !ends;
            if step > log.step() && (regular || ends) {
                let mut line = Map::new();
                line.insert("epoch".into(), json!(step as f64 / per_epoch as f64));
                means.write(&mut line);
                if let Some(optimizer) = &settings.optimizer {
                    let factor = optimizer.schedule.of(steps).factor(step - 1);
                    line.insert("lr".into(), json!(optimizer.lr * factor));
                }
                if epoch_ends || ends {
                    let save = || self.stop_at(before.as_ref());
                    let found = orders.interrupt.during(save, || fitting.epoch_metrics());
                    let found = found.and_then(|found| self.sound(step, fitting, found));
                    line.extend(found.map_err(|wrong| {
                        self.failed(&self.checkpoint(fitting, &log, &means), wrong)
                    })?);
                }
                log.append(step, elapsed(), line, !regular)?;
                if regular {
                    means.clear();
                }
                if epoch_ends && !ends {
                    let save = || self.stop_at(before.as_ref());
                    let epoch = step / per_epoch;
                    let pictures = orders.interrupt.during(save, || fitting.pictures_during(epoch));
                    let pictures = pictures.map_err(|wrong| {
                        self.failed(&self.checkpoint(fitting, &log, &means), wrong)
                    })?;
                    for (name, png) in pictures {
                        write_atomically(dir.join(name), &png)?;
                    }
                }
            }
            if ends {
                break;
            }
            if orders.interrupt.requested() {
                log.sync()?;
                self.save(&self.checkpoint(fitting, &log, &means))?;
                progress.finish("interrupted");
                return Err(orders.interrupt.stopped(self.stopped(step)).into());
            }
            // A checkpoint that is due is written when a step from it has succeeded: a model may be lost although all its parameters
            // are finite.
            let due = saved.elapsed() >= orders.checkpoint_every;
            if due {
                log.sync()?;
            }
            let measured = (step + 1).is_multiple_of(per_epoch) || step + 1 >= steps;
            before = (due || measured).then(|| self.checkpoint(fitting, &log, &means));
            match fitting.advance() {
                Ok(readings) => {
                    means.add(readings.iter().map(|one| (one.key, one.value)));
                    let norm = readings.iter().find(|one| one.key == "grad/norm");
                    let value = |one: Option<&Reading>| one.map_or(f64::NAN, |one| one.value);
                    let (objective, norm) = (value(readings.first()), value(norm));
                    progress.step(fitting.taken(), objective, norm);
                    if let Some(checkpoint) = before.as_ref().filter(|_| due) {
                        self.save(checkpoint)?;
                        saved = Instant::now();
                    }
                }
                Err(wrong) => {
                    let checkpoint = self.checkpoint(fitting, &log, &means);
                    return Err(self.failed(&checkpoint, wrong));
                }
            }
        }
        let seconds = elapsed();
        log.sync()?;
        self.save(&self.checkpoint(fitting, &log, &means))?;
        progress.finish("trained; evaluating");
        let step = fitting.taken();
        let write = || summary::write(self.kind, settings, dir, seconds, fitting);
        orders.interrupt.during(|| Ok(self.stopped(step)), write)
    }
}

//! `train`: the loop over steps with progress, metrics, checkpoints and Ctrl-C, the same for every kind of model.

use super::checkpoint::State;
use super::folder::{self, CHECKPOINT, METRICS, SUMMARY};
use super::options::{Given, RunOptions};
use super::settings::{self, Length, Settings};
use super::{data, summary};
use crate::program::files::{
    JsonLines, clear_leftovers, keep_lines_while, lines, write_atomically,
};
use crate::program::interrupt::Interrupt;
use crate::program::kinds::kind::{Fitting, Kind, Reading};
use crate::program::kinds::{kind_of, pictures};
use crate::program::progress::{Progress, ProgressKind, Total, say};
use crate::program::threads::pool;
use crate::program::usage_error::{Interrupted, usage_error};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Steps between two lines of metrics.
const LOG_STEPS: u64 = 50;

/// A run: its settings and its folder.
struct Run<'a> {
    kind: &'static str,
    settings: &'a Settings,
    dir: PathBuf,
    /// Training rows.
    rows: usize,
    checkpoint_every: Duration,
    progress: ProgressKind,
    interrupt: Interrupt,
    /// A note about settings that the data have decided.
    found: Option<String>,
}

/// Trains a new model of a kind, or continues the run of `--resume`.
pub(crate) fn train(kind: &'static dyn Kind, given: &Given) -> anyhow::Result<()> {
    let interrupt = Interrupt::install()?;
    let options: RunOptions = given.options()?;
    let pool = pool(options.threads)?;
    let mut settings = match &options.resume {
        Some(dir) => Settings::read(dir)?,
        None => kind.settings(given)?,
    };
    let kind = if options.resume.is_some() { kind_of(&settings.run.kind)? } else { kind };
    settings.run.length = options.length().unwrap_or(settings.run.length);
    settings.check()?;
    let checkpoint_every = Duration::try_from_secs_f64(options.checkpoint_seconds)
        .map_err(|error| usage_error(format!("--checkpoint-seconds: {error}")))?;
    let split = data::load(&settings)?;
    settings.data.split.clone_from(&split.description);
    let found = kind.complete(&mut settings, &split)?;
    // The whole run takes place in the pool: handing over each step would cost a wake-up and an allocation.
    pool.install(|| {
        // Nothing is written before every part of the request has been checked.
        let mut fitting = kind.open(&settings, &split)?;
        let kind = kind.about().name;
        if let Some(dir) = &options.resume {
            // A run that ended before its first checkpoint begins again.
            let file = dir.join(CHECKPOINT);
            if file.exists() {
                fitting.restore(&State::read(&file)?)?;
            }
            if let Some(note) = finished(dir, &settings, &*fitting) {
                say(&note);
                return Ok(());
            }
        }
        let dir = enter(kind, &options, &settings)?;
        let run = Run {
            kind,
            settings: &settings,
            dir,
            rows: split.train.len(),
            checkpoint_every,
            progress: options.progress,
            interrupt,
            found,
        };
        run.go(&mut *fitting)
    })
}

/// Makes or enters the folder of a run.
fn enter(kind: &str, options: &RunOptions, settings: &Settings) -> anyhow::Result<PathBuf> {
    let dir = match &options.resume {
        Some(dir) => dir.clone(),
        None => folder::create(options.out.as_deref(), options.force, kind, &pictures())?,
    };
    clear_leftovers(&dir)?;
    write_atomically(dir.join(settings::FILE), settings.to_text()?.as_bytes())?;
    Ok(dir)
}

/// True if another step is to be taken after so many seconds of training.
fn goes_on(settings: &Settings, fitting: &dyn Fitting, seconds: f64) -> bool {
    let in_time = match settings.run.length {
        Length::Seconds(all) => seconds < all,
        _ => fitting.taken() < settings.steps(fitting.per_epoch()),
    };
    in_time && !fitting.finished()
}

/// The seconds that a run had taken when it wrote its last line of metrics.
fn spent(dir: &Path) -> f64 {
    let last = lines(&dir.join(METRICS)).pop();
    last.and_then(|line| line["wall_s"].as_f64()).unwrap_or(0.0)
}

/// A note about a run that has no step left and whose summary is written.
fn finished(dir: &Path, settings: &Settings, fitting: &dyn Fitting) -> Option<String> {
    let summary = std::fs::read(dir.join(SUMMARY)).ok()?;
    let summary: Value = serde_json::from_slice(&summary).ok()?;
    let steps = fitting.taken();
    if summary["steps"] != json!(steps) || goes_on(settings, fitting, spent(dir)) {
        return None;
    }
    let dir = dir.display();
    let next = match fitting.finished() {
        true => "further steps would change nothing".to_string(),
        false => {
            format!("to train longer: pathscore train --resume {dir} --steps N, above {steps}")
        }
    };
    Some(format!("{dir}: the run ended after step {steps}, and nothing was changed; {next}"))
}

impl Run<'_> {
    fn save(&self, fitting: &dyn Fitting) -> anyhow::Result<()> {
        fitting.save().write(&self.dir.join(CHECKPOINT))
    }

    /// Takes the steps from the first or the checkpoint on, evaluates the model and draws its pictures.
    fn go(&self, fitting: &mut dyn Fitting) -> anyhow::Result<()> {
        let Run { settings, dir, .. } = self;
        let per_epoch = fitting.per_epoch();
        let steps = settings.steps(per_epoch);
        let path = dir.join(METRICS);
        let done = fitting.taken();
        keep_lines_while(&path, |line| line["step"].as_u64().is_some_and(|s| s <= done))?;
        let spent = spent(dir);
        let mut metrics = JsonLines::open(&path)?;
        let total = match settings.run.length {
            Length::Seconds(s) => Total::Seconds(s),
            _ => Total::Steps(steps),
        };
        let key = fitting.curve().train;
        let label = key.rsplit('/').next().unwrap_or(key).replace('_', " ");
        let mut progress = Progress::new(self.progress, total, &label);
        progress.note(&format!(
            "{}: {} parameters, {}, {} training rows{}",
            dir.display(),
            fitting.parameters(),
            fitting.words(),
            self.rows,
            if done > 0 { format!(", from step {done}") } else { String::new() }
        ));
        if let Some(found) = &self.found {
            progress.note(found);
        }
        let started = Instant::now();
        let elapsed = || spent + started.elapsed().as_secs_f64();
        let goes_on = |fitting: &dyn Fitting| goes_on(settings, fitting, elapsed());
        let mut saved = Instant::now();
        let mut means = Means::default();
        while goes_on(fitting) {
            let (objective, norm) = match fitting.advance() {
                Ok(readings) => {
                    means.add(readings);
                    let norm = readings.iter().find(|one| one.key == "grad/norm");
                    let objective = readings.first();
                    let value = |one: Option<&Reading>| one.map_or(f64::NAN, |one| one.value);
                    (value(objective), value(norm))
                }
                Err(wrong) => {
                    self.save(fitting)?;
                    return Err(wrong);
                }
            };
            let step = fitting.taken();
            progress.step(step, objective, norm);
            let ends = !goes_on(fitting);
            let epoch_ends = step.is_multiple_of(per_epoch);
            if step.is_multiple_of(LOG_STEPS) || epoch_ends || ends {
                let mut line = Map::new();
                line.insert("step".into(), json!(step));
                line.insert("epoch".into(), json!(step as f64 / per_epoch as f64));
                line.insert("wall_s".into(), json!(elapsed()));
                means.take(&mut line);
                if let Some(optimizer) = &settings.optimizer {
                    let factor = optimizer.schedule.of(steps).factor(step - 1);
                    line.insert("lr".into(), json!(optimizer.lr * factor));
                }
                if epoch_ends || ends {
                    line.extend(fitting.epoch_metrics()?);
                }
                metrics.append(&line)?;
                if epoch_ends && !ends {
                    for (name, png) in fitting.pictures_during(step / per_epoch)? {
                        write_atomically(dir.join(name), &png)?;
                    }
                }
                if saved.elapsed() >= self.checkpoint_every {
                    self.save(fitting)?;
                    saved = Instant::now();
                }
            }
            if self.interrupt.requested() && !ends {
                self.save(fitting)?;
                progress.finish("interrupted");
                let dir = dir.display();
                return Err(anyhow::Error::new(Interrupted(format!(
                    "stopped after step {step}; to continue: pathscore train --resume {dir}"
                ))));
            }
        }
        let seconds = elapsed();
        self.save(fitting)?;
        progress.finish("trained; evaluating");
        summary::write(self.kind, settings, dir, seconds, fitting)
    }
}

/// Means of the readings since the last line of metrics.
#[derive(Default)]
struct Means {
    count: f64,
    sums: Vec<Reading>,
}

impl Means {
    fn add(&mut self, readings: &[Reading]) {
        if self.sums.is_empty() {
            self.sums.extend(readings.iter().map(|one| Reading { value: 0.0, ..*one }));
        }
        self.count += 1.0;
        self.sums.iter_mut().zip(readings).for_each(|(sum, one)| sum.value += one.value);
    }

    /// Adds the means to a line and begins again.
    fn take(&mut self, line: &mut Map<String, Value>) {
        for sum in &mut self.sums {
            line.insert(sum.key.into(), json!(sum.value / self.count));
            sum.value = 0.0;
        }
        self.count = 0.0;
    }
}

//! A trained run as a problem: what its estimators' gradients are like where training has come to.
//!
//! Its gradient has as many components as the model has parameters, and nobody knows it. So a component is a
//! projection, $u \cdot \nabla$ of one tensor with a unit vector $u$ drawn once, which is unbiased where the
//! gradient is; the variance is that of the whole gradient, summed up as draws go by; and the truth is a mean
//! of more draws, with an error of its own that every $z$ counts.

use super::{Case, DRAWS, Studied};
use crate::program::args::{BaselineName, CompareArgs, EstimatorName, KlForm};
use crate::program::checkpoint::{self, Checkpoint};
use crate::program::config::{Config, cli_name};
use crate::program::session::{Asked, Described, Job, Steps, load};
use crate::program::usage_error::usage_error;
use clap::ValueEnum;
use pathscore::autodiff::Scalar;
use pathscore::estimators::Claim;
use pathscore::estimators::variance::{ComponentStats, Study};
use pathscore::models::data::{Batches, Split};
use pathscore::models::seed::{self, Stream, derive};
use pathscore::models::{Params, RandomSource};
use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

/// Directions of a tensor.
const DIRECTIONS: usize = 2;

/// Draws of the truth for one of an estimator: its error is a third of theirs, where the noise is the same.
const MORE: usize = 8;

/// Latents that `local` sums over without being asked for: it has an evaluation for each.
const FEW: usize = 32;

/// A run that is read, and the estimators that are asked.
pub(super) struct Run {
    name: String,
    file: String,
    config: Config,
    checkpoint: Checkpoint,
    split: Split,
    rows: Vec<usize>,
    /// The names of estimators and what makes of the run's settings theirs.
    asked: Vec<(String, Config)>,
}

impl Run {
    /// # Errors
    /// If there is no such run, its data are gone, or no estimator of the names fits it.
    pub(super) fn read(dir: &Path, args: &CompareArgs) -> anyhow::Result<Self> {
        let config = Config::read(dir)?;
        let checkpoint = Checkpoint::read(&dir.join(checkpoint::FILE))?;
        let split = load(&config)?;
        let rows = Batches::new(split.train.len(), config.batch, args.seed)?.at(0).to_vec();
        let mut asked = fitting(&config, args);
        if let Some(names) = &args.estimators {
            if let Some(name) = names.iter().find(|name| asked.iter().all(|one| one.0 != **name)) {
                let choices: Vec<&str> = asked.iter().map(|one| one.0.as_str()).collect();
                return Err(usage_error(format!(
                    "estimator `{name}` does not fit this run, a {}: the choices are {}",
                    cli_name(&config.model),
                    choices.join(", ")
                )));
            }
            asked.retain(|one| names.contains(&one.0));
        } else if config.latent_dim > FEW {
            asked.retain(|one| one.0 != cli_name(&EstimatorName::Local));
        }
        let folder = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy();
        let (name, file) = (format!("run:{}", dir.display()), format!("run-{folder}"));
        Ok(Self { name, file, config, checkpoint, split, rows, asked })
    }

    /// Draws, and draws the truth.
    ///
    /// # Errors
    /// If the checkpoint is not of the model that the settings describe.
    pub(super) fn case(&self, args: &CompareArgs) -> anyhow::Result<Case> {
        let draws = args.draws();
        let mut seen = Vec::new();
        for (name, config) in &self.asked {
            seen.push((name, config, self.draw(config, draws, args.seed)?));
        }
        let mut notes = Vec::new();
        let mut truths: Vec<(&str, Option<Seen>)> = Vec::new();
        for (_, config, _) in &seen {
            let target = config.estimator.target();
            if truths.iter().any(|truth| truth.0 == target) {
                continue;
            }
            let cost = |one: &Seen| one.variance() * one.seconds;
            let of_target = seen.iter().filter(|one| one.1.estimator.target() == target);
            let best = of_target
                .filter(|one| one.2.claim.is_unbiased())
                .min_by(|a, b| cost(&a.2).total_cmp(&cost(&b.2)));
            let Some((name, config, _)) = best else {
                notes.push(format!("gradient of {target}: no unbiased estimator, no truth"));
                truths.push((target, None));
                continue;
            };
            notes.push(format!(
                "gradient of {target}: the truth is estimated itself, by {} other draws of {name}; z counts \
                 both errors",
                MORE * draws
            ));
            let seed = derive(args.seed, Stream::Diagnose, 1);
            truths.push((target, Some(self.draw(config, MORE * draws, seed)?)));
        }
        notes.push(format!(
            "{} rows of the training split; networks of baselines are not trained; times are those of {} threads",
            self.rows.len(),
            rayon::current_num_threads()
        ));
        let components = seen.first().map_or(Vec::new(), |one| one.2.names.clone());
        let studied = |(name, config, seen): (&String, &Config, Seen)| {
            let target = config.estimator.target();
            let truth = truths.iter().find(|truth| truth.0 == target);
            seen.studied(name, target, truth.and_then(|truth| truth.1.as_ref()))
        };
        Ok(Case {
            name: self.name.clone(),
            file: self.file.clone(),
            components,
            studied: seen.into_iter().map(studied).collect(),
            effective: None,
            notes,
        })
    }

    /// Draws gradients by the estimator of these settings.
    fn draw(&self, config: &Config, draws: usize, seed: u64) -> anyhow::Result<Seen> {
        let purpose = Drawing { run: self, draws, seed, seen: RefCell::default() };
        let columns = self.split.train.columns();
        Asked { config, columns, steps: u64::MAX, purpose: &purpose }.run_job()?;
        Ok(purpose.seen.into_inner())
    }
}

/// What train offers for the model of these settings, with their form of each.
fn fitting(config: &Config, args: &CompareArgs) -> Vec<(String, Config)> {
    let of = |estimator: EstimatorName| Config {
        estimator,
        num_samples: args.num_samples,
        ..config.clone()
    };
    let all = EstimatorName::value_variants().iter().copied().filter(|one| one.fits(config));
    let forms = |estimator: EstimatorName| -> Vec<(String, Config)> {
        let name = cli_name(&estimator);
        match estimator {
            EstimatorName::Sgvb => {
                let form = |kl: &KlForm| {
                    (format!("{name}-{}", cli_name(kl)), Config { kl: *kl, ..of(estimator) })
                };
                KlForm::value_variants().iter().map(form).collect()
            }
            EstimatorName::Reinforce => {
                let form = |&baseline: &BaselineName| {
                    (
                        format!("{name}-{}", cli_name(&baseline)),
                        Config { baseline, ..of(estimator) },
                    )
                };
                BaselineName::value_variants().iter().map(form).collect()
            }
            _ => vec![(name, of(estimator))],
        }
    };
    all.flat_map(forms).collect()
}

/// Draws gradients at the parameters of a run.
struct Drawing<'a> {
    run: &'a Run,
    draws: usize,
    seed: u64,
    seen: RefCell<Seen>,
}

impl Job for Drawing<'_> {
    /// The parameters that the run has learnt; a baseline network behind them stays as it was made.
    fn prepare<F: Scalar>(&self, params: &mut Params<F>) -> anyhow::Result<()> {
        *self.seen.borrow_mut() = Seen::of(params);
        self.run.checkpoint.restore_params(params)
    }

    fn run_job<F: Scalar, M: Described<F>>(
        &self,
        trainer: &mut dyn Steps<F, M>,
    ) -> anyhow::Result<()> {
        let Run { config, split, rows, .. } = self.run;
        let mut x = vec![F::ZERO; rows.len() * split.train.columns()];
        // Pixels that are drawn anew at each visit are drawn once.
        let rng = &mut seed::rng(config.seed, Stream::Diagnose, 0);
        config.binarize()?.fill(&split.train, rows, &mut x, rng);
        let mut seen = self.seen.borrow_mut();
        seen.claim = trainer.claim();
        let started = Instant::now();
        trainer.gradients(&x, rows.len(), self.draws, self.seed, &mut |g| seen.add(g));
        seen.seconds = started.elapsed().as_secs_f64() / self.draws as f64;
        Ok(())
    }
}

/// A tensor's direction.
struct Direction {
    range: Range<usize>,
    unit: Vec<f64>,
}

/// What is kept of gradients that have gone by.
struct Seen {
    claim: Claim,
    names: Vec<String>,
    directions: Vec<Direction>,
    count: f64,
    mean: Vec<f64>,
    /// $\sum \lVert g \rVert^2$.
    squares: f64,
    /// The projections: means, sums of squared distances from them, and the first draws.
    means: Vec<f64>,
    spreads: Vec<f64>,
    draws: Vec<Vec<f64>>,
    /// Of one draw.
    seconds: f64,
}

impl Default for Seen {
    fn default() -> Self {
        Self::of(&Params::<f64>::new())
    }
}

impl Seen {
    /// Nothing yet of the gradient of these parameters.
    fn of<F: Scalar>(params: &Params<F>) -> Self {
        let (mut names, mut directions) = (Vec::new(), Vec::new());
        for (name, shape, at) in params.iter() {
            // Of a single number there is one direction.
            for i in 0..DIRECTIONS.min(shape.size()) {
                let rng = &mut seed::rng(at as u64, Stream::Diagnose, i as u64);
                let mut unit: Vec<f64> = (0..shape.size()).map(|_| rng.normal()).collect();
                let norm = unit.iter().map(|u| u * u).sum::<f64>().sqrt();
                unit.iter_mut().for_each(|u| *u /= norm);
                names.push(format!("{name}·{}", i + 1));
                directions.push(Direction { range: at..at + shape.size(), unit });
            }
        }
        let zeros = || vec![0.0; names.len()];
        Self {
            claim: Claim::Unbiased,
            count: 0.0,
            mean: vec![0.0; params.len()],
            squares: 0.0,
            means: zeros(),
            spreads: zeros(),
            draws: vec![Vec::new(); names.len()],
            seconds: 0.0,
            names,
            directions,
        }
    }

    /// One more; what lies behind the model's parameters is the estimator's own.
    fn add<F: Scalar>(&mut self, gradient: &[F]) {
        self.count += 1.0;
        for (mean, g) in self.mean.iter_mut().zip(gradient) {
            let g = g.to_f64();
            *mean += (g - *mean) / self.count;
            self.squares += g * g;
        }
        for (i, Direction { range, unit }) in self.directions.iter().enumerate() {
            let part = &gradient[range.clone()];
            let along: f64 = part.iter().zip(unit).map(|(g, u)| g.to_f64() * u).sum();
            let away = along - self.means[i];
            self.means[i] += away / self.count;
            self.spreads[i] += away * (along - self.means[i]);
            if self.draws[i].len() < DRAWS {
                self.draws[i].push(along);
            }
        }
    }

    /// $\lVert \bar g \rVert^2$.
    fn of_mean(&self) -> f64 {
        self.mean.iter().map(|g| g * g).sum()
    }

    /// The trace of the covariance of one gradient.
    fn variance(&self) -> f64 {
        ((self.squares - self.count * self.of_mean()) / (self.count - 1.0)).max(0.0)
    }

    /// The variance of one projection.
    fn spread(&self, i: usize) -> f64 {
        self.spreads[i] / (self.count - 1.0)
    }

    /// Against the truth, if there is one.
    fn studied(self, estimator: &str, target: &str, truth: Option<&Self>) -> Studied {
        let component = |i: usize| ComponentStats {
            exact: truth.map_or(f64::NAN, |truth| truth.means[i]),
            mean: self.means[i],
            variance: self.spread(i),
            draws: self.count as usize,
        };
        let error = |i: usize| truth.map_or(0.0, |truth| (truth.spread(i) / truth.count).sqrt());
        let all = 0..self.names.len();
        // The square of the mean's norm is too large by the mean's own noise.
        let signal = |seen: &Self| (seen.of_mean() - seen.variance() / seen.count).max(0.0);
        Studied {
            estimator: estimator.into(),
            target: target.into(),
            errors: all.clone().map(error).collect(),
            variance: self.variance(),
            norm: signal(truth.unwrap_or(&self)).sqrt(),
            study: Study {
                claim: self.claim,
                components: all.map(component).collect(),
                seconds_per_draw: self.seconds,
            },
            draws: self.draws,
        }
    }
}

//! Estimators studied on a trained run, at the parameters that it has learnt.
//!
//! The gradient has as many components as the model has parameters, and its exact value is not known. So a component
//! is a projection, $u \cdot \nabla$ of one tensor with a unit vector $u$ drawn once, which is unbiased where the
//! gradient is; the variance is that of the whole gradient, summed while gradients are drawn; and the reference is a
//! mean of more draws, whose own error enters every $z$.

use super::args::CompareArgs;
use super::case::{Case, DRAWS, Studied};
use crate::program::bench::names_of;
use crate::program::kinds::kind::{Compared, Gradients, Kind};
use crate::program::progress::Count;
use crate::program::run::checkpoint::State;
use crate::program::run::memory;
use crate::program::run::saved::Saved;
use crate::program::run::settings::Settings;
use crate::program::suggestion::choices as choices_for;
use crate::program::usage_error::{UsageError, usage_error};
use pathscore::estimators::Claim;
use pathscore::estimators::variance::{ComponentStats, Study};
use pathscore::models::RandomSource;
use pathscore::models::data::{Batches, Split};
use pathscore::models::seed::{self, Stream, derive};
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

/// The number of directions of a tensor.
const DIRECTIONS: usize = 2;

/// The draws of the reference for one draw of an estimator: with the same noise the error of the reference is a third
/// of that of the estimators.
const REFERENCE_DRAWS: usize = 8;

/// A run and the estimators that are studied on it.
pub(super) struct Run {
    name: String,
    file: String,
    kind: &'static dyn Kind,
    state: State,
    split: Split,
    rows: Vec<usize>,
    asked: Vec<Compared>,
}

impl Run {
    /// Reads a run.
    ///
    /// # Errors
    /// If there is no such run, its data are gone, or no estimator of the names fits it.
    pub(super) fn read(dir: &Path, args: &CompareArgs) -> anyhow::Result<Self> {
        let saved = Saved::read(dir)?;
        saved.open()?;
        let kind = saved.kind()?;
        let Saved { settings, checkpoint, split } = saved;
        let state = checkpoint.state;
        let mut asked = kind.compared(&settings, args.num_samples);
        if asked.is_empty() {
            let name = kind.about().name;
            return Err(usage_error(format!(
                "{name}: this kind of model has no gradient estimators to compare"
            )));
        }
        let batch = settings.optimizer()?.batch.unwrap_or(split.train.len());
        let rows = Batches::new(split.train.len(), batch, args.seed)?.at(0).to_vec();
        if let Some(lists) = &args.estimators {
            let is_name = |name: &str| asked.iter().any(|one| one.name == name);
            let names: Vec<String> =
                lists.iter().flat_map(|list| names_of(list, is_name)).collect();
            if let Some(name) = names.iter().find(|name| asked.iter().all(|one| one.name != **name))
            {
                let choices: Vec<&str> = asked.iter().map(|one| one.name.as_str()).collect();
                return Err(usage_error(format!(
                    "estimator `{name}` does not fit this run, a {}: {}",
                    kind.about().name,
                    choices_for(name, &choices)
                )));
            }
            asked.retain(|one| names.contains(&one.name));
        } else {
            asked.retain(|one| !one.slow);
        }
        asked.iter().try_for_each(|one| memory::check(&one.settings, &split))?;
        let folder = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy();
        let (name, file) = (format!("run:{}", dir.display()), format!("run-{folder}"));
        Ok(Self { name, file, kind, state, split, rows, asked })
    }

    /// Draws gradients of every estimator, and more of the best for the reference.
    ///
    /// # Errors
    /// If the checkpoint is not of the model that the settings describe.
    pub(super) fn case(&self, args: &CompareArgs) -> anyhow::Result<Case> {
        let draws = args.options().draws;
        let mut measured = Vec::new();
        let count = Count::new(self.asked.len(), "estimators");
        let mut left_out = Vec::new();
        for Compared { name, settings, .. } in &self.asked {
            match self.draw(settings, draws, args.seed) {
                Ok(moments) => measured.push((name, settings, moments)),
                // Such as too few samples.
                Err(error) if error.is::<UsageError>() => {
                    left_out.push((name.clone(), error.to_string()));
                }
                Err(error) => return Err(error),
            }
            count.one_more();
        }
        count.finish();
        let mut notes = Vec::new();
        let mut truths: Vec<(String, Option<Moments>)> = Vec::new();
        for (_, _, one) in &measured {
            let target = &one.target;
            if truths.iter().any(|truth| truth.0 == *target) {
                continue;
            }
            let cost = |one: &Moments| one.variance() * one.seconds;
            let best = measured
                .iter()
                .filter(|one| one.2.target == *target && one.2.claim.is_unbiased())
                .filter(|one| one.2.non_finite == 0)
                .min_by(|a, b| cost(&a.2).total_cmp(&cost(&b.2)));
            let Some((name, settings, _)) = best else {
                notes.push(format!("gradient of {target}: no estimator is unbiased for it, so there is no reference"));
                truths.push((target.clone(), None));
                continue;
            };
            notes.push(format!(
                "gradient of {target}: the reference is the mean of {} other draws of {name}; z counts both errors",
                REFERENCE_DRAWS * draws
            ));
            let seed = derive(args.seed, Stream::Diagnose, 1);
            truths
                .push((target.clone(), Some(self.draw(settings, REFERENCE_DRAWS * draws, seed)?)));
        }
        notes.push(format!(
            "{} rows of the training part; networks of baselines are not trained; times are those of {} threads",
            self.rows.len(),
            rayon::current_num_threads()
        ));
        let components = measured.first().map_or(Vec::new(), |one| one.2.names.clone());
        let studied = |(name, _, moments): (&String, &Settings, Moments)| {
            let truth = truths.iter().find(|truth| truth.0 == moments.target);
            moments.studied(name, truth.and_then(|truth| truth.1.as_ref()), args.num_samples)
        };
        Ok(Case {
            name: self.name.clone(),
            file: self.file.clone(),
            components,
            studied: measured.into_iter().map(studied).collect(),
            effective: None,
            notes,
            estimated: Some(REFERENCE_DRAWS * draws),
            left_out,
        })
    }

    /// Draws gradients by the estimator of these settings, at the parameters that the run has learnt; a baseline
    /// network stays as it was made.
    fn draw(&self, settings: &Settings, draws: usize, seed: u64) -> anyhow::Result<Moments> {
        let mut fitting = self.kind.open(settings, &self.split)?;
        let gradients = fitting.gradients().ok_or_else(|| {
            usage_error(format!("{}: it draws no gradients", self.kind.about().name))
        })?;
        gradients.load_model(&self.state)?;
        let mut moments = Moments::of(gradients);
        let started = Instant::now();
        gradients.draw(&self.rows, draws, seed, &mut |gradient| moments.add(gradient));
        moments.seconds = started.elapsed().as_secs_f64() / draws as f64;
        Ok(moments)
    }
}

/// A direction in one tensor.
struct Direction {
    range: Range<usize>,
    unit: Vec<f64>,
}

/// Means and squares of the gradients drawn so far; the gradients themselves are not kept.
struct Moments {
    claim: Claim,
    target: String,
    names: Vec<String>,
    directions: Vec<Direction>,
    count: f64,
    mean: Vec<f64>,
    /// $\sum \lVert g \rVert^2$.
    squares: f64,
    /// The means of the projections.
    means: Vec<f64>,
    /// The sums of the squared distances of the projections from their means.
    spreads: Vec<f64>,
    /// The first draws of the projections.
    draws: Vec<Vec<f64>>,
    /// The time of one draw.
    seconds: f64,
    /// The number of draws that are not finite.
    non_finite: usize,
}

impl Moments {
    /// No draw yet of the gradient of a model.
    fn of(gradients: &dyn Gradients) -> Self {
        let (mut names, mut directions) = (Vec::new(), Vec::new());
        let tensors = gradients.tensors();
        for (name, range) in &tensors {
            let size = range.len();
            // A single number has one direction.
            for i in 0..DIRECTIONS.min(size) {
                let rng = &mut seed::rng(range.start as u64, Stream::Diagnose, i as u64);
                let mut unit: Vec<f64> = (0..size).map(|_| rng.normal()).collect();
                let norm = unit.iter().map(|u| u * u).sum::<f64>().sqrt();
                unit.iter_mut().for_each(|u| *u /= norm);
                names.push(format!("{name}·{}", i + 1));
                directions.push(Direction { range: range.clone(), unit });
            }
        }
        let zeros = || vec![0.0; names.len()];
        Self {
            claim: gradients.claim(),
            target: gradients.target(),
            count: 0.0,
            mean: vec![0.0; tensors.last().map_or(0, |(_, range)| range.end)],
            squares: 0.0,
            means: zeros(),
            spreads: zeros(),
            draws: vec![Vec::new(); names.len()],
            seconds: 0.0,
            non_finite: 0,
            names,
            directions,
        }
    }

    /// Adds a draw; components behind the model's parameters are the estimator's own and are left out.
    fn add(&mut self, gradient: &[f64]) {
        self.count += 1.0;
        self.non_finite += usize::from(!gradient.iter().all(|g| g.is_finite()));
        for (mean, g) in self.mean.iter_mut().zip(gradient) {
            *mean += (g - *mean) / self.count;
            self.squares += g * g;
        }
        for (i, Direction { range, unit }) in self.directions.iter().enumerate() {
            let part = &gradient[range.clone()];
            let along: f64 = part.iter().zip(unit).map(|(g, u)| g * u).sum();
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
        let variance = (self.squares - self.count * self.of_mean()) / (self.count - 1.0);
        // The difference of two sums may be negative by rounding, and is no number with a draw that is none.
        if variance < 0.0 { 0.0 } else { variance }
    }

    /// The variance of one projection.
    fn spread(&self, i: usize) -> f64 {
        self.spreads[i] / (self.count - 1.0)
    }

    /// The result beside the reference, if there is one.
    fn studied(self, estimator: &str, truth: Option<&Self>, samples: usize) -> Studied {
        let component = |i: usize| ComponentStats {
            exact: truth.map_or(f64::NAN, |truth| truth.means[i]),
            mean: self.means[i],
            variance: self.spread(i),
            draws: self.count as usize,
            effective_draws: self.count,
        };
        let error = |i: usize| truth.map_or(0.0, |truth| (truth.spread(i) / truth.count).sqrt());
        let all = 0..self.names.len();
        // The square of the mean's norm is too large by the mean's own noise.
        let signal = |one: &Self| (one.of_mean() - one.variance() / one.count).max(0.0);
        Studied {
            estimator: estimator.into(),
            target: self.target.clone(),
            errors: all.clone().map(error).collect(),
            variance: self.variance(),
            norm: signal(truth.unwrap_or(&self)).sqrt(),
            study: Study {
                claim: self.claim,
                components: all.map(component).collect(),
                seconds_per_draw: self.seconds,
                non_finite: self.non_finite,
            },
            draws: self.draws,
            samples: Some(samples),
        }
    }
}

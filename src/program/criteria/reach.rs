//! The likelihood that a criterion reaches on a budget of evaluated energies.

use super::counted::Counted;
use super::problem::Enumerable;
use super::rows::Criterion;
use crate::program::catalogue::Job;
use pathscore::estimators::Estimator;
use pathscore::estimators::energy::IndependentBits;
use pathscore::estimators::fit::{Options, Trainer};
use pathscore::estimators::optim::{Adam, Schedule};
use pathscore::models::{Params, seed};
use std::time::Instant;

/// The learning rates of Adam of which each criterion has its best: they differ by more than their best rates do.
pub(super) const RATES: [f64; 2] = [0.01, 0.05];

/// The points of a curve, at equal ratios of evaluations.
const POINTS: u64 = 24;

/// The steps from which the cost of a step is known: it is random where chains run until they meet.
const FIRST_STEPS: u64 = 20;

/// The draws from which $\ln Z$ is estimated before the first step.
const PARTITION_DRAWS: usize = 1000;

/// A training run.
#[derive(Clone, Debug)]
pub(super) struct Reached {
    /// The mean of $\ln p(x)$ at the end.
    pub(super) log_likelihood: f64,
    pub(super) rate: f64,
    pub(super) steps: u64,
    pub(super) seconds: f64,
    /// Evaluations, and the mean of $\ln p(x)$ after them.
    pub(super) curve: Vec<(f64, f64)>,
}

/// The best of the runs with each learning rate, each on the whole budget.
pub(super) fn reach(
    criterion: &Criterion,
    problem: &Enumerable,
    budget: u64,
    seed: u64,
) -> Reached {
    let rng = &mut seed::rng(seed, seed::Stream::Init, 2);
    let noise = IndependentBits::new(&problem.means());
    let c = noise.log_partition(&problem.machine, &problem.start, PARTITION_DRAWS, rng);
    let run = |rate| {
        let train = Train { problem, budget, rate, seed };
        criterion.run(problem, problem.start.clone(), c, train)
    };
    let runs = RATES.map(run).into_iter();
    let rank = |run: &Reached| match run.log_likelihood.is_nan() {
        true => f64::NEG_INFINITY,
        false => run.log_likelihood,
    };
    runs.max_by(|a, b| rank(a).total_cmp(&rank(b))).expect("there are rates")
}

/// The job of training with an estimator, all rows in each step, by Adam with a rate that falls to zero.
struct Train<'a> {
    problem: &'a Enumerable,
    budget: u64,
    rate: f64,
    seed: u64,
}

impl Job<f64, Counted> for Train<'_> {
    type Output = Reached;

    fn run<E>(self, params: Params<f64>, estimator: E) -> Reached
    where
        E: Estimator<f64, Counted> + Clone + Send + Sync + 'static,
    {
        let Self { problem, budget, rate, seed } = self;
        let (model, started) = (Counted::new(problem.machine), Instant::now());
        let options = Options { lr: rate, seed, ..Options::default() };
        let adam = Box::new(Adam::default());
        let mut trainer = Trainer::new(model.clone(), params, estimator, adam, options);
        let shape = [problem.count(), problem.columns];
        let value = |params: &Params<f64>| problem.log_likelihood(params);
        // The evaluations of a point, on the way from a thousandth of the budget to the whole.
        let next = |point: u64| budget as f64 * 1e-3_f64.powf(1.0 - point as f64 / POINTS as f64);
        let (mut curve, mut point, mut steps) = (Vec::new(), 0, 0);
        while model.evaluations() < budget {
            let spent = model.evaluations();
            if steps >= FIRST_STEPS {
                // The end is where the budget will be spent, as far as is known now.
                let total = (steps as f64 * budget as f64 / spent as f64).ceil() as u64;
                trainer.options.schedule = Schedule::CosineDecay { steps: total.max(steps + 1) };
            }
            let fill = |range: std::ops::Range<usize>, x: &mut [f64], _: &mut _| {
                let [from, to] = [range.start, range.end].map(|row| row * problem.columns);
                x.copy_from_slice(&problem.rows[from..to]);
            };
            if trainer.step(shape, fill).is_err() {
                // A gradient that is not finite ends the run where it is.
                break;
            }
            steps += 1;
            let spent = model.evaluations() as f64;
            if spent >= next(point) {
                curve.push((spent, value(&trainer.params)));
                while point <= POINTS && next(point) <= spent {
                    point += 1;
                }
            }
        }
        let log_likelihood = value(&trainer.params);
        curve.push((model.evaluations() as f64, log_likelihood));
        let seconds = started.elapsed().as_secs_f64();
        Reached { log_likelihood, rate, steps, seconds, curve }
    }
}

#[cfg(test)]
mod tests {
    use super::super::args::Machine;
    use super::super::rows::CRITERIA;
    use super::*;

    #[test]
    fn bars_and_stripes_are_learnt_to_the_bound() {
        let problem = Enumerable::new(Machine::Bars, 0);
        let best = problem.best();
        for (name, most) in [("ml", 0.02), ("pcd", 0.10)] {
            let criterion = CRITERIA.iter().find(|criterion| criterion.name == name);
            let found = reach(criterion.expect("it is compared"), &problem, 3_000_000, 0);
            let gap = (best - found.log_likelihood) / -best;
            assert!((0.0..most).contains(&gap), "{name}: {gap} of the bound, {found:?}");
        }
    }
}

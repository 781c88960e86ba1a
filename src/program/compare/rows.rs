//! What is printed of estimators that were studied.

use super::Studied;
use crate::program::args::CompareArgs;
use crate::program::config::spelt;
use pathscore::estimators::{Claim, Dice};
use serde::Serialize;

/// One component of one estimator's gradient.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) problem: String,
    pub(super) estimator: String,
    pub(super) target: String,
    pub(super) claim: String,
    pub(super) component: String,
    pub(super) exact: f64,
    pub(super) mean: f64,
    pub(super) z: f64,
    pub(super) variance: f64,
    pub(super) snr: f64,
    pub(super) draws: usize,
    pub(super) num_samples: usize,
    pub(super) effective_sample_size: Option<f64>,
    pub(super) seconds_per_draw: f64,
    pub(super) variance_times_seconds: f64,
    pub(super) pareto: bool,
}

/// An estimator for people: all its components in one line.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    estimator: &'a str,
    #[serde(rename = "of")]
    target: &'a str,
    claim: &'a str,
    #[serde(rename = "worst z")]
    worst: f64,
    /// Summed over the components.
    variance: f64,
    /// Norm of the gradient over the root of that sum.
    snr: f64,
    #[serde(rename = "µs/draw")]
    microseconds: f64,
    #[serde(rename = "var × µs")]
    cost: f64,
    #[serde(rename = "front")]
    pareto: bool,
}

/// Throws of the dice for the effective sample size: two digits of it.
const THROWS: usize = 2000;

/// The estimators that no other beats in both variance and time, by what they are estimators of, in the
/// order of their time. Only what is unbiased takes part.
pub(super) fn fronts(studied: &[Studied]) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut targets: Vec<&'static str> = Vec::new();
    for one in studied {
        if !targets.contains(&one.target) {
            targets.push(one.target);
        }
    }
    let fair = |one: &&Studied| matches!(one.study.claim, Claim::Unbiased | Claim::Exact);
    let front = |target| {
        let of = studied.iter().filter(|one| one.target == target).filter(fair);
        let costs: Vec<_> = of
            .map(|one| {
                let components = &one.study.components;
                let variance = components.iter().map(|component| component.variance).sum();
                (one.estimator, [variance, one.study.seconds_per_draw])
            })
            .collect();
        (target, front(&costs))
    };
    targets.into_iter().map(front).filter(|(_, names)| !names.is_empty()).collect()
}

/// What no other dominates, being no worse in both costs and better in one; by the second cost.
fn front(costs: &[(&'static str, [f64; 2])]) -> Vec<&'static str> {
    let dominates = |a: &[f64; 2], b: &[f64; 2]| a[0] <= b[0] && a[1] <= b[1] && a != b;
    let mut front: Vec<_> = costs
        .iter()
        .filter(|(_, cost)| !costs.iter().any(|(_, other)| dominates(other, cost)))
        .collect();
    front.sort_by(|a, b| a.1[1].total_cmp(&b.1[1]));
    front.into_iter().map(|(name, _)| *name).collect()
}

/// The rows of all estimators of one problem.
pub(super) fn rows_of(
    studied: &[Studied],
    fronts: &[(&'static str, Vec<&'static str>)],
    args: &CompareArgs,
) -> Vec<Row> {
    let effective = studied.first().and_then(|one| effective(one, args.seed));
    studied
        .iter()
        .flat_map(|one| {
            let seconds = one.study.seconds_per_draw;
            let pareto = fronts
                .iter()
                .any(|(target, names)| *target == one.target && names.contains(&one.estimator));
            let components = one.posed.problem.components().into_iter();
            components.zip(&one.study.components).map(move |(name, component)| Row {
                problem: spelt(&one.problem),
                estimator: one.estimator.into(),
                target: one.target.into(),
                claim: one.study.claim.to_string(),
                component: name,
                exact: component.exact,
                mean: component.mean,
                z: component.z(),
                variance: component.variance,
                snr: component.snr(),
                draws: component.draws,
                num_samples: args.num_samples,
                effective_sample_size: effective,
                seconds_per_draw: seconds,
                variance_times_seconds: component.variance * seconds,
                pareto,
            })
        })
        .collect()
}

/// How many of $K$ draws from $q$ count, on average.
fn effective(one: &Studied, seed: u64) -> Option<f64> {
    let mut dice = Dice::seeded(seed, 0);
    let mut sum = 0.0;
    for _ in 0..THROWS {
        sum += one.posed.problem.effective_draws(&mut dice)?;
    }
    Some(sum / THROWS as f64)
}

/// The rows of one estimator in one line.
pub(super) fn shown(rows: &[Row]) -> Shown<'_> {
    let worst = rows
        .iter()
        .max_by(|a, b| a.z.abs().total_cmp(&b.z.abs()))
        .expect("a gradient has components");
    let sum = |f: &dyn Fn(&Row) -> f64| rows.iter().map(f).sum::<f64>();
    let variance = sum(&|row| row.variance);
    Shown {
        estimator: &worst.estimator,
        target: &worst.target,
        claim: &worst.claim,
        worst: worst.z,
        variance,
        snr: (sum(&|row| row.exact.powi(2)) / variance).sqrt(),
        microseconds: worst.seconds_per_draw * 1e6,
        cost: variance * worst.seconds_per_draw * 1e6,
        pareto: worst.pareto,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_holds_what_nothing_dominates_and_ties_stay() {
        let costs = [
            ("slow and sharp", [1.0, 9.0]),
            ("fast and noisy", [9.0, 1.0]),
            ("beaten", [9.0, 2.0]),
            ("its twin", [9.0, 1.0]),
            ("between", [4.0, 4.0]),
        ];
        assert_eq!(front(&costs), ["fast and noisy", "its twin", "between", "slow and sharp"]);
        assert!(front(&[]).is_empty());
    }
}

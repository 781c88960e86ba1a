//! The rows that are printed of estimators that were studied.

use super::case::{Case, Studied};
use crate::program::distinct::distinct;
use pathscore::estimators::variance::ComponentStats;
use serde::Serialize;

/// One component of one estimator's gradient.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The name of the problem.
    pub problem: String,
    /// The name of the estimator.
    pub estimator: String,
    /// The quantity whose gradient is estimated.
    pub target: String,
    /// The claim of the estimator about its mean.
    pub claim: String,
    /// The name of the component: a parameter.
    pub component: String,
    /// The exact gradient.
    pub exact: f64,
    /// The error of `exact`: of a quadrature, or a standard error where it was itself estimated.
    pub exact_error: f64,
    /// The mean of the draws; no number if one of them is not finite, as then the variance.
    pub mean: f64,
    /// The difference of the mean from the exact gradient in standard errors.
    pub z: f64,
    /// The variance of one draw.
    pub variance: f64,
    /// The signal-to-noise ratio of one draw: the size of the exact gradient over the root of the variance.
    pub snr: f64,
    /// The number of draws.
    pub draws: usize,
    /// The number of independent draws whose mean has the same variance: fewer where an estimator runs a chain from draw to draw.
    pub effective_draws: f64,
    /// $K$, the samples in each draw; none of a gradient that has no such number.
    pub num_samples: Option<usize>,
    /// The mean effective sample size of $K$ samples, where they are weighted.
    pub effective_sample_size: Option<f64>,
    /// The time of one draw of the whole gradient on one thread.
    pub seconds_per_draw: f64,
    /// The variance of this component times that time.
    pub variance_times_seconds: f64,
    /// True if no unbiased estimator of the same target has less variance in less time.
    pub pareto: bool,
    /// The variance of the whole gradient, summed over its components.
    pub total_variance: f64,
    /// The norm of the exact gradient over the root of that variance.
    pub total_snr: f64,
}

/// One component of one gradient that was drawn.
#[derive(Serialize)]
pub(super) struct DrawRow<'a> {
    estimator: &'a str,
    target: &'a str,
    component: &'a str,
    /// The number of the gradient, from zero.
    draw: usize,
    gradient: f64,
}

/// The gradients of the violins, component by component.
pub(super) fn draw_rows(case: &Case) -> Vec<DrawRow<'_>> {
    let mut rows = Vec::new();
    for Studied { estimator, target, draws, .. } in &case.studied {
        for (component, draws) in case.components.iter().zip(draws) {
            rows.extend(draws.iter().enumerate().map(|(draw, &gradient)| DrawRow {
                estimator,
                target,
                component,
                draw,
                gradient,
            }));
        }
    }
    rows
}

/// An estimator for people: all its components in one line.
#[derive(Serialize)]
pub(super) struct TableRow<'a> {
    estimator: &'a str,
    #[serde(rename = "gradient of")]
    target: &'a str,
    claim: String,
    #[serde(rename = "worst z")]
    worst: f64,
    /// The variance of the whole gradient.
    variance: f64,
    /// The norm of the gradient divided by the root of that variance.
    snr: f64,
    #[serde(rename = "µs/draw")]
    microseconds: f64,
    #[serde(rename = "variance × µs")]
    cost: f64,
    #[serde(rename = "on the Pareto front")]
    pareto: bool,
}

/// The targets of estimators, each once, in the order of their first estimator.
pub(super) fn targets(studied: &[Studied]) -> Vec<&str> {
    distinct(studied.iter().map(|one| one.target.as_str()))
}

/// The Pareto front of each target: the estimators that claim to be unbiased, and whose draws do not say otherwise, that no other estimator beats in both variance and time, in
/// the order of their time.
pub(super) fn fronts(studied: &[Studied]) -> Vec<(String, Vec<String>)> {
    let front = |target: &str| {
        let unbiased = |one: &&Studied| one.study.claim.is_unbiased() && !one.is_refuted();
        let of = studied.iter().filter(|one| one.target == target).filter(unbiased);
        let costs: Vec<_> = of
            .map(|one| (one.estimator.as_str(), [one.variance, one.study.seconds_per_draw]))
            .collect();
        (target.to_string(), front(&costs).into_iter().map(String::from).collect())
    };
    targets(studied)
        .into_iter()
        .map(front)
        .filter(|(_, names): &(_, Vec<_>)| !names.is_empty())
        .collect()
}

/// True if an estimator is on the front of its target.
fn is_on_front(one: &Studied, fronts: &[(String, Vec<String>)]) -> bool {
    fronts.iter().any(|(target, names)| *target == one.target && names.contains(&one.estimator))
}

/// Two times whose ratio is below this one are equal: the same code differs by as much from run to run.
const SAME_TIME: f64 = 1.2;

/// The names that no other name dominates, sorted by the second cost, a time. A name dominates another if it is no worse in
/// both costs and better in one.
fn front<'a>(costs: &[(&'a str, [f64; 2])]) -> Vec<&'a str> {
    let dominates = |a: &[f64; 2], b: &[f64; 2]| {
        let (lower, faster) = (a[0] < b[0], a[1] * SAME_TIME < b[1]);
        a[0] <= b[0] && a[1] <= b[1] * SAME_TIME && (lower || faster)
    };
    let mut front: Vec<_> = costs
        .iter()
        .filter(|(_, cost)| !costs.iter().any(|(_, other)| dominates(other, cost)))
        .collect();
    front.sort_by(|a, b| a.1[1].total_cmp(&b.1[1]));
    front.into_iter().map(|(name, _)| *name).collect()
}

/// The rows of all estimators of one problem.
pub(super) fn rows_of(case: &Case, fronts: &[(String, Vec<String>)]) -> Vec<Row> {
    let of_one = |one: &Studied| {
        let seconds = one.study.seconds_per_draw;
        let pareto = is_on_front(one, fronts);
        let parts = case.components.iter().zip(&one.study.components).zip(&one.errors);
        let row = |((name, component), &error): ((&String, &ComponentStats), &f64)| Row {
            problem: case.name.clone(),
            estimator: one.estimator.clone(),
            target: one.target.clone(),
            claim: one.study.claim.to_string(),
            component: name.clone(),
            exact: component.exact,
            exact_error: error,
            mean: component.mean,
            z: component.z_with(error),
            variance: component.variance,
            snr: component.snr(),
            draws: component.draws,
            effective_draws: component.effective_draws,
            num_samples: one.samples,
            effective_sample_size: case.effective,
            seconds_per_draw: seconds,
            variance_times_seconds: component.variance * seconds,
            pareto,
            total_variance: one.variance,
            total_snr: one.total_snr(),
        };
        parts.map(row).collect::<Vec<_>>()
    };
    case.studied.iter().flat_map(of_one).collect()
}

/// An estimator in one line.
pub(super) fn table_row<'a>(one: &'a Studied, fronts: &[(String, Vec<String>)]) -> TableRow<'a> {
    let microseconds = one.study.seconds_per_draw * 1e6;
    TableRow {
        estimator: &one.estimator,
        target: &one.target,
        claim: one.study.claim.to_string(),
        worst: one.worst_z(),
        variance: one.variance,
        snr: one.total_snr(),
        microseconds,
        cost: one.variance * microseconds,
        pareto: is_on_front(one, fronts),
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
            ("its equal but for the clock", [4.0, 4.5]),
        ];
        assert_eq!(
            front(&costs),
            [
                "fast and noisy",
                "its twin",
                "between",
                "its equal but for the clock",
                "slow and sharp"
            ]
        );
        assert!(front(&[]).is_empty());
    }
}

//! The charts of one problem.

use super::args::CompareArgs;
use super::case::{Case, DRAWS, Figure, Studied};
use super::rows::Row;
use crate::program::chart::{Draws, Estimate, means, violins};

/// The number of components that are drawn, the first ones of a larger gradient.
const SHOWN: usize = 13;

/// The means with their costs, and the violins.
pub(super) fn figures_of(case: &Case, rows: &[Row], args: &CompareArgs) -> [Figure; 2] {
    let Case { name, file, components, studied, .. } = case;
    let estimated = if case.estimated { ", the reference gradient is estimated" } else { "" };
    let title = format!("{name}: {} draws of K = {}{estimated}", args.draws(), args.num_samples);
    let drawn = |component: &String| components.iter().take(SHOWN).any(|name| name == component);
    let estimates: Vec<Estimate> =
        rows.iter().filter(|row| drawn(&row.component)).map(estimate).collect();
    let count = DRAWS.min(args.draws());
    let mut draws: Vec<Draws> = studied.iter().flat_map(|one| draws_of(one, components)).collect();
    draws.retain(|draws| drawn(&draws.component));
    let means = Figure {
        name: file.clone(),
        shows: "means with their errors beside the exact gradient, variance, time, variance × time",
        scene: means(&estimates, &title),
    };
    let violins = Figure {
        name: format!("{file}-draws"),
        shows: "draws of the gradient as violins beside the exact gradient",
        scene: violins(&draws, &format!("{name}: {count} gradients of K = {}", args.num_samples)),
    };
    [means, violins]
}

fn estimate(row: &Row) -> Estimate {
    Estimate {
        estimator: row.estimator.clone(),
        target: row.target.clone(),
        claim: row.claim.clone(),
        component: row.component.clone(),
        exact: row.exact,
        mean: row.mean,
        standard_error: (row.variance / row.draws as f64).sqrt().hypot(row.exact_error),
        variance: row.total_variance,
        seconds_per_draw: row.seconds_per_draw,
    }
}

/// The draws of each component.
fn draws_of(one: &Studied, components: &[String]) -> impl Iterator<Item = Draws> {
    let parts = components.iter().zip(&one.study.components).zip(&one.draws);
    parts.map(|((component, measured), draws)| Draws {
        estimator: one.estimator.clone(),
        target: one.target.clone(),
        claim: one.study.claim.to_string(),
        component: component.clone(),
        exact: measured.exact,
        draws: draws.clone(),
    })
}

//! The charts of one problem.

use super::rows::Row;
use super::{Case, DRAWS, Figure, Studied};
use crate::program::args::CompareArgs;
use crate::program::chart::{Bar, Cloud, compare, violins};

/// Components that are drawn: of a larger gradient the first.
const SHOWN: usize = 13;

/// Means and costs, and violins.
pub(super) fn of_case(case: &Case, rows: &[Row], args: &CompareArgs) -> [Figure; 2] {
    let Case { name, file, components, studied, .. } = case;
    let estimated =
        if rows.iter().any(|row| row.exact_error > 0.0) { ", the truth is estimated" } else { "" };
    let title = format!("{name}: {} draws of K = {}{estimated}", args.draws(), args.num_samples);
    let drawn = |component: &String| components.iter().take(SHOWN).any(|name| name == component);
    let bars: Vec<Bar> = rows.iter().filter(|row| drawn(&row.component)).map(bar).collect();
    let count = DRAWS.min(args.draws());
    let mut clouds: Vec<Cloud> = studied.iter().flat_map(|one| clouds(one, components)).collect();
    clouds.retain(|cloud| drawn(&cloud.component));
    let means = Figure {
        name: file.clone(),
        shows: "means with their errors against the truth, variance, time, variance × time",
        scene: compare(&bars, &title),
    };
    let draws = Figure {
        name: format!("{file}-draws"),
        shows: "draws of the gradient as violins, the truth as a line",
        scene: violins(&clouds, &format!("{name}: {count} gradients of K = {}", args.num_samples)),
    };
    [means, draws]
}

fn bar(row: &Row) -> Bar {
    Bar {
        estimator: row.estimator.clone(),
        component: row.component.clone(),
        exact: row.exact,
        mean: row.mean,
        standard_error: (row.variance / row.draws as f64).sqrt(),
        variance: row.total_variance,
        seconds_per_draw: row.seconds_per_draw,
    }
}

/// The draws of each component.
fn clouds(one: &Studied, components: &[String]) -> impl Iterator<Item = Cloud> {
    let parts = components.iter().zip(&one.study.components).zip(&one.draws);
    parts.map(|((component, seen), draws)| Cloud {
        estimator: one.estimator.clone(),
        component: component.clone(),
        exact: seen.exact,
        draws: draws.clone(),
    })
}

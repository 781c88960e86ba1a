//! The charts of one problem.

use super::case::{Case, DRAWS, Figure, Studied};
use super::options::Options;
use super::rows::{Row, targets};
use crate::program::chart::{Draws, Estimate, means, violins};

/// The most estimators on one chart: more lines could not be read from the back of a lecture hall.
const LINES: usize = 12;

/// The means with their costs, and the violins, on as many pages as the estimators need.
pub(super) fn figures_of(case: &Case, rows: &[Row], options: &Options) -> Vec<Figure> {
    let targets = targets(&case.studied);
    // Estimators of one target stand together.
    let mut order: Vec<&Studied> = case.studied.iter().filter(|one| one.is_finite()).collect();
    if order.is_empty() {
        return Vec::new();
    }
    order.sort_by_key(|one| targets.iter().position(|target| *target == one.target));
    let pages = order.len().div_ceil(LINES).max(1);
    let lines = order.len().div_ceil(pages).max(1);
    let page = |(i, studied): (usize, &[&Studied])| {
        let (number, end) = match pages {
            1 => (String::new(), String::new()),
            _ if i == 0 => (format!(", page 1 of {pages}"), String::new()),
            _ => (format!(", page {} of {pages}", i + 1), format!("-{}", i + 1)),
        };
        page_of(case, studied, rows, options, [&number, &end])
    };
    order.chunks(lines).enumerate().flat_map(page).collect()
}

/// The charts of some estimators, with words about the page in their titles and the ends of their files' names.
fn page_of(
    case: &Case,
    studied: &[&Studied],
    rows: &[Row],
    options: &Options,
    [page, end]: [&str; 2],
) -> [Figure; 2] {
    let Case { name, file, components, .. } = case;
    let dashed = if case.estimated.is_some() { "reference" } else { "exact" };
    let estimated = case
        .estimated
        .map_or(String::new(), |draws| format!(", reference estimated from {draws} draws"));
    let samples = case.of_samples();
    let title = format!("{name}: {} gradients{samples}{estimated}{page}", options.draws);
    let mut estimates: Vec<Estimate> = Vec::new();
    for one in studied {
        let of_one = rows.iter().filter(|row| row.estimator == one.estimator);
        estimates.extend(of_one.map(|row| estimate(row, one.is_refuted())));
    }
    let count = match options.draws {
        few if few <= DRAWS => few.to_string(),
        many => format!("the first {DRAWS} of {many}"),
    };
    let draws: Vec<Draws> = studied.iter().flat_map(|one| draws_of(one, components)).collect();
    let means = Figure {
        name: format!("{file}{end}"),
        shows: "means with their errors beside the exact gradient, variance, time, variance × time",
        scene: means(&estimates, &title, dashed),
    };
    let violins = Figure {
        name: format!("{file}-draws{end}"),
        shows: "draws of the gradient as violins beside the exact gradient",
        scene: violins(
            &draws,
            &format!("{name}: {count} gradients{samples}{estimated}{page}"),
            dashed,
        ),
    };
    [means, violins]
}

fn estimate(row: &Row, refuted: bool) -> Estimate {
    Estimate {
        refuted,
        estimator: row.estimator.clone(),
        target: row.target.clone(),
        claim: row.claim.clone(),
        component: row.component.clone(),
        exact: row.exact,
        mean: row.mean,
        standard_error: (row.variance / row.effective_draws).sqrt().hypot(row.exact_error),
        variance: row.total_variance,
        seconds_per_draw: row.seconds_per_draw,
    }
}

/// The draws of each component.
fn draws_of(one: &Studied, components: &[String]) -> impl Iterator<Item = Draws> {
    let parts = components.iter().zip(&one.study.components).zip(&one.draws);
    let refuted = one.is_refuted();
    parts.map(move |((component, measured), draws)| Draws {
        refuted,
        estimator: one.estimator.clone(),
        target: one.target.clone(),
        claim: one.study.claim.to_string(),
        component: component.clone(),
        exact: measured.exact,
        draws: draws.clone(),
    })
}

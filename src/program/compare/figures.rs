//! The charts of one problem.

use super::rows::Row;
use super::{Figure, Studied, sweeps};
use crate::program::args::{CompareArgs, ProblemName};
use crate::program::chart::{Bar, Cloud, compare, violins};
use crate::program::config::spelt;
use crate::program::registry::Entry;
use pathscore::estimators::Dice;

/// Draws of a violin.
const DRAWS: usize = 1500;

/// Components that are drawn: of a larger gradient the first.
const SHOWN: usize = 13;

/// Means and costs, violins, and the signal against $K$.
pub(super) fn of_problem(
    problem: ProblemName,
    studied: &[Studied],
    rows: &[Row],
    entries: &[Entry],
    args: &CompareArgs,
) -> Vec<Figure> {
    let name = spelt(&problem);
    let title = format!("{name}: {} draws of K = {}", args.draws, args.num_samples);
    let components = studied.first().map_or(Vec::new(), |one| one.posed.problem.components());
    let drawn = |component: &String| components.iter().take(SHOWN).any(|name| name == component);
    let bars: Vec<Bar> = rows.iter().filter(|row| drawn(&row.component)).map(bar).collect();
    let count = DRAWS.min(args.draws);
    let mut clouds: Vec<Cloud> =
        studied.iter().flat_map(|one| clouds(one, count, args.seed)).collect();
    clouds.retain(|cloud| drawn(&cloud.component));
    let means = Figure {
        name: name.clone(),
        shows: "means with their errors against the exact gradient, variance, time, variance × time",
        scene: compare(&bars, &title),
    };
    let draws = Figure {
        name: format!("{name}-draws"),
        shows: "draws of the gradient as violins, the exact gradient as a line",
        scene: violins(&clouds, &format!("{name}: {count} gradients of K = {}", args.num_samples)),
    };
    [means, draws].into_iter().chain(sweeps::signal(problem, entries, args)).collect()
}

fn bar(row: &Row) -> Bar {
    Bar {
        estimator: row.estimator.clone(),
        component: row.component.clone(),
        exact: row.exact,
        mean: row.mean,
        standard_error: (row.variance / row.draws as f64).sqrt(),
        variance: row.variance,
        seconds_per_draw: row.seconds_per_draw,
    }
}

/// So many draws of each component.
fn clouds(one: &Studied, draws: usize, seed: u64) -> Vec<Cloud> {
    let mut candidate = one.posed.candidate.again();
    let mut dice = Dice::seeded(seed, 0);
    let names = one.posed.problem.components().into_iter();
    let cloud = |(component, &exact): (String, &f64)| Cloud {
        estimator: one.estimator.into(),
        component,
        exact,
        draws: Vec::with_capacity(draws),
    };
    let mut clouds: Vec<Cloud> = names.zip(&one.exact).map(cloud).collect();
    let mut gradient = vec![0.0; clouds.len()];
    for _ in 0..draws {
        candidate.draw(&mut dice, &mut gradient);
        clouds.iter_mut().zip(&gradient).for_each(|(cloud, &g)| cloud.draws.push(g));
    }
    clouds
}

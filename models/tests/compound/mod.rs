//! Distributions that are made of others, and those of whole rows: maps, mixtures, counts, relaxations, low rank.

mod bijections;
mod counts;
mod flows;
mod low_rank;
mod mixtures;
mod relaxed;
mod transformed;

use crate::univariate::{Check, Only, Rows};
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::*;

/// The rows of the table of distributions of one number that are made of others.
pub(crate) fn of_others<C: Check>(rows: &mut Rows<C>) {
    let line: &[&[f64]] = &[&[0.2, 0.7], &[-1.0, 0.4]];
    for map in [Elementwise::Exp, Elementwise::Sigmoid, Elementwise::Softplus, Elementwise::Tanh] {
        rows.row(&format!("{map:?} of Normal"), line, |p| {
            Ok(Only(Transformed::new(Normal::from_scale(p[0], p[1])?, map)))
        });
    }
    rows.row("an affine map of Normal", &[&[0.2, 0.7, 1.5], &[-1.0, 0.4, 3.0]], |p| {
        Ok(Transformed::new(Normal::from_scale(p[0], p[1])?, Affine::new(p[0], p[2])?))
    });
    rows.row("an affine map of Gamma", &[&[3.0, 0.7, 1.5]], |p| {
        Ok(Transformed::new(Gamma::new(p[0], p[1])?, Affine::new(p[1], p[2])?))
    });
    rows.row("three maps of Laplace", &[&[0.3, 0.2, 0.5]], |p| {
        let maps =
            Compose(Compose(Elementwise::Softplus, Affine::new(-p[1], p[2])?), Elementwise::Tanh);
        Ok(Only(Transformed::new(Laplace::new(p[0], p[1])?, maps)))
    });
    mixtures(rows);
}

/// Mixtures of two components.
fn mixtures<C: Check>(rows: &mut Rows<C>) {
    fn pair<'t>(a: Var<'t, f64>, b: Var<'t, f64>) -> Var<'t, f64> {
        Var::stack(&[a, b], -2)
    }
    fn logits(p: Var<f64>) -> Var<f64> {
        Var::concat(&[p, p * 0.0], -1)
    }
    let two: &[&[f64]] = &[&[-1.0, 0.5, 2.0, 1.5, 0.7], &[3.0, 0.1, -4.0, 2.0, -3.0]];
    rows.row("a mixture of Normal", two, move |p| {
        let components = Normal::from_scale(pair(p[0], p[2]), pair(p[1], p[3]))?;
        Mixture::from_logits(logits(p[4]), components)
    });
    rows.row("a mixture of Gamma", &[&[1.5, 0.5, 3.0, 20.0, 0.3]], move |p| {
        let components = Gamma::new(pair(p[0], p[2]), pair(p[1], p[3]))?;
        Mixture::from_logits(logits(p[4]), components)
    });
    rows.row("a mixture of Poisson", &[&[1.5, 9.0, 0.3], &[0.1, 2000.0, -1.0]], move |p| {
        Mixture::from_logits(logits(p[2]), Poisson::from_rate(pair(p[0], p[1]))?)
    });
}

/// The parameters as leaves.
pub(crate) fn leaf<'t>(tape: &'t Tape<f64>, values: &[f64]) -> Var<'t, f64> {
    tape.leaf(values, [values.len()])
}

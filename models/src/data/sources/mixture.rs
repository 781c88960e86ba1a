//! Eight normals on a circle, in two columns: a density that is known in closed form.

use super::kind::{Load, SourceKind};
use crate::data::{Split, Table};
use crate::seed::{self, Stream, uniform_below};
use pathscore_autodiff::Scalar;
use std::f64::consts::TAU;

/// The number of components.
const COMPONENTS: usize = 8;
/// The distance of the means from the origin.
const RADIUS: f64 = 2.0;
/// The standard deviation of a component. Neighbours are 4.4 of them apart.
const SCALE: f64 = 0.35;

pub(super) const SOURCE: SourceKind = SourceKind {
    usage: "mixture",
    about: "eight normals on a circle, 10000 + 2000 rows of x1, x2, whose density is known",
    grey: false,
    shuffled: false,
    log_density: Some(mixture_log_density),
    load: Load::Generate(|seed| {
        let (train, test) = mixture(12_000, seed).split_at(10_000);
        let description =
            format!("mixture: drawn from seed {seed}, draws 0 to 9999 train, 10000 to 11999 test");
        Ok(Split { train, test, description })
    }),
};

/// `n` rows of two columns, `x1` and `x2`, from eight normals of equal weight with standard deviations of 0.35 whose means
/// lie evenly on a circle of radius 2.
///
/// Row `i` is a pure function of `seed` and `i`. The density is [`mixture_log_density`].
///
/// ```
/// # use pathscore_models::data::mixture;
/// assert_eq!(mixture(20, 7).row(5), mixture(6, 7).row(5));
/// ```
pub fn mixture(n: usize, seed: u64) -> Table {
    let row = |i: usize| {
        let rng = &mut seed::rng(seed, Stream::Mixture, i as u64);
        let mean = component(uniform_below(rng, COMPONENTS));
        let mut eps = [0.0; 2];
        f64::fill_normal(&mut eps, rng);
        [0, 1].map(|k| (mean[k] + SCALE * eps[k]) as f32)
    };
    Table::new((0..n).flat_map(row).collect(), 2)
        .and_then(|table| table.with_column_names(vec!["x1".into(), "x2".into()]))
        .expect("every row adds two finite values")
}

/// The logarithm of the density of [`mixture`] at a point.
///
/// ```
/// # use pathscore_models::data::mixture_log_density;
/// // At a mean the other seven components count for less than 2e-4.
/// let peak = -(8.0 * std::f64::consts::TAU * 0.35 * 0.35).ln();
/// assert!((mixture_log_density([2.0, 0.0]) - peak).abs() < 2e-4);
/// ```
pub fn mixture_log_density(x: [f64; 2]) -> f64 {
    let log_terms: [f64; COMPONENTS] = std::array::from_fn(|i| {
        let mean = component(i);
        -0.5 * (0..2).map(|k| ((x[k] - mean[k]) / SCALE).powi(2)).sum::<f64>()
    });
    let largest = log_terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = log_terms.iter().map(|l| (l - largest).exp()).sum();
    largest + sum.ln() - (COMPONENTS as f64 * TAU * SCALE * SCALE).ln()
}

/// The mean of a component.
fn component(i: usize) -> [f64; 2] {
    let (sin, cos) = (TAU * i as f64 / COMPONENTS as f64).sin_cos();
    [RADIUS * cos, RADIUS * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_integrates_to_one_and_has_the_moments_of_the_draws() {
        // The trapezoidal rule with a spacing of a seventh of the standard deviation has no error beyond rounding.
        let at = |i: i32| 0.05 * f64::from(i);
        let (mut mass, mut square) = (0.0, 0.0);
        for i in -100..=100 {
            for j in -100..=100 {
                let p = mixture_log_density([at(i), at(j)]).exp() * 0.05 * 0.05;
                mass += p;
                square += p * at(i) * at(i);
            }
        }
        assert!((mass - 1.0).abs() < 1e-12, "{mass}");
        assert!((square - (2.0 + SCALE * SCALE)).abs() < 1e-10, "{square}");
        let table = mixture(20_000, 3);
        let found: f64 = table.values().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 4e4;
        // The squared radius has a standard deviation of about 1.4, and the mean of 20000 of 0.01.
        assert!((found - square).abs() < 0.03, "{found}");
    }
}

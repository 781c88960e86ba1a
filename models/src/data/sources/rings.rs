//! Two rings in two columns: a density that is known in closed form.

use super::kind::{Load, SourceKind};
use crate::data::{Split, Table};
use crate::seed::{self, Stream, uniform_below};
use pathscore_autodiff::Scalar;
use std::f64::consts::TAU;

/// The radii of the rings.
const RADII: [f64; 2] = [1.0, 2.5];
/// The standard deviation of the radius of a row around that of its ring.
const SCALE: f64 = 0.15;

pub(super) const SOURCE: SourceKind = SourceKind {
    usage: "rings",
    about: "two rings around each other, 10000 + 2000 rows of x1, x2, whose density is known",
    grey: false,
    shuffled: false,
    log_density: Some(rings_log_density),
    load: Load::Generate(|seed| {
        let (train, test) = rings(12_000, seed).split_at(10_000);
        let description =
            format!("rings: drawn from seed {seed}, draws 0 to 9999 train, 10000 to 11999 test");
        Ok(Split { train, test, description })
    }),
};

/// `n` rows of two columns, `x1` and `x2`: a ring of radius 1 or 2.5 with equal probabilities, a radius $r$ that is normal
/// around that of the ring with a standard deviation of 0.15, and a uniform angle.
///
/// Row `i` is a pure function of `seed` and `i`. The density is [`rings_log_density`].
///
/// ```
/// # use pathscore_models::data::rings;
/// assert_eq!(rings(20, 7).row(5), rings(6, 7).row(5));
/// ```
pub fn rings(n: usize, seed: u64) -> Table {
    let row = |i: usize| {
        let rng = &mut seed::rng(seed, Stream::Rings, i as u64);
        let ring = RADII[uniform_below(rng, RADII.len())];
        let mut eps = [0.0; 3];
        f64::fill_normal(&mut eps, rng);
        // The direction of two normal numbers is uniform. A negative radius is seven standard deviations away.
        let radius = ring + SCALE * eps[0];
        let length = eps[1].hypot(eps[2]);
        [1, 2].map(|k| (radius * eps[k] / length) as f32)
    };
    Table::new((0..n).flat_map(row).collect(), 2)
        .and_then(|table| table.with_column_names(vec!["x1".into(), "x2".into()]))
        .expect("every row adds two finite values")
}

/// The logarithm of the density of [`rings`] at a point, $\ln \frac{1}{2\pi r} \frac12 \sum_k \mathcal N(r; r_k, 0.15^2)$.
///
/// Negative radii, of a probability of $10^{-11}$, are left out, and below $10^{-3}$ the radius counts as $10^{-3}$, so that
/// the logarithm is finite.
///
/// ```
/// # use pathscore_models::data::rings_log_density;
/// assert_eq!(rings_log_density([1.0, 0.0]), rings_log_density([0.0, -1.0]));
/// ```
pub fn rings_log_density(x: [f64; 2]) -> f64 {
    let r = x[0].hypot(x[1]).max(1e-3);
    let of_ring = |ring: &f64| -0.5 * ((r - ring) / SCALE).powi(2);
    let log_terms = RADII.each_ref().map(of_ring);
    let largest = log_terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = log_terms.iter().map(|l| (l - largest).exp()).sum();
    largest + sum.ln() - (RADII.len() as f64 * TAU.sqrt() * SCALE * TAU * r).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_integrates_to_one_and_has_the_moments_of_the_draws() {
        // The trapezoidal rule with a spacing of a sixth of the standard deviation has no error beyond the 1e-9 that
        // the negative radii and the middle leave.
        let at = |i: i32| 0.025 * f64::from(i);
        let (mut mass, mut square) = (0.0, 0.0);
        for i in -160..=160 {
            for j in -160..=160 {
                let p = rings_log_density([at(i), at(j)]).exp() * 0.025 * 0.025;
                mass += p;
                square += p * at(i) * at(i);
            }
        }
        assert!((mass - 1.0).abs() < 1e-8, "{mass}");
        let exact = 0.25 * (1.0 + 6.25) + 0.5 * SCALE * SCALE;
        assert!((square - exact).abs() < 1e-8, "{square}");
        let table = rings(20_000, 3);
        let found: f64 = table.values().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 4e4;
        // The squared radius has a standard deviation of about 2.7, and half its mean over 20000 rows one of 0.01.
        assert!((found - square).abs() < 0.05, "{found}");
    }
}

//! Derivatives of samples against derivatives of the quantiles of the same level.

use super::*;
use pathscore_autodiff::Scalar;
use std::f64::consts::{PI, TAU};

/// The `y` at which an increasing function equals `level`.
fn bisected(mut low: f64, mut high: f64, level: f64, f: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if f(middle) < level { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Samples of shape `[1, n, …]`, and the derivative of each with respect to its own copy of a parameter.
fn slopes_of<'t>(draws: Var<'t, f64>, by: Var<'t, f64>) -> Vec<(f64, f64)> {
    let grads = draws.sum().backward();
    draws.value().values().iter().copied().zip(grads.of(by).values().iter().copied()).collect()
}

/// Compares the derivative of a sample with that of the quantile of the same level. Both tails of the distribution
/// function are given, as (lower, upper), so that the smaller one is accurate. There are three errors: that of the
/// function, some 10⁻¹³, over the step of a thousandth; the fourth power of the step, 10⁻¹², times a fifth derivative;
/// and that of the derivative. So derivatives below a thousandth of the parameter's inverse are compared with that.
#[track_caller]
fn assert_quantile_slope(
    what: &str,
    [low, high]: [f64; 2],
    at: f64,
    (z, found): (f64, f64),
    tails: impl Fn(f64, f64) -> (f64, f64),
) {
    let (lower, upper) = tails(at, z);
    let quantile = |at: f64| {
        if lower < upper {
            bisected(low, high, lower, |z| tails(at, z).0)
        } else {
            bisected(low, high, -upper, |z| -tails(at, z).1)
        }
    };
    let expected = slope(at, 1e-3 * at, quantile);
    let near = (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3 / at.max(1.0));
    assert!(near, "{what} at {at}, draw {z}: slope {found}, not {expected}");
}

#[test]
fn gamma_draws_move_with_their_quantile() {
    for alpha in [0.005, 0.1, 0.9, 1.0, 4.0, 25.0, 3e3, 1e6] {
        let tape = Tape::new();
        let concentration = tape.leaf(&[alpha; 30], [30]);
        let case = Gamma::new(concentration, tape.constant(&[1.0], [1])).unwrap();
        for (ln_z, found) in slopes_of(case.rsample_ln(1, &mut rng()), concentration) {
            let tails = |a: f64, y: f64| (a.gamma_p(y.exp()), a.gamma_q(y.exp()));
            // Of smaller numbers only the logarithm is accurate, and there P = z^α/Γ(α + 1).
            if ln_z > -700.0 {
                assert_quantile_slope("gamma", [-744.0, 20.0], alpha, (ln_z, found), tails);
            } else {
                let place = |a: f64| Real::ln_gamma(a + 1.0) / a;
                let ln_u = alpha * ln_z - Real::ln_gamma(alpha + 1.0);
                let expected = slope(alpha, 1e-3 * alpha, |a| ln_u / a + place(a));
                assert!((found - expected).abs() < 1e-8 * expected.abs(), "{alpha}, {ln_z}");
            }
        }
    }
}

#[test]
fn beta_draws_move_with_their_quantile() {
    for (a, b) in
        [(0.004, 0.3), (0.2, 0.1), (1.0, 1.0), (5.0, 0.5), (30.0, 70.0), (2e4, 0.5), (3e4, 1e4)]
    {
        let tape = Tape::new();
        let [of_a, of_b] = [a, b].map(|value| tape.leaf(&[value; 30], [30]));
        let y = Beta::new(of_a, of_b).unwrap().rsample_logit(1, &mut rng());
        // The smaller of x and 1 − x is the accurate one.
        let tails = |a: f64, b: f64, y: f64| {
            if y < 0.0 {
                let lower = f64::beta_inc(a, b, Real::sigmoid(y))[0];
                (lower, 1.0 - lower)
            } else {
                let upper = f64::beta_inc(b, a, Real::sigmoid(-y))[0];
                (1.0 - upper, upper)
            }
        };
        for (y, found) in slopes_of(y, of_a) {
            let tails = |a: f64, y: f64| tails(a, b, y);
            if y > -700.0 {
                assert_quantile_slope("beta by a", [-744.0, 744.0], a, (y, found), tails);
            }
        }
        for (y, found) in slopes_of(y, of_b) {
            let tails = |b: f64, y: f64| tails(a, b, y);
            if y > -700.0 {
                assert_quantile_slope("beta by b", [-744.0, 744.0], b, (y, found), tails);
            }
        }
    }
}

#[test]
fn student_draws_move_with_their_quantile() {
    for nu in [0.3, 1.0, 2.5, 12.0, 300.0] {
        let tape = Tape::new();
        let freedom = tape.leaf(&[nu; 30], [30]);
        let [loc, scale] = [0.0, 1.0].map(|c| tape.constant(&[c], [1]));
        let draws = StudentT::new(freedom, loc, scale).unwrap().rsample(1, &mut rng());
        for (t, found) in slopes_of(draws, freedom) {
            let tail = |nu: f64, t: f64| {
                // Near 1 the argument loses the sample to rounding, so the other tail is used.
                let square = t * t;
                let half = if square < nu {
                    0.5 - 0.5 * f64::beta_inc(0.5, 0.5 * nu, square / (nu + square))[0]
                } else {
                    0.5 * f64::beta_inc(0.5 * nu, 0.5, nu / (nu + square))[0]
                };
                if t < 0.0 { half } else { 1.0 - half }
            };
            let tails = |nu: f64, t: f64| (tail(nu, t), tail(nu, -t));
            assert_quantile_slope("student", [-1e12, 1e12], nu, (t, found), tails);
        }
    }
}

#[test]
fn angles_move_with_their_quantile() {
    for kappa in [0.02, 0.7, 3.0, 40.0, 500.0] {
        let tape = Tape::new();
        let concentration = tape.leaf(&[kappa; 8], [8]);
        let case = VonMises::new(tape.constant(&[0.0], [1]), concentration).unwrap();
        for (z, found) in slopes_of(case.rsample(1, &mut rng()), concentration) {
            // The area from the angle to π by Simpson's rule has the error |f⁗| h⁴/180 with h κ^½ below 0.03.
            let area = |kappa: f64, z: f64| {
                let n = 4000;
                let h = (PI - z) / f64::from(n);
                let weight =
                    |i: i32| if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                let f = |i: i32| (kappa * ((z + f64::from(i) * h).cos() - 1.0)).exp();
                let sum = (0..=n).map(|i| weight(i) * f(i)).sum::<f64>() * h / 3.0;
                sum / (TAU * Real::i0e(kappa))
            };
            let tails = |kappa: f64, z: f64| (area(kappa, -z), area(kappa, z));
            let expected = {
                let (lower, upper) = tails(kappa, z);
                let level = lower.min(upper);
                let side = if lower < upper { 1.0 } else { -1.0 };
                let quantile = |kappa: f64| {
                    let a = bisected(0.0, PI, -level, |a| -area(kappa, a));
                    -side * a
                };
                slope(kappa, 1e-2 * kappa, quantile)
            };
            // Simpson's error over the step.
            let near = (found - expected).abs() < 1e-6 * expected.abs().max(1e-2 / kappa);
            assert!(near, "κ {kappa}, angle {z}: slope {found}, not {expected}");
        }
    }
}

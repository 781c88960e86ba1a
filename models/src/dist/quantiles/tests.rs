//! Roots and first counts with the number of calls that they take, and quantiles against their distribution functions.

use super::*;
use pathscore_autodiff::Tape;
use std::cell::Cell;

/// Calls `f` and fails after `most` calls.
fn limited<A, B>(most: usize, f: impl Fn(A) -> B) -> impl Fn(A) -> B {
    let calls = Cell::new(0);
    move |x| {
        calls.set(calls.get() + 1);
        assert!(calls.get() <= most, "more than {most} calls");
        f(x)
    }
}

#[test]
fn a_root_is_found_from_anywhere_by_doubling_the_bracket() {
    for start in [0.0, -3.0, 1e5, -1e9] {
        for y in [0.0, 0.3, -5.0, 1e6, -1e12] {
            // Forty doublings reach 1e12; Newton's method needs one step for a line.
            let found = root(start, limited(50, |at| [y - at, 1.0]));
            assert!((found - y).abs() <= 1e-15 * y.abs().max(1e-300), "{y} from {start}: {found}");
            // A slope that is much too small sends every step out of the bracket, which is then halved. A root at zero
            // has no relative accuracy.
            if y != 0.0 {
                let found = root(start, limited(130, |at| [y - at, 1e-30]));
                let width = (start - y).abs().max(1.0);
                assert!((found - y).abs() <= 1e-15 * width, "{y} from {start}: {found}");
            }
        }
    }
    // In an exponential tail every step of Newton's method has the length one; the root is 600 of them away.
    let found = root(1000.0, limited(60, |at: f64| [(-at).exp() - 1e-300, (-at).exp()]));
    assert!((found - 1e-300_f64.ln().abs()).abs() < 1e-12, "{found}");
    // A cubic root, at which the slope vanishes.
    let found = root(5.0, limited(250, |at: f64| [-at.powi(3), 3.0 * at * at]));
    assert!(found.abs() < 1e-15, "{found}");
    assert_eq!(root(0.0, limited(1200, |_| [1.0, 1.0])), f64::INFINITY);
    assert_eq!(root(0.0, limited(1200, |_| [-1.0, 1.0])), f64::NEG_INFINITY);
}

#[test]
fn a_level_is_compared_in_the_half_where_it_is_small() {
    let other = || -> f64 { unreachable!("the other half") };
    let check = |found: [f64; 2], expected: [f64; 2]| {
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-15, "{found}, not {expected}");
        }
    };
    check(left_of(0.5, 2.0, || 0.25, other), [std::f64::consts::LN_2, 8.0]);
    check(left_of(1e-20, 3.0, || 2e-20, other), [-std::f64::consts::LN_2, 1.5e20]);
    check(left_of(0.75, 2.0, other, || 0.5), [std::f64::consts::LN_2, 4.0]);
}

#[test]
fn the_first_count_is_found_from_anywhere_by_doubling_the_bracket() {
    for first in [0.0, 1.0, 2.0, 7.0, 1000.0, 1e15] {
        for start in [-4.0, 0.0, 0.9, 3.2, 999.0, 1e15] {
            // Fifty doublings reach 1e15, and as many halvings come back.
            let found = first_count(start, limited(160, |n| n >= first));
            assert_eq!(found, first, "from {start}");
        }
    }
    assert_eq!(first_count(3.0, limited(1100, |_| false)), f64::INFINITY);
    // Whole numbers beyond 2⁵³ are more than one apart.
    let far = 2_f64.powi(60) + 256.0;
    assert_eq!(first_count(0.0, limited(200, |n| n >= far)), far);
}

#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs();
    assert!(error < tolerance, "{what}: {found}, not {expected}: {error:e}");
}

const LEVELS: [f64; 7] = [1e-300, 1e-9, 0.01, 0.5, 0.51, 0.99, 1.0 - 1e-9];

#[test]
fn gamma_quantiles_reach_their_level_on_both_sides() {
    let tape = Tape::new();
    for alpha in [1e-3, 0.05, 0.7, 1.0, 12.0, 3e4] {
        for u in LEVELS {
            let (at, level) = (tape.leaf(&[alpha], [1]), tape.leaf(&[u], [1]));
            let (lower, upper) = (ln_gamma_quantile(at, level), ln_gamma_upper_quantile(at, level));
            let what = |side: &str| format!("{side}, α {alpha}, level {u}");
            for (side, y, complement) in [("lower", lower, false), ("upper", upper, true)] {
                let what = what(side);
                let (y, grads) = (y.item(), y.sum().backward());
                let ln_u = if complement { (-u).ln_1p() } else { u.ln() };
                // P = z^α/Γ(α + 1), which is exact to 1e-13 for z < 1e-13.
                if y < -30.0 {
                    let expected = (ln_u + Real::ln_gamma(alpha + 1.0)) / alpha;
                    assert_near(&what, y, expected, 1e-12);
                    continue;
                }
                let z = y.exp();
                let [below, above] = [Real::gamma_p(alpha, z), Real::gamma_q(alpha, z)];
                let [tail, rest] = if complement { [above, below] } else { [below, above] };
                // A relative error ε of z moves the logarithm of a tail by up to ε(α + z), at most some hundred here.
                let tolerance = 1e-12 * (1.0 + alpha.sqrt());
                if u <= 0.5 {
                    assert_near(&what, tail, u, tolerance * 10.0);
                } else {
                    assert_near(&what, rest, 1.0 - u, tolerance * 10.0);
                }
                // d ln z/du is one over the density of ln z, or minus that.
                let density = (alpha * y - z - Real::ln_gamma(alpha)).exp();
                let sign = if complement { -1.0 } else { 1.0 };
                assert_near(&what, grads.of(level).item(), sign / density, 1e-9);
                let expected = ln_gamma_slope(alpha, y);
                assert_near(&what, grads.of(at).item(), expected, 1e-9);
            }
        }
        for (u, ends) in
            [(0.0, [f64::NEG_INFINITY, f64::INFINITY]), (1.0, [f64::INFINITY, f64::NEG_INFINITY])]
        {
            let (at, u) = (tape.constant(&[alpha], [1]), tape.constant(&[u], [1]));
            assert_eq!(
                [ln_gamma_quantile(at, u).item(), ln_gamma_upper_quantile(at, u).item()],
                ends
            );
        }
    }
}

#[test]
fn beta_quantiles_reach_their_level_on_both_sides() {
    let tape = Tape::new();
    for (a, b) in [(1e-3, 2.0), (2.0, 1e-3), (0.3, 0.2), (1.0, 1.0), (5.0, 0.5), (200.0, 70.0)] {
        for u in LEVELS {
            let what = format!("Beta({a}, {b}), level {u}");
            let [of_a, of_b, level] = [a, b, u].map(|x| tape.leaf(&[x], [1]));
            let y = logit_beta_quantile(of_a, of_b, level);
            let (y, grads) = (y.item(), y.sum().backward());
            // Near an end, I = x^a/(a B(a, b)) and likewise from the other end.
            if y < -40.0 {
                let expected = (u.ln() + a.ln() + Real::ln_beta(a, b)) / a;
                assert_near(&what, y, expected, 1e-12);
                continue;
            }
            if y > 40.0 {
                let expected = -((-u).ln_1p() + b.ln() + Real::ln_beta(a, b)) / b;
                assert_near(&what, y, expected, 1e-12);
                continue;
            }
            // A relative error ε of y moves the logarithm of a tail by up to ε |y| (a + b).
            let tolerance = 1e-12 * (1.0 + a + b);
            if u <= 0.5 {
                assert_near(&what, f64::beta_inc(a, b, Real::sigmoid(y))[0], u, tolerance);
            } else {
                assert_near(&what, f64::beta_inc(b, a, Real::sigmoid(-y))[0], 1.0 - u, tolerance);
            }
            let ln_density = -a * (-y).exp().ln_1p() - b * y.exp().ln_1p() - Real::ln_beta(a, b);
            assert_near(&what, grads.of(level).item(), (-ln_density).exp(), 1e-9);
            let slopes = logit_beta_slopes([a, b], y);
            assert_eq!([grads.of(of_a).item(), grads.of(of_b).item()], slopes, "{what}");
        }
    }
}

//! Digits of formulas in plain numbers, from mpmath with 60 digits.

use super::edges::{ln_binomial, ln_poisson};

/// The terms of the formulas are of the size of the result or below ten, and their sum has the error of a few roundings.
#[track_caller]
fn assert_near(what: &str, found: f64, expected: f64, largest_term: f64) {
    let tolerance = 4.0 * f64::EPSILON * largest_term.max(expected.abs());
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, not {expected}");
}

#[test]
fn probabilities_of_counts_have_their_digits() {
    for (k, n, p, expected) in [
        (0.0, 7.0, 0.25, -2.013774507162466492075),
        (7.0, 7.0, 0.25, -9.704060527839234331841),
        (1.0, 2.0, 0.25, -0.9808292530117262368565),
        (3.0, 10.0, 0.25, -1.38516584774009235433),
        (29.0, 60.0, 0.5, -2.309919930408447019237),
        (30.0, 64.0, 0.4375, -2.433602530641785696103),
        (31.0, 59.0, 0.5, -2.343821482084128367467),
        (1.0, 100.0, 0.03125, -2.003686849955084993593),
        (99.0, 100.0, 0.9375, -4.556732128871235865252),
        (500.0, 1000.0, 0.5, -3.679918992094129341723),
        (700.0, 1000.0, 0.5, -85.87568429557054450948),
        (250_000.0, 1e6, 0.25, -6.989705956512085131627),
        (5.0, 1e12, 2_f64.powi(-38), -1.968329276619054244967),
    ] {
        // Below thirty, ln n! and its approximation cancel: terms up to 30 ln 30.
        let term = if k < 30.0 || n - k < 30.0 { 100.0 } else { 8.0 };
        assert_near(&format!("{k} of {n}, {p}"), ln_binomial(k, n, p, 1.0 - p), expected, term);
    }
    for (n, rate, expected) in [
        (0.0, 3.0, -3.0),
        (0.0, 60.0, -60.0),
        (3.0, 75.0, -63.83929512861912367902),
        (99.0, 50.0, -21.84392783218893897279),
        (99.0, 120.0, -5.172522834152845345522),
        (100.0, 50.0, -22.5370750127488842822),
        (100.0, 49.0, -23.55734574450082902301),
        (100.0, 130.0, -6.985930510005248136932),
        (101.0, 64.0, -12.30730465307789208812),
        (120.0, 49.0, -39.79395220800298787311),
        (400.0, 350.0, -7.327436189857643626813),
        (1e6, 1_002_000.0, -9.824031222464124873394),
    ] {
        // In the plain formula n ln λ and ln n! cancel.
        let plain = n < 100.0 || rate < 50.0;
        let term = if plain { n * f64::ln(rate) } else { 8.0 };
        assert_near(&format!("{n} at rate {rate}"), ln_poisson(n, rate), expected, term);
    }
}

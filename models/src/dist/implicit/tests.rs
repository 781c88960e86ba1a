//! Samplers against the methods as they were published, and slopes against digits from mpmath with 60 digits.

use super::*;
use crate::seed::{Stream, rng};

#[track_caller]
fn assert_digits(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found / expected - 1.0).abs();
    assert!(error < tolerance, "{what}: {found}, not {expected}: {error:e}");
}

/// Marsaglia and Tsang's method in the words of their paper.
fn published_gamma<R: RandomSource>(alpha: f64, rng: &mut R) -> f64 {
    let d = alpha - 1.0 / 3.0;
    loop {
        let x = rng.normal();
        let v = (1.0 + x / (9.0 * d).sqrt()).powi(3);
        let u = 1.0 - rng.uniform();
        if v > 0.0 && u.ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Best and Fisher's method in the words of their paper.
fn published_von_mises<R: RandomSource>(kappa: f64, rng: &mut R) -> f64 {
    let tau = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
    let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * kappa);
    let r = (1.0 + rho * rho) / (2.0 * rho);
    loop {
        let z = (PI * rng.uniform()).cos();
        let f = (1.0 + r * z) / (r + z);
        let c = kappa * (r - f);
        let u = 1.0 - rng.uniform();
        if c * (2.0 - c) > u || (c / u).ln() + 1.0 - c >= 0.0 {
            let angle = f.clamp(-1.0, 1.0).acos();
            return if rng.bernoulli(0.5) { angle } else { -angle };
        }
    }
}

/// Draws of one generator by two methods stay the same as long as both accept and reject the same proposals.
#[test]
fn draws_follow_the_published_methods_step_by_step() {
    for (i, alpha) in [1.0, 1.3, 2.0, 7.5, 60.0].into_iter().enumerate() {
        let [mut ours, mut theirs] = [0, 1].map(|_| rng(4, Stream::Sample, i as u64));
        for _ in 0..3000 {
            let (ln_z, expected) =
                (ln_gamma_draw(alpha, &mut ours), published_gamma(alpha, &mut theirs));
            // Nothing cancels in either form but 1 + cx, which loses three digits in one of a thousand draws.
            assert_digits(&format!("gamma {alpha}"), ln_z.exp(), expected, 1e-11);
        }
        // Of a smaller concentration, by the power of one more uniform number.
        let small = 1.0 / (i + 2) as f64;
        let expected = published_gamma(small + 1.0, &mut theirs).ln();
        let expected = expected + (1.0 - theirs.uniform()).ln() / small;
        let found = ln_gamma_draw(small, &mut ours);
        assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{small}");
    }
    for (i, kappa) in [0.3, 1.0, 2.5, 8.0].into_iter().enumerate() {
        let [mut ours, mut theirs] = [0, 1].map(|_| rng(5, Stream::Sample, i as u64));
        for _ in 0..3000 {
            let found = von_mises_draw(kappa, &mut ours);
            let expected = published_von_mises(kappa, &mut theirs);
            // The arc cosine loses half of the digits of a small angle.
            assert!((found - expected).abs() < 1e-7, "κ {kappa}: {found}, not {expected}");
        }
    }
}

#[test]
fn a_concentration_that_is_no_number_gives_no_number() {
    let rng = &mut rng(0, Stream::Sample, 0);
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(ln_gamma_draw(bad, rng).is_nan() && von_mises_draw(bad, rng).is_nan(), "{bad}");
    }
    assert_eq!(ln_gamma_draw(0.0, rng), f64::NEG_INFINITY);
    assert!(von_mises_draw(0.0, rng).abs() <= PI);
}

#[test]
fn gamma_densities_and_slopes_have_their_digits() {
    for (alpha, z, expected) in [
        (0.5, 0.25, 0.2196956447338611985234),
        (3.0, 2.5, 0.6412890517492093372619),
        (99.5, 95.0, 3.580018223063083834755),
        (100.0, 100.0, 3.986099680914713523392),
        (100.0, 80.0, 0.3939458159199259677),
        (100.0, 130.0, 0.09248023582808431452884),
        (250.0, 262.0, 4.770041796751218682085),
        (1e4, 9900.0, 24.11574108739606858518),
        (1e8, 100_010_000.0, 2419.787895378427537784_f64),
    ] {
        let found = gamma_density(alpha, z, z.ln());
        // Below one hundred the exponent is a difference of numbers near 4α; above, the digits are those of u.
        let tolerance = if alpha < 100.0 { 2e-13 } else { 3e-15 + 1e-15 * (z - alpha).abs() };
        assert_digits(&format!("density {alpha}, {z}"), found, expected, tolerance.min(1e-11));
    }
    for (alpha, ln_z, expected) in [
        (0.125, 2_f64.powi(-20).ln(), 107.7957049909019149158),
        (0.5, 0.25_f64.ln(), 3.632057967056445268896),
        (3.0, 2.5_f64.ln(), 0.385344731535989325765),
        (3.0, 9_f64.ln(), 0.1933061568959866370936),
        (40.0, 30_f64.ln(), 0.0288879941716816226593),
        (120.0, 130_f64.ln(), 0.008015395021313923605858),
        (0.25, -599.0, 2395.090185866494938368),
        (0.25, -601.0, 2403.090185866494938368),
        (0.001, -5000.0, 4999424.428068189699529),
    ] {
        // The derivative of the incomplete gamma function has some eleven digits.
        assert_digits(
            &format!("slope {alpha}, {ln_z}"),
            ln_gamma_slope(alpha, ln_z),
            expected,
            1e-11,
        );
    }
}

#[test]
fn slopes_of_logits_have_their_digits() {
    for (a, b, y, by_a, by_b) in [
        (0.5, 2.0, -1.0, 2.650064895786847176815, -0.6486810054081651543958),
        (0.5, 2.0, 1.5, 1.496805193026078280454, -1.127830806448615064013),
        (3.0, 1.25, 0.0, 0.4477107796418212137411, -0.7571451170142381303598),
        (4.0, 7.0, -0.5, 0.2637726539954910629133, -0.1524878969110161934392),
        (4.0, 7.0, 0.25, 0.2151676868710326934168, -0.1802515647868666828574),
        (0.25, 3.0, -40.0, 155.0222222222222239733, -0.3768263038788475886093),
        (0.25, 3.0, -599.0, 2391.022222222222222222, -0.3768263038788475878457),
        (0.25, 3.0, -601.0, 2399.022222222222222222, -0.3768263038788475878457),
    ] {
        let what = format!("Beta({a}, {b}) at {y}");
        let found = logit_beta_slopes([a, b], y);
        assert_digits(&what, found[0], by_a, 1e-11);
        assert_digits(&what, found[1], by_b, 1e-11);
        // Exchanged parameters turn the sign of the logit.
        let turned = logit_beta_slopes([b, a], -y);
        assert_digits(&what, turned[0], -by_b, 1e-11);
        assert_digits(&what, turned[1], -by_a, 1e-11);
    }
}

#[test]
fn slopes_of_angles_have_their_digits() {
    for (kappa, z, expected) in [
        (0.02, 0.5, -0.475211080307403256917),
        (0.02, 3.0, -0.1425168274247456900883),
        (0.75, 0.4, -0.259276067228515896473),
        (0.75, 1.4, -0.8475106618841399793365),
        (0.75, 1.6, -0.9241197930434415641201),
        (0.75, -2.5, 0.7453475319180407997226),
        (3.0, 0.3, -0.05764297915470440499424),
        (3.0, 1.0, -0.2168786814035892662615),
        (3.0, -1.2, 0.2771454360015098852814),
        (3.0, 2.2, -0.7293236335455986702),
        (3.0, 3.1, -0.07514003600947016952394),
        (40.0, 0.1, -0.001259085750166048250144),
        (40.0, 0.2, -0.002524617353842213678365),
        (40.0, -0.3, 0.003803174688496278881136),
        (40.0, 1.5, -0.023573810844285061942),
        (40.0, 1.9, -0.035649619497535088537),
        (40.0, 3.0, -0.21668507845406900558),
        (500.0, 0.05, -0.00005003549033822966837873),
        (500.0, 0.1, -0.0001001336846110039196351),
        (500.0, 1.5, -0.0018649387978690675252),
        (500.0, 2.5, -0.0060498923125050866101),
        // Near zero the integral to π would lose the digits that the integral to zero keeps.
        (0.02, 1e-7, -9.9000049996666735751e-8),
        (0.75, 1e-7, -6.4911308678643814464e-8),
        (3.0, 1e-7, -1.9001470604349570642e-8),
        (40.0, 1e-8, -1.2580158663649341645e-10),
        (500.0, 1e-8, -1.0005010031380674858e-11),
    ] {
        // The gap 1 − I₁/I₀ loses the digits of 2κ.
        let tolerance = 1e-13 * (1.0 + 2.0 * kappa);
        let found = von_mises_slope(kappa, z);
        assert_digits(&format!("κ {kappa}, angle {z}"), found, expected, tolerance);
    }
    assert_eq!(von_mises_slope(2.0, PI), 0.0);
}

#[test]
fn forty_nodes_integrate_every_polynomial_up_to_degree_79() {
    assert_eq!(LEGENDRE.len(), 40);
    for power in 0..80 {
        let sum: f64 = LEGENDRE.iter().map(|(u, w)| w * u.powi(power)).sum();
        assert_digits(&format!("power {power}"), sum, 1.0 / f64::from(power + 1), 1e-13);
    }
    // The next power is missed by (40!)⁴/(81 (80!)²) = 1.3e-48 of itself, but exponentials are not.
    let sum: f64 = LEGENDRE.iter().map(|(u, w)| w * (-40.0 * u).exp()).sum();
    assert_digits("e^(-40u)", sum, -(-40_f64).exp_m1() / 40.0, 1e-13);
}

//! The seeds are fixed, so a test that passes once passes always; the false-alarm rates are those of a new seed.

use super::partition::{MAX_STREAMS, Partition};
use super::*;
use pathscore_autodiff::Var;
use std::sync::Mutex;

const MU: [f64; 13] = [0.5, -1.0, 0.3, 1.2, -0.7, 0.1, 0.9, -0.2, 0.0, 0.6, -1.5, 0.8, -0.4];
const LOG_SIGMA: [f64; 13] =
    [0.0, -1.0, -0.5, 0.2, -2.0, -0.3, 0.1, -1.2, 0.0, -0.7, -0.1, 0.3, -0.9];
const NORMAL: Gaussian<'_> = Gaussian { mu: &MU, log_sigma: &LOG_SIGMA };
const LOGITS: [f64; 7] = [0.5, -1.0, 2.0, 0.0, -0.3, 1.1, -2.2];

/// $f = \sum_i \sin(z_i) z_{i+1}$, which couples neighbours; the last is a neighbour of the first.
fn ring(z: &[f64], f: &mut [f64], slope: &mut [f64]) {
    let latents = z.len() / f.len();
    slope.fill(0.0);
    let rows = z.chunks(latents).zip(f).zip(slope.chunks_mut(latents));
    for ((z, f), slope) in rows {
        *f = 0.0;
        for i in 0..latents {
            let next = (i + 1) % latents;
            *f += z[i].sin() * z[next];
            slope[i] += z[i].cos() * z[next];
            slope[next] += z[i].sin();
        }
    }
}

fn ring_values(z: &[f64], f: &mut [f64]) {
    ring(z, f, &mut vec![0.0; z.len()]);
}

fn ring_on_tape<'t>(z: Var<'t, f64>) -> Var<'t, f64> {
    let last = z.shape()[1];
    let next = Var::concat(&[z.slice(-1, 1..last), z.slice(-1, 0..1)], -1);
    (z.sin() * next).sum_axis(-1)
}

/// $E f = \sum_i e^{-\sigma_i^2/2} \sin(\mu_i) \mu_{i+1}$; the parameters are all $\mu$, then all $\ln \sigma$.
fn expected_ring(parameters: &[f64]) -> f64 {
    let (mu, log_sigma) = parameters.split_at(parameters.len() / 2);
    let term = |i: usize| {
        let shrunk = (-0.5 * (2.0 * log_sigma[i]).exp()).exp();
        shrunk * mu[i].sin() * mu[(i + 1) % mu.len()]
    };
    (0..mu.len()).map(term).sum()
}

/// $f = (\sum_i (i + 1) h_i - 4)^2$.
fn weighted(h: &[f64], f: &mut [f64]) {
    for (h, f) in h.chunks(h.len() / f.len()).zip(f) {
        let sum: f64 = h.iter().zip(1..).map(|(h, i)| h * f64::from(i)).sum();
        *f = (sum - 4.0).powi(2);
    }
}

/// The mean of [`weighted`] over all values of the bits.
fn expected_weighted(logits: &[f64]) -> f64 {
    let outcome = |bits: u32| {
        let h: Vec<f64> = (0..logits.len()).map(|i| f64::from(bits >> i & 1)).collect();
        let one = |eta: f64| 1.0 / (1.0 + (-eta).exp());
        let chance = h.iter().zip(logits).map(|(h, eta)| h * one(*eta) + (1.0 - h) * one(-eta));
        let mut f = [0.0];
        weighted(&h, &mut f);
        f[0] * chance.product::<f64>()
    };
    (0..1 << logits.len()).map(outcome).sum()
}

/// Asserts that every mean is within five standard errors of the central difference of the exact expectation; a correct
/// mean exceeds them once in 10⁶ times.
fn agrees_with_differences(
    estimate: Estimate<'_>,
    draws: usize,
    at: &[f64],
    exact: impl Fn(&[f64]) -> f64,
) {
    // The third derivatives are of order 100, and so the differences are right to 1e-8.
    let step = 1e-5;
    for i in 0..at.len() {
        let side = |away: f64| {
            let mut at = at.to_vec();
            at[i] += away;
            exact(&at)
        };
        let slope = (side(step) - side(-step)) / (2.0 * step);
        let allowed = 5.0 * (estimate.variance[i] / draws as f64).sqrt() + 1e-7;
        let mean = estimate.mean[i];
        assert!((mean - slope).abs() < allowed, "{i}: {mean}, {slope} ± {allowed}");
    }
    let allowed = 5.0 * (estimate.value_variance / draws as f64).sqrt();
    assert!((estimate.value - exact(at)).abs() < allowed);
}

#[test]
fn means_agree_with_differences_of_the_exact_expectation() {
    const DRAWS: usize = 100_003;
    let mut monte_carlo = MonteCarlo::new();
    let parameters = [MU, LOG_SIGMA].concat();
    let path = monte_carlo.reparam(NORMAL, &ring, DRAWS, 1);
    agrees_with_differences(path, DRAWS, &parameters, expected_ring);
    let score = monte_carlo.score(NORMAL, &ring_values, DRAWS, 2);
    agrees_with_differences(score, DRAWS, &parameters, expected_ring);
    let bits = monte_carlo.score(Bernoulli { logits: &LOGITS }, &weighted, DRAWS, 3);
    agrees_with_differences(bits, DRAWS, &LOGITS, expected_weighted);
}

#[test]
fn variances_along_the_path_are_those_of_the_closed_form() {
    const DRAWS: usize = 100_000;
    // f = Σ z²: 2μ + 2σε by μ, and 2μσε + 2σ²ε² by ln σ.
    let square = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
        f.fill(0.0);
        slope.iter_mut().zip(z).for_each(|(slope, z)| *slope = 2.0 * z);
    };
    let mut monte_carlo = MonteCarlo::new();
    let path = monte_carlo.reparam(NORMAL, &square, DRAWS, 4);
    for i in 0..MU.len() {
        let (mu, variance) = (MU[i], (2.0 * LOG_SIGMA[i]).exp());
        let exact = [4.0 * variance, 4.0 * mu * mu * variance + 8.0 * variance * variance];
        // The fourth moment of ε² − 1 is 15 times the square of its variance, the largest ratio here, so that the
        // relative standard error of a variance is at most √(14/N).
        for (got, exact) in [path.variance[i], path.variance[MU.len() + i]].iter().zip(exact) {
            let allowed = 5.0 * (14.0 / DRAWS as f64).sqrt() * exact;
            assert!((got - exact).abs() < allowed, "{i}: {got}, {exact} ± {allowed}");
        }
    }
}

/// The mean and the variance of each column of `rows`.
fn plain_moments(rows: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let n = rows.len() as f64;
    let column = |i: usize| {
        let mean = rows.iter().map(|row| row[i]).sum::<f64>() / n;
        let squares: f64 = rows.iter().map(|row| (row[i] - mean).powi(2)).sum();
        [mean, squares / (n - 1.0)]
    };
    (0..rows[0].len()).map(column).collect()
}

fn equal_to_rounding(estimate: Estimate<'_>, plain: &[[f64; 2]]) {
    for (i, plain) in plain.iter().enumerate() {
        // Rounding of sums of a few thousand terms, some of them ten times as large as their mean.
        let near = |got: f64, plain: f64| (got - plain).abs() < 1e-12 * plain.abs().max(1.0);
        let got = [estimate.mean[i], estimate.variance[i]];
        assert!(near(got[0], plain[0]) && near(got[1], plain[1]), "{i}: {got:?}, not {plain:?}");
    }
}

#[test]
fn sums_give_what_each_draw_by_itself_would() {
    // The draws are few enough for one stream; its blocks come in order, after one block for the shift.
    const DRAWS: usize = 1000;
    let drawn = Mutex::new(Vec::new());
    let keep = |z: &[f64], f: &mut [f64]| {
        drawn.lock().unwrap().extend_from_slice(z);
        ring_values(z, f);
    };
    let mut monte_carlo = MonteCarlo::new();
    let latents = MU.len();
    let score = monte_carlo.score(NORMAL, &keep, DRAWS, 5);
    let z = drawn.lock().unwrap().clone();
    let z = &z[z.len() - DRAWS * latents..];
    let mut f = vec![0.0; DRAWS];
    ring_values(z, &mut f);
    let total: f64 = f.iter().sum();
    let gradient = |(z, f): (&[f64], &f64)| {
        let away = f - (total - f) / (DRAWS - 1) as f64;
        let part = |kind: usize| {
            (0..latents).map(move |i| {
                let sigma = LOG_SIGMA[i].exp();
                let epsilon = (z[i] - MU[i]) / sigma;
                away * if kind == 0 { epsilon / sigma } else { epsilon * epsilon - 1.0 }
            })
        };
        part(0).chain(part(1)).collect()
    };
    let rows: Vec<Vec<f64>> = z.chunks(latents).zip(&f).map(gradient).collect();
    equal_to_rounding(score, &plain_moments(&rows));

    drawn.lock().unwrap().clear();
    let keep = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
        drawn.lock().unwrap().extend_from_slice(z);
        ring(z, f, slope);
    };
    let path = monte_carlo.reparam(NORMAL, &keep, DRAWS, 6);
    let z = drawn.lock().unwrap().clone();
    let z = &z[z.len() - DRAWS * latents..];
    let mut slope = vec![0.0; z.len()];
    ring(z, &mut f, &mut slope);
    let gradient = |(z, slope): (&[f64], &[f64])| {
        let moved = (0..latents).map(|i| slope[i] * (z[i] - MU[i]));
        slope.iter().copied().chain(moved).collect()
    };
    let rows: Vec<Vec<f64>> = z.chunks(latents).zip(slope.chunks(latents)).map(gradient).collect();
    equal_to_rounding(path, &plain_moments(&rows));
}

#[test]
fn values_far_from_zero_lose_no_digits_of_the_variance() {
    const DRAWS: usize = 20_000;
    let far = |z: &[f64], f: &mut [f64]| {
        ring_values(z, f);
        // 2^30: adding it to a value of order one loses less than 1e-7.
        f.iter_mut().for_each(|f| *f += f64::from(1 << 30));
    };
    let (mut near, mut shifted) = (MonteCarlo::new(), MonteCarlo::new());
    let near = near.score(NORMAL, &ring_values, DRAWS, 7);
    let shifted = shifted.score(NORMAL, &far, DRAWS, 7);
    for (near, shifted) in near.variance.iter().zip(shifted.variance) {
        assert!((near - shifted).abs() < 1e-6 * near, "{near} is not {shifted}");
    }
}

#[test]
fn a_gradient_that_never_varies_has_no_variance() {
    let line = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
        let latents = z.len() / f.len();
        z.chunks(latents).zip(f).for_each(|(z, f)| *f = 1e9 + z.iter().sum::<f64>() / 3.0);
        slope.fill(1.0 / 3.0);
    };
    let mut monte_carlo = MonteCarlo::new();
    let path = monte_carlo.reparam(NORMAL, &line, 5000, 8);
    assert_eq!(path.mean[..MU.len()], [1.0 / 3.0; MU.len()]);
    assert_eq!(path.variance[..MU.len()], [0.0; MU.len()]);
}

#[test]
fn the_gradient_alone_gives_the_same_gradients_and_no_value() {
    let (mut with_values, mut without) = (MonteCarlo::new(), MonteCarlo::new());
    let latents = MU.len();
    let alone = gradient_only(|z, slope| ring(z, &mut vec![0.0; z.len() / latents], slope));
    let with_values = with_values.reparam(NORMAL, &ring, 3001, 11);
    let without = without.reparam(NORMAL, &alone, 3001, 11);
    assert_eq!([with_values.mean, with_values.variance], [without.mean, without.variance]);
    assert!(with_values.value.is_finite() && with_values.value_variance > 0.0);
    assert!(without.value.is_nan() && without.value_variance.is_nan());
}

#[test]
fn a_slope_that_is_nan_gives_a_variance_that_is_nan() {
    let broken = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
        ring(z, f, slope);
        slope.iter_mut().step_by(MU.len()).for_each(|slope| *slope = f64::NAN);
    };
    let mut monte_carlo = MonteCarlo::new();
    let path = monte_carlo.reparam(NORMAL, &broken, 100, 12);
    assert!(path.mean[0].is_nan() && path.variance[0].is_nan());
    assert!(path.mean[1].is_finite() && path.variance[1] > 0.0);
}

#[test]
fn a_function_on_a_tape_is_the_same_function() {
    let (mut by_hand, mut on_a_tape) = (MonteCarlo::new(), MonteCarlo::new());
    let recorded = on_tape(ring_on_tape);
    let columns = |estimate: Estimate<'_>| [estimate.mean, estimate.variance].concat();
    let pairs = [
        (
            columns(by_hand.reparam(NORMAL, &ring, 3001, 9)),
            columns(on_a_tape.reparam(NORMAL, &recorded, 3001, 9)),
        ),
        (
            columns(by_hand.score(NORMAL, &ring_values, 3001, 9)),
            columns(on_a_tape.score(NORMAL, &recorded, 3001, 9)),
        ),
    ];
    for (by_hand, on_a_tape) in pairs {
        for (a, b) in by_hand.iter().zip(&on_a_tape) {
            // The sines differ in the last bit.
            assert!((a - b).abs() < 1e-11 * a.abs().max(1.0), "{a} is not {b}");
        }
    }
}

#[test]
#[cfg(feature = "parallel")]
fn any_number_of_threads_gives_the_same_bits() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut monte_carlo = MonteCarlo::new();
            let path = monte_carlo.reparam(NORMAL, &ring, 30_001, 10);
            let mut bits = [path.mean, path.variance].concat();
            let score = monte_carlo.score(NORMAL, &ring_values, 30_001, 10);
            bits.extend_from_slice(score.mean);
            bits.extend_from_slice(score.variance);
            let score = monte_carlo.score(Bernoulli { logits: &LOGITS }, &weighted, 30_001, 10);
            bits.extend_from_slice(score.mean);
            bits.push(score.value);
            bits.into_iter().map(f64::to_bits).collect::<Vec<_>>()
        })
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

#[test]
fn every_draw_is_in_one_block_of_one_stream() {
    for (draws, latents) in [(2, 1), (10, 100_000), (10_000, 100), (1_000_003, 7), (12_345, 1)] {
        let parts = Partition::new(draws, latents);
        let blocks: Vec<usize> =
            (0..parts.streams).flat_map(|stream| parts.blocks_of(stream)).collect();
        assert_eq!(blocks.iter().sum::<usize>(), draws);
        assert!(parts.streams <= MAX_STREAMS && !blocks.contains(&0));
    }
}

#[test]
#[should_panic(expected = "a Gaussian has as many means as standard deviations, not 2 and 1")]
fn a_gaussian_with_too_few_scales_is_refused() {
    let q = Gaussian { mu: &[0.0, 1.0], log_sigma: &[0.0] };
    MonteCarlo::new().score(q, &ring_values, 10, 0);
}

#[test]
#[should_panic(expected = "at least two draws, not 1")]
fn one_draw_is_refused() {
    MonteCarlo::new().score(NORMAL, &ring_values, 1, 0);
}

/// With $f = z$ the gradient with respect to $\ln\sigma$ is $\sigma\varepsilon$, of variance $\sigma^2$, also where $z = \mu + \sigma\varepsilon$ rounds to $\mu$.
#[test]
fn a_small_scale_beside_a_large_mean_loses_no_digits() {
    const DRAWS: usize = 10_000;
    let q = Gaussian { mu: &[1e9, -3e20], log_sigma: &[-20.0, -40.0] };
    let mut monte_carlo = MonteCarlo::new();
    let path = monte_carlo.reparam(q, &gradient_only(|_, slope| slope.fill(1.0)), DRAWS, 0);
    assert_eq!((&path.mean[..2], &path.variance[..2]), (&[1.0; 2][..], &[0.0; 2][..]));
    for (variance, log_sigma) in path.variance[2..].iter().zip(q.log_sigma) {
        // The variance of a sample variance of normals is 2/(N − 1) of its square; five standard errors.
        let ratio = variance / (2.0 * log_sigma).exp();
        assert!((ratio - 1.0).abs() < 5.0 * (2.0 / DRAWS as f64).sqrt(), "{ratio}");
    }
}

//! Moments of samples, and of pathwise gradients.

use super::*;
use pathscore_autodiff::{Float, Scalar};
use pathscore_models::dist::{Dirichlet, Poisson};
use statrs::distribution::Discrete;
use std::f64::consts::PI;

/// The distribution function of a sample is uniform.
#[test]
fn draws_have_their_distribution_function() {
    for case in cases() {
        let tape = Tape::new();
        let draws = case.rsample(&leaves(&tape, &case.at, 1), DRAWS).value();
        assert_eq!(draws.shape()[..], [DRAWS, 1, 1]);
        let places = || draws.values().iter().map(|&x| case.other(x).cdf);
        let what = |what: &str| format!("{case:?}, {what}");
        assert_mean(&what("mean place"), places(), 0.5, 1.0 / 12.0);
        assert_mean(&what("mean square"), places().map(|u| u * u), 1.0 / 3.0, 4.0 / 45.0);
        for tail in [0.01, 0.99] {
            let below = places().map(|u| f64::from(u < tail));
            assert_mean(&what("tail"), below, tail, tail * (1.0 - tail));
        }
    }
}

#[test]
fn counts_have_their_moments_and_frequencies() {
    for rate in [0.3, 7.0, 29.0, 31.0, 1000.0] {
        let tape = Tape::new();
        let counts = Poisson::from_log_rate(tape.leaf(&[f64::ln(rate)], [1])).unwrap();
        let draws = counts.sample(DRAWS, &mut rng()).value();
        let n = || draws.values().iter().copied();
        let what = |what: &str| format!("poisson {rate}, {what}");
        assert_mean(&what("mean"), n(), rate, rate);
        let squares = n().map(|n| (n - rate).powi(2));
        assert_mean(&what("square"), squares, rate, rate + 2.0 * rate * rate);
        let theirs = statrs::distribution::Poisson::new(rate).unwrap();
        for at in [rate.floor(), (rate + rate.sqrt()).ceil(), (rate - rate.sqrt()).floor().max(0.0)]
        {
            let p = theirs.pmf(at as u64);
            assert_mean(&what("frequency"), n().map(|n| f64::from(n == at)), p, p * (1.0 - p));
            let ours = counts.log_prob(tape.constant(&[at], [1])).item();
            assert!(
                (ours - theirs.ln_pmf(at as u64)).abs() < 1e-11 * rate.max(1.0),
                "{at} of {rate}"
            );
        }
    }
}

#[test]
fn angles_have_their_moments() {
    for (mu, kappa) in [(0.4, 0.0), (-1.0, 0.1), (2.0, 1.5), (0.0, 30.0), (1.0, 1e5)] {
        let tape = Tape::new();
        let case = von_mises(&leaves(&tape, &[mu, kappa], 1));
        let a = case.mean_length().item();
        // E cos kz = I_k/I_0, and I_2 = I_0 − 2 I_1/κ.
        let second = if kappa == 0.0 { 0.0 } else { 1.0 - 2.0 * a / kappa };
        let draws = case.rsample(DRAWS, &mut rng()).value();
        let z = || draws.values().iter().map(|x| x - mu);
        assert!(z().all(|z| z.abs() <= PI));
        let what = |what: &str| format!("von Mises {kappa}, {what}");
        assert_mean(&what("cos"), z().map(f64::cos), a, 0.5 * (1.0 + second) - a * a);
        assert_mean(&what("sin"), z().map(f64::sin), 0.0, 0.5 * (1.0 - second));
    }
}

#[test]
fn shares_have_their_moments() {
    let alpha = [0.2, 1.5, 4.0];
    let sum: f64 = alpha.iter().sum();
    let tape = Tape::new();
    let case = Dirichlet::new(tape.leaf(&alpha, [3])).unwrap();
    let draws = case.sample(DRAWS, &mut rng()).value();
    let rows = || draws.values().chunks_exact(3);
    assert!(rows().all(|x| (x.iter().sum::<f64>() - 1.0).abs() < 1e-14));
    for c in 0..3 {
        let mean = alpha[c] / sum;
        let variance = mean * (1.0 - mean) / (sum + 1.0);
        assert_mean(&format!("share {c}"), rows().map(|x| x[c]), mean, variance);
        // ln x has mean ψ(α) − ψ(α₀) and variance ψ'(α) − ψ'(α₀).
        let variance = 1.0.polygamma(alpha[c]) - 1.0.polygamma(sum);
        let mean = Real::digamma(alpha[c]) - Real::digamma(sum);
        assert_mean(&format!("ln of share {c}"), rows().map(|x| x[c].ln()), mean, variance);
    }
    let products: Vec<f64> = rows().map(|x| x[0] * x[1]).collect();
    assert_estimates("a product", &products, alpha[0] * alpha[1] / (sum * (sum + 1.0)));
}

/// Each sample has its own copy of the parameters, and so its own gradient.
#[test]
fn gradients_along_the_path_have_the_mean_of_the_integral() {
    // The function is bounded and smooth, and not a polynomial.
    let f = |x: f64| x / (1.0 + x * x).sqrt() + 0.5 * x.cos();
    for case in cases() {
        let tape = Tape::new();
        let parameters = leaves(&tape, &case.at, DRAWS);
        let z = case.rsample(&parameters, 1);
        let height = z * (z.square() + 1.0).rsqrt() + z.cos() * 0.5;
        let grads = height.sum().backward();
        for (i, &parameter) in parameters.iter().enumerate() {
            let mean = |value: f64| {
                let mut case = case.clone();
                case.at[i] = value;
                case.mean(|x, _| f(x))
            };
            let exact = slope(case.at[i], 1e-2 * case.at[i].abs().max(0.1), mean);
            assert_estimates(&format!("{case:?} by {i}"), grads.of(parameter).values(), exact);
        }
    }
}

#[test]
fn angles_and_shares_have_the_right_gradients_on_average() {
    for kappa in [0.3, 4.0] {
        let tape = Tape::new();
        let [mu, of_kappa] = [0.6, kappa].map(|c| tape.leaf(&[c; DRAWS], [DRAWS, 1]));
        let z = VonMises::new(mu, of_kappa).unwrap().rsample(1, &mut rng());
        let grads = ((z * 2.0).cos() + z.sin()).sum().backward();
        // E cos 2x = I₂/I₀ cos 2μ and E sin x = A sin μ.
        let mean = |mu: f64, kappa: f64| {
            let a = Real::i1e(kappa) / Real::i0e(kappa);
            (1.0 - 2.0 * a / kappa) * (2.0 * mu).cos() + a * mu.sin()
        };
        let by_mu = slope(0.6, 1e-2, |mu| mean(mu, kappa));
        assert_estimates("angles by μ", grads.of(mu).values(), by_mu);
        let by_kappa = slope(kappa, 1e-2, |kappa| mean(0.6, kappa));
        assert_estimates("angles by κ", grads.of(of_kappa).values(), by_kappa);
    }
    let alpha = [0.4, 2.0, 1.1];
    let tape = Tape::new();
    let of_alpha = tape.leaf(&alpha.repeat(DRAWS), [DRAWS, 3]);
    let x = Dirichlet::new(of_alpha).unwrap().rsample(1, &mut rng());
    let [first, second] = [0..1, 1..2].map(|column| x.slice(-1, column));
    let grads = (first.square() * second).sum().backward();
    let grads = grads.of(of_alpha);
    for c in 0..3 {
        // E x₀²x₁ = α₀(α₀ + 1)α₁/(s(s + 1)(s + 2)) with s the sum.
        let mean = |value: f64| {
            let mut at = alpha;
            at[c] = value;
            let s: f64 = at.iter().sum();
            at[0] * (at[0] + 1.0) * at[1] / (s * (s + 1.0) * (s + 2.0))
        };
        let column: Vec<f64> = grads.values().iter().skip(c).step_by(3).copied().collect();
        assert_estimates(&format!("shares by {c}"), &column, slope(alpha[c], 1e-3, mean));
    }
}

fn extremes<F: Scalar>() {
    for shape in [1e-6, 1e-3, 0.02, 1.0, 1e4] {
        let tape = Tape::<F>::new();
        let of = |value: f64| tape.leaf(&[F::from_f64(value); 4], [4]);
        let (a, b) = (of(shape), of(1.0));
        let draws = [
            Gamma::new(a, b).unwrap().rsample(25, &mut rng()),
            Gamma::new(a, b).unwrap().rsample_ln(25, &mut rng()),
            Beta::new(a, a).unwrap().rsample(25, &mut rng()),
            Beta::new(a, b).unwrap().rsample(25, &mut rng()),
            Dirichlet::new(a).unwrap().rsample(25, &mut rng()),
            VonMises::new(b, a).unwrap().rsample(25, &mut rng()),
        ];
        for (i, z) in draws.into_iter().enumerate() {
            assert!(
                z.with(|z| z.iter().all(|&z| Float::is_finite(z))),
                "{i} at {shape} in {}",
                F::NAME
            );
            let slopes = z.sum().backward().of(a);
            let finite = slopes.values().iter().all(|&g| Float::is_finite(g));
            assert!(finite, "draw {i} at {shape} in {}: {slopes:?}", F::NAME);
        }
        // The log-density of a sample is finite.
        let z = Gamma::new(a, b).unwrap().sample(25, &mut rng());
        let x = Beta::new(a, a).unwrap().sample(25, &mut rng());
        for log_prob in
            [Gamma::new(a, b).unwrap().log_prob(z), Beta::new(a, a).unwrap().log_prob(x)]
        {
            assert!(
                log_prob.with(|p| p.iter().all(|&p| Float::is_finite(p))),
                "{shape}, {}",
                F::NAME
            );
        }
    }
}

#[test]
fn no_shape_is_too_small_or_too_large() {
    extremes::<f64>();
    extremes::<f32>();
}

#[test]
fn a_draw_without_tracked_parameters_is_a_constant_and_the_same_number() {
    let tape = Tape::new();
    let p = leaves(&tape, &[0.7, 2.0], 3);
    let case = beta(&p);
    assert!(!case.sample(4, &mut rng()).is_tracked());
    assert!(case.rsample(4, &mut rng()).is_tracked());
    assert_eq!(case.sample(4, &mut rng()).value(), case.rsample(4, &mut rng()).value());
}

#[test]
#[should_panic(expected = "differentiated only in numbers")]
fn a_second_derivative_of_an_implicit_sample_is_refused() {
    let tape = Tape::new();
    let p = leaves(&tape, &[0.7, 2.0], 1);
    let z = gamma(&p).rsample(1, &mut rng()).sum();
    z.grad(&[p[0]]);
}

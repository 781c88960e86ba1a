//! Probabilistic PCA against dense formulas, and its three ways to the maximum against each other.

use super::*;
use crate::dist::{Distribution, Reparam};
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

const ROWS: usize = 40;
const COLUMNS: usize = 5;
const LATENTS: usize = 2;

/// Rows with a few strong directions, some noise and a mean that is not zero.
fn data() -> Vec<f64> {
    let source = &mut rng(3, Stream::Sample, 0);
    let mut row = || {
        let [a, b, c] = [(); 3].map(|()| RandomSource::normal(source));
        let mut noise = || 0.4 * RandomSource::normal(source);
        [
            2.0 + 1.5 * a + noise(),
            a - b + noise(),
            0.8 * b + noise(),
            -1.0 + 0.3 * c + noise(),
            noise(),
        ]
    };
    (0..ROWS).flat_map(|_| row()).collect()
}

fn model<F: Scalar>(seed: u64) -> (Ppca, Params<F>) {
    let mut params = Params::new();
    let model = Ppca::new(&mut params, COLUMNS, LATENTS, &mut rng(seed, Stream::Init, 0));
    (model, params)
}

/// Any parameters, the log noise among them.
fn perturbed() -> (Ppca, Params<f64>) {
    let (model, mut params) = model(1);
    for (i, x) in params.values_mut().iter_mut().enumerate() {
        *x += 0.3 * (1.0 + i as f64).sin();
    }
    (model, params)
}

fn mean_log_prob(model: &Ppca, params: &Params<f64>, x: &[f64]) -> f64 {
    let tape = Tape::new();
    model.log_prob(params.on(&tape), tape.constant(x, [x.len() / COLUMNS, COLUMNS])).mean().item()
}

#[test]
fn the_log_likelihood_is_that_of_the_dense_normal_distribution() {
    let ((model, params), x) = (perturbed(), data());
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let [w, mean, log_noise] = [model.weights, model.mean, model.log_noise].map(|id| bound.get(id));
    let ones = tape.constant(&[1.0; COLUMNS], [COLUMNS]);
    let covariance = w.matmul_with(false, w, true) + (ones * log_noise.exp()).diag(0);
    let dense = MultivariateNormal::from_covariance(mean, covariance)
        .expect("a covariance is positive definite")
        .log_prob(rows);
    let found = model.log_prob(bound, rows);
    for (a, b) in found.value().values().iter().zip(dense.value().values()) {
        // Quadratic forms near 1e2 in two orders of summation.
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
    let [a, b] = [found, dense].map(|log_prob| log_prob.sum().backward());
    let (a, b) = (a.leading(params.len()), b.leading(params.len()));
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        // Sums over 40 rows of slopes near 1e2.
        assert!((a - b).abs() < 1e-8, "{:?}: {a} {b}", params.name_at(i));
    }
}

#[test]
fn the_posterior_is_the_joint_density_over_the_likelihood() {
    let ((model, params), x) = (perturbed(), data());
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let posterior = model.exact_posterior(bound, rows);
    let z = posterior.rsample(3, &mut rng(2, Stream::Sample, 0));
    let expected = model.log_prob(bound, rows);
    let found = model.log_joint(bound, rows, z) - posterior.log_prob(z);
    assert_eq!(found.shape()[..], [3, ROWS]);
    let difference = (found - expected).value();
    // Bayes' rule holds for every z; each side is a sum of numbers near 1e2.
    assert!(difference.values().iter().all(|d| d.abs() < 1e-10));
}

#[test]
fn eigenvalues_em_and_gradients_find_the_same_maximum() {
    let x = data();
    let (first, mut params) = model(1);
    let best = first.closed_form(&mut params, &x, ROWS).expect("eigenvalues are found");
    // The value is computed from eigenvalues on one side and from the rows on the other.
    assert!((mean_log_prob(&first, &params, &x) - best).abs() < 1e-11);

    let (second, mut params) = model(2);
    let mut last = f64::NEG_INFINITY;
    for _ in 0..2000 {
        let before = mean_log_prob(&second, &params, &x);
        let told = second.em_step(&mut params, &x, ROWS);
        assert!((before - told).abs() < 1e-11, "the value before the step: {before} {told}");
        // EM never loses, but for rounding.
        assert!(told >= last - 1e-12, "{last} then {told}");
        last = told;
    }
    assert!((last - best).abs() < 1e-6, "EM {last}, closed form {best}");

    let (third, mut params) = model(3);
    let mut velocity = vec![0.0; params.len()];
    let mut tape = Tape::new();
    for _ in 0..3000 {
        let rows = tape.constant(&x, [ROWS, COLUMNS]);
        let gradient = third.log_prob(params.on(&tape), rows).mean().backward();
        let slopes = gradient.leading(params.len()).to_vec();
        tape.clear();
        for ((x, v), slope) in params.values_mut().iter_mut().zip(&mut velocity).zip(slopes) {
            *v = 0.9 * *v + 0.02 * slope;
            *x += *v;
        }
    }
    let last = mean_log_prob(&third, &params, &x);
    assert!((last - best).abs() < 1e-6, "gradients {last}, closed form {best}");
}

/// Rows whose sample covariance is diagonal with eigenvalues 4, 2, 1 and 0.5: the maximum is known.
#[test]
fn the_maximum_has_its_known_digits() {
    let mut x = vec![0.0; 8 * 4];
    for (i, variance) in [4.0, 2.0, 1.0, 0.5_f64].into_iter().enumerate() {
        // Two of eight rows lie on each axis, so their squares count a quarter.
        x[2 * i * 4 + i] = 2.0 * variance.sqrt();
        x[(2 * i + 1) * 4 + i] = -2.0 * variance.sqrt();
    }
    let mut params = Params::new();
    let model = Ppca::new(&mut params, 4, 2, &mut rng(0, Stream::Init, 0));
    let best = model.closed_form(&mut params, &x, 8).expect("eigenvalues are found");
    assert!((best + 6.427_792_831_207).abs() < 1e-11);
    assert!((params.get(model.log_noise)[0] - 0.75_f64.ln()).abs() < 1e-14);
}

#[test]
fn rows_in_a_subspace_give_finite_parameters() {
    let x: Vec<f32> =
        data().chunks_exact(2).flat_map(|r| [0, 1, 0, 1, 0].map(|i| r[i] as f32)).collect();
    let rows = x.len() / COLUMNS;
    let (ppca, mut params) = model::<f32>(1);
    let best = ppca.closed_form(&mut params, &x, rows).expect("eigenvalues are found");
    assert!(best.is_finite() && params.values().iter().all(|x| x.is_finite()));
    let (ppca, mut params) = model::<f32>(1);
    for _ in 0..50 {
        assert!(ppca.em_step(&mut params, &x, rows).is_finite());
    }
    assert!(params.values().iter().all(|x| x.is_finite()));
}

#[test]
fn single_precision_agrees_with_double() {
    let x = data();
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let (ppca, mut params) = model::<f64>(1);
    let best = ppca.closed_form(&mut params, &x, ROWS).expect("eigenvalues are found");
    let (ppca, mut params) = model::<f32>(1);
    let found = ppca.closed_form(&mut params, &single, ROWS).expect("eigenvalues are found");
    // The data were rounded to 6e-8 of numbers near one.
    assert!((found - best).abs() < 1e-6);
    let tape = Tape::new();
    let log_prob = ppca.log_prob(params.on(&tape), tape.constant(&single, [ROWS, COLUMNS]));
    // Forty log-densities near 10 with errors near 1e-6 each.
    assert!((f64::from(log_prob.mean().item()) - best).abs() < 1e-5);
}

#[test]
fn samples_have_the_moments_of_the_model() {
    let (model, params) = perturbed();
    let (tape, source) = (Tape::new(), &mut rng(5, Stream::Sample, 0));
    let bound = params.on(&tape);
    let n = 40_000;
    let z = model.prior(bound).sample(n, source);
    let x = model.sample_data(bound, z, source).value();
    let mean = params.get(model.mean);
    let noise = params.get(model.log_noise)[0].exp();
    for (i, w) in params.get(model.weights).chunks_exact(LATENTS).enumerate() {
        let variance = w.iter().map(|w| w * w).sum::<f64>() + noise;
        let column = x.values().iter().skip(i).step_by(COLUMNS).map(|x| x - mean[i]);
        let average = column.clone().sum::<f64>() / n as f64;
        let spread = column.map(|x| x * x).sum::<f64>() / n as f64;
        // Five standard errors: those of a mean and of a variance of normal numbers.
        assert!(average.abs() < 5.0 * (variance / n as f64).sqrt());
        assert!((spread - variance).abs() < 5.0 * variance * (2.0 / n as f64).sqrt());
    }
}

/// Twenty rows in a plane of the five columns.
fn rows_of_rank_two() -> Vec<f64> {
    let row = |i: usize| {
        let (a, b) = ((i as f64).sin(), (2.0 * i as f64).cos());
        [a, b, a + b, 2.0 * a - b, 3.0 * b]
    };
    (0..20).flat_map(row).collect()
}

#[test]
fn data_without_noise_have_one_maximum_for_all_ways_to_it() {
    let x = rows_of_rank_two();
    for latents in 1..COLUMNS {
        let mut params = Params::<f64>::new();
        let model = Ppca::new(&mut params, COLUMNS, latents, &mut rng(1, Stream::Init, 0));
        let best = model.closed_form(&mut params, &x, 20).expect("the eigenvalues converge");
        // The returned number is the likelihood of the parameters. Where no noise is left it is held at 1.5e-8 of the
        // mean variance, so that half of the digits of the quadratic form remain.
        let there = mean_log_prob(&model, &params, &x);
        assert!((best - there).abs() < 1e-6, "{latents} latents: {best} {there}");
        let mut before = f64::NEG_INFINITY;
        for _ in 0..2000 {
            let found = model.em_step(&mut params, &x, 20);
            assert!(found > before - 1e-6, "{latents} latents: {found} after {before}");
            before = found;
        }
        assert!((before - best).abs() < 1e-6, "{latents} latents: {before} {best}");
    }
}

#[test]
fn data_that_do_not_vary_have_a_finite_likelihood_in_both_precisions() {
    fn check<F: Scalar>() {
        let x = [1.0, -2.0, 3.0].map(F::from_f64).repeat(4);
        let mut params = Params::<F>::new();
        let model = Ppca::new(&mut params, 3, 1, &mut rng(1, Stream::Init, 0));
        model.closed_form(&mut params, &x, 4).expect("the eigenvalues are zero");
        let tape = Tape::new();
        let log_prob = model.log_prob(params.on(&tape), tape.constant(&x, [4, 3])).mean().item();
        assert!(log_prob.to_f64().is_finite(), "{} in {}", log_prob.to_f64(), F::NAME);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_model_that_is_not_positive_definite_gives_nan_in_the_right_shape() {
    let (ppca, mut params) = model::<f64>(1);
    assert_eq!((ppca.columns(), Decoder::<f64>::latents(&ppca)), (COLUMNS, LATENTS));
    // Without weights and without noise, M is zero.
    params.get_mut(ppca.weights).fill(0.0);
    params.get_mut(ppca.log_noise).fill(f64::NEG_INFINITY);
    let tape = Tape::new();
    let (bound, x) = (params.on(&tape), tape.constant(&data(), [ROWS, COLUMNS]));
    let log_prob = ppca.log_prob(bound, x);
    assert_eq!(log_prob.shape()[..], [ROWS]);
    assert!(log_prob.with(|p| p.iter().all(|p| p.is_nan())));
    let loc = ppca.exact_posterior(bound, x).loc();
    assert_eq!(loc.shape()[..], [ROWS, LATENTS]);
    assert!(loc.with(|z| z.iter().all(|z| z.is_nan())));
}

//! Factor analysis against dense formulas, against gradients and against principal components.

use super::*;
use crate::seed::{Stream, rng};
use crate::tractable::{Ppca, bic, varimax};
use pathscore_autodiff::Tape;

const ROWS: usize = 60;
const COLUMNS: usize = 6;
const LATENTS: usize = 2;

/// Rows of two latents with noise of a different size on every column.
fn generated(rows: usize, loadings: &[f64], noise: &[f64], seed: u64) -> Vec<f64> {
    let source = &mut rng(seed, Stream::Sample, 0);
    let mut x = Vec::with_capacity(rows * noise.len());
    for _ in 0..rows {
        let z = [(); LATENTS].map(|()| RandomSource::normal(source));
        for (j, (row, noise)) in loadings.chunks(LATENTS).zip(noise).enumerate() {
            let loc: f64 = row.iter().zip(&z).map(|(w, z)| w * z).sum();
            x.push(0.5 * j as f64 + loc + noise.sqrt() * RandomSource::normal(source));
        }
    }
    x
}

const LOADINGS: [f64; COLUMNS * LATENTS] =
    [1.5, 0.2, 1.0, -0.5, 0.1, 0.8, -0.3, 1.2, 0.7, 0.7, -1.0, 0.4];
const NOISE: [f64; COLUMNS] = [0.3, 0.8, 0.5, 0.2, 1.0, 0.6];

fn data() -> Vec<f64> {
    generated(ROWS, &LOADINGS, &NOISE, 4)
}

fn model<F: Scalar>(seed: u64) -> (FactorAnalysis, Params<F>) {
    let mut params = Params::new();
    let rng = &mut rng(seed, Stream::Init, 0);
    (FactorAnalysis::new(&mut params, COLUMNS, LATENTS, rng), params)
}

/// Any parameters.
fn perturbed() -> (FactorAnalysis, Params<f64>) {
    let (model, mut params) = model(1);
    for (i, x) in params.values_mut().iter_mut().enumerate() {
        *x += 0.3 * (1.0 + i as f64).sin();
    }
    (model, params)
}

fn mean_log_prob<M: Tractable<f64>>(model: &M, params: &Params<f64>, x: &[f64], d: usize) -> f64 {
    let tape = Tape::new();
    model.log_prob(params.on(&tape), tape.constant(x, [x.len() / d, d])).mean().item()
}

#[test]
fn the_log_likelihood_is_that_of_the_dense_normal_distribution() {
    let ((model, params), x) = (perturbed(), data());
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let [w, mean, log_noise] = [model.weights, model.mean, model.log_noise].map(|id| bound.get(id));
    let covariance = w.matmul_with(false, w, true) + log_noise.exp().diag(0);
    let dense = MultivariateNormal::from_covariance(mean, covariance)
        .expect("a covariance is positive definite")
        .log_prob(rows);
    let found = model.log_prob(bound, rows);
    assert_eq!(found.shape()[..], [ROWS]);
    for (a, b) in found.value().values().iter().zip(dense.value().values()) {
        // Quadratic forms near 1e2 in two orders of summation.
        assert!((a - b).abs() < 1e-10, "{a} {b}");
    }
    let [a, b] = [found, dense].map(|log_prob| log_prob.sum().backward());
    for (i, (a, b)) in a.leading(params.len()).iter().zip(b.leading(params.len())).enumerate() {
        // Sums over 60 rows of slopes near 1e2.
        assert!((a - b).abs() < 1e-8, "{:?}: {a} {b}", params.name_at(i));
    }
}

#[test]
fn slopes_agree_with_finite_differences() {
    let ((model, mut params), x) = (perturbed(), data());
    let tape = Tape::new();
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let slopes = model.log_prob(params.on(&tape), rows).mean().backward();
    for (i, slope) in slopes.leading(params.len()).to_vec().into_iter().enumerate() {
        let h = 1e-5;
        let mut at = |shift: f64| {
            params.values_mut()[i] += shift;
            let value = mean_log_prob(&model, &params, &x, COLUMNS);
            params.values_mut()[i] -= shift;
            value
        };
        let expected = (at(h) - at(-h)) / (2.0 * h);
        // Rounding of values near ten, over 2e-5, and the third derivative times 1e-10.
        assert!((slope - expected).abs() < 1e-8, "{:?}: {slope} {expected}", params.name_at(i));
    }
}

#[test]
fn the_posterior_is_the_joint_density_over_the_likelihood() {
    let ((model, params), x) = (perturbed(), data());
    let tape = Tape::new();
    let bound = params.on(&tape);
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let posterior = model.exact_posterior(bound, rows);
    let z = posterior.sample(3, &mut rng(2, Stream::Sample, 0));
    let found = model.log_joint(bound, rows, z) - posterior.log_prob(z);
    let difference = (found - model.log_prob(bound, rows)).value();
    assert_eq!(difference.shape()[..], [3, ROWS]);
    // Bayes' rule holds for every z; each side is a sum of numbers near 1e2.
    assert!(difference.values().iter().all(|d| d.abs() < 1e-10));
}

#[test]
fn em_and_gradients_find_the_same_maximum() {
    let x = data();
    let (first, mut params) = model(1);
    first.start(&mut params, &x, ROWS, &mut rng(1, Stream::Init, 1));
    let start = params.clone();
    let mut last = f64::NEG_INFINITY;
    for _ in 0..4000 {
        let before = mean_log_prob(&first, &params, &x, COLUMNS);
        let told = first.em_step(&mut params, &x, ROWS);
        assert!((before - told).abs() < 1e-11, "the value before the step: {before} {told}");
        assert!(told >= last - 1e-10, "{last} then {told}");
        last = told;
    }
    let floors = first.noise_floors(&x, ROWS);
    assert_eq!(first.hold_noise(&mut params, &floors), 0, "no column is at its floor");

    let mut params = start;
    let mut velocity = vec![0.0; params.len()];
    let mut tape = Tape::new();
    for _ in 0..6000 {
        let rows = tape.constant(&x, [ROWS, COLUMNS]);
        let gradient = first.log_prob(params.on(&tape), rows).mean().backward();
        let slopes = gradient.leading(params.len()).to_vec();
        tape.clear();
        for ((x, v), slope) in params.values_mut().iter_mut().zip(&mut velocity).zip(slopes) {
            *v = 0.9 * *v + 0.02 * slope;
            *x += *v;
        }
    }
    let found = mean_log_prob(&first, &params, &x, COLUMNS);
    assert!((found - last).abs() < 1e-6, "gradients {found}, EM {last}");
    // The maximum is that of every column by itself: C and S have the same diagonal there.
    let data = Rows::new("test", &x, ROWS, COLUMNS);
    for (j, w) in params.get(first.weights).chunks(LATENTS).enumerate() {
        let model = w.iter().map(|w| w * w).sum::<f64>() + params.get(first.log_noise)[j].exp();
        assert!((model - data.variances[j]).abs() < 1e-3, "{model} {}", data.variances[j]);
    }
}

/// The largest angle between the spaces that the columns of two matrices with two columns span.
fn largest_angle(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let frame = |m: &[f64]| {
        let column = |k: usize| m.iter().skip(k).step_by(2).copied().collect::<Vec<_>>();
        let unit = |v: Vec<f64>| {
            let length = dot(&v, &v).sqrt();
            v.into_iter().map(|x| x / length).collect::<Vec<_>>()
        };
        let first = unit(column(0));
        let along = dot(&first, &column(1));
        let second = column(1).iter().zip(&first).map(|(x, f)| x - along * f).collect();
        [first.clone(), unit(second)]
    };
    let (a, b) = (frame(a), frame(b));
    let c: Vec<f64> = (0..4).map(|i| dot(&a[i / 2], &b[i % 2])).collect();
    // The smaller singular value of a matrix of two rows.
    let (sum, det) = (dot(&c, &c), c[0] * c[3] - c[1] * c[2]);
    let smaller = 0.5 * (sum - (sum * sum - 4.0 * det * det).max(0.0).sqrt());
    smaller.max(0.0).sqrt().min(1.0).acos()
}

#[test]
fn noise_of_different_sizes_hides_the_latents_from_principal_components_only() {
    // Two columns whose noise is larger than anything that is common.
    let noise = [0.3, 0.8, 30.0, 0.2, 20.0, 0.6];
    let (rows, x) = (3000, generated(3000, &LOADINGS, &noise, 9));
    let fit = |latents: usize| {
        let mut params = Params::<f64>::new();
        let rng = &mut rng(2, Stream::Init, 0);
        let model = FactorAnalysis::new(&mut params, COLUMNS, latents, rng);
        model.start(&mut params, &x, rows, rng);
        let mut last = 0.0;
        for _ in 0..600 {
            last = model.em_step(&mut params, &x, rows);
        }
        (model, params, last)
    };
    let criterion = |latents: usize| {
        let (model, _, log_prob) = fit(latents);
        bic(log_prob * rows as f64, model.free_parameters(), rows)
    };
    let found = [1, 2, 3, 4].map(criterion);
    assert!(found.iter().all(|one| *one >= found[1]), "two latents: {found:?}");

    let (model, params, _) = fit(2);
    let angle = largest_angle(params.get(model.weights), &LOADINGS);
    let mut params = Params::<f64>::new();
    let ppca = Ppca::new(&mut params, COLUMNS, 2, &mut rng(2, Stream::Init, 0));
    ppca.closed_form(&mut params, &x, rows).expect("eigenvalues are found");
    let of_ppca = largest_angle(params.get(ppca.weights()), &LOADINGS);
    // The loadings of the noisy columns have standard errors near sqrt(30/3000) = 0.1.
    assert!(angle < 0.15, "{angle}");
    assert!(of_ppca > 1.0, "the two largest components are the two noisy columns: {of_ppca}");
}

#[test]
fn with_equal_noise_it_is_probabilistic_pca() {
    let x = data();
    let mut of_ppca = Params::<f64>::new();
    let ppca = Ppca::new(&mut of_ppca, COLUMNS, LATENTS, &mut rng(3, Stream::Init, 0));
    ppca.closed_form(&mut of_ppca, &x, ROWS).expect("eigenvalues are found");
    let (model, mut params) = model::<f64>(3);
    params.get_mut(model.weights).copy_from_slice(of_ppca.get(ppca.weights()));
    params.get_mut(model.mean).copy_from_slice(of_ppca.get(ppca.loc()));
    params.get_mut(model.log_noise).fill(of_ppca.get(ppca.log_noise())[0]);
    let tape = Tape::new();
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let of = |found: Var<f64>| found.value().values().to_vec();
    let found = of(model.log_prob(params.on(&tape), rows));
    let encoded = {
        let tape = Tape::new();
        of(model.encode(params.on(&tape), tape.constant(&x, [ROWS, COLUMNS])))
    };
    let other = Tape::new();
    let rows = other.constant(&x, [ROWS, COLUMNS]);
    let bound = of_ppca.on(&other);
    for (a, b) in found.iter().zip(of(ppca.log_prob(bound, rows))) {
        assert!((a - b).abs() < 1e-11, "{a} {b}");
    }
    for (a, b) in encoded.iter().zip(of(ppca.encode(bound, rows))) {
        assert!((a - b).abs() < 1e-11, "{a} {b}");
    }
    // Free noise describes the data no worse.
    assert!(model.em_step(&mut params, &x, ROWS) <= model.em_step(&mut params, &x, ROWS));
}

#[test]
fn a_rotation_of_the_loadings_changes_nothing() {
    let ((model, mut params), x) = (perturbed(), data());
    let before = mean_log_prob(&model, &params, &x, COLUMNS);
    let rotation = varimax(params.get(model.weights), LATENTS, true);
    params.get_mut(model.weights).copy_from_slice(&rotation.loadings);
    let after = mean_log_prob(&model, &params, &x, COLUMNS);
    assert!((before - after).abs() < 1e-12, "{before} {after}");
}

/// Rows whose second column is the first one again, and whose last never varies.
fn heywood() -> Vec<f64> {
    let mut x = data();
    for row in x.chunks_mut(COLUMNS) {
        (row[1], row[5]) = (row[0], 2.5);
    }
    x
}

#[test]
fn a_column_that_is_explained_completely_stops_at_the_floor() {
    fn check<F: Scalar>(fraction: f64, slack: f64) {
        let x: Vec<F> = heywood().into_iter().map(F::from_f64).collect();
        let (model, mut params) = model::<F>(1);
        let model = model.with_noise_floor(fraction);
        model.start(&mut params, &x, ROWS, &mut rng(1, Stream::Init, 1));
        let mut last = f64::NEG_INFINITY;
        for _ in 0..2000 {
            let found = model.em_step(&mut params, &x, ROWS);
            assert!(found.is_finite() && found >= last - slack, "{last} then {found}");
            last = found;
        }
        assert!(params.values().iter().all(|x| x.is_finite()));
        let floors = model.noise_floors(&x, ROWS);
        assert!(floors.iter().all(|floor| *floor > 0.0));
        let held = model.hold_noise(&mut params, &floors);
        assert!(held >= 2, "the duplicate or its twin, and the constant: {held}");
        let noise = params.get(model.log_noise())[5].to_f64().exp();
        assert!((noise / floors[5] - 1.0).abs() < 1e-5, "{noise} {}", floors[5]);
        let tape = Tape::new();
        let rows = tape.constant(&x, [ROWS, COLUMNS]);
        let there = model.log_prob(params.on(&tape), rows).mean();
        assert!(there.item().to_f64().is_finite());
        assert!(there.backward().leading(params.len()).iter().all(|x| x.is_finite()));
    }
    check::<f64>(0.005, 1e-10);
    // The parameters are rounded after every step, which the likelihood of precise columns feels.
    check::<f32>(0.005, 1e-4);
    // A quadratic form of 1e7 keeps nine digits.
    check::<f64>(1e-7, 1e-6);
}

#[test]
fn steps_along_the_gradient_are_held_too() {
    let (x, (model, mut params)) = (heywood(), model::<f64>(1));
    let floors = model.noise_floors(&x, ROWS);
    params.get_mut(model.log_noise).copy_from_slice(&[-50.0, 0.0, 0.0, f64::NAN, 0.0, -50.0]);
    assert_eq!(model.hold_noise(&mut params, &floors), 2);
    let log_noise = params.get(model.log_noise);
    assert_eq!((log_noise[0], log_noise[5]), (floors[0].ln(), floors[5].ln()));
    assert!(log_noise[3].is_nan(), "a NaN is not hidden");
}

#[test]
fn data_that_do_not_vary_and_a_single_row_stay_finite() {
    for x in [[1.0, -2.0, 3.0].repeat(4), vec![1.0, 2.0, 3.0]] {
        let mut params = Params::<f64>::new();
        let rows = x.len() / 3;
        let model = FactorAnalysis::new(&mut params, 3, 1, &mut rng(1, Stream::Init, 0));
        model.start(&mut params, &x, rows, &mut rng(1, Stream::Init, 1));
        for _ in 0..10 {
            assert!(model.em_step(&mut params, &x, rows).is_finite());
        }
        assert!(params.values().iter().all(|x| x.is_finite()), "{:?}", params.values());
    }
}

#[test]
fn samples_have_the_moments_of_the_model() {
    let (model, params) = perturbed();
    let (tape, source) = (Tape::new(), &mut rng(5, Stream::Sample, 0));
    let (bound, n) = (params.on(&tape), 40_000);
    let z = model.prior(bound).sample(n, source);
    let x = model.sample_data(bound, z, source).value();
    for (i, w) in params.get(model.weights).chunks_exact(LATENTS).enumerate() {
        let noise = params.get(model.log_noise)[i].exp();
        let variance = w.iter().map(|w| w * w).sum::<f64>() + noise;
        let mean = params.get(model.mean)[i];
        let column = x.values().iter().skip(i).step_by(COLUMNS).map(|x| x - mean);
        let average = column.clone().sum::<f64>() / n as f64;
        let spread = column.map(|x| x * x).sum::<f64>() / n as f64;
        // Five standard errors: those of a mean and of a variance of normal numbers.
        assert!(average.abs() < 5.0 * (variance / n as f64).sqrt());
        assert!((spread - variance).abs() < 5.0 * variance * (2.0 / n as f64).sqrt());
    }
}

#[test]
fn a_model_without_finite_numbers_gives_nan_in_the_right_shape() {
    let (model, mut params) = model::<f64>(1);
    params.get_mut(model.weights).fill(f64::NAN);
    let before = params.values().len();
    assert!(model.em_step(&mut params, &data(), ROWS).is_nan());
    let tape = Tape::new();
    let (bound, x) = (params.on(&tape), tape.constant(&data(), [ROWS, COLUMNS]));
    assert_eq!((before, model.columns()), (params.len(), COLUMNS));
    let log_prob = model.log_prob(bound, x);
    assert_eq!(log_prob.shape()[..], [ROWS]);
    assert!(log_prob.with(|p| p.iter().all(|p| p.is_nan())));
    let loc = model.exact_posterior(bound, x).loc();
    assert_eq!(loc.shape()[..], [ROWS, LATENTS]);
    assert!(loc.with(|z| z.iter().all(|z| z.is_nan())));
}

#[test]
fn free_parameters_do_not_count_rotations() {
    // Three columns and one latent have as many parameters as the mean and the covariance.
    let mut params = Params::<f64>::new();
    let model = FactorAnalysis::new(&mut params, 3, 1, &mut rng(0, Stream::Init, 0));
    assert_eq!(model.free_parameters(), 3 + 6);
    assert_eq!(self::model::<f64>(0).0.free_parameters(), 6 * 2 + 12 - 1);
}

#[test]
#[should_panic(expected = "0 latents for 6 columns")]
fn no_latents_are_refused() {
    FactorAnalysis::new(&mut Params::<f64>::new(), 6, 0, &mut rng(0, Stream::Init, 0));
}

#[test]
#[should_panic(expected = "1 latents for 1 columns")]
fn as_many_latents_as_columns_are_refused() {
    FactorAnalysis::new(&mut Params::<f64>::new(), 1, 1, &mut rng(0, Stream::Init, 0));
}

#[test]
#[should_panic(expected = "the noise floor is 0")]
fn a_floor_of_zero_is_refused() {
    let _ = model::<f64>(0).0.with_noise_floor(0.0);
}

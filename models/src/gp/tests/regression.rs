//! Gaussian-process regression.

use super::{assert_gradient, assert_near, log_normal, numbers, scatter, value};
use crate::gp::{GpRegression, HyperPrior, KernelForm};
use crate::params::{Bound, Params};
use crate::seed::{self, Stream};
use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::{Scalar, Tape, Var};

const FORMS: [&[KernelForm]; 6] = [
    &[KernelForm::Rbf],
    &[KernelForm::Matern12],
    &[KernelForm::Matern32],
    &[KernelForm::Matern52],
    &[KernelForm::Linear],
    &[KernelForm::Rbf, KernelForm::Linear, KernelForm::White],
];

/// $A$ of a model at some points, as a matrix of another library.
fn dense(model: &GpRegression, params: &Params<f64>, x: &[f64], jitter: f64) -> DMatrix<f64> {
    let tape = Tape::new();
    let d = model.kernel().dimensions();
    let n = x.len() / d;
    let gram = model.kernel().gram(params.on(&tape), tape.constant(x, [n, d])).value();
    let gram = DMatrix::from_row_slice(n, n, gram.values());
    let noise = params.get(model.log_noise())[0].exp() + jitter * gram.trace() / n as f64;
    gram + DMatrix::identity(n, n) * noise
}

fn log_marginal(model: &GpRegression, params: &Params<f64>, x: &[f64], y: &[f64]) -> f64 {
    let d = model.kernel().dimensions();
    value(params, &|bound| {
        let tape = bound.tape();
        let (x, y) = (tape.constant(x, [y.len(), d]), tape.constant(y, [y.len()]));
        model.log_marginal(bound, x, y).unwrap()
    })
}

#[test]
fn one_and_two_observations_have_the_likelihood_by_hand() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1).with_jitter(0.0);
    params.get_mut(model.log_noise())[0] = 0.5_f64.ln();
    params.get_mut(model.loc())[0] = 0.2;
    // One observation: variance 1 + ½.
    let expected = -0.5 * (0.64 / 1.5 + (1.5 * std::f64::consts::TAU).ln());
    assert_near(log_marginal(&model, &params, &[7.0], &[1.0]), expected, 1e-15);
    // Two: the covariance is [[1.5, c], [c, 1.5]] with c = e^(-½), whose inverse and determinant are known.
    let c = (-0.5_f64).exp();
    let det = 2.25 - c * c;
    let (a, b) = (0.8, -1.2);
    let distance = (1.5 * a * a + 1.5 * b * b - 2.0 * c * a * b) / det;
    let expected = -0.5 * (distance + det.ln() + 2.0 * std::f64::consts::TAU.ln());
    assert_near(log_marginal(&model, &params, &[0.0, 1.0], &[1.0, -1.0]), expected, 1e-15);
}

#[test]
fn the_likelihood_is_the_density_of_a_normal_vector() {
    for (salt, forms) in FORMS.iter().enumerate() {
        let mut params = Params::<f64>::new();
        let model = GpRegression::new(&mut params, forms, 2);
        scatter(&mut params, 0.7, salt);
        let (x, y) = (numbers(24, 5), numbers(12, 6));
        let a = dense(&model, &params, &x, f64::EPSILON.sqrt());
        let mean = params.get(model.loc())[0];
        let centred = DVector::from_iterator(12, y.iter().map(|y| y - mean));
        // The condition of A is below 1e3, and eigenvalues carry errors of 1e-15 of the largest.
        assert_near(log_marginal(&model, &params, &x, &y), log_normal(&a, &centred), 1e-11);
    }
}

#[test]
fn gradients_of_the_likelihood_and_the_prior_are_those_of_differences() {
    let prior = HyperPrior {
        log_variance: Some((0.3, 0.8)),
        log_length_scale: Some((-0.2, 1.5)),
        log_noise: Some((-2.0, 0.5)),
    };
    for (salt, forms) in FORMS.iter().enumerate() {
        let mut params = Params::<f64>::new();
        // A large jitter, so that a jitter without a derivative would be seen.
        let model = GpRegression::new(&mut params, forms, 2).with_jitter(0.1);
        scatter(&mut params, 0.7, salt);
        let (x, y) = (numbers(16, 5), numbers(8, 6));
        assert_gradient(&params, &objective(&model, &x, &y, &prior), 1e-8);
    }
}

fn objective<'a>(
    model: &'a GpRegression,
    x: &'a [f64],
    y: &'a [f64],
    prior: &'a HyperPrior,
) -> impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64> + 'a {
    move |bound| {
        let (tape, n) = (bound.tape(), y.len());
        let (x, y) = (tape.constant(x, [n, x.len() / n]), tape.constant(y, [n]));
        model.log_marginal(bound, x, y).unwrap() + model.log_prior(bound, prior)
    }
}

#[test]
fn the_prior_is_a_sum_of_normal_densities() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Matern32], 2);
    scatter(&mut params, 1.0, 9);
    let prior = HyperPrior {
        log_variance: Some((0.3, 0.8)),
        log_length_scale: Some((-0.2, 1.5)),
        log_noise: None,
    };
    let normal = |x: f64, (mean, scale): (f64, f64)| {
        -0.5 * ((x - mean) / scale).powi(2) - scale.ln() - 0.5 * std::f64::consts::TAU.ln()
    };
    let kernel = model.kernel();
    let of = |id| params.get(id).to_vec();
    let scales = of(kernel.log_length_scale(KernelForm::Matern32).unwrap());
    let variance = of(kernel.log_variance(KernelForm::Matern32).unwrap())[0];
    let expected = normal(variance, (0.3, 0.8))
        + normal(scales[0], (-0.2, 1.5))
        + normal(scales[1], (-0.2, 1.5));
    assert_near(value(&params, &|bound| model.log_prior(bound, &prior)), expected, 1e-15);
    assert_eq!(value(&params, &|bound| model.log_prior(bound, &HyperPrior::default())), 0.0);
}

/// A linear kernel with the variances $s_j^2$ is the linear regression $y = w^\top x + \varepsilon$ with the prior $w_j \sim
/// \mathcal N(0, s_j^2)$: the posterior has the precision $X^\top X/\sigma^2 + \mathrm{diag}(1/s_j^2)$.
#[test]
fn a_linear_kernel_is_bayesian_linear_regression() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Linear], 2).with_jitter(0.0);
    let (variances, noise) = ([0.7, 2.5], 0.3);
    let id = model.kernel().log_variance(KernelForm::Linear).unwrap();
    params.get_mut(id).copy_from_slice(&variances.map(f64::ln));
    params.get_mut(model.log_noise())[0] = f64::ln(noise);
    let (x, y) = (numbers(20, 1), numbers(10, 2));
    let design = DMatrix::from_row_slice(10, 2, &x);
    let target = DVector::from_column_slice(&y);
    let prior = DMatrix::from_diagonal(&DVector::from_vec(variances.map(f64::recip).to_vec()));
    let precision = design.transpose() * &design / noise + prior;
    let covariance = precision.try_inverse().unwrap();
    let weights = &covariance * design.transpose() * &target / noise;

    let tape = Tape::new();
    let bound = params.on(&tape);
    let new = [0.4, -1.3, 2.0, 0.1];
    let posterior =
        model.posterior(bound, tape.constant(&x, [10, 2]), tape.constant(&y, [10])).unwrap();
    let found = posterior.predict(tape.constant(&new, [2, 2]));
    for i in 0..2 {
        let at = DVector::from_column_slice(&new[2 * i..2 * i + 2]);
        let variance = (at.transpose() * &covariance * &at)[0];
        assert_near(found.mean.value().values()[i], weights.dot(&at), 1e-12);
        assert_near(found.latent_variance.value().values()[i], variance, 1e-12);
        assert_near(found.variance.value().values()[i], variance + noise, 1e-12);
    }
}

#[test]
fn moving_turning_and_ordering_the_points_changes_nothing() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Matern52], 2);
    let (x, y) = (numbers(20, 1), numbers(10, 2));
    let before = log_marginal(&model, &params, &x, &y);
    let moved: Vec<f64> = x.iter().map(|x| x + 5.0).collect();
    assert_near(log_marginal(&model, &params, &moved, &y), before, 1e-12);
    // Equal length-scales do not see a rotation.
    let (c, s) = (0.6, 0.8);
    let turned: Vec<f64> =
        x.chunks(2).flat_map(|x| [c * x[0] - s * x[1], s * x[0] + c * x[1]]).collect();
    assert_near(log_marginal(&model, &params, &turned, &y), before, 1e-12);
    let reversed: Vec<f64> = x.chunks(2).rev().flatten().copied().collect();
    let order: Vec<f64> = y.iter().rev().copied().collect();
    assert_near(log_marginal(&model, &params, &reversed, &order), before, 1e-12);
    // Points twice as far apart with length-scales twice as long.
    let doubled: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
    let id = model.kernel().log_length_scale(KernelForm::Matern52).unwrap();
    params.get_mut(id).fill(2.0_f64.ln());
    assert_near(log_marginal(&model, &params, &doubled, &y), before, 1e-12);
}

#[test]
fn without_noise_the_mean_goes_through_the_observations() {
    for form in [KernelForm::Rbf, KernelForm::Matern12, KernelForm::Matern32, KernelForm::Matern52]
    {
        let mut params = Params::<f64>::new();
        let model = GpRegression::new(&mut params, &[form], 1);
        params.get_mut(model.log_noise())[0] = -60.0;
        let x: Vec<f64> = (0..8).map(f64::from).collect();
        let y = numbers(8, 2);
        let tape = Tape::new();
        let (x, target) = (tape.constant(&x, [8, 1]), tape.constant(&y, [8]));
        let posterior = model.posterior(params.on(&tape), x, target).unwrap();
        let found = posterior.predict(x);
        // The jitter of 1.5e-8 is the noise that is left; neighbours of unit distance have a condition of about a thousand.
        for (mean, y) in found.mean.value().values().iter().zip(&y) {
            assert!((mean - y).abs() < 1e-4, "{form:?}: {mean} and {y}");
        }
        assert!(found.latent_variance.value().values().iter().all(|&v| (0.0..1e-7).contains(&v)));
    }
}

#[test]
fn leaving_one_out_is_predicting_it_from_the_others() {
    let mut params = Params::<f64>::new();
    // Without jitter, of which all points together have one.
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1).with_jitter(0.0);
    params.get_mut(model.log_noise())[0] = -2.0;
    params.get_mut(model.loc())[0] = 0.4;
    let (x, y) = (numbers(9, 1), numbers(9, 2));
    let tape = Tape::new();
    let bound = params.on(&tape);
    let all = model.posterior(bound, tape.constant(&x, [9, 1]), tape.constant(&y, [9])).unwrap();
    let all = all.leave_one_out();
    let [means, variances, latent] =
        [all.mean, all.variance, all.latent_variance].map(|found| found.value());
    for i in 0..9 {
        let others = |all: &[f64]| {
            let kept = all.iter().enumerate().filter(|(j, _)| *j != i);
            kept.map(|(_, &x)| x).collect::<Vec<_>>()
        };
        let rest = (tape.constant(&others(&x), [8, 1]), tape.constant(&others(&y), [8]));
        let posterior = model.posterior(bound, rest.0, rest.1).unwrap();
        let one = posterior.predict(tape.constant(&x[i..=i], [1, 1]));
        assert_near(means.values()[i], one.mean.item(), 1e-11);
        assert_near(variances.values()[i], one.variance.item(), 1e-11);
        assert_near(latent.values()[i], one.latent_variance.item(), 1e-11);
    }
}

#[test]
fn unusual_data_have_finite_answers() {
    let likelihood_and_slope = |x: &[f64], y: &[f64], log_length_scale: f64| {
        let mut params = Params::<f64>::new();
        let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
        params.get_mut(model.log_noise())[0] = -60.0;
        let id = model.kernel().log_length_scale(KernelForm::Rbf).unwrap();
        params.get_mut(id)[0] = log_length_scale;
        let tape = Tape::new();
        let n = y.len();
        let (x, y) = (tape.constant(x, [n, 1]), tape.constant(y, [n]));
        let found = model.log_marginal(params.on(&tape), x, y).unwrap();
        let grads = found.backward();
        assert!(grads.leading(params.len()).iter().all(|g| g.is_finite()), "{grads:?}");
        found.item()
    };
    assert!(likelihood_and_slope(&[1.0], &[2.0], 0.0).is_finite());
    // Equal points without noise: the jitter keeps the matrix definite, whether the observations agree or not.
    let agree = likelihood_and_slope(&[1.0, 1.0], &[2.0, 2.0], 0.0);
    let differ = likelihood_and_slope(&[1.0, 1.0], &[2.0, 2.1], 0.0);
    assert!(agree.is_finite() && differ < agree - 1e4, "{agree} {differ}");
    assert!(likelihood_and_slope(&[1.0, 2.0, 3.0], &[5.0; 3], 0.0).is_finite());
    // A huge length-scale makes a matrix of ones, a tiny one the identity.
    let x: Vec<f64> = (0..50).map(f64::from).collect();
    assert!(likelihood_and_slope(&x, &numbers(50, 3), 20.0).is_finite());
    let tiny = likelihood_and_slope(&x, &numbers(50, 3), -20.0);
    let squares: f64 = numbers(50, 3).iter().map(|y| y * y).sum();
    // The jitter changes the likelihood by about n √ε.
    assert_near(tiny, -0.5 * (squares + 50.0 * std::f64::consts::TAU.ln()), 1e-6);
}

#[test]
fn a_matrix_without_a_factor_is_an_error() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1).with_jitter(0.0);
    params.get_mut(model.log_noise())[0] = f64::NEG_INFINITY;
    let tape = Tape::new();
    let (x, y) = (tape.constant(&[1.0, 1.0], [2, 1]), tape.constant(&[1.0, 1.0], [2]));
    let error = model.log_marginal(params.on(&tape), x, y).unwrap_err();
    assert!(error.to_string().contains("is not positive definite"), "{error}");
}

/// Intervals of ninety percent around predictions of functions that are drawn from the model hold nine of ten new observations.
#[test]
fn predictive_intervals_are_calibrated() {
    let (seed, sets, n, m) = (5, 60, 15, 10);
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Matern32], 1);
    params.get_mut(model.log_noise())[0] = 0.1_f64.ln();
    params.get_mut(model.loc())[0] = 1.0;
    let rng = &mut seed::rng(seed, Stream::Sample, 0);
    let mut hits = 0;
    let mut squares = 0.0;
    for _ in 0..sets {
        let mut draws = vec![0.0; 2 * (n + m)];
        f64::fill_normal(&mut draws, rng);
        let (x, noise) = draws.split_at(n + m);
        let x: Vec<f64> = x.iter().map(|x| 3.0 * x).collect();
        let a = dense(&model, &params, &x, f64::EPSILON.sqrt());
        let y = a.cholesky().unwrap().l() * DVector::from_column_slice(noise);
        let y: Vec<f64> = y.iter().map(|y| y + 1.0).collect();
        let tape = Tape::new();
        let (seen, target) = (tape.constant(&x[..n], [n, 1]), tape.constant(&y[..n], [n]));
        let posterior = model.posterior(params.on(&tape), seen, target).unwrap();
        let found = posterior.predict(tape.constant(&x[n..], [m, 1]));
        for ((mean, variance), y) in
            found.mean.value().values().iter().zip(found.variance.value().values()).zip(&y[n..])
        {
            let z = (y - mean) / variance.sqrt();
            hits += usize::from(z.abs() < 1.6448536269514722);
            squares += z * z;
        }
    }
    // The ten predictions of a set depend on each other: with a correlation of a half between neighbours the number of hits has at
    // most 3 times the variance of independent ones. Four standard errors: 4 √(3 · 0.09/600) = 0.085.
    let share = hits as f64 / (sets * m) as f64;
    assert!((share - 0.9).abs() < 0.085, "seed {seed}: {share}");
    let mean = squares / (sets * m) as f64;
    // The mean of squares of standard normals, with the same factor: 4 √(3 · 2/600).
    assert!((mean - 1.0).abs() < 0.4, "seed {seed}: {mean}");
}

#[test]
fn predictions_have_the_density_of_their_mean_and_variance() {
    let mut params = Params::<f64>::new();
    let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
    let tape = Tape::new();
    let (x, y) = (tape.constant(&numbers(5, 1), [5, 1]), tape.constant(&numbers(5, 2), [5]));
    let posterior = model.posterior(params.on(&tape), x, y).unwrap();
    let found = posterior.predict(tape.constant(&[0.3], [1, 1]));
    let (mean, variance) = (found.mean.item(), found.variance.item());
    let log_prob = found.log_prob(tape.constant(&[0.7], [1])).item();
    let expected =
        -0.5 * ((0.7 - mean).powi(2) / variance + (variance * std::f64::consts::TAU).ln());
    assert_near(log_prob, expected, 1e-14);
    // The chain rule: the joint density of six observations is that of five times that of the sixth given them. The jitter, a
    // fraction of the mean of the diagonal, is the same for a stationary kernel.
    let all = ([numbers(5, 1), vec![0.3]].concat(), [numbers(5, 2), vec![0.7]].concat());
    let joint = log_marginal(&model, &params, &all.0, &all.1);
    let five = log_marginal(&model, &params, &all.0[..5], &all.1[..5]);
    assert_near(joint - five, log_prob, 1e-10);
}

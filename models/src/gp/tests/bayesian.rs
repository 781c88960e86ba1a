//! The Bayesian Gaussian-process latent-variable model.

use super::{assert_gradient, assert_near, numbers, scatter, value};
use crate::gp::{BayesianGplvm, Gplvm, GplvmData, KernelForm};
use crate::params::{Bound, Params};
use nalgebra::DMatrix;
use pathscore_autodiff::{Scalar, Tape, Var};

/// Nodes and weights of the mean under a standard normal, by the eigenvalues of Hermite's recurrence (Golub and Welsch 1969).
fn hermite(count: usize) -> Vec<(f64, f64)> {
    let jacobi = DMatrix::from_fn(count, count, |i, j| {
        if i.abs_diff(j) == 1 { (i.max(j) as f64).sqrt() } else { 0.0 }
    });
    let eigen = jacobi.symmetric_eigen();
    let weight = |k: usize| eigen.eigenvectors[(0, k)].powi(2);
    (0..count).map(|k| (eigen.eigenvalues[k], weight(k))).collect()
}

fn model(rows: usize, latents: usize, inducing: usize) -> (BayesianGplvm, Params<f64>) {
    let mut params = Params::<f64>::new();
    let model = BayesianGplvm::new(&mut params, rows, latents, inducing);
    scatter(&mut params, 0.8, 7);
    (model, params)
}

#[test]
fn statistics_are_the_means_of_quadrature() {
    let (n, q, m) = (4, 3, 5);
    let (model, params) = model(n, q, m);
    let tape = Tape::new();
    let psi = model.psi(params.on(&tape));
    let variance = params.get(model.kernel().log_variance(KernelForm::Rbf).unwrap())[0].exp();
    let scales = params.get(model.kernel().log_length_scale(KernelForm::Rbf).unwrap());
    let [mu, log_s, z] =
        [model.latents(), model.log_latent_variance(), model.inducing()].map(|id| params.get(id));
    // The error of n nodes falls like (2a/(1 + 2a))ⁿ where the integrand is as narrow as exp(-a x²).
    let nodes = hermite(200);
    // Coordinates are independent, so that a mean of products is a product of means.
    let mean = |row: usize, points: &[usize]| -> f64 {
        let along = |j: usize| -> f64 {
            let at = |x: f64| {
                let x = mu[row * q + j] + (0.5 * log_s[row * q + j]).exp() * x;
                let k = |&m: &usize| (-0.5 * ((x - z[m * q + j]) / scales[j].exp()).powi(2)).exp();
                points.iter().map(k).product::<f64>()
            };
            nodes.iter().map(|&(x, weight)| weight * at(x)).sum()
        };
        variance.powi(points.len() as i32) * (0..q).map(along).product::<f64>()
    };
    assert_near(psi.psi0.item(), n as f64 * variance, 1e-14);
    for row in 0..n {
        for i in 0..m {
            // The promise is 1e-10.
            assert_near(psi.psi1.value().values()[row * m + i], mean(row, &[i]), 1e-12);
        }
    }
    for i in 0..m {
        for j in 0..m {
            let expected: f64 = (0..n).map(|row| mean(row, &[i, j])).sum();
            assert_near(psi.psi2.value().values()[i * m + j], expected, 1e-12);
        }
    }
}

fn objective<'a>(
    model: &'a BayesianGplvm,
    data: &'a GplvmData<f64>,
) -> impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64> + 'a {
    move |bound| model.bound(bound, data).unwrap()
}

#[test]
fn gradients_of_the_bound_are_those_of_differences() {
    for columns in [4, 12] {
        let (model, params) = model(6, 2, 4);
        let data = GplvmData::new(&numbers(6 * columns, 8), 6, columns);
        // The factor of four inducing points has a condition of a thousand; differences are good to about 1e-9.
        assert_gradient(&params, &objective(&model, &data), 1e-7);
    }
}

/// Two rows with one latent each: $\ln p(Y)$ is an integral over the plane.
#[test]
fn the_bound_is_below_the_marginal_likelihood() {
    let y = [0.9, -0.4, 0.3, -0.9, 0.4, -0.3];
    let data = GplvmData::new(&y, 2, 3);
    let nodes = hermite(60);
    for (salt, size) in [(1, 0.3), (2, 0.6), (3, 1.0), (4, 1.5)] {
        let (model, mut params) = model(2, 1, 2);
        scatter(&mut params, size, salt);
        let of = |id| params.get(id)[0];
        let variance = of(model.kernel().log_variance(KernelForm::Rbf).unwrap()).exp();
        let scale = of(model.kernel().log_length_scale(KernelForm::Rbf).unwrap()).exp();
        let noise = of(model.log_noise()).exp();
        let density = |a: f64, b: f64| {
            let (diagonal, c) =
                (variance + noise, variance * (-0.5 * ((a - b) / scale).powi(2)).exp());
            let det = diagonal * diagonal - c * c;
            let column = |j: usize| {
                let (u, v) = (y[j], y[3 + j]);
                let distance = (diagonal * (u * u + v * v) - 2.0 * c * u * v) / det;
                -0.5 * (distance + det.ln()) - std::f64::consts::TAU.ln()
            };
            (0..3).map(column).sum::<f64>().exp()
        };
        let weighted = |&(a, wa): &(f64, f64)| {
            nodes.iter().map(|&(b, wb)| wa * wb * density(a, b)).sum::<f64>()
        };
        let exact = nodes.iter().map(weighted).sum::<f64>().ln();
        let found = value(&params, &objective(&model, &data));
        assert!(found <= exact, "{found} is above {exact}");
        assert!(found > exact - 50.0, "{found} is far below {exact}");
    }
}

/// Inducing points at latents without variance leave nothing to be approximated: the bound and its divergence add up to the
/// likelihood of the latents, and predictions are those of the model without inducing points.
#[test]
fn points_at_certain_latents_are_exact() {
    let (n, d) = (6, 9);
    let mut other = Params::<f64>::new();
    let gplvm = Gplvm::new(&mut other, n, 2, &[KernelForm::Rbf]).with_jitter(0.0);
    scatter(&mut other, 0.9, 3);
    let data = GplvmData::new(&numbers(n * d, 8), n, d);
    let (model, mut params) = model(n, 2, n);
    let names: Vec<(String, usize, usize)> =
        other.iter().map(|(name, shape, at)| (name.to_string(), shape.size(), at)).collect();
    for (name, size, from) in names {
        let to = params.iter().find(|(found, ..)| *found == name).unwrap().2;
        let numbers = other.values()[from..from + size].to_vec();
        params.values_mut()[to..to + size].copy_from_slice(&numbers);
    }
    params.get_mut(model.log_latent_variance()).fill(-45.0);
    let x = other.get(gplvm.latents()).to_vec();
    params.get_mut(model.inducing()).copy_from_slice(&x);
    let found = value(&params, &|bound| model.bound(bound, &data).unwrap() + model.kl(bound));
    let exact = value(&other, &|bound| gplvm.log_prob(bound, &data).unwrap());
    // The jitter of the inducing points, 1.5e-8 of the variance, is all that is lost, and the noise is of the order of one.
    assert_near(found, exact, 1e-6);
    let posterior = gplvm.posterior(&other, &data).unwrap();
    let new = numbers(6, 2);
    let tape = Tape::new();
    let mean = model.mean(params.on(&tape), &data, tape.constant(&new, [3, 2])).unwrap();
    let tape = Tape::new();
    let expected = posterior.mean(other.on(&tape), tape.constant(&new, [3, 2]));
    for (found, expected) in mean.value().values().iter().zip(expected.value().values()) {
        assert_near(*found, *expected, 1e-6);
    }
}

#[test]
fn a_divergence_vanishes_at_the_prior() {
    let (model, mut params) = model(3, 2, 2);
    params.values_mut().fill(0.0);
    assert_eq!(value(&params, &|bound| model.kl(bound)), 0.0);
    params.get_mut(model.latents())[0] = 2.0;
    params.get_mut(model.log_latent_variance())[1] = 0.5;
    let expected = 0.5 * (4.0 + 0.5_f64.exp() - 0.5 - 1.0);
    assert_near(value(&params, &|bound| model.kl(bound)), expected, 1e-15);
}

#[test]
#[should_panic(expected = "bayesian gplvm: 1 of 6 cells are missing")]
fn missing_cells_are_refused() {
    let (model, params) = model(3, 1, 2);
    let data = GplvmData::new(&[1.0, 2.0, f64::NAN, 4.0, 5.0, 6.0], 3, 2);
    value(&params, &objective(&model, &data));
}

/// At μ = z a term of Ψ₂ is s⁴ / √(1 + 2S/ℓ²), however many length-scales the points are from zero.
fn far_from_zero<F: Scalar>(log_s: f64, log_length_scale: f64, tolerance: f64) {
    let mut params = Params::<F>::new();
    let model = BayesianGplvm::new(&mut params, 2, 1, 2);
    let length_scale = model.kernel().log_length_scale(KernelForm::Rbf).unwrap();
    let at = [3.37, -3.37].map(F::from_f64);
    params.get_mut(model.latents()).copy_from_slice(&at);
    params.get_mut(model.inducing()).copy_from_slice(&at);
    params.get_mut(model.log_latent_variance()).fill(F::from_f64(log_s));
    params.get_mut(length_scale).fill(F::from_f64(log_length_scale));
    let tape = Tape::new();
    let psi2 = model.psi(params.on(&tape)).psi2.value();
    let found = psi2.values().iter().map(|x| x.to_f64());
    let own = (1.0 + 2.0 * (log_s - 2.0 * log_length_scale).exp()).sqrt().recip();
    for (found, expected) in found.zip([own, 0.0, 0.0, own]) {
        assert!((found - expected).abs() < tolerance, "{found} against {expected}");
    }
}

/// The logarithms are rounded, of size 16 and 14 in f32, of size 40 in f64.
#[test]
fn statistics_far_from_zero_keep_their_digits() {
    far_from_zero::<f32>(-16.0, -6.9, 1e-6);
    let log_length_scale = 1.5e-8_f64.ln();
    far_from_zero::<f64>(2.0 * log_length_scale - 4.0, log_length_scale, 1e-14);
}

#[test]
fn a_start_of_columns_that_latents_explain_wholly_is_finite() {
    // One column and one latent: nothing is left for the noise.
    let y: Vec<f64> = (0..50).map(|i| (7.0 * f64::from(i)).sin()).collect();
    let data = GplvmData::new(&y, 50, 1);
    let mut params = Params::<f64>::new();
    let model = BayesianGplvm::new(&mut params, 50, 1, 20);
    model.start(&mut params, &data).unwrap();
    let tape = Tape::new();
    let bound = model.bound(params.on(&tape), &data).unwrap();
    assert!(bound.item().is_finite());
    assert!(bound.backward().leading(params.len()).iter().all(|d| d.is_finite()));
}

//! The Gaussian-process latent-variable model.

use super::{assert_gradient, assert_near, log_normal, numbers, scatter, value};
use crate::gp::{GpRegression, Gplvm, GplvmData, HyperPrior, KernelForm};
use crate::params::{Bound, Params};
use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::{Tape, Var};

const FORMS: [&[KernelForm]; 5] = [
    &[KernelForm::Rbf],
    &[KernelForm::Matern32],
    &[KernelForm::Matern52],
    &[KernelForm::Linear],
    &[KernelForm::Rbf, KernelForm::Linear],
];
const JITTER: f64 = 1e-3;

/// A model of seven rows at random parameters.
fn model(forms: &[KernelForm], salt: usize) -> (Gplvm, Params<f64>) {
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, 7, 2, forms).with_jitter(JITTER);
    scatter(&mut params, 0.9, salt);
    (model, params)
}

/// $A$ of all rows.
fn dense(model: &Gplvm, params: &Params<f64>) -> DMatrix<f64> {
    let tape = Tape::new();
    let bound = params.on(&tape);
    let gram = model.kernel().gram(bound, bound.get(model.latents())).value();
    let n = model.rows();
    let gram = DMatrix::from_row_slice(n, n, gram.values());
    let noise = params.get(model.log_noise())[0].exp() + JITTER * gram.trace() / n as f64;
    gram + DMatrix::identity(n, n) * noise
}

/// Rows with holes: a column of its own pattern, two that share one, one that nobody has seen.
fn holes(columns: usize) -> Vec<f64> {
    let mut y = numbers(7 * columns, 8);
    for (row, column) in [(0, 1), (3, 1), (2, 2), (2, 4), (6, 0)] {
        y[row * columns + column] = f64::NAN;
    }
    (0..7).for_each(|row| y[row * columns + 3] = f64::NAN);
    y
}

/// The sum of the densities of the columns, each of its observed rows alone.
fn by_columns(a: &DMatrix<f64>, y: &[f64], columns: usize) -> f64 {
    let column = |j: usize| {
        let rows: Vec<usize> = (0..7).filter(|i| !y[i * columns + j].is_nan()).collect();
        if rows.is_empty() {
            return 0.0;
        }
        let cells: Vec<f64> = rows.iter().map(|i| y[i * columns + j]).collect();
        let mean = cells.iter().sum::<f64>() / cells.len() as f64;
        let centred = DVector::from_iterator(cells.len(), cells.iter().map(|y| y - mean));
        log_normal(&a.select_rows(&rows).select_columns(&rows), &centred)
    };
    (0..columns).map(column).sum()
}

#[test]
fn the_likelihood_is_that_of_independent_columns() {
    for (salt, forms) in FORMS.iter().enumerate() {
        let (model, params) = model(forms, salt);
        let a = dense(&model, &params);
        // Fewer columns than rows, more, and as many; with and without missing cells.
        for y in [numbers(7 * 5, 8), numbers(7 * 9, 8), numbers(49, 8), holes(5), holes(30)] {
            let columns = y.len() / 7;
            let data = GplvmData::new(&y, 7, columns);
            let found = value(&params, &|bound| model.log_prob(bound, &data).unwrap());
            // The condition of A is below 1e3.
            assert_near(found, by_columns(&a, &y, columns), 1e-11);
        }
    }
}

fn objective<'a>(
    model: &'a Gplvm,
    data: &'a GplvmData<f64>,
) -> impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64> + 'a {
    let prior = HyperPrior { log_length_scale: Some((0.1, 0.7)), ..HyperPrior::default() };
    move |bound| {
        let log_prob = model.log_prob(bound, data).unwrap() + model.log_latent_prior(bound);
        log_prob + model.log_prior(bound, &prior)
    }
}

#[test]
fn gradients_by_latents_and_hyperparameters_are_those_of_differences() {
    for (salt, forms) in FORMS.iter().enumerate() {
        let (model, params) = model(forms, salt);
        for y in [numbers(7 * 5, 8), numbers(7 * 9, 8), holes(5), holes(30)] {
            let data = GplvmData::new(&y, 7, y.len() / 7);
            // The promise is 1e-6; differences of order four are good to about 1e-9 of the largest slope.
            assert_gradient(&params, &objective(&model, &data), 1e-8);
        }
    }
}

/// $\partial \ln p/\partial A = \tfrac12 (A^{-1} YY^\top A^{-1} - D A^{-1})$, by a kernel whose only free number moves one cell: white noise
/// adds to the diagonal, so that the slope by $\ln s^2$ is $s^2$ times the trace of that matrix.
#[test]
fn the_slope_by_the_covariance_is_the_formula() {
    let (model, params) = model(&[KernelForm::Rbf, KernelForm::White], 2);
    let data = GplvmData::new(&numbers(7 * 9, 8), 7, 9);
    let tape = Tape::new();
    let grads = model.log_prob(params.on(&tape), &data).unwrap().backward();
    let inverse = dense(&model, &params).try_inverse().unwrap();
    let products = DMatrix::from_row_slice(7, 7, &data.products());
    let slope = (&inverse * products * &inverse - &inverse * 9.0) * 0.5;
    let id = model.kernel().log_variance(KernelForm::White).unwrap();
    let place = params.iter().find(|(name, ..)| *name == "white.log_variance").unwrap().2;
    let variance = params.get(id)[0].exp();
    // The jitter is a fraction of the diagonal, to which the white noise belongs.
    let expected = variance * (1.0 + JITTER) * slope.trace();
    assert_near(grads.leading(params.len())[place], expected, 1e-11);
}

/// Dual probabilistic PCA (Lawrence 2005): with the eigenvalues $\lambda$ of $YY^\top/D$ the maximum of the likelihood is $-\tfrac D2
/// (\sum_{k \le L} \ln\lambda_k + (N - L) \ln\sigma^2 + N \ln 2\pi + N)$, and the start of a linear kernel is there.
#[test]
fn a_linear_kernel_starts_at_the_maximum_of_dual_ppca() {
    let (n, d, latents) = (10, 25, 3);
    let y = numbers(n * d, 4);
    let data = GplvmData::new(&y, n, d);
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, n, latents, &[KernelForm::Linear]).with_jitter(0.0);
    model.start(&mut params, &data).unwrap();
    let products = DMatrix::from_row_slice(n, n, &data.products()) / d as f64;
    let mut values: Vec<f64> = products.symmetric_eigen().eigenvalues.iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let noise = values[latents..].iter().sum::<f64>() / (n - latents) as f64;
    let log_det: f64 = values[..latents].iter().map(|value| value.ln()).sum();
    let rest = (n - latents) as f64 * noise.ln() + n as f64 * (std::f64::consts::TAU.ln() + 1.0);
    let expected = -0.5 * d as f64 * (log_det + rest);
    let tape = Tape::new();
    let found = model.log_prob(params.on(&tape), &data).unwrap();
    // The promise is 1e-8.
    assert_near(found.item(), expected, 1e-12);
    let grads = found.backward();
    let largest = grads.leading(params.len()).iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    // Slopes of a likelihood of some hundred nats whose terms cancel.
    assert!(largest < 1e-9, "{largest:e}");
}

#[test]
fn the_start_has_the_axes_of_principal_components() {
    let (n, d) = (12, 6);
    let y = numbers(n * d, 4);
    let data = GplvmData::new(&y, n, d);
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, n, 2, &[KernelForm::Rbf]);
    model.start(&mut params, &data).unwrap();
    let x = DMatrix::from_row_slice(n, 2, params.get(model.latents()));
    let products = DMatrix::from_row_slice(n, n, &data.products());
    // Latents are eigenvectors of YYᵀ of unit variance, at right angles.
    let gram = x.transpose() * &x / n as f64;
    assert!((gram - DMatrix::identity(2, 2)).amax() < 1e-12);
    let image = &products * &x;
    for k in 0..2 {
        let value = image.column(k).dot(&x.column(k)) / n as f64;
        assert!((image.column(k) - x.column(k) * value).amax() < 1e-10 * value, "{k}");
    }
    assert!(params.values().iter().all(|x| x.is_finite()));
    // Rows that do not vary have a start too.
    let flat = GplvmData::new(&[3.0; 72], n, d);
    model.start(&mut params, &flat).unwrap();
    assert!(params.values().iter().all(|x| x.is_finite()));
    assert!(value(&params, &|bound| model.log_prob(bound, &flat).unwrap()).is_finite());
}

/// A column of the model is a regression on the latents.
#[test]
fn predictions_are_those_of_regressions_of_the_columns() {
    for (salt, forms) in FORMS.iter().enumerate() {
        for y in [numbers(7 * 9, 8), holes(5)] {
            let columns = y.len() / 7;
            let (model, params) = model(forms, salt);
            // Missing rows have another jitter in a regression of their own.
            let model = model.with_jitter(0.0);
            let data = GplvmData::new(&y, 7, columns);
            let posterior = model.posterior(&params, &data).unwrap();
            let new = numbers(6, 3);
            let tape = Tape::new();
            let bound = params.on(&tape);
            let x = tape.constant(&new, [3, 2]);
            let mean = posterior.mean(bound, x).value();
            let variance = posterior.variance(bound, x).value();
            for j in 0..columns {
                let rows: Vec<usize> = (0..7).filter(|i| !y[i * columns + j].is_nan()).collect();
                if rows.is_empty() {
                    let prior = model.kernel().diagonal(bound, x).value();
                    let noise = params.get(model.log_noise())[0].exp();
                    assert_eq!(mean.values()[j], 0.0);
                    assert_near(variance.values()[j], prior.values()[0] + noise, 1e-14);
                    continue;
                }
                let mut other = Params::<f64>::new();
                let regression = GpRegression::new(&mut other, forms, 2).with_jitter(0.0);
                for (name, shape, at) in params.iter().filter(|(name, ..)| *name != "latents") {
                    let (.., to) = other.iter().find(|(found, ..)| *found == name).unwrap();
                    let from = params.values()[at..at + shape.size()].to_vec();
                    other.values_mut()[to..to + from.len()].copy_from_slice(&from);
                }
                let cells: Vec<f64> = rows.iter().map(|i| y[i * columns + j]).collect();
                other.get_mut(regression.loc())[0] = data.means()[j];
                let latents = params.get(model.latents());
                let latents: Vec<f64> =
                    rows.iter().flat_map(|&i| latents[2 * i..2 * i + 2].to_vec()).collect();
                let tape = Tape::new();
                let n = rows.len();
                let seen = (tape.constant(&latents, [n, 2]), tape.constant(&cells, [n]));
                let posterior = regression.posterior(other.on(&tape), seen.0, seen.1).unwrap();
                let found = posterior.predict(tape.constant(&new, [3, 2]));
                for i in 0..3 {
                    let at = i * columns + j;
                    assert_near(mean.values()[at], found.mean.value().values()[i], 1e-11);
                    assert_near(variance.values()[at], found.variance.value().values()[i], 1e-11);
                }
            }
        }
    }
}

#[test]
fn the_density_of_a_new_row_is_that_of_its_cells() {
    for y in [numbers(7 * 9, 8), holes(5)] {
        let columns = y.len() / 7;
        let (model, params) = model(&[KernelForm::Rbf], 3);
        let data = GplvmData::new(&y, 7, columns);
        let posterior = model.posterior(&params, &data).unwrap();
        let mut row = numbers(columns, 5);
        for missing in [None, Some(1)] {
            if let Some(column) = missing {
                row[column] = f64::NAN;
            }
            let target = posterior.target(&row);
            let tape = Tape::new();
            let bound = params.on(&tape);
            let x = tape.leaf(&numbers(6, 3), [3, 2]);
            let log_prob = posterior.log_prob(bound, &target, x);
            let (mean, variance) = (posterior.mean(bound, x), posterior.variance(bound, x));
            let [mean, variance] = [mean, variance].map(|found| found.value());
            for i in 0..3 {
                let cell = |j: usize| {
                    let (mean, v) =
                        (mean.values()[i * columns + j], variance.values()[i * columns + j]);
                    -0.5 * ((row[j] - mean).powi(2) / v + (v * std::f64::consts::TAU).ln())
                };
                // A column that nobody has seen is in no group.
                let seen = |&j: &usize| {
                    !row[j].is_nan() && data.groups.iter().any(|g| g.columns.contains(&j))
                };
                let expected: f64 = (0..columns).filter(seen).map(cell).sum();
                assert_near(log_prob.value().values()[i], expected, 1e-11);
            }
            // The slope by the latents against differences of order four.
            let gradient = log_prob.sum().backward().of(x);
            for at in 0..6 {
                let there = |step: f64| {
                    let mut numbers = numbers(6, 3);
                    numbers[at] += step;
                    let tape = Tape::new();
                    let x = tape.constant(&numbers, [3, 2]);
                    posterior.log_prob(params.on(&tape), &target, x).sum().item()
                };
                let slope = |h: f64| (there(h) - there(-h)) / (2.0 * h);
                let expected = (4.0 * slope(1e-3) - slope(2e-3)) / 3.0;
                assert!((gradient.values()[at] - expected).abs() < 1e-8 * expected.abs().max(1.0));
            }
        }
    }
}

#[test]
fn the_nearest_rows_of_a_new_one_come_first() {
    let y = [0.0, 0.0, 1.0, 1.0, 5.0, 5.0, f64::NAN, 2.1];
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, 4, 1, &[KernelForm::Rbf]);
    let data = GplvmData::new(&y, 4, 2);
    let posterior = model.posterior(&params, &data).unwrap();
    assert_eq!(posterior.target(&[2.0, 2.0]).nearest(), [3, 1, 0, 2]);
    assert_eq!(posterior.target(&[f64::NAN, 4.0]).nearest(), [2, 3, 1, 0]);
    assert_eq!(posterior.target(&[f64::NAN, 4.0]).observed(), 1);
}

#[test]
fn equal_latents_and_a_matrix_without_a_factor_are_told_apart() {
    let mut params = Params::<f64>::new();
    let model = Gplvm::new(&mut params, 3, 1, &[KernelForm::Matern12]);
    let data = GplvmData::new(&numbers(12, 1), 3, 4);
    params.get_mut(model.log_noise())[0] = f64::NEG_INFINITY;
    // All latents are zero: the jitter keeps the matrix definite, and nothing pushes the latents.
    let tape = Tape::new();
    let found = model.log_prob(params.on(&tape), &data).unwrap();
    assert!(found.item().is_finite());
    assert!(found.backward().leading(params.len()).iter().all(|g| g.is_finite()));
    let model = model.with_jitter(0.0);
    let tape = Tape::new();
    assert!(model.log_prob(params.on(&tape), &data).is_err());
}

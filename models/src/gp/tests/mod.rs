//! Gaussian processes against dense linear algebra of another library, closed forms and finite differences.

mod bayesian;
mod gplvm;
mod kernels;
mod regression;

use crate::params::{Bound, Params};
use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::{Tape, Var};

/// Numbers without a pattern, from -1 to 1.
fn numbers(count: usize, salt: usize) -> Vec<f64> {
    // The sine alone would make matrices of rank two.
    let number = |i: usize| 43758.5453 * (12.9898 * i as f64 + 78.233 * salt as f64).sin();
    (0..count).map(|i| 2.0 * number(i).rem_euclid(1.0) - 1.0).collect()
}

/// Sets every parameter to a number without a pattern.
fn scatter(params: &mut Params<f64>, size: f64, salt: usize) {
    let numbers = numbers(params.len(), salt);
    params.values_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = size * from);
}

/// A function of the parameters as a number.
fn value(params: &Params<f64>, f: &impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64>) -> f64 {
    let tape = Tape::new();
    f(params.on(&tape)).item()
}

/// Asserts that the gradient of a function is that of its differences of order four.
#[track_caller]
fn assert_gradient(
    params: &Params<f64>,
    f: &impl for<'t> Fn(Bound<'t, f64>) -> Var<'t, f64>,
    tolerance: f64,
) {
    let tape = Tape::new();
    let grads = f(params.on(&tape)).backward();
    let gradient = grads.leading(params.len());
    let largest = gradient.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    for (i, &found) in gradient.iter().enumerate() {
        let at = |step: f64| {
            let mut there = params.clone();
            there.values_mut()[i] += step;
            value(&there, f)
        };
        let h = 1e-3;
        let slope = |h: f64| (at(h) - at(-h)) / (2.0 * h);
        let expected = (4.0 * slope(h) - slope(2.0 * h)) / 3.0;
        let error = (found - expected).abs() / largest;
        assert!(
            error < tolerance,
            "parameter {i}: {found} and {expected} of differences: {error:e}"
        );
    }
}

/// $\ln \mathcal N(y; 0, A)$ by the eigenvalues of another library.
fn log_normal(a: &DMatrix<f64>, y: &DVector<f64>) -> f64 {
    let eigen = a.clone().symmetric_eigen();
    let turned = eigen.eigenvectors.transpose() * y;
    let terms = turned.iter().zip(eigen.eigenvalues.iter());
    let sum: f64 =
        terms.map(|(y, value)| y * y / value + (value * std::f64::consts::TAU).ln()).sum();
    -0.5 * sum
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{found} and {expected} differ by {error:e}");
}

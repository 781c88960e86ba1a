//! Exercise of chapter 1: the two terms of the derivative of an expectation.

use crate::sigmoid;

/// The derivative with respect to θ of J(θ) = E (b − θ)², where b is 1 with probability p = σ(θ) and 0
/// otherwise.
///
/// Task: θ stands in f(b, θ) = (b − θ)² and in p. The function below takes the mean of ∂f/∂θ and nothing else.
/// Add the rest: σ′(θ) = p (1 − p).
pub fn derivative(theta: f64) -> f64 {
    let p = sigmoid(theta);
    let slope = |b: f64| -2.0 * (b - theta);
    p * slope(1.0) + (1.0 - p) * slope(0.0)
}

//! Solution of `two_terms`.

use crate::sigmoid;

/// Σ_b p(b) ∂f(b)/∂θ + Σ_b f(b) ∂p(b)/∂θ, with ∂p(1)/∂θ = p (1 − p) = −∂p(0)/∂θ.
pub fn derivative(theta: f64) -> f64 {
    let p = sigmoid(theta);
    let f = |b: f64| (b - theta).powi(2);
    let slope = |b: f64| -2.0 * (b - theta);
    p * slope(1.0) + (1.0 - p) * slope(0.0) + p * (1.0 - p) * (f(1.0) - f(0.0))
}

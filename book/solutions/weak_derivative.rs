//! Solution of `weak_derivative`.

/// With z = μ + σw the positive part of ∂q/∂μ dz is w e^(−w²/2) dw/(σ√(2π)): the density of W, times
/// 1/(σ√(2π)).
pub fn gradient(mu: f64, sigma: f64, w: f64, f: fn(f64) -> f64) -> f64 {
    (f(mu + sigma * w) - f(mu - sigma * w)) / (sigma * std::f64::consts::TAU.sqrt())
}

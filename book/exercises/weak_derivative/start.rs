//! Exercise of chapter 13: an estimator that is new to this book.

/// One draw of the derivative of E f(z) by μ, for z ~ N(μ, σ²), from a number W with the density w e^(−w²/2).
///
/// The derivative of the density is positive on one side of μ and negative on the other. Each side is the
/// density of a random number, μ + σW and μ − σW, times a constant: f needs no derivative and may jump, and
/// there is no score.
///
/// Task: find the constant. `∂q(z)/∂μ = (z − μ)/σ² q(z)`, and `q(z)` has a constant of its own.
pub fn gradient(mu: f64, sigma: f64, w: f64, f: fn(f64) -> f64) -> f64 {
    (f(mu + sigma * w) - f(mu - sigma * w)) / sigma
}

//! Exercise of chapter 13: a verdict that cannot be had.

/// The standard deviation s of the proposal.
///
/// The gradient of E z³ for z ~ N(μ, 1) is estimated through the score, from draws of N(μ, s²) with the weights
/// N(z; μ, 1)/N(z; μ, s²).
///
/// Task: for every s > 0 the mean of the estimator is the gradient. Still half a million draws give no verdict
/// on this one. Choose s.
pub fn scale() -> f64 {
    0.5
}

//! Exercise of chapter 4: the score of a normal density.

/// One draw of the gradient of E f(z) with respect to μ and ln σ, where z is a draw of N(μ, σ²) and `f` is
/// f(z).
///
/// Task: f may have jumps, so that only the score can be used: f(z) ∇ ln q(z). One component of the score is
/// wrong.
pub fn gradient(mu: f64, log_sigma: f64, z: f64, f: f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let eps = (z - mu) / sigma;
    [f * eps / sigma, f * eps * eps]
}

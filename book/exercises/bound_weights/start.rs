//! Exercise of chapter 7: the gradient of the bound of K draws.

/// The weights w̃₁ … w̃_K of the gradient Σ w̃_k ∇f_k of L̂ = ln (1/K) Σ e^f_k; f_k = ln p(x, z_k) − ln
/// q(z_k|x).
///
/// Task: with equal weights the gradient is that of the mean of logarithms, not of the logarithm of the mean.
/// Find the weights of L̂. They must be right for pictures too, where every f is about −2000.
pub fn weights(f: &[f64]) -> Vec<f64> {
    vec![1.0 / f.len() as f64; f.len()]
}

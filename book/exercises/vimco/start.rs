//! Exercise of chapter 8: VIMCO.

use crate::log_mean_exp;

/// For each draw the cotangents of ln p(x, z_k) and of ln q(z_k|x), from f_k = ln p(x, z_k) − ln q(z_k|x).
///
/// The gradient of L_K is the mean of
///
/// ```text
/// Σ_k (L̂ − L̂₋ₖ) ∇ ln q(z_k|x) + Σ_k w̃_k ∇f_k,
/// ```
///
/// where L̂ = ln (1/K) Σ e^f_k, w̃ is the softmax of f, and L̂₋ₖ is the same as L̂ for the other draws.
///
/// Task: a term of the second sum is missing.
pub fn columns(f: &[f64]) -> Vec<[f64; 2]> {
    let bound = log_mean_exp(f);
    let column = |k: usize| {
        let others: Vec<f64> = (0..f.len()).filter(|&j| j != k).map(|j| f[j]).collect();
        let share = (f[k] - bound).exp() / f.len() as f64;
        [share, bound - log_mean_exp(&others)]
    };
    (0..f.len()).map(column).collect()
}

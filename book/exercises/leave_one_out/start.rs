//! Exercise of chapter 5: the draws as baselines for each other.

/// The signals of K draws with the log-weights f₁ … f_K: the numbers by which ∇ ln q(z_k) is multiplied, f_k
/// less a baseline.
///
/// Task: the mean of f is subtracted, which removes nearly all the noise. Why is the gradient too short, and by
/// which factor? Choose a baseline that keeps the mean of the gradient, and that still removes any constant
/// from f.
pub fn signals(f: &[f64]) -> Vec<f64> {
    let mean = f.iter().sum::<f64>() / f.len() as f64;
    f.iter().map(|f_k| f_k - mean).collect()
}

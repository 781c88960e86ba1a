//! Solution of `bound_weights`.

/// ∂ ln Σ e^f_j/∂f_k = e^f_k/Σ e^f_j: the softmax. A constant taken from every f changes no ratio, and the
/// largest exponent is then zero.
pub fn weights(f: &[f64]) -> Vec<f64> {
    let top = f.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = f.iter().map(|f_k| (f_k - top).exp()).sum();
    f.iter().map(|f_k| (f_k - top).exp() / sum).collect()
}

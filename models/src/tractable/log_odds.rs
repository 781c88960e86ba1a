//! Means of bits away from zero and one, and the biases that give them.

use pathscore_autodiff::Scalar;

/// The least mean of a column: that of a column without ones becomes finite log-odds.
const MIN_MEAN: f64 = 1e-3;

/// A mean, clamped to $[0.001, 0.999]$.
pub(crate) fn clamped(mean: f64) -> f64 {
    mean.clamp(MIN_MEAN, 1.0 - MIN_MEAN)
}

/// Writes $\ln \frac{p}{1 - p}$ of each mean $p$, which is clamped to $[0.001, 0.999]$.
///
/// # Panics
/// If there is not one mean for each bias.
pub(crate) fn write_log_odds<F: Scalar>(bias: &mut [F], means: &[f64]) {
    let (columns, given) = (bias.len(), means.len());
    assert!(columns == given, "{given} means for {columns} columns");
    for (bias, mean) in bias.iter_mut().zip(means) {
        let p = clamped(*mean);
        *bias = F::from_f64((p / (1.0 - p)).ln());
    }
}

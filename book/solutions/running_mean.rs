//! Solution of `running_mean`.

/// The mean *before* the draw is subtracted. The mean after it contains 0.2 f, so that only 0.8 f would be
/// left.
pub fn signal(mean: f64, f: f64) -> (f64, f64) {
    (f - mean, 0.8 * mean + 0.2 * f)
}

//! Exercise of chapter 5: a running mean as a baseline.

/// The signal of a draw, f less a baseline, and the running mean for the next draw; `mean` is the mean of the
/// earlier ones.
///
/// Task: several libraries were published with this order of the two lines. Find out from the factor in the
/// proof what is wrong with it.
pub fn signal(mean: f64, f: f64) -> (f64, f64) {
    let mean = 0.8 * mean + 0.2 * f;
    (f - mean, mean)
}

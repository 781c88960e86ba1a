//! Exercise of chapter 8: DisARM.

use crate::sigmoid;

/// One draw of the derivative of E f(b) by the logit η of b, from a uniform number u.
///
/// Both u and 1 − u give a bit with the probability p = σ(η), and the two bits are as different as they can be.
///
/// Task: a factor that depends on η is missing.
pub fn gradient(logit: f64, u: f64, f: fn(bool) -> f64) -> f64 {
    let p = sigmoid(logit);
    let (b, other) = (u > 1.0 - p, u < p);
    let sign = f64::from(b) - f64::from(other);
    0.5 * (f(b) - f(other)) * sign
}

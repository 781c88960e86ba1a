//! Solution of `disarm`.

use crate::sigmoid;

/// The pair differs with the probability 2 σ(−|η|), and p (1 − p) = σ(|η|) σ(−|η|): the factor is σ(|η|) (Dong,
/// Mnih and Tucker 2020).
pub fn gradient(logit: f64, u: f64, f: fn(bool) -> f64) -> f64 {
    let p = sigmoid(logit);
    let (b, other) = (u > 1.0 - p, u < p);
    let sign = f64::from(b) - f64::from(other);
    0.5 * sigmoid(logit.abs()) * (f(b) - f(other)) * sign
}

//! Exercise of chapter 12: the two phases.

use super::{STATES, features};

/// The gradient of ln p(x) = θ·T(x) − ln Z, where Z = Σ_y exp(θ·T(y)) over the four states of two bits.
///
/// Task: the first phase, T(x), is right. Correct the second.
pub fn gradient(theta: [f64; 3], x: [f64; 2]) -> [f64; 3] {
    let _ = theta;
    let mut gradient = features(x);
    for y in STATES {
        let probability = 1.0 / STATES.len() as f64;
        for (g, t) in gradient.iter_mut().zip(features(y)) {
            *g -= probability * t;
        }
    }
    gradient
}

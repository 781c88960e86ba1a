//! Solution of `two_phases`.

use super::{STATES, features};

/// ∂ ln Z/∂θ = Σ_y exp(θ·T(y)) T(y)/Z = Σ_y p(y) T(y).
pub fn gradient(theta: [f64; 3], x: [f64; 2]) -> [f64; 3] {
    let weight = |y: [f64; 2]| theta.iter().zip(features(y)).map(|(a, t)| a * t).sum::<f64>().exp();
    let z: f64 = STATES.into_iter().map(weight).sum();
    let mut gradient = features(x);
    for y in STATES {
        let probability = weight(y) / z;
        for (g, t) in gradient.iter_mut().zip(features(y)) {
            *g -= probability * t;
        }
    }
    gradient
}

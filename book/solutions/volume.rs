//! Solution of `volume`.

use super::normal;

/// The density of a uniform draw is one over the length of the box, so that ∫ g dz = length · E g(z).
pub fn gradient(w: f64, x: f64, z: f64, ends: [f64; 2]) -> f64 {
    let slope = (z - w) * normal(z - w, 1.0);
    (ends[1] - ends[0]) * normal(x - z, 0.25) * slope
}

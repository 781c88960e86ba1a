//! Solution of `score_matching`.

/// s = −∂E/∂x, so that ½ s² + ∂s/∂x = ½ (∂E/∂x)² − ∂²E/∂x² (Hyvärinen 2005).
pub fn loss(slope: f64, curvature: f64) -> f64 {
    0.5 * slope * slope - curvature
}

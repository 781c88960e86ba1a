//! Solution of `rebar`.

use super::{conditional, control, f};
use crate::sigmoid;

/// The chain rule once more: ∂c(z̃)/∂θ = c′(z̃) ∂z̃/∂θ. By the definition of z̃ the mean of what c adds is then
/// zero.
pub fn gradient(theta: f64, u: f64, v: f64) -> f64 {
    let z = theta + (u / (1.0 - u)).ln();
    let b = z > 0.0;
    let [relaxed, slope] = conditional(theta, b, v);
    let ([_, of_z], [c, of_relaxed]) = (control(z), control(relaxed));
    let b = f64::from(b);
    (f(b) - c) * (b - sigmoid(theta)) + of_z - of_relaxed * slope
}

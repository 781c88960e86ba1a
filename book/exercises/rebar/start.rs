//! Exercise of chapter 9: a relaxed bit as a control variate.

use super::{conditional, control, f};
use crate::sigmoid;

/// One draw of the derivative of E f(b) by the logit θ of b, from two uniform numbers.
///
/// z = θ + logit u is logistic, and b is one where z > 0. Given b, z̃ is drawn again, from v. The control
/// variate c(z) = f(σ(2z)) is like f(b) and has a path:
///
/// ```text
/// (f(b) − c(z̃)) ∂ ln p(b)/∂θ + ∂c(z)/∂θ − ∂c(z̃)/∂θ
/// ```
///
/// Task: write the last term.
pub fn gradient(theta: f64, u: f64, v: f64) -> f64 {
    let z = theta + (u / (1.0 - u)).ln();
    let b = z > 0.0;
    // The second number is the derivative of z̃ with respect to θ; that of z is one.
    let [relaxed, _slope] = conditional(theta, b, v);
    let ([_, of_z], [c, _of_relaxed]) = (control(z), control(relaxed));
    let b = f64::from(b);
    (f(b) - c) * (b - sigmoid(theta)) + of_z
}

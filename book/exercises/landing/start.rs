//! Exercise of chapter 6: sticking the landing.

/// One draw of the gradient of the ELBO, E [ln p(x, z) − ln q(z)], with respect to μ and ln σ, for q = N(μ, σ²)
/// and z = μ + σε; `slope` is ∂ ln p(x, z)/∂z.
///
/// Task: the derivative of each draw's ln p(x, z) − ln q(z) is right: −ln q(μ + σε) = ln σ + ε²/2 + const.,
/// whose derivative is (0, 1). But at the posterior, where the gradient is zero, a draw is not. Leave out a
/// term whose mean is zero so that every draw is.
pub fn gradient(mu: f64, log_sigma: f64, eps: f64, slope: &dyn Fn(f64) -> f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let z = mu + sigma * eps;
    [slope(z), slope(z) * sigma * eps + 1.0]
}

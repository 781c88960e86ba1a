//! Exercise of chapter 3: the path of a log-normal number.

/// One draw of the gradient of E (z − 1)² with respect to μ and ln σ, where z = exp(μ + σε) and ε is standard
/// normal.
///
/// Task: one of the two components is wrong. Correct it.
pub fn gradient(mu: f64, log_sigma: f64, eps: f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let z = (mu + sigma * eps).exp();
    // ∂f/∂z, times the derivatives of z with respect to the parameters.
    let slope = 2.0 * (z - 1.0);
    [slope * z, slope * z * eps]
}

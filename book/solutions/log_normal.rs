//! Solution of `log_normal`.

/// ∂z/∂μ = z and ∂z/∂σ = zε, so that ∂z/∂ln σ = zσε: the parameter is the logarithm.
pub fn gradient(mu: f64, log_sigma: f64, eps: f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let z = (mu + sigma * eps).exp();
    let slope = 2.0 * (z - 1.0);
    [slope * z, slope * z * sigma * eps]
}

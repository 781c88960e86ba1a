//! Solution of `score`.

/// ∂ ln q/∂μ = ε/σ and ∂ ln q/∂ln σ = ε² − 1 with ε = (z − μ)/σ; the −1 comes from −ln σ, the normaliser of the
/// density.
pub fn gradient(mu: f64, log_sigma: f64, z: f64, f: f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let eps = (z - mu) / sigma;
    [f * eps / sigma, f * (eps * eps - 1.0)]
}

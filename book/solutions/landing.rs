//! Solution of `landing`.

/// The score ∇ ln q(z) at a fixed z has the mean zero and is left out. What is left is the derivative along the
/// path alone, (∂ ln p(x, z)/∂z − ∂ ln q(z)/∂z) ∇z with ∂ ln q/∂z = −ε/σ (Roeder, Wu and Duvenaud 2017).
pub fn gradient(mu: f64, log_sigma: f64, eps: f64, slope: &dyn Fn(f64) -> f64) -> [f64; 2] {
    let sigma = log_sigma.exp();
    let along = slope(mu + sigma * eps) + eps / sigma;
    [along, along * sigma * eps]
}

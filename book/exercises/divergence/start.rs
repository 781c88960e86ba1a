//! Exercise of chapter 6: the divergence of a normal posterior from the prior.

use pathscore::prelude::Var;

/// KL(N(μ, σ²) ‖ N(0, I)) of each row; μ and ln σ have the shape `[rows, latents]`, and the result has the
/// shape `[rows]`.
///
/// Task: for one latent the divergence is ½ (μ² + σ² − 1) − ln σ. The latents of a row are independent. Users
/// of variational autoencoders report the mistake below more often than any other.
pub fn divergence<'t>(mu: Var<'t, f64>, log_sigma: Var<'t, f64>) -> Var<'t, f64> {
    let variance = (log_sigma * 2.0).exp();
    let each = (mu.square() + variance - 1.0) * 0.5 - log_sigma;
    each.mean_axis(-1)
}

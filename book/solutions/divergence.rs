//! Solution of `divergence`.

use pathscore::prelude::Var;

/// The logarithm of a product of densities is a sum: divergences of independent latents are summed. (Only the
/// rows of a batch are averaged, and the likelihood with them.)
pub fn divergence<'t>(mu: Var<'t, f64>, log_sigma: Var<'t, f64>) -> Var<'t, f64> {
    let variance = (log_sigma * 2.0).exp();
    let each = (mu.square() + variance - 1.0) * 0.5 - log_sigma;
    each.sum_axis(-1)
}

//! Exercise of chapter 7: doubly reparameterised gradients.

/// The three numbers of a draw whose normalised weight is `share` (w̃_k): the cotangents of ln p(x, z_k) and of
/// ln q(z_k|x), in which the parameters of q are constants, and the factor on all that flows from there into
/// z_k.
///
/// Task: the gradient of q's parameters is Σ w̃_k² (∂f_k/∂z_k) ∇z_k, and the start has both factors in the
/// first two numbers. Which parameters get a wrong gradient?
pub fn columns(share: f64) -> [f64; 3] {
    [share * share, -share * share, 1.0]
}

//! Importance-weighted autoencoders (Burda, Grosse and Salakhutdinov 2016).

use crate::draw::Path;
use crate::estimator::{Columns, Cotangents, LogWeights};
use crate::target::Target;
use pathscore_autodiff::Scalar;

/// The reparameterised gradient of $L_K = E \ln \frac1K \sum_k w_k$.
///
/// $$\sum_k \tilde w_k \nabla f_k, \qquad \tilde w_k = w_k / \textstyle\sum_j w_j$$
///
/// Columns: $a = \tilde w_k$, $b = -\tilde w_k$, path 1. It is unbiased for the gradient of $L_K$, which never
/// falls with $K$ and tends to $\ln p(x)$; $L_1$ is the ELBO. It costs $K$ draws. It suits the model; for the
/// posterior the signal-to-noise ratio falls like $\sqrt{1/K}$ as $K$ grows (Rainforth et al. 2018): prefer
/// [`Dreg`](super::Dreg) there.
#[doc(alias = "importance-weighted autoencoder")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Iwae;

impl Columns for Iwae {
    type Draw = Path;

    fn target(&self) -> Target {
        Target::Bound
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let share = w.normalised(b);
            move |k| (share(k), -share(k))
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

//! Reweighted wake-sleep (Bornschein and Bengio 2015).

use crate::draw::Score;
use crate::estimator::{Claim, Columns, LogWeights, Seeds};
use pathscore_autodiff::Scalar;

/// Both wake phases: the model and the posterior learn from the same weighted draws.
///
/// $$\nabla_\theta: \sum_k \tilde w_k \nabla \ln p(x, z_k), \qquad
///   \nabla_\varphi: \sum_k \tilde w_k \nabla \ln q(z_k \mid x)$$
///
/// Columns: $a = \tilde w_k$, $b = +\tilde w_k$, path 0. For the model it is unbiased for the gradient of $L_K$.
/// For the posterior it follows no bound on $\ln p(x)$ but $-\nabla \mathrm{KL}(p(z \mid x) \| q)$, with a bias
/// of $O(1/K)$. Costs $K$ draws and no baseline; its variance for the posterior falls with $K$. Prefer it for
/// posteriors that should cover every mode, with $K$ in the tens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wake;

impl<F: Scalar> Columns<F> for Wake {
    type Draw = Score;

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn seeds(&self, w: &LogWeights<F>, seeds: &mut Seeds<F>) {
        seeds.fill(w, |b| {
            let share = w.normalised(b);
            move |k| (share(k), share(k))
        });
    }

    fn bound(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

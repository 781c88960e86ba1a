//! The variational Rényi bound (Li and Turner 2016).

use super::sgvb::equal_shares;
use crate::draw::Path;
use crate::estimator::{Columns, Cotangents, LogWeights};
use crate::target::Target;
use pathscore_autodiff::Scalar;

/// The reparameterised gradient of $L_{\alpha,K} = \frac{1}{1-\alpha} E \ln \frac1K \sum_k w_k^{1-\alpha}$.
///
/// $$\sum_k \tilde w_k \nabla f_k, \qquad \tilde w_k \propto w_k^{1 - \alpha}$$
///
/// Columns: $a = \tilde w_k$, $b = -\tilde w_k$, path 1. It is unbiased for the gradient of $L_{\alpha,K}$, which
/// approaches Rényi's bound from the side of the ELBO as $K$ grows. $\alpha = 1$ gives the ELBO and $\alpha = 0$
/// [`Iwae`](super::Iwae); for $\alpha < 0$ the limit is above $\ln p(x)$, so that it is no lower bound; and for
/// $\alpha \to -\infty$ the gradient is that of the draw with the largest weight. Prefer it for a posterior that covers
/// more ($\alpha < 1$) or less ($\alpha > 1$) of the true one.
///
/// ```
/// use pathscore_estimators::{Columns, LogWeights, path::Renyi};
/// let w = LogWeights::new(2, 1, &[-1.0_f64, -3.0], &[0.0, 0.0]);
/// assert_eq!(Renyi { alpha: 1.0 }.bound(&w, 0), -2.0);
/// assert!((Renyi { alpha: 0.0 }.bound(&w, 0) - w.bound(0)).abs() < 1e-15);
/// ```
#[doc(alias = "alpha divergence")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Renyi {
    /// $\alpha$.
    pub alpha: f64,
}

impl Columns for Renyi {
    type Draw = Path;

    fn target(&self) -> Target {
        Target::Renyi { alpha: self.alpha }
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        if self.alpha == 1.0 {
            return equal_shares(w, cotangents);
        }
        cotangents.fill(w, |b| {
            let share = w.tempered(F::from_f64(1.0 - self.alpha), b);
            move |k| (share(k), -share(k))
        });
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.renyi_bound(self.alpha, b)
    }
}

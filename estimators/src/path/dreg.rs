//! Doubly reparameterised gradients (Tucker, Lawson, Gu and Maddison 2019).

use crate::draw::StoppedPath;
use crate::estimator::{Columns, Cotangents, LogWeights};
use crate::target::Target;
use pathscore_autodiff::Scalar;

/// The gradient of $L_K$ with the score of $q$ inside $\nabla f_k$ reparameterised once more.
///
/// $$\nabla_\theta: \sum_k \tilde w_k \nabla_\theta f_k, \qquad
///   \nabla_\varphi: \sum_k \tilde w_k^2 \frac{\partial f_k}{\partial z_k} \nabla_\varphi z_k$$
///
/// Columns: $a = \tilde w_k$, $b = -\tilde w_k$ with $q$ stopped, path $\tilde w_k$: the derivative through $z_k$
/// has one factor $\tilde w_k$ from the columns and one from the path, and the gradient of the model's parameters has
/// only the first. (Both factors on the model are a known mistake.) It is unbiased for the gradient of $L_K$, at the
/// cost of [`Iwae`](super::Iwae). The signal-to-noise ratio for the posterior rises with $K$ instead of falling, and if
/// $q$ is the posterior, every draw of the posterior's gradient is zero. Prefer it to `Iwae` for $K > 1$; at $K = 1$ it
/// is [`StickingTheLanding`](super::StickingTheLanding).
#[doc(alias = "doubly reparameterized gradient")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Dreg;

impl Columns for Dreg {
    type Draw = StoppedPath;

    fn target(&self) -> Target {
        Target::Bound
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let share = w.normalised(b);
            move |k| (share(k), -share(k))
        });
        cotangents.path.clone_from(&cotangents.log_joint);
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

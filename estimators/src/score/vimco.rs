//! Variational inference for Monte Carlo objectives (Mnih and Rezende 2016).

use crate::draw::Score;
use crate::estimator::{Columns, Cotangents, LogWeights};
use crate::target::Target;
use pathscore_autodiff::Scalar;

/// The mean of the other weights that replaces the weight of the draw that is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mean {
    /// The geometric mean of the other weights.
    #[default]
    Geometric,
    /// The arithmetic mean of the other weights.
    Arithmetic,
}

/// The score-function gradient of $L_K = E \ln \frac1K \sum_k w_k$ with a baseline for each draw that depends
/// on the other draws only.
///
/// $$\sum_k (\hat L - \hat L_{-k}) \nabla \ln q(z_k \mid x) + \sum_k \tilde w_k \nabla f_k, \qquad
///   \hat L_{-k} = \ln \frac1K \Big(\hat w_{-k} + \sum_{j \ne k} w_j\Big)$$
///
/// Columns: $a = \tilde w_k$, $b = \hat L - \hat L_{-k} - \tilde w_k$, path 0; the $-\tilde w_k$ is the second sum's
/// $-\ln q$. It is unbiased for the gradient of $L_K$ for every $K \ge 2$ and either [`Mean`], since $\hat L_{-k}$ does
/// not depend on $z_k$. It learns nothing and costs $K$ draws: the estimator of first choice for latents
/// without a path.
///
/// The sums over the others are a running log-sum-exp from either end: $O(K)$, no difference of nearly
/// equal numbers, exact with weights of zero. Where all the others are zero, $\hat L_{-k}$ is taken as zero:
/// any number that does not depend on $z_k$ keeps the gradient unbiased.
///
/// ```
/// use pathscore_estimators::{Columns, LogWeights, Cotangents, score::Vimco};
/// let mut cotangents = Cotangents::default();
/// let w = LogWeights::new(3, 1, &[-1.0, f64::NEG_INFINITY, -1.0], &[0.0; 3]);
/// Vimco::default().cotangents(&w, &mut cotangents);
/// assert_eq!(cotangents.log_joint, [0.5, 0.0, 0.5]);
/// // Without the first, one weight of three is left: ln (2/3) − ln (1/3) − 1/2.
/// assert!((cotangents.log_q[0] - (2_f64.ln() - 0.5)).abs() < 1e-15);
/// ```
#[doc(alias = "leave-one-out")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vimco {
    /// The mean that replaces $w_k$ in $\hat L_{-k}$.
    pub mean: Mean,
}

impl Columns for Vimco {
    type Draw = Score;

    fn target(&self) -> Target {
        Target::Bound
    }

    fn min_samples(&self) -> usize {
        2
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let none = F::from_f64(f64::NEG_INFINITY);
        let log_draws = F::from_f64(w.draws() as f64).ln();
        let mut memory = std::mem::take(&mut cotangents.others);
        cotangents.resize(w);
        for b in 0..w.batch() {
            let (bound, share, others) = (w.bound(b), w.normalised(b), w.others(b, &mut memory));
            cotangents.fill_member(w, b, |k| {
                let without = match self.mean {
                    // With the mean of the others for w_k, the mean of all is the mean of the others.
                    Mean::Arithmetic => others.log_mean(k),
                    Mean::Geometric => others.log_sum(k).log_add_exp(others.mean(k)) - log_draws,
                };
                let baseline = if without == none { F::ZERO } else { without };
                let signal = if bound == none { F::ZERO } else { bound - baseline };
                (share(k), signal - share(k))
            });
        }
        cotangents.others = memory;
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.bound(b)
    }
}

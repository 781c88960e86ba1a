//! The score-function estimator, REINFORCE (Williams 1992; Paisley, Blei and Jordan 2012; Ranganath,
//! Gerrish and Blei 2014).

use super::Baseline;
use crate::draw::Score;
use crate::estimator::{Columns, Cotangents, LogWeights};
use pathscore_autodiff::Scalar;

/// The score-function gradient of the ELBO with a baseline,
/// $\frac1K \sum_k \nabla \ln p(x, z_k) + (f_k - b_k) \nabla \ln q(z_k \mid x)$.
///
/// Columns: $a = 1/K$, $b = (f_k - b_k)/K$, path 0. It is unbiased for the ELBO's gradient for any latents and
/// any $f$, if the baseline does not depend on the draw; the term $-\nabla \ln q$ of $\nabla f$ has mean
/// zero and is left out. Without a baseline the variance is that of $f \nabla\ln q$ with $f$ in the
/// hundreds, which is rarely useful.
///
/// ```
/// use pathscore_estimators::score::{Baseline, Reinforce};
/// let estimator = Reinforce { baseline: Baseline::LeaveOneOut };
/// assert_eq!(pathscore_estimators::Columns::min_samples(&estimator), 2);
/// ```
#[doc(alias = "score function")]
#[doc(alias = "likelihood ratio")]
#[doc(alias = "policy gradient")]
#[doc(alias = "black-box variational inference")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reinforce {
    /// The number that is subtracted from the signal.
    pub baseline: Baseline,
}

impl Columns for Reinforce {
    type Draw = Score;

    fn min_samples(&self) -> usize {
        if self.baseline == Baseline::LeaveOneOut { 2 } else { 1 }
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let draws = F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| {
            let mean = w.mean(b);
            move |k| {
                let f = w.log_weight(k, b);
                let others = (draws * mean - f) / (draws - F::ONE);
                (F::ONE / draws, (f - self.baseline.of(others)) / draws)
            }
        });
    }

    fn observe(&mut self, mean: f64) {
        self.baseline.observe(mean);
    }

    fn state(&self) -> Vec<f64> {
        match self.baseline {
            Baseline::RunningMean { mean, .. } => mean.into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn restore(&mut self, state: &[f64]) {
        if let Baseline::RunningMean { mean, .. } = &mut self.baseline {
            *mean = state.first().copied();
        }
    }
}

//! Baselines: numbers that are subtracted from the signal of a score-function estimator.

use pathscore_autodiff::Scalar;

/// A number independent of the draw it corrects, so that $E[b \nabla \ln q] = 0$.
#[doc(alias = "control variate")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Baseline {
    /// No baseline.
    None,
    /// Always the same number.
    Constant(f64),
    /// The running mean of the signal over the batches *before* this one, zero before the first.
    ///
    /// A mean that already contains this batch would multiply the gradient by $1 - (1 - d)/B$.
    RunningMean {
        /// $d$, the weight of the old mean at each batch.
        decay: f64,
        /// The mean so far.
        mean: Option<f64>,
    },
    /// The mean of the signal of the *other* draws for the same member (Mnih and Rezende 2016; Kool, van
    /// Hoof and Welling 2019). It needs two draws.
    ///
    /// With the draw itself in the mean the gradient would be multiplied by $(K - 1)/K$.
    #[doc(alias = "RLOO")]
    #[doc(alias = "leave-one-out")]
    LeaveOneOut,
}

impl Baseline {
    /// The running mean with the usual decay, 0.9.
    pub fn running_mean() -> Self {
        Self::RunningMean { decay: 0.9, mean: None }
    }

    /// The baseline of a draw. The function receives the mean of the other draws and not the draw itself, on which a
    /// baseline must not depend.
    pub(crate) fn of<F: Scalar>(&self, mean_of_others: F) -> F {
        match *self {
            Self::None => F::ZERO,
            Self::Constant(c) => F::from_f64(c),
            Self::RunningMean { mean, .. } => F::from_f64(mean.unwrap_or(0.0)),
            Self::LeaveOneOut => mean_of_others,
        }
    }

    pub(crate) fn observe(&mut self, signal: f64) {
        if let Self::RunningMean { decay, mean } = self {
            *mean = Some(mean.map_or(signal, |old| *decay * old + (1.0 - *decay) * signal));
        }
    }
}

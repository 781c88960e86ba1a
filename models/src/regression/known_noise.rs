//! Bayesian linear regression with noise of a known variance.

use super::least_squares::Weights;

/// The weights of a linear model whose noise is known: $y = x^\top w + \varepsilon$, $\varepsilon \sim \mathcal N(0, \sigma^2)$, and
/// a normal distribution of $w$, as a prior or as a posterior.
///
/// With the prior $\mathcal N(m_0, \Lambda_0^{-1})$ the posterior is $\mathcal N(m, \Lambda^{-1})$,
///
/// $$\Lambda = \Lambda_0 + X^\top X/\sigma^2, \qquad m = \Lambda^{-1} (\Lambda_0 m_0 + X^\top y/\sigma^2).$$
///
/// A posterior is the prior of further rows, in any order. The mode is the mean, and with $\Lambda_0 = \alpha I$ it is ridge regression with
/// the penalty $\alpha\sigma^2$.
///
/// ```
/// use pathscore_models::regression::KnownNoise;
/// let prior = KnownNoise::independent(&[1.0, 1.0], 0.5);
/// // y ≈ 1 + 2x, with a column of ones.
/// let (posterior, log_evidence) = prior.condition(&[1.0, 0.0, 1.0, 1.0, 1.0, 2.0], &[1.1, 2.9, 5.0]);
/// assert!((posterior.mean()[1] - 2.0).abs() < 0.3 && log_evidence < 0.0);
/// let at_three = posterior.predict(&[1.0, 3.0]);
/// assert!((at_three.mean - 6.5).abs() < 0.6 && at_three.variance > 0.5);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "Bayesian linear regression")]
#[doc(alias = "ridge regression")]
pub struct KnownNoise {
    weights: Weights,
    variance: f64,
}

/// The normal distribution of an answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormalPrediction {
    /// $x^\top m$.
    pub mean: f64,
    /// $\sigma^2 + x^\top \Lambda^{-1} x$, that of the noise and that of the weights.
    pub variance: f64,
}

impl NormalPrediction {
    /// The log-density of an answer.
    pub fn log_prob(&self, y: f64) -> f64 {
        let distance = (y - self.mean).powi(2) / self.variance;
        -0.5 * (distance + self.variance.ln() + std::f64::consts::TAU.ln())
    }
}

impl KnownNoise {
    /// Independent weights with the mean zero and these precisions, and noise of this variance.
    ///
    /// # Panics
    /// If there are no weights, or a precision or the variance is not a positive number.
    #[track_caller]
    pub fn independent(precisions: &[f64], variance: f64) -> Self {
        assert!(variance > 0.0 && variance.is_finite(), "regression: {variance} is no variance");
        Self { weights: Weights::independent(precisions), variance }
    }

    /// The posterior after rows, and their evidence
    ///
    /// $$\ln p(y) = -\tfrac n2 \ln 2\pi\sigma^2 + \tfrac12 \ln\frac{\det\Lambda_0}{\det\Lambda} - \tfrac12 \Bigl[\frac{\Vert y - Xm
    /// \Vert^2}{\sigma^2} + (m - m_0)^\top \Lambda_0 (m - m_0)\Bigr].$$
    ///
    /// It takes $O(np^2)$ operations for $p$ weights.
    ///
    /// # Panics
    /// If `x` does not hold a row of weights for each number of `y`.
    #[track_caller]
    pub fn condition(&self, x: &[f64], y: &[f64]) -> (Self, f64) {
        let Self { weights, variance } = self;
        let (posterior, squares) = weights.condition(x, y, variance.sqrt());
        let constant = y.len() as f64 * (std::f64::consts::TAU * variance).ln();
        let log_det = weights.half_log_det() - posterior.half_log_det();
        (Self { weights: posterior, variance: *variance }, log_det - 0.5 * (constant + squares))
    }

    /// The mean of the weights.
    pub fn mean(&self) -> &[f64] {
        self.weights.mean.as_slice()
    }

    /// The covariance of the weights, row by row.
    pub fn covariance(&self) -> Vec<f64> {
        self.weights.covariance()
    }

    /// The distribution of the answer to a row.
    ///
    /// # Panics
    /// If `x` does not have a number for each weight.
    #[track_caller]
    pub fn predict(&self, x: &[f64]) -> NormalPrediction {
        let (mean, spread) = self.weights.project(x);
        NormalPrediction { mean, variance: self.variance + spread }
    }
}

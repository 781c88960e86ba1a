//! Bayesian linear regression with noise of an unknown variance.

use super::least_squares::Weights;
use pathscore_autodiff::Real;

/// The weights and the noise of a linear model, $y = x^\top w + \varepsilon$ with $\varepsilon \sim \mathcal N(0, \sigma^2)$, under the
/// normal–inverse-gamma distribution, as a prior or as a posterior:
///
/// $$w \mid \sigma^2 \sim \mathcal N(m, \sigma^2 \Lambda^{-1}), \qquad \sigma^2 \sim \text{Inverse-Gamma}(a, b).$$
///
/// It is conjugate. After $n$ rows, with $S = \min_w \Vert y - Xw \Vert^2 + (w - m_0)^\top \Lambda_0 (w - m_0)$ attained at $m$,
///
/// $$\Lambda = \Lambda_0 + X^\top X, \quad a = a_0 + \tfrac n2, \quad b = b_0 + \tfrac12 S, \quad
/// \ln p(y) = -\tfrac n2 \ln 2\pi + \tfrac12 \ln\frac{\det\Lambda_0}{\det\Lambda} + \ln\frac{\Gamma(a) b_0^{a_0}}{\Gamma(a_0) b^a}.$$
///
/// A posterior is the prior of further rows. The weights have Student's distribution with $2a$ degrees of freedom, the mean $m$ and the squared
/// scale $\tfrac ba \Lambda^{-1}$, and so has an answer, with the scale of [`NormalInverseGamma::predict`].
///
/// ```
/// use pathscore_models::regression::NormalInverseGamma;
/// let prior = NormalInverseGamma::independent(&[0.01, 0.01], 1.0, 1.0);
/// let x = [1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 3.0];
/// let (posterior, log_evidence) = prior.condition(&x, &[1.1, 2.9, 5.2, 6.9]);
/// // The chain rule: rows that come later have the evidence that they would have had together.
/// let (half, first) = prior.condition(&x[..4], &[1.1, 2.9]);
/// let (all, second) = half.condition(&x[4..], &[5.2, 6.9]);
/// assert!((first + second - log_evidence).abs() < 1e-12);
/// assert!((all.mean()[1] - posterior.mean()[1]).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "Bayesian linear regression")]
pub struct NormalInverseGamma {
    weights: Weights,
    shape: f64,
    rate: f64,
}

/// Student's distribution of an answer or of a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StudentPrediction {
    /// The degrees of freedom, $\nu$.
    pub freedom: f64,
    /// The location; the mean if $\nu > 1$.
    pub loc: f64,
    /// The scale $s$; the variance is $s^2 \nu/(\nu - 2)$ if $\nu > 2$.
    pub scale: f64,
}

/// $\ln\frac{\Gamma(x + h)}{\Gamma(x)} - h\ln(x + h)$, for large $x$ by Stirling's series (DLMF 5.11.1), where the large parts of the two
/// logarithms cancel by formula: $(x - \tfrac12)\ln(1 + \tfrac hx) - h + r(x + h) - r(x)$ with $r(x) = \tfrac1{12x} - \dots$
fn ln_gamma_rise(x: f64, h: f64) -> f64 {
    // From here on four terms of the series leave less than rounding.
    if x < 100.0 {
        return Real::ln_gamma(x + h) - Real::ln_gamma(x) - h * (x + h).ln();
    }
    let rest = |x: f64| {
        let square = (x * x).recip();
        (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0))) / x
    };
    (x - 0.5) * (h / x).ln_1p() - h + rest(x + h) - rest(x)
}

impl StudentPrediction {
    /// $\ln\Gamma(\tfrac{\nu + 1}2) - \ln\Gamma(\tfrac\nu2) - \tfrac12 \ln \pi\nu s^2 - \tfrac{\nu + 1}2 \ln(1 + t^2/\nu)$ with $t = (y -
    /// \text{loc})/s$.
    pub fn log_prob(&self, y: f64) -> f64 {
        let Self { freedom, loc, scale } = *self;
        let t = (y - loc) / scale;
        let half = 0.5 * freedom;
        // Γ(ν/2 + ½)/Γ(ν/2) over the root of ν/2.
        let gammas = ln_gamma_rise(half, 0.5) + 0.5 * (0.5 / half).ln_1p();
        let tail = (half + 0.5) * (t * t / freedom).ln_1p();
        gammas - 0.5 * std::f64::consts::TAU.ln() - scale.ln() - tail
    }
}

impl NormalInverseGamma {
    /// Weights with the mean zero that are independent given $\sigma^2$, with `precisions` $\Lambda_{ii}$ in units of $1/\sigma^2$, and the
    /// `shape` $a$ and the `rate` $b$ of $\sigma^2$. Small numbers make a vague prior, whose evidence depends on how vague it is.
    ///
    /// # Panics
    /// If there are no weights, or a number is not positive.
    #[track_caller]
    pub fn independent(precisions: &[f64], shape: f64, rate: f64) -> Self {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        assert!(
            positive(shape) && positive(rate),
            "regression: a shape of {shape} and a rate of {rate} are not both positive"
        );
        Self { weights: Weights::independent(precisions), shape, rate }
    }

    /// The posterior after rows, and their evidence $\ln p(y)$. It takes $O(np^2)$ operations for $p$ weights.
    ///
    /// # Panics
    /// If `x` does not hold a row of weights for each number of `y`.
    #[track_caller]
    pub fn condition(&self, x: &[f64], y: &[f64]) -> (Self, f64) {
        let Self { weights, shape, rate } = self;
        let (posterior, squares) = weights.condition(x, y, 1.0);
        let n = y.len() as f64;
        let (a, b) = (shape + 0.5 * n, rate + 0.5 * squares);
        let log_det = weights.half_log_det() - posterior.half_log_det();
        // Γ(a) b₀^a₀/(Γ(a₀) b^a), without differences of numbers as large as a ln a.
        let ratio = 0.5 * squares / rate;
        let growth = if ratio < 1.0 { ratio.ln_1p() } else { b.ln() - rate.ln() };
        let h = 0.5 * n;
        let gammas = ln_gamma_rise(*shape, h) + h * (a / b).ln() - shape * growth;
        let log_evidence = log_det + gammas - 0.5 * n * std::f64::consts::TAU.ln();
        (Self { weights: posterior, shape: a, rate: b }, log_evidence)
    }

    /// The mean of the weights, $m$.
    pub fn mean(&self) -> &[f64] {
        self.weights.mean.as_slice()
    }

    /// $\Lambda^{-1}$, row by row: the covariance of the weights given the noise, over $\sigma^2$.
    pub fn covariance_over_noise(&self) -> Vec<f64> {
        self.weights.covariance()
    }

    /// $a$, the shape of $\sigma^2$.
    pub fn shape(&self) -> f64 {
        self.shape
    }

    /// $b$, the rate of $\sigma^2$. The mean of $\sigma^2$ is $b/(a - 1)$ for $a > 1$, and its mode $b/(a + 1)$.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// The distribution of the answer to a row: Student's with $2a$ degrees of freedom, the location $x^\top m$ and the squared
    /// scale $\tfrac ba (1 + x^\top \Lambda^{-1} x)$.
    ///
    /// # Panics
    /// If `x` does not have a number for each weight.
    #[track_caller]
    pub fn predict(&self, x: &[f64]) -> StudentPrediction {
        let (loc, spread) = self.weights.project(x);
        self.student(loc, 1.0 + spread)
    }

    /// The marginal distribution of a combination $x^\top w$ of the weights, as of a single weight for a row with one 1.
    ///
    /// # Panics
    /// If `x` does not have a number for each weight.
    #[track_caller]
    pub fn combination(&self, x: &[f64]) -> StudentPrediction {
        let (loc, spread) = self.weights.project(x);
        self.student(loc, spread)
    }

    fn student(&self, loc: f64, square: f64) -> StudentPrediction {
        let scale = (self.rate / self.shape * square).sqrt();
        StudentPrediction { freedom: 2.0 * self.shape, loc, scale }
    }
}

//! The quantities whose gradients are estimated.

use crate::weights::LogWeights;
use std::borrow::Cow;
use std::fmt;

/// The quantity whose gradient an estimator estimates, with $f_k = \ln w_k = \ln p(x, z_k) - \ln q(z_k \mid x)$
/// and $z_1 \dots z_K$ from $q(z \mid x)$.
///
/// Every target is a function of the mean of a function of the draws' weights, `outside(E inside(w))`, so that a sum
/// over all outcomes of the draws gives its value, and differences in the parameters its gradient.
///
/// ```
/// use pathscore_estimators::{Estimator, Target, path, score};
/// use pathscore_models::latent::LinearGaussian;
/// fn target(estimator: impl Estimator<f64, LinearGaussian>) -> Target {
///     estimator.target()
/// }
/// assert_eq!(target(path::Sgvb), Target::Elbo);
/// assert_eq!(target(score::Vimco::default()), Target::Bound);
/// assert_eq!(Target::Renyi { alpha: 0.5 }.to_string(), "L_½,K");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// The evidence lower bound, $E \frac1K \sum_k f_k = E f_1$.
    #[doc(alias = "evidence lower bound")]
    Elbo,
    /// The importance-weighted bound, $L_K = E \ln \frac1K \sum_k w_k$.
    Bound,
    /// Rényi's bound from $K$ draws, $L_{\alpha,K} = \frac{1}{1 - \alpha} E \ln \frac1K \sum_k w_k^{1 - \alpha}$; at
    /// $\alpha = 1$ the ELBO.
    Renyi {
        /// $\alpha$.
        alpha: f64,
    },
    /// The likelihood, $p(x) = E w$.
    Likelihood,
    /// The log-likelihood, $\ln p(x) = \ln E w$.
    LogLikelihood,
    /// $L_K$ for the parameters of the model, and for those of $q$ the objective of the sleep phase,
    /// $E_{p(x', z')} \ln q(z' \mid x')$. The value is that of $L_K$.
    BoundAndSleep,
    /// The criterion of this name by which a model without a normaliser is fitted. It is a function of the energy and not of
    /// the weights of draws.
    Criterion(&'static str),
}

impl Target {
    /// The name in tables: `ELBO`, `L_K`, `L_½,K`, `p(x)`, `ln p`, `L_K, sleep`, and the
    /// name of a criterion.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Elbo => "ELBO".into(),
            Self::Bound => "L_K".into(),
            Self::Renyi { alpha: 0.5 } => "L_½,K".into(),
            Self::Renyi { alpha } => format!("L_{alpha},K").into(),
            Self::Likelihood => "p(x)".into(),
            Self::LogLikelihood => "ln p".into(),
            Self::BoundAndSleep => "L_K, sleep".into(),
            Self::Criterion(name) => name.into(),
        }
    }

    /// The number of draws in the definition; none if the definition has all $K$ draws of the problem.
    pub fn draws(self) -> Option<usize> {
        match self {
            Self::Elbo | Self::Likelihood | Self::LogLikelihood | Self::Criterion(_) => Some(1),
            Self::Bound | Self::Renyi { .. } | Self::BoundAndSleep => None,
        }
    }

    /// The function of the weights of one member's draws whose mean is taken; NaN for a criterion, which has none.
    pub fn inside(self, w: &LogWeights<f64>) -> f64 {
        match self {
            Self::Elbo => w.mean(0),
            Self::Bound | Self::BoundAndSleep => w.bound(0),
            Self::Renyi { alpha } => w.renyi_bound(alpha, 0),
            Self::Likelihood | Self::LogLikelihood => w.log_weight(0, 0).exp(),
            Self::Criterion(_) => f64::NAN,
        }
    }

    /// The function of that mean: the logarithm for $\ln p(x)$, the identity for all others.
    pub fn outside(self, mean: f64) -> f64 {
        if self == Self::LogLikelihood { mean.ln() } else { mean }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

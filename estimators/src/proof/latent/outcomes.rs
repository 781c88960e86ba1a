//! Bounds of latent-variable models, and the functions of draws whose means they are.

use crate::estimator::LogWeights;
use crate::target::Target;
use pathscore_models::Params;

/// The gradient of a bound of a latent-variable model, summed over a batch and multiplied by a scale.
///
/// The exact gradient comes from all outcomes of one draw of $z$ and from differences in the parameters: neither an
/// estimator nor automatic differentiation takes part. Each number is found in three ways, and their difference is its
/// error ([`Truth`](super::super::Truth)):
///
/// * Finite choices are all listed. Normal numbers become the nodes of three interleaved trapezoidal rules that reach
///   as far as the posterior and are as fine as it is narrow. Other continuous numbers, and more than two normal ones,
///   become the nodes of three of Gauss' rules.
/// * $L_K$ and Rényi's bound, of $K$ independent draws, are one-dimensional integrals over the Laplace transform of the
///   weight of a single draw: $E \ln \sum_k w_k = \int_0^\infty [e^{-t} - (E e^{-tw})^K] \frac{\mathrm dt}t$. They are
///   exact for any $K$. Where there are few multisets of draws, one of the three ways is the sum over them.
/// * Where one draw has too many outcomes, the truth is a long run of draws with its standard error.
///
/// ```
/// use pathscore_estimators::Target;
/// use pathscore_estimators::proof::{Latent, Problem};
/// use pathscore_models::{Params, latent::SmallBelief, seed};
/// let mut params = Params::new();
/// let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
/// let elbo = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
/// let bound = Latent { samples: 2, target: Target::Bound, ..elbo.clone() };
/// assert!(bound.truth()?.value > elbo.truth()?.value);
/// # Ok::<(), pathscore_estimators::proof::TruthError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Latent<M> {
    /// The name of the problem.
    pub name: String,
    /// The model.
    pub model: M,
    /// The parameters at which the gradient is taken.
    pub params: Params<f64>,
    /// The batch, row by row.
    pub x: Vec<f64>,
    /// The number of rows.
    pub batch: usize,
    /// $K$, the number of draws for each row.
    pub samples: usize,
    /// The factor on the gradient summed over the batch.
    pub scale: f64,
    /// The quantity that is differentiated.
    pub target: Target,
}

impl<M> Latent<M> {
    /// The gradient of the ELBO of one row, for estimators that use one draw.
    pub fn new(name: impl Into<String>, model: M, params: Params<f64>, x: &[f64]) -> Self {
        let (batch, samples, scale, target) = (1, 1, 1.0, Target::Elbo);
        Self { name: name.into(), model, params, x: x.to_vec(), batch, samples, scale, target }
    }
}

/// The way in which the draws depend on parameters that are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DrawDependence {
    /// The draws are drawn from the distribution at the moved parameters.
    Total,
    /// The draws keep their values and their probabilities.
    Fixed,
    /// The draws move along their paths and keep their probabilities.
    Path,
}

/// The draws that an outcome consists of: so many for each of so many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) draws: usize,
    pub(super) rows: usize,
}

/// One outcome of the draws.
pub(super) struct Outcome<'a> {
    /// The log-probabilities of the draws at the moved parameters.
    pub(super) w: LogWeights<'a, f64>,
    /// $\ln p(z)$ at the moved parameters, if there is a single draw.
    pub(super) log_prior: &'a [f64],
    /// The log-probabilities of the draws at the parameters of the problem; with [`DrawDependence::Total`] those at the
    /// moved parameters.
    pub(super) unmoved: LogWeights<'a, f64>,
}

/// A form of a functional with a way of its own to the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// Any function of an outcome.
    Any,
    /// $E \frac1\beta \ln \frac1K \sum_k w_k^\beta$.
    LogMean {
        /// $\beta$.
        beta: f64,
    },
    /// $E w$ of a single draw.
    Weight,
    /// $\ln E w$ of a single draw.
    LogWeight,
}

/// A function of an outcome whose mean is taken, and a function of that mean.
pub(super) trait Functional {
    /// The function whose mean over all outcomes is taken.
    fn inside(&self, outcome: &Outcome) -> f64;

    /// The function of the mean.
    fn outside(&self, mean: f64) -> f64 {
        mean
    }

    /// The form of the function of the mean.
    fn form(&self) -> Form {
        Form::Any
    }

    /// True if the function reads the density of the prior.
    fn reads_prior(&self) -> bool {
        false
    }
}

impl Functional for Target {
    fn inside(&self, outcome: &Outcome) -> f64 {
        Self::inside(*self, &outcome.w)
    }

    fn outside(&self, mean: f64) -> f64 {
        Self::outside(*self, mean)
    }

    fn form(&self) -> Form {
        match *self {
            Self::Bound | Self::BoundAndSleep => Form::LogMean { beta: 1.0 },
            Self::Renyi { alpha } => Form::LogMean { beta: 1.0 - alpha },
            Self::Likelihood => Form::Weight,
            Self::LogLikelihood => Form::LogWeight,
            Self::Elbo | Self::Criterion(_) => Form::Any,
        }
    }
}

/// A function of the log-weight of a single draw.
pub(super) struct OfLogWeight<G>(pub(super) G);

impl<G: Fn(f64) -> f64> Functional for OfLogWeight<G> {
    fn inside(&self, outcome: &Outcome) -> f64 {
        (self.0)(outcome.w.log_weight(0, 0))
    }
}

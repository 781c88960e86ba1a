//! Annealed importance sampling: ratios of normalisers.

use super::{Differentiable, LogDensity, Position, Sampler};
use crate::montecarlo::pool::Pool;
use crate::weights::LogWeights;
use pathscore_models::RandomSource;

/// The density $\pi_\beta \propto e^{(1 - \beta) \ell_0 + \beta \ell_1}$ between that of a `base`, $\ell_0$, and that of a
/// `target`, $\ell_1$.
#[derive(Debug)]
pub struct Tempered<'a, P: ?Sized, T: ?Sized> {
    /// $\ell_0$.
    pub base: &'a P,
    /// $\ell_1$.
    pub target: &'a T,
    /// $\beta$, from zero (the base) to one (the target).
    pub beta: f64,
    /// Memory for gradients, one for each thread that works at the same time.
    memory: Pool<Vec<f64>>,
}

impl<'a, P: LogDensity + ?Sized, T: LogDensity + ?Sized> Tempered<'a, P, T> {
    /// The density at some $\beta$.
    pub fn new(base: &'a P, target: &'a T, beta: f64) -> Self {
        Self { base, target, beta, memory: Pool::default() }
    }

    /// $c \ell$, zero for $c = 0$ even outside the support.
    fn times(factor: f64, log_prob: f64) -> f64 {
        if factor == 0.0 { 0.0 } else { factor * log_prob }
    }

    /// $\ell_1(x) - \ell_0(x)$, the logarithm of the unnormalised ratio of the densities.
    fn log_ratio(&self, x: &[f64]) -> f64 {
        self.target.log_prob(x) - self.base.log_prob(x)
    }
}

impl<P: LogDensity + ?Sized, T: LogDensity + ?Sized> LogDensity for Tempered<'_, P, T> {
    fn dim(&self) -> usize {
        self.target.dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        let Self { base, target, beta, .. } = self;
        Self::times(1.0 - beta, base.log_prob(x)) + Self::times(*beta, target.log_prob(x))
    }
}

impl<P, T> Differentiable for Tempered<'_, P, T>
where
    P: Differentiable + ?Sized,
    T: Differentiable + ?Sized,
{
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        let Self { base, target, beta, memory } = self;
        let of_base = base.log_prob_and_grad(x, grad);
        memory.lend(|of_target| {
            of_target.resize(grad.len(), 0.0);
            let log_prob = target.log_prob_and_grad(x, of_target);
            for (g, of_target) in grad.iter_mut().zip(&*of_target) {
                *g = Self::times(1.0 - beta, *g) + Self::times(*beta, *of_target);
            }
            Self::times(1.0 - beta, of_base) + Self::times(*beta, log_prob)
        })
    }
}

/// Annealed importance sampling (Neal 2001) along $\pi_{\beta_0}, \dots, \pi_{\beta_n}$ with $\beta_0 = 0$ and $\beta_n = 1$.
///
/// [`Annealing::forward`] starts at an exact draw of the base. Its weight is
/// $\ln w = \sum_{t=1}^n (\beta_t - \beta_{t-1}) [\ell_1(x_{t-1}) - \ell_0(x_{t-1})]$, where $x_t$ is made from $x_{t-1}$ by a
/// transition that leaves $\pi_{\beta_t}$ invariant. Whatever the transitions and their number,
///
/// $$E w = Z_1 / Z_0, \qquad E \ln w \le \ln (Z_1/Z_0).$$
///
/// [`Annealing::backward`] starts at an exact draw of the target and goes the other way, with $E w^{-1} = Z_0 / Z_1$ and
/// $E \ln w \ge \ln(Z_1/Z_0)$: both together enclose the truth (Grosse, Ghahramani and Adams 2015). It needs reversible
/// transitions, such as those of [`RandomWalk`](super::RandomWalk), [`Mala`](super::Mala) and [`Hmc`](super::Hmc).
///
/// A likelihood is such a ratio: with $\ell_0 = \ln p(z)$ and $\ell_1 = \ln p(x, z)$ it is $p(x)$.
///
/// ```
/// use pathscore_estimators::samplers::{Annealing, FromFn, LogMeanWeight, RandomWalk};
/// use pathscore_models::{RandomSource, seed};
/// // The standard normal without its constant, and a normal of a tenth of its width around two.
/// let base = FromFn { dim: 1, log_prob: |x: &[f64]| -0.5 * x[0] * x[0] };
/// let target = FromFn { dim: 1, log_prob: |x: &[f64]| -50.0 * (x[0] - 2.0).powi(2) };
/// let (annealing, walk) = (Annealing::linear(100), RandomWalk::new(0.3));
/// let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
/// let log_weights: Vec<f64> = (0..200)
///     .map(|_| {
///         let start = [rng.normal()];
///         annealing.forward(&base, &target, &walk, &start, rng).log_weight
///     })
///     .collect();
/// // ln 0.1, within four standard errors.
/// let found = LogMeanWeight::of(&log_weights);
/// assert!((found.value + 10_f64.ln()).abs() < 4.0 * found.standard_error);
/// ```
#[doc(alias = "AIS")]
#[doc(alias = "BDMC")]
#[derive(Clone, Debug, PartialEq)]
pub struct Annealing {
    betas: Vec<f64>,
}

/// The end of a chain of [`Annealing`].
#[derive(Clone, Debug, PartialEq)]
pub struct Annealed {
    /// $\ln w$.
    pub log_weight: f64,
    /// The last position: near a draw of the target after [`Annealing::forward`], of the base after
    /// [`Annealing::backward`].
    pub position: Vec<f64>,
    /// The share of transitions that were accepted.
    pub acceptance: f64,
}

impl Annealing {
    /// The path along some $\beta$.
    ///
    /// # Panics
    /// If they do not rise from zero to one.
    pub fn new(betas: Vec<f64>) -> Self {
        let ends = [betas.first(), betas.last()] == [Some(&0.0), Some(&1.0)];
        let rises = betas.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(ends && rises, "annealing: temperatures must rise from 0 to 1, not {betas:?}");
        Self { betas }
    }

    /// The path of `steps` equal steps.
    ///
    /// # Panics
    /// If there is no step.
    pub fn linear(steps: usize) -> Self {
        assert!(steps > 0, "annealing: a path needs a step");
        Self::new((0..=steps).map(|t| t as f64 / steps as f64).collect())
    }

    /// The path of `steps` steps that are short at both ends, where the density changes most: $\beta_t = (\sigma(\delta u_t) -
    /// \sigma(-\delta)) / (\sigma(\delta) - \sigma(-\delta))$ with $u_t = 2t/n - 1$ and $\delta = 4$ (Wu et al. 2017).
    ///
    /// ```
    /// use pathscore_estimators::samplers::Annealing;
    /// let betas = Annealing::sigmoid(4).betas().to_vec();
    /// assert_eq!((betas[0], betas[4]), (0.0, 1.0));
    /// assert!((betas[2] - 0.5).abs() < 1e-15 && betas[1] < 0.125);
    /// ```
    ///
    /// # Panics
    /// If there is no step.
    pub fn sigmoid(steps: usize) -> Self {
        assert!(steps > 0, "annealing: a path needs a step");
        let sigma = |u: f64| 1.0 / (1.0 + (-4.0 * u).exp());
        let beta = |t: usize| {
            let u = 2.0 * t as f64 / steps as f64 - 1.0;
            (sigma(u) - sigma(-1.0)) / (sigma(1.0) - sigma(-1.0))
        };
        let between = (1..steps).map(beta);
        Self::new(std::iter::once(0.0).chain(between).chain([1.0]).collect())
    }

    /// The temperatures $\beta_0 = 0, \dots, \beta_n = 1$.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }

    /// A chain from the base to the target; `start` is an exact draw of the base.
    pub fn forward<P, T, S, R>(
        &self,
        base: &P,
        target: &T,
        sampler: &S,
        start: &[f64],
        source: &mut R,
    ) -> Annealed
    where
        P: LogDensity + ?Sized,
        T: LogDensity + ?Sized,
        S: for<'b> Sampler<Tempered<'b, P, T>>,
        R: RandomSource,
    {
        let mut at = Tempered::new(base, target, 0.0);
        let mut chain = Chain::new(start);
        for step in self.betas.windows(2) {
            at.beta = step[1];
            chain.add_ratio(&at, step);
            chain.move_at(&at, sampler, source);
        }
        chain.end(self.betas.len() - 1)
    }

    /// A chain from the target to the base; `start` is an exact draw of the target, and the transitions must be reversible.
    /// The `log_weight` is that of the same path forward, so that the mean of $1/w$ is $Z_0/Z_1$.
    pub fn backward<P, T, S, R>(
        &self,
        base: &P,
        target: &T,
        sampler: &S,
        start: &[f64],
        source: &mut R,
    ) -> Annealed
    where
        P: LogDensity + ?Sized,
        T: LogDensity + ?Sized,
        S: for<'b> Sampler<Tempered<'b, P, T>>,
        R: RandomSource,
    {
        let mut at = Tempered::new(base, target, 1.0);
        let mut chain = Chain::new(start);
        for step in self.betas.windows(2).rev() {
            at.beta = step[1];
            chain.move_at(&at, sampler, source);
            chain.add_ratio(&at, step);
        }
        chain.end(self.betas.len() - 1)
    }
}

/// A chain along the path.
struct Chain<S> {
    position: Vec<f64>,
    /// The state of the sampler, from the first transition on.
    state: Option<S>,
    log_weight: f64,
    accepted: usize,
}

impl<S: Position> Chain<S> {
    fn new(start: &[f64]) -> Self {
        Self { position: start.to_vec(), state: None, log_weight: 0.0, accepted: 0 }
    }

    /// Adds $(\beta_t - \beta_{t-1})(\ell_1 - \ell_0)$ at the position.
    fn add_ratio<P, T>(&mut self, at: &Tempered<P, T>, step: &[f64])
    where
        P: LogDensity + ?Sized,
        T: LogDensity + ?Sized,
    {
        self.log_weight += (step[1] - step[0]) * at.log_ratio(&self.position);
    }

    fn move_at<T, R>(&mut self, at: &T, sampler: &impl Sampler<T, State = S>, source: &mut R)
    where
        R: RandomSource,
    {
        let Self { position, state, accepted, .. } = self;
        match state {
            Some(state) => sampler.restart(at, position, state, source),
            None => *state = Some(sampler.init(at, position, source)),
        }
        let state = state.as_mut().expect("it was just made");
        *accepted += usize::from(sampler.step(at, state, source).accepted);
        position.copy_from_slice(state.position());
    }

    fn end(self, transitions: usize) -> Annealed {
        let Self { position, log_weight, accepted, .. } = self;
        Annealed { log_weight, position, acceptance: accepted as f64 / transitions as f64 }
    }
}

/// The logarithm of a mean of weights $w_i$ that are given by their logarithms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogMeanWeight {
    /// $\ln \frac1n \sum_i w_i$. Its mean is below the logarithm of the mean weight.
    pub value: f64,
    /// Its standard error to first order: the standard error of the mean over the mean. It means something while it is far
    /// below one.
    pub standard_error: f64,
    /// $(\sum_i w_i)^2/\sum_i w_i^2$, the effective sample size.
    pub effective_draws: f64,
}

impl LogMeanWeight {
    /// The logarithm of the mean of $e^{l_i}$.
    ///
    /// ```
    /// use pathscore_estimators::samplers::LogMeanWeight;
    /// let found = LogMeanWeight::of(&[1000.0, 1000.0 + 3_f64.ln()]);
    /// assert!((found.value - 1000.0 - 2_f64.ln()).abs() < 1e-12);
    /// assert!((found.effective_draws - 1.6).abs() < 1e-12);
    /// ```
    ///
    /// # Panics
    /// If there are no weights.
    pub fn of(log_weights: &[f64]) -> Self {
        assert!(!log_weights.is_empty(), "the mean of no weights");
        let zeros = vec![0.0; log_weights.len()];
        let w = LogWeights::new(log_weights.len(), 1, log_weights, &zeros);
        let (n, value, effective_draws) = (w.draws() as f64, w.bound(0), w.effective_draws(0));
        if value == f64::NEG_INFINITY {
            return Self { value, standard_error: f64::NAN, effective_draws };
        }
        if log_weights.len() == 1 {
            return Self { value, standard_error: f64::INFINITY, effective_draws };
        }
        // n (n Σ w² − (Σ w)²)/((n − 1) (Σ w)²) over n.
        let square = (n / effective_draws - 1.0) / (n - 1.0);
        Self { value, standard_error: square.max(0.0).sqrt(), effective_draws }
    }
}

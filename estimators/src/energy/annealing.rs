//! Annealed importance sampling of an energy-based model: estimates of $\ln Z$ from below and from above.

mod chains;

pub(super) use chains::Memory;
pub use chains::{EnergyChains, PARALLEL_CHAINS};

use crate::samplers::{Annealing, LogMeanWeight};
use chains::Walk;
use pathscore_autodiff::Scalar;
use pathscore_models::{BaseModel, Params};

/// Standard errors to either side of an interval.
const ERRORS: f64 = 3.0;

/// The least share of the mean thermodynamic speed that a step of a pilot path counts with, so that a step whose variance was
/// underestimated by few chains is not left out.
const LEAST_SPEED: f64 = 0.1;

/// The straight line $\theta_\beta = (1 - \beta) \theta_0 + \beta \theta_1$ from a model of independent columns,
/// $\theta_0$, whose $Z_0$ is known, to the parameters of interest, $\theta_1$.
///
/// Annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008) goes along it. [`ParameterPath::forward`] starts
/// $x_0$ from the base and makes $x_t$ from $x_{t-1}$ by a Gibbs sweep at $\theta_{\beta_t}$:
///
/// $$\ln w = \sum_{t=1}^n [E_{\theta_{\beta_{t-1}}}(x_{t-1}) - E_{\theta_{\beta_t}}(x_{t-1})], \qquad E w = Z_1/Z_0, \qquad
/// E \ln w \le \ln (Z_1 / Z_0).$$
///
/// So $\ln \hat Z$ is low in the mean, and a likelihood $-E(x) - \ln \hat Z$ *optimistic*: never print it alone.
/// [`ParameterPath::reverse`] starts from draws of the model and goes back, with $E w^{-1} = Z_0/Z_1$, so that its $\ln \hat Z$ is high in
/// the mean. With exact draws the truth lies between the two means (Burda, Grosse and Salakhutdinov 2015); draws of a chain that
/// has not mixed void the upper bound, but their disagreement with the lower one shows it.
/// [`bridge`](crate::samplers::bridge) combines both.
///
/// ```
/// use pathscore_estimators::energy::{EnergyChains, ParameterPath};
/// use pathscore_estimators::samplers::Annealing;
/// use pathscore_models::{ExactPartition, Params, energy::Rbm, seed};
/// let mut params = Params::<f64>::new();
/// let model = Rbm::new(&mut params, 6, 4, &mut seed::rng(0, seed::Stream::Init, 0));
/// params.values_mut().iter_mut().enumerate().for_each(|(i, x)| *x = (3.0 * i as f64).sin());
/// let path = ParameterPath::new(&model, &params, &[0.5; 6]);
/// let mut chains = EnergyChains::new(200, 6, 0);
/// let forward = path.forward(&Annealing::linear(100), &mut chains, &|_| {});
/// let exact = model.log_partition(&params).expect("four hidden units can be enumerated");
/// assert!(forward.interval[0] < exact && exact < forward.interval[1]);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "AIS")]
#[doc(alias = "annealed importance sampling")]
pub struct ParameterPath<'a, F, M> {
    model: &'a M,
    base: Params<F>,
    target: &'a Params<F>,
    log_base: f64,
}

/// An estimate of $\ln Z$ by annealed importance sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPartition {
    /// $\ln \hat Z$: forward $\ln Z_0 + \ln \frac1N \sum_i w_i$, low in the mean; in reverse $\ln Z_0 - \ln \frac1N \sum_i
    /// w_i^{-1}$, high in the mean.
    pub value: f64,
    /// The logarithms of $\hat Z \pm 3$ standard errors (of $1 / \hat Z$ in reverse). The errors are those of the mean of the
    /// weights and not of their logarithms; where three of them exceed the mean, an end is infinite.
    pub interval: [f64; 2],
    /// $(\sum_i w_i)^2/\sum_i w_i^2$, the effective number of chains. The interval means something while it is large.
    pub effective_chains: f64,
    /// $\ln w_i + \ln Z_0$ of each chain, in both directions the weight of the path forward.
    pub log_weights: Vec<f64>,
}

impl LogPartition {
    /// The estimate of weights $\ln w_i + \ln Z_0$ of chains from the base.
    ///
    /// ```
    /// use pathscore_estimators::energy::LogPartition;
    /// let found = LogPartition::forward(vec![2.0; 10]);
    /// assert_eq!(found.value, 2.0);
    /// assert!(found.interval.iter().all(|end| (end - 2.0).abs() < 1e-6));
    /// ```
    ///
    /// # Panics
    /// If there are no weights.
    pub fn forward(log_weights: Vec<f64>) -> Self {
        let mean = LogMeanWeight::of(&log_weights);
        let end = |sign: f64| mean.value + (sign * ERRORS * mean.standard_error).max(-1.0).ln_1p();
        let (value, interval) = (mean.value, [end(-1.0), end(1.0)]);
        Self { value, interval, effective_chains: mean.effective_draws, log_weights }
    }

    /// The estimate of weights $\ln w_i + \ln Z_0$ of chains from the model back to the base.
    ///
    /// # Panics
    /// If there are no weights.
    pub fn reverse(log_weights: Vec<f64>) -> Self {
        let inverse = Self::forward(log_weights.iter().map(|w| -w).collect());
        let Self { value, interval: [low, high], effective_chains, .. } = inverse;
        Self { value: -value, interval: [-high, -low], effective_chains, log_weights }
    }
}

impl<'a, F: Scalar, M: BaseModel<F>> ParameterPath<'a, F, M> {
    /// The path to `target` from the base model whose columns have these means, such as those of the training data.
    ///
    /// # Panics
    /// If there is not one mean for each column.
    pub fn new(model: &'a M, target: &'a Params<F>, means: &[f64]) -> Self {
        let mut base = target.clone();
        let log_base = model.set_base(&mut base, means);
        Self { model, base, target, log_base }
    }

    /// $\ln Z_0$ of the base model.
    pub fn log_base(&self) -> f64 {
        self.log_base
    }

    fn ends(&self) -> [&Params<F>; 2] {
        [&self.base, self.target]
    }

    /// Anneals all chains from the base to the model, and leaves them near draws of the model. `done` is called after each step of a part of
    /// the chains with its sums of increments so far. The chains make their steps on the threads of the pool, with the same bits for any number of
    /// them.
    pub fn forward(
        &self,
        path: &Annealing,
        chains: &mut EnergyChains<F>,
        done: &(dyn Fn(&[f64]) + Sync),
    ) -> LogPartition {
        self.along(path.betas(), chains, done);
        LogPartition::forward(chains.log_weights().map(|w| w + self.log_base).collect())
    }

    /// Anneals all chains from where they are, which should be draws of the model, back to the base, by sweeps backwards in
    /// time.
    pub fn reverse(
        &self,
        path: &Annealing,
        chains: &mut EnergyChains<F>,
        done: &(dyn Fn(&[f64]) + Sync),
    ) -> LogPartition {
        let betas: Vec<f64> = path.betas().iter().rev().copied().collect();
        self.along(&betas, chains, done);
        // The sums are those of the path backwards: ln w with the other sign.
        LogPartition::reverse(chains.log_weights().map(|w| self.log_base - w).collect())
    }

    fn along(&self, betas: &[f64], chains: &mut EnergyChains<F>, done: &(dyn Fn(&[f64]) + Sync)) {
        chains.each(|shard| {
            let Walk { memory, source, .. } = shard;
            memory.start(self.model, self.ends(), betas[0], source);
            for step in betas.windows(2) {
                memory.step(self.model, self.ends(), [step[0], step[1]], source);
                done(&memory.log_weights);
            }
        });
    }

    /// Temperatures of `steps` steps that are adapted to the path: chains of their own, which take no part in an estimate, go
    /// along `pilot` from the base to the model, and the steps are then spread so that the standard deviation of each increment of
    /// $\ln w$ is about the same (a constant thermodynamic speed; Gelman and Meng 1998; Grosse, Maddison and Salakhutdinov
    /// 2013).
    ///
    /// Temperatures that are adapted during the run that is averaged would make $E w \ne Z_1 / Z_0$; these do not.
    ///
    /// # Panics
    /// If there is no step.
    pub fn pilot(
        &self,
        pilot: &Annealing,
        chains: &mut EnergyChains<F>,
        steps: usize,
    ) -> Annealing {
        assert!(steps > 0, "annealing: a path needs a step");
        let betas = pilot.betas();
        chains.each(|shard| {
            let Walk { memory, source, moments } = shard;
            memory.start(self.model, self.ends(), betas[0], source);
            moments.clear();
            for step in betas.windows(2) {
                memory.step(self.model, self.ends(), [step[0], step[1]], source);
                moments.push(memory.moments());
            }
        });
        adapted(betas, &chains.deviations(betas.len() - 1), steps)
    }
}

/// Temperatures of `steps` steps with equal parts of the integral of the speed, which is constant between the `betas`.
fn adapted(betas: &[f64], deviations: &[f64], steps: usize) -> Annealing {
    let mean = deviations.iter().sum::<f64>() / deviations.len() as f64;
    // Without any variance every path is as good.
    let least = if mean > 0.0 && mean.is_finite() { LEAST_SPEED * mean } else { 1.0 };
    let lengths: Vec<f64> =
        deviations.iter().map(|d| if d.is_finite() { d.max(least) } else { least }).collect();
    let total: f64 = lengths.iter().sum();
    let (mut at, mut before) = (0, 0.0);
    let mut found = vec![0.0];
    for step in 1..steps {
        let aim = total * step as f64 / steps as f64;
        while at + 1 < lengths.len() && before + lengths[at] < aim {
            before += lengths[at];
            at += 1;
        }
        let part = ((aim - before) / lengths[at]).clamp(0.0, 1.0);
        found.push(betas[at] + part * (betas[at + 1] - betas[at]));
    }
    found.push(1.0);
    // Rounding may make two neighbours equal where steps are many.
    found.dedup();
    Annealing::new(found)
}

#[cfg(test)]
mod tests;

//! Persistent chains, and others beside them whose weights know $\ln Z$ along training.

use super::annealing::Memory;
use super::contrastive::swept;
use super::criterion::{Phases, chain_count, constant};
use crate::estimator::{Claim, Estimator, Query};
use crate::samplers::Annealing;
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::Scalar;
use pathscore_models::{BaseModel, Bound, RandomSource};

/// The steps of annealing from the base model to the first parameters.
const FIRST_STEPS: usize = 200;

/// Persistent contrastive divergence with further chains beside it that know $\ln Z$ at every step: annealed importance
/// sampling along training (Jarzynski 1997; Carbone, Hua, Coste and Vanden-Eijnden 2023).
///
/// Before the further chains $x_i$ move by sweeps at new parameters $\theta_{k+1}$, their weights follow the change of the energy,
///
/// $$\ln w_i \mathrel{+}= E_{\theta_k}(x_i) - E_{\theta_{k+1}}(x_i),$$
///
/// so that the mean of $w_i$ is $Z_{k+1}$ at every step, exactly and however far the chains lag behind. The order matters: chains
/// that move first and are weighted then have the wrong $Z$, although their weighted law is nearly right. The chains
/// begin at draws of the base model with the means of the first batch, which are annealed to the first parameters, so that their
/// weights are exact from the start. Chains of low weight are replaced by copies of others (systematic resampling) when the
/// effective number of chains of a shard falls below the share `resample`; that changes no mean.
///
/// The gradient is that of [`PersistentContrastiveDivergence`](super::PersistentContrastiveDivergence) by as many chains of its
/// own. The weights would not be exact if the chains of the gradient had them: a step raises the energy just where these
/// chains are, so that their mean weight would be too low, by the learning rate times the trace of the covariance of $\nabla E$ over the
/// number of chains at every step. That adds up: to 2.4 nats in 400 steps with a rate of 0.3 and 400 chains of a machine of 9 × 12 units.
///
/// [`Estimator::log_partition`] returns $\ln Z$ at the parameters of the last gradient. It is low in the mean, by half the relative
/// variance of the weights, and it is only as good as the chains cover the model: modes that no chain has reached are not counted. The
/// value is that of persistent contrastive divergence. The cost is about twice as high. Prefer it where the likelihood is to be followed
/// during training.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::TrackedContrastiveDivergence};
/// use pathscore_models::{ExactPartition, Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let mut tracked = TrackedContrastiveDivergence::new(1);
/// tracked.chains = Some(200);
/// for _ in 0..20 {
///     let data = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0];
///     let query = Query { batch: 2, ..Query::new(&model, &params, &data, 1) };
///     tracked.estimate(query, rng, &mut work);
///     Estimator::<f64, Rbm>::observe(&mut tracked, &work.stats.clone());
///     work.release();
///     let gradient = work.gradient(params.len()).to_vec();
///     params.values_mut().iter_mut().zip(gradient).for_each(|(x, g)| *x += 0.05 * g);
/// }
/// // The last estimate is of the parameters before the last update.
/// let tracked = Estimator::<f64, Rbm>::log_partition(&tracked).expect("steps were made");
/// let exact = model.log_partition(&params).expect("three units can be enumerated");
/// assert!((tracked - exact).abs() < 0.3, "{tracked} {exact}");
/// ```
#[doc(alias = "Jarzynski")]
#[doc(alias = "AIS along training")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackedContrastiveDivergence {
    /// The number of sweeps before each gradient.
    pub sweeps: usize,
    /// The number of chains of each of both kinds, rounded up to a multiple of the shards of a batch. Without a number there
    /// are as many chains as the first batch has rows, times the samples.
    pub chains: Option<usize>,
    /// The weighted chains of a shard are resampled when their effective number is less than this share of them: never at zero, and at
    /// every step at one.
    pub resample: f64,
    /// $\ln Z$ of the last step, over the chains of all shards.
    log_partition: Option<f64>,
}

impl TrackedContrastiveDivergence {
    /// So many sweeps before each gradient, as many chains as rows, and resampling at half of the chains.
    pub fn new(sweeps: usize) -> Self {
        Self { sweeps, chains: None, resample: 0.5, log_partition: None }
    }
}

/// The chains of one shard.
#[derive(Debug, Default)]
struct Weighted {
    columns: usize,
    /// Row by row.
    rows: Vec<f64>,
    /// $\ln w_i$ with $\ln Z$ of the base model, so that the mean of $w_i$ is $Z$.
    log_weights: Vec<f64>,
    /// The energies of the rows at the parameters of the last step.
    energies: Vec<f64>,
    /// The rows of the chains of the gradient, which have no weights.
    negative: Vec<f64>,
}

impl ShardState for Weighted {
    /// The numbers of columns and of chains, the rows, the weights, the energies, and the rows of the gradient.
    fn save(&self) -> Vec<f64> {
        let sizes = [self.columns as f64, self.log_weights.len() as f64];
        let parts = [&sizes[..], &self.rows, &self.log_weights, &self.energies, &self.negative];
        parts.concat()
    }

    fn restore(&mut self, numbers: &[f64]) {
        let [columns, chains, rest @ ..] = numbers else { return };
        let (columns, chains) = (*columns as usize, *chains as usize);
        let (rows, rest) = rest.split_at(columns * chains);
        let (log_weights, rest) = rest.split_at(chains);
        let (energies, negative) = rest.split_at(chains);
        *self = Self {
            columns,
            rows: rows.to_vec(),
            log_weights: log_weights.to_vec(),
            energies: energies.to_vec(),
            negative: negative.to_vec(),
        };
    }
}

impl Weighted {
    /// Chains from the base model, annealed to the parameters of a query.
    fn begin<F: Scalar, M: BaseModel<F>, R: RandomSource>(
        &mut self,
        query: &Query<F, M>,
        chains: usize,
        columns: usize,
        rng: &mut R,
    ) {
        let Query { model, params, x, batch, .. } = *query;
        let of_data = x.len() / batch;
        // The mean of the rows and of one row of halves, so that no bit is certain.
        let mean = |column: usize| {
            let sum: f64 = x.iter().skip(column).step_by(of_data).map(|x| x.to_f64()).sum();
            (sum + 0.5) / (batch as f64 + 1.0)
        };
        let mut base = params.clone();
        let means: Vec<f64> = (0..of_data).map(mean).collect();
        let log_base = model.set_base(&mut base, &means);
        let mut memory = Memory::new(&vec![F::ZERO; chains * columns], columns);
        memory.start(model, [&base, params], 0.0, rng);
        for step in Annealing::linear(FIRST_STEPS).betas().windows(2) {
            memory.step(model, [&base, params], [step[0], step[1]], rng);
        }
        *self = Self {
            columns,
            rows: memory.x.iter().map(|x| x.to_f64()).collect(),
            log_weights: memory.log_weights.iter().map(|w| w + log_base).collect(),
            energies: Vec::new(),
            negative: Vec::new(),
        };
    }

    /// The weights of new parameters, then a move of the chains at these, after they were resampled if their effective number is below
    /// the share. Chains that have just begun are at these parameters already, and are only moved.
    fn follow<'t, F: Scalar, M: BaseModel<F>, R: RandomSource>(
        &mut self,
        (model, params): (&M, Bound<'t, F>),
        (sweeps, share): (usize, f64),
        scratch: &mut Vec<f64>,
        rng: &mut R,
    ) {
        let shape = [self.log_weights.len(), self.columns];
        if !self.energies.is_empty() {
            let rows = constant(params.tape(), shape, self.rows.iter().copied());
            model.energy(params, rows).with(|now| {
                let pairs = self.log_weights.iter_mut().zip(&self.energies).zip(now);
                pairs.for_each(|((w, before), now)| *w += before - now.to_f64());
            });
            let [.., effective] = self.sums();
            if effective < share * shape[0] as f64 {
                self.resample(scratch, rng);
            }
        }
        let rows = constant(params.tape(), shape, self.rows.iter().copied());
        let moved = swept(model, params, rows, sweeps, rng);
        moved.with(|rows| copy(rows, &mut self.rows));
        model.energy(params, moved).with(|energies| copy(energies, &mut self.energies));
    }

    /// The largest of the logarithms of the weights, the sum of the weights over its exponential, and the effective number of chains.
    fn sums(&self) -> [f64; 3] {
        let top = self.log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = || self.log_weights.iter().map(|w| (w - top).exp());
        let (sum, squares) = (weights().sum::<f64>(), weights().map(|w| w * w).sum::<f64>());
        [top, sum, sum * sum / squares]
    }

    /// $\ln Z$ by the chains of this shard.
    fn log_mean(&self) -> f64 {
        let [top, sum, _] = self.sums();
        top + (sum / self.log_weights.len() as f64).ln()
    }

    /// Replaces the chains by copies: chain $i$ as many times as points $(u + j)/n$, $j = 0, \dots, n - 1$, lie in its share of the
    /// weights, with one uniform number $u$. All weights become their mean.
    fn resample<R: RandomSource>(&mut self, scratch: &mut Vec<f64>, rng: &mut R) {
        let ([top, sum, _], log_mean) = (self.sums(), self.log_mean());
        let (n, columns) = (self.log_weights.len(), self.columns);
        let u = rng.uniform();
        let (mut chain, mut before) = (0, 0.0);
        scratch.clear();
        for j in 0..n {
            let point = (u + j as f64) / n as f64;
            let share = |chain: usize| (self.log_weights[chain] - top).exp() / sum;
            while chain + 1 < n && before + share(chain) <= point {
                before += share(chain);
                chain += 1;
            }
            scratch.extend_from_slice(&self.rows[chain * columns..][..columns]);
        }
        self.rows.copy_from_slice(scratch);
        self.log_weights.fill(log_mean);
    }
}

/// Replaces numbers by others.
fn copy<F: Scalar>(from: &[F], to: &mut Vec<f64>) {
    to.clear();
    to.extend(from.iter().map(|x| x.to_f64()));
}

/// Memory for resampling.
#[derive(Debug, Default)]
struct Resampled(Vec<f64>);

impl<F: Scalar, M: BaseModel<F>> Estimator<F, M> for TrackedContrastiveDivergence {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    /// # Panics
    /// If the chains make no sweep, or their state is not one of rows of the model.
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, .. } = query;
        assert!(self.sweeps > 0, "tracked pcd: the chains make no sweep");
        work.tape.clear();
        let Work { tape, grads, stats, scratch, state, parts, .. } = work;
        let bound = params.on(tape);
        let x = model.complete(bound, query.rows(tape));
        let columns = x.size() / batch.max(1);
        let chains: &mut Weighted = state.of();
        if chains.log_weights.is_empty() {
            let count = chain_count(self.chains, samples * batch, *parts);
            chains.begin(&query, count, columns, rng);
        }
        let count = chains.log_weights.len();
        assert!(chains.columns == columns, "tracked pcd: chains of {} columns", chains.columns);
        if chains.negative.is_empty() {
            x.with(|x| {
                let rows = x.iter().map(|x| x.to_f64()).cycle().take(count * columns);
                chains.negative.extend(rows);
            });
        }
        let at = (model, bound.detach());
        let Resampled(resampled) = scratch.of();
        chains.follow(at, (self.sweeps, self.resample), resampled, rng);
        let before = constant(tape, [count, columns], chains.negative.iter().copied());
        let moved = swept(model, bound, before, self.sweeps, rng);
        moved.with(|rows| copy(rows, &mut chains.negative));
        let energies = [model.energy(bound, x), model.energy(bound, moved)];
        let gap = scratch.of::<Phases<F>>().contrast(&query, tape, grads, energies);
        // The mean weight of all shards: relative to the last ln Z, so that no sum overflows; at the first step there is none, and the
        // mean of logarithms stands for it.
        let weights = match self.log_partition {
            Some(last) => count as f64 * (chains.log_mean() - last).exp(),
            None => count as f64 * chains.log_mean(),
        };
        stats.clear();
        stats.extend([batch as f64, gap.to_f64(), count as f64, weights]);
        gap
    }

    fn observe(&mut self, stats: &[f64]) {
        if let [_, _, count, weights] = *stats {
            let mean = weights / count;
            self.log_partition = Some(self.log_partition.map_or(mean, |last| last + mean.ln()));
        }
    }

    fn log_partition(&self) -> Option<f64> {
        self.log_partition
    }

    fn state(&self) -> Vec<f64> {
        self.log_partition.into_iter().collect()
    }

    fn restore(&mut self, state: &[f64]) {
        self.log_partition = state.first().copied();
    }
}

#[cfg(test)]
mod tests;

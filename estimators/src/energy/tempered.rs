//! Persistent contrastive divergence whose chains exchange their states along a ladder of temperatures.

use super::criterion::{Phases, chain_count};
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::{Scalar, Tape};
use pathscore_models::{BaseModel, Params, RandomSource};

/// Persistent contrastive divergence by parallel tempering (Desjardins, Courville, Bengio, Vincent and Delalleau 2010; Cho,
/// Raiko and Ilin 2010).
///
/// Each of $n$ chains has $R$ replicas at the parameters $\theta_r = (1 - \beta_r) \theta_0 + \beta_r \theta$ with
/// $\beta_r = r / (R - 1)$, from the base model $\theta_0$ of independent columns to the model itself. After each sweep of
/// all replicas neighbours exchange their states with the probability
///
/// $$\min\left(1, e^{[E_r(x_r) + E_{r+1}(x_{r+1})] - [E_r(x_{r+1}) + E_{r+1}(x_r)]}\right),$$
///
/// which leaves the product of all their distributions invariant. A replica near the base model mixes fast and passes its
/// states on, so that the chains at $\beta = 1$ visit modes that sweeps alone do not reach. These are the negative phase,
///
/// $$-\sum_b \nabla E(x_b) + \frac Bn \sum_i \nabla E(x_{R-1, i}).$$
///
/// It is *biased* as [`PersistentContrastiveDivergence`](super::PersistentContrastiveDivergence) is: the chains lag behind the
/// parameters. They are the state of a shard and part of a checkpoint, and begin at rows of the first batch. The value is that
/// of contrastive divergence. It costs $R$ sweeps and about $4R$ energies for each chain and sweep. Prefer it for models with
/// several modes.
#[doc(alias = "parallel tempering")]
#[derive(Clone, Debug, PartialEq)]
pub struct TemperedContrastiveDivergence {
    /// The number of sweeps before each gradient.
    pub sweeps: usize,
    /// $n$, the number of chains, rounded up to a multiple of the shards of a batch. Without a number there are as many
    /// chains as the first batch has rows, times the samples.
    pub chains: Option<usize>,
    /// $R$, the number of temperatures, 1 or more. With one there is no exchange, and it is persistent contrastive
    /// divergence.
    pub temperatures: usize,
    /// The means of the base model's columns, for example those of the data.
    pub means: Vec<f64>,
}

/// The chains of one shard, replica by replica and row by row.
#[derive(Debug, Default)]
struct Replicas(Vec<f64>);

impl ShardState for Replicas {
    fn save(&self) -> Vec<f64> {
        self.0.clone()
    }

    fn restore(&mut self, numbers: &[f64]) {
        self.0 = numbers.to_vec();
    }
}

/// The parameters of each replica, and the states of the chains.
#[derive(Debug, Default)]
struct Scratch<F> {
    ladder: Vec<Params<F>>,
    states: Vec<F>,
}

impl<F: Scalar> Scratch<F> {
    /// Sets the parameters of every replica.
    fn set_ladder<M: BaseModel<F>>(&mut self, query: &Query<F, M>, replicas: usize, means: &[f64]) {
        let ladder = &mut self.ladder;
        if ladder.len() != replicas || ladder[0].len() != query.params.len() {
            *ladder = vec![query.params.clone(); replicas];
        }
        for (r, params) in ladder.iter_mut().enumerate() {
            // A base keeps what it does not overwrite, such as the deviations of real columns.
            params.values_mut().copy_from_slice(query.params.values());
            query.model.set_base(params, means);
            let beta = if replicas == 1 { 1.0 } else { r as f64 / (replicas - 1) as f64 };
            let (base, own) = (F::from_f64(1.0 - beta), F::from_f64(beta));
            let mixed = params.values_mut().iter_mut().zip(query.params.values());
            mixed.for_each(|(at, &theta)| *at = base * *at + own * theta);
        }
    }

    /// Makes a sweep of every replica.
    fn sweep<M: BaseModel<F>, R: RandomSource>(
        &mut self,
        (model, columns): (&M, usize),
        tape: &mut Tape<F>,
        rng: &mut R,
    ) {
        let Self { ladder, states: chains, .. } = self;
        let each = chains.len() / ladder.len();
        for (params, chains) in ladder.iter().zip(chains.chunks_exact_mut(each)) {
            tape.clear();
            let before = tape.constant(chains, [each / columns, columns]);
            let after = model.gibbs_sweep(params.on(tape).detach(), before, rng);
            after.with(|x| chains.copy_from_slice(x));
        }
        tape.clear();
    }

    /// Lets every second pair of neighbours exchange states, the first pair being that of the replicas `first` and the next.
    fn exchange<M: BaseModel<F>, R: RandomSource>(
        &mut self,
        (model, columns): (&M, usize),
        tape: &mut Tape<F>,
        first: usize,
        rng: &mut R,
    ) {
        let Self { ladder, states: chains, .. } = self;
        let each = chains.len() / ladder.len();
        let pairs = chains[first * each..].chunks_exact_mut(2 * each);
        for (params, pair) in ladder[first..].chunks_exact(2).zip(pairs) {
            tape.clear();
            let both = tape.constant(pair, [pair.len() / columns, columns]);
            let [low, high] =
                [&params[0], &params[1]].map(|params| model.energy(params.on(tape).detach(), both));
            // E_r − E_{r+1} at the states of both replicas.
            let gaps = low - high;
            let rows = each / columns;
            let (lower, higher) = pair.split_at_mut(each);
            gaps.with(|gaps| {
                for row in 0..rows {
                    let log_ratio = (gaps[row] - gaps[rows + row]).to_f64();
                    if rng.bernoulli(log_ratio.exp().min(1.0)) {
                        let at = row * columns..(row + 1) * columns;
                        lower[at.clone()].swap_with_slice(&mut higher[at]);
                    }
                }
            });
        }
        tape.clear();
    }
}

impl<F: Scalar, M: BaseModel<F>> Estimator<F, M> for TemperedContrastiveDivergence {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, x, batch, samples, .. } = query;
        let replicas = self.temperatures;
        assert!(replicas > 0, "parallel tempering: there is no temperature");
        let columns = x.len() / batch.max(1);
        let Work { tape, grads, stats, scratch, state, parts, .. } = work;
        let (ladder, Replicas(chains)) = (scratch.of::<Scratch<F>>(), state.of());
        if chains.is_empty() {
            let count = chain_count(self.chains, samples * batch, *parts);
            for _ in 0..replicas {
                chains.extend(x.iter().map(|x| x.to_f64()).cycle().take(count * columns));
            }
        }
        assert!(
            chains.len() % (replicas * columns) == 0,
            "parallel tempering: {} numbers are no {replicas} replicas of chains of {columns} columns",
            chains.len()
        );
        // The tape may share the parameters of the ladder.
        tape.clear();
        ladder.set_ladder(&query, replicas, &self.means);
        ladder.states.clear();
        ladder.states.extend(chains.iter().map(|&x| F::from_f64(x)));
        for _ in 0..self.sweeps {
            ladder.sweep((model, columns), tape, rng);
            for first in 0..2.min(replicas) {
                ladder.exchange((model, columns), tape, first, rng);
            }
        }
        let states = &ladder.states;
        chains.iter_mut().zip(states).for_each(|(chain, x)| *chain = x.to_f64());
        let own = &states[states.len() / replicas * (replicas - 1)..];
        let (params, rows) = (query.params.on(tape), query.rows(tape));
        let chains = tape.constant(own, [own.len() / columns, columns]);
        let energies = [model.energy(params, rows), model.energy(params, chains)];
        let gap = scratch.of::<Phases<F>>().contrast(&query, tape, grads, energies);
        record_stats(stats, batch, gap)
    }
}

//! Contrastive divergence (Hinton 2002) and its persistent form (Younes 1989; Tieleman 2008).

use super::criterion::{chain_count, constant};
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::{BlockGibbs, Bound, RandomSource};

/// Contrastive divergence, CD-$k$: chains that begin at the data and make $k$ block Gibbs sweeps.
///
/// $$-\frac1B \sum_b \nabla E(x_b) + \frac{1}{BK} \sum_{b,i} \nabla E(x^{(k)}_{b,i})$$
///
/// with $K$ chains (the query's `samples`) from each row $x_b$. It is *biased* for the gradient of $\ln p(x)$, and not
/// the gradient of any function in general (Sutskever and Tieleman 2010); the bias vanishes as $k$ grows, at the rate
/// at which the chains forget where they began. For a restricted Boltzmann machine with $E$ the free energy, the
/// gradient uses the probabilities of the hidden units after the last sweep and not their states.
///
/// The value is $\sum_b (\bar E^{-} - E(x_b))$ with $\bar E^{-}$ the mean energy of the chains: the gap that learning
/// closes, and no bound on $\ln p(x)$. Rows of data that lack columns of the model are completed
/// ([`Energy::complete`](pathscore_models::Energy::complete)): the gradient is then that of a variational bound on $\ln p(x)$. It costs $k$ sweeps for each chain. Prefer
/// [`PersistentContrastiveDivergence`] for a model whose samples matter, and this one for a quick start.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work, energy::ContrastiveDivergence};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let query = Query { batch: 2, ..Query::new(&model, &params, &[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0], 500) };
/// ContrastiveDivergence { sweeps: 1 }.estimate(query, rng, &mut work);
/// // Almost without weights every unit is one half of the time on: the slope of the first bias is 2 (1 − ½).
/// assert!((work.gradient(params.len())[12] - 1.0).abs() < 0.15);
/// ```
#[doc(alias = "CD-k")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContrastiveDivergence {
    /// $k$, the number of sweeps of each chain.
    pub sweeps: usize,
}

/// Persistent contrastive divergence, PCD, also called stochastic maximum likelihood: chains that continue from
/// gradient to gradient.
///
/// $$-\frac1B \sum_b \nabla E(x_b) + \frac1n \sum_i \nabla E(x_i)$$
///
/// with $n$ chains $x_i$, which make `sweeps` block Gibbs sweeps before each gradient. They begin at rows of the first
/// batch. The expectation is the gradient of $\ln p(x)$ if the chains are distributed as the model; as the parameters
/// move from step to step, the chains lag behind, so that it is *biased*, the less the smaller the learning rate.
///
/// The chains are the state of a shard ([`Work::state`]) and part of a checkpoint. Between two gradients a chain is what
/// [`BlockGibbs::energies_and_states`] keeps of it: for a restricted Boltzmann machine its hidden units, drawn from the
/// probabilities that the last gradient computed, which saves one of four products. The value is that of
/// [`ContrastiveDivergence`]. It costs `sweeps` sweeps for each chain.
#[doc(alias = "PCD")]
#[doc(alias = "stochastic maximum likelihood")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentContrastiveDivergence {
    /// The number of sweeps before each gradient, one or more.
    pub sweeps: usize,
    /// $n$, the number of chains, rounded up to a multiple of the shards of a batch. Without a number there are as many
    /// chains as the first batch has rows, times the samples. Where the shards of a batch differ in their rows, the chains
    /// of a shard have the weight of its rows.
    pub chains: Option<usize>,
}

/// The states of the chains of one shard, chain by chain.
#[derive(Debug, Default)]
struct Chains {
    count: usize,
    states: Vec<f64>,
}

impl ShardState for Chains {
    /// The number of chains, then their states.
    fn save(&self) -> Vec<f64> {
        std::iter::once(self.count as f64).chain(self.states.iter().copied()).collect()
    }

    fn restore(&mut self, numbers: &[f64]) {
        if let [count, states @ ..] = numbers {
            *self = Self { count: *count as usize, states: states.to_vec() };
        }
    }
}

impl Chains {
    fn set<F: Scalar>(&mut self, states: Var<'_, F>) {
        states.with(|states| {
            self.states.clear();
            self.states.extend(states.iter().map(|x| x.to_f64()));
        });
    }
}

/// The cotangents of both phases, those of the rows first.
#[derive(Debug, Default)]
pub(super) struct Scratch<F>(Vec<F>);

/// The rows after `sweeps` Gibbs sweeps.
pub(super) fn swept<'t, F: Scalar, M: BlockGibbs<F>, R: RandomSource>(
    model: &M,
    params: Bound<'t, F>,
    rows: Var<'t, F>,
    sweeps: usize,
    rng: &mut R,
) -> Var<'t, F> {
    let sweep = |rows| model.gibbs_sweep(params.detach(), rows, rng);
    params.tape().iterate(rows, sweeps, sweep)
}

/// Pulls back $s \sum_b (\bar E^{-} - E(x_b))$ with the scale $s$ of the query, and returns the sum. `energies` are those of
/// the rows of the batch, and behind them those of the chains.
pub(super) fn contrast<F: Scalar, M>(
    query: &Query<F, M>,
    tape: &Tape<F>,
    grads: &mut Grads<F>,
    Scratch(cotangents): &mut Scratch<F>,
    energies: Var<'_, F>,
) -> F {
    let (batch, chains) = (query.batch, energies.size() - query.batch);
    let rows_of_one_chain = F::from_f64(batch as f64 / chains as f64);
    cotangents.clear();
    cotangents.resize(batch, -query.scale);
    cotangents.resize(batch + chains, query.scale * rows_of_one_chain);
    tape.pull_into(&[(energies, cotangents)], &[], grads);
    energies.with(|energies| {
        let (of_rows, of_chains) = energies.split_at(batch);
        let sum = |energies: &[F]| energies.iter().copied().sum::<F>();
        sum(of_chains) * rows_of_one_chain - sum(of_rows)
    })
}

impl<F: Scalar, M: BlockGibbs<F>> Estimator<F, M> for ContrastiveDivergence {
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
        let Query { model, params, batch, samples, .. } = query;
        work.tape.clear();
        let Work { tape, grads, stats, scratch, .. } = work;
        let params = params.on(tape);
        let x = model.complete(params, query.rows(tape));
        let columns = x.size() / batch.max(1);
        let starts = x.broadcast_to([samples, batch, columns]).reshape([samples * batch, columns]);
        let chains = swept(model, params, starts, self.sweeps, rng);
        let energies = model.energy(params, Var::concat(&[x, chains], 0));
        let gap = contrast(&query, tape, grads, scratch.of(), energies);
        record_stats(stats, batch, gap)
    }
}

impl<F: Scalar, M: BlockGibbs<F>> Estimator<F, M> for PersistentContrastiveDivergence {
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
        let Query { model, params, batch, samples, .. } = query;
        assert!(self.sweeps > 0, "pcd: the chains make no sweep");
        work.tape.clear();
        let Work { tape, grads, stats, scratch, state, parts, .. } = work;
        let params = params.on(tape);
        let x = model.complete(params, query.rows(tape));
        let chains: &mut Chains = state.of();
        if chains.count == 0 {
            let count = chain_count(self.chains, samples * batch, *parts);
            let rows: Vec<usize> = (0..batch).cycle().take(count).collect();
            let starts = x.detach().index_select(0, tape.indices(&rows, [count]));
            let starts = starts.expect("every chain begins at a row of the batch");
            let [_, states] = model.energies_and_states(params.detach(), starts, 0..count, rng);
            chains.count = count;
            chains.set(states);
        }
        let width = chains.states.len() / chains.count;
        let states = constant(tape, [chains.count, width], chains.states.iter().copied());
        let rows = model.next_rows(params.detach(), states, rng);
        let rows = swept(model, params, rows, self.sweeps - 1, rng);
        let of_chains = batch..batch + chains.count;
        let [energies, states] =
            model.energies_and_states(params, Var::concat(&[x, rows], 0), of_chains, rng);
        chains.set(states);
        let gap = contrast(&query, tape, grads, scratch.of(), energies);
        record_stats(stats, batch, gap)
    }
}

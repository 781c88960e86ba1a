//! Contrastive divergence for energies of real numbers, with chains by Langevin or Hamiltonian dynamics.

use super::criterion::{Phases, chain_count};
use super::dynamics::Dynamics;
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::{Scalar, Tape};
use pathscore_models::RandomSource;
use pathscore_models::energy::RealEnergy;

/// Contrastive divergence (Hinton 2002) with chains that begin at the data and make `moves` transitions by [`Dynamics`]
/// (Du and Mordatch 2019; Nijkamp et al. 2020):
///
/// $$-\frac1B \sum_b \nabla E(x_b) + \frac{1}{BK} \sum_{b,i} \nabla E(x^-_{b,i})$$
///
/// with $K$ chains (the query's `samples`) from each row $x_b$. It is *biased* for the gradient of $\ln p(x)$, the less the
/// more moves there are. The chains are constants to derivatives.
///
/// The value is $\sum_b (\bar E^{-} - E(x_b))$ with the mean energy $\bar E^{-}$ of the chains: the gap that learning
/// closes, and no bound on $\ln p(x)$. It costs `moves` times the leapfrog steps of a move evaluations for each chain. Chains
/// that start at the data stay in the modes of the data and do not find others of the model: prefer
/// [`PersistentDynamicDivergence`] where samples matter.
#[doc(alias = "CD")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DynamicContrastiveDivergence {
    /// The transition of a chain.
    pub dynamics: Dynamics,
    /// The number of transitions of each chain.
    pub moves: usize,
}

/// Persistent contrastive divergence (Younes 1989; Tieleman 2008) by [`Dynamics`]: chains that continue from gradient to
/// gradient, of which a share begins anew.
///
/// $$-\frac1B \sum_b \nabla E(x_b) + \frac1n \sum_i \nabla E(x_i)$$
///
/// with $n$ chains $x_i$, which make `moves` transitions before each gradient. They begin at rows of the model's base. With
/// the probability `restart` a chain goes back to a new row of the base before it moves, as in the replay buffer of Du and Mordatch
/// (2019), so that later chains find what earlier ones miss. The expectation is the gradient of $\ln p(x)$ if the chains are
/// distributed as the model; as the parameters move, the chains lag behind, so that it is *biased*.
///
/// The chains are the state of a shard ([`Work::state`]) and part of a checkpoint. The value and the cost are those of
/// [`DynamicContrastiveDivergence`].
#[doc(alias = "PCD")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PersistentDynamicDivergence {
    /// The transition of a chain.
    pub dynamics: Dynamics,
    /// The number of transitions before each gradient.
    pub moves: usize,
    /// $n$, the number of chains, rounded up to a multiple of the shards of a batch. Without a number there are as many
    /// chains as the first batch has rows, times the samples.
    pub chains: Option<usize>,
    /// The probability with which a chain begins anew before a gradient, from $[0, 1]$.
    pub restart: f64,
}

/// The chains of one shard, row by row.
#[derive(Debug, Default)]
struct RealChains(Vec<f64>);

impl ShardState for RealChains {
    fn save(&self) -> Vec<f64> {
        self.0.clone()
    }

    fn restore(&mut self, numbers: &[f64]) {
        self.0 = numbers.to_vec();
    }
}

/// The chains of the negative phase.
#[derive(Debug, Default)]
struct Moving<F>(Vec<F>);

/// Pulls back $s \sum_b (\bar E^{-} - E(x_b))$ with the scale $s$ of the query and the moving chains as negative phase,
/// and returns the sum.
fn contrast<F: Scalar, M: RealEnergy<F>>(query: Query<F, M>, work: &mut Work<F>) -> F {
    let Query { model, params, batch, .. } = query;
    work.tape.clear();
    let Work { tape, grads, stats, scratch, .. } = work;
    let Moving(rows) = scratch.of::<Moving<F>>();
    let (bound, columns) = (params.on(tape), model.base().columns());
    let data = model.energy(bound, query.rows(tape));
    let chains = model.energy(bound, tape.constant(rows, [rows.len() / columns, columns]));
    let gap = scratch.of::<Phases<F>>().contrast(&query, tape, grads, [data, chains]);
    record_stats(stats, batch, gap)
}

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for DynamicContrastiveDivergence {
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
        let Query { model, params, x, samples, .. } = query;
        let mut rows = std::mem::take(&mut work.scratch::<Moving<F>>().0);
        rows.clear();
        (0..samples).for_each(|_| rows.extend_from_slice(x));
        self.dynamics.advance((model, params), self.moves, &mut rows, work, rng);
        work.scratch::<Moving<F>>().0 = rows;
        contrast(query, work)
    }
}

impl<F: Scalar, M: RealEnergy<F>> Estimator<F, M> for PersistentDynamicDivergence {
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
        let columns = model.base().columns();
        let mut rows = std::mem::take(&mut work.scratch::<Moving<F>>().0);
        rows.clear();
        work.tape.clear();
        let RealChains(chains) = work.state.of();
        if chains.is_empty() {
            let count = chain_count(self.chains, samples * batch, work.parts);
            let start = model.base().sample(&work.tape, count, rng);
            start.with(|start| rows.extend_from_slice(start));
        } else {
            let numbers = chains.len();
            assert!(
                numbers % columns == 0,
                "pcd: {numbers} numbers are no chains of {columns} columns"
            );
            rows.extend(chains.iter().map(|&x| F::from_f64(x)));
            restart(self.restart, model, &mut rows, &work.tape, rng);
        }
        self.dynamics.advance((model, params), self.moves, &mut rows, work, rng);
        let RealChains(chains) = work.state.of();
        chains.clear();
        chains.extend(rows.iter().map(|x| x.to_f64()));
        work.scratch::<Moving<F>>().0 = rows;
        contrast(query, work)
    }
}

/// Puts each row back to a new one of the base with a probability.
fn restart<F: Scalar, M: RealEnergy<F>, R: RandomSource>(
    probability: f64,
    model: &M,
    rows: &mut [F],
    tape: &Tape<F>,
    rng: &mut R,
) {
    assert!((0.0..=1.0).contains(&probability), "pcd: a restart of {probability} is not in [0, 1]");
    if probability == 0.0 {
        return;
    }
    for row in rows.chunks_exact_mut(model.base().columns()) {
        if rng.bernoulli(probability) {
            model.base().sample(tape, 1, rng).with(|new| row.copy_from_slice(new));
        }
    }
}

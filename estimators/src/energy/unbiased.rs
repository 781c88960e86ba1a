//! Unbiased contrastive divergence by coupled chains (Qiu, Zhang and Wang 2020).

use super::coupling::{Coupling, Paired};
use crate::estimator::{Claim, Estimator, Query, record_stats};
use crate::target::Target;
use crate::work::{ShardState, Work};
use pathscore_autodiff::{Scalar, Tape};
use pathscore_models::{BlockGibbs, RandomSource};

/// Unbiased contrastive divergence: pairs of chains with common random numbers that run until they meet (Qiu, Zhang and
/// Wang 2020, after Glynn and Rhee 2014).
///
/// Both chains of a pair begin at a row of the data. $X$ is a sweep ahead of $Y$, and $X_{t+1}, Y_t$ are drawn together so
/// that they tend to be equal; $\tau$ is the first $t$ with $X_t = Y_{t-1}$, and from then on they are. With
/// $h = \nabla E$ and a burn-in of $k$ sweeps the negative phase is the mean of
///
/// $$H_k = h(X_k) + \sum_{t=k+1}^{\tau-1} [h(X_t) - h(Y_{t-1})], \qquad E H_k = E_{x \sim p} h(x),$$
///
/// because the expected differences telescope from $E h(X_k)$ to the limit of the chain. There is one pair for each row and
/// sample of the query. The gradient is *unbiased* for that of $\ln p(x)$, whatever $k$; a larger $k$ costs sweeps and saves
/// variance. The value is that of [`ContrastiveDivergence`](super::ContrastiveDivergence), also unbiased for its limit.
///
/// A pair may take long to meet. With `most` sweeps a sum ends at $t$ = `most` even if they have not met, and the mean is that
/// of CD with as many sweeps: the claim is *biased* then, and [`Meetings`] counts the pairs that were cut. Without it, sums are
/// never cut.
///
/// It costs $2 \max(\tau, k) - 1$ sweeps for each pair, and the energies of all states in the sum. Sweeps have to draw
/// the units of all rows together, or bit by bit and row after row; chains whose numbers cannot be paired seldom meet. Prefer it
/// to measure the bias of other estimators, and for small models.
///
/// ```
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_estimators::energy::{Meetings, UnbiasedContrastiveDivergence};
/// use pathscore_models::{Params, energy::Rbm, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = Rbm::new(&mut params, 4, 3, rng);
/// let query = Query::new(&model, &params, &[1.0, 0.0, 0.0, 1.0], 500);
/// UnbiasedContrastiveDivergence { burn_in: 1, most: None }.estimate(query, rng, &mut work);
/// // Almost without weights the slope of the first bias is 1 − ½.
/// assert!((work.gradient(params.len())[12] - 0.5).abs() < 0.15);
/// let meetings = *work.state::<Meetings>();
/// assert!(meetings.pairs == 500.0 && meetings.cut == 0.0);
/// // All weights are small, so that most pairs meet as soon as they are drawn together.
/// assert!(meetings.sweeps / meetings.pairs < 2.5);
/// ```
#[doc(alias = "UCD")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbiasedContrastiveDivergence {
    /// $k$, the sweeps before the sum begins.
    pub burn_in: usize,
    /// The largest $t$ of the sum. Without a number every pair runs until it meets.
    pub most: Option<usize>,
}

/// The meetings of coupled chains in one part of a batch, over all steps; see [`Work::state`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Meetings {
    /// The number of pairs.
    pub pairs: f64,
    /// The sum of $\max(\tau, k)$ over the pairs that met, and of the sweeps made by those that were cut.
    pub sweeps: f64,
    /// The number of pairs that were cut before they met.
    pub cut: f64,
}

impl ShardState for Meetings {
    fn save(&self) -> Vec<f64> {
        vec![self.pairs, self.sweeps, self.cut]
    }

    fn restore(&mut self, numbers: &[f64]) {
        if let &[pairs, sweeps, cut] = numbers {
            *self = Self { pairs, sweeps, cut };
        }
    }
}

/// The chains that have not met, and the terms of the sums.
#[derive(Debug, Default)]
struct Pairs<F> {
    /// The chains a sweep ahead, then those behind, row by row.
    chains: Vec<F>,
    states: Vec<F>,
    signs: Vec<F>,
    positive: Vec<F>,
    /// The pairs that have not met, in their order.
    apart: Vec<usize>,
    coupling: Coupling,
}

impl<F: Scalar> Pairs<F> {
    /// The number of pairs.
    fn len(&self, columns: usize) -> usize {
        self.chains.len() / (2 * columns)
    }

    /// Makes a sweep of the chains ahead, and of those behind too if they are to `follow`.
    fn sweep<M: BlockGibbs<F>, R: RandomSource>(
        &mut self,
        query: &Query<F, M>,
        tape: &mut Tape<F>,
        follow: bool,
        rng: &mut R,
    ) {
        let columns = query.x.len() / query.batch.max(1);
        let Self { chains, coupling, .. } = self;
        tape.clear();
        let params = query.params.on(tape).detach();
        let moved = if follow { chains.len() } else { chains.len() / 2 };
        let before = tape.constant(&chains[..moved], [moved / columns, columns]);
        let pairs = chains.len() / (2 * columns);
        let after = match follow {
            true => query.model.gibbs_sweep(params, before, &mut Paired::of(pairs, rng, coupling)),
            false => {
                let mut single = Paired::single(rng, coupling);
                let after = query.model.gibbs_sweep(params, before, &mut single);
                single.end(pairs);
                after
            }
        };
        after.with(|x| chains[..moved].copy_from_slice(x));
    }

    /// Adds the states of the chains ahead to the sums, and with `both` subtracts those behind.
    fn add(&mut self, both: bool) {
        let half = self.chains.len() / 2;
        self.states.extend_from_slice(&self.chains[..if both { 2 * half } else { half }]);
    }

    /// Drops the pairs that have met.
    fn drop_met(&mut self, columns: usize) {
        let count = self.len(columns);
        let Self { chains, apart, .. } = self;
        let (ahead, behind) = chains.split_at(count * columns);
        let row = |pair: usize| pair * columns..(pair + 1) * columns;
        apart.clear();
        apart.extend((0..count).filter(|&pair| ahead[row(pair)] != behind[row(pair)]));
        for (to, &pair) in apart.iter().chain(&*apart).enumerate() {
            // Rows only move forward, so that none is overwritten before it has moved.
            let from = if to < apart.len() { pair } else { count + pair };
            chains.copy_within(row(from), to * columns);
        }
        chains.truncate(2 * apart.len() * columns);
    }
}

impl<F: Scalar, M: BlockGibbs<F>> Estimator<F, M> for UnbiasedContrastiveDivergence {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        if self.most.is_some() { Claim::Biased } else { Claim::Unbiased }
    }

    fn reports_target(&self) -> bool {
        false
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, x, batch, samples, scale } = query;
        let columns = x.len() / batch.max(1);
        let Work { tape, grads, stats, scratch, state, .. } = work;
        let (pairs, meetings) = (scratch.of::<Pairs<F>>(), state.of::<Meetings>());
        pairs.states.clear();
        pairs.signs.clear();
        pairs.chains.clear();
        (0..2 * samples).for_each(|_| pairs.chains.extend_from_slice(x));
        meetings.pairs += (samples * batch) as f64;
        let most = self.most.unwrap_or(usize::MAX);
        for t in 0.. {
            if t > 0 {
                pairs.sweep(&query, tape, t > 1, rng);
                meetings.sweeps += pairs.len(columns) as f64;
            }
            if t == self.burn_in {
                pairs.add(false);
                pairs.signs.resize(pairs.len(columns), F::ONE);
            }
            if t > 0 && t >= self.burn_in {
                pairs.drop_met(columns);
            }
            if t > self.burn_in {
                pairs.add(true);
                let count = pairs.len(columns);
                for sign in [F::ONE, -F::ONE] {
                    pairs.signs.resize(pairs.signs.len() + count, sign);
                }
            }
            if t >= self.burn_in && (t >= most || pairs.chains.is_empty()) {
                break;
            }
        }
        meetings.cut += pairs.len(columns) as f64;
        tape.clear();
        let Pairs { states, signs, positive, .. } = pairs;
        let (params, x) = (params.on(tape), query.rows(tape));
        let (of_rows, of_states) = (
            model.energy(params, x),
            model.energy(params, tape.constant(states, [signs.len(), columns])),
        );
        positive.clear();
        positive.resize(batch, -scale);
        let share = F::from_f64(1.0 / samples as f64);
        let signed = |(energy, sign): (&F, &F)| *energy * *sign * share;
        let negative: F = of_states.with(|energies| energies.iter().zip(&*signs).map(signed).sum());
        signs.iter_mut().for_each(|sign| *sign *= scale * share);
        tape.pull_into(&[(of_rows, &positive[..]), (of_states, &signs[..])], &[], grads);
        record_stats(stats, batch, negative - of_rows.sum().item())
    }
}

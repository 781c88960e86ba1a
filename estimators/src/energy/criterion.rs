//! The parts that the criteria of energy models share.

use crate::estimator::{Query, record_stats};
use crate::work::Work;
use pathscore_autodiff::{Grads, Scalar, Tape, Var};
use pathscore_models::Bound;

/// The maximised value of a criterion: its sum over the batch. The gradient, multiplied by the scale of the query, is
/// left in `work`.
///
/// `record` returns terms of any shape whose sum is the criterion of the batch.
pub(super) fn maximized<F: Scalar, M>(
    query: &Query<F, M>,
    work: &mut Work<F>,
    record: impl for<'t> FnOnce(Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
) -> F {
    work.tape.clear();
    let Work { tape, grads, stats, .. } = work;
    let total = record(query.params.on(tape), query.rows(tape)).sum();
    tape.pull_into(&[(total, &[query.scale])], &[], grads);
    record_stats(stats, query.batch, total.item())
}

/// The number of chains of one shard: a share of all that were asked for, or as many as there are draws for its rows.
pub(super) fn chain_count(chains: Option<usize>, draws: usize, parts: usize) -> usize {
    chains.map_or(draws, |all| all.div_ceil(parts).max(1))
}

/// The cotangents of both phases of a contrastive divergence, and the working memory for them.
#[derive(Debug, Default)]
pub(super) struct Phases<F> {
    positive: Vec<F>,
    negative: Vec<F>,
}

impl<F: Scalar> Phases<F> {
    /// Pulls back $s \sum_b (\bar E^{-} - E(x_b))$ with the scale $s$ of the query, and returns the sum. The energies are those of the
    /// rows of the batch and of the chains; each phase is divided by its own count.
    pub(super) fn contrast<M>(
        &mut self,
        query: &Query<F, M>,
        tape: &Tape<F>,
        grads: &mut Grads<F>,
        [of_rows, of_chains]: [Var<'_, F>; 2],
    ) -> F {
        let Self { positive, negative } = self;
        let rows_of_one_chain = F::from_f64(query.batch as f64 / of_chains.size() as f64);
        positive.clear();
        positive.resize(query.batch, -query.scale);
        negative.clear();
        negative.resize(of_chains.size(), query.scale * rows_of_one_chain);
        tape.pull_into(&[(of_rows, &positive[..]), (of_chains, &negative[..])], &[], grads);
        let sum = |energies: &[F]| energies.iter().copied().sum::<F>();
        of_chains.with(sum) * rows_of_one_chain - of_rows.with(sum)
    }
}

/// Numbers in double precision as a constant of the tape.
pub(super) fn constant<'t, F: Scalar>(
    tape: &'t Tape<F>,
    shape: [usize; 2],
    numbers: impl Iterator<Item = f64>,
) -> Var<'t, F> {
    tape.constant_with(shape, |to| {
        to.iter_mut().zip(numbers).for_each(|(to, x)| *to = F::from_f64(x));
    })
}

/// $x \oplus \xi = x + \xi - 2 x \xi$, the bits of `x` flipped where `flips` is one.
pub(super) fn flipped<'t, F: Scalar>(x: Var<'t, F>, flips: Var<'t, F>) -> Var<'t, F> {
    x + flips - x * flips * F::from_f64(2.0)
}

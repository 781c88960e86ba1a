//! The parts that the criteria of energy models share.

use crate::estimator::{Query, record_stats};
use crate::work::Work;
use pathscore_autodiff::{Scalar, Tape, Var};
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

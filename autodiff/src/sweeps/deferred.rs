//! Gradients of weights over several tapes at once.
//!
//! The gradient of a weight is $\bar W = x^\top \delta$, summed over the rows of a batch. If the rows lie on several tapes, each
//! would write a product as large as the weight. A product of few rows takes longer to write, and then to add, than to compute:
//! four of five rows and 784 columns took 200 µs, one of twenty 50. [`Tape::pull_deferred`] leaves such products undone, and
//! [`Deferred::add_rows`] computes their sum, some rows of a weight at a time, which may be shared out among threads.

use crate::kernels::gemm::{Layout, gemm};
use crate::kernels::linalg::with_workspace;
use crate::numbers::shape::Shape;
use crate::tape::deltas::Deltas;
use crate::tape::engine::Scalar;
use crate::tape::grads::{Grads, RowProduct};
use crate::tape::node::{Id, Node};
use crate::tape::op::Op;
use crate::tape::record::{Record, Tape, Var};
use crate::tape::storage::for_args;
use std::ops::Range;

/// Products of at most this many rows are left undone. Those of more are computed where their rows lie in the cache of a thread: left
/// undone, products of 50 rows made a step on two threads 5 % slower (`vae`), and those of 300 made it 7 % slower even on one (`vimco`).
pub(crate) const FEW: usize = 32;

/// A weight: the place of its gradient among the leading adjoints, and its rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight {
    /// The place of the first number.
    pub at: usize,
    /// The rows and the columns.
    pub shape: [usize; 2],
}

/// The products that a sweep of [`Tape::pull_deferred`] has left undone, with the numbers that they need. Threads may share it.
#[derive(Clone, Copy, Debug)]
pub struct Deferred<'a, F> {
    record: &'a Record<F>,
    products: &'a [RowProduct],
    begun: &'a [bool],
    /// The adjoints behind the leading ones, and the place of the first.
    bars: (&'a [F], usize),
    deltas: &'a Deltas<F>,
}

impl<F: Scalar> Tape<F> {
    /// [`Tape::pull_into`], but the products $x^\top \delta$ over the rows of [`Var::affine`], which are terms of the adjoints of
    /// weights, are left undone if they have at most 32 rows and the weights are leaves within the first `leading` numbers of the
    /// adjoints, which must not reach past those of the first leaves. [`Deferred::add_rows`] computes them, for the rows of several
    /// tapes at once; [`Grads::leading`], and [`Grads::get`] of such a weight, panic until [`Grads::finish`] or the next sweep.
    ///
    /// ```
    /// use pathscore_autodiff::{Activation, Deferred, Grads, Tape};
    /// // The gradient of Σ w x + b over two rows, one on each tape.
    /// let mut tapes = [Tape::new(), Tape::new()];
    /// let mut grads = [Grads::new(), Grads::new()];
    /// for ((tape, grads), x) in tapes.iter().zip(&mut grads).zip([[3.0, 4.0], [10.0, 20.0]]) {
    ///     let (w, b) = (tape.leaf(&[1.0_f64, 1.0], [2, 1]), tape.leaf(&[0.0], [1]));
    ///     let y = tape.constant(&x, [1, 2]).affine(w, b, Activation::Identity);
    ///     tape.pull_deferred(&[(y, &[1.0])], &[], 3, grads);
    /// }
    /// let ([t0, t1], [g0, g1]) = (&mut tapes, &mut grads);
    /// let ((sum, first), (part, second)) = (g0.deferred(t0, 3), g1.deferred(t1, 3));
    /// let weight = first.weights().next().unwrap();
    /// Deferred::add_rows(&[first, second], weight, 0..2, &mut sum[..2], false);
    /// assert_eq!((&sum[..2], sum[2], part[2]), (&[13.0, 24.0][..], 1.0, 1.0));
    /// g0.finish();
    /// assert_eq!(g0.leading(2), [13.0, 24.0]);
    /// ```
    ///
    /// # Panics
    /// As [`Tape::pull_into`].
    #[track_caller]
    pub fn pull_deferred<'s>(
        &self,
        seeds: &[(Var<'_, F>, &'s [F])],
        gates: &[(Var<'_, F>, &'s [F])],
        leading: usize,
        grads: &mut Grads<F>,
    ) {
        let ids =
            |pairs: &[(Var<'_, F>, &'s [F])]| for_args(pairs, |(var, numbers)| (var.id, numbers));
        let (record, seeds) = (self.record(), ids(seeds));
        grads.begin(&record);
        grads.undone.leading = leading;
        grads.seed(&record, &seeds);
        let end = seeds.iter().map(|seed| seed.0.index() + 1).max().unwrap_or(0);
        F::sweep(&record, end, &ids(gates), grads);
    }
}

impl<F: Scalar> Grads<F> {
    /// The first `leading` numbers of the adjoints, and what the last sweep, which was one of `tape`, has left undone for them.
    ///
    /// The numbers of a weight with products that are undone are defined only where [`Deferred::has_begun`] says so. The tape may have
    /// grown since the sweep, but must not have been cleared.
    ///
    /// # Panics
    /// If there are fewer numbers, or products were left undone for another number of leading ones or on a longer tape.
    #[track_caller]
    pub fn deferred<'a>(
        &'a mut self,
        tape: &'a mut Tape<F>,
        leading: usize,
    ) -> (&'a mut [F], Deferred<'a, F>) {
        let record = tape.record_exclusive();
        assert!(
            self.undone.products.is_empty()
                || self.undone.leading == leading && self.begun.len() <= record.nodes.len(),
            "deferred: this is not the tape of the last sweep, or not its number of leading adjoints"
        );
        let (first, rest) = self.bars.split_at_mut(leading);
        let deferred = Deferred {
            record,
            products: &self.undone.products,
            begun: &self.begun,
            bars: (rest, leading),
            deltas: &self.deltas,
        };
        (first, deferred)
    }
}

impl<F: Scalar> Deferred<'_, F> {
    /// The weights of the products that were left undone. One that was used several times comes several times.
    pub fn weights(&self) -> impl Iterator<Item = Weight> + '_ {
        self.products.iter().map(|product| self.weight(product.weight))
    }

    fn weight(&self, id: Id) -> Weight {
        let dims = self.record.dims(id);
        Weight { at: self.record.node(id).bar, shape: [dims[0], dims[1]] }
    }

    /// True if the leading adjoints hold a part of the gradient of this weight. If not, their numbers there are not defined.
    pub fn has_begun(&self, weight: Weight) -> bool {
        let is_leaf =
            |node: &&Node<F>| matches!(node.op, Op::Leaf) && node.bar == weight.at && node.len > 0;
        let leaf = self.record.nodes.iter().find(is_leaf);
        leaf.is_some_and(|node| self.begun[node.home.index()])
    }

    /// The products for a weight: the rows of $x$ and of $\delta$.
    fn products(&self, weight: Weight) -> impl Iterator<Item = (&[F], &[F])> {
        let of_weight = move |product: &&RowProduct| self.weight(product.weight) == weight;
        self.products.iter().filter(of_weight).map(|&RowProduct { x, y, delta, .. }| {
            let (node, (bars, first)) = (self.record.node(y), self.bars);
            let delta = match delta {
                None => &bars[node.bar - first..][..node.len],
                Some(place) => self.deltas.at(place, node.len),
            };
            (self.record.values(x), delta)
        })
    }

    /// Computes some rows of the gradient of a weight: the sum of the products that all tapes have left undone for it, tape by tape,
    /// and with `keep` of what `sum` holds. The order of the sums depends on the sizes alone.
    ///
    /// # Panics
    /// If the rows reach past the last one of the weight, or `sum` has not as many numbers as they.
    #[track_caller]
    pub fn add_rows(parts: &[Self], weight: Weight, rows: Range<usize>, sum: &mut [F], keep: bool) {
        let [n, m] = weight.shape;
        assert!(
            rows.end <= n && sum.len() == rows.len() * m,
            "add_rows: {} numbers are not rows {rows:?} of a weight of shape {}",
            sum.len(),
            Shape::from(&weight.shape[..])
        );
        if sum.is_empty() {
            return;
        }
        let products = || parts.iter().flat_map(|part| part.products(weight));
        let count = products().map(|(_, delta)| delta.len() / m).sum();
        gathered(products(), count, [n, m], &rows, |x, delta| {
            let matrix = |width, transposed| Layout { at: 0, width, transposed };
            let sizes = [rows.len(), count, m];
            let x = (x, matrix(rows.len(), true));
            gemm(sizes, x, (delta, matrix(m, false)), (sum, matrix(m, false)), keep);
        });
    }
}

/// Calls `work` with the `columns` of every $x$, one below the other, and every $\delta$: `count` rows in all, of `n` numbers and
/// of `m`.
fn gathered<'a, F: Scalar>(
    products: impl Iterator<Item = (&'a [F], &'a [F])>,
    count: usize,
    [n, m]: [usize; 2],
    columns: &Range<usize>,
    work: impl FnOnce(&[F], &[F]),
) {
    let len = columns.len();
    with_workspace(count * (len + m), |memory| {
        let (xs, deltas) = memory.split_at_mut(count * len);
        let (mut to_x, mut to_delta) = (xs.chunks_exact_mut(len), deltas.chunks_exact_mut(m));
        for (x, delta) in products {
            let rows = x.chunks_exact(n).zip(delta.chunks_exact(m));
            for ((x, delta), (to_x, to_delta)) in rows.zip(to_x.by_ref().zip(to_delta.by_ref())) {
                to_x.copy_from_slice(&x[columns.clone()]);
                to_delta.copy_from_slice(delta);
            }
        }
        work(xs, deltas);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Activation;
    use crate::kernels::level::{Level, at_level};

    /// Small numbers without a pattern.
    fn numbers<F: Scalar>(len: usize, seed: usize) -> Vec<F> {
        (0..len).map(|i| F::from_f64((((i * 7919 + seed * 104_729) % 997) as f64).sin())).collect()
    }

    /// Records a net of two weights on some rows, of which the second is used twice and has a term of its own; the biases and
    /// a third weight that is not reached complete the leading leaves. Returns the result.
    fn record<'t, F: Scalar>(
        tape: &'t Tape<F>,
        [n, m]: [usize; 2],
        rows: usize,
        seed: usize,
    ) -> Var<'t, F> {
        let shapes: [&[usize]; 5] = [&[n, m], &[m], &[m, m], &[m], &[2, m]];
        let leaf =
            |(i, shape): (usize, &&[usize])| tape.leaf(&numbers(shape.iter().product(), i), *shape);
        let [w, b, v, c, _] =
            shapes.iter().enumerate().map(leaf).collect::<Vec<_>>().try_into().unwrap();
        let x = tape.constant(&numbers(rows * n, 10 + seed), [rows, n]);
        let h = x.affine(w, b, Activation::Tanh);
        let y = h.affine(v, c, Activation::Sigmoid).affine(v, c, Activation::Identity);
        // Only the first tape has a term of the weight outside of the products.
        let y = y.sum();
        if seed == 0 { y + v.square().sum() } else { y }
    }

    /// The sum over tapes of so many rows, by whole sweeps and by sweeps that leave products undone.
    fn both<F: Scalar>([n, m]: [usize; 2], rows: &[usize], pieces: usize) -> [Vec<F>; 2] {
        let leading = n * m + m * m + 4 * m;
        let mut whole = vec![F::ZERO; leading];
        let (mut tapes, mut grads) = (Vec::new(), Vec::new());
        for (seed, &rows) in rows.iter().enumerate() {
            let tape = Tape::new();
            let y = record(&tape, [n, m], rows, seed);
            let alone = tape.pull(&[(y, &[F::ONE])]);
            whole.iter_mut().zip(alone.leading(leading)).for_each(|(sum, &g)| *sum += g);
            let mut left = Grads::new();
            // The second sweep uses the memory of the first.
            for _ in 0..2 {
                tape.pull_deferred(&[(y, &[F::ONE])], &[], leading, &mut left);
            }
            tapes.push(tape);
            grads.push(left);
        }
        let split =
            tapes.iter_mut().zip(&mut grads).map(|(tape, grads)| grads.deferred(tape, leading));
        let (parts, deferred): (Vec<&mut [F]>, Vec<Deferred<F>>) = split.unzip();
        let mut sum = vec![F::from_f64(f64::NAN); leading];
        let mut weights: Vec<Weight> = deferred.iter().flat_map(Deferred::weights).collect();
        weights.sort_unstable();
        weights.dedup();
        let few: &[[usize; 2]] =
            if rows.iter().any(|&rows| rows <= FEW) { &[[n, m], [m, m]] } else { &[] };
        assert_eq!(weights.iter().map(|weight| weight.shape).collect::<Vec<_>>(), few);
        let mut at = 0;
        for weight in weights {
            let [count, columns] = weight.shape;
            for (i, sum) in sum.iter_mut().enumerate().take(weight.at).skip(at) {
                *sum = parts.iter().map(|part| part[i]).sum();
            }
            for piece in 0..pieces {
                let rows = piece * count / pieces..(piece + 1) * count / pieces;
                let range = weight.at + rows.start * columns..weight.at + rows.end * columns;
                let mut begun = false;
                for (part, deferred) in parts.iter().zip(&deferred) {
                    if deferred.has_begun(weight) {
                        let part = part[range.clone()].iter();
                        sum[range.clone()]
                            .iter_mut()
                            .zip(part)
                            .for_each(|(sum, &x)| *sum = if begun { *sum + x } else { x });
                        begun = true;
                    }
                }
                Deferred::add_rows(&deferred, weight, rows, &mut sum[range], begun);
            }
            at = weight.at + count * columns;
        }
        for (i, sum) in sum.iter_mut().enumerate().skip(at) {
            *sum = parts.iter().map(|part| part[i]).sum();
        }
        [whole, sum]
    }

    fn agree<F: Scalar>(ulp: f64) {
        for shape in [[1, 1], [3, 5], [17, 33], [40, 7]] {
            for rows in [
                &[1][..],
                &[5, 5, 5],
                &[0, 3],
                &[FEW; 5],
                &[FEW + 1, 30],
                &[7, FEW + 1],
                &[FEW + 1; 2],
            ] {
                for pieces in [1, 3] {
                    let [whole, sum] = both::<F>(shape, rows, pieces);
                    for (i, (&a, &b)) in whole.iter().zip(&sum).enumerate() {
                        // Sums of some hundred terms of order 1 in another order.
                        let error = (a - b).abs().to_f64();
                        assert!(
                            error <= 1000.0 * ulp * (1.0 + a.abs().to_f64()),
                            "{shape:?}, {rows:?}, {i}: {a:?}, {b:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn products_left_undone_complete_the_gradient() {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, || {
                agree::<f32>(f32::EPSILON.into());
                agree::<f64>(f64::EPSILON);
            });
        }
    }

    #[test]
    fn a_leaf_beyond_the_leading_ones_has_its_whole_gradient() {
        let tape = Tape::new();
        let (w, v) = (tape.leaf(&[2.0_f64], [1, 1]), tape.leaf(&[3.0], [1, 1]));
        let b = tape.constant(&[0.0], [1]);
        let x = tape.constant(&[5.0, 7.0], [2, 1]);
        let y = x.affine(w, b, Activation::Identity).affine(v, b, Activation::Identity);
        let mut grads = Grads::new();
        tape.pull_deferred(&[(y, &[1.0, 1.0])], &[], 1, &mut grads);
        assert_eq!(grads.get(v).unwrap(), [2.0 * (5.0 + 7.0)]);
        assert_eq!(grads.undone.products.len(), 1);
        let refused = |read: &dyn Fn() -> usize| {
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(read)).is_err()
        };
        assert!(refused(&|| grads.get(w).map_or(0, <[f64]>::len)));
        assert!(refused(&|| grads.get(w.reshape([1])).map_or(0, <[f64]>::len)));
        assert!(refused(&|| grads.of(w).values().len()));
        assert!(refused(&|| grads.leading(1).len()));
        // An ordinary sweep leaves nothing undone.
        tape.pull_into(&[(y, &[1.0, 1.0])], &[], &mut grads);
        assert_eq!(grads.leading(2), [3.0 * 12.0, 2.0 * 12.0]);
    }

    #[test]
    fn a_weight_without_rows_is_left_to_the_sweep() {
        let tape = Tape::new();
        let (w, b) = (tape.leaf(&[] as &[f64], [0, 3]), tape.leaf(&[0.0; 3], [3]));
        let y = tape.constant(&[], [2, 0]).affine(w, b, Activation::Tanh).sum();
        assert_eq!(y.backward().leading(3), [2.0; 3]);
        assert_eq!(y.backward().get(w).unwrap(), []);
    }

    #[test]
    fn another_tape_or_another_number_of_leading_adjoints_is_refused() {
        let (mut tape, mut grads) = (Tape::new(), Grads::new());
        let w = tape.leaf(&[2.0_f64], [1, 1]);
        let y = tape.constant(&[5.0], [1, 1]).affine(w, tape.leaf(&[0.0], [1]), Activation::Tanh);
        tape.pull_deferred(&[(y, &[1.0])], &[], 2, &mut grads);
        for (tape, leading) in [(&mut tape, 1), (&mut Tape::new(), 2)] {
            let deferred = || grads.deferred(tape, leading).0.len();
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(deferred)).is_err());
        }
        assert_eq!(grads.deferred(&mut tape, 2).1.weights().count(), 1);
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let (mut tape, mut grads) = (Tape::new(), Grads::new());
        let w = tape.leaf(&[2.0_f64; 6], [3, 2]);
        let y = tape.constant(&[1.0; 3], [1, 3]).affine(
            w,
            tape.constant(&[0.0; 2], [2]),
            Activation::Identity,
        );
        tape.pull_deferred(&[(y, &[1.0; 2])], &[], 6, &mut grads);
        let (_, deferred) = grads.deferred(&mut tape, 6);
        let weight = deferred.weights().next().unwrap();
        for (rows, len) in [(0..4, 8), (0..1, 3), (2..4, 4)] {
            let add = || {
                Deferred::add_rows(&[deferred], weight, rows.clone(), &mut vec![0.0; len], false)
            };
            assert!(
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(add)).is_err(),
                "{rows:?} of {len}"
            );
        }
        Deferred::add_rows(&[deferred], weight, 1..1, &mut [], false);
    }
}

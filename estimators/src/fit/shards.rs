//! A batch cut into shards, and the sum of their gradients.

use crate::optim::CHUNK;
use crate::parallel::join;
use crate::work::Work;
use pathscore_autodiff::vector::{Lanes, dispatch, sum_by};
use pathscore_autodiff::{Deferred, Scalar, Weight};
use pathscore_models::seed::{self, Stream, derive};
use smallvec::SmallVec;
use std::ops::Range;

/// A batch of this many draws (rows times samples) is one shard; one of four times as many is two.
///
/// A shard costs a gradient to write and to add, and tall matrices are multiplied faster than flat
/// ones. If every shard has a thread, the time is $a \cdot \mathrm{draws}/\mathrm{shards} + b \cdot \mathrm{shards}$,
/// least at a number of shards that grows with the square root of the draws.
const DRAWS_OF_ONE_SHARD: usize = 25;

/// The most shards: each has a gradient of its own to keep and to add.
const MOST_SHARDS: usize = 16;

/// Some rows of a batch, with memory of their own.
pub(super) struct Shard<F> {
    pub(super) work: Work<F>,
    pub(super) rows: Range<usize>,
    pub(super) x: Vec<F>,
    /// The generator as it was when `x` had been filled.
    pub(super) rng: Lanes,
    pub(super) bound: f64,
}

impl<F: Scalar> Shard<F> {
    pub(super) fn new() -> Self {
        Self { work: Work::new(), rows: 0..0, x: Vec::new(), rng: rng(0, 0, 0), bound: 0.0 }
    }
}

/// The random numbers of a shard in a step.
pub(super) fn rng(seed: u64, step: u64, shard: usize) -> Lanes {
    seed::lanes(derive(seed, Stream::Step, step), Stream::Shard, shard as u64)
}

/// The rows of each shard of a batch of `batch` rows with `samples` draws each.
pub(super) fn cut(batch: usize, samples: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    let shards = (batch * samples / DRAWS_OF_ONE_SHARD).isqrt().max(1);
    // A power of two shares out evenly among the usual numbers of threads.
    let shards = (1 << shards.ilog2()).clamp(1, batch.clamp(1, MOST_SHARDS));
    (0..shards).map(move |i| i * batch / shards..(i + 1) * batch / shards)
}

/// Adds the parts to `sum`, one after the other.
#[inline(always)]
fn add<F: Scalar, const N: usize>(parts: [&[F]; N], sum: &mut [F]) {
    let parts = parts.map(|part| &part[..sum.len()]);
    for (i, sum) in sum.iter_mut().enumerate() {
        *sum = parts.iter().fold(*sum, |sum, part| sum + part[i]);
    }
}

/// A piece of the gradient, which one thread computes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Numbers of which every shard has computed its part.
    Numbers(Range<usize>),
    /// Rows of a weight for which the shards have left products undone.
    Rows(Weight, Range<usize>),
}

impl Piece {
    /// The numbers of the gradient.
    fn numbers(&self) -> Range<usize> {
        match self {
            Self::Numbers(numbers) => numbers.clone(),
            Self::Rows(weight, rows) => {
                let [_, columns] = weight.shape;
                weight.at + rows.start * columns..weight.at + rows.end * columns
            }
        }
    }
}

/// The largest number of elements of a piece of several rows. Every piece reads all of $\delta$, so that pieces are large: a weight of
/// 784 by 200 makes two. Pieces of half or a quarter of the size make a step of `iwae` 1 to 3 % slower on one thread.
const PIECE: usize = 80_000;

/// Cuts a gradient of `len` numbers into pieces, in order, with the weights given in order.
fn cut_gradient(weights: &[Weight], len: usize, pieces: &mut Vec<Piece>) {
    let numbers = |range: Range<usize>, pieces: &mut Vec<Piece>| {
        let starts = range.clone().step_by(CHUNK);
        pieces.extend(starts.map(|start| Piece::Numbers(start..range.end.min(start + CHUNK))));
    };
    pieces.clear();
    let mut at = 0;
    for &weight in weights {
        let [rows, columns] = weight.shape;
        numbers(at..weight.at, pieces);
        let count = (rows * columns).div_ceil(PIECE).clamp(1, rows.max(1));
        let row = |i: usize| i * rows / count;
        pieces.extend((0..count).map(|i| Piece::Rows(weight, row(i)..row(i + 1))));
        at = weight.at + rows * columns;
    }
    numbers(at..len, pieces);
}

/// Stores `f` of every piece and its numbers in the result of the same index, on all threads.
fn each_piece<F: Scalar>(
    pieces: &[Piece],
    numbers: &mut [F],
    results: &mut [f64],
    f: &(dyn Fn(&Piece, &mut [F]) -> f64 + Sync),
) {
    if let [piece] = pieces {
        results[0] = f(piece, numbers);
    } else if !pieces.is_empty() {
        let (left, right) = pieces.split_at(pieces.len() / 2);
        let (below, above) =
            numbers.split_at_mut(right[0].numbers().start - left[0].numbers().start);
        let (first, last) = results.split_at_mut(left.len());
        join(|| each_piece(left, below, first, f), || each_piece(right, above, last, f));
    }
}

/// The memory of [`add_up`].
#[derive(Debug, Default)]
pub(super) struct Pieces {
    weights: Vec<Weight>,
    pieces: Vec<Piece>,
    squares: Vec<f64>,
}

/// Adds the gradients of all shards, `len` numbers each, to that of the first, in order, computes the products that they have left
/// undone, and returns the square of the norm of their sum.
pub(super) fn add_up<F: Scalar>(shards: &mut [Shard<F>], len: usize, memory: &mut Pieces) -> f64 {
    let Pieces { weights, pieces, squares } = memory;
    let mut gradients = shards.iter_mut().map(|shard| {
        let Work { tape, grads, .. } = &mut shard.work;
        grads.deferred(tape, len)
    });
    let Some((sum, deferred)) = gradients.next() else { return 0.0 };
    let mut parts: SmallVec<[&[F]; MOST_SHARDS]> = SmallVec::new();
    let mut undone: SmallVec<[Deferred<F>; MOST_SHARDS]> = SmallVec::from_iter([deferred]);
    for (part, deferred) in gradients {
        parts.push(part);
        undone.push(deferred);
    }
    weights.clear();
    weights.extend(undone.iter().flat_map(Deferred::weights));
    weights.sort_unstable();
    weights.dedup();
    cut_gradient(weights, len, pieces);
    squares.resize(pieces.len(), 0.0);
    each_piece(pieces, sum, squares, &|piece, sum| {
        // Of a weight with undone products a shard may have computed a part, or nothing.
        let begun = |undone: &Deferred<F>| match piece {
            Piece::Numbers(_) => true,
            Piece::Rows(weight, _) => undone.has_begun(*weight),
        };
        if let Piece::Rows(weight, rows) = piece {
            Deferred::add_rows(&undone, *weight, rows.clone(), sum, begun(&undone[0]));
        }
        let parts = parts.iter().zip(&undone[1..]).filter(|(_, undone)| begun(undone));
        let parts: SmallVec<[&[F]; MOST_SHARDS]> =
            parts.map(|(part, _)| &part[piece.numbers()]).collect();
        dispatch(
            #[inline(always)]
            || {
                // Memory answers several streams at once sooner than one after the other.
                let (threes, rest) = parts.as_chunks::<3>();
                threes.iter().for_each(|&three| add(three, sum));
                rest.iter().for_each(|&one| add([one], sum));
                sum_by(
                    [&*sum],
                    #[inline(always)]
                    |[g]| g * g,
                )
                .to_f64()
            },
        )
    });
    squares.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_gradient_in_order() {
        let weights =
            [(5, [3, 7]), (26, [784, 200]), (30 + 784 * 200, [0, 4]), (160_000, [2, PIECE + 1])];
        let weights = weights.map(|(at, shape)| Weight { at, shape });
        for (weights, len) in [(&weights[..], 400_000), (&[], 2 * CHUNK), (&[], 3), (&[], 0)] {
            let mut pieces = vec![Piece::Numbers(0..1)];
            cut_gradient(weights, len, &mut pieces);
            let mut at = 0;
            for piece in &pieces {
                let numbers = piece.numbers();
                assert_eq!(numbers.start, at, "{piece:?}");
                assert!(numbers.len() <= PIECE + 1, "{piece:?}");
                at = numbers.end;
            }
            assert_eq!(at, len);
            let of = |weight| {
                pieces.iter().filter(move |piece| matches!(piece, Piece::Rows(w, _) if w == weight))
            };
            assert!(
                weights
                    .iter()
                    .map(|weight| of(weight).count())
                    .eq([1, 2, 1, 2].into_iter().take(weights.len()))
            );
            let mut sum = vec![0.0_f64; len];
            let mut squares = vec![0.0; pieces.len()];
            each_piece(&pieces, &mut sum, &mut squares, &|piece, sum| {
                assert_eq!(sum.len(), piece.numbers().len());
                sum.iter_mut().for_each(|x| *x += 1.0);
                piece.numbers().start as f64
            });
            assert!(sum.iter().all(|&x| x == 1.0));
            let starts = pieces.iter().map(|piece| piece.numbers().start as f64);
            assert!(starts.eq(squares), "every result has its place");
        }
    }

    #[test]
    fn a_batch_is_cut_by_its_draws_into_powers_of_two() {
        for (batch, samples, rows) in [
            (1, 1, &[1][..]),
            (0, 1, &[0]),
            (99, 1, &[99]),
            (100, 1, &[50, 50]),
            (25, 4, &[12, 13]),
            // √(960/25) is six, and the largest power of two below it four.
            (240, 4, &[60; 4]),
            (2, 5000, &[1, 1]),
            (1_000_000, 1, &[62_500; MOST_SHARDS]),
        ] {
            let found: Vec<Range<usize>> = cut(batch, samples).collect();
            let lengths: Vec<usize> = found.iter().map(|range| range.len()).collect();
            assert_eq!(lengths, rows, "{batch} rows, {samples} draws");
            assert!(found.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!((found[0].start, found[rows.len() - 1].end), (0, batch));
        }
    }
}

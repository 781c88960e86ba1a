//! A batch cut into shards, and the sum of their gradients.

use crate::optim::CHUNK;
use crate::parallel::map_chunks;
use crate::work::Work;
use pathscore_autodiff::Scalar;
use pathscore_autodiff::vector::{Lanes, dispatch, sum_by};
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

/// Adds the gradients of all shards, `len` numbers each, to that of the first, in order, and returns the square of the norm of
/// their sum.
pub(super) fn add_up<F: Scalar>(shards: &mut [Shard<F>], len: usize) -> f64 {
    let Some((first, rest)) = shards.split_first_mut() else { return 0.0 };
    let parts: SmallVec<[&[F]; MOST_SHARDS]> =
        rest.iter().map(|shard| shard.work.gradient(len)).collect();
    let chunk = |index: usize, sum: &mut [F]| {
        let range = index * CHUNK..index * CHUNK + sum.len();
        let parts: SmallVec<[&[F]; MOST_SHARDS]> =
            parts.iter().map(|part| &part[range.clone()]).collect();
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
    };
    // One number for each chunk, added in order.
    const MOST: usize = 256;
    let mut squares = [0.0; MOST];
    let mut total = 0.0;
    let sum = first.work.grads.leading_mut(len);
    for (block, sum) in sum.chunks_mut(MOST * CHUNK).enumerate() {
        let used = &mut squares[..sum.len().div_ceil(CHUNK)];
        map_chunks(sum, CHUNK, used, &|i, sum| chunk(block * MOST + i, sum));
        total += used.iter().sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

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

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

/// Adds the parts to `sum`, one after the other, if `begun`; otherwise `sum` becomes their sum.
#[inline(always)]
fn add<F: Scalar, const N: usize>(parts: [&[F]; N], sum: &mut [F], begun: bool) {
    let len = sum.len();
    let parts = parts.map(|part| &part[..len]);
    let more = |first: F, i: usize| parts[1..].iter().fold(first, |sum, part| sum + part[i]);
    if begun {
        for i in 0..len {
            sum[i] = more(sum[i] + parts[0][i], i);
        }
    } else {
        for i in 0..len {
            sum[i] = more(parts[0][i], i);
        }
    }
}

/// Writes the sum of the shards' gradients, added in order, and returns the square of its norm.
pub(super) fn add_up<F: Scalar>(shards: &[Shard<F>], grad: &mut [F]) -> f64 {
    let len = grad.len();
    let parts: SmallVec<[&[F]; MOST_SHARDS]> =
        shards.iter().map(|shard| shard.work.gradient(len)).collect();
    let chunk = |index: usize, grad: &mut [F]| {
        let range = index * CHUNK..index * CHUNK + grad.len();
        let parts: SmallVec<[&[F]; MOST_SHARDS]> =
            parts.iter().map(|part| &part[range.clone()]).collect();
        dispatch(
            #[inline(always)]
            || {
                // Memory answers several streams at once sooner than one after the other.
                let (fours, rest) = parts.as_chunks::<4>();
                let (twos, rest) = rest.as_chunks::<2>();
                for (i, &four) in fours.iter().enumerate() {
                    add(four, grad, i > 0);
                }
                for &two in twos {
                    add(two, grad, !fours.is_empty());
                }
                for &one in rest {
                    add([one], grad, parts.len() > 1);
                }
                sum_by(
                    [&*grad],
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
    for (block, grad) in grad.chunks_mut(MOST * CHUNK).enumerate() {
        let used = &mut squares[..grad.len().div_ceil(CHUNK)];
        map_chunks(grad, CHUNK, used, &|i, grad| chunk(block * MOST + i, grad));
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

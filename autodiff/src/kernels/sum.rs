//! Sums in one fixed order.
//!
//! Sixteen running sums, one per lane, are added pairwise at the end. The order depends on the length
//! alone, never on the width of the machine's vectors, so the bits are the same everywhere; and the
//! error grows with n/16 instead of n.
//!
//! In single precision that is not enough for long sums: ten million equal numbers would lose three digits. So [`sum`], and the sums
//! of columns, add more than [`LONG`] numbers in blocks, of at most 32 numbers to a lane, and add the blocks with their
//! rounding errors (Knuth's two-sum), so that the error does not grow with the number of blocks.

use crate::kernels::float::Float;
use crate::kernels::fold::fold;
use crate::kernels::simd::dispatch;

/// The numbers that are added side by side.
pub(crate) const LANES: usize = 16;
const HALF: usize = LANES / 2;
/// More numbers than this are summed in blocks, in single precision.
pub(crate) const LONG: usize = 64 * LANES;
/// The numbers of a lane in one block.
const CHAIN: usize = 32;

/// True if a sum of `n` numbers goes by blocks.
pub(crate) fn is_long<F>(n: usize) -> bool {
    size_of::<F>() == 4 && n > LONG
}

/// $\sum_i f(x_i, y_i, \dots)$ along slices of one length, in the fixed order; to be called inside a
/// dispatched loop.
///
/// # Panics
/// If the lengths differ.
#[inline(always)]
pub fn sum_by<F: Float, const N: usize>(slices: [&[F]; N], f: impl Fn([F; N]) -> F) -> F {
    let n = slices[0].len();
    assert!(slices.iter().all(|slice| slice.len() == n), "sum: slices of different lengths");
    let mut lanes = [F::ZERO; LANES];
    let mut base = 0;
    while base + LANES <= n {
        lanes = add_piece(slices, base, lanes, &f);
        base += LANES;
    }
    // The rest is vector code too, in half pieces. The last half piece ends where the slices end, and those of its numbers that were
    // added before are not added again.
    if base < n && n >= HALF {
        let mut half: [F; HALF] = *lanes.first_chunk().expect("half of the lanes");
        if base + HALF <= n {
            half = add_piece(slices, base, half, &f);
            base += HALF;
        }
        if base < n {
            let last = add_piece(slices, n - HALF, [F::ZERO; HALF], &f);
            let is_new: &[u64; HALF] = ZEROS_THEN_ONES[n - base..]
                .first_chunk()
                .expect("fewer numbers are left than half a piece");
            for (lane, half) in half.iter_mut().enumerate() {
                *half += if is_new[lane] == 0 { F::ZERO } else { last[lane] };
            }
        }
        lanes[..HALF].copy_from_slice(&half);
    } else {
        // Fewer than half a piece in all; after whole pieces nothing is left here.
        for i in base..n {
            lanes[i] += f(slices.map(|slice| slice[i]));
        }
    }
    let [sum] = fold(
        lanes,
        #[inline(always)]
        |a, b| a + b,
    );
    sum
}

/// The half piece from place `r` on has ones in the last `r` lanes. It lies in memory, in numbers as wide as a double, because from a
/// comparison with the number of a lane the compiler makes code for two numbers at a time.
static ZEROS_THEN_ONES: [u64; 2 * HALF] = {
    let mut flags = [0; 2 * HALF];
    flags.split_at_mut(HALF).1.copy_from_slice(&[1; HALF]);
    flags
};

/// Applies `f` to `W` numbers of each slice from `base` on and returns the lanes with the results added.
#[inline(always)]
fn add_piece<F: Float, const W: usize, const N: usize>(
    slices: [&[F]; N],
    base: usize,
    mut lanes: [F; W],
    f: &impl Fn([F; N]) -> F,
) -> [F; W] {
    // As arrays, so that the loop over the lanes holds no check and becomes vector code.
    let pieces: [&[F; W]; N] = slices.map(|slice| {
        slice[base..].first_chunk().expect("a whole piece is left below the end of the slice")
    });
    for (lane, sum) in lanes.iter_mut().enumerate() {
        *sum += f(pieces.map(|piece| piece[lane]));
    }
    lanes
}

/// $\sum_i x_i$ in the fixed order. In single precision the error is a few units in the last place for any length, if
/// the numbers have one sign.
///
/// ```
/// use pathscore_autodiff::vector::sum;
/// let x = vec![0.1_f32; 1_000_000];
/// assert!((f64::from(sum(&x)) / (1e6 * f64::from(0.1_f32)) - 1.0).abs() < 1e-6);
/// ```
pub fn sum<F: Float>(x: &[F]) -> F {
    sum_of(
        x,
        #[inline(always)]
        |x| x,
    )
}

/// $\sum_i f(x_i)$ in the fixed order: long sums in single precision by blocks.
pub(crate) fn sum_of<F: Float>(x: &[F], f: impl Fn(F) -> F) -> F {
    let of_block = |x: &[F]| {
        dispatch(
            #[inline(always)]
            || {
                sum_by(
                    [x],
                    #[inline(always)]
                    |[x]| f(x),
                )
            },
        )
    };
    if !is_long::<F>(x.len()) {
        return of_block(x);
    }
    let (mut high, mut low) = (F::ZERO, F::ZERO);
    for block in x.chunks(CHAIN * LANES) {
        (high, low) = two_sum(high, low, of_block(block));
    }
    join(high, low)
}

/// Adds $f$ of many rows to `to`, column by column: in blocks of rows, which are added with their rounding errors.
pub(crate) fn add_columns<'a, F: Float>(
    rows: usize,
    row: impl Fn(usize) -> &'a [F],
    f: impl Fn(F) -> F,
    to: &mut [F],
) {
    const TILE: usize = 1024;
    dispatch(
        #[inline(always)]
        || {
            let (mut high, mut low) = ([F::ZERO; TILE], [F::ZERO; TILE]);
            let mut sums = [F::ZERO; TILE];
            for (tile, to) in to.chunks_mut(TILE).enumerate() {
                let width = to.len();
                let part = |at| &row(at)[tile * TILE..][..width];
                let (high, low, sums) = (&mut high[..width], &mut low[..width], &mut sums[..width]);
                high.fill(F::ZERO);
                low.fill(F::ZERO);
                for block in (0..rows).step_by(CHAIN) {
                    sums.fill(F::ZERO);
                    let end = rows.min(block + CHAIN);
                    // Four rows at a time, in their order: the sums are read and written once for all four.
                    let mut at = block;
                    while at + 4 <= end {
                        let [p, q, r, s] = [at, at + 1, at + 2, at + 3].map(part);
                        for k in 0..width {
                            sums[k] = (((sums[k] + f(p[k])) + f(q[k])) + f(r[k])) + f(s[k]);
                        }
                        at += 4;
                    }
                    for at in at..end {
                        for (sum, &x) in sums.iter_mut().zip(part(at)) {
                            *sum += f(x);
                        }
                    }
                    for k in 0..width {
                        (high[k], low[k]) = two_sum(high[k], low[k], sums[k]);
                    }
                }
                for k in 0..width {
                    to[k] += join(high[k], low[k]);
                }
            }
        },
    );
}

/// Adds `x` to `high`, and the rounding error of that to `low`.
#[inline(always)]
pub(crate) fn two_sum<F: Float>(high: F, low: F, x: F) -> (F, F) {
    let sum = high + x;
    let part = sum - high;
    (sum, low + ((high - (sum - part)) + (x - part)))
}

/// A sum with its rounding errors, which are NaN where the sum has become infinite.
#[inline(always)]
pub(crate) fn join<F: Float>(high: F, low: F) -> F {
    if low.is_finite() { high + low } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::{Level, at_level};

    /// Sums of whole numbers are exact in any order, so a number that is left out or added twice shows; infinity shows where the last
    /// piece is read again.
    fn short_sums_are_exact<F: Float>() {
        for n in 0..=4 * LANES {
            let numbers: Vec<F> = (1..=n).map(|i| F::from_f64((i * i % 37) as f64)).collect();
            let twice = |[x, y]: [F; 2]| x + y;
            let exact = numbers.iter().fold(F::ZERO, |sum, &x| sum + x + x);
            assert_eq!(sum_by([&numbers[..], &numbers], twice), exact, "{n} numbers");
            for at in 0..n {
                let mut numbers = numbers.clone();
                numbers[at] = F::ONE / F::ZERO;
                assert_eq!(sum_by([&numbers[..]], |[x]| x), numbers[at], "{n} numbers, {at}");
            }
        }
    }

    #[test]
    fn sums_of_every_short_length_are_exact() {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, || {
                dispatch(
                    #[inline(always)]
                    || {
                        short_sums_are_exact::<f32>();
                        short_sums_are_exact::<f64>();
                    },
                )
            });
        }
    }
}

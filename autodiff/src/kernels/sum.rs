//! Sums in one fixed order.
//!
//! Sixteen running sums, one per lane, are added pairwise at the end. The order depends on the length
//! alone, never on the width of the machine's vectors, so the bits are the same everywhere; and the
//! error grows with n/16 instead of n.

use crate::kernels::float::Float;
use crate::kernels::fold::fold;
use crate::kernels::simd::dispatch;

const LANES: usize = 16;
const HALF: usize = LANES / 2;

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
        add_piece::<F, LANES, N>(slices, base, 0, &mut lanes, &f);
        base += LANES;
    }
    // The rest is vector code too, in half pieces. The last half piece ends where the slices end; those of its numbers
    // that were added before are added as zeros.
    if n >= HALF {
        while base < n {
            let from = base.min(n - HALF);
            add_piece::<F, HALF, N>(slices, from, base - from, &mut lanes, &f);
            base += HALF;
        }
    } else {
        for i in 0..n {
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

/// Applies `f` to `W` numbers of each slice from `base` on and adds the results, without the first `done`, to the first
/// `W` lanes.
#[inline(always)]
fn add_piece<F: Float, const W: usize, const N: usize>(
    slices: [&[F]; N],
    base: usize,
    done: usize,
    lanes: &mut [F; LANES],
    f: &impl Fn([F; N]) -> F,
) {
    // As arrays, so that the loop over the lanes holds no check and becomes vector code.
    let pieces: [&[F; W]; N] = slices.map(|slice| {
        slice[base..].first_chunk().expect("a whole piece is left below the end of the slice")
    });
    let lanes: &mut [F; W] = lanes.first_chunk_mut().expect("a piece is no wider than the lanes");
    for (lane, sum) in lanes.iter_mut().enumerate() {
        let value = f(pieces.map(|piece| piece[lane]));
        *sum += if lane < done { F::ZERO } else { value };
    }
}

/// $\sum_i x_i$ in the fixed order.
pub fn sum<F: Float>(x: &[F]) -> F {
    dispatch(
        #[inline(always)]
        || {
            sum_by(
                [x],
                #[inline(always)]
                |[x]| x,
            )
        },
    )
}

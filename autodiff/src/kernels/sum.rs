//! Sums in one fixed order.
//!
//! Sixteen running sums, one per lane, are added pairwise at the end. The order depends on the length
//! alone, never on the width of the machine's vectors, so the bits are the same everywhere; and the
//! error grows with n/16 instead of n.

use crate::kernels::simd::dispatch;
use crate::scalar::Scalar;

const LANES: usize = 16;

/// $\sum_i f(i)$ for `i` below `n`, in the fixed order; to be called inside a dispatched loop.
#[inline(always)]
pub fn sum_by<F: Scalar>(n: usize, f: impl Fn(usize) -> F) -> F {
    let mut lanes = [F::ZERO; LANES];
    let whole = n - n % LANES;
    let mut base = 0;
    while base < whole {
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += f(base + lane);
        }
        base += LANES;
    }
    for (lane, i) in (whole..n).enumerate() {
        lanes[lane] += f(i);
    }
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            let other = lanes[lane + width];
            lanes[lane] += other;
        }
    }
    lanes[0]
}

/// $\sum_i x_i$ in the fixed order.
pub fn sum<F: Scalar>(x: &[F]) -> F {
    dispatch(
        #[inline(always)]
        || sum_by(x.len(), |i| x[i]),
    )
}

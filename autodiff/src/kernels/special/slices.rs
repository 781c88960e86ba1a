//! Sine and cosine of slices: the branch-free formulas hold for moderate arguments only, so the
//! range of a block is checked first.

use super::Special;
use crate::kernels::simd::dispatch;

/// The number of elements whose range [`sin_slice`] and [`cos_slice`] check together.
const BLOCK: usize = 256;

/// `out[i] = f(x[i])` by `within` where a block's arguments permit, else by `any`.
#[inline(always)]
fn trig_slice<F: Special>(
    x: &[F],
    out: &mut [F],
    within: impl Fn(F) -> F + Copy,
    any: impl Fn(F) -> F,
) {
    assert_eq!(x.len(), out.len(), "sin, cos: as many arguments as results");
    for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let fits = dispatch(
            #[inline(always)]
            || {
                let mut fits = true;
                for x in x {
                    fits &= x.abs() <= F::TRIG_RANGE;
                }
                fits
            },
        );
        if fits {
            dispatch(
                #[inline(always)]
                || {
                    for (y, &x) in out.iter_mut().zip(x) {
                        *y = within(x);
                    }
                },
            );
        } else {
            for (y, &x) in out.iter_mut().zip(x) {
                *y = any(x);
            }
        }
    }
}

/// $\sin x_i$ of a slice, vectorised where the arguments are not huge.
pub(crate) fn sin_slice<F: Special>(x: &[F], out: &mut [F]) {
    trig_slice(
        x,
        out,
        #[inline(always)]
        |x| x.sin_within(),
        F::sin,
    );
}

/// $\cos x_i$ of a slice, vectorised where the arguments are not huge.
pub(crate) fn cos_slice<F: Special>(x: &[F], out: &mut [F]) {
    trig_slice(
        x,
        out,
        #[inline(always)]
        |x| x.cos_within(),
        F::cos,
    );
}

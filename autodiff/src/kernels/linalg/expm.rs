//! $e^A$ by scaling and squaring a Padé approximant of degree 13 (Higham 2005, "The scaling and squaring
//! method for the matrix exponential revisited").

use super::{lu, part, with_workspace};
use crate::kernels::float::Float;
use crate::kernels::gemm::gemm;

/// The coefficients of the approximant's numerator, divided by the first.
const PADE: [f64; 14] = {
    let whole = [
        64_764_752_532_480_000.0,
        32_382_376_266_240_000.0,
        7_771_770_303_897_600.0,
        1_187_353_796_428_800.0,
        129_060_195_264_000.0,
        10_559_470_521_600.0,
        670_442_572_800.0,
        33_522_128_640.0,
        1_323_241_920.0,
        40_840_800.0,
        960_960.0,
        16_380.0,
        182.0,
        1.0,
    ];
    let mut ratio = whole;
    let mut i = 0;
    while i < ratio.len() {
        ratio[i] = whole[i] / whole[0];
        i += 1;
    }
    ratio
};

/// Up to this 1-norm the approximant is as good as double precision (Higham 2005, table 2.3).
const THETA: f64 = 5.371_920_351_148_152;

/// Writes $e^A$; NaN if $A$ is not finite.
pub(crate) fn matrix_exp<F: Float>(a: &[F], n: usize, y: &mut [F]) {
    let norm = (0..n)
        .map(|j| (0..n).map(|i| a[i * n + j].to_f64().abs()).sum::<f64>())
        .fold(0.0, |top, sum| if sum > top || sum.is_nan() { sum } else { top });
    if !norm.is_finite() {
        return y.fill(F::from_f64(f64::NAN));
    }
    let squarings = (norm / THETA).log2().ceil().max(0.0) as i32;
    let scale = F::from_f64(0.5_f64.powi(squarings));
    let size = n * n;
    with_workspace(8 * size + n, |work| {
        let (mut blocks, factor) = work.split_at_mut(7 * size);
        let mut block = || {
            let (block, rest) = std::mem::take(&mut blocks).split_at_mut(size);
            blocks = rest;
            block
        };
        let [a1, a2, a4, a6] = [block(), block(), block(), block()];
        let [odd, even, other] = [block(), block(), block()];
        a1.iter_mut().zip(a).for_each(|(s, &a)| *s = a * scale);
        let times = |x: &[F], y: &[F], z: &mut [F], keep| {
            gemm([n; 3], (x, part(0, n)), (y, part(0, n)), (z, part(0, n)), keep);
        };
        times(a1, a1, a2, false);
        times(a2, a2, a4, false);
        times(a4, a2, a6, false);
        let sum = |[c6, c4, c2, c0]: [usize; 4], to: &mut [F]| {
            let c = |i: usize| F::from_f64(PADE.get(i).copied().unwrap_or(0.0));
            for i in 0..size {
                to[i] = c(c6) * a6[i] + c(c4) * a4[i] + c(c2) * a2[i];
            }
            (0..n).for_each(|i| to[i * (n + 1)] += c(c0));
        };
        // The polynomial has no term of this index, so its coefficient is zero.
        const NONE: usize = PADE.len();
        // U = A (A₆ (b₁₃A₆ + b₁₁A₄ + b₉A₂) + b₇A₆ + b₅A₄ + b₃A₂ + b₁I)
        sum([13, 11, 9, NONE], even);
        sum([7, 5, 3, 1], other);
        times(a6, even, other, true);
        times(a1, other, odd, false);
        // V = A₆ (b₁₂A₆ + b₁₀A₄ + b₈A₂) + b₆A₆ + b₄A₄ + b₂A₂ + b₀I
        sum([12, 10, 8, NONE], other);
        sum([6, 4, 2, 0], even);
        times(a6, other, even, true);
        // (V − U) Y = V + U, the right side negated.
        for i in 0..size {
            other[i] = even[i] - odd[i];
            y[i] = -(even[i] + odd[i]);
        }
        // V − U is far from singular where the approximant is used (Higham 2005, section 3).
        if lu::lu(other, n, factor).is_err() {
            return y.fill(F::from_f64(f64::NAN));
        }
        lu::solve_negated_by(factor, n, false, y, n);
        for _ in 0..squarings {
            times(y, y, other, false);
            y.copy_from_slice(other);
        }
    });
}

//! $\sum_i x_i^2$ over one axis, in one pass over the numbers.

use super::axis::{Axis, without_axis};
use crate::kernels::simd::dispatch;
use crate::kernels::sum::{add_columns, is_long, sum_by, sum_of};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::Axes;
use std::ops::Range;

/// The number of neighbouring columns that are summed in registers.
const WIDE: usize = 16;
/// The same for the rest of the columns.
const NARROW: usize = 8;

/// From so many columns on the reverse pass goes row by row, so that memory is read and written in order: `gmm-d10` of the
/// benches takes 2 % less.
const BY_ROWS: usize = 64;

/// The ends of the columns that are summed [`WIDE`] and [`NARROW`] at a time.
fn ends(stride: usize) -> [usize; 2] {
    [WIDE, NARROW].map(|width| stride - stride % width)
}

/// The sums of columns, W at a time.
#[inline(always)]
fn sums<F: Scalar, const W: usize>(x: &[F], stride: usize, columns: Range<usize>, y: &mut [F]) {
    for start in columns.step_by(W) {
        let mut sums = [F::ZERO; W];
        for row in x.chunks_exact(stride) {
            let row: &[F; W] = row[start..].first_chunk().expect("the columns are so many times W");
            for j in 0..W {
                sums[j] += row[j] * row[j];
            }
        }
        y[start..start + W].copy_from_slice(&sums);
    }
}

/// Long sums in single precision, by blocks as in `kernels/sum.rs`.
fn long_sums<F: Scalar>(x: &[F], n: usize, stride: usize, y: &mut [F]) {
    y.fill(F::ZERO);
    for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(n * stride)) {
        if stride > 1 {
            add_columns(
                n,
                #[inline(always)]
                |row| &x[row * stride..][..stride],
                #[inline(always)]
                |x| x * x,
                y,
            );
            continue;
        }
        y[0] = sum_of(
            x,
            #[inline(always)]
            |x| x * x,
        );
    }
}

/// $2 \bar y x$ of columns, W at a time, added to `bar` if it is begun.
#[inline(always)]
fn slopes<F: Scalar, const W: usize>(
    (x, y_bar): (&[F], &[F]),
    stride: usize,
    columns: Range<usize>,
    (bar, begun): (&mut [F], bool),
) {
    for start in columns.step_by(W) {
        let mut twice: [F; W] = *y_bar[start..].first_chunk().expect("as above");
        for y_bar in &mut twice {
            *y_bar = F::from_f64(2.0) * *y_bar;
        }
        for (bar, x) in bar.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
            let bar: &mut [F; W] = bar[start..].first_chunk_mut().expect("as above");
            let x: &[F; W] = x[start..].first_chunk().expect("as above");
            for j in 0..W {
                bar[j] = twice[j] * x[j] + if begun { bar[j] } else { F::ZERO };
            }
        }
    }
}

/// The sum of squares over an axis.
pub(super) struct SumSquares {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for SumSquares {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let Axis { n, stride } = Axis::new(args[0].dims, self.axis);
        let x = args[0].values;
        if n == 0 || y.is_empty() {
            return y.fill(F::ZERO);
        }
        if is_long::<F>(n) {
            return long_sums(x, n, stride, y);
        }
        dispatch(
            #[inline(always)]
            || {
                if stride == 1 {
                    for (y, x) in y.iter_mut().zip(x.chunks_exact(n)) {
                        *y = sum_by(
                            [x],
                            #[inline(always)]
                            |[x]| x * x,
                        );
                    }
                    return;
                }
                for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(n * stride)) {
                    let [wide, narrow] = ends(stride);
                    sums::<F, WIDE>(x, stride, 0..wide, y);
                    sums::<F, NARROW>(x, stride, wide..narrow, y);
                    sums::<F, 1>(x, stride, narrow..stride, y);
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Axis { n, stride } = Axis::new(pass.args[0].dims, self.axis);
        let Some((bar, begun)) = bars.begun(0) else { return };
        if bar.is_empty() {
            return;
        }
        let x = pass.args[0].values;
        let two = F::from_f64(2.0);
        dispatch(
            #[inline(always)]
            || {
                let blocks = bar.chunks_exact_mut(n * stride).zip(x.chunks_exact(n * stride));
                for ((bar, x), y_bar) in blocks.zip(pass.y_bar.chunks_exact(stride)) {
                    if stride == 1 {
                        let slope = two * y_bar[0];
                        for (bar, &x) in bar.iter_mut().zip(x) {
                            *bar = slope * x + if begun { *bar } else { F::ZERO };
                        }
                        continue;
                    }
                    if stride >= BY_ROWS {
                        let rows = bar.chunks_exact_mut(stride).zip(x.chunks_exact(stride));
                        for (bar, x) in rows {
                            let terms = bar.iter_mut().zip(x).zip(y_bar);
                            if begun {
                                for ((bar, &x), &y_bar) in terms {
                                    *bar += two * y_bar * x;
                                }
                            } else {
                                for ((bar, &x), &y_bar) in terms {
                                    *bar = two * y_bar * x + F::ZERO;
                                }
                            }
                        }
                        continue;
                    }
                    let ([wide, narrow], on) = (ends(stride), (x, y_bar));
                    slopes::<F, WIDE>(on, stride, 0..wide, (bar, begun));
                    slopes::<F, NARROW>(on, stride, wide..narrow, (bar, begun));
                    slopes::<F, 1>(on, stride, narrow..stride, (bar, begun));
                }
            },
        );
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        args[0].square().sum_axis(self.axis as isize)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The sum of squares $\sum_i x_i^2$ over axes. The derivative is $2x$. The sum over no elements is zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[3.0, 4.0], [2]);
    /// assert_eq!(x.sum_squares(0).item(), 25.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn sum_squares(self, axes: impl Into<Axes>) -> Self {
        self.reduce_with("sum_squares", axes.into(), |axis| Fused::SumSquares { axis })
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::SumSquares { axis: 1 }, &[&[2, 3, 17]]),
    (Fused::SumSquares { axis: 2 }, &[&[2, 3, 17]]),
    (Fused::SumSquares { axis: 0 }, &[&[2, 65]]),
];

//! $x_i - \ln \sum_j e^{x_j}$ along one axis, sixteen numbers at a time like the logarithm of the sum.

use super::axis::{Along, kept};
use super::log_sum_exp::{LANES, begin, of_columns, of_row, pieces, tops_and_sums};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Along an axis.
pub(super) struct LogSoftmax(pub(super) usize);

impl<F: Scalar> Kernel<F> for LogSoftmax {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        kept("log_softmax", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let Along { n, stride } = Along::new(args[0].dims, self.0);
        if y.is_empty() {
            return;
        }
        let blocks = y.chunks_exact_mut(n * stride).zip(args[0].values.chunks_exact(n * stride));
        // In two steps: x − top is exact where it matters, near the largest.
        dispatch(
            #[inline(always)]
            || {
                for (y, x) in blocks {
                    if stride == 1 {
                        let ([top, ..], [sum, ..]) = tops_and_sums(
                            pieces(n),
                            #[inline(always)]
                            |i| of_row(x, i),
                            true,
                        );
                        let log = sum.ln();
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = (x - top) - log;
                        }
                        continue;
                    }
                    for i in 0..pieces(stride) {
                        let start = begin(i, stride).0;
                        let (tops, mut logs) = tops_and_sums(
                            n,
                            #[inline(always)]
                            |row| of_columns(x, stride, start, row),
                            false,
                        );
                        let range = start..stride.min(start + LANES);
                        for log in &mut logs {
                            *log = log.ln();
                        }
                        for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
                            let (y, x) = (&mut y[range.clone()], &x[range.clone()]);
                            for (((y, &x), top), log) in y.iter_mut().zip(x).zip(tops).zip(logs) {
                                *y = (x - top) - log;
                            }
                        }
                    }
                }
            },
        );
    }

    /// $\bar x_i$ gains $\bar y_i - e^{y_i} \sum_j \bar y_j$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let Along { n, stride } = Along::new(pass.args[0].dims, self.0);
        if bar.is_empty() {
            return;
        }
        let results = pass.y.chunks_exact(n * stride).zip(pass.y_bar.chunks_exact(n * stride));
        let blocks = bar.chunks_exact_mut(n * stride).zip(results);
        dispatch(
            #[inline(always)]
            || {
                for (bar, (y, y_bar)) in blocks {
                    if stride == 1 {
                        let sum = sum_by(
                            [y_bar],
                            #[inline(always)]
                            |[x]| x,
                        );
                        for ((bar, &y), &y_bar) in bar.iter_mut().zip(y).zip(y_bar) {
                            *bar += y_bar - y.exp() * sum;
                        }
                        continue;
                    }
                    for first in (0..stride).step_by(LANES) {
                        let range = first..stride.min(first + LANES);
                        let mut sums = [F::ZERO; LANES];
                        for y_bar in y_bar.chunks_exact(stride) {
                            for (sum, &y_bar) in sums.iter_mut().zip(&y_bar[range.clone()]) {
                                *sum += y_bar;
                            }
                        }
                        let rows = y.chunks_exact(stride).zip(y_bar.chunks_exact(stride));
                        for (bar, (y, y_bar)) in bar.chunks_exact_mut(stride).zip(rows) {
                            let bar = bar[range.clone()].iter_mut().zip(sums);
                            let results = y[range.clone()].iter().zip(&y_bar[range.clone()]);
                            for ((bar, sum), (&y, &y_bar)) in bar.zip(results) {
                                *bar += y_bar - y.exp() * sum;
                            }
                        }
                    }
                }
            },
        );
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let mut kept = x.shape();
        kept[self.0] = 1;
        x - x.log_sum_exp(self.0 as isize).reshape(kept)
    }
}

//! $x_i - \ln \sum_j e^{x_j}$ along one axis, sixteen numbers at a time like the logarithm of the sum.

use super::axis::{Axis, with_axis};
use super::log_sum_exp::{LANES, begin, maxima_and_sums, of_columns, of_row, pieces};
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::axis_of;

/// The logarithm of the softmax along an axis.
pub(super) struct LogSoftmax {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for LogSoftmax {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        with_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let Axis { n, stride } = Axis::new(args[0].dims, self.axis);
        if y.is_empty() {
            return;
        }
        let blocks = y.chunks_exact_mut(n * stride).zip(args[0].values.chunks_exact(n * stride));
        // The maximum is subtracted first: near it the difference is exact, and that is where precision matters.
        dispatch(
            #[inline(always)]
            || {
                for (y, x) in blocks {
                    if stride == 1 {
                        let ([maximum, ..], [sum, ..]) = maxima_and_sums(
                            pieces(n),
                            #[inline(always)]
                            |i| of_row(x, i),
                            true,
                        );
                        let log = sum.ln();
                        for (y, &x) in y.iter_mut().zip(x) {
                            *y = (x - maximum) - log;
                        }
                        continue;
                    }
                    for i in 0..pieces(stride) {
                        let start = begin(i, stride).0;
                        let (maxima, mut logs) = maxima_and_sums(
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
                            for (((y, &x), maximum), log) in
                                y.iter_mut().zip(x).zip(maxima).zip(logs)
                            {
                                *y = (x - maximum) - log;
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
        let Axis { n, stride } = Axis::new(pass.args[0].dims, self.axis);
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
        kept[usize::from(self.axis)] = 1;
        x - x.log_sum_exp(self.axis as isize).reshape(kept)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The logarithm of the softmax, $x_i - \ln \sum_j e^{x_j}$, along an axis. The derivative is $\delta_{ij} - \mathrm{softmax}(x)_j$.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn log_softmax(self, axis: isize) -> Self {
        let axis = axis_of("log_softmax", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::LogSoftmax { axis }), &[self], None)
    }

    /// The softmax $e^{x_i} / \sum_j e^{x_j}$ along an axis. The derivative is $y_i(\delta_{ij} - y_j)$.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn softmax(self, axis: isize) -> Self {
        self.log_softmax(axis).exp()
    }

    /// The cross-entropy $-\sum_c t_c \ln \mathrm{softmax}(x)_c$ along an axis, which is dropped, with `target`
    /// probabilities $t$ (one-hot for a class). The derivative is $\mathrm{softmax}(x)_c \sum t - t_c$. A target
    /// of zero adds nothing, even where the logit is $-\infty$.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cross_entropy(self, target: Self, axis: isize) -> Self {
        let log_probs = self.log_softmax(axis);
        let [zero, never] = [0.0, f64::NEG_INFINITY].map(|c| self.constant(c));
        let none = target.equal(zero) * log_probs.equal(never);
        -none.select(zero, target * log_probs).sum_axis(axis)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::LogSoftmax { axis: 1 }, &[&[2, 3, 4]]), (Fused::LogSoftmax { axis: 0 }, &[&[1, 2]])];

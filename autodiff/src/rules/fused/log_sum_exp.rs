//! $\ln \sum_i e^{x_i}$ over one axis, shifted by the largest so that nothing overflows.
//!
//! Sixteen numbers at a time: along a row if the axis is the last, else of neighbouring columns. What is
//! short of sixteen is filled up with $-\infty$, which adds nothing.

use super::axis::{Along, dropped};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::simd::dispatch;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

const LANES: usize = 16;

/// Over an axis; of the mean instead of the sum if so said.
pub(super) struct LogSumExp {
    pub(super) axis: usize,
    pub(super) mean: bool,
}

/// The largest element and $\sum_i e^{x_i - \text{largest}}$.
pub(super) fn top_and_sum<F: Scalar>(
    x: &[F],
    places: impl Iterator<Item = usize> + Clone,
) -> (F, F) {
    let none = -F::from_f64(f64::INFINITY);
    let top = places.clone().fold(none, |top, place| top.max(x[place]));
    (top, places.map(|place| (x[place] - top).exp()).sum())
}

/// Up to sixteen numbers and $-\infty$ for the others.
#[inline(always)]
fn fill_up<F: Scalar>(x: &[F]) -> [F; LANES] {
    x.first_chunk().copied().unwrap_or_else(
        #[inline(always)]
        || {
            let mut lanes = [F::from_f64(f64::NEG_INFINITY); LANES];
            lanes[..x.len()].copy_from_slice(x);
            lanes
        },
    )
}

/// The sixteen numbers combined in halves.
#[inline(always)]
fn fold<F: Scalar>(mut lanes: [F; LANES], f: impl Fn(F, F) -> F) -> F {
    let mut half = LANES;
    while half > 1 {
        half /= 2;
        for j in 0..half {
            lanes[j] = f(lanes[j], lanes[j + half]);
        }
    }
    lanes[0]
}

/// For each lane the largest of all pieces, and $\sum e^{x - \text{largest}}$.
#[inline(always)]
fn tops_and_sums<'a, F: Scalar>(
    pieces: impl Iterator<Item = &'a [F]> + Clone,
    joint: bool,
) -> ([F; LANES], [F; LANES]) {
    let mut tops = [F::from_f64(f64::NEG_INFINITY); LANES];
    for x in pieces.clone() {
        let x = fill_up(x);
        for j in 0..LANES {
            tops[j] = tops[j].max(x[j]);
        }
    }
    if joint {
        tops = [fold(tops, F::max); LANES];
    }
    let mut sums = [F::ZERO; LANES];
    for x in pieces {
        let x = fill_up(x);
        for j in 0..LANES {
            sums[j] += (x[j] - tops[j]).exp();
        }
    }
    (tops, sums)
}

/// $\text{top} + \ln \text{sum}$. All −∞, or some +∞ or NaN: the largest is the answer, and the
/// differences are not numbers.
#[inline(always)]
fn join<F: Scalar>(top: F, sum: F) -> F {
    if top.is_finite() { top + sum.ln() } else { top }
}

/// Adds the shares of one piece, times `scale`, to its adjoint.
#[inline(always)]
fn add_shares<F: Scalar>(x: &[F], tops: &[F; LANES], scales: &[F; LANES], bar: &mut [F]) {
    let x = fill_up(x);
    let mut gains = [F::ZERO; LANES];
    for j in 0..LANES {
        // Where nothing moves, the share may be no number.
        let share = (x[j] - tops[j]).exp();
        gains[j] = if scales[j] == F::ZERO { F::ZERO } else { scales[j] * share };
    }
    for (bar, gain) in bar.iter_mut().zip(gains) {
        *bar += gain;
    }
}

/// $\bar y / \text{sum}$. Of −∞ only: no share is larger than another, and none moves the result.
#[inline(always)]
fn scale<F: Scalar>(y: F, y_bar: F, sum: F) -> F {
    if y == F::from_f64(f64::NEG_INFINITY) { F::ZERO } else { y_bar / sum }
}

/// Sixteen neighbouring columns, from column `first` on, of rows of `width`.
#[inline(always)]
fn columns<F>(x: &[F], width: usize, first: usize) -> impl Iterator<Item = &[F]> + Clone {
    x.chunks_exact(width).map(
        #[inline(always)]
        move |row| &row[first..width.min(first + LANES)],
    )
}

impl<F: Scalar> Kernel<F> for LogSumExp {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        dropped(if self.mean { "log_mean_exp" } else { "log_sum_exp" }, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let Along { n, stride } = Along::new(args[0].dims, self.axis);
        let count = if self.mean { F::from_f64(n as f64) } else { F::ONE };
        let x = args[0].values;
        if n == 0 || y.is_empty() {
            return y.fill(F::from_f64(f64::NEG_INFINITY));
        }
        dispatch(
            #[inline(always)]
            || {
                for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(n * stride)) {
                    if stride == 1 {
                        let (tops, sums) = tops_and_sums(x.chunks(LANES), true);
                        y[0] = join(tops[0], fold(sums, F::add) / count);
                        continue;
                    }
                    for (c, y) in y.chunks_mut(LANES).enumerate() {
                        let (tops, sums) = tops_and_sums(columns(x, stride, c * LANES), false);
                        for ((y, top), sum) in y.iter_mut().zip(tops).zip(sums) {
                            *y = join(top, sum / count);
                        }
                    }
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Along { n, stride } = Along::new(pass.args[0].dims, self.axis);
        let Some(bar) = bars.of(0) else { return };
        if bar.is_empty() {
            return;
        }
        let blocks =
            bar.chunks_exact_mut(n * stride).zip(pass.args[0].values.chunks_exact(n * stride));
        let results = pass.y.chunks_exact(stride).zip(pass.y_bar.chunks_exact(stride));
        // Not e^{x − y}: where y is large, its rounding would spoil the shares.
        dispatch(
            #[inline(always)]
            || {
                for ((bar, x), (y, y_bar)) in blocks.zip(results) {
                    if stride == 1 {
                        let (tops, sums) = tops_and_sums(x.chunks(LANES), true);
                        let scales = [scale(y[0], y_bar[0], fold(sums, F::add)); LANES];
                        for (bar, x) in bar.chunks_mut(LANES).zip(x.chunks(LANES)) {
                            add_shares(x, &tops, &scales, bar);
                        }
                        continue;
                    }
                    for first in (0..stride).step_by(LANES) {
                        let (tops, sums) = tops_and_sums(columns(x, stride, first), false);
                        let mut scales = [F::ZERO; LANES];
                        let width = LANES.min(stride - first);
                        for j in 0..width {
                            scales[j] = scale(y[first + j], y_bar[first + j], sums[j]);
                        }
                        for (bar, x) in bar.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
                            let range = first..first + width;
                            add_shares(&x[range.clone()], &tops, &scales, &mut bar[range]);
                        }
                    }
                }
            },
        );
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axis = self.axis as isize;
        let mut kept = x.shape();
        let n = std::mem::replace(&mut kept[self.axis], 1);
        // The shift is a constant to the derivative: it cancels. Where all are −∞ the shift is zero and
        // the sum is replaced by one before its logarithm is taken, so that nothing infinite is
        // multiplied by the zero that comes back.
        let top = x.detach().log_sum_exp(axis).detach();
        let dead = top.equal(x.constant(f64::NEG_INFINITY));
        let shift = dead.select(x.constant(0.0), top);
        let sum = (x - shift.reshape(kept)).exp().sum_axis(axis);
        let log = dead.select(top, dead.select(x.constant(1.0), sum).ln() + shift);
        if self.mean { log - F::from_f64((n.max(1) as f64).ln()) } else { log }
    }
}

//! $\ln \sum_i e^{x_i}$ over one axis, shifted by the largest so that nothing overflows.
//!
//! Sixteen numbers are computed at a time: along a row if the axis is the last, else of neighbouring columns. A short
//! piece is filled up with $-\infty$, which adds nothing to the sum.

use super::axis::{Axis, without_axis};
use crate::kernels::fold::fold;
use crate::kernels::simd::dispatch;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::Axes;

pub(super) const LANES: usize = 16;

/// The number of pieces whose exponentials are kept in the reverse pass; further ones are computed twice.
const KEPT: usize = 32;

/// The exponentials of some pieces.
type Kept<F> = [[F; LANES]; KEPT];

/// The number of pieces that cover `n` places.
#[inline(always)]
pub(super) fn pieces(n: usize) -> usize {
    n.div_ceil(LANES)
}

/// The beginning of a piece of `n` places, and the number of its places that the piece before it covers. The last piece
/// ends where the places end.
#[inline(always)]
pub(super) fn begin(piece: usize, n: usize) -> (usize, usize) {
    let first = piece * LANES;
    let start = first.min(n.saturating_sub(LANES));
    (start, first - start)
}

/// The first sixteen numbers, with $-\infty$ in place of those that are skipped or missing.
#[inline(always)]
fn load<F: Scalar>(x: &[F], skip: usize) -> [F; LANES] {
    let mut lanes = [F::from_f64(f64::NEG_INFINITY); LANES];
    match x.first_chunk::<LANES>() {
        Some(x) => {
            for j in 0..LANES {
                lanes[j] = if j < skip { lanes[j] } else { x[j] };
            }
        }
        None => lanes[..x.len()].copy_from_slice(x),
    }
    lanes
}

/// A piece of one row. (An iterator over pieces would not become vector code.)
#[inline(always)]
pub(super) fn of_row<F: Scalar>(x: &[F], piece: usize) -> [F; LANES] {
    let (start, skip) = begin(piece, x.len());
    load(&x[start..], skip)
}

/// Sixteen neighbouring columns, from column `start` on, of one of the rows of `width`.
#[inline(always)]
pub(super) fn of_columns<F: Scalar>(x: &[F], width: usize, start: usize, row: usize) -> [F; LANES] {
    load(&x[row * width + start..(row + 1) * width], 0)
}

/// For each lane, the largest number of all pieces and $\sum e^{x - \text{largest}}$; if `joint`, both are taken over all
/// lanes together.
#[inline(always)]
pub(super) fn maxima_and_sums<F: Scalar>(
    count: usize,
    piece: impl Fn(usize) -> [F; LANES],
    joint: bool,
) -> ([F; LANES], [F; LANES]) {
    let mut maxima = [F::from_f64(f64::NEG_INFINITY); LANES];
    for i in 0..count {
        let x = piece(i);
        for j in 0..LANES {
            maxima[j] = maxima[j].max(x[j]);
        }
    }
    if joint {
        let [maximum] = fold(maxima, F::max);
        maxima = [maximum; LANES];
    }
    let mut sums = [F::ZERO; LANES];
    for i in 0..count {
        let terms = exps(piece(i), maxima);
        for j in 0..LANES {
            sums[j] += terms[j];
        }
    }
    if joint {
        let [sum] = fold(sums, F::add);
        sums = [sum; LANES];
    }
    (maxima, sums)
}

/// $e^{x - \text{shift}}$.
#[inline(always)]
fn exps<F: Scalar>(x: [F; LANES], shifts: [F; LANES]) -> [F; LANES] {
    let mut y = [F::ZERO; LANES];
    for j in 0..LANES {
        y[j] = (x[j] - shifts[j]).exp();
    }
    y
}

/// $\text{maximum} + \ln \text{sum}$. If all numbers are −∞, or one is +∞ or NaN, the largest is the answer, because the
/// differences are NaN.
#[inline(always)]
fn join<F: Scalar>(maximum: F, sum: F) -> F {
    if maximum.is_finite() { maximum + sum.ln() } else { maximum }
}

/// Writes the first of the sixteen results, one for each place.
#[inline(always)]
fn store<F: Scalar>(maxima: [F; LANES], sums: [F; LANES], count: F, y: &mut [F]) {
    let mut results = [F::ZERO; LANES];
    for j in 0..LANES {
        results[j] = join(maxima[j], sums[j] / count);
    }
    let places = y.len().min(LANES);
    y[..places].copy_from_slice(&results[..places]);
}

/// Calls `gain` with the number of each piece and $\bar y e^{x - y} / \sum e^{x - y}$; if `joint`, the sum goes
/// over all lanes. The sum is not taken to be one, because the rounding of a large $y$ would distort the softmax. `kept` is the
/// caller's, so that it is not cleared for every row.
#[inline(always)]
fn softmax_adjoints<F: Scalar>(
    count: usize,
    piece: impl Fn(usize) -> [F; LANES],
    [y, y_bar]: [[F; LANES]; 2],
    joint: bool,
    kept: &mut Kept<F>,
    mut gain: impl FnMut(usize, [F; LANES]),
) {
    let mut scales = [F::ZERO; LANES];
    for i in 0..count {
        let terms = exps(piece(i), y);
        if let Some(kept) = kept.get_mut(i) {
            *kept = terms;
        }
        for j in 0..LANES {
            scales[j] += terms[j];
        }
    }
    if joint {
        let [sum] = fold(scales, F::add);
        scales = [sum; LANES];
    }
    let none = F::from_f64(f64::NEG_INFINITY);
    for j in 0..LANES {
        // Where all numbers are −∞, none of them moves the result.
        scales[j] = if y[j] == none { F::ZERO } else { y_bar[j] / scales[j] };
    }
    for i in 0..count {
        let mut gains = match kept.get(i) {
            Some(&kept) => kept,
            None => exps(piece(i), y),
        };
        for j in 0..LANES {
            // Where the scale is zero, the exponential may be NaN.
            gains[j] = if scales[j] == F::ZERO { F::ZERO } else { scales[j] * gains[j] };
        }
        gain(i, gains);
    }
}

/// Adds the first of the sixteen numbers, one for each place.
#[inline(always)]
fn add<F: Scalar>(gains: [F; LANES], to: &mut [F]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) => {
            for j in 0..LANES {
                to[j] += gains[j];
            }
        }
        None => {
            for (to, gain) in to.iter_mut().zip(gains) {
                *to += gain;
            }
        }
    }
}

/// $\ln \sum e^x$ along an axis, or $\ln \tfrac1n \sum e^x$ if `mean`.
pub(super) fn forward<F: Scalar>(axis: u8, mean: bool, args: &[View<F>], y: &mut [F]) {
    let Axis { n, stride } = Axis::new(args[0].dims, axis);
    let count = if mean { F::from_f64(n as f64) } else { F::ONE };
    let x = args[0].values;
    if n == 0 || y.is_empty() {
        return y.fill(F::from_f64(f64::NEG_INFINITY));
    }
    dispatch(
        #[inline(always)]
        || {
            if stride == 1 {
                // Sixteen rows, then their logarithms.
                for (y, x) in y.chunks_mut(LANES).zip(x.chunks(n * LANES)) {
                    let (mut maxima, mut sums) = ([F::ZERO; LANES], [F::ONE; LANES]);
                    for (j, x) in x.chunks_exact(n).enumerate() {
                        ([maxima[j], ..], [sums[j], ..]) = maxima_and_sums(
                            pieces(n),
                            #[inline(always)]
                            |i| of_row(x, i),
                            true,
                        );
                    }
                    store(maxima, sums, count, y);
                }
                return;
            }
            for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(n * stride)) {
                for i in 0..pieces(stride) {
                    let start = begin(i, stride).0;
                    let (maxima, sums) = maxima_and_sums(
                        n,
                        #[inline(always)]
                        |row| of_columns(x, stride, start, row),
                        false,
                    );
                    store(maxima, sums, count, &mut y[start..]);
                }
            }
        },
    );
}

/// The adjoint of both kernels: $\bar x$ gains $\bar y \mathrm{softmax}(x)$.
pub(super) fn reverse<F: Scalar>(axis: u8, pass: Pass<F>, bars: &mut dyn Bars<F>) {
    let Axis { n, stride } = Axis::new(pass.args[0].dims, axis);
    let Some(bar) = bars.of(0) else { return };
    if bar.is_empty() {
        return;
    }
    let blocks = bar.chunks_exact_mut(n * stride).zip(pass.args[0].values.chunks_exact(n * stride));
    let results = pass.y.chunks_exact(stride).zip(pass.y_bar.chunks_exact(stride));
    let mut kept = [[F::ZERO; LANES]; KEPT];
    dispatch(
        #[inline(always)]
        || {
            for ((bar, x), (y, y_bar)) in blocks.zip(results) {
                if stride == 1 {
                    let on = [y[0], y_bar[0]].map(|number| [number; LANES]);
                    softmax_adjoints(
                        pieces(n),
                        #[inline(always)]
                        |i| of_row(x, i),
                        on,
                        true,
                        &mut kept,
                        #[inline(always)]
                        |i, gains| add(gains, &mut bar[begin(i, n).0..]),
                    );
                    continue;
                }
                for i in 0..pieces(stride) {
                    let (start, skip) = begin(i, stride);
                    let mut on = [y, y_bar].map(|numbers| load(&numbers[start..], 0));
                    // Columns that the piece before covers are skipped.
                    on[1].iter_mut().take(skip).for_each(|bar| *bar = F::ZERO);
                    softmax_adjoints(
                        n,
                        #[inline(always)]
                        |row| of_columns(x, stride, start, row),
                        on,
                        false,
                        &mut kept,
                        #[inline(always)]
                        |row, gains| add(gains, &mut bar[row * stride + start..(row + 1) * stride]),
                    );
                }
            }
        },
    );
}

/// The definition of both kernels.
pub(super) fn define<'t, F: Scalar>(axis: u8, mean: bool, args: &[Var<'t, F>]) -> Var<'t, F> {
    let x = args[0];
    let mut kept = x.shape();
    let n = std::mem::replace(&mut kept[usize::from(axis)], 1);
    // The shift cancels, so it may be a constant to the derivative. Where all are −∞ the shift is zero and
    // the sum is replaced by one before its logarithm is taken, so that nothing infinite is
    // multiplied by the zero that comes back.
    let maximum = x.detach().log_sum_exp(axis as isize).detach();
    let all_infinite = maximum.equal(x.constant(f64::NEG_INFINITY));
    let shift = all_infinite.select(x.constant(0.0), maximum);
    let sum = (x - shift.reshape(kept)).exp().sum_axis(axis as isize);
    let log = all_infinite.select(maximum, all_infinite.select(x.constant(1.0), sum).ln() + shift);
    if mean { log - F::from_f64((n.max(1) as f64).ln()) } else { log }
}

/// The logarithm of a sum of exponentials along an axis.
pub(super) struct LogSumExp {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for LogSumExp {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        forward(self.axis, false, args, y);
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        reverse(self.axis, pass, bars);
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        define(self.axis, false, args)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// $\ln \sum_i e^{x_i}$ over axes. The derivative is $\mathrm{softmax}(x)$. Of no elements, and of elements that are all
    /// $-\infty$, the value is $-\infty$ with zero derivative.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[0.0, 0.0], [2]);
    /// assert!((x.log_sum_exp(0).item() - 2_f64.ln()).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "logsumexp")]
    #[track_caller]
    pub fn log_sum_exp(self, axes: impl Into<Axes>) -> Self {
        self.reduce_with("log_sum_exp", axes.into(), |axis| Fused::LogSumExp { axis })
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::LogSumExp { axis: 1 }, &[&[2, 3, 4]]),
    (Fused::LogSumExp { axis: 2 }, &[&[2, 3, 1]]),
    (Fused::LogSumExp { axis: 0 }, &[&[3, 37]]),
    (Fused::LogSumExp { axis: 1 }, &[&[3, 37]]),
    (Fused::LogSumExp { axis: 0 }, &[&[33, 2]]),
];

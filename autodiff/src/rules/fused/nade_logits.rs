//! $\eta_d = b_d + V_d^\top \sigma(a_d)$ with $a_d = c + \sum_{e \lt d} x_e W_e$: the logits of a neural autoregressive distribution
//! estimator.
//!
//! A column costs one more term of a running sum, so that all $D$ conditionals of a row cost $O(DH)$. Hidden units change
//! only behind a column that is not zero: rows of bits, most of which are zero, need few sigmoids.
//!
//! Columns go in blocks, and within a block go the rows, so that the block's rows of $W$ and $V$ stay in cache for all of them.
//! The way back stores $a$ at the beginning of each block, found by the running sum alone, and computes the hidden units
//! of one block and one row again. It carries $\bar a$ of all rows from block to block, and $\bar h$ of equal hidden units
//! is summed over their columns before it passes the sigmoid.

use crate::kernels::grow;
use crate::kernels::linalg::with_workspace;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use std::ops::Range;

/// The logits of the conditionals of a neural autoregressive distribution estimator.
pub(super) struct NadeLogits {}

/// The columns of a block: with 500 hidden units, the hidden units of one row and a block of $V$ take 64 kB each in single
/// precision, which the second-level cache holds beside a block of $W$ and the adjoints.
const BLOCK: usize = 32;

/// The numbers of a piece.
const LANES: usize = 16;

/// The numbers of columns and hidden units.
fn sizes<F>(args: &[View<F>]) -> [usize; 2] {
    [args[1].dims[0], args[1].dims[1]]
}

/// The blocks of columns.
fn blocks(columns: usize) -> impl DoubleEndedIterator<Item = Range<usize>> + ExactSizeIterator {
    (0..columns.div_ceil(BLOCK)).map(move |i| i * BLOCK..columns.min((i + 1) * BLOCK))
}

/// Row `i` of a matrix of that width.
#[inline(always)]
fn row<F>(matrix: &[F], width: usize, i: usize) -> &[F] {
    &matrix[i * width..(i + 1) * width]
}

/// Row `i` of a matrix of that width, to change.
#[inline(always)]
fn row_mut<F>(matrix: &mut [F], width: usize, i: usize) -> &mut [F] {
    &mut matrix[i * width..(i + 1) * width]
}

/// $y \mathrel{+}= c x$, in pieces that are read before they are written: the compiler then needs no proof that $x$ and $y$ lie apart
/// to make vector code.
#[inline(always)]
fn add_scaled<F: Scalar>(c: F, x: &[F], y: &mut [F]) {
    let ((x, last_x), (y, last_y)) = (x.as_chunks::<LANES>(), y.as_chunks_mut::<LANES>());
    for (y, x) in y.iter_mut().zip(x) {
        let mut sum = *y;
        for j in 0..LANES {
            sum[j] += c * x[j];
        }
        *y = sum;
    }
    for (y, &x) in last_y.iter_mut().zip(last_x) {
        *y += c * x;
    }
}

/// $h = \sigma(a)$.
#[inline(always)]
fn sigmoid<F: Scalar>(a: &[F], h: &mut [F]) {
    for (h, &a) in h.iter_mut().zip(a) {
        *h = a.sigmoid();
    }
}

/// $x^\top y$ in the fixed order of sums.
#[inline(always)]
fn dot<F: Scalar>(x: &[F], y: &[F]) -> F {
    sum_by(
        [x, y],
        #[inline(always)]
        |[x, y]| x * y,
    )
}

impl<F: Scalar> Kernel<F> for NadeLogits {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        match *args {
            [[lead @ .., n], [d, h], [hidden], [columns, units], [biases]]
                if [n, columns, biases] == [d; 3] && [hidden, units] == [h; 2] =>
            {
                Ok(lead.iter().chain([n]).copied().collect())
            }
            _ => Err(shape_error(Self::NAME, args, "[…, d], [d, h], [h], [d, h] and [d]")),
        }
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let [x, w, c, v, b] = [0, 1, 2, 3, 4].map(|i| args[i].values);
        let [columns, hidden] = sizes(args);
        let rows = y.len() / columns.max(1);
        with_workspace((rows + 1) * hidden, |work| {
            let (h, a) = work.split_at_mut(hidden);
            (0..rows).for_each(|r| row_mut(a, hidden, r).copy_from_slice(c));
            dispatch(
                #[inline(always)]
                || {
                    for block in blocks(columns) {
                        for r in 0..rows {
                            let (a, x) = (row_mut(a, hidden, r), row(x, columns, r));
                            let y = row_mut(y, columns, r);
                            sigmoid(a, h);
                            for d in block.clone() {
                                y[d] = b[d] + dot(row(v, hidden, d), h);
                                if x[d] != F::ZERO {
                                    add_scaled(x[d], row(w, hidden, d), a);
                                    sigmoid(a, h);
                                }
                            }
                        }
                    }
                },
            );
        });
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [columns, hidden] = sizes(pass.args);
        let rows = pass.y.len() / columns.max(1);
        let mut scratch = std::mem::take(bars.scratch());
        let mut way = Way::new(pass, rows, &mut scratch);
        way.store_sums();
        for (i, block) in blocks(columns).enumerate().rev() {
            way.back(i, block.clone(), bars.of(0).is_some());
            let cells = block.start * hidden..block.end * hidden;
            for (arg, gains) in [(1, &*way.w_bar), (3, &*way.v_bar)] {
                if let Some(bar) = bars.of(arg) {
                    add_onto(gains, &mut bar[cells.clone()]);
                }
            }
            if let Some(bar) = bars.of(0) {
                for r in 0..rows {
                    let gains = &row(way.x_bar, BLOCK, r)[..block.len()];
                    add_onto(gains, &mut row_mut(bar, columns, r)[block.clone()]);
                }
            }
        }
        if let Some(bar) = bars.of(2) {
            (0..rows).for_each(|r| add_onto(row(way.a_bar, hidden, r), bar));
        }
        if let Some(bar) = bars.of(4) {
            (0..rows).for_each(|r| add_onto(row(pass.y_bar, columns, r), bar));
        }
        *bars.scratch() = scratch;
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, w, c, v, b] = [args[0], args[1], args[2], args[3], args[4]];
        let (shape, [columns, hidden]) = (x.shape(), [w.shape()[0], w.shape()[1]]);
        let rows = shape[..shape.len() - 1].iter().product::<usize>();
        let all = [1, columns, hidden];
        let terms = x.reshape([rows, columns, 1]) * w.reshape(all);
        let sums = terms.pad(1, 1, 0).slice(1, 0..columns).cumsum(1);
        let h = (sums + c).sigmoid();
        ((h * v.reshape(all)).sum_axis(-1) + b).reshape(shape)
    }
}

/// Adds numbers to an adjoint.
fn add_onto<F: Scalar>(gains: &[F], bar: &mut [F]) {
    dispatch(
        #[inline(always)]
        || {
            for (bar, &gain) in bar.iter_mut().zip(gains) {
                *bar += gain;
            }
        },
    );
}

/// The way back through the columns, with its working memory.
struct Way<'a, F> {
    pass: Pass<'a, F>,
    rows: usize,
    /// $a$ of all rows at the beginning of each block.
    sums: &'a mut [F],
    /// $\bar a$ of all rows.
    a_bar: &'a mut [F],
    /// The gains of the columns of a block: for $x$ of all rows, for $W$ and for $V$.
    x_bar: &'a mut [F],
    w_bar: &'a mut [F],
    v_bar: &'a mut [F],
    /// The different hidden units of one row in one block.
    h: &'a mut [F],
    /// $a$ of one row, and $\bar h$ of those of its hidden units that are equal.
    a: &'a mut [F],
    h_bar: &'a mut [F],
}

impl<'a, F: Scalar> Way<'a, F> {
    fn new(pass: Pass<'a, F>, rows: usize, scratch: &'a mut Vec<F>) -> Self {
        let [columns, hidden] = sizes(pass.args);
        let (all, block) = (rows * hidden, BLOCK * hidden);
        let lengths =
            [blocks(columns).len() * all, all, rows * BLOCK, block, block, block, hidden, hidden];
        grow(scratch, lengths.iter().sum());
        let mut rest = &mut scratch[..];
        let [sums, a_bar, x_bar, w_bar, v_bar, h, a, h_bar] = lengths.map(|len| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(len);
            rest = others;
            part
        });
        a_bar.fill(F::ZERO);
        h_bar.fill(F::ZERO);
        Self { pass, rows, sums, a_bar, x_bar, w_bar, v_bar, h, a, h_bar }
    }

    /// Stores $a$ at the beginning of each block, by the same sums as on the way forth.
    fn store_sums(&mut self) {
        let [x, w, c] = [0, 1, 2].map(|i| self.pass.args[i].values);
        let [columns, hidden] = sizes(self.pass.args);
        let (rows, sums) = (self.rows, &mut *self.sums);
        if columns > 0 {
            (0..rows).for_each(|r| row_mut(sums, hidden, r).copy_from_slice(c));
        }
        dispatch(
            #[inline(always)]
            || {
                for (i, block) in blocks(columns).enumerate().skip(1) {
                    let (before, here) =
                        sums[(i - 1) * rows * hidden..].split_at_mut(rows * hidden);
                    for r in 0..rows {
                        let (a, x) = (row_mut(here, hidden, r), row(x, columns, r));
                        a.copy_from_slice(row(before, hidden, r));
                        let before = block.start - BLOCK..block.start;
                        for (d, &x) in before.clone().zip(&x[before]) {
                            if x != F::ZERO {
                                add_scaled(x, row(w, hidden, d), a);
                            }
                        }
                    }
                }
            },
        );
    }

    /// Goes back through the columns of block `i`, and leaves their gains; those for $x$ only if they are needed.
    fn back(&mut self, i: usize, block: Range<usize>, of_x: bool) {
        let [columns, hidden] = sizes(self.pass.args);
        let [x, w, v] = [0, 1, 3].map(|i| self.pass.args[i].values);
        self.w_bar.fill(F::ZERO);
        self.v_bar.fill(F::ZERO);
        dispatch(
            #[inline(always)]
            || {
                for r in 0..self.rows {
                    let x = row(x, columns, r);
                    let y_bar = row(self.pass.y_bar, columns, r);
                    let (a, h_bar) = (&mut *self.a, &mut *self.h_bar);
                    let a_bar = row_mut(self.a_bar, hidden, r);
                    a.copy_from_slice(row(self.sums, hidden, i * self.rows + r));
                    // The hidden units behind each column that changes them; the last column changes those of the next block.
                    let mut at = 0;
                    sigmoid(a, row_mut(self.h, hidden, 0));
                    for (d, &x) in (block.start..).zip(&x[block.start..block.end - 1]) {
                        if x != F::ZERO {
                            at += 1;
                            add_scaled(x, row(w, hidden, d), a);
                            sigmoid(a, row_mut(self.h, hidden, at));
                        }
                    }
                    for d in block.clone().rev() {
                        let (k, changes) = (d - block.start, x[d] != F::ZERO);
                        // The adjoint of the hidden units behind this column is complete. Behind the last one it is zero.
                        if d + 1 < block.end && (changes || of_x) {
                            pass_sigmoid(h_bar, row(self.h, hidden, at), a_bar);
                            at -= usize::from(changes);
                        }
                        // a ← a + x_d W_d  ⇒  W̄_d += x_d ā,  x̄_d += W_d · ā
                        if changes {
                            add_scaled(x[d], a_bar, row_mut(self.w_bar, hidden, k));
                        }
                        if of_x {
                            self.x_bar[r * BLOCK + k] = dot(row(w, hidden, d), a_bar);
                        }
                        // η_d = b_d + V_d · h  ⇒  V̄_d += η̄_d h,  h̄ += η̄_d V_d
                        add_scaled(
                            y_bar[d],
                            row(self.h, hidden, at),
                            row_mut(self.v_bar, hidden, k),
                        );
                        add_scaled(y_bar[d], row(v, hidden, d), h_bar);
                    }
                    pass_sigmoid(h_bar, row(self.h, hidden, 0), a_bar);
                }
            },
        );
    }
}

/// $\bar a \mathrel{+}= \bar h h (1 - h)$, and $\bar h = 0$.
#[inline(always)]
fn pass_sigmoid<F: Scalar>(h_bar: &mut [F], h: &[F], a_bar: &mut [F]) {
    for ((a_bar, h_bar), &h) in a_bar.iter_mut().zip(h_bar).zip(h) {
        *a_bar += h_bar.mul_no_nan(h * (F::ONE - h));
        *h_bar = F::ZERO;
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The logits $\eta_d = b_d + V_d^\top h_d$ of a neural autoregressive distribution estimator (NADE; Larochelle and Murray 2011),
    /// with hidden units
    /// $$h_d = \sigma(a_d), \quad a_d = c + \sum_{e \lt d} x_e W_e$$
    /// that depend on the columns before $d$ only. The rows `x` have shape `[…, D]`, `w` and `v` have a row of $H$ numbers for each
    /// column, $c$ has $H$ numbers and $b$ has $D$; the result has the shape of `x`. All conditionals of a row cost $O(DH)$.
    ///
    /// With $\bar h_d = \bar\eta_d V_d$ and $\bar a_d = \sum_{e \ge d} \bar h_e \circ h_e \circ (1 - h_e)$ the derivatives are $\bar V_d =
    /// \bar\eta_d h_d$, $\bar b_d = \bar\eta_d$, $\bar W_d = x_d \bar a_{d+1}$, $\bar c = \bar a_1$ and $\bar x_d = W_d^\top \bar
    /// a_{d+1}$, each summed over the rows. A column that is zero leaves $a$ as it is, even where its weights are not finite.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let (w, v) = (tape.leaf(&[2.0, -1.0], [2, 1]), tape.leaf(&[1.0, 3.0], [2, 1]));
    /// let (c, b) = (tape.leaf(&[0.0], [1]), tape.leaf(&[0.5, -0.5], [2]));
    /// let logits = tape.constant(&[1.0, 0.0], [1, 2]).nade_logits(w, c, v, b).value();
    /// let second = 3.0 / (1.0 + (-2.0_f64).exp()) - 0.5;
    /// assert!(logits.values()[0] == 1.0 && (logits.values()[1] - second).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[doc(alias = "NADE")]
    #[track_caller]
    pub fn nade_logits(self, w: Self, c: Self, v: Self, b: Self) -> Self {
        self.record(Op::Fused(Fused::NadeLogits {}), &[self, w, c, v, b], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::NadeLogits {}, &[&[2, 3, 4], &[4, 3], &[3], &[4, 3], &[4]]),
    (Fused::NadeLogits {}, &[&[2, 1], &[1, 2], &[2], &[1, 2], &[1]]),
    // More columns than a block.
    (
        Fused::NadeLogits {},
        &[&[1, BLOCK + 2], &[BLOCK + 2, 1], &[1], &[BLOCK + 2, 1], &[BLOCK + 2]],
    ),
];

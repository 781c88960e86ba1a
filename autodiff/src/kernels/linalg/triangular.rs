//! Triangular systems.

use super::{part, transposed_part};
use crate::kernels::float::Float;
use crate::kernels::gemm::gemm;
use crate::kernels::simd::dispatch;

/// Systems of this size are solved row by row.
const BASE: usize = 16;

/// A triangular matrix inside a slice; the other triangle is not read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangular<'a, F> {
    /// The numbers from the first element of the matrix on.
    pub(crate) values: &'a [F],
    /// The distance between its rows.
    pub(crate) width: usize,
    /// The number of its rows.
    pub(crate) n: usize,
    /// True for the upper triangle.
    pub(crate) upper: bool,
    /// True if it is transposed before use.
    pub(crate) transposed: bool,
    /// True if its diagonal is one and is not read.
    pub(crate) unit: bool,
}

impl<F: Float> Triangular<'_, F> {
    /// The number at row `i` and column `j` after transposition.
    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> F {
        let (i, j) = if self.transposed { (j, i) } else { (i, j) };
        self.values[i * self.width + j]
    }

    /// The block of `n` rows along the diagonal from row `from` on.
    fn block(&self, from: usize, n: usize) -> Self {
        Self { values: &self.values[from * (self.width + 1)..], n, ..*self }
    }
}

/// The row of the first zero on the diagonal.
pub(crate) fn zero_pivot<F: Float>(t: &[F], n: usize) -> Option<usize> {
    (0..n).find(|&i| t[i * (n + 1)] == F::ZERO)
}

/// $X = T^{-1}B$ in place. Before, `x` holds $-B$, rows of `m` numbers that lie `width` apart.
///
/// The half of the unknowns that does not depend on the other half is solved first and eliminated from the
/// equations of the other half.
pub(crate) fn solve_negated<F: Float>(t: Triangular<F>, x: &mut [F], width: usize, m: usize) {
    if m == 0 || t.n == 0 {
        return;
    }
    if t.n <= BASE {
        return by_rows(t, x, width, m);
    }
    let first = super::cut(t.n, BASE);
    let rest = t.n - first;
    let (top, bottom) = x.split_at_mut(first * width);
    let (t1, t2) = (t.block(0, first), t.block(first, rest));
    // The block below or beside the diagonal as it lies in memory.
    let off = if t.upper { first } else { first * t.width };
    let off = if t.transposed { transposed_part(off, t.width) } else { part(off, t.width) };
    if t.upper == t.transposed {
        solve_negated(t1, top, width, m);
        let (solved, other) = ((&*top, part(0, width)), (&mut *bottom, part(0, width)));
        gemm([rest, first, m], (t.values, off), solved, other, true);
        solve_negated(t2, bottom, width, m);
    } else {
        solve_negated(t2, bottom, width, m);
        let (other, solved) = ((top, part(0, width)), (&*bottom, part(0, width)));
        gemm([first, rest, m], (t.values, off), solved, other, true);
        solve_negated(t1, x, width, m);
    }
}

/// [`solve_negated`] of a few rows: $x_i = -(x_i + \sum_j t_{ij} x_j)/t_{ii}$.
fn by_rows<F: Float>(t: Triangular<F>, x: &mut [F], width: usize, m: usize) {
    let down = t.upper == t.transposed;
    dispatch(
        #[inline(always)]
        || {
            for step in 0..t.n {
                let i = if down { step } else { t.n - 1 - step };
                let (above, row, below) = {
                    let (above, rest) = x.split_at_mut(i * width);
                    let (row, below) = rest.split_at_mut(width.min(rest.len()));
                    (&*above, &mut row[..m], &*below)
                };
                // The rows that are solved, and the first of them.
                let (solved, first) = if down { (above, 0) } else { (below, i + 1) };
                add_multiples(
                    row,
                    step,
                    #[inline(always)]
                    |j| (t.at(i, first + j), &solved[j * width..][..m]),
                );
                let scale = if t.unit { -F::ONE } else { -F::ONE / t.at(i, i) };
                for x in row {
                    *x *= scale;
                }
            }
        },
    );
}

/// $y \mathrel{+}= \sum_j c_j x_j$ over `count` numbers and rows, four at a time.
#[inline(always)]
pub(super) fn add_multiples<'a, F: Float>(
    y: &mut [F],
    count: usize,
    row: impl Fn(usize) -> (F, &'a [F]),
) {
    let n = y.len();
    let mut j = 0;
    while j + 4 <= count {
        let [(a, p), (b, q), (c, r), (d, s)] = [row(j), row(j + 1), row(j + 2), row(j + 3)];
        let (p, q, r, s) = (&p[..n], &q[..n], &r[..n], &s[..n]);
        for k in 0..n {
            y[k] += (a * p[k] + b * q[k]) + (c * r[k] + d * s[k]);
        }
        j += 4;
    }
    while j < count {
        let (c, x) = row(j);
        let x = &x[..n];
        for k in 0..n {
            y[k] += c * x[k];
        }
        j += 1;
    }
}

/// $L^{-1}$ of a lower triangular matrix of `n` rows, zeros above the diagonal.
pub(crate) fn invert_lower<F: Float>(l: &[F], n: usize, y: &mut [F]) {
    y.fill(F::ZERO);
    invert_block(l, n, 0, n, y);
}

/// The inverse of the block of `n` rows from row `from` on along the diagonal:
/// $W_{21} = -L_{22}^{-1} L_{21} W_{11}$.
fn invert_block<F: Float>(l: &[F], width: usize, from: usize, n: usize, y: &mut [F]) {
    let corner = from * (width + 1);
    if n <= BASE {
        // −1 on the diagonal is the negated identity.
        (0..n).for_each(|i| y[corner + i * (width + 1)] = -F::ONE);
        return solve_negated(lower(&l[corner..], width, n), &mut y[corner..], width, n);
    }
    let first = super::cut(n, BASE);
    invert_block(l, width, from, first, y);
    invert_block(l, width, from + first, n - first, y);
    let below = corner + first * width;
    let (top, bottom) = y.split_at_mut((from + first) * width);
    let sizes = [n - first, first, first];
    let c = (&mut *bottom, part(from, width));
    gemm(sizes, (l, part(below, width)), (top, part(corner, width)), c, false);
    let t = lower(&l[below + first..], width, n - first);
    solve_negated(t, &mut bottom[from..], width, first);
}

/// A lower triangular matrix of `n` rows, neither transposed nor with a diagonal of ones.
pub(crate) fn lower<F>(values: &[F], width: usize, n: usize) -> Triangular<'_, F> {
    Triangular { values, width, n, upper: false, transposed: false, unit: false }
}

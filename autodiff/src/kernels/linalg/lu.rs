//! The factorisation $PA = LU$ with partial pivoting, and solutions, inverses and determinants from it.
//!
//! A factor is stored as one matrix more than square: $n$ rows hold $U$ and, below its diagonal, $L$
//! without its diagonal of ones; row $n$ holds, for each step, the row that it was exchanged with.

use super::triangular::{Triangular, lower, solve_negated};
use super::{BadPivot, part, with_workspace};
use crate::kernels::float::Float;
use crate::kernels::gemm::gemm;
use crate::kernels::simd::dispatch;

/// The number of columns that are factored one by one before the rest of the matrix is updated.
const PANEL: usize = 32;

/// Writes the factor of a matrix of `n` rows.
pub(crate) fn lu<F: Float>(a: &[F], n: usize, factor: &mut [F]) -> Result<(), BadPivot> {
    let (f, swaps) = factor.split_at_mut(n * n);
    f.copy_from_slice(a);
    with_workspace(n * PANEL, |work| {
        for from in (0..n).step_by(PANEL) {
            let to = n.min(from + PANEL);
            panel(f, n, from..to, swaps)?;
            update_trailing(f, n, from..to, work);
        }
        Ok(())
    })
}

/// Factors columns; rows are exchanged whole.
fn panel<F: Float>(
    f: &mut [F],
    n: usize,
    columns: std::ops::Range<usize>,
    swaps: &mut [F],
) -> Result<(), BadPivot> {
    for k in columns.clone() {
        let size = |i: usize| f[i * n + k].abs();
        let best = (k + 1..n).fold(k, |best, i| if size(i) > size(best) { i } else { best });
        let pivot = f[best * n + k];
        if pivot == F::ZERO || !pivot.is_finite() {
            return Err(BadPivot { row: k, value: pivot.to_f64() });
        }
        swaps[k] = F::from_f64(best as f64);
        swap_rows(f, n, k, best);
        let (above, below) = f.split_at_mut((k + 1) * n);
        let row = &above[k * n + k + 1..k * n + columns.end];
        dispatch(
            #[inline(always)]
            || {
                for other in below.chunks_exact_mut(n) {
                    let ratio = other[k] / pivot;
                    other[k] = ratio;
                    for (x, &u) in other[k + 1..columns.end].iter_mut().zip(row) {
                        *x -= ratio * u;
                    }
                }
            },
        );
    }
    Ok(())
}

/// $U_{12} = L_{11}^{-1} A_{12}$ and $A_{22} \mathrel{-}= L_{21} U_{12}$ for the columns behind the panel.
fn update_trailing<F: Float>(
    f: &mut [F],
    n: usize,
    columns: std::ops::Range<usize>,
    work: &mut [F],
) {
    let (from, to) = (columns.start, columns.end);
    let (k, rest) = (to - from, n - to);
    if rest == 0 {
        return;
    }
    // Products only add, so they take −L: the panel's own rows first, then the rows below.
    let column = &mut work[..(n - from) * k];
    for (copy, row) in column.chunks_exact_mut(k).zip(f[from * n..].chunks_exact(n)) {
        copy.iter_mut().zip(&row[from..to]).for_each(|(c, &l)| *c = -l);
    }
    let (own, below) = column.split_at_mut(k * k);
    own.iter_mut().for_each(|l| *l = -*l);
    let (top, bottom) = f.split_at_mut(to * n);
    for row in top[from * n..].chunks_exact_mut(n) {
        row[to..].iter_mut().for_each(|x| *x = -*x);
    }
    let at = from * n + to;
    solve_negated(Triangular { unit: true, ..lower(own, k, k) }, &mut top[at..], n, rest);
    gemm([rest, k, rest], (below, part(0, k)), (top, part(at, n)), (bottom, part(to, n)), true);
}

fn swap_rows<F: Copy>(x: &mut [F], width: usize, i: usize, j: usize) {
    if i != j && width > 0 {
        let (above, below) = x.split_at_mut(i.max(j) * width);
        above[i.min(j) * width..][..width].swap_with_slice(&mut below[..width]);
    }
}

/// $X = A^{-1}B$, or $A^{-\top}B$, in place. Before, `x` holds $-B$, rows of `m` numbers.
pub(crate) fn solve_negated_by<F: Float>(
    factor: &[F],
    n: usize,
    transposed: bool,
    x: &mut [F],
    m: usize,
) {
    let (f, swaps) = factor.split_at(n * n);
    let low = Triangular { unit: true, transposed, ..lower(f, n, n) };
    let up = Triangular { upper: true, transposed, ..lower(f, n, n) };
    let exchange = |x: &mut [F], k: usize| swap_rows(x, m, k, swaps[k].to_f64() as usize);
    if !transposed {
        (0..n).for_each(|k| exchange(x, k));
    }
    let [first, second] = if transposed { [up, low] } else { [low, up] };
    solve_negated(first, x, m, m);
    x.iter_mut().for_each(|x| *x = -*x);
    solve_negated(second, x, m, m);
    if transposed {
        (0..n).rev().for_each(|k| exchange(x, k));
    }
}

/// Writes $A^{-1}$.
pub(crate) fn inverse<F: Float>(factor: &[F], n: usize, y: &mut [F]) {
    y.fill(F::ZERO);
    (0..n).for_each(|i| y[i * (n + 1)] = -F::ONE);
    solve_negated_by(factor, n, false, y, n);
}

/// The sign of $\det A$.
pub(crate) fn sign<F: Float>(factor: &[F], n: usize) -> F {
    let flips = |k: usize| {
        let swapped = factor[n * n + k].to_f64() as usize != k;
        swapped != (factor[k * (n + 1)] < F::ZERO)
    };
    if (0..n).filter(|&k| flips(k)).count() % 2 == 0 { F::ONE } else { -F::ONE }
}

/// $\ln |\det A|$.
pub(crate) fn log_det<F: Float>(factor: &[F], n: usize) -> F {
    (0..n).map(|k| factor[k * (n + 1)].abs().ln()).sum()
}

/// $\det A$.
pub(crate) fn det<F: Float>(factor: &[F], n: usize) -> F {
    (0..n).fold(sign(factor, n), |product, k| product * factor[k * (n + 1)].abs())
}

//! The Cholesky factorisation $A = LL^\top$, and solutions, inverses and determinants from $L$.
//!
//! The factor is computed as $U = L^\top$, whose rows are contiguous where those of $L$ end early:
//!
//! $$U_{11}^\top U_{11} = A_{11},\quad U_{12} = U_{11}^{-\top} A_{12},\quad
//! U_{22}^\top U_{22} = A_{22} - U_{12}^\top U_{12}$$

use super::triangular::{Triangular, add_multiples, invert_lower, lower, solve_negated};
use super::{BadPivot, cut, part, symmetric_upper, transposed_part, turn_below, with_workspace};
use crate::kernels::float::Float;
use crate::kernels::gemm::gemm;
use crate::kernels::simd::dispatch;

/// Matrices of this size are factored row by row.
const BASE: usize = 16;
/// Up to this size, products of which one triangle is needed are computed whole.
const WHOLE: usize = 32;

/// Writes $L$ with $LL^\top = (A + A^\top)/2$ and zeros above its diagonal.
pub(crate) fn cholesky<F: Float>(a: &[F], n: usize, l: &mut [F]) -> Result<(), BadPivot> {
    symmetric_upper(a, n, -F::ONE, l);
    // Room for the product of the two parts of any block, at most n²/4. The outermost cut is not enough: 34 rows are cut into 32 and
    // 2, and the 32 into 16 and 16.
    let room = if n > BASE { n * n / 4 } else { 0 };
    with_workspace(room, |work| factor(l, n, 0, n, work))?;
    turn_below(l, n, true);
    Ok(())
}

/// Turns the upper triangle of the block of `n` rows from row `from` on along the diagonal, which holds
/// $-A$, into $U$.
fn factor<F: Float>(
    u: &mut [F],
    width: usize,
    from: usize,
    n: usize,
    work: &mut [F],
) -> Result<(), BadPivot> {
    let corner = from * (width + 1);
    if n <= BASE {
        return by_rows(&mut u[corner..], width, n)
            .map_err(|bad| BadPivot { row: bad.row + from, ..bad });
    }
    let first = cut(n, BASE);
    let rest = n - first;
    factor(u, width, from, first, work)?;
    let side = &mut work[..first * rest];
    let beside = |i: usize| corner + i * width + first..corner + i * width + n;
    for (i, row) in side.chunks_exact_mut(rest).enumerate() {
        row.copy_from_slice(&u[beside(i)]);
    }
    let t = Triangular { upper: true, transposed: true, ..lower(&u[corner..], width, first) };
    solve_negated(t, side, rest, rest);
    for (i, row) in side.chunks_exact(rest).enumerate() {
        u[beside(i)].copy_from_slice(row);
    }
    gram([rest, first], (side, 0, rest), (u, corner + first * (width + 1), width), true);
    factor(u, width, from + first, rest, work)
}

/// [`factor`] of a few rows: $u_{kj} = (a_{kj} - \sum_{p<k} u_{pk} u_{pj})/u_{kk}$.
fn by_rows<F: Float>(u: &mut [F], width: usize, n: usize) -> Result<(), BadPivot> {
    dispatch(
        #[inline(always)]
        || {
            for k in 0..n {
                let (above, row) = u.split_at_mut(k * width);
                let row = &mut row[k..n];
                add_multiples(
                    row,
                    k,
                    #[inline(always)]
                    |p| (above[p * width + k], &above[p * width + k..p * width + n]),
                );
                let pivot = -row[0];
                // The comparison is also false for NaN.
                if !(pivot > F::ZERO && pivot.is_finite()) {
                    return Err(BadPivot { row: k, value: pivot.to_f64() });
                }
                let root = pivot.sqrt();
                let scale = -F::ONE / root;
                row[0] = root;
                for x in &mut row[1..] {
                    *x *= scale;
                }
            }
            Ok(())
        },
    )
}

/// The product $C = X^\top X$ of $n$ columns and $k$ rows on and above its diagonal (and on some places
/// below it), added to $C$ if `keep`. Matrices are a slice, where they begin in it, and their width.
fn gram<F: Float>(
    [n, k]: [usize; 2],
    (x, at_x, x_width): (&[F], usize, usize),
    (c, at_c, c_width): (&mut [F], usize, usize),
    keep: bool,
) {
    if n <= WHOLE {
        let (left, right) = ((x, transposed_part(at_x, x_width)), (x, part(at_x, x_width)));
        return gemm([n, k, n], left, right, (c, part(at_c, c_width)), keep);
    }
    let first = cut(n, BASE);
    let rest = n - first;
    let (left, right) = ((x, transposed_part(at_x, x_width)), (x, part(at_x + first, x_width)));
    gemm([first, k, rest], left, right, (&mut *c, part(at_c + first, c_width)), keep);
    gram([first, k], (x, at_x, x_width), (&mut *c, at_c, c_width), keep);
    let corner = at_c + first * (c_width + 1);
    gram([rest, k], (x, at_x + first, x_width), (c, corner, c_width), keep);
}

/// $X = (LL^\top)^{-1}B$ in place. Before, `x` holds $-B$, rows of `m` numbers.
pub(crate) fn solve_negated_by<F: Float>(l: &[F], n: usize, x: &mut [F], m: usize) {
    solve_negated(lower(l, n, n), x, m, m);
    x.iter_mut().for_each(|x| *x = -*x);
    solve_negated(Triangular { transposed: true, ..lower(l, n, n) }, x, m, m);
}

/// Writes $(LL^\top)^{-1} = W^\top W$ with $W = L^{-1}$.
pub(crate) fn inverse<F: Float>(l: &[F], n: usize, y: &mut [F]) {
    with_workspace(n * n, |w| {
        invert_lower(l, n, w);
        gram_of_lower(w, n, 0, n, y);
    });
    turn_below(y, n, false);
}

/// The block of `n` rows from row `from` on along the diagonal of $W^\top W$, as far as the rows of $W$
/// in the block go, on and above its diagonal:
///
/// $$C_{11} = W_{11}^\top W_{11} + W_{21}^\top W_{21},\quad C_{12} = W_{21}^\top W_{22},\quad
/// C_{22} = W_{22}^\top W_{22}$$
fn gram_of_lower<F: Float>(w: &[F], width: usize, from: usize, n: usize, c: &mut [F]) {
    let corner = from * (width + 1);
    if n <= WHOLE {
        return gram([n, n], (w, corner, width), (c, corner, width), false);
    }
    let first = cut(n, BASE);
    let rest = n - first;
    gram_of_lower(w, width, from, first, c);
    gram_of_lower(w, width, from + first, rest, c);
    let below = corner + first * width;
    gram([first, rest], (w, below, width), (&mut *c, corner, width), true);
    let (left, right) = ((w, transposed_part(below, width)), (w, part(below + first, width)));
    gemm([first, rest, rest], left, right, (c, part(corner + first, width)), false);
}

/// $\ln \det LL^\top$.
pub(crate) fn log_det<F: Float>(l: &[F], n: usize) -> F {
    let sum: F = (0..n).map(|i| l[i * (n + 1)].ln()).sum();
    sum + sum
}

/// $\det LL^\top$.
pub(crate) fn det<F: Float>(l: &[F], n: usize) -> F {
    let root = (0..n).fold(F::ONE, |product, i| product * l[i * (n + 1)]);
    root * root
}

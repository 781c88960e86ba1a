//! Factorisations of matrices that lie row by row in slices, and the solutions, inverses and determinants from them.
//!
//! All of them recurse: a matrix is cut in two, and the work between the halves is a matrix product,
//! so that nearly all operations are done by [`gemm`](super::gemm). Products there only add. A part
//! from which products must be subtracted is therefore kept negated until it is complete.
//!
//! nalgebra has the same factorisations but takes memory from the allocator in each; here working
//! memory belongs to the thread ([`Element::workspace`]). Eigenvalues are nalgebra's.

pub(crate) mod cholesky;
pub(crate) mod eigen;
pub(crate) mod expm;
pub(crate) mod lu;
#[cfg(test)]
mod tests;
pub(crate) mod triangular;

use crate::kernels::element::Element;
use crate::kernels::float::Float;
use crate::kernels::gemm::Layout;
use crate::kernels::grow;
use crate::kernels::packing::{SIDE, column, side, square};
use crate::kernels::simd::dispatch;

/// Lends out `len` numbers of working memory. Their contents are not defined.
pub(crate) fn with_workspace<F: Element, R>(len: usize, work: impl FnOnce(&mut [F]) -> R) -> R {
    let mut piece = F::workspace().with_borrow_mut(Vec::pop).unwrap_or_default();
    grow(&mut piece, len);
    let result = work(&mut piece[..len]);
    F::workspace().with_borrow_mut(|pieces| pieces.push(piece));
    result
}

/// A pivot that stopped a factorisation: its row and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BadPivot {
    pub(crate) row: usize,
    pub(crate) value: f64,
}

/// A part of a matrix whose rows are `width` apart, from `at` on.
fn part(at: usize, width: usize) -> Layout {
    Layout { at, width, transposed: false }
}

/// A part of a matrix, as in [`part`], that is transposed when it is read.
fn transposed_part(at: usize, width: usize) -> Layout {
    Layout { at, width, transposed: true }
}

/// The row at which a matrix of `n` rows, more than `base`, is cut in two: about the middle, with whole blocks of `base`
/// in the upper part.
fn cut(n: usize, base: usize) -> usize {
    (n / 2).next_multiple_of(base)
}

/// Calls `on` for every whole square above those on the main diagonal of `n` rows, and for every other place on and above
/// the diagonal. A square and its mirror image both stay in the first-level cache. The closure must be `#[inline(always)]`, to
/// become vector code.
fn upper(n: usize, mut on: impl FnMut(Upper)) {
    dispatch(
        #[inline(always)]
        || {
            for i0 in (0..n).step_by(SIDE) {
                for j0 in (i0..n).step_by(SIDE) {
                    if i0 < j0 && j0 + SIDE <= n {
                        on(Upper::Square(i0, j0));
                        continue;
                    }
                    for i in i0..n.min(i0 + SIDE) {
                        for j in j0.max(i)..n.min(j0 + SIDE) {
                            on(Upper::Place(i, j));
                        }
                    }
                }
            }
        },
    );
}

/// A part on or above a diagonal: the first row and column of a whole square, or one place.
enum Upper {
    Square(usize, usize),
    Place(usize, usize),
}

/// $(A + A^\top)/2$ times `scale` on and above the main diagonal of `y`; the rest of `y` stays.
pub(crate) fn symmetric_upper<F: Float>(a: &[F], n: usize, scale: F, y: &mut [F]) {
    let half = scale * F::from_f64(0.5);
    // Halved before they are added, so that large numbers do not overflow.
    upper(
        n,
        #[inline(always)]
        |part| match part {
            Upper::Place(i, j) => y[i * n + j] = half * a[i * n + j] + half * a[j * n + i],
            Upper::Square(i, j) => {
                let (above, below) = (square((a, n), i, j), square((a, n), j, i));
                for (r, row) in above.iter().enumerate() {
                    let turned = column(&below, r);
                    let sums = std::array::from_fn(|c| half * row[c] + half * turned[c]);
                    *side(y, (i + r) * n + j) = sums;
                }
            }
        },
    );
}

/// Copies the part above the main diagonal, turned, to the part below it; with `clear`, leaves zeros above.
fn turn_below<F: Float>(y: &mut [F], n: usize, clear: bool) {
    upper(
        n,
        #[inline(always)]
        |part| match part {
            Upper::Place(i, j) if i == j => {}
            Upper::Place(i, j) => {
                y[j * n + i] = y[i * n + j];
                if clear {
                    y[i * n + j] = F::ZERO;
                }
            }
            Upper::Square(i, j) => {
                let above = square((&*y, n), i, j);
                for r in 0..SIDE {
                    *side(y, (j + r) * n + i) = column(&above, r);
                    if clear {
                        *side(y, (i + r) * n + j) = [F::ZERO; SIDE];
                    }
                }
            }
        },
    );
}

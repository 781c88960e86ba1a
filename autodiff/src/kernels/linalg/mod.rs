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

/// Calls `visit(i, j)` for every place on and above the main diagonal of `n` rows, tile by tile, so that
/// the place and its mirror image both stay in the first-level cache.
#[inline(always)]
fn upper_tiles(n: usize, mut visit: impl FnMut(usize, usize)) {
    const TILE: usize = 8;
    for i0 in (0..n).step_by(TILE) {
        for j0 in (i0..n).step_by(TILE) {
            for i in i0..n.min(i0 + TILE) {
                for j in j0.max(i)..n.min(j0 + TILE) {
                    visit(i, j);
                }
            }
        }
    }
}

/// $(A + A^\top)/2$ times `scale` on and above the main diagonal of `y`; the rest of `y` stays.
pub(crate) fn symmetric_upper<F: Float>(a: &[F], n: usize, scale: F, y: &mut [F]) {
    let half = scale * F::from_f64(0.5);
    // Halved before they are added, so that large numbers do not overflow.
    upper_tiles(n, |i, j| y[i * n + j] = half * a[i * n + j] + half * a[j * n + i]);
}

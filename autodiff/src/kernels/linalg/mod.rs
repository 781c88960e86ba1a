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
use crate::kernels::packing::DealOut;
use crate::kernels::simd::{compute, dispatch};

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

/// The rows of a band. Triangles are transposed band by band: the square on the diagonal by itself, and all beside it by
/// [`DealOut`], which writes whole vectors. So this is a multiple of the numbers of the widest vector, sixteen in single precision.
const BAND: usize = 16;

/// The bands of `n` rows: the first row of each, and the row after its last.
fn bands(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).step_by(BAND).map(move |from| (from, n.min(from + BAND)))
}

/// $(A + A^\top)/2$ times `scale` on and above the main diagonal of `y`; what is below it is not defined.
pub(crate) fn symmetric_upper<F: Float>(a: &[F], n: usize, scale: F, y: &mut [F]) {
    // Halved before they are added, so that large numbers do not overflow.
    let half = scale * F::from_f64(0.5);
    for (from, to) in bands(n) {
        if to < n {
            // The last vector of a line may reach into the next row, by less than a band: below the diagonal or, in the first band,
            // into the square that is written next.
            let (lines, sizes) = ((&a[to * n + from..], n), [n - to, BAND]);
            compute(DealOut { lines, sizes, to: (&mut y[from * n + to..], n) });
        }
        dispatch(
            #[inline(always)]
            || {
                for i in from..to {
                    for j in i..to {
                        y[i * n + j] = half * a[i * n + j] + half * a[j * n + i];
                    }
                    let rest = i * n + to..(i + 1) * n;
                    for (y, &a) in y[rest.clone()].iter_mut().zip(&a[rest]) {
                        *y = half * a + half * *y;
                    }
                }
            },
        );
    }
}

/// Copies the part above the main diagonal, turned, to the part below it; with `clear`, leaves zeros above.
fn turn_below<F: Float>(y: &mut [F], n: usize, clear: bool) {
    for (from, to) in bands(n) {
        let (above, below) = y.split_at_mut(to * n);
        if to < n {
            let (lines, sizes) = ((&above[from * n + to..], n), [BAND, n - to]);
            compute(DealOut { lines, sizes, to: (&mut below[from..], n) });
        }
        for i in from..to {
            for j in i + 1..to {
                above[j * n + i] = above[i * n + j];
            }
            if clear {
                above[i * n + i + 1..(i + 1) * n].fill(F::ZERO);
            }
        }
    }
}

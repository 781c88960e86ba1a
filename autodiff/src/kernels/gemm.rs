//! Matrix products: one seam in front of the library that computes them.
//!
//! A product adds into its result, $C \mathrel{+}= AB$, with a stride per axis, so that a transpose is a
//! swap of strides and an adjoint needs no temporary. Products run on the calling thread: the batch is
//! split over threads further up, and the same bits come out for any number of them.
#![allow(unsafe_code)]

/// A matrix inside a slice: where element $(i, j)$ lies is `at + i * row + j * col`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) at: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
}

impl Layout {
    fn fits(self, rows: usize, cols: usize, len: usize) -> bool {
        rows == 0 || cols == 0 || self.at + (rows - 1) * self.row + (cols - 1) * self.col < len
    }
}

/// Numbers whose matrices can be multiplied.
pub trait Gemm: Sized {
    /// `c = keep c + a b`, with `keep` zero or one, for `(m, k)` times `(k, n)`.
    ///
    /// # Safety
    /// Every element of the three layouts must lie inside its allocation, and those of `c` be distinct
    /// and disjoint from those of `a` and `b`.
    #[doc(hidden)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn raw(
        m: usize,
        k: usize,
        n: usize,
        a: (*const Self, usize, usize),
        b: (*const Self, usize, usize),
        c: (*mut Self, usize, usize),
        keep: bool,
    );
}

/// Implements the product for a type of number.
macro_rules! gemm {
    ($f:ident, $portable:ident) => {
        impl Gemm for $f {
            #[cfg(not(target_arch = "wasm32"))]
            unsafe fn raw(
                m: usize,
                k: usize,
                n: usize,
                (a, ar, ac): (*const Self, usize, usize),
                (b, br, bc): (*const Self, usize, usize),
                (c, cr, cc): (*mut Self, usize, usize),
                keep: bool,
            ) {
                let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
                // SAFETY: the caller's promise is the callee's.
                unsafe {
                    gemm::gemm(
                        m,
                        n,
                        k,
                        c,
                        cc as isize,
                        cr as isize,
                        keep,
                        a,
                        ac,
                        ar,
                        b,
                        bc,
                        br,
                        1.0,
                        1.0,
                        false,
                        false,
                        false,
                        gemm::Parallelism::None,
                    );
                }
            }

            #[cfg(target_arch = "wasm32")]
            unsafe fn raw(
                m: usize,
                k: usize,
                n: usize,
                (a, ar, ac): (*const Self, usize, usize),
                (b, br, bc): (*const Self, usize, usize),
                (c, cr, cc): (*mut Self, usize, usize),
                keep: bool,
            ) {
                let (ar, ac, br, bc) = (ar as isize, ac as isize, br as isize, bc as isize);
                // SAFETY: the caller's promise is the callee's.
                unsafe {
                    matrixmultiply::$portable(
                        m,
                        k,
                        n,
                        1.0,
                        a,
                        ar,
                        ac,
                        b,
                        br,
                        bc,
                        f32::from(u8::from(keep)).into(),
                        c,
                        cr as isize,
                        cc as isize,
                    );
                }
            }
        }
    };
}
gemm!(f32, sgemm);
gemm!(f64, dgemm);

/// $C \mathrel{+}= A B$ of $(m, k)$ and $(k, n)$; with `keep` false, $C = A B$.
///
/// # Panics
/// If a layout reaches outside its slice: the caller's shapes are wrong.
pub(crate) fn gemm<F: Gemm>(
    [m, k, n]: [usize; 3],
    (a, la): (&[F], Layout),
    (b, lb): (&[F], Layout),
    (c, lc): (&mut [F], Layout),
    keep: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        la.fits(m, k, a.len()) && lb.fits(k, n, b.len()) && lc.fits(m, n, c.len()),
        "gemm: a layout reaches outside its slice"
    );
    assert!(
        (lc.row >= 1 || m == 1)
            && (lc.col >= 1 || n == 1)
            && (lc.row != lc.col || m == 1 || n == 1),
        "gemm: two elements of the result share a place"
    );
    // SAFETY: the assertions above keep every element inside its slice (the largest index is the last
    // one, strides being non-negative) and the elements of `c`, whose rows and columns are laid out
    // contiguously one way or the other, distinct; `c` is borrowed mutably, so it is disjoint.
    unsafe {
        F::raw(
            m,
            k,
            n,
            (a.as_ptr().add(la.at), la.row, la.col),
            (b.as_ptr().add(lb.at), lb.row, lb.col),
            (c.as_mut_ptr().add(lc.at), lc.row, lc.col),
            keep,
        );
    }
}

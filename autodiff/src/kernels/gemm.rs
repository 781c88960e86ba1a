//! Matrix products: one seam in front of the library that computes them.
//!
//! A product adds into its result, $C \mathrel{+}= AB$, with a stride per axis, so that a transpose is a
//! swap of strides and an adjoint needs no temporary. Products run on the calling thread: the batch is
//! split over threads further up, and the same bits come out for any number of them. The library keeps
//! its working memory from call to call, so a product allocates nothing once a thread is warm.

/// A matrix inside a slice: rows of `width` numbers from `at` on, transposed when it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) at: usize,
    pub(crate) width: usize,
    pub(crate) transposed: bool,
}

impl Layout {
    /// The stretch of the slice that a matrix of `rows` and `cols` takes, both as read.
    fn stretch(self, rows: usize, cols: usize) -> std::ops::Range<usize> {
        let (rows, cols) = if self.transposed { (cols, rows) } else { (rows, cols) };
        self.at..self.at + (rows - 1) * self.width + cols
    }
}

/// Numbers whose matrices can be multiplied.
pub trait Gemm: Sized {
    /// `c = keep c + a b`, with `keep` zero or one, for `(m, k)` times `(k, n)`; the result lies row by row.
    #[doc(hidden)]
    fn product(
        shape: [usize; 3],
        a: (&[Self], bool, usize),
        b: (&[Self], bool, usize),
        c: (&mut [Self], usize),
        keep: bool,
    );
}

/// Implements the product for a type of number.
macro_rules! gemm {
    ($f:ident) => {
        impl Gemm for $f {
            #[cfg(not(target_arch = "wasm32"))]
            fn product(
                [m, k, n]: [usize; 3],
                (a, ta, a_width): (&[Self], bool, usize),
                (b, tb, b_width): (&[Self], bool, usize),
                (c, c_width): (&mut [Self], usize),
                keep: bool,
            ) {
                use faer::{Accum, MatMut, MatRef, Par, linalg::matmul::matmul};
                let view = |x, rows, cols, width, transposed: bool| {
                    if transposed {
                        MatRef::from_row_major_slice_with_stride(x, cols, rows, width).transpose()
                    } else {
                        MatRef::from_row_major_slice_with_stride(x, rows, cols, width)
                    }
                };
                let (a, b) = (view(a, m, k, a_width, ta), view(b, k, n, b_width, tb));
                let c = MatMut::from_row_major_slice_with_stride_mut(c, m, n, c_width);
                let accum = if keep { Accum::Add } else { Accum::Replace };
                matmul(c, accum, a, b, 1.0, Par::Seq);
            }

            /// Vectors are too narrow there for packing to pay; nalgebra's views need no unsafe code.
            #[cfg(target_arch = "wasm32")]
            fn product(
                [m, k, n]: [usize; 3],
                (a, ta, a_width): (&[Self], bool, usize),
                (b, tb, b_width): (&[Self], bool, usize),
                (c, c_width): (&mut [Self], usize),
                keep: bool,
            ) {
                use nalgebra::{DMatrixView, DMatrixViewMut, Dyn};
                let view = |x, rows, cols, width, transposed: bool| {
                    let (row, col) = if transposed { (1, width) } else { (width, 1) };
                    DMatrixView::from_slice_with_strides_generic(
                        x,
                        Dyn(rows),
                        Dyn(cols),
                        Dyn(row),
                        Dyn(col),
                    )
                };
                let (a, b) = (view(a, m, k, a_width, ta), view(b, k, n, b_width, tb));
                let (rows, cols, row, col) = (Dyn(m), Dyn(n), Dyn(c_width), Dyn(1));
                let mut c =
                    DMatrixViewMut::from_slice_with_strides_generic(c, rows, cols, row, col);
                c.gemm(1.0, &a, &b, if keep { 1.0 } else { 0.0 });
            }
        }
    };
}
gemm!(f32);
gemm!(f64);

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
    if m == 0 || n == 0 || k == 0 {
        return;
    }
    F::product(
        [m, k, n],
        (&a[la.stretch(m, k)], la.transposed, la.width),
        (&b[lb.stretch(k, n)], lb.transposed, lb.width),
        (&mut c[lc.stretch(m, n)], lc.width),
        keep,
    );
}

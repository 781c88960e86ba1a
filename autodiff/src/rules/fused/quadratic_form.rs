//! $x^\top A x$ for vectors along the last axis.

use crate::kernels::gemm::{Layout, gemm};
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// The quadratic form of vectors and matrices.
pub(super) struct QuadraticForm {}

/// The number of matrices, the number of vectors for each, and the length of a vector.
fn sizes<F>([x, a]: [View<F>; 2]) -> [usize; 3] {
    let n = x.dims[x.dims.len() - 1];
    let batch = a.dims[..a.dims.len() - 2].iter().product::<usize>();
    [batch, x.values.len() / (batch * n).max(1), n]
}

impl<F: Scalar> Kernel<F> for QuadraticForm {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        match *args {
            [[vectors @ .., n], [lead @ .., rows, columns]]
                if n == rows && n == columns && vectors.starts_with(lead) =>
            {
                Ok(Shape::from(vectors))
            }
            _ => {
                Err(shape_error(Self::NAME, args, "[…, n] and [n, n], or a matrix for each point"))
            }
        }
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let [_, rows, n] = sizes([args[0], args[1]]);
        if n == 0 {
            return y.fill(F::ZERO);
        }
        let x = args[0].values.chunks_exact(n);
        dispatch(
            #[inline(always)]
            || {
                for (at, (y, x)) in y.iter_mut().zip(x).enumerate() {
                    let a = &args[1].values[at / rows * n * n..][..n * n];
                    // Σ_i x_i (a_i · x)
                    let mut form = F::ZERO;
                    for (row, &x_i) in a.chunks_exact(n).zip(x) {
                        form += x_i
                            * sum_by(
                                [row, x],
                                #[inline(always)]
                                |[a, x]| a * x,
                            );
                    }
                    *y = form;
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, a] = [pass.args[0], pass.args[1]];
        let [batch, rows, n] = sizes([x, a]);
        // Both arguments need ȳ ∘ x.
        let mut scratch = std::mem::take(bars.scratch());
        scratch.clear();
        for (row, &bar) in x.values.chunks_exact(n.max(1)).zip(pass.y_bar) {
            scratch.extend(row.iter().map(|&x| bar * x));
        }
        let part = |at, width, transposed| Layout { at, width, transposed };
        // x̄ += (ȳ ∘ x)(A + Aᵀ),  Ā += xᵀ (ȳ ∘ x)
        if let Some(bar) = bars.of(0) {
            for (at_x, at_a) in (0..batch).map(|member| (member * rows * n, member * n * n)) {
                for transposed in [false, true] {
                    let a = (a.values, part(at_a, n, transposed));
                    let (x, x_bar) = ((&*scratch, part(at_x, n, false)), part(at_x, n, false));
                    gemm([rows, n, n], x, a, (&mut *bar, x_bar), true);
                }
            }
        }
        if let Some(bar) = bars.of(1) {
            for (at_x, at_a) in (0..batch).map(|member| (member * rows * n, member * n * n)) {
                let left = (x.values, part(at_x, n, true));
                let right = (&*scratch, part(at_x, n, false));
                gemm([n, rows, n], left, right, (&mut *bar, part(at_a, n, false)), true);
            }
        }
        *bars.scratch() = scratch;
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, a] = [args[0], args[1]];
        let (vectors, matrices) = (x.shape(), a.shape());
        let (lead, n) = (&matrices[..matrices.len() - 2], matrices[matrices.len() - 1]);
        let rows: usize = vectors[lead.len()..vectors.len() - 1].iter().product();
        let x = x.reshape(lead.iter().copied().chain([rows, n]).collect::<Shape>());
        (x.matmul(a) * x).sum_axis(-1).reshape(&vectors[..vectors.len() - 1])
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The quadratic form $x^\top A x$ of every vector $x$ along the last axis, of shape `[…, n]`. `matrix` $A$ is a single
    /// `[n, n]`, or has leading axes that are the first axes of $x$.
    ///
    /// The derivatives are $(A + A^\top) x$ and $x x^\top$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.constant(&[2.0, 1.0, 0.0, 3.0], [2, 2]);
    /// let x = tape.leaf(&[1.0, 2.0], [2]);
    /// let y = x.quadratic_form(a);
    /// assert_eq!(y.item(), 16.0);
    /// assert_eq!(y.backward().of(x).values(), [6.0, 13.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn quadratic_form(self, matrix: Self) -> Self {
        self.record(Op::Fused(Fused::QuadraticForm {}), &[self, matrix], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::QuadraticForm {}, &[&[2, 3, 4], &[4, 4]])];

//! $\Vert x_i - z_j \Vert^2$ between the rows of two matrices.

use crate::kernels::fold::fold;
use crate::kernels::linalg::with_workspace;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::LANES;
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// The squared distances of rows, from their differences: the form $\Vert x \Vert^2 + \Vert z \Vert^2 - 2 x^\top z$ would lose
/// the digits of rows that lie near each other.
pub(super) struct SquaredDistances {}

/// Writes the columns of a matrix with rows of `d` numbers one after the other into `room`, which has its size.
fn transpose<'a, F: Scalar>(z: &[F], d: usize, room: &'a mut [F]) -> &'a [F] {
    for (c, column) in room.chunks_exact_mut(z.len() / d).enumerate() {
        column.iter_mut().zip(z.chunks_exact(d)).for_each(|(to, row)| *to = row[c]);
    }
    room
}

/// Writes the squared distances between one row $x$ and the rows $z_j$, which are given by columns.
#[inline(always)]
fn distances_from<F: Scalar>(y: &mut [F], x: &[F], columns: &[F]) {
    let m = y.len();
    let (pieces, rest) = y.as_chunks_mut::<LANES>();
    let whole = m - rest.len();
    for (i, y) in pieces.iter_mut().enumerate() {
        let mut sums = [F::ZERO; LANES];
        for (&x, column) in x.iter().zip(columns.chunks_exact(m)) {
            let z: &[F; LANES] =
                column[i * LANES..].first_chunk().expect("a column has as many pieces");
            for (sum, &z) in sums.iter_mut().zip(z) {
                *sum += (x - z) * (x - z);
            }
        }
        *y = sums;
    }
    rest.fill(F::ZERO);
    for (&x, column) in x.iter().zip(columns.chunks_exact(m)) {
        for (y, &z) in rest.iter_mut().zip(&column[whole..]) {
            *y += (x - z) * (x - z);
        }
    }
}

/// Adds the terms $t_j = \bar y_j (x - z_j)$ to the sums of a column and returns $\sum_j t_j$, added in lanes and then pairwise.
#[inline(always)]
fn add_terms<F: Scalar>(y_bar: &[F], x: F, z: &[F], sums: &mut [F]) -> F {
    let mut lanes = [F::ZERO; LANES];
    let ((y_bar, y_rest), (z, z_rest)) = (y_bar.as_chunks::<LANES>(), z.as_chunks::<LANES>());
    let (sums, sums_rest) = sums.as_chunks_mut::<LANES>();
    for ((y_bar, z), sums) in y_bar.iter().zip(z).zip(sums) {
        let mut terms = *z;
        for (term, &y_bar) in terms.iter_mut().zip(y_bar) {
            *term = y_bar * (x - *term);
        }
        for (lane, term) in lanes.iter_mut().zip(terms) {
            *lane += term;
        }
        for (sum, term) in sums.iter_mut().zip(terms) {
            *sum += term;
        }
    }
    let rest = y_rest.iter().zip(z_rest).zip(sums_rest);
    for (lane, ((&y_bar, &z), sum)) in lanes.iter_mut().zip(rest) {
        let term = y_bar * (x - z);
        *lane += term;
        *sum += term;
    }
    let [sum] = fold(
        lanes,
        #[inline(always)]
        |a, b| a + b,
    );
    sum
}

impl<F: Scalar> Kernel<F> for SquaredDistances {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        match *args {
            [[n, d], [m, e]] if d == e => Ok(Shape::from([*n, *m])),
            _ => Err(shape_error(Self::NAME, args, "[n, d] and [m, d]")),
        }
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let (d, m) = (args[0].dims[1], args[1].dims[0]);
        if d == 0 || m == 0 {
            return y.fill(F::ZERO);
        }
        let (x, z) = (args[0].values, args[1].values);
        with_workspace(m * d, |room| {
            let columns = transpose(z, d, room);
            dispatch(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_exact_mut(m).zip(x.chunks_exact(d)) {
                        distances_from(y, x, columns);
                    }
                },
            );
        });
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, z] = [pass.args[0], pass.args[1]];
        let (d, m) = (x.dims[1], z.dims[0]);
        if d == 0 || m == 0 {
            return;
        }
        // With tᵢⱼ = ȳᵢⱼ (xᵢ − zⱼ): x̄ᵢ += 2 Σⱼ tᵢⱼ and z̄ⱼ −= 2 Σᵢ tᵢⱼ. Both come from the same terms in one pass, and adjoints are lent
        // one at a time, so the sums stay in working memory first.
        let len = z.values.len();
        with_workspace(2 * len + x.values.len(), |room| {
            let (columns, room) = room.split_at_mut(len);
            let columns = transpose(z.values, d, columns);
            let (z_sums, x_sums) = room.split_at_mut(len);
            z_sums.fill(F::ZERO);
            dispatch(
                #[inline(always)]
                || {
                    let lines = pass.y_bar.chunks_exact(m).zip(x.values.chunks_exact(d));
                    for (x_sums, (y_bar, x)) in x_sums.chunks_exact_mut(d).zip(lines) {
                        let columns = columns.chunks_exact(m).zip(z_sums.chunks_exact_mut(m));
                        for ((x_sums, &x), (z, z_sums)) in x_sums.iter_mut().zip(x).zip(columns) {
                            *x_sums = add_terms(y_bar, x, z, z_sums);
                        }
                    }
                },
            );
            if let Some(bar) = bars.of(0) {
                bar.iter_mut().zip(&*x_sums).for_each(|(bar, &sum)| *bar += sum + sum);
            }
            let Some(bar) = bars.of(1) else { return };
            for (c, sums) in z_sums.chunks_exact(m).enumerate() {
                bar.chunks_exact_mut(d).zip(sums).for_each(|(bar, &sum)| bar[c] -= sum + sum);
            }
        });
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, z] = [args[0], args[1]];
        let ([n, d], m) = ([x.shape()[0], x.shape()[1]], z.shape()[0]);
        (x.reshape([n, 1, d]) - z.reshape([1, m, d])).sum_squares(-1)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The squared distances $y_{ij} = \Vert x_i - z_j \Vert^2$ between the rows of two matrices `[n, d]` and `[m, d]`, of shape
    /// `[n, m]`. Rows that are equal have a distance of exactly zero, and rows near each other lose no digits.
    ///
    /// The derivatives are $\bar x_i = 2 \sum_j \bar y_{ij} (x_i - z_j)$ and $\bar z_j = -2 \sum_i \bar y_{ij} (x_i - z_j)$. Without
    /// columns all distances are zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[0.0, 0.0, 3.0, 4.0], [2, 2]);
    /// let y = x.squared_distances(x);
    /// assert_eq!(y.value().values(), [0.0, 25.0, 25.0, 0.0]);
    /// assert_eq!(y.sum().backward().of(x).values(), [-12.0, -16.0, 12.0, 16.0]);
    /// ```
    ///
    /// # Panics
    /// If the two are not matrices with the same number of columns.
    #[doc(alias = "cdist")]
    #[track_caller]
    pub fn squared_distances(self, other: Self) -> Self {
        self.record(Op::Fused(Fused::SquaredDistances {}), &[self, other], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::SquaredDistances {}, &[&[3, 4], &[5, 4]]),
    (Fused::SquaredDistances {}, &[&[2, 1], &[2, 1]]),
    (Fused::SquaredDistances {}, &[&[3, 2], &[21, 2]]),
];

//! $\Vert x_i - z_j \Vert^2$ between the rows of two matrices.

use crate::kernels::linalg::with_workspace;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
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
fn turn<'a, F: Scalar>(z: &[F], d: usize, room: &'a mut [F]) -> &'a [F] {
    for (c, column) in room.chunks_exact_mut(z.len() / d).enumerate() {
        column.iter_mut().zip(z.chunks_exact(d)).for_each(|(to, row)| *to = row[c]);
    }
    room
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
            let columns = turn(z, d, room);
            y.fill(F::ZERO);
            dispatch(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_exact_mut(m).zip(x.chunks_exact(d)) {
                        for (&x, column) in x.iter().zip(columns.chunks_exact(m)) {
                            for (y, &z) in y.iter_mut().zip(column) {
                                *y += (x - z) * (x - z);
                            }
                        }
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
        with_workspace(m * d, |room| {
            let columns = turn(z.values, d, room);
            // x̄ᵢ += 2 Σⱼ ȳᵢⱼ (xᵢ − zⱼ)
            if let Some(bar) = bars.of(0) {
                dispatch(
                    #[inline(always)]
                    || {
                        let lines = pass.y_bar.chunks_exact(m).zip(x.values.chunks_exact(d));
                        for (bar, (y_bar, x)) in bar.chunks_exact_mut(d).zip(lines) {
                            let pairs = x.iter().zip(columns.chunks_exact(m));
                            for (bar, (&x, column)) in bar.iter_mut().zip(pairs) {
                                let sum = sum_by(
                                    [y_bar, column],
                                    #[inline(always)]
                                    |[y_bar, z]| y_bar * (x - z),
                                );
                                *bar += sum + sum;
                            }
                        }
                    },
                );
            }
            // z̄ⱼ += 2 Σᵢ ȳᵢⱼ (zⱼ − xᵢ)
            let Some(bar) = bars.of(1) else { return };
            with_workspace(m * d, |sums| {
                sums.fill(F::ZERO);
                dispatch(
                    #[inline(always)]
                    || {
                        let lines = pass.y_bar.chunks_exact(m).zip(x.values.chunks_exact(d));
                        for (y_bar, x) in lines {
                            let pairs = x.iter().zip(columns.chunks_exact(m));
                            for (sums, (&x, column)) in sums.chunks_exact_mut(m).zip(pairs) {
                                for ((sum, &y_bar), &z) in sums.iter_mut().zip(y_bar).zip(column) {
                                    *sum += y_bar * (z - x);
                                }
                            }
                        }
                    },
                );
                for (c, sums) in sums.chunks_exact(m).enumerate() {
                    bar.chunks_exact_mut(d).zip(sums).for_each(|(bar, &sum)| bar[c] += sum + sum);
                }
            });
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
];

//! The values of the ops of linear algebra, matrix by matrix.

use crate::kernels::linalg::triangular::{Triangular, lower, solve_negated, zero_pivot};
use crate::kernels::linalg::{BadPivot, cholesky, eigen, expm, lu, with_workspace};
use crate::kernels::walk::odometer;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::rules::matmul::{leading, steps};
use crate::tape::engine::Scalar;
use crate::tape::op::linalg::{By, Linalg};

/// Computes the result.
pub(crate) fn forward<F: Scalar>(
    op: Linalg,
    args: &[View<F>],
    dims: &[usize],
    y: &mut [F],
) -> Result<(), Error> {
    let n = args[0].dims[args[0].dims.len() - 1];
    let singular = |member, bad: BadPivot| {
        let BadPivot { row: pivot, value } = bad;
        Error::Singular { op: op.name(), member, pivot, value }
    };
    let negated = |b: &[F], x: &mut [F]| x.iter_mut().zip(b).for_each(|(x, &b)| *x = -b);
    match op {
        Linalg::Cholesky => each(args, y, |member, [a, _], l| {
            cholesky::cholesky(a, n, l).map_err(|BadPivot { row: pivot, value }| {
                Error::NotPositiveDefinite { member, pivot, value }
            })
        }),
        Linalg::Lu => {
            each(args, y, |member, [a, _], f| lu::lu(a, n, f).map_err(|bad| singular(member, bad)))
        }
        Linalg::Eigh => each(args, y, |member, [a, _], f| {
            if eigen::eigh(a, n, f) { Ok(()) } else { Err(Error::NotConverged { member }) }
        }),
        Linalg::SolveTriangular { upper, transposed } => {
            each(&args[..1], &mut [], |member, [t, _], _| match zero_pivot(t, n) {
                Some(row) => Err(singular(member, BadPivot { row, value: 0.0 })),
                None => Ok(()),
            })?;
            sides([args[0], args[1]], leading(dims), y, |t, b, x| {
                negated(b, x);
                let m = b.len() / n;
                solve_negated(Triangular { upper, transposed, ..lower(t, n, n) }, x, m, m);
            });
            Ok(())
        }
        Linalg::Solve { by, transposed } => {
            sides([args[1], args[2]], leading(dims), y, |f, b, x| {
                negated(b, x);
                let m = b.len() / n;
                match by {
                    By::Cholesky => cholesky::solve_negated_by(f, n, x, m),
                    By::Lu => lu::solve_negated_by(f, n, transposed, x, m),
                }
            });
            Ok(())
        }
        // xᵀA⁻¹x = |L⁻¹x|²
        Linalg::InverseForm => {
            let m = args[2].dims[args[2].dims.len() - 1];
            y.fill(F::ZERO);
            with_workspace(n * m, |white| {
                sides([args[1], args[2]], &dims[..dims.len() - 1], y, |l, x, y| {
                    negated(x, white);
                    solve_negated(lower(l, n, n), white, m, m);
                    for row in white.chunks_exact(m) {
                        y.iter_mut().zip(row).for_each(|(y, &w)| *y += w * w);
                    }
                });
            });
            Ok(())
        }
        _ => each(args, y, |_, [a, f], y| {
            match op {
                Linalg::Inverse { by: By::Cholesky } => cholesky::inverse(f, n, y),
                Linalg::Inverse { by: By::Lu } => lu::inverse(f, n, y),
                Linalg::LogDet { by: By::Cholesky } => y[0] = cholesky::log_det(f, n),
                Linalg::LogDet { by: By::Lu } => y[0] = lu::log_det(f, n),
                Linalg::Det { by: By::Cholesky } => y[0] = cholesky::det(f, n),
                Linalg::Det { by: By::Lu } => y[0] = lu::det(f, n),
                Linalg::DetSign => y[0] = lu::sign(a, n),
                Linalg::Eigenvalues => y.copy_from_slice(&f[..n]),
                Linalg::Eigenvectors => y.copy_from_slice(&f[n..]),
                Linalg::MatrixExp => expm::matrix_exp(a, n, y),
                _ => unreachable!("{} was computed above", op.name()),
            }
            Ok(())
        }),
    }
}

/// Calls `one(member, [first, second], result)` for every matrix of a batch. A single argument is passed twice.
fn each<F: Scalar>(
    args: &[View<F>],
    y: &mut [F],
    mut one: impl FnMut(usize, [&[F]; 2], &mut [F]) -> Result<(), Error>,
) -> Result<(), Error> {
    let batch: usize = leading(args[0].dims).iter().product();
    let ends = [args[0].values, args[args.len().min(2) - 1].values];
    (0..batch).try_for_each(|member| {
        let piece = |len: usize| member * (len / batch)..(member + 1) * (len / batch);
        let len = y.len();
        one(member, ends.map(|values| &values[piece(values.len())]), &mut y[piece(len)])
    })
}

/// Calls `one(matrix, right side, result)` for every point of the leading axes of the result, to which the leading axes
/// of both sides broadcast.
fn sides<F: Scalar>(
    [t, b]: [View<F>; 2],
    lead: &[usize],
    y: &mut [F],
    mut one: impl FnMut(&[F], &[F], &mut [F]),
) {
    if y.is_empty() {
        return;
    }
    let size = |view: View<F>| view.dims[view.dims.len() - 2..].iter().product::<usize>();
    let mut results = y.chunks_exact_mut(y.len() / lead.iter().product::<usize>());
    let (st, sb) = (steps(t.dims, lead.len()), steps(b.dims, lead.len()));
    odometer(lead, [&st, &sb], [0; 2], |[i, j]| {
        let (i, j) = (i as usize, j as usize);
        let result = results.next().expect("one result for each point of the leading axes");
        one(&t.values[i..i + size(t)], &b.values[j..j + size(b)], result);
    });
}

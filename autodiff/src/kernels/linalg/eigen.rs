//! Eigenvalues and eigenvectors of symmetric matrices, by nalgebra and in double precision.

use crate::kernels::float::Float;
use nalgebra::{DMatrix, SymmetricEigen};

/// Writes the eigenvalues of $(A + A^\top)/2$ in increasing order as row 0, and the eigenvectors as the
/// columns of the `n` rows below. The largest number of each vector is positive, so that the same
/// matrix always has the same vectors. Returns true if the iteration converged.
pub(crate) fn eigh<F: Float>(a: &[F], n: usize, y: &mut [F]) -> bool {
    if n == 0 {
        return true;
    }
    let at = |i: usize, j: usize| 0.5 * a[i * n + j].to_f64() + 0.5 * a[j * n + i].to_f64();
    let matrix = DMatrix::from_fn(n, n, at);
    if !matrix.iter().all(|x| x.is_finite()) {
        return false;
    }
    // Most eigenvalues take two or three iterations.
    let Some(found) = SymmetricEigen::try_new(matrix, f64::EPSILON, 100 * n) else { return false };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| found.eigenvalues[i].total_cmp(&found.eigenvalues[j]));
    for (to, &from) in order.iter().enumerate() {
        let vector = found.eigenvectors.column(from);
        let largest =
            vector.iter().fold(0.0, |top: f64, &x| if x.abs() > top.abs() { x } else { top });
        y[to] = F::from_f64(found.eigenvalues[from]);
        for (i, &x) in vector.iter().enumerate() {
            y[(i + 1) * n + to] = F::from_f64(x * largest.signum());
        }
    }
    y.iter().all(|y| y.is_finite())
}

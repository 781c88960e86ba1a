//! The common core of conjugate linear models: least squares with a normal prior, by a QR factorisation.

use nalgebra::{DMatrix, DVector};

/// A normal distribution of weights by its mean and an upper triangular $R$ with the precision $R^\top R$.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) mean: DVector<f64>,
    pub(super) factor: DMatrix<f64>,
}

impl Weights {
    /// Independent weights with the mean zero.
    ///
    /// # Panics
    /// If there are none, or a precision is not positive.
    #[track_caller]
    pub(super) fn independent(precisions: &[f64]) -> Self {
        let bad = precisions.iter().find(|p| !(**p > 0.0 && p.is_finite()));
        assert!(!precisions.is_empty(), "regression: a prior of no weights");
        assert!(bad.is_none(), "regression: {} is no precision", bad.unwrap_or(&0.0));
        let roots = precisions.iter().map(|p| p.sqrt());
        let roots = DVector::from_iterator(precisions.len(), roots);
        Self { mean: DVector::zeros(precisions.len()), factor: DMatrix::from_diagonal(&roots) }
    }

    /// The posterior after rows with noise of the standard deviation `scale`, and the least sum of squares, $\min_w \Vert y - Xw \Vert^2 /
    /// s^2 + \Vert R (w - m) \Vert^2$.
    ///
    /// # Panics
    /// If `x` does not hold a row of weights for each number of `y`.
    #[track_caller]
    pub(super) fn condition(&self, x: &[f64], y: &[f64], scale: f64) -> (Self, f64) {
        let (n, p) = (y.len(), self.mean.len());
        assert!(
            x.len() == n * p,
            "regression: {} numbers are not {n} rows of {p} columns",
            x.len()
        );
        // The shift from the prior mean solves [X/s; R] d = [(y − Xm)/s; 0]. Long rows stand first, where Householder
        // reflections do not mix their rounding errors into short ones.
        let mut system = DMatrix::zeros(n + p, p);
        let mut right = DVector::zeros(n + p);
        for (i, row) in x.chunks_exact(p).enumerate() {
            let fit: f64 = row.iter().zip(self.mean.iter()).map(|(x, m)| x * m).sum();
            row.iter().enumerate().for_each(|(j, x)| system[(i, j)] = x / scale);
            right[i] = (y[i] - fit) / scale;
        }
        system.rows_mut(n, p).copy_from(&self.factor);
        let qr = system.qr();
        qr.q_tr_mul(&mut right);
        let factor = qr.r();
        // A singular factor comes from numbers that are not finite.
        let shift = factor.solve_upper_triangular(&right.rows(0, p));
        let shift = shift.unwrap_or_else(|| DVector::from_element(p, f64::NAN));
        (Self { mean: &self.mean + shift, factor }, right.rows(p, n).norm_squared())
    }

    /// $\ln\lvert\det R\rvert$, half the logarithm of the determinant of the precision.
    pub(super) fn half_log_det(&self) -> f64 {
        self.factor.diagonal().iter().map(|r| r.abs().ln()).sum()
    }

    /// $x^\top m$ and $x^\top (R^\top R)^{-1} x$.
    ///
    /// # Panics
    /// If `x` does not have a number for each weight.
    #[track_caller]
    pub(super) fn project(&self, x: &[f64]) -> (f64, f64) {
        let (found, p) = (x.len(), self.mean.len());
        assert!(found == p, "regression: a row of {found} numbers for {p} weights");
        let x = DVector::from_row_slice(x);
        let solved = self.factor.transpose().solve_lower_triangular(&x);
        (x.dot(&self.mean), solved.map_or(f64::NAN, |solved| solved.norm_squared()))
    }

    /// $(R^\top R)^{-1}$, row by row.
    pub(super) fn covariance(&self) -> Vec<f64> {
        let p = self.mean.len();
        let inverse = self.factor.solve_upper_triangular(&DMatrix::identity(p, p));
        let inverse = inverse.unwrap_or_else(|| DMatrix::from_element(p, p, f64::NAN));
        (&inverse * inverse.transpose()).as_slice().to_vec()
    }
}

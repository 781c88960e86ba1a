//! Factored matrices: solutions, inverses and determinants that share one factorisation.

use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::linalg::{By, Linalg};
use crate::tape::record::Var;

/// A symmetric positive definite matrix with its Cholesky factor, which all its methods share.
///
/// Derivatives flow to the matrix itself and not through the factor.
///
/// ```
/// # use pathscore_autodiff::Tape;
/// let tape = Tape::new();
/// let a = tape.leaf(&[4.0, 2.0, 2.0, 3.0], [2, 2]);
/// let factor = a.factor_cholesky().unwrap();
/// let x = factor.solve(tape.constant(&[8.0, 8.0], [2]));
/// assert!((x.value().values()[1] - 2.0_f64).abs() < 1e-15);
/// let slope = factor.log_det().backward().of(a);
/// assert!((slope.values()[0] - 3.0 / 8.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CholeskyFactor<'t, F> {
    pub(super) matrix: Var<'t, F>,
    pub(super) factor: Var<'t, F>,
}

/// A square matrix with its LU factorisation, which all its methods share.
///
/// Derivatives flow to the matrix itself and not through the factors.
///
/// ```
/// # use pathscore_autodiff::Tape;
/// let tape = Tape::new();
/// let a = tape.leaf(&[0.0, 2.0, -3.0, 1.0], [2, 2]);
/// let factor = a.factor_lu().unwrap();
/// assert_eq!(factor.det().item(), 6.0);
/// assert_eq!(factor.solve(tape.constant(&[2.0, 4.0], [2])).value().values(), [-1.0, 1.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LuFactor<'t, F> {
    pub(super) matrix: Var<'t, F>,
    pub(super) factor: Var<'t, F>,
}

/// Turns a vector into a matrix of one column. Returns the matrix, and true if the argument was a vector.
#[track_caller]
pub(super) fn as_column<'t, F: Scalar>(b: Var<'t, F>) -> (Var<'t, F>, bool) {
    let mut shape = b.shape();
    let vector = shape.len() == 1;
    if vector {
        shape.push(1);
    }
    (if vector { b.reshape(shape) } else { b }, vector)
}

/// Undoes [`as_column`]: drops the last axis if the argument was a vector.
#[track_caller]
pub(super) fn undo_column<'t, F: Scalar>((x, vector): (Var<'t, F>, bool)) -> Var<'t, F> {
    let shape = x.shape();
    if vector { x.reshape(&shape[..shape.len() - 1]) } else { x }
}

impl<'t, F: Scalar> CholeskyFactor<'t, F> {
    #[track_caller]
    fn apply(self, op: Linalg) -> Var<'t, F> {
        self.matrix.record(Op::Linalg(op), &[self.matrix, self.factor], None)
    }

    /// $L$, lower triangular, as a constant; [`Var::cholesky`] has derivatives.
    pub fn lower(self) -> Var<'t, F> {
        self.factor
    }

    /// $A^{-1}B$ for columns $B$ of shape `[…, n, m]` or a vector `[n]`; leading axes broadcast.
    ///
    /// With $W = A^{-1}\bar Y$ the derivatives are $\bar B = W$ and $\bar A = -\tfrac12 (W Y^\top + Y W^\top)$.
    ///
    /// # Panics
    /// If `b` does not have as many rows as the matrix has, or the leading axes do not broadcast.
    #[track_caller]
    pub fn solve(self, b: Var<'t, F>) -> Var<'t, F> {
        let op = Op::Linalg(Linalg::Solve { by: By::Cholesky, transposed: false });
        let (b, vector) = as_column(b);
        undo_column((b.record(op, &[self.matrix, self.factor, b], None), vector))
    }

    /// $A^{-1}$. The derivative is $\bar A = -A^{-1} \bar Y A^{-1}$, made symmetric.
    #[track_caller]
    pub fn inverse(self) -> Var<'t, F> {
        self.apply(Linalg::Inverse { by: By::Cholesky })
    }

    /// $\ln \det A$. It does not overflow where $\det A$ would. The derivative is $A^{-1}$.
    #[track_caller]
    pub fn log_det(self) -> Var<'t, F> {
        self.apply(Linalg::LogDet { by: By::Cholesky })
    }

    /// $\det A$. The derivative is $\det(A) A^{-1}$.
    #[track_caller]
    pub fn det(self) -> Var<'t, F> {
        self.apply(Linalg::Det { by: By::Cholesky })
    }

    /// $x^\top A^{-1} x$ for every column $x$ of `[…, n, m]`, of shape `[…, m]`, or of a vector `[n]`;
    /// leading axes broadcast.
    ///
    /// With $w = A^{-1}x$ the derivatives are $2w$ ($x$) and $-w w^\top$ ($A$).
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[4.0, 0.0, 0.0, 0.25], [2, 2]);
    /// let x = tape.leaf(&[2.0, 1.0], [2]);
    /// let y = a.factor_cholesky().unwrap().inverse_form(x);
    /// assert_eq!(y.item(), 5.0);
    /// assert_eq!(y.backward().of(x).values(), [1.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If `x` does not have as many rows as the matrix has, or the leading axes do not broadcast.
    #[track_caller]
    pub fn inverse_form(self, x: Var<'t, F>) -> Var<'t, F> {
        let (x, vector) = as_column(x);
        let op = Op::Linalg(Linalg::InverseForm);
        undo_column((x.record(op, &[self.matrix, self.factor, x], None), vector))
    }
}

impl<'t, F: Scalar> LuFactor<'t, F> {
    #[track_caller]
    fn apply(self, op: Linalg) -> Var<'t, F> {
        self.matrix.record(Op::Linalg(op), &[self.matrix, self.factor], None)
    }

    #[track_caller]
    fn solve_with(self, transposed: bool, b: Var<'t, F>) -> Var<'t, F> {
        let op = Op::Linalg(Linalg::Solve { by: By::Lu, transposed });
        let (b, vector) = as_column(b);
        undo_column((b.record(op, &[self.matrix, self.factor, b], None), vector))
    }

    /// $A^{-1}B$ for columns $B$ of shape `[…, n, m]` or a vector `[n]`; leading axes broadcast.
    ///
    /// With $W = A^{-\top}\bar Y$ the derivatives are $\bar B = W$ and $\bar A = -W Y^\top$.
    ///
    /// # Panics
    /// If `b` does not have as many rows as the matrix has, or the leading axes do not broadcast.
    #[track_caller]
    pub fn solve(self, b: Var<'t, F>) -> Var<'t, F> {
        self.solve_with(false, b)
    }

    /// $A^{-\top}B$, for shapes as in [`LuFactor::solve`]. With $W = A^{-1}\bar Y$ the derivatives
    /// are $\bar B = W$ and $\bar A = -Y W^\top$.
    ///
    /// # Panics
    /// If `b` does not have as many rows as the matrix has, or the leading axes do not broadcast.
    #[track_caller]
    pub fn solve_transposed(self, b: Var<'t, F>) -> Var<'t, F> {
        self.solve_with(true, b)
    }

    /// $A^{-1}$. The derivative is $\bar A = -A^{-\top} \bar Y A^{-\top}$.
    #[track_caller]
    pub fn inverse(self) -> Var<'t, F> {
        self.apply(Linalg::Inverse { by: By::Lu })
    }

    /// $\ln |\det A|$. It does not overflow where $\det A$ would. The derivative is $A^{-\top}$.
    #[track_caller]
    pub fn log_det(self) -> Var<'t, F> {
        self.apply(Linalg::LogDet { by: By::Lu })
    }

    /// The sign of $\det A$, one or minus one. The derivative is zero.
    #[track_caller]
    pub fn sign(self) -> Var<'t, F> {
        self.matrix.record(Op::Linalg(Linalg::DetSign), &[self.factor], None)
    }

    /// $\det A$. The derivative is $\det(A) A^{-\top}$.
    #[track_caller]
    pub fn det(self) -> Var<'t, F> {
        self.apply(Linalg::Det { by: By::Lu })
    }
}

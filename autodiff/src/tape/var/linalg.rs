//! Linear algebra over the last two axes, batched over the others.

use super::axis_of;
use super::factor::{CholeskyFactor, LuFactor, as_column, undo_column};
use crate::numbers::error::Error;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::linalg::Linalg;
use crate::tape::record::Var;

/// A triangle of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Triangle {
    /// On and below the main diagonal.
    Lower,
    /// On and above the main diagonal.
    Upper,
}

impl<'t, F: Scalar> Var<'t, F> {
    /// The matrix product $ab$ of the last two axes; leading axes broadcast.
    ///
    /// The adjoints are $\bar a = \bar y b^\top$ and $\bar b = a^\top \bar y$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// let x = tape.leaf(&[5.0, 6.0], [2, 1]);
    /// let y = a.matmul(x);
    /// assert_eq!(y.value().values(), [17.0, 39.0]);
    /// assert_eq!(y.sum().backward().of(a).values(), [5.0, 6.0, 5.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes on either side, or the columns of the one are not the rows of the other.
    #[doc(alias = "mm")]
    #[doc(alias = "bmm")]
    #[doc(alias = "gemm")]
    #[track_caller]
    pub fn matmul(self, other: Self) -> Self {
        self.matmul_with(false, other, false)
    }

    /// The matrix product of the last two axes, with either argument transposed first. Transposing copies nothing. The
    /// adjoints are those of [`Var::matmul`], transposed likewise.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
    /// assert_eq!(a.matmul_with(false, a, true).value().values(), [14.0, 32.0, 32.0, 77.0]);
    /// assert_eq!(a.matmul_with(true, a, false).shape()[..], [3, 3]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit, as in [`Var::matmul`].
    #[track_caller]
    pub fn matmul_with(self, ta: bool, other: Self, tb: bool) -> Self {
        self.record(Op::MatMul { ta, tb }, &[self, other], None)
    }

    /// The dot product $\sum_i a_i b_i$ along the last axis, which is dropped; the other axes broadcast. The derivatives are
    /// $b$ and $a$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let (a, b) = (tape.leaf(&[1.0, 2.0], [2]), tape.leaf(&[3.0, 4.0], [2]));
    /// assert_eq!(a.dot(b).item(), 11.0);
    /// ```
    ///
    /// # Panics
    /// If the last axes differ in length or are missing, or the other axes do not broadcast.
    #[track_caller]
    pub fn dot(self, other: Self) -> Self {
        let (a, b) = (self.shape(), other.shape());
        assert!(
            a.last().is_some() && a.last() == b.last(),
            "dot: shapes {a} and {b} do not end in the same length"
        );
        (self * other).sum_axis(-1)
    }

    /// The outer product $a_i b_j$ of the last axis of each; the other axes broadcast. The derivatives are $\bar Y b$ and
    /// $\bar Y^\top a$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let (a, b) = (tape.leaf(&[1.0, 2.0], [2]), tape.leaf(&[3.0, 4.0, 5.0], [3]));
    /// assert_eq!(a.outer(b).value().values(), [3.0, 4.0, 5.0, 6.0, 8.0, 10.0]);
    /// ```
    ///
    /// # Panics
    /// If one of the two has no axis, or the other axes do not broadcast.
    #[track_caller]
    pub fn outer(self, other: Self) -> Self {
        let (mut a, mut b) = (self.shape(), other.shape());
        let (_, last) = (axis_of("outer", -1, &a), axis_of("outer", -1, &b));
        a.push(1);
        let columns = std::mem::replace(&mut b[last], 1);
        b.push(columns);
        self.reshape(a) * other.reshape(b)
    }

    /// The sum of the main diagonal of the last two axes. The derivative is the identity.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
    /// assert_eq!(a.trace().item(), 5.0);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn trace(self) -> Self {
        self.diagonal(0).sum_axis(-1)
    }

    /// The lower triangular $L$ with $LL^\top = A$ for a positive definite matrix, which is taken as
    /// $(A + A^\top)/2$.
    ///
    /// With $\Phi$ the lower triangle with its diagonal halved, the derivative is $\bar A = L^{-\top}
    /// \Phi(L^\top \bar L) L^{-1}$, made symmetric (Murray 2016). Systems and
    /// determinants are computed faster from [`Var::factor_cholesky`], without the factor's derivative.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[4.0, 2.0, 2.0, 5.0], [2, 2]);
    /// assert_eq!(a.cholesky().unwrap().value().values(), [2.0, 0.0, 1.0, 2.0]);
    /// let wrong = tape.leaf(&[1.0, 2.0, 2.0, 1.0], [2, 2]).cholesky().unwrap_err();
    /// assert!(wrong.to_string().ends_with("is not positive definite: pivot 1 is -3"));
    /// ```
    ///
    /// # Errors
    /// If a matrix is not positive definite. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn cholesky(self) -> Result<Self, Error> {
        self.try_record(Op::Linalg(Linalg::Cholesky), &[self], None)
    }

    /// The matrix, which must be positive definite, with its Cholesky factor, for solutions, inverses and determinants.
    ///
    /// # Errors
    /// If a matrix is not positive definite. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn factor_cholesky(self) -> Result<CholeskyFactor<'t, F>, Error> {
        Ok(CholeskyFactor { matrix: self, factor: self.detach().cholesky()? })
    }

    /// The matrix, which must be square, with its LU factors, for solutions, inverses and determinants.
    ///
    /// # Errors
    /// If a matrix is singular. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn factor_lu(self) -> Result<LuFactor<'t, F>, Error> {
        let factor = self.try_record(Op::Linalg(Linalg::Lu), &[self], None)?;
        Ok(LuFactor { matrix: self, factor })
    }

    /// $T^{-1}B$, or $T^{-\top}B$ if `transposed`, where $T$ is one triangle of this matrix and $B$ are
    /// columns of shape `[…, n, m]` or a vector `[n]`; leading axes broadcast.
    ///
    /// With $W = T^{-\top} \bar Y$ the derivatives are $\bar B = W$ and $\bar T = -W Y^\top$ within the
    /// triangle (transposed if $T$ is).
    ///
    /// ```
    /// # use pathscore_autodiff::{Tape, Triangle};
    /// let tape = Tape::new();
    /// let t = tape.leaf(&[2.0, 7.0, 1.0, 4.0], [2, 2]);
    /// let b = tape.leaf(&[2.0, 9.0], [2]);
    /// let x = t.solve_triangular(Triangle::Lower, false, b).unwrap();
    /// assert_eq!(x.value().values(), [1.0, 2.0]);
    /// ```
    ///
    /// # Errors
    /// If there is a zero on the diagonal. The error names the matrix of the batch and the row.
    ///
    /// # Panics
    /// If the matrix is not square, `b` does not have as many rows, or the leading axes do not broadcast.
    #[track_caller]
    pub fn solve_triangular(
        self,
        triangle: Triangle,
        transposed: bool,
        b: Self,
    ) -> Result<Self, Error> {
        let (b, vector) = as_column(b);
        let op = Linalg::SolveTriangular { upper: triangle == Triangle::Upper, transposed };
        let x = self.try_record(Op::Linalg(op), &[self, b], None)?;
        Ok(undo_column((x, vector)))
    }

    /// $A^{-1}B$ for any invertible matrix: see [`LuFactor::solve`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[2.0, 0.0, 0.0, 4.0], [2, 2]);
    /// let b = tape.leaf(&[2.0, 2.0], [2]);
    /// let x = a.solve(b).unwrap();
    /// assert_eq!(x.value().values(), [1.0, 0.5]);
    /// assert_eq!(x.sum().backward().of(b).values(), [0.5, 0.25]);
    /// ```
    ///
    /// # Errors
    /// If a matrix is singular. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix, or `b` does not fit it.
    #[track_caller]
    pub fn solve(self, b: Self) -> Result<Self, Error> {
        Ok(self.factor_lu()?.solve(b))
    }

    /// $A^{-1}$ for any invertible matrix: see [`LuFactor::inverse`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[0.0, 2.0, 4.0, 0.0], [2, 2]);
    /// assert_eq!(a.inverse().unwrap().value().values(), [0.0, 0.25, 0.5, 0.0]);
    /// ```
    ///
    /// # Errors
    /// If a matrix is singular. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[doc(alias = "inv")]
    #[track_caller]
    pub fn inverse(self) -> Result<Self, Error> {
        Ok(self.factor_lu()?.inverse())
    }

    /// $\det A$: see [`LuFactor::det`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[0.0, 2.0, 4.0, 0.0], [2, 2]);
    /// let y = a.det().unwrap();
    /// assert_eq!(y.item(), -8.0);
    /// assert_eq!(y.backward().of(a).values(), [0.0, -4.0, -2.0, 0.0]);
    /// ```
    ///
    /// # Errors
    /// If a matrix is singular: its determinant is zero, but the derivative, the matrix of cofactors, cannot
    /// be computed from its factors.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn det(self) -> Result<Self, Error> {
        Ok(self.factor_lu()?.det())
    }

    /// The sign of $\det A$ and $\ln |\det A|$: see [`LuFactor::log_det`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[0.0, 2.0, 4.0, 0.0], [2, 2]);
    /// let (sign, log) = a.slogdet().unwrap();
    /// assert_eq!((sign.item(), log.item()), (-1.0, 8_f64.ln()));
    /// ```
    ///
    /// # Errors
    /// If a matrix is singular. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn slogdet(self) -> Result<(Self, Self), Error> {
        let factor = self.factor_lu()?;
        Ok((factor.sign(), factor.log_det()))
    }

    /// $\ln \det A$ of a positive definite matrix: see [`CholeskyFactor::log_det`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[2.0, 0.0, 0.0, 4.0], [2, 2]);
    /// let y = a.logdet().unwrap();
    /// assert!((y.item() - 8_f64.ln()).abs() < 1e-15);
    /// ```
    ///
    /// # Errors
    /// If a matrix is not positive definite. The error names the matrix of the batch and the pivot.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn logdet(self) -> Result<Self, Error> {
        Ok(self.factor_cholesky()?.log_det())
    }

    /// The eigenvalues $\lambda$ of a symmetric matrix in increasing order, and its eigenvectors as the
    /// columns of $V$. The matrix is taken as $(A + A^\top)/2$; the largest number of each vector is positive.
    ///
    /// The derivatives are $\bar A = V \mathrm{diag}(\bar\lambda) V^\top$, and $V (G \circ V^\top \bar V) V^\top$
    /// made symmetric, with $G_{ij} = 1/(\lambda_j - \lambda_i)$. Where eigenvalues repeat, the first is
    /// valid for sums over all equal eigenvalues; the second does not exist and is infinite or NaN.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[2.0, 1.0, 1.0, 2.0], [2, 2]);
    /// let (values, vectors) = a.eigh().unwrap();
    /// let rebuilt = (vectors * values).matmul_with(false, vectors, true);
    /// for (found, x) in rebuilt.value().values().iter().zip([2.0_f64, 1.0, 1.0, 2.0]) {
    ///     assert!((found - x).abs() < 1e-14);
    /// }
    /// ```
    ///
    /// # Errors
    /// If the eigenvalues are not found because a number is not finite. The error names the matrix of the batch.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn eigh(self) -> Result<(Self, Self), Error> {
        let found = self.try_record(Op::Linalg(Linalg::Eigh), &[self], None)?;
        let part = |op| self.record(Op::Linalg(op), &[self, found], None);
        Ok((part(Linalg::Eigenvalues), part(Linalg::Eigenvectors)))
    }

    /// The eigenvalues of a symmetric matrix in increasing order, as in [`Var::eigh`].
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// // An eigenvalue of multiplicity two: the sum over both has a derivative.
    /// let a = tape.leaf(&[3.0, 0.0, 0.0, 3.0], [2, 2]);
    /// let y = a.eigvalsh().unwrap().square().sum();
    /// assert_eq!(y.item(), 18.0);
    /// assert_eq!(y.backward().of(a).values(), [6.0, 0.0, 0.0, 6.0]);
    /// ```
    ///
    /// # Errors
    /// If the eigenvalues are not found because a number is not finite. The error names the matrix of the batch.
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[track_caller]
    pub fn eigvalsh(self) -> Result<Self, Error> {
        let found = self.try_record(Op::Linalg(Linalg::Eigh), &[self], None)?;
        Ok(self.record(Op::Linalg(Linalg::Eigenvalues), &[self, found], None))
    }

    /// $e^A = \sum_k A^k / k!$, by scaling and squaring; NaN if $A$ is not finite.
    ///
    /// The derivative is the upper right block of $\exp \begin{pmatrix} A^\top & \bar Y \cr 0 & A^\top
    /// \end{pmatrix}$ (Najfeld and Havel 1995).
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let a = tape.leaf(&[0.0, 1.0, 0.0, 0.0], [2, 2]);
    /// assert_eq!(a.matrix_exp().value().values(), [1.0, 1.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the last two axes are not a square matrix.
    #[doc(alias = "expm")]
    #[track_caller]
    pub fn matrix_exp(self) -> Self {
        self.record(Op::Linalg(Linalg::MatrixExp), &[self], None)
    }
}

//! The ops of linear algebra.

/// The kind of a factorisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// $LL^\top$; the matrix is taken to be symmetric.
    Cholesky,
    /// $P^\top LU$.
    Lu,
}

/// The ops of linear algebra. An argument named $F$ is the factorisation of the argument before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Linalg {
    /// $L$ with $LL^\top = A$ of the argument $A$.
    Cholesky,
    /// The factors $L$ and $U$ of $A$ in one matrix, with one more row for the exchanges of rows. No derivative.
    Lu,
    /// The eigenvalues of $A$ in one row above its eigenvectors in columns. No derivative.
    Eigh,
    /// $T^{-1}B$ of the arguments $T$ and $B$. Only one triangle of $T$ is read.
    SolveTriangular {
        /// True if the upper triangle is read.
        upper: bool,
        /// True if $T$ is transposed.
        transposed: bool,
    },
    /// $A^{-1}B$ of the arguments $A, F, B$.
    Solve {
        /// The kind of $F$.
        by: By,
        /// True if $A$ is transposed.
        transposed: bool,
    },
    /// $x_j^\top A^{-1} x_j$ of the arguments $A, F$ (by Cholesky) and $X$ with columns $x_j$.
    InverseForm,
    /// $A^{-1}$ of the arguments $A, F$.
    Inverse {
        /// The kind of $F$.
        by: By,
    },
    /// $\ln |\det A|$ of the arguments $A, F$.
    LogDet {
        /// The kind of $F$.
        by: By,
    },
    /// $\det A$ of the arguments $A, F$.
    Det {
        /// The kind of $F$.
        by: By,
    },
    /// The sign of $\det A$ of the argument $F$ (by LU). No derivative.
    DetSign,
    /// The eigenvalues of $A$, in increasing order, of the arguments $A, F$.
    Eigenvalues,
    /// The eigenvectors of $A$, in columns, of the arguments $A, F$.
    Eigenvectors,
    /// $e^A$.
    MatrixExp,
}

impl Linalg {
    /// Every op, in order.
    pub const ALL: &[Self] = &[
        Self::Cholesky,
        Self::Lu,
        Self::Eigh,
        Self::SolveTriangular { upper: false, transposed: false },
        Self::SolveTriangular { upper: false, transposed: true },
        Self::SolveTriangular { upper: true, transposed: false },
        Self::SolveTriangular { upper: true, transposed: true },
        Self::Solve { by: By::Cholesky, transposed: false },
        Self::Solve { by: By::Cholesky, transposed: true },
        Self::Solve { by: By::Lu, transposed: false },
        Self::Solve { by: By::Lu, transposed: true },
        Self::InverseForm,
        Self::Inverse { by: By::Cholesky },
        Self::Inverse { by: By::Lu },
        Self::LogDet { by: By::Cholesky },
        Self::LogDet { by: By::Lu },
        Self::Det { by: By::Cholesky },
        Self::Det { by: By::Lu },
        Self::DetSign,
        Self::Eigenvalues,
        Self::Eigenvectors,
        Self::MatrixExp,
    ];

    /// The op's name, as in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cholesky => "cholesky",
            Self::Lu => "lu",
            Self::Eigh => "eigh",
            Self::SolveTriangular { .. } => "solve_triangular",
            Self::Solve { .. } => "solve",
            Self::InverseForm => "inverse_form",
            Self::Inverse { .. } => "inverse",
            Self::LogDet { .. } => "log_det",
            Self::Det { .. } => "det",
            Self::DetSign => "det_sign",
            Self::Eigenvalues => "eigenvalues",
            Self::Eigenvectors => "eigenvectors",
            Self::MatrixExp => "matrix_exp",
        }
    }

    /// True if nothing is propagated through the op.
    pub(crate) fn is_flat(self) -> bool {
        matches!(self, Self::Lu | Self::Eigh | Self::DetSign)
    }

    /// The number of arguments.
    pub(crate) fn arity(self) -> usize {
        match self {
            Self::Cholesky | Self::Lu | Self::Eigh | Self::DetSign | Self::MatrixExp => 1,
            Self::Solve { .. } | Self::InverseForm => 3,
            _ => 2,
        }
    }

    /// True if the second argument is a factorisation of the first.
    pub(crate) fn takes_factor(self) -> bool {
        self.arity() > 1 && !matches!(self, Self::SolveTriangular { .. })
    }

    /// True if the factorisation among the arguments has one row more than the matrix.
    pub(crate) fn has_tall_factor(self) -> bool {
        match self {
            Self::Solve { by, .. } | Self::Inverse { by } | Self::LogDet { by } => by == By::Lu,
            Self::Det { by } => by == By::Lu,
            Self::DetSign | Self::Eigenvalues | Self::Eigenvectors => true,
            _ => false,
        }
    }
}

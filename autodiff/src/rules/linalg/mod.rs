//! Linear algebra over the last two axes, batched over the others.
//!
//! A factorisation is an entry of its own, and what is computed from it takes both the matrix and the
//! factor as arguments: the factor helps with the numbers, and nothing flows back through it; the
//! derivative goes to the matrix itself, where its rule is short and uses the factor again. So a
//! solution, a log-determinant and an inverse share one factorisation, and none is differentiated.
//! Only the Cholesky factor has a derivative of its own, for who wants $L$ itself.
//!
//! Matrices that must be symmetric are taken as $(A + A^\top)/2$, so that the adjoint, which is
//! symmetric, is the derivative with respect to every number of $A$.

mod terms;
mod values;

pub(crate) use terms::reverse;
pub(crate) use values::forward;

use crate::error::Error;
use crate::rules::misfit;
use crate::shape::Shape;

/// What a matrix was factored into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// $LL^\top$; the matrix is taken to be symmetric.
    Cholesky,
    /// $P^\top LU$.
    Lu,
}

/// The ops of linear algebra. Arguments named $F$ are what the factorisation of the argument before
/// them has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Linalg {
    /// $L$ with $LL^\top = A$ of the argument $A$.
    Cholesky,
    /// The factors $L$ and $U$ of $A$ in one matrix, with one more row for the exchanges of rows. Flat.
    Lu,
    /// The eigenvalues of $A$ in one row above its eigenvectors in columns. Flat.
    Eigh,
    /// $T^{-1}B$ of the arguments $T$, of which one triangle is read, and $B$.
    SolveTriangular {
        /// Whether the upper triangle is read.
        upper: bool,
        /// Whether it is transposed.
        transposed: bool,
    },
    /// $A^{-1}B$ of the arguments $A, F, B$.
    Solve {
        /// What $F$ is.
        by: By,
        /// Whether $A$ is transposed.
        transposed: bool,
    },
    /// $x_j^\top A^{-1} x_j$ of the arguments $A, F$ (by Cholesky) and $X$ with columns $x_j$.
    InverseForm,
    /// $A^{-1}$ of the arguments $A, F$.
    Inverse {
        /// What $F$ is.
        by: By,
    },
    /// $\ln |\det A|$ of the arguments $A, F$.
    LogDet {
        /// What $F$ is.
        by: By,
    },
    /// $\det A$ of the arguments $A, F$.
    Det {
        /// What $F$ is.
        by: By,
    },
    /// The sign of $\det A$ of the argument $F$ (by LU). Flat.
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

    /// Whether nothing is propagated through the op.
    pub(crate) fn is_flat(self) -> bool {
        matches!(self, Self::Lu | Self::Eigh | Self::DetSign)
    }

    /// How many arguments the op takes.
    fn arity(self) -> usize {
        match self {
            Self::Cholesky | Self::Lu | Self::Eigh | Self::DetSign | Self::MatrixExp => 1,
            Self::Solve { .. } | Self::InverseForm => 3,
            _ => 2,
        }
    }

    /// Whether its second argument is a factor of the first.
    fn takes_factor(self) -> bool {
        self.arity() > 1 && !matches!(self, Self::SolveTriangular { .. })
    }

    /// Whether the factor among its arguments has a row more than the matrix.
    fn has_tall_factor(self) -> bool {
        match self {
            Self::Solve { by, .. } | Self::Inverse { by } | Self::LogDet { by } => by == By::Lu,
            Self::Det { by } => by == By::Lu,
            Self::DetSign | Self::Eigenvalues | Self::Eigenvectors => true,
            _ => false,
        }
    }
}

pub(crate) fn shape(op: Linalg, args: &[&[usize]]) -> Result<Shape, Error> {
    let complain = |expected: &str| Err(misfit(op.name(), args, expected));
    if args.len() != op.arity() {
        return complain(&format!("a number of arguments of {}", op.arity()));
    }
    let tall = usize::from(op.has_tall_factor());
    let (lead, n) = match *args[0] {
        [ref lead @ .., rows, n] if op == Linalg::DetSign && rows == n + 1 => (lead, n),
        [ref lead @ .., rows, n] if op != Linalg::DetSign && rows == n => (lead, n),
        _ => return complain("a square matrix in the last two axes"),
    };
    let with =
        |lead: &[usize], last: &[usize]| -> Shape { lead.iter().chain(last).copied().collect() };
    if op.takes_factor() && *args[1] != with(lead, &[n + tall, n])[..] {
        return complain("the factor that belongs to the matrix");
    }
    // The leading axes with those of the right side, and how many columns that has.
    let columns = || match *args[args.len() - 1] {
        [ref around @ .., rows, m] if rows == n => {
            Shape::broadcast(lead, around).map(|lead| (lead, m))
        }
        _ => None,
    };
    match op {
        Linalg::Cholesky | Linalg::MatrixExp | Linalg::Inverse { .. } | Linalg::Eigenvectors => {
            Ok(Shape::from(args[0]))
        }
        Linalg::Lu | Linalg::Eigh => Ok(with(lead, &[n + 1, n])),
        Linalg::LogDet { .. } | Linalg::Det { .. } | Linalg::DetSign => Ok(Shape::from(lead)),
        Linalg::Eigenvalues => Ok(with(lead, &[n])),
        Linalg::SolveTriangular { .. } | Linalg::Solve { .. } | Linalg::InverseForm => {
            match columns() {
                Some((lead, m)) if op == Linalg::InverseForm => Ok(with(&lead, &[m])),
                Some((lead, m)) => Ok(with(&lead, &[n, m])),
                None => complain("a right side of as many rows, with leading axes that broadcast"),
            }
        }
    }
}

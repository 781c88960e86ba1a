//! Linear algebra over the last two axes, batched over the others.
//!
//! A factorisation is an entry of its own. Ops that are computed from it take both the matrix and the factor as
//! arguments: the values are computed from the factor, and the derivative flows to the matrix itself, where its
//! rule is short and uses the factor again. So a solution, a log-determinant and an inverse share one
//! factorisation, which is not differentiated. Only the Cholesky factor has a derivative of its own, for uses of $L$
//! itself.
//!
//! Matrices that must be symmetric are taken as $(A + A^\top)/2$. Their adjoint is therefore symmetric, and is the derivative
//! with respect to every number of $A$.

mod terms;
mod values;

pub(crate) use terms::reverse;
pub(crate) use values::forward;

use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::tape::op::linalg::Linalg;

pub(crate) fn shape(op: Linalg, args: &[&[usize]]) -> Result<Shape, Error> {
    let complain = |expected: &str| Err(shape_error(op.name(), args, expected));
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
    // The leading axes broadcast with those of the right side, and the number of its columns.
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

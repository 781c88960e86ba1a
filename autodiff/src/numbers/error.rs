//! Errors as data.

use crate::numbers::shape::Shape;

/// The error of an op: shapes or indices that do not fit, or a matrix that cannot be factored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The shapes of the arguments do not fit the op.
    #[error("{op}: {}", shape_message(.shapes, .expected))]
    Shape {
        /// The op's name.
        op: &'static str,
        /// The shapes of the arguments of the op.
        shapes: Vec<Shape>,
        /// The shapes that the op accepts, in words.
        expected: String,
    },
    /// An index is not a whole number below the length of its axis.
    #[error("{op}: index {index} at position {position} points into an axis of length {size}")]
    Index {
        /// The op's name.
        op: &'static str,
        /// The position of the index among the indices, in row order.
        position: usize,
        /// The index.
        index: f64,
        /// The length of the axis.
        size: usize,
    },
    /// A Cholesky factorisation met a pivot that is not positive.
    #[error(
        "cholesky: matrix {member} of the batch is not positive definite: pivot {pivot} is {value}"
    )]
    NotPositiveDefinite {
        /// The matrix, counted along the leading axes in row order.
        member: usize,
        /// The row of the failing pivot, from zero.
        pivot: usize,
        /// The value of the pivot.
        value: f64,
    },
    /// A matrix cannot be inverted: a pivot is zero or not a number.
    #[error("{op}: matrix {member} of the batch is singular: pivot {pivot} is {value}")]
    Singular {
        /// The op's name.
        op: &'static str,
        /// The matrix, counted along the leading axes in row order.
        member: usize,
        /// The row of the failing pivot, from zero.
        pivot: usize,
        /// The value of the pivot.
        value: f64,
    },
    /// The eigenvalues were not found in a bounded number of iterations.
    #[error("eigh: the eigenvalues of matrix {member} of the batch did not converge")]
    NotConverged {
        /// The matrix, counted along the leading axes in row order.
        member: usize,
    },
}

/// The error that the arguments of `op` have shapes other than `expected`.
pub(crate) fn shape_error(
    op: &'static str,
    args: &[&[usize]],
    expected: impl Into<String>,
) -> Error {
    let shapes = args.iter().map(|&dims| Shape::from(dims)).collect();
    Error::Shape { op, shapes, expected: expected.into() }
}

/// The message of [`Error::Shape`] after the name of the op.
fn shape_message(shapes: &[Shape], expected: &str) -> String {
    let list: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    let (noun, verb) = if shapes.len() == 1 { ("shape", "does") } else { ("shapes", "do") };
    format!("{noun} {} {verb} not fit: {expected}", list.join(" and "))
}

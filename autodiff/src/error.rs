//! What can go wrong, as data.

use crate::shape::Shape;

/// A mistake in shapes or a matrix that cannot be factored.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Arguments whose shapes do not fit the op.
    #[error("{op}: {}", misfit(.shapes, .expected))]
    Shape {
        /// The op's name.
        op: &'static str,
        /// The shapes of its arguments.
        shapes: Vec<Shape>,
        /// What would have fitted.
        expected: String,
    },
    /// A Cholesky factorisation met a pivot that is not positive.
    #[error("cholesky: the matrix is not positive definite: pivot {pivot} is {value}")]
    NotPositiveDefinite {
        /// The row of the failing pivot, from zero.
        pivot: usize,
        /// Its value.
        value: f64,
    },
}

fn misfit(shapes: &[Shape], expected: &str) -> String {
    let list: Vec<String> = shapes.iter().map(Shape::to_string).collect();
    let (noun, verb) = if shapes.len() == 1 { ("shape", "does") } else { ("shapes", "do") };
    format!("{noun} {} {verb} not fit: {expected}", list.join(" and "))
}

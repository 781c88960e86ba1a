//! The elements along one axis of a tensor, for each position along the other axes.

use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;

/// The elements along an axis, which are equally far apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// The number of elements.
    pub(super) n: usize,
    /// The distance between neighbours.
    pub(super) stride: usize,
}

impl Axis {
    pub(super) fn new(dims: &[usize], axis: u8) -> Self {
        let axis = usize::from(axis);
        Self { n: dims[axis], stride: dims[axis + 1..].iter().product() }
    }

    /// The places of the elements that are reduced to element `at` of the tensor without the axis.
    pub(super) fn places(
        self,
        at: usize,
    ) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator + Clone {
        let first = at / self.stride.max(1) * self.n * self.stride + at % self.stride.max(1);
        (0..self.n).map(move |i| first + i * self.stride)
    }

    /// The number of positions along the other axes in a tensor of `size` elements.
    pub(super) fn count(self, size: usize) -> usize {
        size / self.n.max(1)
    }
}

/// The shape of the argument without the axis.
pub(super) fn without_axis(op: &'static str, args: &[&[usize]], axis: u8) -> Result<Shape, Error> {
    with_axis(op, args, axis)?;
    Ok(args[0].iter().enumerate().filter(|e| e.0 != usize::from(axis)).map(|e| *e.1).collect())
}

/// The shape of the argument, if it has the axis.
pub(super) fn with_axis(op: &'static str, args: &[&[usize]], axis: u8) -> Result<Shape, Error> {
    if usize::from(axis) >= args[0].len() {
        return Err(shape_error(op, args, format!("an axis {axis}")));
    }
    Ok(Shape::from(args[0]))
}

//! Rows of arguments that repeat along leading axes.

use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;

/// The shape of a sum over the last axis of arguments that repeat along leading axes. Each shape must be a suffix of the
/// longest.
pub(crate) fn row_shape(op: &'static str, args: &[&[usize]]) -> Result<Shape, Error> {
    let longest = args.iter().max_by_key(|dims| dims.len()).expect("a kernel has arguments");
    if longest.is_empty() || !args.iter().all(|dims| !dims.is_empty() && longest.ends_with(dims)) {
        return Err(shape_error(op, args, "each shape must be the end of the longest"));
    }
    Ok(Shape::from(&longest[..longest.len() - 1]))
}

/// The row of an argument that belongs to row `row` of the result; the argument repeats along leading axes.
pub(crate) fn row_of<'a, F>(arg: View<'a, F>, row: usize) -> &'a [F] {
    let width = arg.dims[arg.dims.len() - 1];
    let start = row * width % arg.values.len().max(1);
    &arg.values[start..start + width]
}

/// The same row of an adjoint.
pub(crate) fn row_of_mut<F>(bar: &mut [F], width: usize, row: usize) -> &mut [F] {
    let start = row * width % bar.len().max(1);
    &mut bar[start..start + width]
}

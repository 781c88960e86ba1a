//! Rows of arguments that repeat along leading axes.

use crate::kernels::linalg::with_workspace;
use crate::kernels::simd::dispatch;
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;

/// The shape of a sum over the last axis of arguments that repeat along leading axes. Each shape must be a suffix of the
/// longest.
pub(crate) fn row_shape(op: &'static str, args: &[&[usize]]) -> Result<Shape, Error> {
    let longest = args.iter().max_by_key(|dims| dims.len()).expect("a kernel has arguments");
    if longest.is_empty() || !args.iter().all(|dims| !dims.is_empty() && longest.ends_with(dims)) {
        return Err(shape_error(op, args, "each shape must be the end of the longest"));
    }
    Ok(Shape::from(&longest[..longest.len() - 1]))
}

/// Where a row begins in `len` numbers that repeat.
#[inline(always)]
fn start(row: usize, width: usize, len: usize) -> usize {
    let start = row * width;
    // Most rows belong to arguments that do not repeat, and a division takes as long as a short row.
    if start < len { start } else { start % len.max(1) }
}

/// The row of an argument that belongs to row `row` of the result; the argument repeats along leading axes.
#[inline(always)]
pub(crate) fn row_of<'a, F>(arg: View<'a, F>, row: usize) -> &'a [F] {
    let width = arg.dims[arg.dims.len() - 1];
    &arg.values[start(row, width, arg.values.len())..][..width]
}

/// The same row of an adjoint.
#[inline(always)]
pub(crate) fn row_of_mut<F>(bar: &mut [F], width: usize, row: usize) -> &mut [F] {
    let start = start(row, width, bar.len());
    &mut bar[start..start + width]
}

/// Runs `work` with $e^{-s}$ for all numbers of an argument: once for each, however many rows read it, and in whole vectors,
/// whatever the length of a row.
pub(crate) fn with_inverse_scales<F: Scalar, R>(
    log_scale: View<F>,
    work: impl FnOnce(View<F>) -> R,
) -> R {
    with_workspace(log_scale.values.len(), |values| {
        dispatch(
            #[inline(always)]
            || {
                for (value, &s) in values.iter_mut().zip(log_scale.values) {
                    *value = (-s).exp();
                }
            },
        );
        work(View { values, dims: log_scale.dims })
    })
}

/// $(a - b) / \sigma^2$, from $1/\sigma$: the derivative of $\tfrac12 ((a - b)/\sigma)^2$ with respect to $a$.
#[inline(always)]
pub(crate) fn scaled_difference<F: Scalar>([a, b, inverse]: [F; 3]) -> F {
    (a - b) * inverse * inverse
}

/// $\bar a \mathrel{+}= \bar y f$ for an argument $a$, number by number; `f` is the derivative with respect to it and must be
/// `#[inline(always)]`.
pub(crate) fn add_to_adjoint<F: Scalar, const N: usize>(
    bar: Option<&mut [F]>,
    y_bar: &[F],
    args: [View<F>; N],
    f: impl Fn([F; N]) -> F,
) {
    let Some(bar) = bar else { return };
    let width = args[0].dims[args[0].dims.len() - 1];
    dispatch(
        #[inline(always)]
        || {
            for (row, &y_bar) in y_bar.iter().enumerate() {
                // Cut to one width, so that the loop holds no check.
                let args = args.map(|arg| &row_of(arg, row)[..width]);
                for (j, bar) in row_of_mut(bar, width, row).iter_mut().enumerate() {
                    *bar += y_bar * f(args.map(|arg| arg[j]));
                }
            }
        },
    );
}

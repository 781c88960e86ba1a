//! Gathering from an axis by indices, and scattering into it. Each is the adjoint of the other.
//!
//! Indices are the numbers of an ordinary entry, usually a constant. They are data like any other: a plan
//! replays with new ones, and every pass over them checks that they are whole numbers and in range. An `f32` tape
//! holds every index below $2^{24}$ exactly, an `f64` tape every index.

use crate::kernels::walk::{add_slice, odometer};
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::{Shape, strides};
use crate::rules::moves;
use crate::tape::engine::Scalar;
use crate::tape::op::index::Index;

pub(crate) fn shape(
    op: Index,
    args: &[&[usize]],
    wanted: Option<&[usize]>,
) -> Result<Shape, Error> {
    let (axis, [x, index]) = (op.axis(), [args[0], args[1]]);
    let broadcasts = |x: &[usize]| {
        x.len() == index.len()
            && axis < x.len()
            && (0..x.len()).all(|i| i == axis || index[i] == x[i] || index[i] == 1)
    };
    let complain = || {
        let expected =
            format!("indices that have length one or the other's, but along axis {axis}");
        Err(shape_error(op.name(), args, expected))
    };
    match op {
        _ if !broadcasts(x) => complain(),
        Index::Gather { .. } => {
            let mut shape = Shape::from(x);
            shape[axis] = index[axis];
            Ok(shape)
        }
        Index::ScatterAdd { .. } => {
            let to = moves::wanted(op.name(), args, wanted)?;
            if x[axis] == index[axis] && broadcasts(&to) { Ok(to) } else { complain() }
        }
    }
}

/// Writes the result, of axes `dims`, to `y`.
pub(crate) fn set<F: Scalar>(
    op: Index,
    x: View<F>,
    index: View<F>,
    dims: &[usize],
    y: &mut [F],
) -> Result<(), Error> {
    match op {
        Index::Gather { .. } => gather(op, x, index, dims, y, |x, y| y.copy_from_slice(x)),
        Index::ScatterAdd { .. } => {
            y.fill(F::ZERO);
            add(op, x, index, dims, y)
        }
    }
}

/// Adds the result, of axes `dims`, to `y`.
pub(crate) fn add<F: Scalar>(
    op: Index,
    x: View<F>,
    index: View<F>,
    dims: &[usize],
    y: &mut [F],
) -> Result<(), Error> {
    match op {
        Index::Gather { .. } => gather(op, x, index, dims, y, add_slice),
        Index::ScatterAdd { .. } => visit(op, x.dims, index, dims[op.axis()], |short, long, n| {
            add_slice(&x.values[short..short + n], &mut y[long..long + n]);
        }),
    }
}

/// Calls `put` with every gathered run of numbers and its place in the result.
fn gather<F: Scalar>(
    op: Index,
    x: View<F>,
    index: View<F>,
    dims: &[usize],
    y: &mut [F],
    put: impl Fn(&[F], &mut [F]),
) -> Result<(), Error> {
    visit(op, dims, index, x.dims[op.axis()], |short, long, n| {
        put(&x.values[long..long + n], &mut y[short..short + n]);
    })
}

/// Calls `pair(at_picked, at_whole, n)` for every run of `n` numbers that are neighbours both in the gathered tensor, of
/// axes `picked`, and in the whole one, which has length `size` along the axis.
fn visit<F: Scalar>(
    op: Index,
    picked: &[usize],
    index: View<F>,
    size: usize,
    mut pair: impl FnMut(usize, usize, usize),
) -> Result<(), Error> {
    let (axis, rank) = (op.axis(), picked.len());
    // If the indices are broadcast along all later axes, they pick whole rows.
    let rows = index.dims[axis + 1..].iter().all(|&n| n == 1);
    let outer = if rows { axis + 1 } else { rank };
    let run: usize = picked[outer..].iter().product();
    let mut whole = Shape::from(picked);
    whole[axis] = size;
    let step: usize = picked[axis + 1..].iter().product();
    let (short, mut long) = (strides(picked, rank), strides(&whole, rank));
    long[axis] = 0;
    let at = strides(index.dims, rank);
    let mut outcome = Ok(());
    if run == 0 {
        return outcome;
    }
    odometer(&picked[..outer], [&short, &long, &at], [0; 3], |[short, long, at]| {
        let number = index.values[at as usize];
        let n = number.to_f64();
        // The comparison is also false for NaN.
        if n >= 0.0 && n < size as f64 && n.fract() == 0.0 {
            pair(short as usize, long as usize + n as usize * step, run);
        } else if outcome.is_ok() {
            let position = at as usize;
            outcome = Err(Error::Index { op: op.name(), position, index: n, size });
        }
    });
    outcome
}

//! Moves as strided walks: the index space and the two sides of each move.

use crate::kernels::sum::sum;
use crate::kernels::walk::{Side, Walk, add_number, add_slice};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::error::shape_error;
use crate::numbers::shape::{Shape, strides};
use crate::tape::engine::Scalar;
use crate::tape::op::moves::Move;
use smallvec::SmallVec;
use std::ops::Range;

/// The shape of the result, which the caller must give.
pub(crate) fn wanted(
    op: &'static str,
    args: &[&[usize]],
    wanted: Option<&[usize]>,
) -> Result<Shape, Error> {
    wanted
        .map(Shape::from)
        .ok_or_else(|| shape_error(op, args, "the shape of the result must be given"))
}

pub(crate) fn shape(
    m: Move,
    name: &'static str,
    from: &[usize],
    given: Option<&[usize]>,
) -> Result<Shape, Error> {
    let complain = |expected: String| shape_error(name, &[from], expected);
    let need = || wanted(name, &[from], given);
    // Along every axis but one the shapes agree, and along that one the piece lies inside the whole.
    let piece = |axis: u8, start: u32, small: &[usize], large: &[usize]| {
        let axis = usize::from(axis);
        small.len() == large.len()
            && axis < small.len()
            && start as usize + small[axis] <= large[axis]
            && (0..small.len()).all(|i| i == axis || small[i] == large[i])
    };
    match m {
        Move::Broadcast => {
            let to = need()?;
            match Shape::broadcast(from, &to) {
                Some(shape) if shape == to => Ok(to),
                _ => Err(complain(format!("a shape that broadcasts to {to}"))),
            }
        }
        Move::SumTo => {
            let to = need()?;
            match Shape::broadcast(from, &to) {
                Some(shape) if *shape == *from => Ok(to),
                _ => Err(complain(format!("a shape to which {to} broadcasts"))),
            }
        }
        Move::Permute { order } => {
            if from.len() > order.len() {
                return Err(complain("at most eight axes".into()));
            }
            order[..from.len()]
                .iter()
                .map(|&axis| from.get(usize::from(axis)).copied())
                .collect::<Option<Shape>>()
                .ok_or_else(|| complain(format!("the axes {:?}", &order[..from.len()])))
        }
        Move::Slice { axis, start } => {
            let to = need()?;
            if piece(axis, start, &to, from) {
                Ok(to)
            } else {
                Err(complain(format!("{to} inside it from {start} along axis {axis}")))
            }
        }
        Move::Pad { axis, start } => {
            let to = need()?;
            if piece(axis, start, from, &to) {
                Ok(to)
            } else {
                Err(complain(format!("a place inside {to} from {start} along axis {axis}")))
            }
        }
        Move::Tril { .. } | Move::Triu { .. } if from.len() < 2 => {
            Err(complain("at least two axes".into()))
        }
        Move::Tril { .. } | Move::Triu { .. } => Ok(Shape::from(from)),
        Move::Diagonal { above } => match from {
            [lead @ .., rows, columns] => {
                let n = diagonal(above, [*rows, *columns]).2;
                Ok(lead.iter().copied().chain([n]).collect())
            }
            _ => Err(complain("at least two axes".into())),
        },
        Move::Diag { above } => {
            let to = need()?;
            let fits = match (from, &to[..]) {
                ([lead @ .., n], [around @ .., rows, columns]) => {
                    lead == around && *n == diagonal(above, [*rows, *columns]).2
                }
                _ => false,
            };
            if fits { Ok(to) } else { Err(complain(format!("the diagonal {above} of {to}"))) }
        }
        Move::Flip { axis } if usize::from(axis) < from.len() => Ok(Shape::from(from)),
        Move::Flip { axis } => Err(complain(format!("an axis {axis}"))),
    }
}

/// The move that carries adjoints back, of an argument with `rank` axes.
pub(crate) fn adjoint(m: Move, rank: usize) -> Move {
    match m {
        Move::Broadcast => Move::SumTo,
        Move::SumTo => Move::Broadcast,
        Move::Permute { order } => {
            let mut back = [0; 8];
            order[..rank].iter().enumerate().for_each(|(i, &a)| back[usize::from(a)] = i as u8);
            Move::Permute { order: back }
        }
        Move::Slice { axis, start } => Move::Pad { axis, start },
        Move::Pad { axis, start } => Move::Slice { axis, start },
        Move::Diag { above } => Move::Diagonal { above },
        Move::Diagonal { above } => Move::Diag { above },
        Move::Tril { .. } | Move::Triu { .. } => m,
        Move::Flip { axis } => Move::Flip { axis },
    }
}

/// The row and the column at which a diagonal begins, and its length.
fn diagonal(above: i32, [rows, columns]: [usize; 2]) -> (usize, usize, usize) {
    let (row, column) = (above.min(0).unsigned_abs() as usize, above.max(0) as usize);
    (row, column, rows.saturating_sub(row).min(columns.saturating_sub(column)))
}

/// The side of a strided walk along a diagonal of matrices of axes `dims`.
fn along(above: i32, dims: &[usize]) -> Side {
    let [lead @ .., rows, columns] = dims else { unreachable!("shapes were checked") };
    let (row, column, _) = diagonal(above, [*rows, *columns]);
    let matrix = (rows * columns) as isize;
    let mut steps = strides(lead, lead.len());
    steps.iter_mut().for_each(|step| *step *= matrix);
    steps.push(*columns as isize + 1);
    Side { offset: (row * columns + column) as isize, strides: steps }
}

/// The strided walk of a move between tensors of these axes.
fn walk(m: Move, from: &[usize], to: &[usize]) -> Walk {
    let side = |dims: &[usize], rank| Side { offset: 0, strides: strides(dims, rank) };
    let (mut read, mut write) =
        (side(from, to.len().max(from.len())), side(to, from.len().max(to.len())));
    let dims = match m {
        Move::SumTo | Move::Pad { .. } | Move::Diag { .. } => from,
        _ => to,
    };
    match m {
        Move::Broadcast | Move::SumTo => {}
        Move::Permute { order } => {
            let plain = read.strides.clone();
            (0..from.len()).for_each(|i| read.strides[i] = plain[usize::from(order[i])]);
        }
        Move::Slice { axis, start } => {
            read.offset = start as isize * step(from, axis);
            read.strides[usize::from(axis)] = step(from, axis);
        }
        Move::Pad { axis, start } => {
            write.offset = start as isize * step(to, axis);
            write.strides[usize::from(axis)] = step(to, axis);
        }
        Move::Diag { above } => {
            write = along(above, to);
            read.strides = strides(from, from.len());
        }
        Move::Diagonal { above } => {
            read = along(above, from);
            write.strides = strides(to, to.len());
        }
        Move::Tril { .. } | Move::Triu { .. } => unreachable!("a triangle is no walk"),
        Move::Flip { axis } => {
            read.offset = (from[usize::from(axis)] as isize - 1) * step(from, axis);
            read.strides[usize::from(axis)] = -step(from, axis);
        }
    }
    Walk { dims: SmallVec::from_slice(dims), from: read, to: write }
}

/// The distance between neighbours along an axis.
fn step(dims: &[usize], axis: u8) -> isize {
    dims[usize::from(axis) + 1..].iter().product::<usize>() as isize
}

/// Writes the result of a move to `to`.
pub(crate) fn set<F: Scalar>(m: Move, from: View<F>, dims: &[usize], to: &mut [F]) {
    match m {
        Move::SumTo | Move::Pad { .. } | Move::Diag { .. } => {
            to.fill(F::ZERO);
            add(m, from, dims, to);
        }
        Move::Tril { .. } | Move::Triu { .. } => triangle(
            m,
            from,
            |kept, from, to| {
                to.fill(F::ZERO);
                to[kept.clone()].copy_from_slice(&from[kept]);
            },
            to,
        ),
        _ => walk(m, from.dims, dims).set(from.values, to),
    }
}

/// Adds the result of a move to `to`.
pub(crate) fn add<F: Scalar>(m: Move, from: View<F>, dims: &[usize], to: &mut [F]) {
    match m {
        Move::Tril { .. } | Move::Triu { .. } => triangle(
            m,
            from,
            |kept, from, to| {
                add_slice(&from[kept.clone()], &mut to[kept]);
            },
            to,
        ),
        // A sum of everything, one number for everything, and a copy need no walk.
        Move::SumTo if to.len() == 1 => to[0] += sum(from.values),
        Move::Broadcast if from.values.len() == 1 => add_number(from.values[0], to),
        Move::SumTo | Move::Broadcast if from.values.len() == to.len() => {
            add_slice(from.values, to)
        }
        _ => walk(m, from.dims, dims).add(from.values, to),
    }
}

/// Calls `row` with the columns that a triangle keeps, for every row of every matrix.
fn triangle<F: Scalar>(
    m: Move,
    from: View<F>,
    row: impl Fn(Range<usize>, &[F], &mut [F]),
    to: &mut [F],
) {
    let [.., rows, columns] = *from.dims else { unreachable!("shapes were checked") };
    if to.is_empty() {
        return;
    }
    for (at, (from, to)) in
        from.values.chunks_exact(columns).zip(to.chunks_exact_mut(columns)).enumerate()
    {
        // Column j of row i lies j − i above the main diagonal.
        let column =
            |above: i32| ((at % rows) as i64 + i64::from(above)).clamp(0, columns as i64) as usize;
        let kept = match m {
            Move::Tril { above } => 0..column(above.saturating_add(1)),
            Move::Triu { above } => column(above)..columns,
            _ => unreachable!("not a triangle"),
        };
        row(kept, from, to);
    }
}

pub(crate) fn concat_shape(axis: usize, args: &[&[usize]]) -> Result<Shape, Error> {
    let fits = |dims: &[usize]| {
        dims.len() == args[0].len()
            && axis < dims.len()
            && (0..dims.len()).all(|i| i == axis || dims[i] == args[0][i])
    };
    if !args.iter().all(|dims| fits(dims)) {
        return Err(shape_error(
            "concat",
            args,
            format!("equal lengths along every axis but {axis}"),
        ));
    }
    let mut shape = Shape::from(args[0]);
    shape[axis] = args.iter().map(|dims| dims[axis]).sum();
    Ok(shape)
}

pub(crate) fn concat<F: Scalar>(axis: u8, args: &[View<F>], dims: &[usize], to: &mut [F]) {
    let mut start = 0;
    for arg in args {
        // Each place is reached by exactly one argument, so setting them one after another fills the whole result.
        walk(Move::Pad { axis, start }, arg.dims, dims).set(arg.values, to);
        start += arg.dims[usize::from(axis)] as u32;
    }
}

//! What ops mean: the shape and the value of a result, and the terms that its arguments' adjoints gain.

pub(crate) mod beta;
mod checkpoint;
pub(crate) mod custom;
pub(crate) mod fused;
pub(crate) mod index;
pub(crate) mod linalg;
pub(crate) mod matmul;
pub(crate) mod moves;
#[cfg(test)]
mod mutants;
pub(crate) mod numbers;
#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::kernels::map::map;
use crate::kernels::zip::{View, select_add, zip};
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::op::{Move, Op};
use crate::tape::term::{Operand, Sink, Term};
use smallvec::smallvec;

/// The complaint that the arguments of `op` do not fit.
pub(crate) fn misfit(op: &'static str, args: &[&[usize]], expected: impl Into<String>) -> Error {
    let shapes = args.iter().map(|&dims| Shape::from(dims)).collect();
    Error::Shape { op, shapes, expected: expected.into() }
}

/// Whether nothing is propagated through the op.
pub(crate) fn is_flat<F: Copy>(op: Op<F>) -> bool {
    match op {
        Op::Constant | Op::Detach => true,
        Op::Map(f) => f.is_flat(),
        Op::Zip(f) | Op::ZipLeft(f, _) | Op::ZipRight(f, _) => f.is_flat(),
        Op::Linalg(op) => op.is_flat(),
        _ => false,
    }
}

/// The shape of the result.
pub(crate) fn shape<F: Scalar>(
    op: Op<F>,
    args: &[&[usize]],
    wanted: Option<&[usize]>,
) -> Result<Shape, Error> {
    let name = op.name();
    let broadcast = |args: &[&[usize]]| {
        args[1..].iter().try_fold(Shape::from(args[0]), |shape, arg| {
            Shape::broadcast(&shape, arg)
                .ok_or_else(|| misfit(name, args, "axes aligned at the last must be equal or one"))
        })
    };
    match op {
        Op::Leaf | Op::Constant => Err(misfit(name, args, "inputs are not applied")),
        Op::Map(_) | Op::ZipLeft(..) | Op::ZipRight(..) | Op::Detach | Op::Gate => {
            Ok(Shape::from(args[0]))
        }
        Op::Zip(_) | Op::Select => broadcast(args),
        Op::Move(m) => moves::shape(m, name, args[0], wanted),
        Op::Concat { axis } => moves::concat_shape(usize::from(axis), args),
        Op::Reshape => {
            let wanted = moves::wanted(name, args, wanted)?;
            if wanted.size() == args[0].iter().product() {
                Ok(wanted)
            } else {
                Err(misfit(name, args, format!("as many elements as {wanted}")))
            }
        }
        Op::MatMul { ta, tb } => matmul::shape(ta, tb, args),
        Op::Index(i) => index::shape(i, args, wanted),
        Op::Linalg(op) => linalg::shape(op, args),
        Op::Beta(op) => beta::shape(op, args),
        Op::Fused(kernel) => kernel.with(|k| fused::Kernel::<F>::shape(k, args)),
        Op::Custom(_) => unreachable!("the tape that owns {name} knows what it means"),
    }
}

/// Computes the result from the arguments.
pub(crate) fn forward<F: Scalar>(
    op: Op<F>,
    args: &[View<F>],
    dims: &[usize],
    y: &mut [F],
) -> Result<(), Error> {
    match op {
        Op::Leaf | Op::Constant | Op::Reshape | Op::Detach => {}
        Op::Gate => y.copy_from_slice(args[0].values),
        Op::Map(f) => map(f, args[0].values, y),
        Op::Zip(f) => zip(f, args[0], args[1], dims, y),
        Op::ZipLeft(f, c) => zip(f, number(&c), args[0], dims, y),
        Op::ZipRight(f, c) => zip(f, args[0], number(&c), dims, y),
        Op::Select => {
            y.fill(F::ZERO);
            select_add([args[0], args[1], args[2]], dims, y, dims);
        }
        Op::Move(m) => moves::set(m, args[0], dims, y),
        Op::Concat { axis } => moves::concat(axis, args, dims, y),
        Op::MatMul { ta, tb } => matmul::product([args[0], args[1]], [ta, tb], y, dims, false),
        Op::Index(i) => index::set(i, args[0], args[1], dims, y)?,
        Op::Linalg(op) => linalg::forward(op, args, dims, y)?,
        Op::Beta(op) => beta::forward(op, args, y),
        Op::Fused(kernel) => kernel.with(|k| k.forward(args, y)),
        Op::Custom(_) => unreachable!("the tape that owns {} knows what it means", op.name()),
    }
    Ok(())
}

/// A number as a tensor of shape `[]`.
pub(crate) fn number<F>(c: &F) -> View<'_, F> {
    View { values: std::slice::from_ref(c), dims: &[] }
}

/// Names the terms that the arguments' adjoints gain.
pub(crate) fn reverse<F: Scalar>(op: Op<F>, args: &[&[usize]], sink: &mut dyn Sink<F>) {
    #[cfg(test)]
    if let Some(mutant) = mutants::of(op) {
        return name_terms(op, args, &mut mutants::Wrong { mutant, op, sink, count: 0 });
    }
    name_terms(op, args, sink);
}

fn name_terms<F: Scalar>(op: Op<F>, args: &[&[usize]], sink: &mut dyn Sink<F>) {
    use Operand::{Arg, Bar, Zero};
    match op {
        Op::Leaf | Op::Constant | Op::Detach => {}
        Op::Reshape => sink.add(0, Term::Apply(Op::Reshape, smallvec![Bar])),
        Op::Gate => sink.add(0, Term::Gated),
        Op::Map(_) | Op::ZipRight(..) => sink.add(0, Term::Slope(0)),
        Op::ZipLeft(..) => sink.add(0, Term::Slope(1)),
        Op::Zip(_) => {
            sink.add(0, Term::Slope(0));
            sink.add(1, Term::Slope(1));
        }
        Op::Select => {
            sink.add(1, Term::Apply(Op::Select, smallvec![Arg(0), Bar, Zero]));
            sink.add(2, Term::Apply(Op::Select, smallvec![Arg(0), Zero, Bar]));
        }
        Op::Move(m) => {
            sink.add(0, Term::Apply(Op::Move(moves::adjoint(m, args[0].len())), smallvec![Bar]));
        }
        Op::Concat { axis } => {
            let mut start = 0;
            for (i, dims) in args.iter().enumerate() {
                let cut = Move::Slice { axis, start };
                sink.add(i, Term::Apply(Op::Move(cut), smallvec![Bar]));
                start += dims[usize::from(axis)] as u32;
            }
        }
        Op::MatMul { ta, tb } => matmul::terms(ta, tb, sink),
        Op::Index(i) => sink.add(0, Term::Apply(Op::Index(i.adjoint()), smallvec![Bar, Arg(1)])),
        Op::Linalg(op) => linalg::reverse(op, args, sink),
        Op::Beta(op) => beta::reverse(op, sink),
        Op::Fused(kernel) => kernel.with(|k| sink.kernel(k)),
        Op::Custom(own) => sink.own(own),
    }
}

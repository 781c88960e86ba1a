//! The shape and the value of the result of every op, and the terms that the adjoints of its arguments gain.

use crate::kernels::map::map;
use crate::kernels::zip::{View, select_add, zip};
use crate::numbers::error::{Error, shape_error};
use crate::numbers::shape::Shape;
use crate::rules::{beta, fused, index, linalg, matmul, moves};
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::moves::Move;
use crate::tape::record::Kernel;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::smallvec;

/// The shape of the result.
pub(crate) fn shape<F: Scalar>(
    op: Op<F>,
    args: &[&[usize]],
    wanted: Option<&[usize]>,
) -> Result<Shape, Error> {
    let name = op.name();
    let broadcast = |args: &[&[usize]]| {
        args[1..].iter().try_fold(Shape::from(args[0]), |shape, arg| {
            Shape::broadcast(&shape, arg).ok_or_else(|| {
                shape_error(name, args, "axes aligned at the last must be equal or one")
            })
        })
    };
    match op {
        Op::Leaf | Op::Constant => Err(shape_error(name, args, "inputs are not applied")),
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
                Err(shape_error(name, args, format!("as many elements as {wanted}")))
            }
        }
        Op::MatMul { ta, tb } => matmul::shape(ta, tb, args),
        Op::Index(i) => index::shape(i, args, wanted),
        Op::Linalg(op) => linalg::shape(op, args),
        Op::Beta(op) => beta::shape(op, args),
        Op::Fused(kernel) => fused::with(kernel, |k: &dyn Kernel<F>| k.shape(args)),
        Op::Custom(_) => unreachable!("the record calls the kernel of {name} itself"),
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
        Op::ZipLeft(f, c) => zip(f, View::number(&c), args[0], dims, y),
        Op::ZipRight(f, c) => zip(f, args[0], View::number(&c), dims, y),
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
        Op::Fused(kernel) => fused::with(kernel, |k| k.forward(args, y)),
        Op::Custom(_) => unreachable!("the record calls the kernel of {} itself", op.name()),
    }
    Ok(())
}

/// Names the terms that the arguments' adjoints gain.
pub(crate) fn reverse<F: Scalar>(op: Op<F>, args: &[&[usize]], sink: &mut dyn Sink<F>) {
    #[cfg(test)]
    if let Some(mutant) = crate::rules::mutants::of(op) {
        return name_terms(
            op,
            args,
            &mut crate::rules::mutants::Wrong { mutant, op, sink, count: 0 },
        );
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
        Op::Fused(kernel) => fused::with(kernel, |k| sink.kernel(k)),
        Op::Custom(op) => sink.custom(op),
    }
}

//! Elementwise ops on single numbers: the same rows of the tables, without shapes and without loops.
//!
//! A program of scalar operations spends its time on the tape and not on arithmetic; these functions keep that time short.

use crate::kernels::float::Float;
use crate::tape::op::Op;

/// True if the op is elementwise. The functions below are defined for these ops only.
pub(crate) fn is_elementwise<F>(op: &Op<F>) -> bool {
    matches!(op, Op::Map(_) | Op::Zip(_) | Op::ZipLeft(..) | Op::ZipRight(..))
}

/// The result of an elementwise op; `b` is read only if it has two arguments.
#[inline(never)]
pub(crate) fn value<F: Float>(op: Op<F>, a: F, b: F) -> F {
    let (f, a, b) = match op {
        Op::Map(f) => return f.value(a),
        Op::Zip(f) => (f, a, b),
        Op::ZipLeft(f, c) => (f, c, a),
        Op::ZipRight(f, c) => (f, a, c),
        op => unreachable!("{} is not elementwise", op.name()),
    };
    f.value(a, b)
}

/// The derivative of an elementwise op with respect to argument `arg`.
#[inline(never)]
pub(crate) fn slope<F: Float>(op: Op<F>, arg: usize, a: F, b: F, y: F) -> F {
    let (f, side, a, b) = match op {
        Op::Map(f) => return f.slope(a, y),
        Op::Zip(f) => (f, arg, a, b),
        Op::ZipLeft(f, c) => (f, 1, c, a),
        Op::ZipRight(f, c) => (f, 0, a, c),
        op => unreachable!("{} is not elementwise", op.name()),
    };
    f.slope(side, a, b, y)
}

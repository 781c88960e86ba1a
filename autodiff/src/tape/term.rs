//! The terms of a derivative, as data. A rule computes nothing: it names terms, and a sink reads them.

use crate::tape::op::Op;
use crate::tape::op::custom::CustomOp;
use crate::tape::record::Kernel;
use smallvec::SmallVec;

/// An operand of a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// The adjoint of the result.
    Bar,
    /// The value of an argument.
    Arg(usize),
    /// The value of the result.
    Out,
    /// A link of the chain that leads to the term, counted from its beginning.
    Link(usize),
    /// Zero.
    Zero,
}

/// One summand of an argument's adjoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Term<F> {
    /// An op applied to operands, summed onto the argument's shape.
    Apply(Op<F>, SmallVec<[Operand; 3]>),
    /// An operand itself, summed onto the argument's shape.
    Operand(Operand),
    /// $\bar y \partial f$: the slope of an elementwise op with respect to argument `side`.
    Slope(usize),
    /// $\bar y$ times the weights that the caller gave this gate, or $\bar y$ itself.
    Gated,
}

/// Reads terms: the eager sink computes them, the recording sink records them.
pub(crate) trait Sink<F> {
    /// The adjoint of argument `arg` gains `term`.
    fn add(&mut self, arg: usize, term: Term<F>);

    /// True if the adjoint of argument `arg` is needed. If it is not, the rule may leave out the chain that leads to it.
    fn wants(&self, arg: usize) -> bool;

    /// A link of a chain: `op` applied to operands, itself an operand of what follows. The shape is
    /// given for the ops whose arguments do not determine it.
    fn link(&mut self, op: Op<F>, operands: &[Operand], shape: Option<&[usize]>) -> Operand;

    /// The adjoints of all arguments gain the terms that the kernel's own `reverse` adds.
    fn kernel(&mut self, kernel: &dyn Kernel<F>);

    /// The same for a custom op, whose kernel the tape owns.
    fn custom(&mut self, op: CustomOp);
}

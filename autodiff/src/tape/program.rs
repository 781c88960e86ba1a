//! The program of a plan: entries, computed as the tape computes them, and fused runs.
//!
//! A *fused run* is a sequence of elementwise ops over equally many numbers. Its instructions know where in the
//! arenas their numbers lie, so nothing is looked up when they are computed.

use crate::kernels::float::Float;
use crate::numbers::ops::{Binary, Unary};
use crate::tape::node::{Id, NO_BAR, Node, Place};
use crate::tape::numbers;
use crate::tape::op::Op;
use crate::tape::record::Record;
use std::ops::Range;

/// The function of an instruction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    Map(Unary),
    Zip(Binary),
}

/// One elementwise op: where its arguments and its result begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    pub(crate) function: Function,
    /// For each argument, true if it is a single number that is combined with every number of the other.
    pub(crate) scalar: [bool; 2],
    /// The places of the values of the first argument, the second argument and the result. An op of one argument has
    /// the place of that argument twice.
    pub(crate) at: [u32; 3],
    /// The places of the adjoints in the same order, or [`NONE`].
    pub(crate) bar: [u32; 3],
    pub(crate) id: Id,
}

/// The value of [`Instruction::bar`] for an argument without an adjoint.
pub(crate) const NONE: u32 = u32::MAX;

impl Instruction {
    /// The instruction of an entry, if a fused run can compute it. A constant of the op gets a place in the arena.
    pub(crate) fn of<F: Float>(record: &mut Record<F>, id: Id) -> Option<Self> {
        let y = *record.node(id);
        if !numbers::is_elementwise(&y.op) {
            return None;
        }
        let place = |node: &Node<F>| match node.place {
            Place::Arena(at) => u32::try_from(at).ok(),
            Place::Shared { .. } => None,
        };
        // The place of an argument's values, the place of its adjoint, and true if it is a single number.
        let side = |record: &Record<F>, arg: usize| {
            let node = record.node(record.args(id)[arg]);
            let scalar = node.len == 1 && y.len != 1;
            let fits = node.len == y.len || (scalar && node.bar == NO_BAR);
            fits.then(|| Some((place(node)?, bar(node.bar)?, scalar))).flatten()
        };
        let (function, a, b) = match y.op {
            Op::Map(f) => {
                let a = side(record, 0)?;
                (Function::Map(f), a, a)
            }
            Op::Zip(f) => (Function::Zip(f), side(record, 0)?, side(record, 1)?),
            Op::ZipLeft(f, c) => {
                let (b, at) = (side(record, 0)?, record.keep_number(c));
                (Function::Zip(f), (u32::try_from(at).ok()?, NONE, y.len != 1), b)
            }
            Op::ZipRight(f, c) => {
                let (a, at) = (side(record, 0)?, record.keep_number(c));
                (Function::Zip(f), a, (u32::try_from(at).ok()?, NONE, y.len != 1))
            }
            _ => return None,
        };
        let (at, bar) = ([a.0, b.0, place(&y)?], [a.1, b.1, bar(y.bar)?]);
        Some(Self { function, scalar: [a.2, b.2], at, bar, id })
    }
}

/// The position of an adjoint, if 32 bits hold it.
fn bar(at: usize) -> Option<u32> {
    if at == NO_BAR { Some(NONE) } else { u32::try_from(at).ok().filter(|&at| at != NONE) }
}

/// One step of a program.
#[derive(Debug)]
pub(crate) enum Step {
    /// An entry that is computed by itself.
    Entry(Id),
    /// A fused run: instructions over `len` numbers each.
    Run { code: Range<usize>, len: usize },
}

/// Steps in recording order. They are taken in this order or, for adjoints, in reverse.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) steps: Vec<Step>,
    /// The instructions of all fused runs.
    pub(crate) code: Vec<Instruction>,
}

impl Program {
    /// The program of some entries in recording order.
    pub(crate) fn new<F: Float>(
        record: &Record<F>,
        instructions: &[Option<Instruction>],
        ids: impl Iterator<Item = usize>,
    ) -> Self {
        let (mut steps, mut code) = (Vec::new(), Vec::new());
        for index in ids {
            let node = &record.nodes[index];
            if let Some(instruction) = instructions[index] {
                code.push(instruction);
                match steps.last_mut() {
                    Some(Step::Run { code, len }) if *len == node.len => code.end += 1,
                    _ => {
                        let code = code.len() - 1..code.len();
                        steps.push(Step::Run { code, len: node.len });
                    }
                }
            } else if !matches!(node.op, Op::Leaf | Op::Constant | Op::Reshape | Op::Detach) {
                steps.push(Step::Entry(Id(index as u32)));
            }
        }
        Self { steps, code }
    }
}

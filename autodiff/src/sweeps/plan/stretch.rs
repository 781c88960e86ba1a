//! The program of a plan: entries, computed as the tape computes them, and stretches.
//!
//! A *stretch* is a run of elementwise ops over equally many numbers. Its instructions know where in the
//! arenas their numbers lie, so nothing is looked up, and all of them go over one tile before any goes
//! over the next. Of single numbers there is one tile, and no slices are made.

use crate::kernels::map::{map, map_slope};
use crate::kernels::zip::{slope_tile, tile};
use crate::rules::numbers;
use crate::scalar::Scalar;
use crate::tape::op::Op;
use crate::tape::table::{Binary, Unary};
use crate::tape::{Id, NO_BAR, Place, Record};
use std::ops::Range;

/// Numbers of a tile: a chain of a few arrays fits the first-level cache.
const TILE: usize = 512;

#[derive(Clone, Copy, Debug)]
enum Function {
    Map(Unary),
    Zip(Binary),
}

/// One elementwise op: where its arguments and its result begin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    function: Function,
    /// Whether an argument is one number that meets all.
    still: [bool; 2],
    /// Values of the first argument, the second, and the result. The only argument is both.
    at: [u32; 3],
    /// Their adjoints, or [`NONE`].
    bar: [u32; 3],
    pub(super) id: Id,
}

/// No adjoint.
const NONE: u32 = u32::MAX;

impl Instruction {
    /// What an entry does, if a stretch can do it. A constant of the op gets a place in the arena.
    pub(super) fn of<F: Scalar>(record: &mut Record<F>, id: Id) -> Option<Self> {
        let y = *record.node(id);
        if !numbers::covers(&y.op) {
            return None;
        }
        let place = |node: &crate::tape::Node<F>| match node.place {
            Place::Arena(at) => u32::try_from(at).ok(),
            Place::Shared { .. } => None,
        };
        // An argument: where it lies, its adjoint, and whether it stands still.
        let side = |record: &Record<F>, arg: usize| {
            let node = record.node(record.args(id)[arg]);
            let still = node.len == 1 && y.len != 1;
            let fits = node.len == y.len || (still && node.bar == NO_BAR);
            fits.then(|| Some((place(node)?, bar(node.bar)?, still))).flatten()
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
        Some(Self { function, still: [a.2, b.2], at, bar, id })
    }
}

/// The position of an adjoint, if it fits.
fn bar(at: usize) -> Option<u32> {
    if at == NO_BAR { Some(NONE) } else { u32::try_from(at).ok().filter(|&at| at != NONE) }
}

#[derive(Debug)]
pub(super) enum Step {
    Entry(Id),
    /// Instructions over so many numbers each.
    Stretch {
        code: Range<usize>,
        len: usize,
    },
}

/// Steps in recording order, to be taken in this order or back.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) steps: Vec<Step>,
    /// The instructions of all stretches.
    pub(super) code: Vec<Instruction>,
}

impl Program {
    /// The program of some entries in recording order.
    pub(super) fn new<F: Scalar>(
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
                    Some(Step::Stretch { code, len }) if *len == node.len => code.end += 1,
                    _ => {
                        let code = code.len() - 1..code.len();
                        steps.push(Step::Stretch { code, len: node.len });
                    }
                }
            } else if !matches!(node.op, Op::Leaf | Op::Constant | Op::Reshape | Op::Detach) {
                steps.push(Step::Entry(Id(index as u32)));
            }
        }
        Self { steps, code }
    }
}

/// Computes a stretch over `len` numbers.
pub(crate) fn forward<F: Scalar>(code: &[Instruction], len: usize, values: &mut [F]) {
    if len == 1 {
        for i in code {
            let [a, b, y] = i.at.map(|at| at as usize);
            values[y] = match i.function {
                Function::Map(f) => f.value(values[a]),
                Function::Zip(f) => f.value(values[a], values[b]),
            };
        }
        return;
    }
    let mut spread = [[F::ZERO; TILE]; 2];
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        for i in code {
            spread_out(i, values, n, &mut spread);
            let (below, rest) = values.split_at_mut(i.at[2] as usize + start);
            let (y, side) = (&mut rest[..n], |side| operand(i, side, below, start, n, &spread));
            match i.function {
                Function::Map(f) => map(f, side(0), y),
                Function::Zip(f) => tile(f, side(0), side(1), y),
            }
        }
    }
}

/// Carries the adjoints of a stretch over `len` numbers back; those of `fresh` begin at zero.
pub(crate) fn back<F: Scalar>(
    code: &[Instruction],
    fresh: &[Range<usize>],
    len: usize,
    values: &[F],
    bars: &mut [F],
) {
    if len == 1 {
        fresh.iter().for_each(|range| bars[range.clone()].fill(F::ZERO));
        for i in code.iter().rev() {
            let [a, b, y] = i.at.map(|at| values[at as usize]);
            let y_bar = bars[i.bar[2] as usize];
            match i.function {
                Function::Map(f) => bars[i.bar[0] as usize] += y_bar.weigh(f.slope(a, y)),
                Function::Zip(f) => {
                    let slopes = f.slopes(a, b, y);
                    for side in 0..2 {
                        if i.bar[side] != NONE {
                            bars[i.bar[side] as usize] += y_bar.weigh(slopes[side]);
                        }
                    }
                }
            }
        }
        return;
    }
    let mut spread = [[F::ZERO; TILE]; 2];
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        fresh.iter().for_each(|range| bars[range.start + start..][..n].fill(F::ZERO));
        for i in code.iter().rev() {
            spread_out(i, values, n, &mut spread);
            let side = |side| operand(i, side, values, start, n, &spread);
            let y = &values[i.at[2] as usize + start..][..n];
            let (below, above) = bars.split_at_mut(i.bar[2] as usize + start);
            let y_bar = &above[..n];
            for arg in [0, 1] {
                if i.bar[arg] == NONE {
                    continue;
                }
                let bar = &mut below[i.bar[arg] as usize + start..][..n];
                match i.function {
                    Function::Map(f) if arg == 0 => map_slope(f, side(0), y, y_bar, bar),
                    Function::Map(_) => {}
                    Function::Zip(f) => slope_tile(f, arg, side(0), side(1), y, y_bar, bar),
                }
            }
        }
    }
}

/// Repeats the arguments that stand still.
fn spread_out<F: Scalar>(i: &Instruction, values: &[F], n: usize, spread: &mut [[F; TILE]; 2]) {
    for side in 0..2 {
        if i.still[side] {
            spread[side][..n].fill(values[i.at[side] as usize]);
        }
    }
}

/// A tile of an argument.
fn operand<'a, F>(
    i: &Instruction,
    side: usize,
    values: &'a [F],
    start: usize,
    n: usize,
    spread: &'a [[F; TILE]; 2],
) -> &'a [F] {
    if i.still[side] { &spread[side][..n] } else { &values[i.at[side] as usize + start..][..n] }
}

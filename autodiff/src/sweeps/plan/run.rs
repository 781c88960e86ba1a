//! The loops of a fused run.
//!
//! All instructions go over one tile of numbers before any goes over the next, so that what one op writes is still in
//! the cache when the next reads it. A run over single numbers is one tile, and no slices are made.

use crate::kernels::float::Float;
use crate::kernels::map::{map, map_slope};
use crate::kernels::zip::{slope_tile, tile};
use crate::numbers::ops::{Binary, Unary};
use crate::tape::program::{Function, Instruction, NONE};
use std::ops::Range;

/// The number of elements of a tile. A few tiles of this length fit the first-level cache.
const TILE: usize = 512;

/// Computes a fused run over `len` numbers.
pub(crate) fn forward<F: Float>(code: &[Instruction], len: usize, values: &mut [F]) {
    if len == 1 { forward_of_numbers(code, values) } else { forward_by_tiles(code, len, values) }
}

/// Computes a fused run over single numbers. It is a function of its own, without room for tiles on the stack.
#[inline(never)]
fn forward_of_numbers<F: Float>(code: &[Instruction], values: &mut [F]) {
    for i in code {
        let [a, b, y] = i.at.map(|at| at as usize);
        values[y] = match i.function {
            Function::Map(f) => unary_value(f, values[a]),
            Function::Zip(f) => match f {
                Binary::Add => Binary::Add.value(values[a], values[b]),
                Binary::Sub => Binary::Sub.value(values[a], values[b]),
                Binary::Mul => Binary::Mul.value(values[a], values[b]),
                _ => binary_value(f, values[a], values[b]),
            },
        };
    }
}

// The loops over single numbers hold sums and products, and call all other functions: a loop that holds every function
// has too few registers for the short ones.

#[inline(never)]
fn unary_value<F: Float>(f: Unary, x: F) -> F {
    f.value(x)
}

#[inline(never)]
fn unary_slope<F: Float>(f: Unary, x: F, y: F) -> F {
    f.slope(x, y)
}

#[inline(never)]
fn binary_value<F: Float>(f: Binary, a: F, b: F) -> F {
    f.value(a, b)
}

#[inline(never)]
fn binary_slopes<F: Float>(f: Binary, a: F, b: F, y: F) -> [F; 2] {
    f.slopes(a, b, y)
}

#[inline(never)]
fn forward_by_tiles<F: Float>(code: &[Instruction], len: usize, values: &mut [F]) {
    let mut repeated = Repeated::new(TILE.min(len));
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        for i in code {
            let slots = repeated.slots(i, values);
            let (below, rest) = values.split_at_mut(i.at[2] as usize + start);
            let (y, side) =
                (&mut rest[..n], |side| repeated.operand(slots, i, side, below, start, n));
            match i.function {
                Function::Map(f) => map(f, side(0), y),
                Function::Zip(f) => tile(f, side(0), side(1), y),
            }
        }
    }
}

/// Carries the adjoints of a fused run over `len` numbers back; those of `fresh` begin at zero.
pub(crate) fn back<F: Float>(
    code: &[Instruction],
    fresh: &[Range<usize>],
    len: usize,
    values: &[F],
    bars: &mut [F],
) {
    match len {
        1 => back_of_numbers(code, fresh, values, bars),
        _ => back_by_tiles(code, fresh, len, values, bars),
    }
}

#[inline(never)]
fn back_of_numbers<F: Float>(
    code: &[Instruction],
    fresh: &[Range<usize>],
    values: &[F],
    bars: &mut [F],
) {
    fresh.iter().for_each(|range| bars[range.clone()].fill(F::ZERO));
    for i in code.iter().rev() {
        let [a, b, y] = i.at.map(|at| values[at as usize]);
        let y_bar = bars[i.bar[2] as usize];
        match i.function {
            Function::Map(f) => bars[i.bar[0] as usize] += y_bar.mul_no_nan(unary_slope(f, a, y)),
            Function::Zip(f) => {
                let slopes = match f {
                    Binary::Add => Binary::Add.slopes(a, b, y),
                    Binary::Sub => Binary::Sub.slopes(a, b, y),
                    Binary::Mul => Binary::Mul.slopes(a, b, y),
                    _ => binary_slopes(f, a, b, y),
                };
                for side in 0..2 {
                    if i.bar[side] != NONE {
                        bars[i.bar[side] as usize] += y_bar.mul_no_nan(slopes[side]);
                    }
                }
            }
        }
    }
}

#[inline(never)]
fn back_by_tiles<F: Float>(
    code: &[Instruction],
    fresh: &[Range<usize>],
    len: usize,
    values: &[F],
    bars: &mut [F],
) {
    let mut repeated = Repeated::new(TILE.min(len));
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        fresh.iter().for_each(|range| bars[range.start + start..][..n].fill(F::ZERO));
        for i in code.iter().rev() {
            let slots = repeated.slots(i, values);
            let side = |side| repeated.operand(slots, i, side, values, start, n);
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

/// Arguments that are single numbers, repeated over a tile. They stay for the next tiles while there is room.
struct Repeated<F> {
    tiles: [[F; TILE]; SLOTS],
    /// The places of the numbers.
    of: [u32; SLOTS],
    next: usize,
    /// The length of the first tile, and so of the longest.
    longest: usize,
}

/// The numbers that stay.
const SLOTS: usize = 2;

impl<F: Float> Repeated<F> {
    fn new(longest: usize) -> Self {
        Self { tiles: [[F::ZERO; TILE]; SLOTS], of: [NONE; SLOTS], next: 0, longest }
    }

    /// For each argument that is a single number, the slot with its tile. At most one is, so that no slot is filled anew before it
    /// is read.
    fn slots(&mut self, i: &Instruction, values: &[F]) -> [Option<usize>; 2] {
        debug_assert!(i.scalar != [true; 2], "two numbers make a number, which is no run");
        [0, 1].map(|side| i.scalar[side].then(|| self.slot(i.at[side], values)))
    }

    fn slot(&mut self, at: u32, values: &[F]) -> usize {
        self.of.iter().position(|&of| of == at).unwrap_or_else(|| {
            let slot = self.next;
            self.next = (slot + 1) % SLOTS;
            self.of[slot] = at;
            self.tiles[slot][..self.longest].fill(values[at as usize]);
            slot
        })
    }

    /// A tile of an argument.
    fn operand<'a>(
        &'a self,
        slots: [Option<usize>; 2],
        i: &Instruction,
        side: usize,
        values: &'a [F],
        start: usize,
        n: usize,
    ) -> &'a [F] {
        match slots[side] {
            Some(slot) => &self.tiles[slot][..n],
            None => &values[i.at[side] as usize + start..][..n],
        }
    }
}

//! The loops of a fused run.
//!
//! All instructions go over one tile of numbers before any goes over the next, so that what one op writes is still in
//! the cache when the next reads it. A run over single numbers is one tile, and no slices are made.

use crate::kernels::float::Float;
use crate::kernels::map::{map, map_slope};
use crate::kernels::zip::{slope_tile, tile};
use crate::tape::program::{Function, Instruction, NONE};
use std::ops::Range;

/// The number of elements of a tile. A few tiles of this length fit the first-level cache.
const TILE: usize = 512;

/// Computes a fused run over `len` numbers.
pub(crate) fn forward<F: Float>(code: &[Instruction], len: usize, values: &mut [F]) {
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
    let mut broadcasts = [[F::ZERO; TILE]; 2];
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        for i in code {
            broadcast(i, values, n, &mut broadcasts);
            let (below, rest) = values.split_at_mut(i.at[2] as usize + start);
            let (y, side) = (&mut rest[..n], |side| operand(i, side, below, start, n, &broadcasts));
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
    if len == 1 {
        fresh.iter().for_each(|range| bars[range.clone()].fill(F::ZERO));
        for i in code.iter().rev() {
            let [a, b, y] = i.at.map(|at| values[at as usize]);
            let y_bar = bars[i.bar[2] as usize];
            match i.function {
                Function::Map(f) => bars[i.bar[0] as usize] += y_bar.mul_no_nan(f.slope(a, y)),
                Function::Zip(f) => {
                    let slopes = f.slopes(a, b, y);
                    for side in 0..2 {
                        if i.bar[side] != NONE {
                            bars[i.bar[side] as usize] += y_bar.mul_no_nan(slopes[side]);
                        }
                    }
                }
            }
        }
        return;
    }
    let mut broadcasts = [[F::ZERO; TILE]; 2];
    for start in (0..len).step_by(TILE) {
        let n = TILE.min(len - start);
        fresh.iter().for_each(|range| bars[range.start + start..][..n].fill(F::ZERO));
        for i in code.iter().rev() {
            broadcast(i, values, n, &mut broadcasts);
            let side = |side| operand(i, side, values, start, n, &broadcasts);
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

/// Repeats the arguments that are single numbers over a tile.
fn broadcast<F: Float>(i: &Instruction, values: &[F], n: usize, broadcasts: &mut [[F; TILE]; 2]) {
    for side in 0..2 {
        if i.scalar[side] {
            broadcasts[side][..n].fill(values[i.at[side] as usize]);
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
    broadcasts: &'a [[F; TILE]; 2],
) -> &'a [F] {
    if i.scalar[side] {
        &broadcasts[side][..n]
    } else {
        &values[i.at[side] as usize + start..][..n]
    }
}

//! Operands of products, and packing: copies of their lines side by side, in the order in which a product reads them. Lines dealt
//! out also transpose the triangles of factorisations.

use super::element::Element;
use super::level::{Job, registers};
use super::tile::{Lines, end};

/// A matrix that is read: its numbers, a flag for a transposed layout, and the stride of its rows.
pub(super) type Operand<'a, F> = (&'a [F], bool, usize);

/// The side of the squares that plain code transposes.
const SIDE: usize = 8;

/// A square of a matrix: `SIDE` numbers of `SIDE` lines, from line `i` and number `j` on.
#[inline(always)]
fn square<F: Element>((x, stride): Lines<'_, F>, i: usize, j: usize) -> [[F; SIDE]; SIDE] {
    std::array::from_fn(|r| *x[(i + r) * stride + j..].first_chunk().expect("a whole square"))
}

/// Column `c` of a square. The columns one after the other, which the compiler turns in registers, are its transpose.
#[inline(always)]
fn column<F: Element>(square: &[[F; SIDE]; SIDE], c: usize) -> [F; SIDE] {
    std::array::from_fn(|r| square[r][c])
}

/// The numbers from `at` on that a side of a square takes.
#[inline(always)]
fn side<F: Element>(to: &mut [F], at: usize) -> &mut [F; SIDE] {
    to[at..].first_chunk_mut().expect("room for a side")
}

/// Copies the first `count` numbers of `depth` lines. Numbers beyond `count` in the new lines are not defined.
pub(super) fn copy_lines<F: Element>(
    (x, stride): Lines<'_, F>,
    [count, depth]: [usize; 2],
    (to, line): (&mut [F], usize),
) {
    for (to, from) in to.chunks_mut(line).zip(x.chunks(stride)).take(depth) {
        // A copy of known length needs no call.
        match (to.first_chunk_mut::<SIDE>(), from.first_chunk::<SIDE>()) {
            (Some(to), Some(from)) if count <= SIDE => *to = *from,
            _ => to[..count].copy_from_slice(&from[..count]),
        }
    }
}

/// Lines whose numbers are dealt out to new lines: number $p$ of line $q$ becomes number $q$ of line $p$. Numbers of the new lines
/// beyond the number of lines are not defined.
pub(crate) struct DealOut<'a, F> {
    pub(crate) lines: Lines<'a, F>,
    /// The number of lines and their length.
    pub(crate) sizes: [usize; 2],
    /// The new lines, with room for whole vectors.
    pub(crate) to: (&'a mut [F], usize),
}

impl<F: Element> Job for DealOut<'_, F> {
    type Number = F;

    /// The lines lie in their slice, and there is room for whole vectors.
    fn check(&self) {
        let Self { lines: (x, stride), sizes: [count, depth], ref to } = *self;
        assert!(count > 0 && depth > 0 && end(count, stride, depth) <= x.len(), "lines: too short");
        let whole = count.checked_next_multiple_of(registers::<F>().lanes);
        let whole = whole.expect("lines: too many");
        assert!(to.1 >= whole && end(depth, to.1, whole) <= to.0.len(), "lines: no room");
    }

    fn plain(self) {
        deal_out(self);
    }
}

/// Deals out lines by plain code.
pub(super) fn deal_out<F: Element>(dealt: DealOut<'_, F>) {
    let DealOut { lines: (x, stride), sizes: [count, depth], to: (to, line) } = dealt;
    for q in (0..count).step_by(SIDE) {
        let lines = SIDE.min(count - q);
        let row = |i: usize| &x[(q + i) * stride..][..depth];
        for p in (0..depth).step_by(SIDE) {
            if lines == SIDE && p + SIDE <= depth {
                let square = square((x, stride), q, p);
                for r in 0..SIDE {
                    *side(to, (p + r) * line + q) = column(&square, r);
                }
            } else {
                for step in p..depth.min(p + SIDE) {
                    let to = &mut to[step * line + q..][..lines];
                    to.iter_mut().enumerate().for_each(|(i, to)| *to = row(i)[step]);
                }
            }
        }
    }
}

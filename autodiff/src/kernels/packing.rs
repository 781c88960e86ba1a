//! Operands of products, and packing: copies of their lines side by side, in the order in which a product reads them.

use super::element::Element;
use super::tile::Lines;

/// A matrix that is read: its numbers, a flag for a transposed layout, and the stride of its rows.
pub(super) type Operand<'a, F> = (&'a [F], bool, usize);

/// Packs `count` lines of an operand from line `from` on, and from depth `k0` on, into a panel of
/// P interleaved lines; those beyond `count` are zero.
#[inline(always)]
pub(super) fn pack<F: Element, const P: usize>(
    (x, along, stride): Operand<'_, F>,
    from: usize,
    count: usize,
    k0: usize,
    panel: &mut [F],
) {
    let (steps, _) = panel.as_chunks_mut::<P>();
    if !along {
        for (p, step) in steps.iter_mut().enumerate() {
            let line = &x[(k0 + p) * stride + from..][..count];
            match line.try_into() {
                Ok(line) => *step = line,
                Err(_) => {
                    step[..count].copy_from_slice(line);
                    step[count..].fill(F::default());
                }
            }
        }
        return;
    }
    // A few steps at a time, which stay in the first-level cache while all lines are dealt out.
    const STEPS: usize = 16;
    for (block, steps) in steps.chunks_mut(STEPS).enumerate() {
        let lines = &x[from * stride + k0 + block * STEPS..];
        let line = |q: usize| &lines[q * stride..];
        match <&mut [[F; P]; STEPS]>::try_from(&mut *steps) {
            Ok(steps) => {
                let squares = if P.is_multiple_of(SIDE) { count - count % SIDE } else { 0 };
                for q in (0..squares).step_by(SIDE) {
                    transpose_square(|i| line(q + i), steps, q);
                }
                for q in squares..count {
                    let line: &[F; STEPS] = line(q).first_chunk().expect("a line is as long");
                    for (step, &x) in steps.iter_mut().zip(line) {
                        step[q] = x;
                    }
                }
            }
            Err(_) => {
                for q in 0..count {
                    for (step, &x) in steps.iter_mut().zip(line(q)) {
                        step[q] = x;
                    }
                }
            }
        }
        steps.iter_mut().for_each(|step| step[count..].fill(F::default()));
    }
}

/// The side of the squares that are transposed in registers.
pub(super) const SIDE: usize = 8;

/// A square of a matrix: `SIDE` numbers of `SIDE` lines, from line `i` and number `j` on.
#[inline(always)]
pub(super) fn square<F: Element>(
    (x, stride): Lines<'_, F>,
    i: usize,
    j: usize,
) -> [[F; SIDE]; SIDE] {
    std::array::from_fn(|r| *x[(i + r) * stride + j..].first_chunk().expect("a whole square"))
}

/// Column `c` of a square. The columns one after the other, which the compiler turns in registers, are its transpose.
#[inline(always)]
pub(super) fn column<F: Element>(square: &[[F; SIDE]; SIDE], c: usize) -> [F; SIDE] {
    std::array::from_fn(|r| square[r][c])
}

/// The numbers from `at` on that a side of a square takes.
#[inline(always)]
pub(super) fn side<F: Element>(to: &mut [F], at: usize) -> &mut [F; SIDE] {
    to[at..].first_chunk_mut().expect("room for a side")
}

/// `SIDE` lines become the columns from `q` on of `steps`, square by square.
#[inline(always)]
fn transpose_square<'a, F: Element, const P: usize, const STEPS: usize>(
    line: impl Fn(usize) -> &'a [F],
    steps: &mut [[F; P]; STEPS],
    q: usize,
) {
    let lines: [&[F; STEPS]; SIDE] =
        std::array::from_fn(|i| line(i).first_chunk().expect("a line is as long"));
    // Written as squares, which the compiler then turns in registers.
    for p in (0..STEPS).step_by(SIDE) {
        for r in 0..SIDE {
            let column: [F; SIDE] = std::array::from_fn(|i| lines[i][p + r]);
            *steps[p + r][q..].first_chunk_mut().expect("a step is as wide") = column;
        }
    }
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

/// Copies the first `depth` numbers of `count` lines side by side: number $p$ of line $q$ becomes number $q$ of line $p$.
/// Numbers beyond `count` in the new lines are not defined.
///
/// It is the twin of the vectors of [`simd`](super::simd).
pub(super) fn deal_out<F: Element>(
    (x, stride): Lines<'_, F>,
    [count, depth]: [usize; 2],
    (to, line): (&mut [F], usize),
) {
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

//! Operands of products, and packing: copies of their lines side by side, in the order in which a product reads them.

use super::element::Element;

/// The matrix that a product is added to.
#[derive(Clone, Copy)]
pub(super) enum Onto<'a, F> {
    Nothing,
    /// The present contents of C.
    C,
    /// The same row for every row of C.
    Row(&'a [F]),
}

/// A matrix that is read: its numbers, a flag for a transposed layout, and the stride of its rows.
pub(super) type Operand<'a, F> = (&'a [F], bool, usize);

/// Packs lines of an operand from line `from` on, and from depth `k0` on, into whole panels of P.
#[inline(always)]
pub(super) fn pack_all<F: Element, const P: usize>(
    operand: Operand<'_, F>,
    from: usize,
    k0: usize,
    panels: &mut [F],
    depth: usize,
) {
    let (x, along, stride) = operand;
    let panel = P * depth;
    if along {
        for (i, panel) in panels.chunks_exact_mut(panel).enumerate() {
            pack::<F, P>(operand, from + i * P, P, k0, panel);
        }
        return;
    }
    // Step by step through all panels, so that memory is read in the order in which it lies.
    let count = panels.len() / depth;
    for p in 0..depth {
        let step = x[(k0 + p) * stride + from..][..count].as_chunks::<P>().0;
        for (panel, line) in panels.chunks_exact_mut(panel).zip(step) {
            *panel[p * P..].first_chunk_mut().expect("a panel is as deep") = *line;
        }
    }
}

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
const SIDE: usize = 8;

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

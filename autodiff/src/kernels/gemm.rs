//! The matrix product C = A B, or C += A B, in blocks for the cache and tiles for the registers.
//!
//! The innermost work is a [`Tile`] of C, some rows high and two vectors wide, held in registers while k runs: each
//! step reads a line of B and a number of A for each row, and adds their outer product. Around it the usual loops keep
//! what the tile reads in the cache:
//!
//! 1. k in equal blocks of at most [`KC`];
//! 2. rows of C, so many that this block of A fits into the second-level cache;
//! 3. columns of C by the width of a tile: this *panel* of B stays in the first-level cache;
//! 4. panels of A, one tile each.
//!
//! With AVX2 and AVX-512 a tile reads A where it is, by columns or by rows, because it takes one number at a time from it; only
//! rows that share a set of the cache are packed ([`share_a_set`]). Of B it needs whole lines. It reads them where they are, too,
//! and if there are several panels of A the first tile copies them for the others; a transposed B is dealt out to packed lines.
//! Narrower vectors read packed lines only.
//!
//! Products with a vector are not packed ([`thin`](super::thin)), and where A holds zeros and ones only, rows of B are
//! added in groups ([`bits`](super::bits)).
//!
//! Every number of C is a sum over k in increasing order within each block, then over blocks. The
//! order depends on the sizes alone; the rounding also depends on whether the processor fuses.

use super::bits::bits;
use super::element::Element;
use super::level::{Registers, registers};
use super::packing::{DealOut, Operand, copy_lines};
use super::simd::compute;
use super::thin::thin;
use super::tile::{Onto, Tile, tops};

/// The largest block of k: a panel of B of this height, 26 or 51 kB, comes from the first-level or near the second-level cache.
const KC: usize = 400;
/// The bytes of a block of A, well within a second-level cache.
const BLOCK: usize = 400_000;

/// A matrix inside a slice: rows of `width` numbers from `at` on, transposed when it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) at: usize,
    pub(crate) width: usize,
    pub(crate) transposed: bool,
}

/// $C \mathrel{+}= A B$ of $(m, k)$ and $(k, n)$; with `keep` false, $C = A B$.
///
/// # Panics
/// If a layout reaches outside its slice: the caller's shapes are wrong.
pub(crate) fn gemm<F: Element>(
    shape: [usize; 3],
    (a, la): (&[F], Layout),
    (b, lb): (&[F], Layout),
    (c, lc): (&mut [F], Layout),
    keep: bool,
) {
    product(
        shape,
        (&a[la.at..], la.transposed, la.width),
        (&b[lb.at..], lb.transposed, lb.width),
        (&mut c[lc.at..], lc.width),
        if keep { Onto::C } else { Onto::Nothing },
    );
}

/// $C = A B + \mathbf 1 r^\top$ of row-major $(m, k)$, $(k, n)$ and a row of $n$.
///
/// # Panics
/// If a slice is too short for its matrix.
pub(crate) fn gemm_onto_row<F: Element>(
    [m, k, n]: [usize; 3],
    a: &[F],
    b: &[F],
    row: &[F],
    c: &mut [F],
) {
    product([m, k, n], (a, false, k), (b, false, n), (c, n), Onto::Row(&row[..n]));
}

/// C = A B plus `onto`, where A is m x k, B is k x n and C is m x n.
///
/// C is row-major, its rows `c_width` apart. So is A, its rows `a_width` apart, or, if `ta`, its
/// transpose (k x m); and likewise B.
///
/// # Panics
///
/// If a slice is too short for its matrix.
fn product<F: Element>(
    [m, k, n]: [usize; 3],
    (a, ta, a_width): Operand<'_, F>,
    (b, tb, b_width): Operand<'_, F>,
    (c, c_width): (&mut [F], usize),
    onto: Onto<'_, F>,
) {
    if m == 0 || n == 0 {
        return;
    }
    let onto = match onto {
        // Thin products only add to C or overwrite it, so the row is written to C first.
        Onto::Row(first) if m == 1 || k <= 1 || n == 1 => {
            c.chunks_mut(c_width).take(m).for_each(|row| row[..n].copy_from_slice(first));
            Onto::C
        }
        onto => onto,
    };
    let keep = matches!(onto, Onto::C);
    if k == 0 {
        if !keep {
            c.chunks_mut(c_width).take(m).for_each(|row| row[..n].fill(F::default()));
        }
        return;
    }
    if thin([m, k, n], (a, ta, a_width), (b, tb, b_width), (c, c_width), keep) {
        return;
    }
    // Panels of A run along its columns, panels of B along its rows.
    let (a, b) = ((a, !ta, a_width), (b, tb, b_width));
    if bits([m, k, n], a, b, (&mut *c, c_width), onto) {
        return;
    }
    F::buffers().with_borrow_mut(|(packed_a, packed_b)| {
        let registers = registers::<F>();
        // The blocks are equal, because in a short last block storing the tiles would cost more than summing them.
        let depth = k.div_ceil(k.div_ceil(KC));
        let rows = (BLOCK / size_of::<F>() / depth).max(registers.height);
        let panels = m.min(rows).div_ceil(registers.height);
        let packed = !registers.in_place || !ta && share_a_set::<F>(a_width);
        let room = if packed { panels * registers.line() * depth } else { 0 };
        Product {
            sizes: [m, k, n],
            a,
            b,
            c: (c, c_width),
            onto,
            depth,
            rows,
            packed,
            packed_a: packed_a.first(room),
            packed_b: packed_b.first(registers.width() * depth),
            registers,
        }
        .blocks();
    });
}

/// True if the same place of all rows, which are `width` numbers apart, falls into one set of the first-level cache: it has 64
/// sets for lines of 64 bytes, and 8 or 12 lines in each, fewer than the rows of the highest tile.
fn share_a_set<F>(width: usize) -> bool {
    (width * size_of::<F>()).is_multiple_of(64 * 64)
}

/// One call of [`product`].
struct Product<'a, F> {
    /// m, k and n.
    sizes: [usize; 3],
    /// A; the flag says that the numbers of one row, not of one column, are consecutive.
    a: Operand<'a, F>,
    /// B; the flag says that the numbers of one column, not of one row, are consecutive.
    b: Operand<'a, F>,
    /// C and its stride.
    c: (&'a mut [F], usize),
    onto: Onto<'a, F>,
    /// The length of a block of k.
    depth: usize,
    /// The rows of a block of A.
    rows: usize,
    /// True if blocks of A are packed.
    packed: bool,
    /// Room for a packed block of A.
    packed_a: &'a mut [F],
    /// Room for a panel of B.
    packed_b: &'a mut [F],
    registers: Registers,
}

impl<F: Element> Product<'_, F> {
    /// The loops over blocks, panels and tiles.
    fn blocks(self) {
        let Self { sizes: [m, k, n], a, b, c: (c, c_width), packed, registers, .. } = self;
        let (packed_a, packed_b) = (self.packed_a, self.packed_b);
        let line = registers.line();
        for k0 in (0..k).step_by(self.depth) {
            let depth = self.depth.min(k - k0);
            let onto = if k0 > 0 { Onto::C } else { self.onto };
            for i0 in (0..m).step_by(self.rows) {
                let rows = self.rows.min(m - i0);
                let panels = rows.div_ceil(registers.height);
                let tops = tops(rows, panels);
                let top = |panel: usize| match registers.in_place {
                    // A last panel of less than four rows would take as long as one of four.
                    true => tops(panel),
                    false => rows.min(panel * registers.height),
                };
                let (a_values, a_along, a_width) = a;
                if packed {
                    for (panel, to) in packed_a.chunks_mut(line * depth).take(panels).enumerate() {
                        let (i, size) = (i0 + top(panel), [top(panel + 1) - top(panel), depth]);
                        if a_along {
                            let lines = (&a_values[i * a_width + k0..], a_width);
                            compute(DealOut { lines, sizes: size, to: (to, line) });
                        } else {
                            copy_lines((&a_values[k0 * a_width + i..], a_width), size, (to, line));
                        }
                    }
                }
                for j in (0..n).step_by(registers.width()) {
                    let width = registers.width().min(n - j);
                    let (b_values, b_along, b_width) = b;
                    let from = if b_along { j * b_width + k0 } else { k0 * b_width + j };
                    let from = (&b_values[from..], b_width);
                    // Tiles in place read lines of whole vectors, others those of a whole tile.
                    let whole =
                        if registers.in_place { registers.lanes } else { registers.width() };
                    let b_line = width.next_multiple_of(whole);
                    if b_along {
                        let to = (&mut *packed_b, b_line);
                        compute(DealOut { lines: from, sizes: [width, depth], to });
                    } else if !registers.in_place {
                        copy_lines(from, [width, depth], (packed_b, b_line));
                    }
                    let onto = match onto {
                        Onto::Row(row) => Onto::Row(&row[j..]),
                        onto => onto,
                    };
                    for panel in 0..panels {
                        let i = i0 + top(panel);
                        let a = match packed {
                            true => (&packed_a[panel * line * depth..], line),
                            false if a_along => (&a_values[i * a_width + k0..], a_width),
                            false => (&a_values[k0 * a_width + i..], a_width),
                        };
                        // The first tile copies the lines of B for the others.
                        let (b, copy) = match panel == 0 && registers.in_place && !b_along {
                            true if panels == 1 => (from, None),
                            true => (from, Some((&mut *packed_b, b_line))),
                            false => ((&*packed_b, b_line), None),
                        };
                        let c = (&mut c[i * c_width + j..], c_width);
                        let height = top(panel + 1) - top(panel);
                        let a_by_rows = a_along && !packed;
                        compute(Tile { height, width, depth, a, a_by_rows, b, copy, c, onto });
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::float::Float;
    use super::super::level::{Level, at_level};
    use super::*;

    /// Compares one product with the definition, inside margins that must stay untouched.
    fn check<F: Float>([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], keep: bool, pad: usize) {
        // Small integers: every order of summation is exact.
        let numbers = |len: usize, seed: usize| -> Vec<F> {
            (0..len)
                .map(|i| F::from_f64(((i * 37 + seed * 11 + i / 7) % 15) as f64 - 7.0))
                .collect()
        };
        let a_width = if ta { m } else { k } + pad;
        let b_width = if tb { k } else { n } + 2 * pad;
        let c_width = n + pad;
        let a = numbers(if ta { k } else { m } * a_width, 1);
        let b = numbers(if tb { n } else { k } * b_width, 2);
        let before = numbers(m * c_width + 64, 3);
        let mut c = before.clone();
        product(
            [m, k, n],
            (&a, ta, a_width),
            (&b, tb, b_width),
            (&mut c, c_width),
            if keep { Onto::C } else { Onto::Nothing },
        );
        for (at, (&got, &was)) in c.iter().zip(&before).enumerate() {
            let (i, j) = (at / c_width, at % c_width);
            let mut want = was;
            if i < m && j < n {
                want = if keep { was } else { F::ZERO };
                for p in 0..k {
                    want += a[if ta { p * a_width + i } else { i * a_width + p }]
                        * b[if tb { j * b_width + p } else { p * b_width + j }];
                }
            }
            assert_eq!(got, want, "{:?} at {i}, {j}", ([m, k, n], ta, tb, keep, pad));
        }
    }

    #[test]
    fn every_small_size_agrees_with_the_definition() {
        for m in 1..=40 {
            for n in 1..=40 {
                for k in [0, 1, 2, 3, 7, 16, 19, 33, 40] {
                    // Each size takes one of the sixteen variants, neighbours others.
                    let bits = m * 5 + n * 3 + k;
                    let [ta, tb, keep, wide] = [0, 1, 2, 3].map(|bit| bits >> bit & 1 == 1);
                    let pad = if wide { 3 } else { 0 };
                    for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                        at_level(level, || {
                            check::<f32>([m, k, n], [ta, tb], keep, pad);
                            check::<f64>([m, k, n], [ta, tb], keep, pad);
                        });
                    }
                }
            }
        }
    }

    #[test]
    fn every_variant_agrees_across_blocks() {
        let blocks = [[13, 17, 33], [50, 13, 70], [7, 40, 31], [200, 700, 45], [30, 5, 1100]];
        // Rows that share a set of the cache in double precision, and in both.
        let shared = [[30, 512, 20], [17, 1024, 33]];
        let thin = [[1, 17, 150], [150, 20, 1], [1, 150, 70], [90, 1, 75], [75, 150, 1]];
        for [m, k, n] in blocks.into_iter().chain(shared).chain(thin) {
            for bits in 0..16 {
                let [ta, tb, keep, wide] = [0, 1, 2, 3].map(|bit| bits >> bit & 1 == 1);
                let pad = if wide { 5 } else { 0 };
                for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                    at_level(level, || {
                        check::<f32>([m, k, n], [ta, tb], keep, pad);
                        check::<f64>([m, k, n], [ta, tb], keep, pad);
                    });
                }
            }
        }
    }
}

//! The matrix product C = A B, or C += A B, packed for the cache and for the registers.
//!
//! The innermost work is a tile of C, R rows by W columns, held in registers while k runs: each
//! step reads W consecutive numbers of B and R numbers of A, and adds their outer product. Around
//! it the usual loops keep what the tile reads in the cache:
//!
//! 1. columns of C by [`NC`];
//! 2. k in equal blocks of at most [`KC`]: this block of B is packed into panels of W columns,
//!    each panel contiguous and k-major, so that the tile reads it straight on;
//! 3. rows of C by [`MC`]: this block of A is packed likewise into panels of R rows;
//! 4. panels of B, then panels of A, one tile each.
//!
//! The last panel of columns is half as wide if that is enough, the last panel of rows takes the
//! smallest of a few heights; rows and columns beyond the matrix are packed as zeros and not stored.
//!
//! Packing reads an operand in the order in which it lies in memory, through all panels at once where a panel is a strip
//! of its rows, because sequential reads are fastest.
//!
//! Products with a vector are not packed ([`thin`](super::thin)), and where A holds zeros and ones only, rows of B are
//! added in groups ([`bits`](super::bits)).
//!
//! Every number of C is a sum over k in increasing order within each block, then over blocks. The
//! order depends on the sizes alone; the rounding also depends on whether the processor fuses.

use super::bits::bits;
use super::element::Element;
use super::packing::{Onto, Operand, pack, pack_all};
use super::simd::{Kernel, dispatch_kernel};
use super::thin::thin;

/// The number of columns of B that are packed at once. With [`KC`] rows they fill about the second-level cache.
const NC: usize = 1024;
/// The largest block of k. A panel of B of this height fits the first-level cache.
const KC: usize = 400;
/// The number of rows of A that are packed at once, a multiple of every tile's height.
const MC: usize = 192;

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
        let k_block = k.min(KC);
        dispatch_kernel(Product {
            sizes: [m, k, n],
            a,
            b,
            c: (c, c_width),
            onto,
            // Tiles are at most 64 wide and 16 high.
            packed_a: packed_a.first(m.min(MC).next_multiple_of(16) * k_block),
            packed_b: packed_b.first(n.min(NC).next_multiple_of(64) * k_block),
        });
    });
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
    /// Room for a block of A.
    packed_a: &'a mut [F],
    /// Room for a block of B.
    packed_b: &'a mut [F],
}

impl<F: Element> Kernel for Product<'_, F> {
    /// Picks the tile that fills the registers: two vectors wide, and 12 rows high with 32 registers or 6 rows high
    /// with 16.
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        match (BYTES, size_of::<F>()) {
            (64, 4) => self.blocks::<FMA, 12, 32, 16>(),
            (64, _) => self.blocks::<FMA, 12, 16, 8>(),
            (32, 4) => self.blocks::<FMA, 6, 16, 8>(),
            (32, _) => self.blocks::<FMA, 6, 8, 4>(),
            (_, 4) => self.blocks::<FMA, 6, 8, 4>(),
            _ => self.blocks::<FMA, 6, 4, 2>(),
        }
    }
}

impl<F: Element> Product<'_, F> {
    /// The loops over blocks, for tiles of R x W, and of half the width, H, at the right edge.
    #[inline(always)]
    fn blocks<const FMA: bool, const R: usize, const W: usize, const H: usize>(self) {
        let [m, k, n] = self.sizes;
        let (c, c_width) = self.c;
        // With one panel of rows B is read once, and packed only where it does not fill a panel.
        let once = m <= R && !self.b.1;
        // The memory in which tiles are summed is made once: for short sums, clearing it costs as much as the sums.
        let (mut wide, mut narrow) = ([[F::default(); W]; R], [[F::default(); H]; R]);
        // The blocks are equal, because in a short last block storing the tiles would cost more than summing them.
        let k_step = k.div_ceil(k.div_ceil(KC));
        for j0 in (0..n).step_by(NC) {
            let columns = NC.min(n - j0);
            for k0 in (0..k).step_by(k_step) {
                let depth = k_step.min(k - k0);
                let onto = if k0 > 0 { Onto::C } else { self.onto };
                let whole = columns - columns % W;
                if !once {
                    pack_all::<F, W>(self.b, j0, k0, &mut self.packed_b[..whole * depth], depth);
                }
                let (last, panel) = (columns - whole, &mut self.packed_b[whole * depth..]);
                match last {
                    0 => {}
                    _ if last <= H => {
                        pack::<F, H>(self.b, j0 + whole, last, k0, &mut panel[..H * depth]);
                    }
                    _ => pack::<F, W>(self.b, j0 + whole, last, k0, &mut panel[..W * depth]),
                }
                for i0 in (0..m).step_by(MC) {
                    let rows = MC.min(m - i0);
                    let whole = rows - rows % R;
                    pack_all::<F, R>(self.a, i0, k0, &mut self.packed_a[..whole * depth], depth);
                    let (from, last) = (i0 + whole, rows - whole);
                    let panel = &mut self.packed_a[whole * depth..];
                    match last {
                        0 => {}
                        1..=2 => pack::<F, 2>(self.a, from, last, k0, &mut panel[..2 * depth]),
                        3..=4 => pack::<F, 4>(self.a, from, last, k0, &mut panel[..4 * depth]),
                        5..=8 if R > 8 => {
                            pack::<F, 8>(self.a, from, last, k0, &mut panel[..8 * depth]);
                        }
                        _ => pack::<F, R>(self.a, from, last, k0, &mut panel[..R * depth]),
                    }
                    for j in (0..columns).step_by(W) {
                        let width = W.min(columns - j);
                        let b = if once && width == W {
                            (&self.b.0[k0 * self.b.2 + j0 + j..], self.b.2)
                        } else {
                            (&self.packed_b[j * depth..], if width <= H { H } else { W })
                        };
                        for i in (0..rows).step_by(R) {
                            let height = R.min(rows - i);
                            let a = &self.packed_a[i * depth..];
                            let c = &mut c[(i0 + i) * c_width + j0 + j..];
                            let c = (c, c_width, [height, width]);
                            let onto = match onto {
                                Onto::Row(row) => Onto::Row(&row[j0 + j..]),
                                onto => onto,
                            };
                            if width <= H {
                                tiles::<F, FMA, R, H>(depth, a, b, c, onto, &mut narrow);
                            } else {
                                tiles::<F, FMA, R, W>(depth, a, b, c, onto, &mut wide);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A panel of B: its lines, and the distance between their beginnings.
type Lines<'a, F> = (&'a [F], usize);

/// The destination of a tile: C from the corner of the tile on, the stride of C, and the height and width of the tile.
type Target<'a, F> = (&'a mut [F], usize, [usize; 2]);

/// One tile of the height that its panel of A was packed for.
#[inline(always)]
fn tiles<F: Element, const FMA: bool, const R: usize, const W: usize>(
    depth: usize,
    a: &[F],
    b: Lines<'_, F>,
    c: Target<'_, F>,
    onto: Onto<'_, F>,
    room: &mut [[F; W]; R],
) {
    match c.2[0] {
        1..=2 => tile::<F, FMA, 2, W>(&a[..2 * depth], b, c, onto, room),
        3..=4 => tile::<F, FMA, 4, W>(&a[..4 * depth], b, c, onto, room),
        5..=8 if R > 8 => tile::<F, FMA, 8, W>(&a[..8 * depth], b, c, onto, room),
        _ => tile::<F, FMA, R, W>(&a[..R * depth], b, c, onto, room),
    }
}

/// One tile of C: R x W sums over the depth of a panel of A.
#[inline(always)]
fn tile<F: Element, const FMA: bool, const R: usize, const W: usize>(
    a: &[F],
    b: Lines<'_, F>,
    (c, c_width, [height, width]): Target<'_, F>,
    onto: Onto<'_, F>,
    room: &mut [[F; W]],
) {
    let tile: &mut [[F; W]; R] = room.first_chunk_mut().expect("there is room for the highest");
    sum::<F, FMA, R, W>(a, b, tile);
    for (i, sums) in tile.iter().enumerate().take(height) {
        let row = &mut c[i * c_width..][..width];
        match onto {
            Onto::Nothing => match <&mut [F; W]>::try_from(&mut *row) {
                Ok(row) => *row = *sums,
                Err(_) => row.copy_from_slice(&sums[..width]),
            },
            Onto::C => {
                for (c, &sum) in row.iter_mut().zip(sums) {
                    *c = *c + sum;
                }
            }
            Onto::Row(first) => {
                for ((c, &sum), &first) in row.iter_mut().zip(sums).zip(first) {
                    *c = first + sum;
                }
            }
        }
    }
}

/// The sums of one tile, in registers until they are complete.
///
/// The sums go to C by way of `tile` so that the compiler keeps them in registers: it keeps an array
/// that is indexed by a variable in memory at every step.
#[inline(always)]
fn sum<F: Element, const FMA: bool, const R: usize, const W: usize>(
    a: &[F],
    (b, stride): Lines<'_, F>,
    tile: &mut [[F; W]; R],
) {
    let mut sums = [[F::default(); W]; R];
    for (a, b) in a.as_chunks::<R>().0.iter().zip(b.chunks(stride)) {
        let b = b.first_chunk::<W>().expect("a panel is as wide as its tile");
        // Row by row, written out: with a loop over the rows some heights are spilled.
        if R > 0 {
            sums[0] = row::<F, FMA, W>(a[0], b, sums[0]);
        }
        if R > 1 {
            sums[1] = row::<F, FMA, W>(a[1], b, sums[1]);
        }
        if R > 2 {
            sums[2] = row::<F, FMA, W>(a[2], b, sums[2]);
        }
        if R > 3 {
            sums[3] = row::<F, FMA, W>(a[3], b, sums[3]);
        }
        if R > 4 {
            sums[4] = row::<F, FMA, W>(a[4], b, sums[4]);
        }
        if R > 5 {
            sums[5] = row::<F, FMA, W>(a[5], b, sums[5]);
        }
        if R > 6 {
            sums[6] = row::<F, FMA, W>(a[6], b, sums[6]);
        }
        if R > 7 {
            sums[7] = row::<F, FMA, W>(a[7], b, sums[7]);
        }
        if R > 8 {
            sums[8] = row::<F, FMA, W>(a[8], b, sums[8]);
        }
        if R > 9 {
            sums[9] = row::<F, FMA, W>(a[9], b, sums[9]);
        }
        if R > 10 {
            sums[10] = row::<F, FMA, W>(a[10], b, sums[10]);
        }
        if R > 11 {
            sums[11] = row::<F, FMA, W>(a[11], b, sums[11]);
        }
    }
    *tile = sums;
}

/// `a * b + sums`, number by number.
#[inline(always)]
fn row<F: Element, const FMA: bool, const W: usize>(a: F, b: &[F; W], mut sums: [F; W]) -> [F; W] {
    for j in 0..W {
        sums[j] = a.multiply_add::<FMA>(b[j], sums[j]);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::float::Float;
    use super::super::simd::{Level, at_level};
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
        let thin = [[1, 17, 150], [150, 20, 1], [1, 150, 70], [90, 1, 75], [75, 150, 1]];
        for [m, k, n] in blocks.into_iter().chain(thin) {
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

//! Products whose left matrix holds zeros and ones only, as the units of a belief net, a Boltzmann machine or a black and white
//! picture: by the method of four Russians (Arlazarov, Dinic, Kronrod and Faradzhev 1970).
//!
//! A row of C is a sum of some rows of B. The rows of B are taken four at a time. All sixteen sums of some of the four are
//! written into a table, and each row of A adds one line of the table to its row of C: a quarter of the additions of a
//! plain product, and no multiplication. The work goes strip by strip: some columns of C, and so many tables at a time that they
//! stay in the cache.
//!
//! A row of B that no row of A takes is added nowhere, even if it holds infinities or NaN. The order of the additions
//! depends on the sizes alone, and nothing is fused, so that the result has the same bits on every processor.

use super::aligned::Aligned;
use super::element::Element;
use super::level::Kernel;
use super::packing::{Operand, pack};
use super::simd::{dispatch, dispatch_kernel};
use super::tile::Onto;
use std::cell::RefCell;

/// The bits that choose a line of a table.
const GROUP: usize = 4;
/// The lines of a table.
const LINES: usize = 1 << GROUP;
/// The rows of A whose sums are held in registers: 20 of 32. Batches are often multiples of five.
const ROWS: usize = 5;
/// The tables that are made at a time: at most 128 KiB of them, a part of the second-level cache.
const TABLES: usize = 32;

/// Below these sizes m, k and n the tables cost more than they save.
const LEAST: [usize; 3] = [40, 16, 16];

thread_local! {
    /// The bits of A, four to a number; they only grow.
    static CODES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The bits of some lines of A.
    static LINE: RefCell<Aligned<u8>> = RefCell::default();
}

/// Computes C = A B plus `onto` for the sizes m, k and n, if every number of A is zero or one and the sizes are worth it.
/// Returns true if it did; otherwise C is untouched.
///
/// The flags of A and B say that the numbers of one row of A, and of one column of B, are consecutive.
pub(super) fn bits<F: Element>(
    sizes: [usize; 3],
    a: Operand<'_, F>,
    b: Operand<'_, F>,
    (c, c_width): (&mut [F], usize),
    onto: Onto<'_, F>,
) -> bool {
    let small = sizes.iter().zip(LEAST).any(|(&size, least)| size < least);
    if small || !(a.0[0] == F::default() || a.0[0] == F::UNIT) {
        return false;
    }
    CODES.with_borrow_mut(|codes| {
        let [m, k, _] = sizes;
        let len = m.next_multiple_of(ROWS) * k.div_ceil(GROUP);
        super::grow(codes, len);
        let codes = &mut codes[..len];
        if !encode([m, k], a, codes) {
            return false;
        }
        F::buffers().with_borrow_mut(|(lines, tables)| {
            dispatch_kernel(Product {
                sizes,
                codes,
                b,
                c: (c, c_width),
                onto,
                lines: lines.first(TABLES * GROUP * WIDEST),
                tables: tables.first(TABLES * LINES * WIDEST),
            });
        });
        true
    })
}

/// Writes the codes of A, row by row: the bits of a row, four to a number. Rows beyond the last, which make their number a
/// multiple of [`ROWS`], are zero. Returns false if some number is neither zero nor one.
fn encode<F: Element>(
    [m, k]: [usize; 2],
    (a, along, stride): Operand<'_, F>,
    codes: &mut [u8],
) -> bool {
    let groups = k.div_ceil(GROUP);
    codes[m * groups..].fill(0);
    LINE.with_borrow_mut(|line| {
        if along {
            let line = line.first(groups * GROUP);
            line[k..].fill(0);
            let mut rows = codes.chunks_exact_mut(groups).take(m).enumerate();
            return rows.all(|(i, codes)| {
                let fits = read(&a[i * stride..][..k], &mut line[..k]);
                join(line, codes);
                fits
            });
        }
        let line = line.first(GROUP * m);
        (0..groups).all(|g| {
            let depth = GROUP.min(k - g * GROUP);
            line[depth * m..].fill(0);
            let fits = (0..depth).all(|p| {
                let from = &a[(g * GROUP + p) * stride..][..m];
                read(from, &mut line[p * m..][..m])
            });
            join_lines(line, m);
            for (code, to) in line[..m].iter().zip(codes[g..].iter_mut().step_by(groups)) {
                *to = *code;
            }
            fits
        })
    })
}

/// Writes one for one and zero for zero; returns false if there is another number.
fn read<F: Element>(from: &[F], to: &mut [u8]) -> bool {
    dispatch(
        #[inline(always)]
        || {
            let mut others = 0;
            for (to, &x) in to.iter_mut().zip(from) {
                let one = u8::from(x == F::UNIT);
                others |= 1 - (one | u8::from(x == F::default()));
                *to = one;
            }
            others == 0
        },
    )
}

/// The factor that moves the lowest bits of four bytes, the first byte lowest, into the highest byte.
const GATHER: u32 = 1 << 24 | 1 << 17 | 1 << 10 | 1 << 3;

/// Writes four bits that follow each other as one code.
fn join(bits: &[u8], codes: &mut [u8]) {
    dispatch(
        #[inline(always)]
        || {
            for (code, four) in codes.iter_mut().zip(bits.as_chunks::<GROUP>().0) {
                *code = (u32::from_le_bytes(*four).wrapping_mul(GATHER) >> 24) as u8;
            }
        },
    );
}

/// Writes the bits of four lines of length `m` as codes into the first line.
fn join_lines(lines: &mut [u8], m: usize) {
    dispatch(
        #[inline(always)]
        || {
            let (first, rest) = lines.split_at_mut(m);
            let [second, third, fourth]: [&[u8]; 3] = std::array::from_fn(|p| &rest[p * m..][..m]);
            for i in 0..m {
                first[i] |= second[i] << 1 | third[i] << 2 | fourth[i] << 3;
            }
        },
    );
}

/// The widest strip, in numbers.
const WIDEST: usize = 64;

/// One call of [`bits`].
struct Product<'a, F> {
    /// m, k and n.
    sizes: [usize; 3],
    codes: &'a [u8],
    b: Operand<'a, F>,
    /// C and its stride.
    c: (&'a mut [F], usize),
    onto: Onto<'a, F>,
    /// Room for the rows of B that go into tables.
    lines: &'a mut [F],
    /// Room for tables.
    tables: &'a mut [F],
}

impl<F: Element> Kernel for Product<'_, F> {
    /// Picks the width for which the sums of [`ROWS`] rows are held in registers: four vectors of 32 registers, or two of 16.
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(mut self) {
        match (BYTES, size_of::<F>()) {
            (64, 4) => self.strips::<64, 32, 16>(),
            (64, _) => self.strips::<32, 16, 8>(),
            (32, 4) => self.strips::<16, 8, 4>(),
            (32, _) => self.strips::<8, 4, 2>(),
            (_, 4) => self.strips::<8, 4, 2>(),
            _ => self.strips::<4, 2, 1>(),
        }
    }
}

impl<F: Element> Product<'_, F> {
    /// All strips of W columns; the last one is as narrow as one of the three widths allows.
    #[inline(always)]
    fn strips<const W: usize, const HALF: usize, const QUARTER: usize>(&mut self) {
        let n = self.sizes[2];
        for j in (0..n).step_by(W) {
            let width = W.min(n - j);
            if width <= QUARTER {
                self.strip::<QUARTER>(j, width);
            } else if width <= HALF {
                self.strip::<HALF>(j, width);
            } else {
                self.strip::<W>(j, width);
            }
        }
    }

    /// The `width` columns of C from column `j` on.
    #[inline(always)]
    fn strip<const W: usize>(&mut self, j: usize, width: usize) {
        let Self { sizes: [m, k, _], codes, b, c: (c, c_width), onto, lines, tables } = self;
        let (m, k, c_width, groups) = (*m, *k, *c_width, k.div_ceil(GROUP));
        for first in (0..groups).step_by(TABLES) {
            let count = TABLES.min(groups - first);
            let depth = (k - first * GROUP).min(count * GROUP);
            let tables = &mut tables.as_chunks_mut::<W>().0.as_chunks_mut::<LINES>().0[..count];
            let (numbers, along, stride) = *b;
            let lines = &mut lines[..count * GROUP * W];
            if along {
                let squares = lines.as_chunks_mut::<GROUP>().0.as_chunks_mut::<W>().0;
                write_squares(
                    &numbers[j * stride + first * GROUP..],
                    stride,
                    [width, depth],
                    squares,
                );
                for (table, square) in tables.iter_mut().zip(squares) {
                    write_table(table, |j| square[j]);
                }
            } else if width == W && depth == count * GROUP {
                // Rows of B are read where they lie, if they are whole and there are four for each table.
                for (g, table) in (first..).zip(&mut *tables) {
                    let [a, b, c, d]: [&[F; W]; GROUP] = std::array::from_fn(|p| {
                        let row = &numbers[(g * GROUP + p) * stride + j..];
                        row.first_chunk().expect("a row is as wide")
                    });
                    write_table(table, |j| [a[j], b[j], c[j], d[j]]);
                }
            } else {
                lines[depth * W..].fill(F::default());
                pack::<F, W>(*b, j, width, first * GROUP, &mut lines[..depth * W]);
                let fours = lines.as_chunks::<W>().0.as_chunks::<GROUP>().0;
                for (table, [a, b, c, d]) in tables.iter_mut().zip(fours) {
                    write_table(table, |j| [a[j], b[j], c[j], d[j]]);
                }
            }
            for (i, codes) in codes.chunks_exact(ROWS * groups).enumerate() {
                let codes = std::array::from_fn(|row| &codes[row * groups + first..][..count]);
                let height = ROWS.min(m - i * ROWS);
                let c = &mut c[i * ROWS * c_width + j..];
                let before = match onto {
                    Onto::Row(row) if first == 0 => Before::Row(&row[j..][..width]),
                    Onto::Nothing if first == 0 => Before::Nothing,
                    _ => Before::C,
                };
                if height == ROWS && width == W {
                    whole_tile(codes, tables, before, c, c_width);
                } else {
                    tile(codes, tables, before, (c, c_width), [height, width]);
                }
            }
        }
    }
}

/// The numbers to which a block of tables adds.
#[derive(Clone, Copy)]
enum Before<'a, F> {
    Nothing,
    C,
    Row(&'a [F]),
}

/// A tile of C with all its rows and columns, which is read and written in place.
#[inline(always)]
fn whole_tile<F: Element, const W: usize>(
    codes: [&[u8]; ROWS],
    tables: &[[[F; W]; LINES]],
    before: Before<'_, F>,
    c: &mut [F],
    c_width: usize,
) {
    let mut rows = c.chunks_mut(c_width);
    let rows: [&mut [F; W]; ROWS] = std::array::from_fn(|_| {
        let row = rows.next().expect("a whole tile has all its rows");
        row.first_chunk_mut().expect("a whole tile has all its columns")
    });
    let sums: [[F; W]; ROWS] = match before {
        Before::Nothing => [[F::default(); W]; ROWS],
        Before::C => std::array::from_fn(|i| *rows[i]),
        Before::Row(row) => [*row.first_chunk().expect("a row is as wide as its tile"); ROWS],
    };
    let sums = add::<F, W>(codes, tables, sums);
    for (row, sums) in rows.into_iter().zip(sums) {
        *row = sums;
    }
}

/// A tile at the edge of C.
#[inline(always)]
fn tile<F: Element, const W: usize>(
    codes: [&[u8]; ROWS],
    tables: &[[[F; W]; LINES]],
    before: Before<'_, F>,
    (c, c_width): (&mut [F], usize),
    [height, width]: [usize; 2],
) {
    let mut sums = [[F::default(); W]; ROWS];
    for (row, sums) in sums.iter_mut().enumerate().take(height) {
        match before {
            Before::Nothing => {}
            Before::C => sums[..width].copy_from_slice(&c[row * c_width..][..width]),
            Before::Row(line) => sums[..width].copy_from_slice(line),
        }
    }
    let sums = add::<F, W>(codes, tables, sums);
    for (row, sums) in sums.iter().enumerate().take(height) {
        c[row * c_width..][..width].copy_from_slice(&sums[..width]);
    }
}

/// Copies `count` lines of length `depth`, which lie `stride` apart, four numbers of each line side by side: square $g$ holds the
/// numbers $4g$ to $4g + 3$ of every line. Numbers beyond the end of a line, and lines beyond the last, are zero.
///
/// In a square the four numbers of a column of B follow each other, so that the compiler reads whole vectors and permutes them.
#[inline(always)]
fn write_squares<F: Element, const W: usize>(
    lines: &[F],
    stride: usize,
    [count, depth]: [usize; 2],
    squares: &mut [[[F; GROUP]; W]],
) {
    // So many numbers of a line at a time: whole lines of the cache, and few enough squares for the first level.
    const STEPS: usize = 32;
    for (at, squares) in (0..depth).step_by(STEPS).zip(squares.chunks_mut(STEPS / GROUP)) {
        for q in 0..count {
            let line = &lines[q * stride + at..][..STEPS.min(depth - at)];
            let (fours, rest) = line.as_chunks::<GROUP>();
            for (square, four) in squares.iter_mut().zip(fours) {
                square[q] = *four;
            }
            if !rest.is_empty() {
                let four = &mut squares[fours.len()][q];
                four[..rest.len()].copy_from_slice(rest);
                four[rest.len()..].fill(F::default());
            }
        }
        for square in squares {
            square[count..].fill([F::default(); GROUP]);
        }
    }
}

/// Writes a table: line `s` is the sum of those of four rows of B whose bits are set in `s`; `four` are their numbers in a column.
#[inline(always)]
fn write_table<F: Element, const W: usize>(
    table: &mut [[F; W]; LINES],
    four: impl Fn(usize) -> [F; GROUP],
) {
    // Written out as one loop over the columns, so that all sums of a vector of columns are made in registers.
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = table;
    for j in 0..W {
        let [a, b, c, d] = four(j);
        (t0[j], t1[j], t2[j], t3[j]) = (F::default(), a, b, a + b);
        (t4[j], t5[j], t6[j], t7[j]) = (c, a + c, b + c, a + b + c);
        (t8[j], t9[j], t10[j], t11[j]) = (d, a + d, b + d, a + b + d);
        (t12[j], t13[j], t14[j], t15[j]) = (c + d, a + c + d, b + c + d, a + b + c + d);
    }
}

/// Adds the lines that the codes of each row choose, group by group. The sums stay in registers, for which the rows are
/// written out.
#[inline(always)]
fn add<F: Element, const W: usize>(
    codes: [&[u8]; ROWS],
    tables: &[[[F; W]; LINES]],
    [mut a, mut b, mut c, mut d, mut e]: [[F; W]; ROWS],
) -> [[F; W]; ROWS] {
    let codes = codes.map(|codes| &codes[..tables.len()]);
    for (g, table) in tables.iter().enumerate() {
        let line = |row: usize| &table[usize::from(codes[row][g]) % LINES];
        a = sum(a, line(0));
        b = sum(b, line(1));
        c = sum(c, line(2));
        d = sum(d, line(3));
        e = sum(e, line(4));
    }
    [a, b, c, d, e]
}

#[inline(always)]
fn sum<F: Element, const W: usize>(mut sums: [F; W], line: &[F; W]) -> [F; W] {
    for j in 0..W {
        sums[j] = sums[j] + line[j];
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::float::Float;
    use super::super::level::{Level, at_level};
    use super::*;

    /// Compares one product with the definition, inside margins that must stay untouched.
    fn check<F: Float>([m, k, n]: [usize; 3], [ta, tb]: [bool; 2], onto: usize, pad: usize) {
        let pick = |len: usize, seed: usize, modulus: usize| -> Vec<usize> {
            (0..len).map(|i| (i * 37 + seed * 11 + i / 7 + i * i % 13) % modulus).collect()
        };
        // Small integers: every order of summation is exact.
        let numbers = |len, seed| -> Vec<F> {
            pick(len, seed, 15).into_iter().map(|x| F::from_f64(x as f64 - 7.0)).collect()
        };
        let a_width = if ta { m } else { k } + pad;
        let b_width = if tb { k } else { n } + 2 * pad;
        let c_width = n + pad;
        let zero_or_one = |x| F::from_f64(x as f64);
        let a: Vec<F> =
            pick(if ta { k } else { m } * a_width, 1, 2).into_iter().map(zero_or_one).collect();
        let b = numbers(if tb { n } else { k } * b_width, 2);
        let (before, row) = (numbers(m * c_width + 64, 3), numbers(n, 4));
        let mut c = before.clone();
        let added = [Onto::Nothing, Onto::C, Onto::Row(&row)][onto];
        let (left, right) = ((&a[..], !ta, a_width), (&b[..], tb, b_width));
        assert!(bits([m, k, n], left, right, (&mut c, c_width), added));
        for (at, (&got, &was)) in c.iter().zip(&before).enumerate() {
            let (i, j) = (at / c_width, at % c_width);
            let mut want = was;
            if i < m && j < n {
                want = [F::ZERO, was, row[j]][onto];
                for p in 0..k {
                    want += a[if ta { p * a_width + i } else { i * a_width + p }]
                        * b[if tb { j * b_width + p } else { p * b_width + j }];
                }
            }
            assert_eq!(got, want, "{:?} at {i}, {j}", ([m, k, n], ta, tb, onto, pad));
        }
    }

    #[test]
    fn products_of_bits_agree_with_the_definition_at_every_size_and_layout() {
        let sizes = [
            (40, 16, 16),
            (43, 18, 21),
            (50, 150, 70),
            (97, 19, 17),
            (150, 40, 64),
            (101, 33, 100),
            (100, 170, 148),
            (98, 131, 35),
        ];
        for (m, k, n) in sizes {
            for variant in 0..12 {
                let [ta, tb] = [0, 1].map(|bit| variant >> bit & 1 == 1);
                for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                    at_level(level, || {
                        check::<f32>([m, k, n], [ta, tb], variant / 4, variant % 3);
                        check::<f64>([m, k, n], [ta, tb], variant / 4, variant % 3);
                    });
                }
            }
        }
    }

    #[test]
    fn another_number_anywhere_is_found_and_nothing_is_written() {
        let (m, k, n) = (100, 18, 20);
        let b = vec![1.0_f64; k * n];
        for at in [0, 1, 17, 18, 99, 100, 200, m * k - 1] {
            for along in [true, false] {
                for other in [0.5, -1.0, 2.0, f64::NAN, f64::INFINITY, 1e-300] {
                    let mut a = vec![1.0; m * k];
                    a[at] = other;
                    let mut c = vec![3.0; m * n];
                    let left = (&a[..], along, if along { k } else { m });
                    let done = bits([m, k, n], left, (&b, false, n), (&mut c, n), Onto::Nothing);
                    assert!(!done && c.iter().all(|&x| x == 3.0));
                }
            }
        }
    }

    #[test]
    fn every_vector_width_gives_the_same_bits() {
        let (m, k, n) = (100, 140, 150);
        let a: Vec<f32> = (0..m * k).map(|i| (i * i % 7 % 2) as f32).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.7).sin()).collect();
        let results = [Level::Baseline, Level::Avx2, Level::Avx512].map(|level| {
            let mut c = vec![0.0; m * n];
            at_level(level, || {
                assert!(bits([m, k, n], (&a, true, k), (&b, false, n), (&mut c, n), Onto::Nothing));
            });
            c
        });
        assert!(results[0] == results[1] && results[1] == results[2]);
    }

    #[test]
    #[ignore = "timing"]
    fn timing_of_a_product() {
        for ([m, k, n], ta, tb) in [
            ([50, 784, 500], false, false),
            ([50, 500, 784], false, true),
            ([100, 784, 500], false, false),
            ([100, 500, 784], false, true),
            ([784, 100, 500], true, false),
            ([784, 200, 500], true, false),
        ] {
            let a: Vec<f32> = (0..m * k).map(|i| (i * i % 7 % 2) as f32).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.7).sin()).collect();
            let mut c = vec![0.0; m * n];
            let left = (&a[..], !ta, if ta { m } else { k });
            let right = (&b[..], tb, if tb { k } else { n });
            let least = |work: &mut dyn FnMut()| {
                let time = |_| {
                    let start = std::time::Instant::now();
                    work();
                    start.elapsed().as_secs_f64() * 1e6
                };
                (0..200).map(time).fold(f64::INFINITY, f64::min)
            };
            let fast =
                least(&mut || assert!(bits([m, k, n], left, right, (&mut c, n), Onto::Nothing)));
            let mut codes = vec![0; m.next_multiple_of(ROWS) * k.div_ceil(GROUP)];
            let coded = least(&mut || assert!(encode([m, k], left, &mut codes)));
            let other: Vec<f32> = a.iter().map(|x| x + 0.5).collect();
            let layout =
                |at, width, transposed| super::super::gemm::Layout { at, width, transposed };
            let plain = least(&mut || {
                let (la, lb) = (layout(0, left.2, ta), layout(0, right.2, tb));
                super::super::gemm::gemm(
                    [m, k, n],
                    (&other, la),
                    (&b, lb),
                    (&mut c, layout(0, n, false)),
                    false,
                );
            });
            println!("{m} {k} {n}: bits {fast:.0} us, of it codes {coded:.0}; plain {plain:.0}");
        }
    }
}

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
use super::level::registers;
use super::packing::{DealOut, Operand};
use super::simd::{compute, dispatch};
use super::tables::{Codes, GROUP, LINES, Panels, Rows, Start, Tables, line, unit};
use super::tile::Onto;
use std::cell::RefCell;

/// The bytes of the tables that are made at a time, which stay in or near the first-level cache. Half as many are slower.
const TABLES: usize = 32 << 10;

/// Below these sizes m, k and n the tables cost more than they save.
const LEAST: [usize; 3] = [40, 16, 16];

thread_local! {
    /// The codes of A; they only grow.
    static CODES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// The units of some lines of A: zero, or the code of line 1.
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
    c: (&mut [F], usize),
    onto: Onto<'_, F>,
) -> bool {
    let small = sizes.iter().zip(LEAST).any(|(&size, least)| size < least);
    if small || !(a.0[0] == F::default() || a.0[0] == F::UNIT) {
        return false;
    }
    CODES.with_borrow_mut(|codes| {
        let [m, k, _] = sizes;
        let panels = Panels::new(m, registers::<F>().height, k.div_ceil(GROUP));
        super::grow(codes, panels.codes());
        let codes = &mut codes[..panels.codes()];
        codes.fill(0);
        let fits = encode(panels, k, a, codes);
        if fits {
            let codes = Codes::new(panels, codes, unit::<F>());
            strips(sizes, &codes, b, c, onto);
        }
        fits
    })
}

/// The product by strips of columns, two vectors wide. The sums of a strip lie side by side in whole vectors until they are
/// complete.
fn strips<F: Element>(
    [m, k, n]: [usize; 3],
    codes: &Codes<'_>,
    (b, along, stride): Operand<'_, F>,
    (c, step): (&mut [F], usize),
    onto: Onto<'_, F>,
) {
    let (line, groups) = (line::<F>(), k.div_ceil(GROUP));
    F::buffers().with_borrow_mut(|(tables, sums)| {
        let most = TABLES / (LINES * line * size_of::<F>());
        let (tables, turned) =
            tables.first(most * (LINES + GROUP) * line).split_at_mut(most * LINES * line);
        let sums = sums.first(m * line);
        for j in (0..n).step_by(line) {
            let width = line.min(n - j);
            for first in (0..groups).step_by(most) {
                let count = most.min(groups - first);
                let k0 = first * GROUP;
                let depth = (k - k0).min(count * GROUP);
                let lines = if along {
                    let lines = (&b[j * stride + k0..], stride);
                    compute(DealOut { lines, sizes: [width, depth], to: (&mut *turned, line) });
                    (&*turned, line)
                } else {
                    (&b[k0 * stride + j..], stride)
                };
                compute(Tables { width, depth, lines, tables: &mut *tables });
                let last = first + count == groups;
                let (strip, rows) = (&mut *sums, &mut c[j..]);
                let (start, c) = match (first, onto, last) {
                    (0, Onto::Nothing, true) => (Start::Nothing, (rows, step)),
                    (0, Onto::C, true) => (Start::Present, (rows, step)),
                    (0, Onto::Row(row), true) => (Start::Lines((&row[j..], 0)), (rows, step)),
                    (0, Onto::Nothing, false) => (Start::Nothing, (strip, line)),
                    (0, Onto::C, false) => (Start::Lines((&*rows, step)), (strip, line)),
                    (0, Onto::Row(row), false) => (Start::Lines((&row[j..], 0)), (strip, line)),
                    (_, _, false) => (Start::Present, (strip, line)),
                    (_, _, true) => (Start::Lines((&*strip, line)), (rows, step)),
                };
                compute(Rows { codes, first, count, width, tables: &*tables, c, start });
            }
        }
    });
}

/// Writes the codes of A: panel by panel those of its first table, one for each row, then those of the next. Returns false if
/// some number is neither zero nor one.
fn encode<F: Element>(
    panels: Panels,
    k: usize,
    (a, along, stride): Operand<'_, F>,
    codes: &mut [u8],
) -> bool {
    let (m, groups) = (panels.rows(), k.div_ceil(GROUP));
    let unit = unit::<F>();
    LINE.with_borrow_mut(|line| {
        if along {
            let (line, joined) = line.first(groups * (GROUP + 1)).split_at_mut(groups * GROUP);
            line[k..].fill(0);
            return panels.iter(0).all(|(first, height, at)| {
                let codes = &mut codes[at..][..groups * panels.line()];
                (0..height).all(|i| {
                    let fits = read(&a[(first + i) * stride..][..k], &mut line[..k], unit);
                    join(line, joined);
                    for (to, code) in codes[i..].iter_mut().step_by(panels.line()).zip(&*joined) {
                        *to = *code;
                    }
                    fits
                })
            });
        }
        let line = line.first(GROUP * m);
        (0..groups).all(|g| {
            let depth = GROUP.min(k - g * GROUP);
            line[depth * m..].fill(0);
            let fits = (0..depth).all(|p| {
                let from = &a[(g * GROUP + p) * stride..][..m];
                read(from, &mut line[p * m..][..m], unit)
            });
            join_lines(line, m);
            for (first, height, at) in panels.iter(0) {
                codes[at + g * panels.line()..][..height].copy_from_slice(&line[first..][..height]);
            }
            fits
        })
    })
}

/// Writes `unit` for one and zero for zero; returns false if there is another number.
fn read<F: Element>(from: &[F], to: &mut [u8], unit: u8) -> bool {
    dispatch(
        #[inline(always)]
        || {
            let mut others = 0;
            for (to, &x) in to.iter_mut().zip(from) {
                let one = u8::from(x == F::UNIT);
                others |= 1 - (one | u8::from(x == F::default()));
                *to = one * unit;
            }
            others == 0
        },
    )
}

/// The factor that moves one bit of each of four bytes, the same in each and at most the fifth, side by side into the highest byte,
/// that of the first byte lowest.
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
            let panels = Panels::new(m, registers::<f32>().height, k.div_ceil(GROUP));
            let mut codes = vec![0; panels.codes()];
            let coded = least(&mut || assert!(encode(panels, k, left, &mut codes)));
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

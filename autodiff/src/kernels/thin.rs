//! Products with a vector, and of a column with a row: no number is read often enough to be packed.
//!
//! Depending on its layout, a matrix times a vector is a *combination* of lines (the vector holds their
//! weights) or a *dot product* for each line. Combinations add in increasing order; dot products add in
//! sixty-four lanes, folded in halves. As in any product, the rounding also depends on whether the
//! processor fuses.

use super::element::Element;
use super::fold::fold;
use super::level::Kernel;
use super::simd::dispatch_kernel;
use super::tile::Lines;

/// Numbers that a combination or a dot product holds in registers.
const WIDE: usize = 64;
/// The numbers that are held for what [`WIDE`] leaves over.
const NARROW: usize = 16;
/// The numbers of the last, short piece of a dot product.
const HALF: usize = NARROW / 2;

/// A product without packing.
enum Thin<'a, F> {
    /// $y = \sum_p x_p \cdot \text{line}_p$.
    Combine(Lines<'a, F>, &'a [F]),
    /// $y_i = \text{line}_i \cdot x$.
    Dot(Lines<'a, F>, &'a [F]),
    /// $\text{line}_i$ of the result is $a_i b$, with the elements of $a$ so far apart.
    Outer(Lines<'a, F>, &'a [F], usize),
}

/// Computes C = A B, or C += A B if `keep`, for the sizes m, k and n, if it is a thin product. Returns true if it is.
///
/// An operand is a slice, a flag for a transposed layout, and the stride of its rows.
pub(super) fn thin<F: Element>(
    [m, k, n]: [usize; 3],
    (a, ta, a_width): (&[F], bool, usize),
    (b, tb, b_width): (&[F], bool, usize),
    (c, c_width): (&mut [F], usize),
    keep: bool,
) -> bool {
    // True if a matrix of one row or one column lies in one piece.
    let piece = |along: bool, width: usize| along || width == 1;
    let (len, work) = if n == 1 && c_width == 1 && piece(tb, b_width) {
        let (lines, x) = ((a, a_width), &b[..k]);
        (m, if ta { Thin::Combine(lines, x) } else { Thin::Dot(lines, x) })
    } else if m == 1 && piece(!ta, a_width) {
        let (lines, x) = ((b, b_width), &a[..k]);
        (n, if tb { Thin::Dot(lines, x) } else { Thin::Combine(lines, x) })
    } else if k == 1 && piece(!tb, b_width) {
        let step = if ta { 1 } else { a_width };
        (m * c_width - c_width + n, Thin::Outer((a, step), &b[..n], c_width))
    } else {
        return false;
    };
    dispatch_kernel(Product { work, c: &mut c[..len], keep });
    true
}

struct Product<'a, F> {
    work: Thin<'a, F>,
    c: &'a mut [F],
    keep: bool,
}

impl<F: Element> Kernel for Product<'_, F> {
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        let Self { work, c, keep } = self;
        match work {
            Thin::Combine(lines, x) => {
                let len = c.len();
                let (wide, narrow) = (len - len % WIDE, len - len % NARROW);
                for at in (0..wide).step_by(WIDE) {
                    combine::<F, FMA, WIDE>(lines, x, c, at, at, keep);
                }
                for at in (wide..narrow).step_by(NARROW) {
                    combine::<F, FMA, NARROW>(lines, x, c, at, at, keep);
                }
                if narrow < len && len >= NARROW {
                    combine::<F, FMA, NARROW>(lines, x, c, len - NARROW, narrow, keep);
                } else {
                    for at in narrow..len {
                        combine::<F, FMA, 1>(lines, x, c, at, at, keep);
                    }
                }
            }
            Thin::Dot((lines, stride), x) => {
                for (i, y) in c.iter_mut().enumerate() {
                    let sum = dot::<F, FMA>(&lines[i * stride..][..x.len()], x);
                    *y = if keep { *y + sum } else { sum };
                }
            }
            Thin::Outer((a, step), b, width) => {
                for (i, row) in c.chunks_mut(width).enumerate() {
                    let (a, row) = (a[i * step], &mut row[..b.len()]);
                    if keep {
                        for (y, &b) in row.iter_mut().zip(b) {
                            *y = a.multiply_add::<FMA>(b, *y);
                        }
                    } else {
                        for (y, &b) in row.iter_mut().zip(b) {
                            *y = a.multiply_add::<FMA>(b, F::default());
                        }
                    }
                }
            }
        }
    }
}

/// The W numbers of a combination at `start`, of which those before `from` are left as they are.
#[inline(always)]
fn combine<F: Element, const FMA: bool, const W: usize>(
    (lines, stride): Lines<'_, F>,
    x: &[F],
    y: &mut [F],
    start: usize,
    from: usize,
    keep: bool,
) {
    let y: &mut [F; W] = y[start..].first_chunk_mut().expect("there are W numbers from here on");
    let mut sums = if keep { *y } else { [F::default(); W] };
    for (p, &x) in x.iter().enumerate() {
        let line: &[F; W] = lines[p * stride + start..].first_chunk().expect("as above");
        for j in 0..W {
            sums[j] = x.multiply_add::<FMA>(line[j], sums[j]);
        }
    }
    if from == start {
        *y = sums;
    } else {
        y[from - start..].copy_from_slice(&sums[from - start..]);
    }
}

/// Lanes in one line of the cache: they lie in memory while numbers of a short piece are added, and a line that is cut in two
/// makes the sums of a short product a quarter slower.
#[repr(align(64))]
struct Lanes<F>([F; NARROW]);

/// $\sum_i a_i b_i$.
#[inline(always)]
fn dot<F: Element, const FMA: bool>(a: &[F], b: &[F]) -> F {
    let ((a_wide, a), (b_wide, b)) = (a.as_chunks::<WIDE>(), b.as_chunks::<WIDE>());
    let mut lanes = Lanes([F::default(); NARROW]);
    let sums = &mut lanes.0;
    if !a_wide.is_empty() {
        let mut wide = [F::default(); WIDE];
        for (a, b) in a_wide.iter().zip(b_wide) {
            for j in 0..WIDE {
                wide[j] = a[j].multiply_add::<FMA>(b[j], wide[j]);
            }
        }
        *sums = fold(wide, F::add);
    }
    let ((a_narrow, a), (b_narrow, b)) = (a.as_chunks::<NARROW>(), b.as_chunks::<NARROW>());
    for (a, b) in a_narrow.iter().zip(b_narrow) {
        for j in 0..NARROW {
            sums[j] = a[j].multiply_add::<FMA>(b[j], sums[j]);
        }
    }
    let mut rest = 0;
    if let (Some(a), Some(b)) = (a.first_chunk::<HALF>(), b.first_chunk::<HALF>()) {
        for j in 0..HALF {
            sums[j] = a[j].multiply_add::<FMA>(b[j], sums[j]);
        }
        rest = HALF;
    }
    for ((sum, &a), &b) in sums[rest..].iter_mut().zip(&a[rest..]).zip(&b[rest..]) {
        *sum = a.multiply_add::<FMA>(b, *sum);
    }
    let [sum] = fold(lanes.0, F::add);
    sum
}

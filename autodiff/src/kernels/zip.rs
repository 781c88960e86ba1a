//! Elementwise functions of two arguments that broadcast.
//!
//! The index space is that of the result. Neighbouring axes with joint strides on all sides are joined. The innermost
//! axis is cut into tiles, and a side of stride zero is repeated over a tile on the stack. So the only loops with
//! arithmetic in them run over plain slices, one loop for each row of the table.

use crate::kernels::float::Float;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::{is_long, join, sum, two_sum};
use crate::kernels::walk::{collapse, odometer};
use crate::numbers::binary::binary;
use crate::numbers::ops::Binary;
use crate::numbers::shape::strides;
use crate::numbers::table::column;
use smallvec::SmallVec;

/// The length of a tile: small enough for the first-level cache, long enough that the cost of the call vanishes.
const TILE: usize = 256;

/// A tensor to read: its numbers and the lengths of its axes.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, F> {
    /// The numbers, row by row.
    pub values: &'a [F],
    /// The lengths of the axes.
    pub dims: &'a [usize],
}

impl<'a, F> View<'a, F> {
    /// A number as a tensor of shape `[]`.
    pub(crate) fn number(c: &'a F) -> Self {
        Self { values: std::slice::from_ref(c), dims: &[] }
    }
}

/// Writes the two tile kernels from the table.
macro_rules! zip_loops {
    ($($(#[$doc:meta])* $name:ident $method:ident($a:ident, $b:ident, $y:ident) $columns:tt)*) => {
        /// $y_i = f(a_i, b_i)$.
        pub(crate) fn tile<F: Float>(f: Binary, a: &[F], b: &[F], y: &mut [F]) {
            let n = y.len();
            let (a, b) = (&a[..n], &b[..n]);
            match f {
                $(Binary::$name => dispatch(#[inline(always)] || {
                    for i in 0..n {
                        let ($a, $b) = (a[i], b[i]);
                        y[i] = column!(value $method($a, $b) $columns);
                    }
                }),)*
            }
        }

        /// $\bar a_i \mathrel{+}= \bar y_i \partial f$ of one side.
        pub(crate) fn slope_tile<F: Float>(
            f: Binary,
            side: usize,
            a: &[F],
            b: &[F],
            y: &[F],
            y_bar: &[F],
            bar: &mut [F],
        ) {
            let n = bar.len();
            let (a, b, y, y_bar) = (&a[..n], &b[..n], &y[..n], &y_bar[..n]);
            match (f, side) {
                $((Binary::$name, 0) => dispatch(#[inline(always)] || {
                    for i in 0..n {
                        let ($a, $b, $y) = (a[i], b[i], y[i]);
                        let _ = ($a, $b, $y);
                        bar[i] += y_bar[i].mul_no_nan(column!(slope 0($a) $columns));
                    }
                }),
                (Binary::$name, _) => dispatch(#[inline(always)] || {
                    for i in 0..n {
                        let ($a, $b, $y) = (a[i], b[i], y[i]);
                        let _ = ($a, $b, $y);
                        bar[i] += y_bar[i].mul_no_nan(column!(slope 1($a) $columns));
                    }
                }),)*
            }
        }
    };
}
binary!(zip_loops);

/// One tile of a side: its numbers themselves, or one number repeated over the tile.
#[inline(always)]
fn tile_of<'a, F: Float>(
    values: &'a [F],
    at: isize,
    stride: isize,
    n: usize,
    spread: &'a mut [F; TILE],
) -> &'a [F] {
    let at = at as usize;
    if stride == 1 {
        &values[at..at + n]
    } else {
        spread[..n].fill(values[at]);
        &spread[..n]
    }
}

/// The axes of a result, and the strides of its four sides along them.
struct Tiling {
    dims: SmallVec<[usize; 6]>,
    sides: [SmallVec<[isize; 6]>; 4],
    inner: usize,
    step: [isize; 4],
}

impl Tiling {
    fn new(dims: &[usize], sides: [&[usize]; 4]) -> Self {
        let size = |dims: &[usize]| dims.iter().product::<usize>();
        let (inner, sizes) = (size(dims), sides.map(size));
        // Most sides are whole or a single number: they form one line.
        if sizes.iter().all(|&n| n == inner || n == 1) {
            let step = sizes.map(|n| isize::from(n == inner));
            return Self { dims: SmallVec::new(), sides: Default::default(), inner, step };
        }
        let mut sides = sides.map(|side| strides(side, dims.len()));
        let mut dims: SmallVec<[usize; 6]> = SmallVec::from_slice(dims);
        let [a, b, c, d] = &mut sides;
        collapse(&mut dims, &mut [a, b, c, d]);
        let inner = dims.pop().unwrap_or(1);
        let step = std::array::from_fn(|side| sides[side].pop().unwrap_or(1));
        Self { dims, sides, inner, step }
    }

    /// Visits every tile with the four positions and its length.
    fn tiles(&self, whole: bool, mut visit: impl FnMut([isize; 4], usize)) {
        let most = if whole { self.inner.max(1) } else { TILE };
        let sides =
            [&self.sides[0][..], &self.sides[1][..], &self.sides[2][..], &self.sides[3][..]];
        odometer(&self.dims, sides, [0; 4], |at| {
            let mut done = 0;
            while done < self.inner {
                let n = most.min(self.inner - done);
                let moved = done as isize;
                visit(std::array::from_fn(|s| at[s] + moved * self.step[s]), n);
                done += n;
            }
        });
    }
}

/// $y = f(a, b)$, broadcasting to the axes `dims` of the result.
pub(crate) fn zip<F: Float>(f: Binary, a: View<F>, b: View<F>, dims: &[usize], y: &mut [F]) {
    if a.dims == b.dims {
        return tile(f, a.values, b.values, y);
    }
    let tiling = Tiling::new(dims, [a.dims, b.dims, dims, dims]);
    let whole = tiling.step == [1; 4];
    let (mut spread_a, mut spread_b) = ([F::ZERO; TILE], [F::ZERO; TILE]);
    tiling.tiles(whole, |[i, j, k, _], n| {
        let a = tile_of(a.values, i, tiling.step[0], n, &mut spread_a);
        let b = tile_of(b.values, j, tiling.step[1], n, &mut spread_b);
        tile(f, a, b, &mut y[k as usize..k as usize + n]);
    });
}

/// The adjoint of argument `side`, of axes `bar_dims`: $\bar a \mathrel{+}= \sum \bar y \partial f$,
/// summed wherever that argument was broadcast.
pub(crate) fn zip_slope<F: Float>(
    f: Binary,
    side: usize,
    [a, b]: [View<F>; 2],
    y: View<F>,
    y_bar: &[F],
    bar: &mut [F],
) {
    if a.dims == b.dims {
        return slope_tile(f, side, a.values, b.values, y.values, y_bar, bar);
    }
    let bar_dims = [a, b][side].dims;
    // The slopes of a sum and of a difference do not depend on the arguments.
    let linear = matches!(f, Binary::Add | Binary::Sub);
    if linear && bar.len() == y_bar.len() {
        return slope_tile(f, side, y_bar, y_bar, y_bar, y_bar, bar);
    }
    let tiling = Tiling::new(y.dims, [a.dims, b.dims, y.dims, bar_dims]);
    let whole = tiling.step == [1; 4];
    let (mut spread_a, mut spread_b) = ([F::ZERO; TILE], [F::ZERO; TILE]);
    // A long line is summed with its rounding errors, as in `kernels/sum.rs`.
    let long = is_long::<F>(tiling.inner);
    let (mut done, mut low) = (0, F::ZERO);
    let mut gains = [F::ZERO; TILE];
    tiling.tiles(whole, |[i, j, k, l], n| {
        let (k, l) = (k as usize, l as usize);
        let (y, y_bar) = (&y.values[k..k + n], &y_bar[k..k + n]);
        let [a, b] = match linear {
            true => [y_bar, y_bar],
            false => [
                tile_of(a.values, i, tiling.step[0], n, &mut spread_a),
                tile_of(b.values, j, tiling.step[1], n, &mut spread_b),
            ],
        };
        if tiling.step[3] == 1 {
            slope_tile(f, side, a, b, y, y_bar, &mut bar[l..l + n]);
        } else {
            let gains = &mut gains[..n];
            gains.fill(F::ZERO);
            slope_tile(f, side, a, b, y, y_bar, gains);
            let gain = sum(gains);
            if !long {
                bar[l] += gain;
                return;
            }
            done += n;
            (bar[l], low) = two_sum(bar[l], low, gain);
            if done == tiling.inner {
                bar[l] = join(bar[l], low);
                (done, low) = (0, F::ZERO);
            }
        }
    });
}

/// Adds `yes` where `mask` is not zero, else `no`, to `y` (of axes `y_dims`) over the index space `dims`.
pub(crate) fn select_add<F: Float>(
    [mask, yes, no]: [View<F>; 3],
    dims: &[usize],
    y: &mut [F],
    y_dims: &[usize],
) {
    let sides = [mask.dims, yes.dims, no.dims, y_dims].map(|side| strides(side, dims.len()));
    odometer(dims, [&sides[0], &sides[1], &sides[2], &sides[3]], [0; 4], |[m, i, j, k]| {
        let taken = if mask.values[m as usize] != F::ZERO {
            yes.values[i as usize]
        } else {
            no.values[j as usize]
        };
        y[k as usize] += taken;
    });
}

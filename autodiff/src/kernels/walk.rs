//! The strided walk: one kernel for everything that moves numbers without changing them.
//!
//! Broadcasting, summing over axes, permuting, slicing, padding and flipping all visit the points of one
//! index space and read one tensor and write another at positions linear in the index: an offset and a
//! stride per axis. A stride of zero repeats a number on the reading side and sums numbers on the writing side. The
//! adjoint of a walk is the walk with its two sides swapped.

use crate::kernels::float::Float;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::{add_columns, is_long, sum};
use smallvec::SmallVec;

type Steps = SmallVec<[isize; 6]>;

/// One side of a strided walk: the position where it begins, and its stride along each axis.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) offset: isize,
    pub(crate) strides: Steps,
}

/// A strided walk: an index space, the side that is read and the side that is written.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    pub(crate) dims: SmallVec<[usize; 6]>,
    pub(crate) from: Side,
    pub(crate) to: Side,
}

impl Walk {
    /// Joins neighbouring axes with joint strides.
    fn collapse(&mut self) {
        collapse(&mut self.dims, &mut [&mut self.from.strides, &mut self.to.strides]);
    }

    /// Calls `visit` for every line of the innermost axis: with the length of the line, its beginning on each side, and
    /// the stride of each side along it.
    fn lines(mut self, mut visit: impl FnMut(usize, [usize; 2], [isize; 2])) {
        if self.dims.contains(&0) {
            return;
        }
        let n = self.dims.pop().unwrap_or(1);
        let steps = [&mut self.from, &mut self.to].map(|side| side.strides.pop().unwrap_or(1));
        let starts = [self.from.offset, self.to.offset];
        odometer(&self.dims, [&self.from.strides, &self.to.strides], starts, |at| {
            visit(n, at.map(|place| place as usize), steps);
        });
    }

    /// True if the two innermost axes are the rows and columns of long sums of columns, in single precision.
    fn sums_columns<F: Float>(&self) -> bool {
        let rows = self.dims.len().wrapping_sub(2);
        self.dims.get(rows).is_some_and(|&n| is_long::<F>(n))
            && self.to.strides[rows..] == [0, 1]
            && self.from.strides[rows + 1] == 1
    }

    /// [`Walk::add`] of long sums of columns.
    fn add_columns<F: Float>(mut self, from: &[F], to: &mut [F]) {
        let mut pop = || Some((self.dims.pop()?, self.from.strides.pop()?, self.to.strides.pop()?));
        let [(columns, ..), (rows, stride, _)] =
            [pop(), pop()].map(|axis| axis.expect("two axes were seen"));
        let starts = [self.from.offset, self.to.offset];
        odometer(&self.dims, [&self.from.strides, &self.to.strides], starts, |[i, j]| {
            add_columns(
                rows,
                #[inline(always)]
                |row| &from[(i + row as isize * stride) as usize..][..columns],
                #[inline(always)]
                |x| x,
                &mut to[j as usize..][..columns],
            );
        });
    }

    /// `to += from` at every point of the index space.
    pub(crate) fn add<F: Float>(mut self, from: &[F], to: &mut [F]) {
        self.collapse();
        if self.sums_columns::<F>() {
            return self.add_columns(from, to);
        }
        self.lines(|n, [i, j], [r, w]| match (r, w) {
            (1, 1) => add_slice(&from[i..i + n], &mut to[j..j + n]),
            (0, 1) => add_number(from[i], &mut to[j..j + n]),
            (1, 0) => to[j] += sum(&from[i..i + n]),
            _ => {
                for k in 0..n as isize {
                    to[(j as isize + k * w) as usize] += from[(i as isize + k * r) as usize];
                }
            }
        });
    }

    /// `to = from` at every point of the index space. Each place of `to` must be reached exactly once.
    pub(crate) fn set<F: Float>(mut self, from: &[F], to: &mut [F]) {
        self.collapse();
        self.lines(|n, [i, j], [r, w]| match (r, w) {
            (1, 1) => to[j..j + n].copy_from_slice(&from[i..i + n]),
            (0, 1) => to[j..j + n].fill(from[i]),
            _ => {
                for k in 0..n as isize {
                    to[(j as isize + k * w) as usize] = from[(i as isize + k * r) as usize];
                }
            }
        });
    }
}

/// Joins neighbouring axes wherever every side has one stride for both, and drops axes of length one.
pub(crate) fn collapse(dims: &mut SmallVec<[usize; 6]>, sides: &mut [&mut Steps]) {
    let mut kept = 0;
    for axis in 0..dims.len() {
        if dims[axis] == 1 {
            continue;
        }
        let n = dims[axis] as isize;
        let joins = kept > 0 && sides.iter().all(|s| s[kept - 1] == s[axis] * n);
        if joins {
            dims[kept - 1] *= dims[axis];
            sides.iter_mut().for_each(|s| s[kept - 1] = s[axis]);
        } else {
            dims[kept] = dims[axis];
            sides.iter_mut().for_each(|s| s[kept] = s[axis]);
            kept += 1;
        }
    }
    dims.truncate(kept);
    sides.iter_mut().for_each(|s| s.truncate(kept));
}

/// Calls `visit` with the position on each side for every point of the index space, last axis fastest.
pub(crate) fn odometer<const S: usize>(
    dims: &[usize],
    strides: [&[isize]; S],
    mut at: [isize; S],
    mut visit: impl FnMut([isize; S]),
) {
    if dims.contains(&0) {
        return;
    }
    let mut index: SmallVec<[usize; 6]> = SmallVec::from_elem(0, dims.len());
    loop {
        visit(at);
        let mut axis = dims.len();
        loop {
            if axis == 0 {
                return;
            }
            axis -= 1;
            index[axis] += 1;
            (0..S).for_each(|s| at[s] += strides[s][axis]);
            if index[axis] < dims[axis] {
                break;
            }
            index[axis] = 0;
            (0..S).for_each(|s| at[s] -= strides[s][axis] * dims[axis] as isize);
        }
    }
}

/// `to += x`, number by number.
pub(crate) fn add_slice<F: Float>(x: &[F], to: &mut [F]) {
    dispatch(
        #[inline(always)]
        || {
            for (t, &x) in to.iter_mut().zip(x) {
                *t += x;
            }
        },
    );
}

/// `to += x` for a single number `x`.
pub(crate) fn add_number<F: Float>(x: F, to: &mut [F]) {
    dispatch(
        #[inline(always)]
        || {
            for t in to {
                *t += x;
            }
        },
    );
}

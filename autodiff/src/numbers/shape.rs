//! The shape of a tensor: the lengths of its axes, outermost first.

use smallvec::SmallVec;
use std::fmt::{self, Display};
use std::ops::Deref;

/// The lengths of the axes; `[]` is the shape of a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// The number of elements: the product of the lengths.
    pub fn size(&self) -> usize {
        self.0.iter().product()
    }

    /// The shape to which `a` and `b` broadcast, aligned at the last axis. Equal lengths stay; an axis of
    /// length one is repeated. `None` if the shapes do not broadcast.
    ///
    /// ```
    /// use pathscore_autodiff::Shape;
    /// assert_eq!(Shape::broadcast(&[5, 1], &[3]), Some(Shape::from([5, 3])));
    /// assert_eq!(Shape::broadcast(&[2], &[3]), None);
    /// ```
    pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Self> {
        // Most shapes that meet are equal.
        if a == b {
            return Some(Self::from(a));
        }
        let (long, short) = if a.len() < b.len() { (b, a) } else { (a, b) };
        let mut shape = Self::from(long);
        for (m, &n) in shape[long.len() - short.len()..].iter_mut().zip(short) {
            match (*m, n) {
                (m, n) if m == n || n == 1 => {}
                (1, n) => *m = n,
                _ => return None,
            }
        }
        Some(shape)
    }

    pub(crate) fn push(&mut self, length: usize) {
        self.0.push(length);
    }

    pub(crate) fn insert(&mut self, axis: usize, length: usize) {
        self.0.insert(axis, length);
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl std::ops::DerefMut for Shape {
    fn deref_mut(&mut self) -> &mut [usize] {
        &mut self.0
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &self.0[..])
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self(SmallVec::from_slice(dims))
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self(SmallVec::from_slice(&dims))
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Self {
        Self(dims.into_iter().collect())
    }
}

/// The strides of a contiguous tensor of these dimensions, seen in `rank` axes. Axes that are
/// broadcast or absent have stride zero, so the same numbers are read again.
#[inline]
pub(crate) fn strides(dims: &[usize], rank: usize) -> SmallVec<[isize; 6]> {
    let mut strides: SmallVec<[isize; 6]> = SmallVec::from_elem(0, rank);
    let mut step = 1;
    for (axis, &n) in dims.iter().enumerate().rev() {
        strides[axis + rank - dims.len()] = if n == 1 { 0 } else { step };
        step *= n as isize;
    }
    strides
}

//! The entries of a tape, and where their numbers lie.

use crate::tape::op::Op;
use std::panic::Location;

/// The number of an entry on its tape, in recording order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u32);

impl Id {
    #[inline]
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// The value of [`Node::bar`] in entries without an adjoint.
pub(crate) const NO_BAR: usize = usize::MAX;

/// The place of the numbers of an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the tape's own arena, from this position.
    Arena(usize),
    /// In a slab shared with the caller.
    Shared { slab: u32, at: usize },
}

/// A piece of a pool that all entries share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    #[inline]
    pub(super) fn of<T: Clone>(pool: &mut Vec<T>, items: &[T]) -> Self {
        let span = Self { start: pool.len() as u32, len: items.len() as u32 };
        pool.extend_from_slice(items);
        span
    }

    #[inline]
    pub(super) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// One entry: its op, its arguments, its shape, the places of its value and its adjoint, and the line that recorded it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<F> {
    pub(crate) op: Op<F>,
    pub(super) args: Span,
    pub(super) dims: Span,
    pub(crate) place: Place,
    pub(crate) len: usize,
    /// The place of the adjoint in the adjoint arena, or [`NO_BAR`].
    pub(crate) bar: usize,
    /// The entry whose adjoint this one shares. Only a reshape shares that of another entry.
    pub(crate) home: Id,
    pub(crate) line: &'static Location<'static>,
}

/// The length of a record at some time, to return to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    pub(super) nodes: usize,
    pub(super) args: usize,
    pub(super) dims: usize,
    pub(super) used: usize,
    pub(super) bars: usize,
    pub(super) custom: usize,
}

//! Memory that a sweep fills from the front.

use crate::kernels::aligned::make_room;
use crate::kernels::float::Float;

/// Memory for each $\delta$ of a sweep, one behind the other.
#[derive(Clone, Debug)]
pub(crate) struct Deltas<F> {
    numbers: Vec<F>,
    used: usize,
}

impl<F> Default for Deltas<F> {
    fn default() -> Self {
        Self { numbers: Vec::new(), used: 0 }
    }
}

impl<F: Float> Deltas<F> {
    /// Room for `len` numbers, whose contents are not defined, and its place.
    pub(crate) fn room(&mut self, len: usize) -> (&mut [F], usize) {
        let at = make_room(&mut self.numbers, &mut self.used, len);
        (&mut self.numbers[at..at + len], at)
    }

    /// Forgets every number from this place on.
    pub(crate) fn truncate(&mut self, at: usize) {
        self.used = at;
    }

    pub(crate) fn at(&self, at: usize, len: usize) -> &[F] {
        &self.numbers[at..at + len]
    }
}

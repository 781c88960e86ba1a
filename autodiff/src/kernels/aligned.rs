//! Working memory aligned to cache lines.

use std::ops::{Deref, DerefMut};

/// The bytes of a cache line, and of the widest vector.
const LINE: usize = 64;

/// The number of elements before the first one that begins a cache line. It is less than the number in a line.
#[inline]
pub(crate) fn before_line<F>(numbers: &[F]) -> usize {
    // `align_offset` may answer that it does not know; then any offset serves.
    numbers.as_ptr().align_offset(LINE).min(per_line::<F>() - 1)
}

/// The number of elements in a cache line.
pub(crate) const fn per_line<F>() -> usize {
    LINE / size_of::<F>()
}

/// The position of `len` new numbers behind the `used` ones, at the beginning of a cache line if they fill one. The memory is not
/// shortened, so that what was filled once is not zeroed again.
#[inline]
pub(crate) fn make_room<F: Copy + Default>(
    numbers: &mut Vec<F>,
    used: &mut usize,
    len: usize,
) -> usize {
    let most = if len < per_line::<F>() { 0 } else { per_line::<F>() - 1 };
    let end = *used + most + len;
    if numbers.len() < end {
        numbers.resize(end.next_power_of_two(), F::default());
    }
    let at = *used + before_line(&numbers[*used..]).min(most);
    *used = at + len;
    at
}

/// A slice that begins at a cache line, so that no vector of its numbers lies across two lines. A vector that
/// lies across two lines takes twice as long to read and to write.
///
/// ```
/// use pathscore_autodiff::vector::Aligned;
/// let mut sums = Aligned::default();
/// sums.first(3).fill(1.0);
/// assert_eq!((sums.first(2).len(), sums[2]), (2, 1.0));
/// ```
#[derive(Clone, Debug)]
pub struct Aligned<F> {
    numbers: Vec<F>,
    skip: usize,
}

impl<F> Default for Aligned<F> {
    fn default() -> Self {
        Self { numbers: Vec::new(), skip: 0 }
    }
}

impl<F: Copy + Default> Aligned<F> {
    /// The first `len` numbers; the memory grows if it is shorter. Their contents are not defined.
    pub fn first(&mut self, len: usize) -> &mut [F] {
        if self.len() < len {
            self.numbers.resize(len + per_line::<F>() - 1, F::default());
            self.skip = before_line(&self.numbers);
        }
        &mut self[..len]
    }
}

impl<F> Deref for Aligned<F> {
    type Target = [F];

    #[inline]
    fn deref(&self) -> &[F] {
        &self.numbers[self.skip..]
    }
}

impl<F> DerefMut for Aligned<F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [F] {
        &mut self.numbers[self.skip..]
    }
}

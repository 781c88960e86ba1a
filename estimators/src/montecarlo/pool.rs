//! Memory that is lent to one task at a time and used again, and memory that begins where vectors like to.

use std::sync::{Mutex, PoisonError};

/// As many of a thing as were ever in use at once.
#[derive(Debug)]
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Pool<T> {
    /// Lends one that fits, or a new one.
    pub(super) fn lend_fitting<R>(
        &self,
        fits: impl Fn(&T) -> bool,
        new: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        // A panic elsewhere loses what it had borrowed; those that lie here are whole.
        let all = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = {
            let mut all = all();
            all.iter().rposition(fits).map(|at| all.swap_remove(at))
        };
        let mut lent = found.unwrap_or_else(new);
        let result = work(&mut lent);
        all().push(lent);
        result
    }
}

impl<T: Default> Pool<T> {
    /// Lends any of them.
    pub(super) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.lend_fitting(|_| true, T::default, work)
    }
}

/// Bytes of a line of the cache, and of the widest vector.
const LINE: usize = 64;

/// Numbers that begin with a line of the cache, so that no vector of them lies across two.
#[derive(Debug, Default)]
pub(super) struct Aligned(Vec<f64>);

impl Aligned {
    /// The first `len` of them, whatever is in them.
    pub(super) fn first(&mut self, len: usize) -> &mut [f64] {
        let most = LINE / size_of::<f64>() - 1;
        if self.0.len() < len + most {
            self.0.resize(len + most, 0.0);
        }
        // The offset may be unknown, by contract; then it is as good as any.
        let skip = self.0.as_ptr().align_offset(LINE).min(most);
        &mut self.0[skip..skip + len]
    }
}

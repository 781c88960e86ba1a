//! Memory that is lent to one task at a time and used again.

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

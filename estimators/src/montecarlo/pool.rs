//! Pools of memory that tasks reuse.

use std::sync::{Mutex, PoisonError};

/// A pool of reusable objects, which holds as many as were ever in use at once.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<T> Pool<T> {
    /// Runs `work` with an object from the pool that fits, or with a new one, and puts it back.
    pub(crate) fn lend_fitting<R>(
        &self,
        fits: impl Fn(&T) -> bool,
        new: impl FnOnce() -> T,
        work: impl FnOnce(&mut T) -> R,
    ) -> R {
        // A task that panics loses the object it had taken; those in the pool are intact.
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
    /// Runs `work` with any object from the pool, and puts it back.
    pub(crate) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        self.lend_fitting(|_| true, T::default, work)
    }
}

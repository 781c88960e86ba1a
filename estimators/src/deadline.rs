//! A time limit on work of any depth: exact gradients and known mistakes are computed by code that knows of no limit.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Instant;

thread_local! {
    /// The instant at which the work of this thread ends.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The payload with which late work is unwound; the panic hook does not see it.
struct OutOfTime;

/// Sets the deadline of this thread back when it is dropped, in unwinding too.
struct Restore(Option<Instant>);

impl Drop for Restore {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}

/// The result of `work`, or `None` if the deadline passed before it was found. The work ends where it calls [`check`],
/// which every enumeration of outcomes does between two runs.
pub(crate) fn within<T>(deadline: Option<Instant>, work: impl FnOnce() -> T) -> Option<T> {
    let Some(end) = deadline else { return Some(work()) };
    if Instant::now() >= end {
        return None;
    }
    // A program that aborts at a panic cannot be unwound.
    if cfg!(panic = "abort") {
        return Some(work());
    }
    let _restore = Restore(DEADLINE.replace(Some(end)));
    // Work that is cut off gives no result, and its problem keeps none.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<OutOfTime>() => None,
        Err(payload) => resume_unwind(payload),
    }
}

/// Ends the innermost [`within`] of this thread if its deadline has passed.
pub(crate) fn check() {
    if DEADLINE.get().is_some_and(|end| Instant::now() >= end) {
        resume_unwind(Box::new(OutOfTime));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn late_work_ends_and_the_outer_deadline_returns() {
        let soon = Instant::now() + Duration::from_millis(5);
        let endless = || -> () {
            loop {
                check();
            }
        };
        assert!(within(Some(soon), endless).is_none());
        assert!(within(Some(soon), || 1).is_none(), "nothing begins after the deadline");
        // Without a deadline `check` does nothing; an inner deadline leaves the outer one as it was.
        check();
        let outer = Some(Instant::now() + Duration::from_secs(3600));
        let found = within(outer, || {
            let inner = within(Some(Instant::now() + Duration::from_millis(1)), endless);
            (inner.is_none(), DEADLINE.get() == outer)
        });
        assert_eq!(found, Some((true, true)));
        assert!(DEADLINE.get().is_none());
    }

    #[test]
    #[should_panic(expected = "a panic of the work's own")]
    fn other_panics_pass() {
        let soon = Instant::now() + Duration::from_secs(3600);
        within(Some(soon), || panic!("a panic of the work's own"));
    }
}

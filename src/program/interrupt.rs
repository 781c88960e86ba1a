//! Stops on request: after the first Ctrl-C, SIGTERM or SIGHUP the run writes a checkpoint and stops, and a second one ends the
//! program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::progress::say;
use super::usage_error::{Interrupted, words};
use anyhow::Context;
#[cfg(unix)]
use signal_hook::consts::SIGHUP;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The shell's exit code of a program that a signal ended is this plus the signal's number.
const ENDED_BY_SIGNAL: i32 = 128;

/// The time between two looks for a signal while work goes on that cannot look itself.
const PAUSE: Duration = Duration::from_millis(20);

/// The time that work which looks for signals itself has, from the request on, until it is ended from outside.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request to stop, by the user or the system.
#[derive(Clone)]
pub(crate) struct Interrupt {
    requested: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Listens to Ctrl-C, SIGTERM and SIGHUP from now on; a second one ends the program at once. A signal that the program was started to
    /// ignore, as `nohup` does with SIGHUP, stays ignored.
    pub(crate) fn install() -> anyhow::Result<Interrupt> {
        let requested = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(AtomicUsize::new(0));
        for signal in SIGNALS.into_iter().filter(|&signal| !is_ignored(signal)) {
            // Actions run in the order of registration: the first signal finds the flag still down.
            let code = ENDED_BY_SIGNAL + signal;
            flag::register_conditional_shutdown(signal, code, Arc::clone(&requested))
                .and_then(|_| flag::register_usize(signal, Arc::clone(&seen), signal as usize))
                .and_then(|_| flag::register(signal, Arc::clone(&requested)))
                .with_context(|| format!("signal {signal} could not be listened to"))?;
        }
        Ok(Interrupt { requested, signal: seen })
    }

    /// True if a stop has been asked for.
    pub(crate) fn requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }

    /// The outcome of a stop.
    pub(crate) fn stopped(&self, message: String) -> Interrupted {
        let code = ENDED_BY_SIGNAL as usize + self.signal.load(Ordering::Relaxed);
        Interrupted { message, code: code as u8 }
    }

    /// Does work that does not look for signals itself. If a stop is asked for meanwhile, another thread calls `save`, prints its
    /// message and ends the program.
    pub(crate) fn during<T>(
        &self,
        save: impl FnOnce() -> anyhow::Result<String> + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        self.watch(Duration::ZERO, save, work)
    }

    /// Does work that looks for signals between its parts. If a part goes on for long after a stop was asked for, another thread
    /// prints the message of `late` and ends the program.
    pub(crate) fn between<T>(
        &self,
        late: impl FnOnce() -> anyhow::Result<String> + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        self.watch(PATIENCE, late, work)
    }

    fn watch<T>(
        &self,
        patience: Duration,
        save: impl FnOnce() -> anyhow::Result<String> + Send,
        work: impl FnOnce() -> T,
    ) -> T {
        let (working, done) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let mut asked: Option<Instant> = None;
                while done.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                    if !self.requested() {
                        continue;
                    }
                    if asked.get_or_insert_with(Instant::now).elapsed() >= patience {
                        let message =
                            save().unwrap_or_else(|error| format!("error: {}", words(&error)));
                        say(&message);
                        let Interrupted { code, .. } = self.stopped(message);
                        std::process::exit(code.into());
                    }
                }
            });
            let result = work();
            drop(working);
            result
        })
    }
}

/// True if the program was started with a signal ignored; Linux tells it.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_asks_and_does_not_end_the_program() {
        let interrupt = Interrupt::install().unwrap();
        assert!(!interrupt.requested());
        assert_eq!(interrupt.during(|| Ok(String::new()), || 3), 3);
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(interrupt.requested());
        assert_eq!(interrupt.stopped(String::new()).code, 143);
    }
}

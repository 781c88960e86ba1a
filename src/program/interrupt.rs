//! Stops on request: after the first Ctrl-C or SIGTERM the run writes a checkpoint and stops, and a second one ends the
//! program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The shell's exit code of a program that a signal ended is this plus the signal's number.
const ENDED_BY_SIGNAL: i32 = 128;

/// A request to stop, by the user or the system.
#[derive(Clone)]
pub(crate) struct Interrupt {
    requested: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens to Ctrl-C and SIGTERM from now on; a second one of either ends the program at once.
    pub(crate) fn install() -> anyhow::Result<Interrupt> {
        let requested = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Actions run in the order of registration: the first signal finds the flag still down.
            let code = ENDED_BY_SIGNAL + signal;
            flag::register_conditional_shutdown(signal, code, Arc::clone(&requested))
                .and_then(|_| flag::register(signal, Arc::clone(&requested)))
                .with_context(|| format!("signal {signal} could not be listened to"))?;
        }
        Ok(Interrupt { requested })
    }

    /// True if a stop has been asked for.
    pub(crate) fn requested(&self) -> bool {
        self.requested.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_signal_asks_and_does_not_end_the_program() {
        let interrupt = Interrupt::install().unwrap();
        assert!(!interrupt.requested());
        signal_hook::low_level::raise(SIGTERM).unwrap();
        assert!(interrupt.requested());
    }
}

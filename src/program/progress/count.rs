//! The progress of work that consists of a known number of parts, which may be done side by side.

use super::{LINE, Output, say};
use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::pace::clock;

/// A display of the number of parts that are done and of the time that the others will take: a bar on a terminal, a line each five
/// seconds elsewhere. Work that is done within a second shows nothing.
pub(crate) struct Count {
    total: usize,
    /// The parts in words, as in "12 of 40 proofs".
    parts: &'static str,
    started: Instant,
    state: Mutex<State>,
}

struct State {
    done: usize,
    shown: Instant,
    output: Output,
}

impl Count {
    /// Starts the clock.
    pub(crate) fn new(total: usize, parts: &'static str) -> Self {
        let output = if stderr().is_terminal() { Output::bar() } else { Output::Plain };
        let started = Instant::now();
        let state = Mutex::new(State { done: 0, shown: started, output });
        Self { total, parts, started, state }
    }

    /// Another part is done.
    pub(crate) fn one_more(&self) {
        self.more(1);
    }

    /// Some more parts are done.
    pub(crate) fn more(&self, parts: usize) {
        let mut state = self.state.lock().expect("no thread panics while it holds the lock");
        state.done += parts;
        let line = line(state.done, self.total, self.parts, self.started.elapsed());
        match &state.output {
            Output::Bar(bar) if self.started.elapsed() > Duration::from_secs(1) => {
                bar.set_position((state.done * super::CELLS as usize * 8 / self.total) as u64);
                bar.set_message(line);
            }
            Output::Plain if state.shown.elapsed() >= LINE => {
                say(&line);
                state.shown = Instant::now();
            }
            _ => {}
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        let state = self.state.lock().expect("no thread panics while it holds the lock");
        if let Output::Bar(bar) = &state.output {
            bar.finish_and_clear();
        }
    }
}

/// The time to go is known as if all parts took as long as those that are done.
fn line(done: usize, total: usize, parts: &str, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64() * total.saturating_sub(done) as f64 / done.max(1) as f64;
    format!("{done} of {total} {parts}  ETA {}", clock(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_that_are_left_take_as_long_as_those_before() {
        let words = line(3, 12, "proofs", Duration::from_secs(30));
        assert_eq!(words, "3 of 12 proofs  ETA 01:30");
        assert_eq!(line(0, 0, "proofs", Duration::ZERO), "0 of 0 proofs  ETA 00:00");
    }

    #[test]
    fn parts_are_counted_from_several_threads() {
        let count = Count::new(64, "parts");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..16).for_each(|_| count.one_more()));
            }
        });
        count.finish();
        assert_eq!(count.state.lock().unwrap().done, 64);
    }
}

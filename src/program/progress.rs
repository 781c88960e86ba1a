//! The progress of a run: a bar on a terminal, plain lines elsewhere, JSON lines for programs.

mod count;
mod pace;

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

pub(crate) use count::Count;
pub(crate) use pace::Total;

use super::printable::printable_lines;
use super::width::{filled, of_messages};
use pace::Pace;

/// A bar is redrawn ten times a second, which looks smooth and costs a run no measurable time.
const REDRAW: Duration = Duration::from_millis(100);
/// The longest time between two plain lines.
const LINE: Duration = Duration::from_secs(5);
/// The shortest time between two plain lines, of which there is one at each twentieth of the run.
const LEAST: Duration = Duration::from_secs(1);
/// The least width of the bar; it is as wide as the numbers leave room.
const CELLS: u64 = 12;

/// The form in which progress is printed, always on the error stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressKind {
    /// A bar on a terminal, plain lines elsewhere.
    #[default]
    Auto,
    /// Plain lines.
    Plain,
    /// One JSON object a line.
    Json,
    /// Nothing but notes.
    None,
}

/// The display of a run.
pub(crate) struct Progress {
    output: Output,
    started: Instant,
    shown: Instant,
    /// The shortest time between two updates of the display.
    pause: Duration,
    /// Twentieths of the way that have been shown.
    twentieths: u64,
    pace: Pace,
    sum: Sum,
}

enum Output {
    Bar(ProgressBar),
    Plain,
    Json,
    None,
}

/// Sums since the last display, whose means are shown.
#[derive(Default)]
struct Sum {
    objective: f64,
    grad_norm: f64,
    error: f64,
    steps: u64,
}

impl Progress {
    /// Starts the clock; `label` names the quantity that is maximised.
    pub(crate) fn new(kind: ProgressKind, total: Total, label: &str) -> Progress {
        let output = match kind {
            ProgressKind::Auto if stderr().is_terminal() => Output::bar(),
            ProgressKind::Auto | ProgressKind::Plain => Output::Plain,
            ProgressKind::Json => Output::Json,
            ProgressKind::None => Output::None,
        };
        let pause = if matches!(output, Output::Bar(_)) { REDRAW } else { LEAST };
        let pace = Pace::new(total, label);
        let now = Instant::now();
        Progress {
            output,
            started: now,
            shown: now,
            pause,
            twentieths: 0,
            pace,
            sum: Sum::default(),
        }
    }

    /// Adds the numbers of a step, and updates the display if it is time. If no gradient is followed, `grad_norm` is
    /// not a number.
    pub(crate) fn step(&mut self, step: u64, objective: f64, grad_norm: f64) {
        self.add(step, objective, [grad_norm, f64::NAN]);
    }

    /// Adds an estimate with its standard error in place of the numbers of a step.
    pub(crate) fn estimate(&mut self, step: u64, value: f64, error: f64) {
        self.add(step, value, [f64::NAN, error]);
    }

    fn add(&mut self, step: u64, objective: f64, [grad_norm, error]: [f64; 2]) {
        self.pace.step = step;
        self.pace.origin.get_or_insert(step.saturating_sub(1));
        self.sum.objective += objective;
        self.sum.grad_norm += grad_norm;
        self.sum.error += error;
        self.sum.steps += 1;
        if matches!(self.output, Output::None) {
            return;
        }
        let since = self.shown.elapsed();
        if since < self.pause {
            return;
        }
        self.pace.seconds = self.started.elapsed().as_secs_f64();
        let twentieths = (self.pace.share() * 20.0) as u64;
        if matches!(self.output, Output::Bar(_)) || since >= LINE || twentieths > self.twentieths {
            self.twentieths = twentieths;
            self.show();
        }
    }

    /// Prints a line of text without harm to the bar, whatever the kind.
    pub(crate) fn note(&self, text: &str) {
        match &self.output {
            Output::Bar(bar) => bar.suspend(|| say(text)),
            Output::Json => print_line(&json!({ "note": text }).to_string()),
            Output::Plain | Output::None => say(text),
        }
    }

    /// [`Progress::finish`] with a final estimate and its error, which the last steps alone do not know.
    pub(crate) fn finish_at(mut self, value: f64, error: f64, message: &str) {
        self.sum = Sum { objective: value, grad_norm: f64::NAN, error, steps: 1 };
        self.finish(message);
    }

    /// Takes the bar away and leaves the last numbers and a message.
    pub(crate) fn finish(mut self, message: &str) {
        self.pace.seconds = self.started.elapsed().as_secs_f64();
        self.average();
        match &self.output {
            Output::Bar(bar) => {
                bar.finish_and_clear();
                say(&format!("{}  {message}", self.pace.numbers()));
            }
            Output::Plain => say(&format!("{}  {message}", self.pace.numbers())),
            Output::Json => {
                let mut line = self.pace.json();
                line["message"] = message.into();
                say(&line.to_string());
            }
            Output::None => {}
        }
    }

    fn show(&mut self) {
        self.shown = Instant::now();
        self.average();
        match &self.output {
            Output::Bar(bar) => {
                bar.set_position((self.pace.share() * CELLS as f64 * 8.0) as u64);
                bar.set_message(self.pace.line_within(beside_bar()));
            }
            Output::Plain => say(&self.pace.line()),
            Output::Json => print_line(&self.pace.json().to_string()),
            Output::None => {}
        }
    }

    /// Moves the means of the steps since the last display into the pace.
    fn average(&mut self) {
        let sum = std::mem::take(&mut self.sum);
        if sum.steps > 0 {
            self.pace.objective = sum.objective / sum.steps as f64;
            self.pace.grad_norm = sum.grad_norm / sum.steps as f64;
            self.pace.error = sum.error / sum.steps as f64;
        }
    }
}

/// The width that the numbers beside a bar may have.
fn beside_bar() -> usize {
    of_messages().map_or(usize::MAX, |width| width.saturating_sub(CELLS as usize + 2))
}

impl Output {
    fn bar() -> Output {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let style = ProgressStyle::with_template("{wide_bar} {msg}")
            .expect("the template is a constant and a test draws it");
        let style = style.progress_chars("█▉▊▋▌▍▎▏ ");
        Output::Bar(ProgressBar::with_draw_target(Some(CELLS * 8), target).with_style(style))
    }
}

/// A message on the error stream, without control characters, in lines that fit the terminal.
pub(crate) fn say(message: &str) {
    let message = printable_lines(message);
    print_line(&of_messages().map_or(message.clone(), |width| filled(&message, width)));
}

/// A line on the error stream; a reader that has gone away is no reason to stop a run.
fn print_line(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_since_the_last_display_is_shown() {
        let mut progress = Progress::new(ProgressKind::None, Total::Steps(3), "elbo");
        for (step, objective) in [(1, -3.0), (2, -2.0), (3, -1.0)] {
            progress.step(step, objective, 1.0);
        }
        progress.average();
        assert_eq!(progress.pace.objective, -2.0);
        progress.finish("done");
    }

    #[test]
    fn a_step_costs_less_than_a_microsecond() {
        let mut progress = Progress::new(ProgressKind::Plain, Total::Steps(u64::MAX), "elbo");
        let started = Instant::now();
        for step in 1..=100_000 {
            progress.step(step, -1.0, 1.0);
        }
        // Some 50 ns are expected; the margin is for a busy machine.
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    }

    #[test]
    fn a_bar_can_be_drawn() {
        let Output::Bar(bar) = Output::bar() else { panic!("a bar is a bar") };
        bar.set_position(CELLS * 4);
        bar.set_message(Pace::new(Total::Steps(3000), "elbo").line_within(beside_bar()));
        bar.finish_and_clear();
    }
}

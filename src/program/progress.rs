//! Where a run stands: a bar on a terminal, plain lines elsewhere, JSON lines for programs.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::table::figure;

/// A bar is redrawn ten times a second: smooth to the eye, unseen by the clock.
const REDRAW: Duration = Duration::from_millis(100);
/// A plain line appears at least this often …
const LINE: Duration = Duration::from_secs(5);
/// … and at each twentieth of the way, but never more often than this.
const LEAST: Duration = Duration::from_secs(1);
/// Cells of the bar.
const CELLS: u64 = 20;

/// How progress is told, always on the error stream.
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

/// What a run ends at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Total {
    /// This step.
    Steps(u64),
    /// This many seconds after its start.
    Seconds(f64),
}

/// The display of a run.
pub(crate) struct Progress {
    face: Face,
    started: Instant,
    shown: Instant,
    /// The least time between two looks at the display.
    pause: Duration,
    /// Twentieths of the way that have been shown.
    twentieths: u64,
    pace: Pace,
    sum: Sum,
}

enum Face {
    Bar(ProgressBar),
    Plain,
    Json,
    None,
}

/// Bounds and gradient norms since the last display, of which the mean is shown.
#[derive(Default)]
struct Sum {
    bound: f64,
    grad_norm: f64,
    steps: u64,
}

/// The numbers of one display.
#[derive(Clone, Debug)]
struct Pace {
    total: Total,
    /// The step before the first of this session: a resumed run does not begin at zero.
    origin: Option<u64>,
    step: u64,
    seconds: f64,
    bound: f64,
    grad_norm: f64,
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn new(kind: ProgressKind, total: Total) -> Progress {
        let face = match kind {
            ProgressKind::Auto if stderr().is_terminal() => Face::bar(),
            ProgressKind::Auto | ProgressKind::Plain => Face::Plain,
            ProgressKind::Json => Face::Json,
            ProgressKind::None => Face::None,
        };
        let pause = if matches!(face, Face::Bar(_)) { REDRAW } else { LEAST };
        let pace = Pace {
            total,
            origin: None,
            step: 0,
            seconds: 0.0,
            bound: f64::NAN,
            grad_norm: f64::NAN,
        };
        let now = Instant::now();
        Progress { face, started: now, shown: now, pause, twentieths: 0, pace, sum: Sum::default() }
    }

    /// Tells that a step is done; cheap enough for every step, because it shows few of them.
    pub(crate) fn step(&mut self, step: u64, bound: f64, grad_norm: f64) {
        self.pace.step = step;
        self.pace.origin.get_or_insert(step.saturating_sub(1));
        self.sum.bound += bound;
        self.sum.grad_norm += grad_norm;
        self.sum.steps += 1;
        if matches!(self.face, Face::None) {
            return;
        }
        let since = self.shown.elapsed();
        if since < self.pause {
            return;
        }
        self.pace.seconds = self.started.elapsed().as_secs_f64();
        let twentieths = (self.pace.share() * 20.0) as u64;
        if matches!(self.face, Face::Bar(_)) || since >= LINE || twentieths > self.twentieths {
            self.twentieths = twentieths;
            self.show();
        }
    }

    /// Prints a line of text without harm to the bar, whatever the kind.
    pub(crate) fn note(&self, text: &str) {
        match &self.face {
            Face::Bar(bar) => bar.suspend(|| say(text)),
            Face::Json => say(&json!({ "note": text }).to_string()),
            Face::Plain | Face::None => say(text),
        }
    }

    /// Takes the bar away and leaves the last numbers and a message.
    pub(crate) fn finish(mut self, message: &str) {
        self.pace.seconds = self.started.elapsed().as_secs_f64();
        self.average();
        match &self.face {
            Face::Bar(bar) => {
                bar.finish_and_clear();
                say(&format!("{}  {message}", self.pace.numbers()));
            }
            Face::Plain => say(&format!("{}  {message}", self.pace.numbers())),
            Face::Json => {
                let mut line = self.pace.json();
                line["message"] = message.into();
                say(&line.to_string());
            }
            Face::None => {}
        }
    }

    fn show(&mut self) {
        self.shown = Instant::now();
        self.average();
        match &self.face {
            Face::Bar(bar) => {
                bar.set_position((self.pace.share() * CELLS as f64 * 8.0) as u64);
                bar.set_message(self.pace.line());
            }
            Face::Plain => say(&self.pace.line()),
            Face::Json => say(&self.pace.json().to_string()),
            Face::None => {}
        }
    }

    /// Moves the means of the steps since the last display into the pace.
    fn average(&mut self) {
        let sum = std::mem::take(&mut self.sum);
        if sum.steps > 0 {
            self.pace.bound = sum.bound / sum.steps as f64;
            self.pace.grad_norm = sum.grad_norm / sum.steps as f64;
        }
    }
}

impl Face {
    fn bar() -> Face {
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let style = ProgressStyle::with_template(&format!("{{bar:{CELLS}}} {{msg}}"))
            .expect("the template is a constant and a test draws it");
        let style = style.progress_chars("█▉▊▋▌▍▎▏ ");
        Face::Bar(ProgressBar::with_draw_target(Some(CELLS * 8), target).with_style(style))
    }
}

impl Pace {
    /// How much of the way is done, from 0 to 1.
    fn share(&self) -> f64 {
        let share = match self.total {
            Total::Steps(steps) => self.step as f64 / steps.max(1) as f64,
            Total::Seconds(seconds) => self.seconds / seconds.max(f64::MIN_POSITIVE),
        };
        share.clamp(0.0, 1.0)
    }

    /// Steps a second in this session.
    fn rate(&self) -> f64 {
        (self.step - self.origin.unwrap_or(self.step)) as f64 / self.seconds
    }

    /// Seconds to go, when that can be known.
    fn remaining(&self) -> Option<f64> {
        let seconds = match self.total {
            Total::Steps(steps) => steps.saturating_sub(self.step) as f64 / self.rate(),
            Total::Seconds(seconds) => (seconds - self.seconds).max(0.0),
        };
        seconds.is_finite().then_some(seconds)
    }

    /// The numbers and the time to go: `120/1000 steps  bound -104.2  |∇| 3.1  412 steps/s  ETA 00:31`.
    fn line(&self) -> String {
        let eta = self.remaining().map_or("--:--".into(), clock);
        format!("{}  ETA {eta}", self.numbers())
    }

    fn numbers(&self) -> String {
        let position = match self.total {
            Total::Steps(steps) => format!("{}/{steps} steps", self.step),
            Total::Seconds(all) => {
                format!("{} steps  {}/{}", self.step, clock(self.seconds), clock(all))
            }
        };
        let rate = if self.seconds > 0.0 { self.rate() } else { f64::NAN };
        let rate = if rate >= 100.0 { format!("{rate:.0}") } else { format!("{rate:.1}") };
        let (bound, grad_norm) = (figure(self.bound), figure(self.grad_norm));
        format!("{position}  bound {bound}  |∇| {grad_norm}  {rate} steps/s")
    }

    fn json(&self) -> serde_json::Value {
        let steps = match self.total {
            Total::Steps(steps) => Some(steps),
            Total::Seconds(_) => None,
        };
        json!({
            "step": self.step,
            "steps": steps,
            "share": self.share(),
            "bound": self.bound,
            "grad_norm": self.grad_norm,
            "seconds": self.seconds,
            "steps_per_second": self.rate(),
            "eta_seconds": self.remaining(),
        })
    }
}

/// Minutes and seconds, with hours where there are any.
fn clock(seconds: f64) -> String {
    let seconds = seconds.ceil() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// A line on the error stream; a reader that has gone away is no reason to stop a run.
fn say(line: &str) {
    let _ = writeln!(stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(total: Total) -> Pace {
        Pace { total, origin: Some(500), step: 1500, seconds: 2.0, bound: -104.23, grad_norm: 3.1 }
    }

    #[test]
    fn a_line_has_every_number() {
        assert_eq!(
            pace(Total::Steps(20_000)).line(),
            "1500/20000 steps  bound -104.2  |∇| 3.100  500 steps/s  ETA 00:37"
        );
        assert_eq!(
            pace(Total::Seconds(4000.0)).line(),
            "1500 steps  00:02/1:06:40  bound -104.2  |∇| 3.100  500 steps/s  ETA 1:06:38"
        );
    }

    #[test]
    fn a_line_before_the_first_step_is_harmless() {
        let idle = Pace { origin: None, step: 0, seconds: 0.0, ..pace(Total::Steps(0)) };
        assert!(idle.line().ends_with("ETA --:--"), "{}", idle.line());
        assert_eq!(idle.json()["eta_seconds"], serde_json::Value::Null);
    }

    #[test]
    fn json_has_every_number() {
        let line = pace(Total::Steps(3000)).json();
        assert_eq!((&line["step"], &line["steps"]), (&1500.into(), &3000.into()));
        assert_eq!((&line["share"], &line["eta_seconds"]), (&0.5.into(), &3.0.into()));
    }

    #[test]
    fn the_mean_since_the_last_display_is_shown() {
        let mut progress = Progress::new(ProgressKind::None, Total::Steps(3));
        for (step, bound) in [(1, -3.0), (2, -2.0), (3, -1.0)] {
            progress.step(step, bound, 1.0);
        }
        progress.average();
        assert_eq!(progress.pace.bound, -2.0);
        progress.finish("done");
    }

    #[test]
    fn a_step_costs_less_than_a_microsecond() {
        let mut progress = Progress::new(ProgressKind::Plain, Total::Steps(u64::MAX));
        let started = Instant::now();
        for step in 1..=100_000 {
            progress.step(step, -1.0, 1.0);
        }
        // Some 50 ns are expected; the margin is for a busy machine.
        assert!(started.elapsed() < Duration::from_millis(100), "{:?}", started.elapsed());
    }

    #[test]
    fn a_bar_can_be_drawn() {
        let Face::Bar(bar) = Face::bar() else { panic!("a bar is a bar") };
        bar.set_position(CELLS * 4);
        bar.set_message(pace(Total::Steps(3000)).line());
        bar.finish_and_clear();
    }
}

//! The position of a run, its speed, and the time that remains.

use serde_json::json;
use unicode_width::UnicodeWidthStr;

use crate::program::table::{figure, significant};

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Total {
    /// The run ends at a step.
    Steps(u64),
    /// The run ends after a number of seconds.
    Seconds(f64),
}

/// The numbers of one display.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    pub(super) total: Total,
    /// The step before the first of this session: a resumed run does not begin at zero.
    pub(super) origin: Option<u64>,
    pub(super) step: u64,
    pub(super) seconds: f64,
    /// The name of the quantity that is maximised.
    pub(super) label: String,
    /// The mean of that quantity since the last display.
    pub(super) objective: f64,
    /// The mean norm of the gradient since the last display; not a number if no gradient is followed.
    pub(super) grad_norm: f64,
    /// The mean standard error of the quantity since the last display; not a number if it has none.
    pub(super) error: f64,
}

impl Pace {
    /// The numbers before the first step.
    pub(super) fn new(total: Total, label: &str) -> Pace {
        let [objective, grad_norm, error] = [f64::NAN; 3];
        let label = label.into();
        Pace { total, origin: None, step: 0, seconds: 0.0, label, objective, grad_norm, error }
    }

    /// The part of the run that is done, from 0 to 1.
    pub(super) fn share(&self) -> f64 {
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

    /// The numbers and the time to go: `120/1000 steps  elbo -104.2  |∇| 3.1  412 steps/s  ETA 00:31`.
    pub(super) fn line(&self) -> String {
        self.line_within(usize::MAX)
    }

    /// The same in at most `width` letters, if need be without the rate and the norm: the time to go is what matters.
    pub(super) fn line_within(&self, width: usize) -> String {
        let eta = self.remaining().map_or("--:--".into(), clock);
        let [position, value, norm, rate] = self.parts();
        let whole = [&position, &value, &norm, &rate].map(String::as_str);
        let shown = [whole, [&position, &value, &norm, ""], [&position, &value, "", ""]];
        let lines = shown.map(|parts| format!("{}  ETA {eta}", parts.concat()));
        let fits = |line: &&String| line.width() <= width;
        let shortest = lines.last().expect("there are three");
        lines.iter().find(fits).unwrap_or(shortest).clone()
    }

    pub(super) fn numbers(&self) -> String {
        self.parts().concat()
    }

    /// The position, the quantity, the norm and the rate.
    fn parts(&self) -> [String; 4] {
        let position = match self.total {
            Total::Steps(steps) => format!("{}/{steps} steps", self.step),
            Total::Seconds(all) => {
                format!("{} steps  {}/{}", self.step, clock(self.seconds), clock(all))
            }
        };
        let rate = if self.seconds > 0.0 { self.rate() } else { f64::NAN };
        let rate = if rate >= 100.0 { format!("{rate:.0}") } else { format!("{rate:.1}") };
        let (label, objective) = (&self.label, figure(self.objective));
        let if_any = |before: &str, number: f64, digits| match number.is_nan() {
            true => String::new(),
            false => format!("{before}{}", significant(number, digits)),
        };
        let (norm, error) = (if_any("  |∇| ", self.grad_norm, 3), if_any(" ± ", self.error, 2));
        [position, format!("  {label} {objective}{error}"), norm, format!("  {rate} steps/s")]
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let steps = match self.total {
            Total::Steps(steps) => Some(steps),
            Total::Seconds(_) => None,
        };
        json!({
            "step": self.step,
            "steps": steps,
            "share": self.share(),
            "objective": self.objective,
            "grad_norm": self.grad_norm,
            "standard_error": self.error,
            "seconds": self.seconds,
            "steps_per_second": self.rate(),
            "eta_seconds": self.remaining(),
        })
    }
}

/// Minutes and seconds, with hours where there are any.
pub(super) fn clock(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes:02}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(total: Total) -> Pace {
        let (origin, label) = (Some(500), "elbo".into());
        let (step, seconds, objective, grad_norm) = (1500, 2.0, -104.23, 3.1);
        Pace { total, origin, step, seconds, label, objective, grad_norm, error: f64::NAN }
    }

    #[test]
    fn a_line_has_every_number() {
        assert_eq!(
            pace(Total::Steps(20_000)).line(),
            "1500/20000 steps  elbo -104.2  |∇| 3.10  500 steps/s  ETA 00:37"
        );
        assert_eq!(
            pace(Total::Seconds(4000.0)).line(),
            "1500 steps  00:02/1:06:40  elbo -104.2  |∇| 3.10  500 steps/s  ETA 1:06:38"
        );
    }

    #[test]
    fn a_short_line_keeps_the_time_to_go() {
        let pace = pace(Total::Seconds(4000.0));
        assert_eq!(
            pace.line_within(70),
            "1500 steps  00:02/1:06:40  elbo -104.2  |∇| 3.10  ETA 1:06:38"
        );
        assert_eq!(pace.line_within(50), "1500 steps  00:02/1:06:40  elbo -104.2  ETA 1:06:38");
    }

    #[test]
    fn a_line_without_gradients_names_no_norm() {
        let em = Pace { grad_norm: f64::NAN, ..pace(Total::Steps(20_000)) };
        assert_eq!(em.line(), "1500/20000 steps  elbo -104.2  500 steps/s  ETA 00:37");
    }

    #[test]
    fn an_estimate_has_its_error_beside_it() {
        let estimate = Pace { grad_norm: f64::NAN, error: 0.123, ..pace(Total::Steps(20_000)) };
        assert_eq!(estimate.line(), "1500/20000 steps  elbo -104.2 ± 0.12  500 steps/s  ETA 00:37");
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
}

//! A line search for the strong Wolfe conditions (Nocedal and Wright 2006, algorithms 3.5 and 3.6).

/// The constants of the sufficient decrease and of the curvature (Nocedal and Wright, section 3.1, for quasi-Newton
/// methods).
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;

/// Evaluations of one search; a bisection of sixty halvings has used up the digits of a step.
const MOST: usize = 60;

/// A point of the line: the step, and the value and the slope there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) step: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

impl Trial {
    fn is_finite(&self) -> bool {
        self.value.is_finite() && self.slope.is_finite()
    }
}

/// A search for a step from `start`, whose slope is negative.
struct Search<'a> {
    start: Trial,
    evaluate: &'a mut dyn FnMut(f64) -> Trial,
    left: usize,
}

/// The step to be taken from a point with a negative slope, `None` if none was found. `evaluate` was last called with
/// the step that is returned.
///
/// A value that is not finite counts as infinitely large: the step lies beyond the end of the domain, and the search goes
/// back.
pub(super) fn search(
    start: Trial,
    first: f64,
    evaluate: &mut dyn FnMut(f64) -> Trial,
) -> Option<Trial> {
    let mut search = Search { start, evaluate, left: MOST };
    search.bracket(first)
}

impl Search<'_> {
    fn at(&mut self, step: f64) -> Option<Trial> {
        self.left = self.left.checked_sub(1)?;
        Some((self.evaluate)(step))
    }

    /// True if the value has fallen enough. Near the minimum the differences of values are lost in rounding; there the
    /// slope of the parabola through both ends stands for them (Hager and Zhang 2005).
    fn decreases(&self, trial: &Trial) -> bool {
        let Trial { value, slope, .. } = self.start;
        let enough = trial.value <= value + DECREASE * trial.step * slope;
        let rounding = 4.0 * f64::EPSILON * value.abs();
        let equal = (trial.value - value).abs() <= rounding;
        trial.is_finite() && (enough || equal && trial.slope <= (2.0 * DECREASE - 1.0) * slope)
    }

    fn is_flat(&self, trial: &Trial) -> bool {
        trial.slope.abs() <= -CURVATURE * self.start.slope
    }

    /// Algorithm 3.5: longer and longer steps until an interval holds a step that fits.
    fn bracket(&mut self, first: f64) -> Option<Trial> {
        let (mut last, mut step) = (self.start, first);
        loop {
            let trial = self.at(step)?;
            if !self.decreases(&trial) || (trial.value >= last.value && last.step > 0.0) {
                return self.zoom(last, trial);
            }
            if self.is_flat(&trial) {
                return Some(trial);
            }
            if trial.slope >= 0.0 {
                return self.zoom(trial, last);
            }
            let longer = 10.0 * step;
            let guess = cubic(&last, &trial).filter(|&guess| guess > 2.0 * step);
            (last, step) = (trial, guess.map_or(longer, |guess| guess.min(longer)));
        }
    }

    /// Algorithm 3.6: a step between `low`, the best one so far, and `high`.
    fn zoom(&mut self, mut low: Trial, mut high: Trial) -> Option<Trial> {
        loop {
            let (from, width) = (low.step, high.step - low.step);
            let middle = from + 0.5 * width;
            // An interpolated step keeps a tenth of the interval from both ends, so that the interval shrinks.
            let inside = |guess: &f64| (0.1..=0.9).contains(&((guess - from) / width));
            let step = cubic(&low, &high).filter(inside).unwrap_or(middle);
            if step == low.step || step == high.step {
                return self.settle(low);
            }
            let Some(trial) = self.at(step) else { return self.settle(low) };
            if !self.decreases(&trial) || trial.value > low.value {
                high = trial;
                continue;
            }
            if self.is_flat(&trial) {
                return Some(trial);
            }
            if trial.slope * width >= 0.0 {
                high = low;
            }
            low = trial;
        }
    }

    /// The best step of a search that found none of little slope: it decreases the value at least.
    fn settle(&mut self, low: Trial) -> Option<Trial> {
        (low.step > 0.0 && low.value < self.start.value).then(|| (self.evaluate)(low.step))
    }
}

/// The minimum of the cubic with the values and the slopes of two points (Nocedal and Wright, 3.59), if it has one.
fn cubic(a: &Trial, b: &Trial) -> Option<f64> {
    let width = b.step - a.step;
    let d1 = a.slope + b.slope - 3.0 * (a.value - b.value) / (a.step - b.step);
    let square = d1 * d1 - a.slope * b.slope;
    let d2 = square.sqrt().copysign(width);
    let step = b.step - width * (b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2);
    step.is_finite().then_some(step)
}

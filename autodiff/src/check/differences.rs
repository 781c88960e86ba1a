//! Central differences extrapolated to step zero (Richardson), and the slopes of the two sides of a kink.

use crate::check::report::{Comparison, Place, Report};
use crate::numbers::tensor::Tensor;
use crate::tape::engine::Scalar;

/// A function of numbers at a point, and its claimed gradient there.
pub(super) struct Claim<'a, F> {
    pub(super) value: &'a dyn Fn(&[Tensor<F>]) -> f64,
    pub(super) at: &'a [Tensor<F>],
    /// The gradient by all arguments, concatenated.
    pub(super) gradient: &'a [f64],
    /// The order of this derivative.
    pub(super) order: usize,
    /// The rounding error of a value.
    pub(super) rounding: f64,
    pub(super) tolerance: f64,
    pub(super) floor: f64,
}

/// A wide step may fail because a kink is near. Then a step narrower by this factor decides, with its larger
/// rounding error.
const NARROW: f64 = 1.0 / 32.0;

impl<F: Scalar> Claim<'_, F> {
    /// Compares the slope along `direction` with differences of step `h`.
    pub(super) fn check(
        &self,
        place: Place,
        direction: &[f64],
        h: f64,
        report: &mut Report,
    ) -> Result<(), Comparison> {
        let narrow = h * NARROW;
        let wide = self.central(&place, direction, h);
        if wide.passes() {
            return report.take(wide);
        }
        let mut comparison = self.central(&place, direction, narrow);
        if comparison.passes() {
            return report.take(comparison);
        }
        // The gap between the slopes of the two sides closes with the step, unless there is a kink.
        let here = self.beyond(direction, 0.0);
        let [left, right] = self.sides(direction, here, narrow);
        let [far_left, far_right] = self.sides(direction, here, h);
        let gap = (right - left).abs();
        comparison.kink =
            gap > 0.5 * (far_right - far_left).abs() && gap > 4.0 * comparison.allowed;
        let between =
            left.min(right) <= comparison.allowed && left.max(right) >= -comparison.allowed;
        if comparison.kink && between {
            report.take_kink(comparison);
            return Ok(());
        }
        Err(comparison)
    }

    /// The value after a step, less the change that the claimed gradient predicts.
    fn beyond(&self, direction: &[f64], t: f64) -> f64 {
        let mut moved = self.at.to_vec();
        let numbers = moved.iter_mut().flat_map(|x| x.values_mut());
        let mut claimed = 0.0;
        for ((x, d), slope) in numbers.zip(direction).zip(self.gradient) {
            if *d != 0.0 {
                let from = x.to_f64();
                *x = F::from_f64(from + t * d);
                // The step after rounding.
                claimed += slope * (x.to_f64() - from);
            }
        }
        (self.value)(&moved) - claimed
    }

    /// Compares the claimed slope with a central difference of step `h`.
    fn central(&self, place: &Place, direction: &[f64], h: f64) -> Comparison {
        let slope = |h: f64| (self.beyond(direction, h) - self.beyond(direction, -h)) / (2.0 * h);
        // Halving the step divides the error, of order h², by four.
        let missing = (4.0 * slope(h / 2.0) - slope(h)) / 3.0;
        let found: f64 = self.gradient.iter().zip(direction).map(|(slope, d)| slope * d).sum();
        let expected = found + missing;
        let size = found.abs().max(expected.abs()).max(self.floor);
        Comparison {
            order: self.order,
            place: place.clone(),
            found,
            expected,
            allowed: self.tolerance * size + self.rounding / h,
            step: Some(h),
            against: "finite differences",
            kink: false,
        }
    }

    /// The errors of the claimed slope on the left and on the right.
    fn sides(&self, direction: &[f64], here: f64, h: f64) -> [f64; 2] {
        [-1.0, 1.0].map(|side| {
            let slope = |h: f64| (self.beyond(direction, side * h) - here) / (side * h);
            // Halving the step halves the error, of order h.
            2.0 * slope(h / 2.0) - slope(h)
        })
    }
}

//! Pieces that the energy models share: rows of states, and biases of given means.

use super::rbm::{MIN_MEAN, write_state};
use pathscore_autodiff::{Scalar, Tape, Var};
use std::ops::Range;

/// A mean of bits, away from zero and one.
pub(super) fn clamped(mean: f64) -> f64 {
    mean.clamp(MIN_MEAN, 1.0 - MIN_MEAN)
}

/// The log-odds of a mean of bits, which stay finite.
pub(super) fn log_odds(mean: f64) -> f64 {
    let p = clamped(mean);
    (p / (1.0 - p)).ln()
}

/// $2^n$, unless it overflows.
pub(super) fn power_of_two(n: usize) -> Option<usize> {
    1_usize.checked_shl(u32::try_from(n).ok()?)
}

/// The states with the numbers of a range, of so many bits, lowest bit first: of shape `[range.len(), units]`.
pub(super) fn bits<F: Scalar>(tape: &Tape<F>, range: Range<usize>, units: usize) -> Var<'_, F> {
    tape.constant_with([range.len(), units], |out| {
        for (row, state) in out.chunks_exact_mut(units.max(1)).zip(range) {
            write_state(state, row);
        }
    })
}

//! Rows of states, which the energy models share.

use super::rbm::write_state;
use pathscore_autodiff::{Scalar, Tape, Var};
use std::ops::Range;

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

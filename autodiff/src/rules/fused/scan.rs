//! Running sums and products along an axis in elementary ops, by doubling.

use crate::tape::engine::Scalar;
use crate::tape::record::Var;

/// The scan of Hillis and Steele (1986): each element is joined with the one before it, then with the one two before,
/// four before, and so on. The elements before the first are `neutral`.
pub(super) fn doubling<'t, F: Scalar>(
    x: Var<'t, F>,
    axis: usize,
    neutral: f64,
    join: impl Fn(Var<'t, F>, Var<'t, F>) -> Var<'t, F>,
) -> Var<'t, F> {
    let shape = x.shape();
    let n = shape[axis];
    let (mut y, mut step) = (x, 1);
    while step < n {
        let mut front = shape.clone();
        front[axis] = step;
        let front = x.constant(neutral).broadcast_to(front);
        let shifted = Var::concat(&[front, y.slice(axis as isize, 0..n - step)], axis as isize);
        y = join(shifted, y);
        step *= 2;
    }
    y
}

//! $\ln \sum_i e^{x_i}$ over one axis, shifted by the largest so that nothing overflows.

use super::axis::{Along, dropped};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Over an axis; of the mean instead of the sum if so said.
pub(super) struct LogSumExp {
    pub(super) axis: usize,
    pub(super) mean: bool,
}

/// The largest element and $\sum_i e^{x_i - \text{largest}}$.
pub(super) fn top_and_sum<F: Scalar>(
    x: &[F],
    places: impl Iterator<Item = usize> + Clone,
) -> (F, F) {
    let none = -F::from_f64(f64::INFINITY);
    let top = places.clone().fold(none, |top, place| top.max(x[place]));
    (top, places.map(|place| (x[place] - top).exp()).sum())
}

impl<F: Scalar> Kernel<F> for LogSumExp {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        dropped(if self.mean { "log_mean_exp" } else { "log_sum_exp" }, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let along = Along::new(args[0].dims, self.axis);
        let count = if self.mean { F::from_f64(along.n as f64) } else { F::ONE };
        for (at, y) in y.iter_mut().enumerate() {
            let (top, sum) = top_and_sum(args[0].values, along.places(at));
            // All −∞, or some +∞ or NaN: the largest is the answer, and the differences are not numbers.
            *y = if top.is_finite() { top + (sum / count).ln() } else { top };
        }
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let x = pass.args[0];
        let along = Along::new(x.dims, self.axis);
        for (at, (&y, &y_bar)) in pass.y.iter().zip(pass.y_bar).enumerate() {
            // Of −∞ only: no share is larger than another, and none moves the result.
            if y == -F::from_f64(f64::INFINITY) {
                continue;
            }
            // Not e^{x − y}: where y is large, its rounding would spoil the shares.
            let (top, sum) = top_and_sum(x.values, along.places(at));
            let scale = y_bar / sum;
            for place in along.places(at) {
                bar[place] += scale * (x.values[place] - top).exp();
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axis = self.axis as isize;
        let mut kept = x.shape();
        let n = std::mem::replace(&mut kept[self.axis], 1);
        // The shift is a constant to the derivative: it cancels. Where all are −∞ the shift is zero and
        // the sum is replaced by one before its logarithm is taken, so that nothing infinite is
        // multiplied by the zero that comes back.
        let top = x.detach().log_sum_exp(axis).detach();
        let dead = top.equal(x.constant(f64::NEG_INFINITY));
        let shift = dead.select(x.constant(0.0), top);
        let sum = (x - shift.reshape(kept)).exp().sum_axis(axis);
        let log = dead.select(top, dead.select(x.constant(1.0), sum).ln() + shift);
        if self.mean { log - F::from_f64((n.max(1) as f64).ln()) } else { log }
    }
}

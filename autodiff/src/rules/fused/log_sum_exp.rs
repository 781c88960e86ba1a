//! $\ln \sum_i e^{x_i}$ over one axis, shifted by the largest so that nothing overflows.

use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::rules::misfit;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

pub(super) struct LogSumExp(pub(super) usize);

impl LogSumExp {
    /// The elements that make up element `at` of the result.
    fn column<'a, F>(&self, x: View<'a, F>, at: usize) -> Column<'a, F> {
        let n = x.dims[self.0];
        let stride: usize = x.dims[self.0 + 1..].iter().product();
        Column { values: x.values, first: at / stride * n * stride + at % stride, stride, n }
    }
}

/// Elements that lie equally far apart.
struct Column<'a, F> {
    values: &'a [F],
    first: usize,
    stride: usize,
    n: usize,
}

impl<F: Scalar> Column<'_, F> {
    fn places(&self) -> impl Iterator<Item = usize> {
        (self.first..).step_by(self.stride).take(self.n)
    }

    /// The largest element and $\sum_i e^{x_i - \text{largest}}$.
    fn top_and_sum(&self) -> (F, F) {
        let none = -F::from_f64(f64::INFINITY);
        let top = self.places().fold(none, |top, place| top.max(self.values[place]));
        (top, self.places().map(|place| (self.values[place] - top).exp()).sum())
    }
}

impl<F: Scalar> Kernel<F> for LogSumExp {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        if self.0 >= args[0].len() {
            return Err(misfit("log_sum_exp", args, format!("an axis {}", self.0)));
        }
        Ok(args[0].iter().enumerate().filter(|e| e.0 != self.0).map(|e| *e.1).collect())
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        for (at, y) in y.iter_mut().enumerate() {
            let column = self.column(args[0], at);
            let (top, sum) = column.top_and_sum();
            // All −∞, or some +∞ or NaN: the largest is the answer, and the differences are not numbers.
            *y = if top.is_finite() { top + sum.ln() } else { top };
        }
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        for (at, (&y, &y_bar)) in pass.y.iter().zip(pass.y_bar).enumerate() {
            // Of −∞ only: no share is larger than another, and none moves the result.
            if y == -F::from_f64(f64::INFINITY) {
                continue;
            }
            let column = self.column(pass.args[0], at);
            // Not e^{x − y}: where y is large, its rounding would spoil the shares.
            let (top, sum) = column.top_and_sum();
            let scale = y_bar / sum;
            for place in column.places() {
                bar[place] += scale * (column.values[place] - top).exp();
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axis = self.0 as isize;
        let mut kept = x.shape();
        kept[self.0] = 1;
        // The shift is a constant to the derivative: it cancels. Where all are −∞ the shift is zero and
        // the sum is replaced by one before its logarithm is taken, so that nothing infinite is
        // multiplied by the zero that comes back.
        let top = x.detach().log_sum_exp(axis).detach();
        let dead = top.equal(x.constant(f64::NEG_INFINITY));
        let shift = dead.select(x.constant(0.0), top);
        let sum = (x - shift.reshape(kept)).exp().sum_axis(axis);
        dead.select(top, dead.select(x.constant(1.0), sum).ln() + shift)
    }
}

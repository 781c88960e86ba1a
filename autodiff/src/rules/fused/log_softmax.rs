//! $x_i - \ln \sum_j e^{x_j}$ along one axis.

use super::axis::{Along, kept};
use super::log_sum_exp::top_and_sum;
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Along an axis.
pub(super) struct LogSoftmax(pub(super) usize);

impl<F: Scalar> Kernel<F> for LogSoftmax {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        kept("log_softmax", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Along::new(args[0].dims, self.0);
        for at in 0..along.count(x.len()) {
            let (top, sum) = top_and_sum(x, along.places(at));
            let log = sum.ln();
            // Two steps: x − top is exact where it matters, near the largest.
            along.places(at).for_each(|place| y[place] = (x[place] - top) - log);
        }
    }

    /// $\bar x_i$ gains $\bar y_i - e^{y_i} \sum_j \bar y_j$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let along = Along::new(pass.args[0].dims, self.0);
        for at in 0..along.count(pass.y.len()) {
            let sum: F = along.places(at).map(|place| pass.y_bar[place]).sum();
            for place in along.places(at) {
                bar[place] += pass.y_bar[place] - pass.y[place].exp() * sum;
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let mut kept = x.shape();
        kept[self.0] = 1;
        x - x.log_sum_exp(self.0 as isize).reshape(kept)
    }
}

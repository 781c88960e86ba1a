//! The largest element over one axis.

use super::axis::{Along, dropped};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Over an axis.
pub(super) struct Max(pub(super) usize);

impl<F: Scalar> Kernel<F> for Max {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        dropped("max_axis", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let along = Along::new(args[0].dims, self.0);
        let none = F::from_f64(f64::NEG_INFINITY);
        for (at, y) in y.iter_mut().enumerate() {
            *y = along.places(at).fold(none, |top, place| top.max(args[0].values[place]));
        }
    }

    /// The elements equal to the largest share $\bar y$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let x = pass.args[0];
        let along = Along::new(x.dims, self.0);
        for (at, (&y, &y_bar)) in pass.y.iter().zip(pass.y_bar).enumerate() {
            let tied = along.places(at).filter(|&place| x.values[place] == y);
            let share = y_bar / F::from_f64(tied.clone().count() as f64);
            tied.for_each(|place| bar[place] += share);
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axis = self.0 as isize;
        if x.shape()[self.0] == 0 {
            return x.sum_axis(axis) + F::from_f64(f64::NEG_INFINITY);
        }
        let mut kept = x.shape();
        kept[self.0] = 1;
        let top = x.detach().max_axis(axis).detach().reshape(kept);
        let tied = x.equal(top);
        tied.select(x, x.constant(0.0)).sum_axis(axis) / tied.sum_axis(axis)
    }
}

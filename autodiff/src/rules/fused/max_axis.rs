//! The largest element over one axis.

use super::axis::{Axis, without_axis};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::{Axes, axis_of};

/// The maximum over an axis.
pub(super) struct Max {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for Max {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let along = Axis::new(args[0].dims, self.axis);
        let none = F::from_f64(f64::NEG_INFINITY);
        for (at, y) in y.iter_mut().enumerate() {
            *y = along.places(at).fold(none, |top, place| top.max(args[0].values[place]));
        }
    }

    /// The elements that are equal to the largest share $\bar y$ evenly.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let x = pass.args[0];
        let along = Axis::new(x.dims, self.axis);
        for (at, (&y, &y_bar)) in pass.y.iter().zip(pass.y_bar).enumerate() {
            let tied = along.places(at).filter(|&place| x.values[place] == y);
            let share = y_bar / F::from_f64(tied.clone().count() as f64);
            tied.for_each(|place| bar[place] += share);
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axis = self.axis as isize;
        if x.shape()[usize::from(self.axis)] == 0 {
            return x.sum_axis(axis) + F::from_f64(f64::NEG_INFINITY);
        }
        let mut kept = x.shape();
        kept[usize::from(self.axis)] = 1;
        let top = x.detach().max_axis(axis).detach().reshape(kept);
        let tied = x.equal(top);
        tied.select(x, x.constant(0.0)).sum_axis(axis) / tied.sum_axis(axis)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The largest element over axes; NaN if one element is. Elements that tie share the derivative evenly. The maximum of
    /// no elements is $-\infty$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 4.0, 4.0], [3]);
    /// assert_eq!(x.max_axis(0).backward().of(x).values(), [0.0, 0.5, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "amax")]
    #[track_caller]
    pub fn max_axis(self, axes: impl Into<Axes>) -> Self {
        self.reduce_with("max_axis", axes.into(), |axis| Fused::Max { axis })
    }

    /// The smallest element over axes; NaN if one element is. Elements that tie share the derivative evenly. The minimum of
    /// no elements is $\infty$.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn min_axis(self, axes: impl Into<Axes>) -> Self {
        -(-self).max_axis(axes)
    }

    /// The position of the largest element along an axis, which is dropped; at a tie, the first position. NaN counts as
    /// larger than any number, as in NumPy and PyTorch. The derivative is zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[0.0, 7.0, 7.0, 5.0, 1.0, 2.0], [2, 3]);
    /// assert_eq!(x.argmax(1).value().values(), [1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or it has no positions.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Self {
        let mut along = self.shape();
        let position = axis_of("argmax", axis, &along);
        let n = along[position];
        assert!(n > 0, "argmax: axis {axis} of a tensor of shape {along} has no positions");
        let x = self.detach();
        along.iter_mut().enumerate().for_each(|(i, m)| *m = if i == position { n } else { 1 });
        let places = self.tape().constant_with(along, |out| {
            out.iter_mut().enumerate().for_each(|(i, place)| *place = F::from_f64(i as f64));
        });
        // If an element is NaN, so is the largest, and NaN is not equal to itself.
        let largest = x.equal(x.max_axis(Axes::from(axis).keep())) + x.not_equal(x);
        largest.select(places, self.constant(n as f64)).min_axis(axis).detach()
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::Max { axis: 1 }, &[&[2, 3, 4]])];

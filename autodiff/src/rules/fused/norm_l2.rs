//! $\Vert x \Vert = \sqrt{\sum_i x_i^2}$ over one axis, without overflow and underflow.

use super::axis::{Axis, without_axis};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::Axes;

/// The Euclidean norm over an axis. Recorded gradients of its square are those of a sum of squares (`sweeps/lengths.rs`).
pub(super) struct NormL2 {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for NormL2 {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    /// Elements are divided by the largest one, if that is neither zero nor infinite.
    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Axis::new(args[0].dims, self.axis);
        for (at, y) in y.iter_mut().enumerate() {
            let top = along.places(at).fold(F::ZERO, |top, place| top.max(x[place].abs()));
            let unit = if top > F::ZERO && top.is_finite() { top } else { F::ONE };
            let square = |place: usize| (x[place] / unit).square();
            let sum = along.places(at).fold(F::ZERO, |sum, place| sum + square(place));
            *y = sum.sqrt() * unit;
        }
    }

    /// $\bar x_i$ gains $\bar y x_i/y$, and nothing where $y$ is zero or infinite.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let x = pass.args[0];
        let along = Axis::new(x.dims, self.axis);
        let Some(bar) = bars.of(0) else { return };
        for (at, (&y, &y_bar)) in pass.y.iter().zip(pass.y_bar).enumerate() {
            if y == F::ZERO || y == F::from_f64(f64::INFINITY) {
                continue;
            }
            for place in along.places(at) {
                bar[place] += y_bar.mul_no_nan(x.values[place] / y);
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let x = args[0];
        let axes = Axes::from(self.axis as isize);
        let unit = x.unit(&axes);
        let sum = (x / unit).square().sum_axis(axes);
        sum.safe_sqrt() * unit.reshape(sum.shape())
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (crate::tape::op::fused::Fused::NormL2 { axis: 1 }, &[&[2, 3, 4]]),
    (crate::tape::op::fused::Fused::NormL2 { axis: 0 }, &[&[5]]),
];

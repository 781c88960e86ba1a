//! Running sums along one axis.

use super::axis::{Axis, with_axis};
use super::scan::doubling;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::axis_of;

/// $y_i = \sum_{j \le i} x_j$ along an axis.
pub(super) struct CumSum {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for CumSum {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        with_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Axis::new(args[0].dims, self.axis);
        for at in 0..along.count(x.len()) {
            along.places(at).fold(F::ZERO, |sum, place| {
                y[place] = sum + x[place];
                y[place]
            });
        }
    }

    /// $\bar x_i$ gains $\sum_{j \ge i} \bar y_j$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let along = Axis::new(pass.args[0].dims, self.axis);
        for at in 0..along.count(pass.y.len()) {
            along.places(at).rev().fold(F::ZERO, |sum, place| {
                bar[place] += sum + pass.y_bar[place];
                sum + pass.y_bar[place]
            });
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        doubling(args[0], self.axis.into(), 0.0, |a, b| a + b)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// Running sums $y_i = \sum_{j \le i} x_j$ along an axis. The derivative of $y_i$ is one with respect to every $x_j$
    /// with $j \le i$.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0, 2.0, 3.0], [3]);
    /// assert_eq!(x.cumsum(0).value().values(), [1.0, 3.0, 6.0]);
    /// assert_eq!(x.cumsum(0).sum().backward().of(x).values(), [3.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Self {
        let axis = axis_of("cumsum", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::CumSum { axis }), &[self], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::CumSum { axis: 1 }, &[&[2, 5, 2]])];

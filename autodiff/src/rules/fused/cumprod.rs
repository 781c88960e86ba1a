//! Running products along one axis.

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

/// $y_i = \prod_{j \le i} x_j$ along an axis, differentiated without division.
pub(super) struct CumProd {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for CumProd {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        with_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Axis::new(args[0].dims, self.axis);
        for at in 0..along.count(x.len()) {
            along.places(at).fold(F::ONE, |product, place| {
                y[place] = product * x[place];
                y[place]
            });
        }
    }

    /// $\bar x_i$ gains $y_{i-1} b_i$, where $b_i = \bar y_i + x_{i+1} b_{i+1}$ is the adjoint of the
    /// product of the factors up to $i$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let x = pass.args[0];
        let along = Axis::new(x.dims, self.axis);
        for at in 0..along.count(pass.y.len()) {
            let mut behind = F::ZERO;
            for (i, place) in along.places(at).enumerate().rev() {
                let gain = pass.y_bar[place] + behind;
                let before = if i == 0 { F::ONE } else { pass.y[place - along.stride] };
                bar[place] += before * gain;
                behind = x.values[place] * gain;
            }
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        doubling(args[0], self.axis.into(), 1.0, |a, b| a * b)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// Running products $y_i = \prod_{j \le i} x_j$ along an axis. The derivative with respect to $x_k$ is
    /// $\prod_{j \le i, j \ne k} x_j$ for $k \le i$, computed without division, so factors may be zero.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Self {
        let axis = axis_of("cumprod", axis, &self.shape()) as u8;
        self.record(Op::Fused(Fused::CumProd { axis }), &[self], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::CumProd { axis: 1 }, &[&[2, 3, 2]]), (Fused::CumProd { axis: 0 }, &[&[5]])];

//! $\ln \tfrac1n \sum_i e^{x_i}$ over one axis, by the loops of `log_sum_exp` with every sum divided by $n$.

use super::axis::without_axis;
use super::log_sum_exp::{define, forward, reverse};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::Axes;

/// The logarithm of a mean of exponentials along an axis.
pub(super) struct LogMeanExp {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for LogMeanExp {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        forward(self.axis, true, args, y);
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        reverse(self.axis, pass, bars);
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        define(self.axis, true, args)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// $\ln \tfrac1n \sum_i e^{x_i}$ over axes. Of log-weights it is the bound of Burda, Grosse and Salakhutdinov
    /// (2016). The derivative is $\mathrm{softmax}(x)$; the edge cases are those of [`Var::log_sum_exp`].
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[doc(alias = "logmeanexp")]
    #[track_caller]
    pub fn log_mean_exp(self, axes: impl Into<Axes>) -> Self {
        self.reduce_with("log_mean_exp", axes.into(), |axis| Fused::LogMeanExp { axis })
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::LogMeanExp { axis: 0 }, &[&[2, 3, 4]])];

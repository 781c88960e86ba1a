//! $\sum_j -\tfrac12 t_j^2 - s_j - \tfrac12 \ln 2\pi$ with $t_j = (x_j - \mu_j) e^{-s_j}$.

use super::rows::{add_to_adjoint, row_of, row_shape, scaled_difference, with_inverse_scales};
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::numbers::table::HALF_LN_TAU;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// The log-density of diagonal normal distributions.
pub(super) struct NormalLogProb {}

impl<F: Scalar> Kernel<F> for NormalLogProb {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        row_shape(Self::NAME, args)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let (half, [x, mu, s]) = (F::from_f64(0.5), [args[0], args[1], args[2]]);
        let constant = F::from_f64(HALF_LN_TAU * x.dims[x.dims.len() - 1] as f64);
        with_inverse_scales(s, |inverse| {
            dispatch(
                #[inline(always)]
                || {
                    for (row, y) in y.iter_mut().enumerate() {
                        let sum = sum_by(
                            [x, mu, s, inverse].map(|arg| row_of(arg, row)),
                            #[inline(always)]
                            |[x, mu, s, inverse]| {
                                let t = (x - mu) * inverse;
                                -half * t * t - s
                            },
                        );
                        *y = sum - constant;
                    }
                },
            );
        });
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, mu, s] = [pass.args[0], pass.args[1], pass.args[2]];
        with_inverse_scales(s, |inverse| {
            let args = [x, mu, inverse];
            add_to_adjoint(bars.of(0), pass.y_bar, [mu, x, inverse], scaled_difference);
            add_to_adjoint(bars.of(1), pass.y_bar, [x, mu, inverse], scaled_difference);
            add_to_adjoint(
                bars.of(2),
                pass.y_bar,
                args,
                #[inline(always)]
                |[x, mu, inverse]| {
                    let t = (x - mu) * inverse;
                    t * t - F::ONE
                },
            );
        });
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, mu, s] = [args[0], args[1], args[2]];
        let t = (x - mu) * (-s).exp();
        (t * t * F::from_f64(-0.5) - s - F::from_f64(HALF_LN_TAU)).sum_axis(-1)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The log-density $\sum_j \ln \mathcal N(x_j; \mu_j, e^{2 s_j})$ over the last axis, with `loc` $\mu$ and
    /// `log_scale` $s$. Arguments with fewer leading axes are repeated.
    ///
    /// With $t = (x - \mu) e^{-s}$ the derivatives are $-t e^{-s}$ ($x$), $t e^{-s}$ ($\mu$), $t^2 - 1$ ($s$).
    ///
    /// # Panics
    /// If a shape is not the end of the longest.
    #[track_caller]
    pub fn normal_log_prob(self, loc: Self, log_scale: Self) -> Self {
        self.record(Op::Fused(Fused::NormalLogProb {}), &[self, loc, log_scale], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::NormalLogProb {}, &[&[2, 3, 4], &[3, 4], &[4]])];

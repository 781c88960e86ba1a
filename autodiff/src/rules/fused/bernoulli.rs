//! $\sum_j x_j \eta_j - \mathrm{softplus}(\eta_j)$: the log-probability of bits by their logits.
//!
//! Written in logits it needs no guard: at $\pm 10^4$ it is as exact as at $0$.

use super::{Bars, Kernel, Pass, row_of, row_of_mut, row_shape};
use crate::error::Error;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

pub(super) struct BernoulliLogProb;

impl<F: Scalar> Kernel<F> for BernoulliLogProb {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        row_shape("bernoulli_log_prob", args)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        dispatch(
            #[inline(always)]
            || {
                for (row, y) in y.iter_mut().enumerate() {
                    *y = sum_by(
                        [row_of(args[0], row), row_of(args[1], row)],
                        #[inline(always)]
                        |[x, eta]| x * eta - eta.softplus(),
                    );
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, eta] = [pass.args[0], pass.args[1]];
        let width = x.dims[x.dims.len() - 1];
        if let Some(bar) = bars.of(0) {
            dispatch(
                #[inline(always)]
                || {
                    for (row, &y_bar) in pass.y_bar.iter().enumerate() {
                        let (bar, eta) = (row_of_mut(bar, width, row), row_of(eta, row));
                        for (bar, &eta) in bar.iter_mut().zip(eta) {
                            *bar += y_bar * eta;
                        }
                    }
                },
            );
        }
        if let Some(bar) = bars.of(1) {
            dispatch(
                #[inline(always)]
                || {
                    for (row, &y_bar) in pass.y_bar.iter().enumerate() {
                        let bar = row_of_mut(bar, width, row);
                        let (x, eta) = (&row_of(x, row)[..width], &row_of(eta, row)[..width]);
                        for j in 0..width {
                            bar[j] += y_bar * (x[j] - eta[j].sigmoid());
                        }
                    }
                },
            );
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, eta] = [args[0], args[1]];
        (x * eta - eta.softplus()).sum_axis(-1)
    }
}

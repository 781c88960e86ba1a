//! $\sum_j \mathrm{KL}(\mathcal N(\mu_j, e^{2s_j}) \Vert \mathcal N(m_j, e^{2r_j}))$, which with $d = s - r$ and
//! $t = (\mu - m) e^{-r}$ is $\sum_j \tfrac12 (e^{2d_j} - 1 - 2d_j + t_j^2)$. In this form nothing cancels when the
//! two distributions are close, because $e^x - 1 - x$ is one function.

use super::rows::{add_to_adjoint, row_of, row_shape, scaled_difference, with_inverse_scales};
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// The divergence of diagonal normal distributions.
pub(super) struct NormalKl {}

impl<F: Scalar> Kernel<F> for NormalKl {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        row_shape(Self::NAME, args)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let (half, [mu, s, m, r]) = (F::from_f64(0.5), [args[0], args[1], args[2], args[3]]);
        with_inverse_scales(r, |inverse| {
            dispatch(
                #[inline(always)]
                || {
                    for (row, y) in y.iter_mut().enumerate() {
                        *y = sum_by(
                            [mu, s, m, r, inverse].map(|arg| row_of(arg, row)),
                            #[inline(always)]
                            |[mu, s, m, r, inverse]| {
                                let twice = (s - r) + (s - r);
                                let t = (mu - m) * inverse;
                                half * (twice.exp_m1_less_x() + t * t)
                            },
                        );
                    }
                },
            );
        });
    }

    /// The derivatives are $t e^{-r}$ ($\mu$), $e^{2d} - 1$ ($s$), $-t e^{-r}$ ($m$) and $1 - e^{2d} - t^2$ ($r$).
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [mu, s, m, r] = [0, 1, 2, 3].map(|arg| pass.args[arg]);
        with_inverse_scales(r, |inverse| {
            add_to_adjoint(bars.of(0), pass.y_bar, [mu, m, inverse], scaled_difference);
            add_to_adjoint(
                bars.of(1),
                pass.y_bar,
                [s, r],
                #[inline(always)]
                |[s, r]| ((s - r) + (s - r)).exp_m1(),
            );
            add_to_adjoint(bars.of(2), pass.y_bar, [m, mu, inverse], scaled_difference);
            add_to_adjoint(
                bars.of(3),
                pass.y_bar,
                [mu, s, m, r, inverse],
                #[inline(always)]
                |[mu, s, m, r, inverse]| {
                    let t = (mu - m) * inverse;
                    -((s - r) + (s - r)).exp_m1() - t * t
                },
            );
        });
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [mu, s, m, r] = [args[0], args[1], args[2], args[3]];
        let twice = (s - r) * F::from_f64(2.0);
        let t = (mu - m) * (-r).exp();
        ((twice.exp_m1_less_x() + t.square()) * F::from_f64(0.5)).sum_axis(-1)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The divergence $\sum_j \mathrm{KL}(\mathcal N(\mu_j, e^{2s_j}) \Vert \mathcal N(m_j, e^{2r_j}))$ over the last axis,
    /// with `self` $\mu$, `log_scale` $s$, and `loc` $m$ and `other_log_scale` $r$ of the other distribution. The shapes
    /// broadcast.
    ///
    /// With $d = s - r$ and $t = (\mu - m) e^{-r}$ it is $\sum \tfrac12 (e^{2d} - 1 - 2d + t^2)$, and the derivatives are
    /// $t e^{-r}$ ($\mu$), $e^{2d} - 1$ ($s$), $-t e^{-r}$ ($m$) and $1 - e^{2d} - t^2$ ($r$).
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn normal_kl(self, log_scale: Self, loc: Self, other_log_scale: Self) -> Self {
        let args = [self, log_scale, loc, other_log_scale];
        let shapes = args.map(|arg| arg.shape());
        let whole = shapes[1..].iter().try_fold(shapes[0].clone(), |a, b| Shape::broadcast(&a, b));
        let Some(whole) = whole else {
            let [mu, s, m, r] = shapes;
            panic!("normal_kl: shapes {mu}, {s}, {m} and {r} do not broadcast");
        };
        // The kernel itself repeats along leading axes; only other ways to broadcast need a copy.
        let repeats = |shape: &Shape| !shape.is_empty() && whole.ends_with(shape);
        let args = args.map(|x| if repeats(&x.shape()) { x } else { x.broadcast_to(&whole) });
        self.record(Op::Fused(Fused::NormalKl {}), &args, None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::NormalKl {}, &[&[2, 3, 4], &[3, 4], &[4], &[3, 4]])];

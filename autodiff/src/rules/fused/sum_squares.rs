//! $\sum_i x_i^2$ over one axis, in one pass over the numbers.

use super::axis::{Along, dropped};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::simd::dispatch;
use crate::kernels::sum::sum_by;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Neighbouring sums that are kept in registers.
const LANES: usize = 16;

pub(super) struct SumSquares(pub(super) usize);

impl<F: Scalar> Kernel<F> for SumSquares {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        dropped("sum_squares", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let Along { n, stride } = Along::new(args[0].dims, self.0);
        let x = args[0].values;
        if n == 0 || y.is_empty() {
            return y.fill(F::ZERO);
        }
        dispatch(
            #[inline(always)]
            || {
                if stride == 1 {
                    for (y, x) in y.iter_mut().zip(x.chunks_exact(n)) {
                        *y = sum_by(
                            [x],
                            #[inline(always)]
                            |[x]| x * x,
                        );
                    }
                    return;
                }
                for (y, x) in y.chunks_exact_mut(stride).zip(x.chunks_exact(n * stride)) {
                    let (wide, rest) = y.as_chunks_mut::<LANES>();
                    let first = wide.len() * LANES;
                    for (c, y) in wide.iter_mut().enumerate() {
                        let mut sums = [F::ZERO; LANES];
                        for x in x.chunks_exact(stride) {
                            let x: &[F; LANES] =
                                x[c * LANES..].first_chunk().expect("a row is as long as y");
                            for j in 0..LANES {
                                sums[j] += x[j] * x[j];
                            }
                        }
                        *y = sums;
                    }
                    rest.fill(F::ZERO);
                    for x in x.chunks_exact(stride) {
                        for (y, &x) in rest.iter_mut().zip(&x[first..]) {
                            *y += x * x;
                        }
                    }
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Along { n, stride } = Along::new(pass.args[0].dims, self.0);
        let Some((bar, begun)) = bars.begun(0) else { return };
        if bar.is_empty() {
            return;
        }
        let x = pass.args[0].values;
        let two = F::from_f64(2.0);
        dispatch(
            #[inline(always)]
            || {
                let blocks = bar.chunks_exact_mut(n * stride).zip(x.chunks_exact(n * stride));
                for ((bar, x), y_bar) in blocks.zip(pass.y_bar.chunks_exact(stride)) {
                    if stride == 1 {
                        let slope = two * y_bar[0];
                        for (bar, &x) in bar.iter_mut().zip(x) {
                            *bar = slope * x + if begun { *bar } else { F::ZERO };
                        }
                        continue;
                    }
                    for (bar, x) in bar.chunks_exact_mut(stride).zip(x.chunks_exact(stride)) {
                        for ((bar, &x), &y_bar) in bar.iter_mut().zip(x).zip(y_bar) {
                            *bar = two * y_bar * x + if begun { *bar } else { F::ZERO };
                        }
                    }
                }
            },
        );
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        args[0].square().sum_axis(self.0 as isize)
    }
}

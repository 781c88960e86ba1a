//! $\sum_j x_j \eta_j - \mathrm{softplus}(\eta_j)$: the log-probability of bits by their logits.
//!
//! Written in logits it needs no guard: at $\pm 10^4$ it is as exact as at $0$.
//!
//! Logits that many rows of bits meet, as those of a layer drawn many times, are gone through once:
//! $\mathrm{softplus}(\eta) = \max(\eta, 0) + \ln(1 + e^{-|\eta|})$, and only the first part has to stay
//! together with $x \eta$, from which it takes what is large.

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
        if repeats(args[1], args[0]) {
            return forward_repeated(args[0], args[1], y);
        }
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
            if repeats(eta, x) {
                return reverse_repeated(x, eta, pass.y_bar, bar);
            }
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

/// Whether each row of `eta` meets more than one of `x`.
fn repeats<F>(eta: View<F>, x: View<F>) -> bool {
    eta.values.len() < x.values.len() && !eta.values.is_empty()
}

fn forward_repeated<F: Scalar>(x: View<F>, eta: View<F>, y: &mut [F]) {
    let width = x.dims[x.dims.len() - 1];
    let rows = eta.values.len() / width;
    dispatch(
        #[inline(always)]
        || {
            for (first, eta) in eta.values.chunks_exact(width).enumerate() {
                let common = sum_by(
                    [eta],
                    #[inline(always)]
                    |[eta]| (-eta.abs()).softplus(),
                );
                for row in (first..y.len()).step_by(rows) {
                    let own = sum_by(
                        [row_of(x, row), eta],
                        #[inline(always)]
                        |[x, eta]| x * eta - if eta > F::ZERO { eta } else { F::ZERO },
                    );
                    y[row] = own - common;
                }
            }
        },
    );
}

/// $\bar\eta \mathrel{+}= \sum_k \bar y_k x_k - \big(\sum_k \bar y_k\big)\, \sigma(\eta)$ over the rows that met it.
fn reverse_repeated<F: Scalar>(x: View<F>, eta: View<F>, y_bar: &[F], bar: &mut [F]) {
    let width = x.dims[x.dims.len() - 1];
    let rows = eta.values.len() / width;
    dispatch(
        #[inline(always)]
        || {
            let pairs = bar.chunks_exact_mut(width).zip(eta.values.chunks_exact(width));
            for (first, (bar, eta)) in pairs.enumerate() {
                let mut total = F::ZERO;
                for row in (first..y_bar.len()).step_by(rows) {
                    let weight = y_bar[row];
                    total += weight;
                    for (bar, &x) in bar.iter_mut().zip(row_of(x, row)) {
                        *bar += weight * x;
                    }
                }
                for (bar, &eta) in bar.iter_mut().zip(eta) {
                    *bar += -(total * eta.sigmoid());
                }
            }
        },
    );
}

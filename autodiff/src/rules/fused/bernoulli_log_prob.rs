//! $\sum_j x_j \eta_j - \mathrm{softplus}(\eta_j)$: the log-probability of bits by their logits.
//!
//! In logits the formula needs no guard: at $\pm 10^4$ it is as accurate as at $0$.
//!
//! The derivative is $x\sigma(-\eta) - (1 - x)\sigma(\eta)$. It is computed as $x - \sigma(\eta)$ up to zero and as $(x - 1) +
//! \sigma(-\eta)$ above it, so that it keeps its digits where a bit is nearly certain.
//!
//! The first part of $\mathrm{softplus}(\eta) = \max(\eta, 0) + \ln(1 + e^{-|\eta|})$ is subtracted from $x \eta$ number by
//! number, so that large terms cancel there. The second part does not depend on the bits. Where many rows of bits share
//! one row of logits, as with many draws from one layer, it is computed once.

use super::rows::{add_to_adjoint, row_of, row_of_mut, row_shape};
use crate::kernels::fold::fold;
use crate::kernels::simd::dispatch;
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// The log-probability of bits under logits.
pub(super) struct BernoulliLogProb {}

impl<F: Scalar> Kernel<F> for BernoulliLogProb {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        row_shape(Self::NAME, args)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let [x, eta] = [args[0], args[1]];
        let width = x.dims[x.dims.len() - 1];
        if width == 0 {
            return y.fill(F::ZERO);
        }
        let rows = eta.values.len() / width;
        dispatch(
            #[inline(always)]
            || {
                for (first, eta) in eta.values.chunks_exact(width).enumerate() {
                    let common = sum_ln_1p_exp(eta);
                    for row in (first..y.len()).step_by(rows) {
                        let own = sum_piecewise_linear(row_of(x, row), eta);
                        y[row] = own - common;
                    }
                }
            },
        );
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, eta] = [pass.args[0], pass.args[1]];
        add_to_adjoint(
            bars.of(0),
            pass.y_bar,
            [eta],
            #[inline(always)]
            |[eta]| eta,
        );
        if repeats(eta, x) {
            if let Some(bar) = bars.of(1) {
                reverse_repeated(x, eta, pass.y_bar, bar);
            }
        } else if let Some((bar, begun)) = bars.begun(1) {
            let add = match begun {
                false => add_slopes::<F, false>,
                true => add_slopes::<F, true>,
            };
            add(x, eta, pass.y_bar, bar);
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, eta] = [args[0], args[1]];
        let above = eta.greater(eta.constant(0.0));
        let size = above.select(eta, -eta);
        ((x - above) * eta - (-size).softplus()).sum_axis(-1)
    }
}

/// One for positive logits, and zero for others.
#[inline(always)]
fn step<F: Scalar>(eta: F) -> F {
    if eta > F::ZERO { F::ONE } else { F::ZERO }
}

/// $\sigma(-\eta)$ for positive logits, and $-\sigma(\eta)$ for others: the derivative less $x - s$ with the [`step`] $s$.
#[inline(always)]
fn tail<F: Scalar>(eta: F) -> F {
    let size = (-eta.abs()).sigmoid();
    if eta > F::ZERO { size } else { -size }
}

/// $\bar\eta \mathrel{+}= \bar y (x\sigma(-\eta) - (1 - x)\sigma(\eta))$, or $=$ if `ONTO` is false; then $\bar\eta$ is not
/// read.
fn add_slopes<F: Scalar, const ONTO: bool>(x: View<F>, eta: View<F>, y_bar: &[F], bar: &mut [F]) {
    let width = x.dims[x.dims.len() - 1];
    dispatch(
        #[inline(always)]
        || {
            for (row, &y_bar) in y_bar.iter().enumerate() {
                let bar = row_of_mut(bar, width, row);
                let (x, eta) = (&row_of(x, row)[..width], &row_of(eta, row)[..width]);
                for j in 0..width {
                    let gain = y_bar * ((x[j] - step(eta[j])) + tail(eta[j]));
                    bar[j] = if ONTO { bar[j] + gain } else { gain };
                }
            }
        },
    );
}

/// True if each row of `eta` belongs to more than one row of `x`.
fn repeats<F>(eta: View<F>, x: View<F>) -> bool {
    eta.values.len() < x.values.len() && !eta.values.is_empty()
}

/// The number of logits that are computed side by side.
const LANES: usize = 16;
/// The number of logits whose factors are multiplied. Each factor is at most two, and $2^{64}$ does not overflow in
/// either precision.
const FACTORS: usize = 64;

/// $\sum_j \ln(1 + e^{-|\eta_j|})$ by one logarithm for many: $\prod_j (1 + e_j) - 1$ grows as
/// $t \leftarrow t + e + te$, which keeps the digits of small terms as a sum does.
#[inline(always)]
fn sum_ln_1p_exp<F: Scalar>(eta: &[F]) -> F {
    let mut total = F::ZERO;
    for eta in eta.chunks(LANES * FACTORS) {
        let mut t = [F::ZERO; LANES];
        // Beyond the end, an infinite logit is the factor one.
        for_pieces(
            [eta],
            F::from_f64(f64::INFINITY),
            #[inline(always)]
            |[eta]| {
                for j in 0..LANES {
                    let e = eta[j].exp_minus_abs();
                    t[j] = (t[j] + e) + t[j] * e;
                }
            },
        );
        for t in &mut t {
            *t = t.ln_1p();
        }
        let [sum] = fold(
            t,
            #[inline(always)]
            |a, b| a + b,
        );
        total += sum;
    }
    total
}

/// $\sum_j x_j \eta_j - \max(\eta_j, 0)$.
#[inline(always)]
fn sum_piecewise_linear<F: Scalar>(x: &[F], eta: &[F]) -> F {
    let mut sums = [F::ZERO; LANES];
    for_pieces(
        [x, eta],
        F::ZERO,
        #[inline(always)]
        |[x, eta]| {
            for j in 0..LANES {
                sums[j] += x[j] * eta[j] - if eta[j] > F::ZERO { eta[j] } else { F::ZERO };
            }
        },
    );
    let [sum] = fold(
        through_memory(sums),
        #[inline(always)]
        |a, b| a + b,
    );
    sum
}

/// Returns the same numbers, after a store and a load. Without them the compiler splits the lanes into several short vectors.
#[inline(always)]
fn through_memory<F: Copy>(lanes: [F; LANES]) -> [F; LANES] {
    *std::hint::black_box(&lanes)
}

/// Calls `f` with sixteen numbers of each slice at a time; the last piece is filled up with `filler`.
#[inline(always)]
fn for_pieces<F: Scalar, const N: usize>(
    slices: [&[F]; N],
    filler: F,
    mut f: impl FnMut([&[F; LANES]; N]),
) {
    let n = slices[0].len();
    let whole = n - n % LANES;
    for at in (0..whole).step_by(LANES) {
        f(slices.map(|slice| slice[at..].first_chunk().expect("a whole piece is left")));
    }
    if whole < n {
        let last = slices.map(|slice| {
            let mut piece = [filler; LANES];
            piece[..n - whole].copy_from_slice(&slice[whole..n]);
            piece
        });
        f(last.each_ref());
    }
}

/// $\bar\eta \mathrel{+}= \sum_k \bar y_k (x_k - s) + \big(\sum_k \bar y_k\big) (s - \sigma(\eta))$ over the rows $k$ of bits
/// that belong to one row of logits, where $s$ is the [`step`] at $\eta$.
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
                    let x = row_of(x, row);
                    for ((bar, &x), &eta) in bar.iter_mut().zip(x).zip(eta) {
                        *bar += weight * (x - step(eta));
                    }
                }
                for (bar, &eta) in bar.iter_mut().zip(eta) {
                    *bar += total * tail(eta);
                }
            }
        },
    );
}

impl<F: Scalar> Var<'_, F> {
    /// The log-probability of bits $x$, $\sum_j x_j \eta_j - \mathrm{softplus}(\eta_j)$ over the last axis, with `logits`
    /// $\eta$. Arguments with fewer leading axes are repeated.
    ///
    /// The derivatives are $x - \sigma(\eta) = x\sigma(-\eta) - (1 - x)\sigma(\eta)$ ($\eta$), to the last digits also where a bit
    /// is nearly certain, and $\eta$ ($x$).
    ///
    /// # Panics
    /// If a shape is not the end of the longest.
    #[doc(alias = "binary_cross_entropy_with_logits")]
    #[track_caller]
    pub fn bernoulli_log_prob(self, logits: Self) -> Self {
        self.record(Op::Fused(Fused::BernoulliLogProb {}), &[self, logits], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::BernoulliLogProb {}, &[&[2, 3, 4], &[3, 4]]),
    (Fused::BernoulliLogProb {}, &[&[4], &[3, 4]]),
];

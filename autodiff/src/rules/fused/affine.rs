//! $f(xW + b)$ over rows: a matrix product that starts from the bias, then a pass that applies the activation.

use crate::kernels::gemm::{Layout, gemm, gemm_onto_row};
use crate::kernels::map::map;
use crate::kernels::simd::dispatch;
use crate::kernels::walk::add_slice;
use crate::kernels::zip::View;
use crate::numbers::error::{Error, shape_error};
use crate::numbers::ops::Unary;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::Op;
use crate::tape::op::fused::{Activation, Fused};
use crate::tape::record::{Bars, Kernel, Pass, Var};

/// An affine map and its activation.
pub(super) struct Affine {
    pub(super) activation: Activation,
}

impl<F: Scalar> Kernel<F> for Affine {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        let [x, w, b] = [args[0], args[1], args[2]];
        match (x, w, b) {
            ([lead @ .., n], [rows, m], [cols]) if n == rows && m == cols => {
                let mut shape = Shape::from(lead);
                shape.push(*m);
                Ok(shape)
            }
            _ => Err(shape_error(Self::NAME, args, "[…, n], [n, m] and [m]")),
        }
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let [x, w, b] = [args[0], args[1], args[2]];
        let (n, m) = (w.dims[0], w.dims[1]);
        if m == 0 {
            return;
        }
        let rows = y.len() / m;
        gemm_onto_row([rows, n, m], x.values, w.values, b.values, y);
        if let Some(f) = self.activation.op() {
            in_place(f, y);
        }
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let [x, w, _] = [pass.args[0], pass.args[1], pass.args[2]];
        let (n, m) = (w.dims[0], w.dims[1]);
        if m == 0 {
            return;
        }
        let rows = pass.y.len() / m;
        // All three arguments need δ = ȳ ∘ f′.
        let mut deltas = std::mem::take(bars.deltas());
        let (delta, place) = match self.activation.op() {
            None => (pass.y_bar, None),
            Some(f) => {
                let (delta, place) = deltas.room(pass.y.len());
                slope_of_result(f, pass.y, pass.y_bar, delta);
                (&*delta, Some(place))
            }
        };
        let matrix = |width, transposed| Layout { at: 0, width, transposed };
        let (x, w, delta_rows) = (x.values, w.values, (delta, matrix(m, false)));
        // W̄ += xᵀ δ,  x̄ += δ Wᵀ,  b̄ += Σ_rows δ
        let left = bars.leave(1, 0, place);
        if !left && let Some((bar, begun)) = bars.begun(1) {
            let bar = (bar, matrix(m, false));
            gemm([n, rows, m], (x, matrix(n, true)), delta_rows, bar, begun);
        }
        if let Some((bar, begun)) = bars.begun(0) {
            let bar = (bar, matrix(n, false));
            gemm([rows, m, n], delta_rows, (w, matrix(m, true)), bar, begun);
        }
        if let Some(bar) = bars.of(2) {
            delta.chunks_exact(m).for_each(|row| add_slice(row, bar));
        }
        // Only a product that was left undone needs δ after this call.
        if let (false, Some(place)) = (left, place) {
            deltas.truncate(place);
        }
        *bars.deltas() = deltas;
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, w, b] = [args[0], args[1], args[2]];
        let (n, m) = (w.shape()[0], w.shape()[1]);
        let mut shape = x.shape();
        let rows = shape[..shape.len() - 1].iter().product::<usize>();
        let last = shape.len() - 1;
        shape[last] = m;
        let y = (x.reshape([rows, n]).matmul(w) + b).reshape(shape);
        match self.activation.op() {
            None => y,
            Some(f) => y.record(Op::Map(f), &[y], None),
        }
    }
}

/// $y = f(y)$ in place.
fn in_place<F: Scalar>(f: Unary, y: &mut [F]) {
    // Clearing a long tile would take longer than a short row.
    if y.len() > 32 { tile_by_tile::<F, 256>(f, y) } else { tile_by_tile::<F, 32>(f, y) }
}

/// $y = f(y)$, tile by tile over a copy on the stack.
fn tile_by_tile<F: Scalar, const N: usize>(f: Unary, y: &mut [F]) {
    let mut before = [F::ZERO; N];
    for tile in y.chunks_mut(N) {
        let before = &mut before[..tile.len()];
        before.copy_from_slice(tile);
        map(f, before, tile);
    }
}

/// $\delta = \bar y f'$ from the result alone, because the argument of $f$ is not kept.
fn slope_of_result<F: Scalar>(f: Unary, y: &[F], y_bar: &[F], delta: &mut [F]) {
    match f {
        Unary::Tanh => times_slope(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| F::ONE - y * y,
        ),
        Unary::Sigmoid => times_slope(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| y * (F::ONE - y),
        ),
        // σ(x) = 1 − e^{−softplus(x)}
        Unary::Softplus => times_slope(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| -(-y).exp_m1(),
        ),
        Unary::Relu => times_slope(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| y.sign(),
        ),
        f => unreachable!("{} is no activation", f.name()),
    }
}

/// $\delta = \bar y s(y)$.
fn times_slope<F: Scalar>(y: &[F], y_bar: &[F], delta: &mut [F], slope: impl Fn(F) -> F) {
    dispatch(
        #[inline(always)]
        || {
            for ((delta, &y), &y_bar) in delta.iter_mut().zip(y).zip(y_bar) {
                *delta = y_bar.mul_no_nan(slope(y));
            }
        },
    );
}

impl<F: Scalar> Var<'_, F> {
    /// The affine map $f(xW + b)$ of rows `x` of shape `[…, n]`, `weight` `[n, m]` and `bias` `[m]`, in one kernel.
    ///
    /// With $\delta = \bar y f'(xW + b)$ the adjoints are $\bar x = \delta W^\top$, $\bar W = x^\top \delta$ and
    /// $\bar b = \sum \delta$ over the rows.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[doc(alias = "linear")]
    #[doc(alias = "dense")]
    #[track_caller]
    pub fn affine(self, weight: Self, bias: Self, activation: Activation) -> Self {
        self.record(Op::Fused(Fused::Affine { activation }), &[self, weight, bias], None)
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] = &[
    (Fused::Affine { activation: Activation::Identity }, &[&[2, 3, 4], &[4, 5], &[5]]),
    (Fused::Affine { activation: Activation::Tanh }, &[&[3, 4], &[4, 5], &[5]]),
    (Fused::Affine { activation: Activation::Sigmoid }, &[&[3, 4], &[4, 5], &[5]]),
    (Fused::Affine { activation: Activation::Softplus }, &[&[3, 4], &[4, 5], &[5]]),
];

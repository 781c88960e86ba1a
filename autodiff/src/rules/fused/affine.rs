//! $f(xW + b)$ over rows: a product that the bias is added to on the way, then a pass that applies the activation.

use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::gemm::gemm_onto_row;
use crate::kernels::grow;
use crate::kernels::map::map;
use crate::kernels::simd::dispatch;
use crate::kernels::walk::add_slice;
use crate::kernels::zip::View;
use crate::rules::matmul::product;
use crate::rules::misfit;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::op::Op;
use crate::tape::table::Unary;
use crate::tape::var::Var;

/// What follows an affine map: any elementwise op whose derivative is a function of its result, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing: $xW + b$.
    #[default]
    Identity,
    /// $\tanh$.
    Tanh,
    /// $\max(x, 0)$.
    Relu,
    /// $1 / (1 + e^{-x})$.
    Sigmoid,
    /// $\ln(1 + e^x)$.
    Softplus,
}

impl Activation {
    /// The elementwise op, if there is one.
    pub fn op(self) -> Option<Unary> {
        match self {
            Self::Identity => None,
            Self::Tanh => Some(Unary::Tanh),
            Self::Relu => Some(Unary::Relu),
            Self::Sigmoid => Some(Unary::Sigmoid),
            Self::Softplus => Some(Unary::Softplus),
        }
    }
}

pub(super) struct Affine(pub(super) Activation);

impl<F: Scalar> Kernel<F> for Affine {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        let [x, w, b] = [args[0], args[1], args[2]];
        match (x, w, b) {
            ([lead @ .., n], [rows, m], [cols]) if n == rows && m == cols => {
                let mut shape = Shape::from(lead);
                shape.push(*m);
                Ok(shape)
            }
            _ => Err(misfit("affine", args, "[…, n], [n, m] and [m]")),
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
        if let Some(f) = self.0.op() {
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
        // δ = ȳ ∘ f′, which all three arguments need.
        let mut scratch = std::mem::take(bars.scratch());
        let delta = match self.0.op() {
            None => pass.y_bar,
            Some(f) => {
                let len = pass.y.len();
                grow(&mut scratch, len);
                slope_of_result(f, pass.y, pass.y_bar, &mut scratch[..len]);
                &scratch[..len]
            }
        };
        let (x, delta_view) =
            (View { values: x.values, dims: &[rows, n] }, View { values: delta, dims: &[rows, m] });
        // W̄ += xᵀ δ,  x̄ += δ Wᵀ,  b̄ += Σ_rows δ
        if let Some((bar, begun)) = bars.begun(1) {
            product([x, delta_view], [true, false], bar, &[n, m], begun);
        }
        if let Some((bar, begun)) = bars.begun(0) {
            product([delta_view, w], [false, true], bar, &[rows, n], begun);
        }
        if let Some(bar) = bars.of(2) {
            delta.chunks_exact(m).for_each(|row| add_slice(row, bar));
        }
        *bars.scratch() = scratch;
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let [x, w, b] = [args[0], args[1], args[2]];
        let (n, m) = (w.shape()[0], w.shape()[1]);
        let mut shape = x.shape();
        let rows = shape[..shape.len() - 1].iter().product::<usize>();
        let last = shape.len() - 1;
        shape[last] = m;
        let y = (x.reshape([rows, n]).matmul(w) + b).reshape(shape);
        match self.0.op() {
            None => y,
            Some(f) => y.record(Op::Map(f), &[y], None),
        }
    }
}

/// $y = f(y)$, in tiles that pass through the stack.
fn in_place<F: Scalar>(f: Unary, y: &mut [F]) {
    let mut before = [F::ZERO; 256];
    for tile in y.chunks_mut(before.len()) {
        let before = &mut before[..tile.len()];
        before.copy_from_slice(tile);
        map(f, before, tile);
    }
}

/// $\delta = \bar y f'$ from the result alone, the argument being gone.
fn slope_of_result<F: Scalar>(f: Unary, y: &[F], y_bar: &[F], delta: &mut [F]) {
    match f {
        Unary::Tanh => weigh(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| F::ONE - y * y,
        ),
        Unary::Sigmoid => weigh(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| y * (F::ONE - y),
        ),
        // σ(x) = 1 − e^{−softplus(x)}
        Unary::Softplus => weigh(
            y,
            y_bar,
            delta,
            #[inline(always)]
            |y| -(-y).exp_m1(),
        ),
        Unary::Relu => weigh(
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
fn weigh<F: Scalar>(y: &[F], y_bar: &[F], delta: &mut [F], slope: impl Fn(F) -> F) {
    dispatch(
        #[inline(always)]
        || {
            for ((delta, &y), &y_bar) in delta.iter_mut().zip(y).zip(y_bar) {
                *delta = y_bar.weigh(slope(y));
            }
        },
    );
}

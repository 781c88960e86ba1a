//! Running sums and products along one axis.

use super::axis::{Along, kept};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// $y_i = \sum_{j \le i} x_j$ along an axis.
pub(super) struct CumSum(pub(super) usize);

/// $y_i = \prod_{j \le i} x_j$ along an axis, without division: right where factors are zero.
pub(super) struct CumProd(pub(super) usize);

impl<F: Scalar> Kernel<F> for CumSum {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        kept("cumsum", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Along::new(args[0].dims, self.0);
        for at in 0..along.count(x.len()) {
            along.places(at).fold(F::ZERO, |sum, place| {
                y[place] = sum + x[place];
                y[place]
            });
        }
    }

    /// $\bar x_i$ gains $\sum_{j \ge i} \bar y_j$.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let along = Along::new(pass.args[0].dims, self.0);
        for at in 0..along.count(pass.y.len()) {
            along.places(at).rev().fold(F::ZERO, |sum, place| {
                bar[place] += sum + pass.y_bar[place];
                sum + pass.y_bar[place]
            });
        }
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        doubling(args[0], self.0, 0.0, |a, b| a + b)
    }
}

impl<F: Scalar> Kernel<F> for CumProd {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        kept("cumprod", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let x = args[0].values;
        let along = Along::new(args[0].dims, self.0);
        for at in 0..along.count(x.len()) {
            along.places(at).fold(F::ONE, |product, place| {
                y[place] = product * x[place];
                y[place]
            });
        }
    }

    /// $\bar x_i$ gains $y_{i-1} b_i$, where $b_i = \bar y_i + x_{i+1} b_{i+1}$ is what the factors up to $i$
    /// together gain.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let Some(bar) = bars.of(0) else { return };
        let x = pass.args[0];
        let along = Along::new(x.dims, self.0);
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
        doubling(args[0], self.0, 1.0, |a, b| a * b)
    }
}

/// Hillis and Steele (1986): each element joined with the one before it, then with the one two before,
/// four before, …; what lies before the first is `neutral`.
fn doubling<'t, F: Scalar>(
    x: Var<'t, F>,
    axis: usize,
    neutral: f64,
    join: impl Fn(Var<'t, F>, Var<'t, F>) -> Var<'t, F>,
) -> Var<'t, F> {
    let shape = x.shape();
    let n = shape[axis];
    let (mut y, mut step) = (x, 1);
    while step < n {
        let mut front = shape.clone();
        front[axis] = step;
        let front = x.constant(neutral).broadcast_to(front);
        let shifted = Var::concat(&[front, y.slice(axis as isize, 0..n - step)], axis as isize);
        y = join(shifted, y);
        step *= 2;
    }
    y
}

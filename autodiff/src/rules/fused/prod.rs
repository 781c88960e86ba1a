//! $\prod_i x_i$ over one axis, without division: right where factors are zero.

use super::axis::{Along, dropped};
use super::{Bars, Kernel, Pass};
use crate::error::Error;
use crate::kernels::zip::View;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::tape::var::Var;

/// Over an axis.
pub(super) struct Prod(pub(super) usize);

impl<F: Scalar> Kernel<F> for Prod {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        dropped("prod", args, self.0)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let along = Along::new(args[0].dims, self.0);
        for (at, y) in y.iter_mut().enumerate() {
            *y = along.places(at).fold(F::ONE, |product, place| product * args[0].values[place]);
        }
    }

    /// $\bar x_i$ gains $\bar y \prod_{j \ne i} x_j$: the product of all before times that of all behind.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let x = pass.args[0];
        let along = Along::new(x.dims, self.0);
        let mut before = std::mem::take(bars.scratch());
        before.resize(along.n, F::ZERO);
        if let Some(bar) = bars.of(0) {
            for (at, &y_bar) in pass.y_bar.iter().enumerate() {
                let mut product = y_bar;
                for (before, place) in before.iter_mut().zip(along.places(at)) {
                    *before = product;
                    product *= x.values[place];
                }
                let mut behind = F::ONE;
                for (&before, place) in before.iter().zip(along.places(at)).rev() {
                    bar[place] += before * behind;
                    behind *= x.values[place];
                }
            }
        }
        *bars.scratch() = before;
    }

    /// Halves multiplied with each other, again and again.
    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let mut x = args[0];
        let axis = self.0 as isize;
        let mut shape = x.shape();
        while shape[self.0] > 1 {
            let n = shape[self.0];
            let half = n / 2;
            let product = x.slice(axis, 0..half) * x.slice(axis, half..2 * half);
            x = if n.is_multiple_of(2) {
                product
            } else {
                Var::concat(&[product, x.slice(axis, n - 1..n)], axis)
            };
            shape = x.shape();
        }
        let dropped: Shape =
            shape.iter().enumerate().filter(|e| e.0 != self.0).map(|e| *e.1).collect();
        if shape[self.0] == 0 {
            return x.constant(1.0).broadcast_to(dropped);
        }
        x.reshape(dropped)
    }
}

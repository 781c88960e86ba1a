//! $\prod_i x_i$ over one axis. The derivative is computed without division, so factors may be zero.

use super::axis::{Axis, without_axis};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::op::fused::Fused;
use crate::tape::record::{Bars, Kernel, Pass, Var};
use crate::tape::var::Axes;

/// The product over an axis.
pub(super) struct Prod {
    pub(super) axis: u8,
}

impl<F: Scalar> Kernel<F> for Prod {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        without_axis(Self::NAME, args, self.axis)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        let along = Axis::new(args[0].dims, self.axis);
        for (at, y) in y.iter_mut().enumerate() {
            *y = along.places(at).fold(F::ONE, |product, place| product * args[0].values[place]);
        }
    }

    /// $\bar x_i$ gains $\bar y \prod_{j \ne i} x_j$: the product of all elements before it times the product of all behind it.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let x = pass.args[0];
        let along = Axis::new(x.dims, self.axis);
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

    /// Multiplies one half of the elements by the other, until one element is left.
    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        let mut x = args[0];
        let axis = usize::from(self.axis);
        let mut shape = x.shape();
        while shape[axis] > 1 {
            let n = shape[axis];
            let half = n / 2;
            let product = x.slice(axis as isize, 0..half) * x.slice(axis as isize, half..2 * half);
            x = if n.is_multiple_of(2) {
                product
            } else {
                Var::concat(&[product, x.slice(axis as isize, n - 1..n)], axis as isize)
            };
            shape = x.shape();
        }
        let dropped: Shape =
            shape.iter().enumerate().filter(|e| e.0 != axis).map(|e| *e.1).collect();
        if shape[axis] == 0 {
            return x.constant(1.0).broadcast_to(dropped);
        }
        x.reshape(dropped)
    }
}

impl<F: Scalar> Var<'_, F> {
    /// The product over axes. The derivative is $\prod_{j \ne i} x_j$, computed without division, so factors may be
    /// zero. The product of no elements is one.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[2.0, 0.0, 3.0], [3]);
    /// let y = x.prod_axis(..);
    /// assert_eq!(y.item(), 0.0);
    /// assert_eq!(y.backward().of(x).values(), [0.0, 6.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn prod_axis(self, axes: impl Into<Axes>) -> Self {
        self.reduce_with("prod_axis", axes.into(), |axis| Fused::Prod { axis })
    }
}

#[cfg(test)]
pub(super) const EXAMPLES: &[crate::tape::op::fused::Example] =
    &[(Fused::Prod { axis: 0 }, &[&[5]]), (Fused::Prod { axis: 1 }, &[&[2, 3, 2]])];

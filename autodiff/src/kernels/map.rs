//! Elementwise functions of one argument: one vectorised loop for each row of the table.

use crate::kernels::float::Float;
use crate::kernels::simd::dispatch;
use crate::numbers::ops::Unary;
use crate::numbers::table::column;
use crate::numbers::unary::unary;

/// Writes both kernels from the table, so that each loop holds one function and nothing else.
macro_rules! map_loops {
    ($($(#[$doc:meta])* $name:ident $method:ident($x:ident, $y:ident) $columns:tt)*) => {
        /// $y_i = f(x_i)$.
        pub(crate) fn map<F: Float>(f: Unary, x: &[F], y: &mut [F]) {
            match f {
                Unary::Sin => F::sin_slice(x, y),
                Unary::Cos => F::cos_slice(x, y),
                // The table names the two rows above once more; the first arms win.
                $(#[allow(unreachable_patterns)] Unary::$name => dispatch(#[inline(always)] || {
                    for (y, x) in y.iter_mut().zip(x) {
                        *y = x.$method();
                    }
                }),)*
            }
        }

        /// $\bar x_i \mathrel{+}= \bar y_i f'(x_i)$.
        pub(crate) fn map_slope<F: Float>(
            f: Unary,
            x: &[F],
            y: &[F],
            y_bar: &[F],
            x_bar: &mut [F],
        ) {
            let n = x_bar.len();
            let (x, y, y_bar) = (&x[..n], &y[..n], &y_bar[..n]);
            match f {
                $(Unary::$name => dispatch(#[inline(always)] || {
                    for i in 0..n {
                        let ($x, $y) = (x[i], y[i]);
                        let _ = ($x, $y);
                        x_bar[i] += y_bar[i].mul_no_nan(column!(slope($x) $columns));
                    }
                }),)*
            }
        }
    };
}
unary!(map_loops);

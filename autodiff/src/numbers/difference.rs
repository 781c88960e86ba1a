//! A derivative by differences of high order, for the last of a family of functions that have no further formula.

use std::ops::{Add, Div, Mul, Sub};

/// The step in units of $a/\sqrt{1 + a}$.
///
/// Functions of a shape $a$, such as $P(a, x)$, change over a distance of about $a$ where $a$ is small and of about $\sqrt a$
/// where it is large. With steps of $1/100$ of it the error of order eight is below the rounding error of the
/// difference, a hundred times that of the function.
pub(crate) const STEP: f64 = 0.01;

/// The weights of $f(a + kh) - f(a - kh)$ in $h f'(a)$ for $k = 1, \dots, 4$ (Fornberg 1988, table 1): the error is
/// $h^8 f^{(9)}(a)/630$.
pub(crate) const WEIGHTS: [f64; 4] = [4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0];

/// $f'(a)$ for a positive shape $a$, by a central difference of order eight, with `scale` $a/\sqrt{1 + a}$; `number` makes
/// constants.
pub(crate) fn by_shape<R>(a: R, scale: R, number: impl Fn(f64) -> R, f: impl Fn(R) -> R) -> R
where
    R: Copy + Add<Output = R> + Sub<Output = R> + Mul<Output = R> + Div<Output = R>,
{
    let step = number(STEP) * scale;
    let sum = (1..).zip(WEIGHTS).fold(number(0.0), |sum, (k, weight)| {
        let far = number(f64::from(k)) * step;
        sum + number(weight) * (f(a + far) - f(a - far))
    });
    sum / step
}

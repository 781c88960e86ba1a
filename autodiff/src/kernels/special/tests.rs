//! Every function against values of 40 digits, against double precision, and at its edges.

use super::pair::Pair;
use super::slices::{cos_slice, sin_slice};
use super::*;
use crate::kernels::level::{Level, at_level};
use crate::kernels::simd::dispatch;

mod edges;
mod levels;
mod sweep;
mod table;
mod timing;

/// The error of `y` in units of the last place of the precision of `F` at `exact`.
fn ulps<F: Special>(y: F, exact: f64) -> f64 {
    let (digits, least) = if size_of::<F>() == 4 { (23, -149) } else { (52, -1074) };
    let rounded = F::narrow(exact).widen();
    let y = y.widen();
    if y == rounded || (y.is_nan() && exact.is_nan()) {
        return if exact.is_finite() && rounded.is_finite() {
            gap(y, exact, digits, least)
        } else {
            0.0
        };
    }
    if !y.is_finite() || !rounded.is_finite() {
        return f64::INFINITY;
    }
    gap(y, exact, digits, least)
}

/// $|y - x|$ in units of the last of `digits` binary digits of $x$, at least $2^{least}$.
fn gap(y: f64, x: f64, digits: i32, least: i32) -> f64 {
    let exponent = if x == 0.0 { least } else { libm::ilogb(x) - digits };
    libm::scalbn(y - x, -exponent.max(least)).abs()
}

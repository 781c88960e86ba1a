//! Elementary and special functions of one real number, in single and double precision.
//!
//! The elementary ones are branch-free and always inlined: a loop over a slice inside
//! [`dispatch`](super::simd::dispatch) becomes vector code, and gives the same bits at every
//! width and on every machine. The special ones run in double precision, one number at a time.

mod double;
mod single;

use super::simd::dispatch;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Functions of one real number, the same bits on every machine and at every vector width.
///
/// Arguments outside a function's domain give NaN, and NaN gives NaN. The errors stated are the
/// largest seen against values of 40 digits, in units in the last place.
pub trait Special:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Up to this magnitude [`sin_within`](Special::sin_within) and
    /// [`cos_within`](Special::cos_within) hold.
    const TRIG_RANGE: Self;
    /// Below this magnitude $\sinh x$, $\tanh x$ and $e^x - 1$ are $x$ or nearly so.
    const TINY: Self;
    /// From here on $\tanh x$ rounds to 1.
    const TANH_ONE: Self;

    /// The same number in double precision.
    fn widen(self) -> f64;
    /// The nearest number of this precision.
    fn narrow(x: f64) -> Self;

    /// $|x|$; the derivative is the sign.
    fn abs(self) -> Self;
    /// The magnitude of the one with the sign of the other, zeros and NaN included.
    fn with_sign_of(self, sign: Self) -> Self;
    /// $\sqrt x$, correctly rounded; the derivative is $1/(2\sqrt x)$.
    fn sqrt(self) -> Self;
    /// $e^x$, its own derivative. Subnormal results are kept.
    fn exp(self) -> Self;
    /// $½ e^x$, finite for a little longer than $e^x$.
    fn half_exp(self) -> Self;
    /// $2^x$; the derivative is $2^x \ln 2$.
    fn exp2(self) -> Self;
    /// $¼ (e^x - 1)$, held below overflow; wrong in the last bit where $x$ is subnormal.
    fn quarter_exp_m1(self) -> Self;
    /// $\ln x$; the derivative is $1/x$. At 0 it is $-∞$.
    fn ln(self) -> Self;
    /// $\ln(1 + x)$, accurate near 0; the derivative is $1/(1 + x)$. At −1 it is $-∞$.
    fn ln_1p(self) -> Self;
    /// $\ln(1 + x)$ for $0 ≤ x ≤ 1$ only, with less work.
    fn ln_1p_unit(self) -> Self;
    /// $\log_2 x$; the derivative is $1/(x \ln 2)$. Exact at powers of two.
    fn log2(self) -> Self;
    /// $\log_{10} x$; the derivative is $1/(x \ln 10)$.
    fn log10(self) -> Self;
    /// $\sin x$ for $|x| ≤$ [`TRIG_RANGE`](Special::TRIG_RANGE), without a branch.
    fn sin_within(self) -> Self;
    /// $\cos x$ for $|x| ≤$ [`TRIG_RANGE`](Special::TRIG_RANGE), without a branch.
    fn cos_within(self) -> Self;
    /// $\sin x$ of any argument, out of line.
    fn sin_far(self) -> Self;
    /// $\cos x$ of any argument, out of line.
    fn cos_far(self) -> Self;

    /// $1/x$; the derivative is $-1/x^2$.
    #[inline(always)]
    fn recip(self) -> Self {
        Self::narrow(1.0) / self
    }

    /// $1/\sqrt x$; the derivative is $-½ x^{-3/2}$.
    #[inline(always)]
    fn rsqrt(self) -> Self {
        Self::narrow(1.0) / self.sqrt()
    }

    /// $e^x - 1$, accurate near 0; the derivative is $e^x$.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let y = Self::narrow(4.0) * self.quarter_exp_m1();
        if self.abs() < Self::narrow(1e-20) { self } else { y }
    }

    /// $\tanh x = E/(E + 2)$ with $E = e^{2x} - 1$; the derivative is $1 - \tanh^2 x$.
    #[inline(always)]
    fn tanh(self) -> Self {
        let x = self.abs();
        let held = if x > Self::TANH_ONE { Self::TANH_ONE } else { x };
        let e = Self::narrow(2.0) * (held + held).quarter_exp_m1();
        let y = e / (e + Self::narrow(1.0));
        (if x < Self::TINY { x } else { y }).with_sign_of(self)
    }

    /// $\sinh x = ½ (E + E/(E + 1))$ with $E = e^x - 1$; the derivative is $\cosh x$.
    #[inline(always)]
    fn sinh(self) -> Self {
        let x = self.abs();
        let q = x.quarter_exp_m1();
        let twice = q + q;
        let y = twice + q / (twice + Self::narrow(0.5));
        (if x < Self::TINY { x } else { y }).with_sign_of(self)
    }

    /// $\cosh x$; the derivative is $\sinh x$.
    #[inline(always)]
    fn cosh(self) -> Self {
        let e = self.abs().half_exp();
        e + Self::narrow(0.25) / e
    }

    /// $σ(x) = 1/(1 + e^{-x})$; the derivative is $σ(x) σ(-x)$. Accurate in both tails.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let one = Self::narrow(1.0);
        let e = (-self.abs()).exp();
        (if self < Self::narrow(0.0) { e } else { one }) / (one + e)
    }

    /// $\ln(1 + e^x)$; the derivative is $σ(x)$. Accurate in both tails.
    #[inline(always)]
    fn softplus(self) -> Self {
        let zero = Self::narrow(0.0);
        (if self > zero { self } else { zero }) + (-self.abs()).exp().ln_1p_unit()
    }

    /// $\ln σ(x)$; the derivative is $σ(-x)$. Accurate in both tails.
    #[inline(always)]
    fn log_sigmoid(self) -> Self {
        let zero = Self::narrow(0.0);
        (if self < zero { self } else { zero }) - (-self.abs()).exp().ln_1p_unit()
    }

    /// $\sin x$; the derivative is $\cos x$. Has a branch: for slices, [`sin_slice`].
    #[inline]
    fn sin(self) -> Self {
        if self.abs() <= Self::TRIG_RANGE { self.sin_within() } else { self.sin_far() }
    }

    /// $\cos x$; the derivative is $-\sin x$. Has a branch: for slices, [`cos_slice`].
    #[inline]
    fn cos(self) -> Self {
        if self.abs() <= Self::TRIG_RANGE { self.cos_within() } else { self.cos_far() }
    }
}

/// Elements that [`sin_slice`] and [`cos_slice`] decide about together.
const BLOCK: usize = 256;

/// `out[i] = f(x[i])` by `within` where a block's arguments permit, else by `any`.
#[inline(always)]
fn trig_slice<F: Special>(
    x: &[F],
    out: &mut [F],
    within: impl Fn(F) -> F + Copy,
    any: impl Fn(F) -> F,
) {
    assert_eq!(x.len(), out.len(), "sin, cos: as many arguments as results");
    for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
        let fits = dispatch(
            #[inline(always)]
            || {
                let mut fits = true;
                for x in x {
                    fits &= x.abs() <= F::TRIG_RANGE;
                }
                fits
            },
        );
        if fits {
            dispatch(
                #[inline(always)]
                || {
                    for (y, &x) in out.iter_mut().zip(x) {
                        *y = within(x);
                    }
                },
            );
        } else {
            for (y, &x) in out.iter_mut().zip(x) {
                *y = any(x);
            }
        }
    }
}

/// $\sin x_i$ of a slice, vectorised where the arguments are not huge.
pub(crate) fn sin_slice<F: Special>(x: &[F], out: &mut [F]) {
    trig_slice(
        x,
        out,
        #[inline(always)]
        |x| x.sin_within(),
        F::sin,
    );
}

/// $\cos x_i$ of a slice, vectorised where the arguments are not huge.
pub(crate) fn cos_slice<F: Special>(x: &[F], out: &mut [F]) {
    trig_slice(
        x,
        out,
        #[inline(always)]
        |x| x.cos_within(),
        F::cos,
    );
}

#[cfg(test)]
mod tests;

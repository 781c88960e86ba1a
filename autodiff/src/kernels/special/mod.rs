//! Elementary and special functions of one real number, in single and double precision.
//!
//! The elementary ones are branch-free and always inlined: a loop over a slice inside
//! [`dispatch`](super::simd::dispatch) becomes vector code, and gives the same bits at every
//! width and on every machine, except where the doc of a function says otherwise. The special ones
//! run in double precision, one number at a time.

mod bessel;
mod double;
mod dual;
mod gamma;
mod incomplete;
mod normal;
pub(crate) mod pair;
mod second;
mod single;
pub(crate) mod slices;
mod temme;

use std::ops::{Add, Div, Mul, Neg, Sub};

/// Functions of one real number, with the same bits on every machine and at every vector width, except for those that
/// say otherwise.
///
/// Arguments outside a function's domain give NaN, and NaN gives NaN. The
/// elementary functions err by at most 2.5 units in the last place, most by less than 1.5; the
/// special ones by a few units in double precision, and so in single precision by rounding only.
pub(crate) trait Special:
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
    /// The magnitude of `self` with the sign of `sign`, zeros and NaN included.
    fn copysign(self, sign: Self) -> Self;
    /// $\sqrt x$, correctly rounded; the derivative is $1/(2\sqrt x)$.
    fn sqrt(self) -> Self;
    /// $x^c$ by the standard library, whose last bits depend on the platform; the derivatives are $c x^{c-1}$ and
    /// $x^c \ln x$.
    fn powf(self, exponent: Self) -> Self;
    /// $e^x$, its own derivative. Subnormal results are kept.
    fn exp(self) -> Self;
    /// $e^{-|x|}$, the same bits as by [`exp`](Special::exp) in three quarters of the time.
    fn exp_minus_abs(self) -> Self;
    /// $½ e^x$, which is finite for some $x$ where $e^x$ overflows; its own derivative.
    fn half_exp(self) -> Self;
    /// $2^x$; the derivative is $2^x \ln 2$.
    fn exp2(self) -> Self;
    /// $¼ (e^x - 1)$, with $x$ clamped so that the result does not overflow. The last bit is wrong where $x$ is subnormal.
    fn quarter_exp_m1(self) -> Self;
    /// $(e^x - 1 - x)/x^2$ for $|x| ≤ ½$.
    fn exp_rest(self) -> Self;
    /// $\ln x$; the derivative is $1/x$. At 0 it is $-∞$.
    fn ln(self) -> Self;
    /// $-2 \ln x$ for $x$ in $(0, 1]$ that is not subnormal, to a few units in the last place.
    ///
    /// In double precision products are fused where `FMA`, so the last bits depend on it.
    fn minus_two_ln<const FMA: bool>(self) -> Self;
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
    /// $(\cos \tfrac π2 x, \sin \tfrac π2 x)$ for $|x| ≤ ½$, to a few units in the last place of 1.
    ///
    /// In double precision products are fused where `FMA`, so the last bits depend on it.
    fn cos_sin_half_pi<const FMA: bool>(self) -> (Self, Self);
    /// $\sin x$ of any argument, out of line.
    fn sin_far(self) -> Self;
    /// $\cos x$ of any argument, out of line.
    fn cos_far(self) -> Self;

    /// The sign, $-1$, $0$ or $1$; zeros and NaN are returned as they are. The derivative is zero.
    #[inline(always)]
    fn sign(self) -> Self {
        let zero = Self::narrow(0.0);
        let up = if self > zero { Self::narrow(1.0) } else { self };
        if self < zero { Self::narrow(-1.0) } else { up }
    }

    /// $\max(x, 0)$; the derivative is 1 above 0, else 0.
    #[inline(always)]
    fn relu(self) -> Self {
        if self < Self::narrow(0.0) { Self::narrow(0.0) } else { self }
    }

    /// The largest integer not above $x$. The derivative is zero.
    #[inline(always)]
    fn floor(self) -> Self {
        Self::narrow(self.widen().floor())
    }

    /// The smallest integer not below $x$. The derivative is zero.
    #[inline(always)]
    fn ceil(self) -> Self {
        Self::narrow(self.widen().ceil())
    }

    /// The nearest integer, halves are rounded to the even one. The derivative is zero.
    #[inline(always)]
    fn round(self) -> Self {
        Self::narrow(self.widen().round_ties_even())
    }

    /// $e^x - 1$, accurate near 0; the derivative is $e^x$.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let y = Self::narrow(4.0) * self.quarter_exp_m1();
        if self.abs() < Self::narrow(1e-20) { self } else { y }
    }

    /// $e^x - 1 - x$, accurate near 0; the derivative is $e^x - 1$.
    ///
    /// Up to ½ it is $x^2$ times the sum of $x^k/(k + 2)!$, beyond it a difference that loses two bits.
    #[inline(always)]
    fn exp_m1_less_x(self) -> Self {
        let e = self.exp_m1();
        let infinite = e == Self::narrow(f64::INFINITY);
        let far = if infinite { e } else { e - self };
        if self.abs() <= Self::narrow(0.5) { self * self * self.exp_rest() } else { far }
    }

    /// $\tanh x = E/(E + 2)$ with $E = e^{2x} - 1$; the derivative is $1 - \tanh^2 x$.
    #[inline(always)]
    fn tanh(self) -> Self {
        let x = self.abs();
        let held = if x > Self::TANH_ONE { Self::TANH_ONE } else { x };
        let e = Self::narrow(2.0) * (held + held).quarter_exp_m1();
        let y = e / (e + Self::narrow(1.0));
        (if x < Self::TINY { x } else { y }).copysign(self)
    }

    /// $\sinh x = ½ (E + E/(E + 1))$ with $E = e^x - 1$; the derivative is $\cosh x$.
    #[inline(always)]
    fn sinh(self) -> Self {
        let x = self.abs();
        let q = x.quarter_exp_m1();
        let twice = q + q;
        let y = twice + q / (twice + Self::narrow(0.5));
        (if x < Self::TINY { x } else { y }).copysign(self)
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
        let e = self.exp_minus_abs();
        (if self < Self::narrow(0.0) { e } else { one }) / (one + e)
    }

    /// $\ln(1 + e^x)$; the derivative is $σ(x)$. Accurate in both tails.
    #[inline(always)]
    fn softplus(self) -> Self {
        let zero = Self::narrow(0.0);
        (if self > zero { self } else { zero }) + self.exp_minus_abs().ln_1p_unit()
    }

    /// $\ln σ(x)$; the derivative is $σ(-x)$. Accurate in both tails.
    #[inline(always)]
    fn log_sigmoid(self) -> Self {
        let zero = Self::narrow(0.0);
        (if self < zero { self } else { zero }) - self.exp_minus_abs().ln_1p_unit()
    }

    /// $\ln \frac{x}{1 - x}$; the derivative is $1/(x(1 - x))$. Accurate at both ends and at ½.
    #[inline(always)]
    fn logit(self) -> Self {
        let one = Self::narrow(1.0);
        // About ½ the logarithm's argument is near 1, and t = 2x − 1 is exact.
        let t = self + self - one;
        let near = ((t + t) / (one - t)).ln_1p();
        let far = self.ln() - (-self).ln_1p();
        if t.abs() < Self::narrow(0.5) { near } else { far }
    }

    /// $x σ(x)$; the derivative is $σ(x)(1 + x σ(-x))$.
    #[inline(always)]
    fn silu(self) -> Self {
        let none = self == Self::narrow(f64::NEG_INFINITY);
        if none { -Self::narrow(0.0) } else { self * self.sigmoid() }
    }

    /// $x Φ(x)$; the derivative is $Φ(x) + x φ(x)$.
    fn gelu(self) -> Self {
        let x = self.widen();
        Self::narrow(if x == f64::NEG_INFINITY { -0.0 } else { x * x.normal_cdf() })
    }

    /// $\sin x$; the derivative is $\cos x$. The function has a branch; for slices there is
    /// [`sin_slice`](slices::sin_slice).
    #[inline]
    fn sin(self) -> Self {
        if self.abs() <= Self::TRIG_RANGE { self.sin_within() } else { self.sin_far() }
    }

    /// $\cos x$; the derivative is $-\sin x$. The function has a branch; for slices there is
    /// [`cos_slice`](slices::cos_slice).
    #[inline]
    fn cos(self) -> Self {
        if self.abs() <= Self::TRIG_RANGE { self.cos_within() } else { self.cos_far() }
    }

    /// $\ln(1 - e^x)$ for $x < 0$; the derivative is $-1/(e^{-x} - 1)$. At 0 it is $-∞$.
    ///
    /// The two branches are Mächler's (2012): $\ln(-(e^x - 1))$ above $-\ln 2$, and $\ln(1 + (-e^x))$ below.
    #[inline(always)]
    fn log1m_exp(self) -> Self {
        let near = (-self.exp_m1()).ln();
        let far = (-self.exp()).ln_1p();
        if self > Self::narrow(-std::f64::consts::LN_2) { near } else { far }
    }

    /// $\tan x$; the derivative is $1 + \tan^2 x$.
    fn tan(self) -> Self {
        Self::narrow(libm::tan(self.widen()))
    }

    /// $\arcsin x$; the derivative is $1/\sqrt{1 - x^2}$.
    fn asin(self) -> Self {
        Self::narrow(libm::asin(self.widen()))
    }

    /// $\arccos x$; the derivative is $-1/\sqrt{1 - x^2}$.
    fn acos(self) -> Self {
        Self::narrow(libm::acos(self.widen()))
    }

    /// $\arctan x$; the derivative is $1/(1 + x^2)$.
    fn atan(self) -> Self {
        Self::narrow(libm::atan(self.widen()))
    }

    /// $\operatorname{arsinh} x$; the derivative is $1/\sqrt{1 + x^2}$.
    fn asinh(self) -> Self {
        Self::narrow(libm::asinh(self.widen()))
    }

    /// $\operatorname{arcosh} x$; the derivative is $1/\sqrt{x^2 - 1}$.
    fn acosh(self) -> Self {
        Self::narrow(libm::acosh(self.widen()))
    }

    /// $\operatorname{artanh} x$; the derivative is $1/(1 - x^2)$.
    fn atanh(self) -> Self {
        Self::narrow(libm::atanh(self.widen()))
    }

    /// $x^{1/3}$, odd; the derivative is $⅓ x^{-2/3}$.
    fn cbrt(self) -> Self {
        Self::narrow(libm::cbrt(self.widen()))
    }

    /// $\operatorname{erf} x$; the derivative is $\frac{2}{\sqrt π} e^{-x^2}$.
    fn erf(self) -> Self {
        Self::narrow(libm::erf(self.widen()))
    }

    /// $1 - \operatorname{erf} x$, accurate far on the right; the derivative is
    /// $-\frac{2}{\sqrt π} e^{-x^2}$.
    fn erfc(self) -> Self {
        Self::narrow(libm::erfc(self.widen()))
    }

    /// The $y$ with $\operatorname{erf} y = x$; the derivative is $\frac{\sqrt π}{2} e^{y^2}$. At ±1
    /// it is ±∞.
    fn erf_inv(self) -> Self {
        Self::narrow(normal::erf_inv(self.widen()))
    }

    /// $Φ(x)$, the standard normal distribution function, accurate far on the left; the derivative
    /// is the density $φ(x)$.
    fn normal_cdf(self) -> Self {
        Self::narrow(normal::cdf(self.widen()))
    }

    /// $\ln Φ(x)$, accurate on both sides; the derivative is $φ(x)/Φ(x)$.
    fn log_normal_cdf(self) -> Self {
        Self::narrow(normal::log_cdf(self.widen()))
    }

    /// $φ(x)/Φ(x)$, the slope of $\ln Φ$; the derivative is $-y(x + y)$.
    fn inverse_mills(self) -> Self {
        Self::narrow(normal::inverse_mills(self.widen()))
    }

    /// $x + φ(x)/Φ(x)$, without cancellation on the left; the derivative is $1 - (y - x) y$.
    fn inverse_mills_gap(self) -> Self {
        Self::narrow(normal::truncated(self.widen()).gap)
    }

    /// $1 - m(x + m)$ with $m = φ(x)/Φ(x)$, without cancellation on the left; the derivative is $m((x + m)^2 - y)$.
    fn truncated_normal_variance(self) -> Self {
        Self::narrow(normal::truncated(self.widen()).variance)
    }

    /// $e^{x^2} \operatorname{erfc} x$; the derivative is $2xy - 2/\sqrt π$.
    fn erfcx(self) -> Self {
        Self::narrow(normal::erfcx(self.widen()))
    }

    /// $\ln \cosh x$; the derivative is $\tanh x$.
    ///
    /// Below 1 it is $½ \ln(1 + \sinh^2 x)$, beyond it $|x| + \ln(1 + e^{-2|x|}) - \ln 2$.
    #[inline(always)]
    fn ln_cosh(self) -> Self {
        let x = self.abs();
        let sinh = x.sinh();
        let near = Self::narrow(0.5) * (sinh * sinh).ln_1p();
        let far = x + ((x + x).exp_minus_abs().ln_1p_unit() - Self::narrow(std::f64::consts::LN_2));
        if x < Self::narrow(1.0) { near } else { far }
    }

    /// $Φ^{-1}(x)$; the derivative is $1/φ(Φ^{-1}(x))$. At 0 and 1 it is ∓∞.
    fn normal_quantile(self) -> Self {
        Self::narrow(normal::quantile(self.widen()))
    }

    /// $\ln |Γ(x)|$; the derivative is $ψ(x)$. At 0, −1, −2, … it is ∞; near its zeros left of
    /// the origin only the absolute error is small.
    fn ln_gamma(self) -> Self {
        Self::narrow(libm::lgamma(self.widen()))
    }

    /// $Γ(x)$ with its sign; the derivative is $Γ(x) ψ(x)$. It is NaN at −1, −2, …, and $±∞$ at ±0.
    fn gamma(self) -> Self {
        Self::narrow(libm::tgamma(self.widen()))
    }

    /// The sign of $Γ(x)$; NaN at −1, −2, … and at $-∞$.
    fn gamma_sign(self) -> Self {
        Self::narrow(gamma::gamma_sign(self.widen()))
    }

    /// $ψ(x) = Γ'(x)/Γ(x)$; the derivative is $ψ'(x)$. It is NaN at −1, −2, …, and $∓∞$ at ±0.
    fn digamma(self) -> Self {
        Self::narrow(gamma::digamma(self.widen()))
    }

    /// $e^{-|x|} I_0(x)$; the derivative is $e^{-|x|} (I_1(x) - \mathrm{sign}(x) I_0(x))$.
    fn i0e(self) -> Self {
        Self::narrow(bessel::i0e(self.widen()))
    }

    /// $e^{-|x|} I_1(x)$, odd; for $x > 0$ the derivative is
    /// $e^{-x} I_0(x) - (1 + 1/x) e^{-x} I_1(x)$.
    fn i1e(self) -> Self {
        Self::narrow(bessel::i1e(self.widen()))
    }

    /// $y = e^{-|x|} (I_0(x) - I_1(|x|))$, without cancellation; for $x > 0$ the derivative is $e^{-x} I_1(x)/x - 2y$.
    fn i0e_less_i1e(self) -> Self {
        Self::narrow(bessel::i0e_less_i1e(self.widen()))
    }

    /// $\ln I_0(x)$; the derivative is $I_1(x)/I_0(x)$.
    fn ln_i0(self) -> Self {
        Self::narrow(bessel::ln_i0(self.widen()))
    }

    /// $\ln I_1(x)$, NaN for negative $x$; the derivative is $I_0(x)/I_1(x) - 1/x$.
    fn ln_i1(self) -> Self {
        Self::narrow(bessel::ln_i1(self.widen()))
    }

    /// $ψ^{(n)}(x)$, the derivative of order $n$ of $ψ$. The derivative is $ψ^{(n+1)}(x)$. It is NaN for $n > 170$.
    fn polygamma_of_order(self, n: u32) -> Self {
        Self::narrow(gamma::polygamma(n, self.widen()))
    }

    /// $I_x(a, b)$, the distribution function at $x$ of the beta distribution with parameters $a$ (`self`)
    /// and $b$, up to $10^{10}$, with $∂I_x(a, b)/∂a$ and $∂I_x(a, b)/∂b$; the derivative with respect to
    /// $x$ is $x^{a-1} (1-x)^{b-1}/B(a, b)$.
    fn beta_inc(self, b: Self, x: Self) -> [Self; 3] {
        let at = incomplete::incomplete_beta(self.widen(), b.widen(), x.widen());
        [at.value, at.da, at.db].map(Self::narrow)
    }

    /// $∂^2 I_x(a, b)/∂a^2$, $∂^2 I_x(a, b)/∂a∂b$ and $∂^2 I_x(a, b)/∂b^2$ with `self` $a$.
    fn beta_inc_second(self, b: Self, x: Self) -> [Self; 3] {
        second::incomplete_beta(self.widen(), b.widen(), x.widen()).map(Self::narrow)
    }
}

#[cfg(test)]
mod tests;

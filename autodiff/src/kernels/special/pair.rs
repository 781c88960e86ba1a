//! Primitive functions of two arguments.

use crate::kernels::special::{Special, bessel, gamma, incomplete, second};

/// The primitives of the table of two arguments, from those of one.
pub(crate) trait Pair: Special {
    /// $a^b$; the derivatives are $b a^{b-1}$ and $a^b \ln a$.
    #[inline(always)]
    fn pow(self, exponent: Self) -> Self {
        self.powf(exponent)
    }

    /// The larger of two; NaN if one is.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        // A comparison with NaN is false: the sum then carries the NaN on.
        if self > other {
            self
        } else if other >= self {
            other
        } else {
            self + other
        }
    }

    /// $\ln(e^a + e^b)$ without overflow; the derivatives are $σ(a - b)$ and $σ(b - a)$.
    #[inline(always)]
    fn log_add_exp(self, other: Self) -> Self {
        let (high, low) = if self > other { (self, other) } else { (other, self) };
        // Equal infinities would make ∞ − ∞; the larger one is the answer already.
        if high == low {
            high + Self::narrow(std::f64::consts::LN_2)
        } else {
            high + (low - high).exp().ln_1p()
        }
    }

    /// $\ln(e^a - e^b)$ for $a ≥ b$ without overflow, NaN for $a < b$; the derivatives are $1/(1 - e^{b-a})$ and
    /// $-1/(e^{a-b} - 1)$.
    #[inline(always)]
    fn log_diff_exp(self, other: Self) -> Self {
        // If nothing is taken away, the difference of the arguments may be −∞ + ∞.
        let nothing = other == Self::narrow(f64::NEG_INFINITY) && is_number(self);
        if nothing { self } else { self + (other - self).log1m_exp() }
    }

    /// $e^{-|x|} I_n(x)$ of the order $n$ (`self`); NaN unless the order is a whole number of magnitude at most 1000.
    fn ive(self, x: Self) -> Self {
        let order = self.widen().abs();
        if order.fract() != 0.0 || order > 1000.0 {
            return Self::narrow(f64::NAN);
        }
        Self::narrow(bessel::ive(order as u32, x.widen()))
    }

    /// $ψ^{(n)}(x)$ of the order $n$ (`self`); NaN unless the order is a whole number from 0 to 170.
    fn polygamma(self, x: Self) -> Self {
        let order = self.widen();
        if order < 0.0 || order.fract() != 0.0 || order > 170.0 {
            return Self::narrow(f64::NAN);
        }
        match order as u32 {
            0 => x.digamma(),
            order => x.polygamma_of_order(order),
        }
    }

    /// The angle of the point $(b, a)$.
    fn atan2(self, other: Self) -> Self {
        Self::narrow(libm::atan2(self.widen(), other.widen()))
    }

    /// $\sqrt{a^2 + b^2}$ without overflow.
    fn hypot(self, other: Self) -> Self {
        Self::narrow(libm::hypot(self.widen(), other.widen()))
    }

    /// $a \ln b$, zero where $a = 0$.
    #[inline(always)]
    fn xlogy(self, other: Self) -> Self {
        let zero = Self::narrow(0.0);
        if self == zero && is_number(other) { zero } else { self * other.ln() }
    }

    /// $a \ln(1 + b)$, zero where $a = 0$.
    #[inline(always)]
    fn xlog1py(self, other: Self) -> Self {
        let zero = Self::narrow(0.0);
        if self == zero && is_number(other) { zero } else { self * other.ln_1p() }
    }

    /// $ab$, and $0$ where $a = 0$.
    #[inline(always)]
    fn mul_no_nan(self, other: Self) -> Self {
        let zero = Self::narrow(0.0);
        if self == zero { zero } else { self * other }
    }

    /// $1$ where $a > b$, else $0$.
    #[inline(always)]
    fn greater(self, other: Self) -> Self {
        if self > other { Self::narrow(1.0) } else { Self::narrow(0.0) }
    }

    /// $1$ where $a = b$, else $0$.
    #[inline(always)]
    fn equal(self, other: Self) -> Self {
        if self == other { Self::narrow(1.0) } else { Self::narrow(0.0) }
    }

    /// $\ln B(x, y) = \ln Γ(x) + \ln Γ(y) - \ln Γ(x + y)$ for positive numbers; the derivative with
    /// respect to $x$ is $ψ(x) - ψ(x + y)$.
    fn ln_beta(self, y: Self) -> Self {
        Self::narrow(gamma::ln_beta(self.widen(), y.widen()))
    }

    /// $ψ(x + h) - ψ(x)$, accurate where the two are nearly equal; the derivative with respect to
    /// $h$ is $ψ'(x + h)$.
    fn digamma_gap(self, h: Self) -> Self {
        Self::narrow(gamma::digamma_gap(self.widen(), h.widen()))
    }

    /// $ψ'(x + h) - ψ'(x)$, accurate where the two are nearly equal; the derivative with respect to
    /// $h$ is $ψ''(x + h)$.
    fn trigamma_gap(self, h: Self) -> Self {
        Self::narrow(gamma::trigamma_gap(self.widen(), h.widen()))
    }

    /// $x^{a-1} e^{-x}/Γ(a)$, the density at $x$ of the gamma distribution with shape $a$ (`self`); the derivative with
    /// respect to $x$ is the density times $(a - 1)/x - 1$.
    fn gamma_density(self, x: Self) -> Self {
        Self::narrow(incomplete::gamma_density(self.widen(), x.widen()))
    }

    /// $P(a, x)$, the distribution function at $x$ of the gamma distribution with shape $a$ (`self`); the
    /// derivative with respect to $x$ is $x^{a-1} e^{-x}/Γ(a)$.
    fn gamma_p(self, x: Self) -> Self {
        Self::narrow(incomplete::incomplete_gamma(self.widen(), x.widen()).p)
    }

    /// $Q(a, x) = 1 - P(a, x)$, accurate where it is small.
    fn gamma_q(self, x: Self) -> Self {
        Self::narrow(incomplete::incomplete_gamma(self.widen(), x.widen()).q)
    }

    /// $∂P(a, x)/∂a$ with `self` $a$, for implicit reparameterisation.
    fn gamma_p_da(self, x: Self) -> Self {
        Self::narrow(incomplete::incomplete_gamma(self.widen(), x.widen()).da)
    }

    /// $∂^2 P(a, x)/∂a^2$ with `self` $a$.
    fn gamma_p_daa(self, x: Self) -> Self {
        Self::narrow(second::incomplete_gamma(self.widen(), x.widen()))
    }
}

impl<F: Special> Pair for F {}

/// True unless `x` is NaN: every comparison with NaN is false.
#[inline(always)]
fn is_number<F: Special>(x: F) -> bool {
    x.abs() >= F::narrow(0.0)
}

//! The regularised incomplete gamma and beta functions, with their derivatives with respect to the parameters.

use super::dual::{Dual, Number};
use super::gamma::{
    digamma, digamma_gap, ln_beta, ln_gamma_1p, ln_gamma_gap, log1pmx, stirling_remainder,
};
use super::temme::TEMME;
use libm::{erfc, exp, expm1, log, log1p, pow, sqrt, tgamma};
use std::f64::consts::{PI, TAU};

/// The two incomplete gamma functions at a point, and the slope of the first in $a$.
pub(super) struct IncompleteGamma {
    /// $P(a, x)$.
    pub(super) p: f64,
    /// $Q(a, x) = 1 - P(a, x)$.
    pub(super) q: f64,
    /// $∂P(a, x)/∂a$.
    pub(super) da: f64,
}

/// A series ends when the relative change of the value and of its derivatives is smaller than this.
const CONVERGED: f64 = 1e-17;

/// The largest number of steps of a continued fraction of the gamma function; some sixty are needed.
const LIMIT: u32 = 1000;

/// $P(a, x) = \frac{1}{Γ(a)} \int_0^x t^{a-1} e^{-t} dt$, its complement and its slope.
///
/// Where $a$ is large and $x$ is near $a$, Temme's uniform expansion is used; elsewhere the power series for $x < a + 1$
/// and the continued fraction beyond. The same series or fraction is differentiated term by term.
pub(super) fn incomplete_gamma(a: f64, x: f64) -> IncompleteGamma {
    match Branch::of(a, x) {
        Branch::Outside => IncompleteGamma { p: f64::NAN, q: f64::NAN, da: f64::NAN },
        Branch::Zero => IncompleteGamma { p: 0.0, q: 1.0, da: 0.0 },
        Branch::One => IncompleteGamma { p: 1.0, q: 0.0, da: 0.0 },
        Branch::Uniform(mu) => uniform(a, mu),
        Branch::Series => from_series(a, x),
        Branch::Fraction => from_fraction(a, x),
    }
}

/// The way in which $P(a, x)$ and its derivatives are computed.
pub(super) enum Branch {
    /// The arguments lie outside the domain: NaN.
    Outside,
    /// $P$ is zero.
    Zero,
    /// $P$ is one.
    One,
    /// Temme's expansion at $x/a - 1$.
    Uniform(f64),
    /// The power series.
    Series,
    /// The continued fraction.
    Fraction,
}

impl Branch {
    pub(super) fn of(a: f64, x: f64) -> Self {
        if !(a >= 0.0 && x >= 0.0) {
            return Self::Outside;
        }
        // With shape 0 the distribution is a point mass at 0, with an infinite shape one at infinity.
        if x == 0.0 || a == f64::INFINITY {
            return Self::Zero;
        }
        if a == 0.0 || x == f64::INFINITY {
            return Self::One;
        }
        let far = (x - a) / a;
        if a > 20.0 && far.abs() <= 0.4 {
            Self::Uniform(far)
        } else if x < a + 1.0 {
            Self::Series
        } else {
            Self::Fraction
        }
    }
}

/// $x^a e^{-x}/Γ(a + 1)$.
///
/// Large $a$ use Loader's form (2000), $e^{-a(λ - 1 - \ln λ) - δ(a)}/\sqrt{2πa}$ with
/// $λ = x/a$ and the remainder $δ$ of Stirling's formula, in which no large terms cancel.
pub(super) fn prefactor(a: f64, x: f64) -> f64 {
    if a < 10.0 {
        return power_over_gamma(x, a, a + 1.0);
    }
    let u = (x - a) / a;
    let shape = if u < -0.5 { log(x / a) - u } else { log1pmx(u) };
    exp(a * shape - stirling_remainder(a)) / sqrt(TAU * a)
}

/// $x^n e^{-x}/Γ(s)$ for $n < 10$.
///
/// The exponential is multiplied as the square of $e^{-x/2}$, because $e^{-x}$ underflows before the product does. Where
/// $e^{-x/2}$ underflows too, the product is zero, although the power may be infinite.
fn power_over_gamma(x: f64, n: f64, s: f64) -> f64 {
    let half = exp(-0.5 * x);
    if half == 0.0 { 0.0 } else { pow(x, n) * half / tgamma(s) * half }
}

/// $x^{a-1} e^{-x}/Γ(a)$.
pub(super) fn gamma_density(a: f64, x: f64) -> f64 {
    if !(a >= 0.0 && x >= 0.0) {
        f64::NAN
    } else if x == 0.0 && a > 0.0 && a <= 1.0 {
        if a < 1.0 { f64::INFINITY } else { 1.0 }
    } else if x == 0.0 || x == f64::INFINITY || a == 0.0 || a == f64::INFINITY {
        0.0
    } else if a < 10.0 {
        power_over_gamma(x, a - 1.0, a)
    } else {
        prefactor(a, x) * (a / x)
    }
}

/// $\sum_k \frac{x^k}{(a+1)⋯(a+k)}$.
pub(super) fn series<T: Number>(shape: T, x: f64) -> T {
    let a = shape.value();
    let mut term = T::constant(1.0);
    let mut sum = term;
    let mut k = 0.0;
    loop {
        k += 1.0;
        // The derivatives of x/(a + k) are −x/(a + k)² and 2x/(a + k)³.
        let ratio = x / (a + k);
        let slope = -ratio / (a + k);
        term = term * shape.compose(&[ratio, slope, -2.0 * slope / (a + k)]);
        sum = sum + term;
        let small = term.every(sum, 0, &|_, term, sum| term.abs() <= CONVERGED * sum.abs());
        if small || term.value() == 0.0 {
            return sum;
        }
    }
}

/// $P = \frac{x^a e^{-x}}{Γ(a+1)} \sum_k \frac{x^k}{(a+1)⋯(a+k)}$.
fn from_series(a: f64, x: f64) -> IncompleteGamma {
    let sum = series(Dual::<f64, 1>::variable(a, 0), x);
    let prefactor = prefactor(a, x);
    let p = prefactor * sum.v;
    let da = prefactor * (sum.d[0] + sum.v * (log(x) - digamma(a + 1.0)));
    let q = if a < 1.0 && p > 0.5 { small_q(a, x) } else { 1.0 - p };
    IncompleteGamma { p, q, da }
}

/// $Q = 1 - \frac{x^a}{Γ(a+1)} \bigl(1 + a \sum_{k ≥ 1} \frac{(-x)^k}{(a+k) k!}\bigr)$ for
/// $a < 1$ and $x < 2$, where $P$ may be so near 1 that $1 - P$ has no digits.
fn small_q(a: f64, x: f64) -> f64 {
    let power = a * log(x) - ln_gamma_1p(a);
    let (mut term, mut sum, mut k) = (1.0, 0.0, 0.0);
    while f64::abs(term) > CONVERGED {
        k += 1.0;
        term *= -x / k;
        sum += term / (a + k);
    }
    -expm1(power) - exp(power) * a * sum
}

/// $x + 1 - a - \cfrac{1(1 - a)}{x + 3 - a - ⋯}$ by Lentz's method.
pub(super) fn fraction<T: Number>(shape: T, x: f64) -> T {
    let mut b = T::constant(x + 1.0) - shape;
    let mut f = b;
    let (mut c, mut d) = (b, T::constant(0.0));
    for k in 1..=LIMIT {
        let k = k as f64;
        let above = (shape + -k) * k;
        b = b + 2.0;
        d = (b + above * d).recip();
        c = b + above * c.recip();
        let step = c * d;
        f = f * step;
        if converged(step, f) {
            break;
        }
    }
    f
}

/// $Q = \frac{x^a e^{-x}}{Γ(a)} \cfrac{1}{x + 1 - a - \cfrac{1(1 - a)}{x + 3 - a - ⋯}}$
/// (DLMF 8.9.2, contracted).
fn from_fraction(a: f64, x: f64) -> IncompleteGamma {
    let f = fraction(Dual::<f64, 1>::variable(a, 0), x);
    let f = f.recip();
    let prefactor = a * prefactor(a, x);
    let q = prefactor * f.v;
    let da = -prefactor * (f.d[0] + f.v * (log(x) - digamma(a)));
    IncompleteGamma { p: 1.0 - q, q, da }
}

/// A factor that changes neither the value $f$ of a continued fraction nor its slopes. The second derivatives of a factor
/// carry the rounding errors of more operations.
fn converged<T: Number>(step: T, f: T) -> bool {
    let value = f.value();
    let still = |order: u32, step: f64, f: f64| match order {
        0 => (step - 1.0).abs() <= 2.0 * f64::EPSILON,
        1 => step.abs() <= f64::EPSILON * (f / value).abs().max(1.0),
        _ => step.abs() <= 16.0 * f64::EPSILON * (f / value).abs().max(1.0),
    };
    step.every(f, 0, &still) || !step.value().is_finite()
}

/// $½η^2 = μ - \ln(1 + μ)$, and $η$ with the sign of $μ$.
pub(super) fn temme_scale(mu: f64) -> (f64, f64) {
    let half_square = -log1pmx(mu);
    (half_square, sqrt(2.0 * half_square).copysign(mu))
}

/// $Q = ½ \operatorname{erfc}(η\sqrt{a/2}) + \frac{e^{-aη^2/2}}{\sqrt{2πa}} \sum_k c_k(η) a^{-k}$
/// with $½η^2 = λ - 1 - \ln λ$, $λ = x/a$ (Temme 1979; DLMF 8.12). Here $μ = λ - 1$.
///
/// With $x$ fixed, $dη/da = -μ/(aη)$ and $d(½aη^2)/da = -\ln λ$.
fn uniform(a: f64, mu: f64) -> IncompleteGamma {
    let (half_square, eta) = temme_scale(mu);
    // Σ c_k a^{-k} and its slopes in η and in ln a, Σ c_k' a^{-k} and −Σ k c_k a^{-k}, by Horner.
    let (mut sum, mut by_eta, mut by_log_a) = (0.0, 0.0, 0.0);
    for (k, row) in TEMME.iter().enumerate().rev() {
        let (mut c, mut slope) = (0.0, 0.0);
        for &coefficient in row.iter().rev() {
            slope = slope * eta + c;
            c = c * eta + coefficient;
        }
        let order = k as f64;
        (sum, by_eta, by_log_a) = (sum / a + c, by_eta / a + slope, by_log_a / a - order * c);
    }
    let density = exp(-a * half_square) / sqrt(TAU * a);
    let rest = density * sum;
    let tail = 0.5 * erfc(eta.abs() * sqrt(0.5 * a));
    let (p, q) = if mu < 0.0 {
        (tail - rest, 1.0 - (tail - rest))
    } else {
        (1.0 - (tail + rest), tail + rest)
    };
    // μ/η → 1 at 0: c_0 = 1/μ − 1/η gives 1/(1 + η c_0).
    let mu_by_eta = if mu.abs() > 0.1 {
        mu / eta
    } else {
        1.0 / (1.0 + eta * TEMME[0].iter().rev().fold(0.0, |c, v| c * eta + v))
    };
    let main = mu_by_eta - 0.5 * eta;
    let log_ratio = log1p(mu);
    let slope = (log_ratio - 0.5 / a) * sum + (by_log_a - mu_by_eta * by_eta) / a;
    IncompleteGamma { p, q, da: -density * (main + slope) }
}

/// The incomplete beta function at a point and its slopes in $a$ and $b$.
pub(super) struct IncompleteBeta {
    /// $I_x(a, b)$.
    pub(super) value: f64,
    /// $∂I_x(a, b)/∂a$.
    pub(super) da: f64,
    /// $∂I_x(a, b)/∂b$.
    pub(super) db: f64,
}

/// $I_x(a, b) = \frac{1}{B(a, b)} \int_0^x t^{a-1} (1-t)^{b-1} dt$ and its slopes.
///
/// The continued fraction DLMF 8.17.22 is used on the side of the mean where it converges fast, by
/// $I_x(a, b) = 1 - I_{1-x}(b, a)$. The same fraction is differentiated step by step. On the far side of the mean there is a series
/// for small $b$.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> IncompleteBeta {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return IncompleteBeta { value: f64::NAN, da: f64::NAN, db: f64::NAN };
    }
    if x == 0.0 || x == 1.0 {
        return IncompleteBeta { value: x, da: 0.0, db: 0.0 };
    }
    if x <= (a + 1.0) / (a + b + 2.0) {
        beta_fraction(a, b, x, 1.0 - x)
    } else if b < SMALL_SHAPE {
        beta_complement(a, b, x, 1.0 - x)
    } else {
        let other = beta_fraction(b, a, 1.0 - x, x);
        IncompleteBeta { value: 1.0 - other.value, da: -other.db, db: -other.da }
    }
}

/// $1 + \cfrac{d_1}{1 + ⋯}$ of DLMF 8.17.22.
pub(super) fn beta_sum<T: Number>(p: T, q: T, x: f64) -> T {
    let one = T::constant(1.0);
    let (mut f, mut c, mut d) = (one, one, T::constant(0.0));
    // d_k of even and odd index k: with m = ⌊k/2⌋,
    // m (b − m) x / ((a + 2m − 1)(a + 2m)) and −(a + m)(a + b + m) x / ((a + 2m)(a + 2m + 1)).
    // Near the mean √(a + b) steps are about enough.
    let limit = (1000.0 + 10.0 * sqrt(p.value() + q.value())).min(1e6);
    for k in 0..limit as u32 {
        let m = k as f64;
        // At m = 0 the first quotient is 1. It is not computed, because a may be too small to divide by.
        let ratio = if k == 0 { one } else { (p + m) * (p + 2.0 * m).recip() };
        let odd = ratio * (p + q + m) * -x * (p + (2.0 * m + 1.0)).recip();
        let m = m + 1.0;
        let even = (q + -m) * (m * x) * ((p + (2.0 * m - 1.0)) * (p + 2.0 * m)).recip();
        let mut still = true;
        for above in [odd, even] {
            d = (one + above * d).recip();
            c = one + above * c.recip();
            let step = c * d;
            f = f * step;
            still &= converged(step, f);
        }
        if still {
            break;
        }
    }
    f
}

/// The continued fraction $\frac{x^a (1-x)^b}{a B(a, b)} \cfrac{1}{1 + \cfrac{d_1}{1 + ⋯}}$,
/// with $y = 1 - x$.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> IncompleteBeta {
    let f = beta_sum(Dual::<f64, 2>::variable(a, 0), Dual::<f64, 2>::variable(b, 1), x).recip();
    let prefactor = beta_prefactor(a, b, x, y);
    let [by_a, by_b] = beta_logs(a, b, x, y);
    let value = prefactor * f.v;
    IncompleteBeta {
        // Rounding may lead above one.
        value: if value > 1.0 { 1.0 } else { value },
        da: prefactor * (f.d[0] + f.v * by_a),
        db: prefactor * (f.d[1] + f.v * by_b),
    }
}

/// Below this $b$ nearly all of the mass may lie at one, and $I_x(a, b)$ for $x$ beyond the mean has no digits as a difference.
const SMALL_SHAPE: f64 = 0.1;

/// $I_x(a, b)$ for $b < 0.1$ and $x$ beyond the mean, with $y = 1 - x$, so that $y$ is below about $1/(a + 2)$.
///
/// It is $1 - \frac{y^b Γ(a + b)}{Γ(a) Γ(1 + b)} (1 + b S)$ with $S = \sum_{n ≥ 1} \frac{(1 - a)_n y^n}{n! (b + n)}$ (DLMF 8.17.7), of
/// which $-e^L bS - (e^L - 1)$ is computed with the logarithm $L$ of the factor. All parts of $L$ are proportional to $b$ where $b$ is
/// small.
fn beta_complement(a: f64, b: f64, x: f64, y: f64) -> IncompleteBeta {
    // (1 − a)_n y^n/n! and its slope in a.
    let (mut term, mut term_da, mut n) = (1.0, 0.0, 0.0);
    let (mut sum, mut by_a, mut by_b) = (0.0, 0.0, 0.0);
    loop {
        n += 1.0;
        let part = y / n;
        (term, term_da) = (term * (n - a) * part, (term_da * (n - a) - term) * part);
        let under = b + n;
        sum += term / under;
        by_a += term_da / under;
        by_b -= term / under / under;
        let size = f64::abs(term) + f64::abs(term_da);
        if size <= CONVERGED * (f64::abs(sum) + f64::abs(by_a)) || size.is_nan() {
            break;
        }
    }
    let log_y = log_share(y, x);
    // ln Γ(a + b) − ln Γ(a), raised by one because a may be small.
    let ratio = ln_gamma_gap(a + 1.0, b) - log1p(b / a);
    let power = b * log_y + ratio - ln_gamma_1p(b);
    let factor = exp(power);
    let log_by_b = log_y
        + if a < 1.0 + b { -digamma_gap(a + b, 1.0 - a) } else { digamma_gap(1.0 + b, a - 1.0) };
    IncompleteBeta {
        value: -expm1(power) - factor * b * sum,
        da: -factor * (digamma_gap(a, b) * (1.0 + b * sum) + b * by_a),
        db: -factor * (log_by_b * (1.0 + b * sum) + sum + b * by_b),
    }
}

/// The slopes of $\ln \frac{x^a y^b}{a B(a, b)}$: $\ln x + ψ(a + b) - ψ(a + 1)$ and $\ln y + ψ(a + b) - ψ(b)$.
pub(super) fn beta_logs(a: f64, b: f64, x: f64, y: f64) -> [f64; 2] {
    let gap = if b < 1.0 { -digamma_gap(a + b, 1.0 - b) } else { digamma_gap(a + 1.0, b - 1.0) };
    [log_share(x, y) + gap, log_share(y, x) + digamma_gap(b, a)]
}

/// $\ln x$, computed from the smaller one of $x$ and `rest` $1 - x$, which is the accurate one.
fn log_share(x: f64, rest: f64) -> f64 {
    if x < 0.5 { log(x) } else { log1p(-rest) }
}

/// $x^a y^b/(a B(a, b))$ with $y = 1 - x$.
///
/// For large $a$ and $b$ Stirling's formula leaves
/// $e^{a \ln(1+u) + b \ln(1+v)}$, $u = x(a+b)/a - 1$ and $v = y(a+b)/b - 1$, where $au + bv = 0$,
/// so that $\ln(1+u) - u$ may replace the logarithms, and no large terms cancel.
pub(super) fn beta_prefactor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let s = a + b;
    if a < 10.0 || b < 10.0 {
        // B(a, b) = B(a + 1, b + 1) (a + b)(a + b + 1)/(ab), which is not infinite for small a, b.
        let power = a * log_share(x, y) + b * log_share(y, x) - ln_beta(a + 1.0, b + 1.0);
        return exp(power) * (b / s) / (s + 1.0);
    }
    let gap = x * b - y * a;
    let shape = |n: f64, z: f64, u: f64| {
        if u < -0.5 { n * (log(z * s / n) - u) } else { n * log1pmx(u) }
    };
    let rest = stirling_remainder(s) - stirling_remainder(a) - stirling_remainder(b);
    let exponent = shape(a, x, gap / a) + shape(b, y, -gap / b) + rest;
    exp(exponent) * sqrt(b / (2.0 * PI * s * a))
}

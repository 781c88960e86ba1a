//! The second derivatives of the incomplete gamma and beta functions with respect to their shapes.
//!
//! The sums and fractions are those of `incomplete.rs`, on numbers that carry second derivatives. The factor $g$ before them has
//! the logarithmic derivatives $g'/g = L$ and $g''/g = L^2 + L'$, so $(gf)'' = g (f'' + 2Lf' + (L^2 + L')f)$.

use super::dual::{Dual, Number};
use super::gamma::{digamma, trigamma};
use super::incomplete::{
    Branch, beta_logs, beta_prefactor, beta_sum, fraction, prefactor, series, temme_scale,
};
use super::temme::TEMME;
use libm::{exp, log, log1p, sqrt};
use std::f64::consts::TAU;

/// $∂^2 P(a, x)/∂a^2$.
pub(super) fn incomplete_gamma(a: f64, x: f64) -> f64 {
    let shape = || Dual::<_, 1>::variable(Dual::<f64, 1>::variable(a, 0), 0);
    let with_factor = |f: Dual<Dual<f64, 1>, 1>, slope: f64, curvature: f64| {
        f.d[0].d[0] + 2.0 * slope * f.d[0].v + (slope * slope + curvature) * f.v.v
    };
    match Branch::of(a, x) {
        Branch::Outside => f64::NAN,
        Branch::Zero | Branch::One => 0.0,
        Branch::Uniform(mu) => uniform(a, mu),
        Branch::Series => {
            let slope = log(x) - digamma(a + 1.0);
            prefactor(a, x) * with_factor(series(shape(), x), slope, -trigamma(a + 1.0))
        }
        Branch::Fraction => {
            let slope = log(x) - digamma(a);
            let f = fraction(shape(), x).recip();
            -a * prefactor(a, x) * with_factor(f, slope, -trigamma(a))
        }
    }
}

/// $∂^2 P/∂a^2$ by Temme's expansion, the derivative of the slope of `incomplete::uniform` term by term.
///
/// With $Q = ½ \operatorname{erfc}(η\sqrt{a/2}) + D S$, where $D = e^{-aη^2/2}/\sqrt{2πa}$ and
/// $S = \sum_k c_k(η) a^{-k}$, the slope is $∂Q/∂a = D B$ with
/// $B = M - ½η + (\ln λ - \frac{1}{2a}) S + T$, $M = μ/η$ and $T = dS/da = (a ∂S/∂a - M ∂S/∂η)/a$. Here
/// $dη/da = -M/a$, $d\ln λ/da = -1/a$ and $dD/da = D(\ln λ - \frac{1}{2a})$.
fn uniform(a: f64, mu: f64) -> f64 {
    let (half_square, eta) = temme_scale(mu);
    // S and its derivatives in η; the same of a ∂S/∂a = −Σ k c_k a^{-k}, and Σ k² c_k a^{-k}.
    let (mut s, mut by_log, mut twice) = ([0.0; 3], [0.0; 2], 0.0);
    for (k, row) in TEMME.iter().enumerate().rev() {
        let c = horner(row, eta);
        let order = k as f64;
        for (sum, c) in s.iter_mut().zip(c) {
            *sum = *sum / a + c;
        }
        for (sum, c) in by_log.iter_mut().zip(c) {
            *sum = *sum / a - order * c;
        }
        twice = twice / a + order * order * c[0];
    }
    // c_0 = 1/μ − 1/η gives M = 1/(1 + η c_0), also at η = 0.
    let [c, slope, _] = horner(TEMME[0], eta);
    let m = 1.0 / (1.0 + eta * c);
    let m_by_eta = -m * m * (c + eta * slope);
    let eta_by_a = -m / a;
    let [sum, by_eta, by_eta_twice] = s;
    let by_a = (by_log[0] - m * by_eta) / a;
    let by_log_by_a = twice / a + by_log[1] * eta_by_a;
    let by_eta_by_a = by_log[1] / a + by_eta_twice * eta_by_a;
    let by_a_twice = (by_log_by_a - m_by_eta * eta_by_a * by_eta - m * by_eta_by_a - by_a) / a;
    let rate = log1p(mu) - 0.5 / a;
    let b = m - 0.5 * eta + rate * sum + by_a;
    let b_by_a = (m_by_eta - 0.5) * eta_by_a + (0.5 / a - 1.0) / a * sum + rate * by_a + by_a_twice;
    let density = exp(-a * half_square) / sqrt(TAU * a);
    -density * (rate * b + b_by_a)
}

/// A polynomial and its first two derivatives.
fn horner(coefficients: &[f64], x: f64) -> [f64; 3] {
    let [p, slope, half] = coefficients
        .iter()
        .rev()
        .fold([0.0; 3], |[p, slope, half], c| [p * x + c, slope * x + p, half * x + slope]);
    [p, slope, 2.0 * half]
}

/// $∂^2 I/∂a^2$, $∂^2 I/∂a∂b$ and $∂^2 I/∂b^2$ of $I_x(a, b)$.
pub(super) fn incomplete_beta(a: f64, b: f64, x: f64) -> [f64; 3] {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return [f64::NAN; 3];
    }
    if x == 0.0 || x == 1.0 {
        return [0.0; 3];
    }
    if x <= (a + 1.0) / (a + b + 2.0) {
        beta_near(a, b, x, 1.0 - x)
    } else {
        let [aa, ab, bb] = beta_near(b, a, 1.0 - x, x);
        [-bb, -ab, -aa]
    }
}

/// The derivatives by the continued fraction, with $y = 1 - x$.
fn beta_near(a: f64, b: f64, x: f64, y: f64) -> [f64; 3] {
    let variable = |v, i| Dual::<_, 2>::variable(Dual::<f64, 2>::variable(v, i), i);
    let f = beta_sum(variable(a, 0), variable(b, 1), x).recip();
    let prefactor = beta_prefactor(a, b, x, y);
    let logs = beta_logs(a, b, x, y);
    let both = trigamma(a + b);
    let curvatures = [both - trigamma(a + 1.0), both, both - trigamma(b)];
    [(0, 0), (0, 1), (1, 1)].map(|(i, j)| {
        let cross = logs[i] * f.v.d[j] + logs[j] * f.v.d[i];
        prefactor * (f.d[i].d[j] + cross + (logs[i] * logs[j] + curvatures[i + j]) * f.v.v)
    })
}

//! Implicit reparameterisation (Figurnov, Mohamed and Mnih 2018).
//!
//! Let $z$ be a sample with distribution function $P(z, \theta)$. If its quantile level $P(z, \theta) = u$ is kept
//! fixed, its derivative is
//!
//! $$\frac{\mathrm dz}{\mathrm d\theta} = -\frac{\partial P(z, \theta)/\partial\theta}{p(z, \theta)}.$$
//!
//! No inverse of $P$ is needed, and any sampler will do. Samples are drawn and differentiated on a scale on which
//! they neither underflow nor round to the end of an interval: logarithms, logits, angles.

use super::edges::ln_1p_excess;
use crate::RandomSource;
use pathscore_autodiff::{Adjoints, Custom, Real, Scalar, Shape, Tensor, Var, View};
use std::f64::consts::{PI, TAU};
use std::sync::LazyLock;

/// Samples with their derivatives with respect to each parameter, as an op of the tape.
///
/// The derivatives are plain numbers, so there is no second derivative; the tape refuses to compute one.
struct Draws<F> {
    values: Vec<F>,
    slopes: Vec<Vec<F>>,
}

impl<F: Scalar> Custom<F> for Draws<F> {
    fn name(&self) -> &'static str {
        "implicit_draw"
    }

    fn shape(&self, args: &[&[usize]]) -> Result<Shape, String> {
        Ok(Shape::from(args[0]))
    }

    fn forward(&self, _: &[View<'_, F>], y: &mut [F]) {
        y.copy_from_slice(&self.values);
    }

    fn reverse(&self, _: &[View<'_, F>], _: &[F], y_bar: &[F], bars: &mut Adjoints<'_, F>) {
        for (parameter, slopes) in self.slopes.iter().enumerate() {
            let Some(bar) = bars.of(parameter) else { continue };
            for ((bar, &y_bar), &slope) in bar.iter_mut().zip(y_bar).zip(slopes) {
                // An adjoint of zero adds nothing, even if the slope is infinite.
                *bar += y_bar.mul_no_nan(slope);
            }
        }
    }
}

/// One sample for each element of `shape`: `draw` returns it for the parameters of that element, and `slope` its
/// derivatives. If no parameter is tracked, the samples are constants.
pub(super) fn implicit<'t, F: Scalar, const P: usize>(
    parameters: [Var<'t, F>; P],
    shape: &Shape,
    mut draw: impl FnMut([f64; P]) -> f64,
    slope: impl Fn([f64; P], f64) -> [f64; P],
) -> Var<'t, F> {
    let spread = parameters.map(|parameter| parameter.broadcast_to(shape.clone()));
    let known: [Tensor<F>; P] = spread.map(|parameter| parameter.value());
    let at = |i: usize| std::array::from_fn(|p| known[p].values()[i].to_f64());
    let drawn: Vec<f64> = (0..shape.size()).map(|i| draw(at(i))).collect();
    let values: Vec<F> = drawn.iter().map(|&z| F::from_f64(z)).collect();
    let tape = parameters[0].tape();
    if !parameters.iter().any(|parameter| parameter.is_tracked()) {
        return tape.constant(&values, shape.clone());
    }
    let mut slopes: Vec<Vec<F>> = (0..P).map(|_| Vec::with_capacity(drawn.len())).collect();
    for (i, &z) in drawn.iter().enumerate() {
        for (slopes, slope) in slopes.iter_mut().zip(slope(at(i), z)) {
            slopes.push(F::from_f64(slope));
        }
    }
    tape.custom(Draws { values, slopes }, &spread)
}

/// Below this logarithm a sample is so small that the first term of the series of its distribution function is exact to
/// rounding, and so near underflow that only its logarithm is known to full precision.
const TINY: f64 = -600.0;

/// $\ln z$ for $z \sim \mathrm{Gamma}(\alpha, 1)$, finite however small $\alpha$ is.
///
/// The method is that of Marsaglia and Tsang (2000); for $\alpha < 1$ it uses $z_\alpha = z_{\alpha + 1} u^{1/\alpha}$.
pub(super) fn ln_gamma_draw<R: RandomSource>(alpha: f64, rng: &mut R) -> f64 {
    if !(0.0..f64::INFINITY).contains(&alpha) {
        return f64::NAN;
    }
    if alpha < 1.0 {
        // 1 − u and not u, because u may be zero.
        return ln_gamma_draw(alpha + 1.0, rng) + (-rng.uniform()).ln_1p() / alpha;
    }
    let d = alpha - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = rng.normal();
        let v = (1.0 + c * x).powi(3);
        let u = 1.0 - rng.uniform();
        // v − 1 and ln v − (v − 1) without cancellation: for large α both are small, and multiplied by d.
        let above_one = c * x * (3.0 + c * x * (3.0 + c * x));
        if v > 0.0 && u.ln() < 0.5 * x * x + d * ln_1p_excess(above_one) {
            return (d * v).ln();
        }
    }
}

/// $\mathrm d\ln z/\mathrm d\alpha$ for $z \sim \mathrm{Gamma}(\alpha, 1)$ at $\ln z$.
pub(super) fn ln_gamma_slope(alpha: f64, ln_z: f64) -> f64 {
    if ln_z < TINY {
        // P = z^α/Γ(α + 1).
        return (Real::digamma(alpha + 1.0) - ln_z) / alpha;
    }
    let z = ln_z.exp();
    -Real::gamma_p_da(alpha, z) / gamma_density(alpha, z, ln_z)
}

/// $z p(z) = z^\alpha e^{-z}/\Gamma(\alpha)$.
///
/// For large $\alpha$ it takes Loader's form (2000), $\sqrt{\alpha/2\pi} e^{\alpha(\ln(1 + u) - u) - \delta(\alpha)}$
/// with $u = z/\alpha - 1$ and the remainder $\delta$ of Stirling's formula, in which no large terms cancel.
fn gamma_density(alpha: f64, z: f64, ln_z: f64) -> f64 {
    if alpha < 100.0 {
        return (alpha * ln_z - z - Real::ln_gamma(alpha)).exp();
    }
    let u = (z - alpha) / alpha;
    let y = 1.0 / (alpha * alpha);
    let rest = (1.0 / 12.0 - y * (1.0 / 360.0 - y / 1260.0)) / alpha;
    (alpha * (u.ln_1p() - u) - rest).exp() * (alpha / TAU).sqrt()
}

/// $\ln\frac{x}{1-x}$ for $x \sim \mathrm{Beta}(a, b)$.
pub(super) fn logit_beta_draw<R: RandomSource>([a, b]: [f64; 2], rng: &mut R) -> f64 {
    ln_gamma_draw(a, rng) - ln_gamma_draw(b, rng)
}

/// The derivatives of $y = \ln\frac{x}{1-x}$ with respect to $a$ and $b$, for $x \sim \mathrm{Beta}(a, b)$ at $y$.
pub(super) fn logit_beta_slopes([a, b]: [f64; 2], y: f64) -> [f64; 2] {
    if y > 0.0 {
        // 1 − x has the distribution Beta(b, a), and for x near one it is known to more digits.
        let [by_b, by_a] = logit_beta_slopes([b, a], -y);
        return [-by_a, -by_b];
    }
    let (ln_x, ln_rest) = (-Real::softplus(-y), -Real::softplus(y));
    if ln_x < TINY {
        // I = x^a/(a B(a, b)).
        let of_sum = Real::digamma(a + b);
        return [(Real::digamma(a + 1.0) - of_sum - ln_x) / a, (Real::digamma(b) - of_sum) / a];
    }
    let [_, by_a, by_b] = f64::beta_inc(a, b, ln_x.exp());
    // x (1 − x) p(x).
    let density = (a * ln_x + b * ln_rest - Real::ln_beta(a, b)).exp();
    [-by_a / density, -by_b / density]
}

/// A sample of von Mises' distribution about zero, in $[-\pi, \pi]$.
///
/// Best and Fisher (1979) reject from a wrapped Cauchy distribution; with $\rho = \kappa s$ and $w = \sin^2(z/2)$ their
/// method is written so that nothing cancels for small or large $\kappa$.
pub(super) fn von_mises_draw<R: RandomSource>(kappa: f64, rng: &mut R) -> f64 {
    if !(0.0..f64::INFINITY).contains(&kappa) {
        return f64::NAN;
    }
    let root = f64::hypot(1.0, 2.0 * kappa);
    // This is ρ − κ, with ρ = (1 + √(1 + 4κ²))/2.
    let gap = 0.5 + 0.5 / (root + 2.0 * kappa);
    loop {
        let (sin, cos) = (0.5 * PI * rng.uniform()).sin_cos();
        let w = gap * sin * sin / (gap + 2.0 * kappa * cos * cos);
        let c = gap + 2.0 * kappa * w;
        let u = 1.0 - rng.uniform();
        if !(c * (2.0 - c) <= u && (c / u).ln() + 1.0 < c) {
            let z = 2.0 * w.sqrt().min(1.0).asin();
            return if rng.bernoulli(0.5) { z } else { -z };
        }
    }
}

/// $\mathrm dz/\mathrm d\kappa$ of von Mises' distribution about zero, at $z$.
///
/// With $A = I_1(\kappa)/I_0(\kappa)$ and $a = |z|$ it is $\int_a^\pi (\cos t - A) e^{\kappa(\cos t - \cos a)} dt$
/// times the sign of $z$. The integral from zero to $\pi$ is zero, so near zero the integral from $a$ to zero is the
/// same, and it is more accurate.
pub(super) fn von_mises_slope(kappa: f64, z: f64) -> f64 {
    let a = z.abs().min(PI);
    let versine = |t: f64| 2.0 * (0.5 * t).sin().powi(2);
    let i0 = Real::i0e(kappa);
    let gap = (i0 - Real::i1e(kappa)) / i0;
    let near = a < 0.5 * PI && kappa * versine(a) < 1.0;
    let (from, to) = if near {
        (a, 0.0)
    } else {
        // Beyond this angle the integrand is below e⁻⁴⁰ of its largest value.
        (a, (a.cos() - 40.0 / kappa).max(-1.0).acos())
    };
    let integrand = |t: f64| {
        let exponent = -2.0 * kappa * (0.5 * (t + a)).sin() * (0.5 * (t - a)).sin();
        (gap - versine(t)) * exponent.exp()
    };
    let nodes = LEGENDRE.iter();
    let integral: f64 = nodes.map(|(u, w)| w * integrand(from + (to - from) * u)).sum();
    z.signum() * (to - from) * integral
}

/// Forty Gauss–Legendre nodes and weights on $[0, 1]$, which integrate $e^{-40u}$ and $e^{-40u^2}$ to rounding.
static LEGENDRE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let n = 40;
    let node = |i: usize| {
        // Newton's iteration finds a root of P_n from its asymptotic value, with (1 − x²)P' = n(P_{n−1} − xP_n).
        let mut x = (PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut p) = (0.0, 1.0);
            for k in 0..n {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0));
            }
            slope = n as f64 * (before - x * p) / (1.0 - x * x);
            x -= p / slope;
        }
        (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(node).collect()
});

#[cfg(test)]
#[allow(clippy::excessive_precision, reason = "the digits of the source")]
mod tests;

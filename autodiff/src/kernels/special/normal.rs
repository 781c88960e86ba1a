//! The normal distribution function, its logarithm and its inverse, and the inverse of erf.

use crate::numbers::table::HALF_LN_TAU;
use libm::{erfc, exp, fma, log, log1p, sqrt};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, SQRT_2};

/// 1/√2 less its nearest double.
const FRAC_1_SQRT_2_LOW: f64 = -4.833_646_656_726_457e-17;
/// √2π.
const SQRT_TAU: f64 = 2.506_628_274_631_000_7;

/// $Φ(x) = ½ \operatorname{erfc}(-x/\sqrt 2)$.
///
/// In the left tail a rounding of $z = -x/\sqrt 2$ is multiplied by $2z^2$ in the result; so $z$
/// is carried in two parts, and the slope of erfc accounts for the second.
pub(super) fn cdf(x: f64) -> f64 {
    let z = -x * FRAC_1_SQRT_2;
    if !(z > 1.0 && z < 28.0) {
        return 0.5 * erfc(z);
    }
    let low = fma(-x, FRAC_1_SQRT_2, -z) - x * FRAC_1_SQRT_2_LOW;
    0.5 * (erfc(z) - FRAC_2_SQRT_PI * exp(-z * z) * low)
}

/// $\ln Φ(x)$. It is computed from $Φ$ itself where $Φ$ is neither near 1 nor near 0, as $\ln(1 - Φ(-x))$ on the
/// right, and on the far left by the asymptotic series
/// $Φ(x) = \frac{φ(x)}{-x}(1 - x^{-2} + 3x^{-4} - 15x^{-6} + …)$, whose twelfth term is below
/// half a unit at −20.
pub(super) fn log_cdf(x: f64) -> f64 {
    if x > 0.0 {
        log1p(-cdf(-x))
    } else if x > -20.0 || x.is_nan() {
        log(cdf(x))
    } else {
        -0.5 * x * x - (log(-x) + HALF_LN_TAU - log1p(far_series(x)))
    }
}

/// $-x^{-2} + 3x^{-4} - 15x^{-6} + …$, twelve terms.
fn far_series(x: f64) -> f64 {
    let inverse_square = 1.0 / (x * x);
    (0..12).rev().fold(0.0, |series, k| -(2 * k + 1) as f64 * inverse_square * (1.0 + series))
}

/// $φ(x)/Φ(x)$. The quotient is computed as it stands, and on the far left by the series of [`log_cdf`], in which $φ$
/// cancels.
pub(super) fn inverse_mills(x: f64) -> f64 {
    if x <= -20.0 {
        return -x / (1.0 + far_series(x));
    }
    // The square in two parts, for the same reason as in `cdf`.
    let square = x * x;
    let low = if square.is_finite() { fma(x, x, -square) } else { 0.0 };
    exp(-0.5 * square) * (1.0 - 0.5 * low) / (SQRT_TAU * cdf(x))
}

/// Two moments of a standard normal variable below $x$.
pub(super) struct Truncated {
    /// The mean distance from $x$, $x + φ(x)/Φ(x)$.
    pub(super) gap: f64,
    /// The variance, which is the slope of `gap`.
    pub(super) variance: f64,
}

/// The moments of a standard normal variable below $x$.
///
/// On the left, with $t = -x$, the gap is Laplace's continued fraction $\cfrac{1}{t + \cfrac{2}{t + \cfrac{3}{t + ⋯}}}$, and
/// the variance is the slope of that fraction, taken step by step. Elsewhere both follow from $φ/Φ$, and their
/// differences lose at most four bits.
pub(super) fn truncated(x: f64) -> Truncated {
    if x <= -2.0 {
        let t = -x;
        // 132 steps at 2, 12 far out: as many as both fractions need for double precision.
        let steps = (12.0 + 480.0 / (t * t)) as u32;
        let (mut below, mut slope) = (t, 1.0);
        for k in (2..=steps).rev() {
            let quotient = k as f64 / below;
            slope = 1.0 - quotient / below * slope;
            below = t + quotient;
        }
        let gap = 1.0 / below;
        return Truncated { gap, variance: slope * gap * gap };
    }
    let mills = inverse_mills(x);
    let gap = x + mills;
    // Far on the right 0 · ∞ is the limit zero.
    let variance = if mills == 0.0 { 1.0 } else { 1.0 - mills * gap };
    Truncated { gap, variance }
}

/// $e^{x^2} \operatorname{erfc} x$: the product as it stands, with the rounding error of the square, and on the far right
/// the series of [`log_cdf`] at $-x\sqrt 2$.
pub(super) fn erfcx(x: f64) -> f64 {
    if x >= 15.0 {
        return 0.5 * FRAC_2_SQRT_PI / x * (1.0 + far_series(SQRT_2 * x));
    }
    if x < -27.0 {
        return f64::INFINITY;
    }
    let square = x * x;
    // e^{x²} may overflow although half of it does not.
    let half = exp(0.5 * square);
    (half * erfc(x)) * half * (1.0 + fma(x, x, -square))
}

/// $Φ^{-1}(p)$.
pub(super) fn quantile(p: f64) -> f64 {
    inverse(p - 0.5, if p < 0.5 { p } else { 1.0 - p })
}

/// The $y$ with $\operatorname{erf} y = x$: $y \sqrt 2$ is the normal quantile of $(1 + x)/2$,
/// whose distance from ½ is $x/2$ without rounding.
pub(super) fn erf_inv(x: f64) -> f64 {
    inverse(0.5 * x, 0.5 * (1.0 - x.abs())) / SQRT_2
}

/// The normal quantile of ½ + `centred`, given the probability of the nearer tail as well.
///
/// The first value is Wichura's (AS 241, PPND16, Applied Statistics 37, 1988). Outside the centre it is improved by one
/// step of Newton's method on $\ln Φ(x) = \ln p$, whose slope is $φ(x)/Φ(x)$.
fn inverse(centred: f64, tail: f64) -> f64 {
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        return centred * ratio(&A, &B, r);
    }
    if tail == 0.0 {
        return f64::INFINITY.copysign(centred);
    }
    if tail < 0.0 || tail.is_nan() {
        return f64::NAN;
    }
    let r = sqrt(-log(tail));
    let left = -if r <= 5.0 { ratio(&C, &D, r - 1.6) } else { ratio(&E, &F, r - 5.0) };
    let log_left = log_cdf(left);
    let log_density = -0.5 * left * left - HALF_LN_TAU;
    let x = left - (log_left - log(tail)) * exp(log_left - log_density);
    if centred < 0.0 { x } else { -x }
}

/// The quotient of two polynomials, lowest powers first.
fn ratio(above: &[f64; 8], below: &[f64; 8], r: f64) -> f64 {
    let horner = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * r + c);
    horner(above) / horner(below)
}

const A: [f64; 8] = [
    3.387_132_872_796_366_5,
    1.331_416_678_917_843_8e2,
    1.971_590_950_306_551_3e3,
    1.373_169_376_550_946e4,
    4.592_195_393_154_987e4,
    6.726_577_092_700_87e4,
    3.343_057_558_358_813e4,
    2.509_080_928_730_122_7e3,
];
const B: [f64; 8] = [
    1.0,
    4.231_333_070_160_091e1,
    6.871_870_074_920_579e2,
    5.394_196_021_424_751e3,
    2.121_379_430_158_659_7e4,
    3.930_789_580_009_271e4,
    2.872_908_573_572_194_3e4,
    5.226_495_278_852_854e3,
];
const C: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    2.417_807_251_774_506e-1,
    2.272_384_498_926_918_4e-2,
    7.745_450_142_783_414e-4,
];
const D: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    6.897_673_349_851e-1,
    1.481_039_764_274_800_8e-1,
    1.519_866_656_361_645_7e-2,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const E: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    2.965_605_718_285_048_7e-1,
    2.653_218_952_657_612_4e-2,
    1.242_660_947_388_078_4e-3,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const F: [f64; 8] = [
    1.0,
    5.998_322_065_558_88e-1,
    1.369_298_809_227_358e-1,
    1.487_536_129_085_061_5e-2,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_7e-15,
];

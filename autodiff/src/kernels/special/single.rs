//! The elementary functions in single precision.
//!
//! Every function is a reduction to a small interval, a polynomial there and a reconstruction,
//! with selects in place of branches, so that a loop over a slice becomes vector code. Sums and
//! products are never fused. The polynomials without another source are minimax fits in the
//! relative error, by Remez exchange (`tests/tables/make_tables.py remez` finds them again).

use super::Special;

/// Adding 1.5·2²³ leaves a number of moderate size rounded to an integer in the low bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts: the first has 15 bits, so a product with an exponent is exact (fdlibm).
const LN2_HI: f32 = 6.931_457_5e-1;
const LN2_LO: f32 = 1.428_606_8e-6;

/// $2^n$ for the integer in `n`, in two's complement, −126 ≤ n ≤ 127.
#[inline(always)]
fn pow2(n: u32) -> f32 {
    f32::from_bits(n.wrapping_add(127) << 23)
}

/// $x$ clamped to $[lo, hi]$; NaN stays NaN.
#[inline(always)]
fn clamp(x: f32, lo: f32, hi: f32) -> f32 {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}

/// $x = n \ln 2 + r$ with $|r| ≤ ½ \ln 2$: the bits of $n$ + `round`, which is [`ROUND`] or an even integer more, and $r$.
#[inline(always)]
fn reduce_exp_by(round: f32, x: f32) -> (u32, f32) {
    let t = x * std::f32::consts::LOG2_E + round;
    let n = t - round;
    (t.to_bits(), (x - n * LN2_HI) - n * LN2_LO)
}

/// [`reduce_exp_by`] with the integer in two's complement.
#[inline(always)]
fn reduce_exp(x: f32) -> (u32, f32) {
    let (bits, r) = reduce_exp_by(ROUND, x);
    (bits.wrapping_sub(ROUND.to_bits()), r)
}

/// $e^r - 1 - r$ for $|r| ≤ ½ \ln 2$, as $r^2 q(r)$; minimax, 2⁻³² relative to $e^r - 1$.
#[inline(always)]
fn exp_remainder(r: f32) -> f32 {
    // Adding pairs of terms first halves the chain of dependent operations of Horner's rule.
    let z = r * r;
    let a = 0.5 + 0.166_666_67 * r;
    let b = 0.041_666_355 + 0.008_333_273 * r;
    let c = 0.001_394_101_2 + 0.000_199_141_96 * r;
    z * (a + z * (b + z * c))
}

/// $2^n y$ for $y$ of order 1, rounded once even where the result is subnormal.
#[inline(always)]
fn scale(y: f32, n: u32) -> f32 {
    // Halving a two's complement number without an arithmetic shift.
    let half = (n.wrapping_add(512) >> 1).wrapping_sub(256);
    y * pow2(half) * pow2(n.wrapping_sub(half))
}

/// $x = 2^k (1 + f)$ with $1 + f$ in $[√½, √2)$: the exponent with its bias, and $f$.
#[inline(always)]
fn reduce_ln(x: f32) -> (u32, f32) {
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - SQRT_HALF);
    let m = f32::from_bits((bits & 0x007f_ffff) + SQRT_HALF);
    (bits >> 23, m - 1.0)
}

/// Like [`reduce_ln`], but with the exponent as a number, and for subnormal arguments too.
#[inline(always)]
fn reduce_ln_full(x: f32) -> (f32, f32) {
    let small = x < f32::MIN_POSITIVE;
    let (k, f) = reduce_ln(if small { x * 33_554_432.0 } else { x });
    (k as i32 as f32 - if small { 127.0 + 25.0 } else { 127.0 }, f)
}

/// $\ln(1 + f) - f + f^2/2$ for $1 + f$ in $[√½, √2)$; minimax, 2⁻³⁰ relative to the logarithm.
#[inline(always)]
fn ln_remainder(f: f32) -> f32 {
    let z = f * f;
    let a = 0.333_333_1 - 0.249_999_87 * f;
    let b = 0.200_021_46 - 0.166_692_17 * f;
    let c = 0.142_200_22 - 0.123_855_57 * f;
    let d = 0.118_651_405 - 0.117_806_725 * f + 0.069_209_956 * z;
    f * z * (a + z * (b + z * (c + z * d)))
}

/// $k \ln 2 + \ln(1 + f)$, the small terms first.
#[inline(always)]
fn ln_join(k: f32, f: f32) -> f32 {
    let half_square = 0.5 * f * f;
    k * LN2_HI - ((half_square - (ln_remainder(f) + k * LN2_LO)) - f)
}

/// The value of a logarithm where the formula does not hold: at 0, negative, infinite and NaN arguments.
#[inline(always)]
fn ln_edges(x: f32, y: f32) -> f32 {
    let edge = if x == 0.0 { f32::NEG_INFINITY } else { f32::NAN };
    let y = if x > 0.0 { y } else { edge };
    if x == f32::INFINITY { x } else { y }
}

/// $f - f^2/2 + …$ in a part of 12 bits and a remainder, for logarithms to other bases.
#[inline(always)]
fn ln_parts(f: f32) -> (f32, f32) {
    let half_square = 0.5 * f * f;
    let hi = f32::from_bits((f - half_square).to_bits() & 0xffff_f000);
    (hi, (f - hi) - half_square + ln_remainder(f))
}

/// The sine and the cosine of $|r| ≤ π/4$; minimax, 2⁻²⁸ and 2⁻³³.
#[inline(always)]
fn sin_cos_near(r: f32) -> (f32, f32) {
    let z = r * r;
    let s = (-0.000_195_169_5 * z + 0.008_332_176) * z - 0.166_666_55;
    let c = (2.443_876_1e-5 * z - 0.001_388_737_2) * z + 0.041_666_646;
    (r + r * z * s, 1.0 - (0.5 * z - z * z * c))
}

/// The quadrant of $x$, and the sine and the cosine of the angle within it, for $|x| ≤ 10^6$.
///
/// The reduction runs in double precision, where $π/2$ in a part of 33 bits and a rest leaves
/// no visible error.
#[inline(always)]
fn quadrant(x: f32) -> (u32, f32, f32) {
    const ROUND: f64 = 6_755_399_441_055_744.0;
    let wide = x as f64;
    let t = wide * std::f64::consts::FRAC_2_PI + ROUND;
    let n = t - ROUND;
    let r = ((wide - n * 1.570_796_326_734_125_6) - n * 6.077_100_506_506_192e-11) as f32;
    let (sin, cos) = sin_cos_near(r);
    (t.to_bits() as u32, sin, cos)
}

/// The sine of the sum of `quarter` right angles and the angle whose sine and cosine are `s` and `c`.
#[inline(always)]
fn sin_in_quadrant(quarter: u32, s: f32, c: f32) -> f32 {
    let y = if quarter & 1 == 0 { s } else { c };
    f32::from_bits(y.to_bits() ^ ((quarter & 2) << 30))
}

impl Special for f32 {
    const TRIG_RANGE: Self = 1e6;
    const TINY: Self = 1e-6;
    const TANH_ONE: Self = 10.0;

    #[inline(always)]
    fn widen(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn narrow(x: f64) -> Self {
        x as f32
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn copysign(self, sign: Self) -> Self {
        self.copysign(sign)
    }

    #[inline(always)]
    fn powf(self, exponent: Self) -> Self {
        f32::powf(self, exponent)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn exp(self) -> Self {
        // Beyond these bounds the result is 0 or ∞ by rounding.
        let (n, r) = reduce_exp(clamp(self, -104.0, 90.0));
        scale(1.0 + (r + exp_remainder(r)), n)
    }

    #[inline(always)]
    fn exp_minus_abs(self) -> Self {
        let x = -self.abs();
        // The low bits are n + 65 with the bias of an exponent: even where 2ⁿ is subnormal that is the exponent of
        // a normal number, and only its product with 2⁻⁶⁵ is rounded.
        let (bits, r) = reduce_exp_by(ROUND + (65 + 127) as f32, x);
        let raised = f32::from_bits(bits << 23);
        let y = (1.0 + (r + exp_remainder(r))) * raised * (1.0 / (1_u128 << 65) as f32);
        // Beyond this the result is zero by rounding. The comparison comes last, so nothing waits for it.
        if x < -104.0 { 0.0 } else { y }
    }

    #[inline(always)]
    fn half_exp(self) -> Self {
        let (n, r) = reduce_exp(clamp(self, -104.0, 90.0));
        scale(1.0 + (r + exp_remainder(r)), n.wrapping_sub(1))
    }

    #[inline(always)]
    fn exp2(self) -> Self {
        let x = clamp(self, -151.0, 129.0);
        let t = x + ROUND;
        let n = t.to_bits().wrapping_sub(ROUND.to_bits());
        let r = (x - (t - ROUND)) * std::f32::consts::LN_2;
        scale(1.0 + (r + exp_remainder(r)), n)
    }

    #[inline(always)]
    fn quarter_exp_m1(self) -> Self {
        let (n, r) = reduce_exp(clamp(self, -18.0, 89.5));
        let s = pow2(n.wrapping_sub(2));
        // The large terms first: what they round away is less than where the small ones join.
        ((s - 0.25) + s * r) + s * exp_remainder(r)
    }

    /// The sum of $x^k/(k + 2)!$, in pairs; the first term that is left out is below 2.6e-9 of the sum.
    #[inline(always)]
    fn exp_rest(self) -> Self {
        let z = self * self;
        let a = 1.0 / 2.0 + self * (1.0 / 6.0);
        let b = 1.0 / 24.0 + self * (1.0 / 120.0);
        let c = 1.0 / 720.0 + self * (1.0 / 5040.0);
        let d = 1.0 / 40_320.0 + self * (1.0 / 362_880.0);
        ((d * z + c) * z + b) * z + a
    }

    #[inline(always)]
    fn ln(self) -> Self {
        let (k, f) = reduce_ln_full(self);
        ln_edges(self, ln_join(k, f))
    }

    #[inline(always)]
    fn minus_two_ln<const FMA: bool>(self) -> Self {
        let (k, f) = reduce_ln(self);
        -2.0 * ln_join(k as i32 as f32 - 127.0, f)
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        let u = 1.0 + self;
        let lost = if self < 1.0 { self - (u - 1.0) } else { 1.0 - (u - self) };
        let (k, f) = reduce_ln(u);
        // From 2²⁵ on the rounding error of 1 + x is negligible, and its scale might overflow.
        let part = lost * f32::from_bits(254u32.wrapping_sub(k) << 23);
        let f = f + if self < 33_554_432.0 { part } else { 0.0 };
        let y = ln_edges(u, ln_join(k as i32 as f32 - 127.0, f));
        if self.abs() < 1e-10 { self } else { y }
    }

    #[inline(always)]
    fn ln_1p_unit(self) -> Self {
        // One select, then arithmetic: with k = 0, f = x; with k = 1, 1 + f is half of 1 + x.
        let half = if self > 0.414_213_57 { 0.5 } else { 0.0 };
        ln_join(half + half, (1.0 - half) * self - half)
    }

    #[inline(always)]
    fn log2(self) -> Self {
        // 1/ln 2 in two parts, from FreeBSD's e_log2f.c.
        const HI: f32 = 1.442_871_1;
        const LO: f32 = -1.760_528_5e-4;
        let (k, f) = reduce_ln_full(self);
        let (hi, lo) = ln_parts(f);
        ln_edges(self, ((lo + hi) * LO + lo * HI + hi * HI) + k)
    }

    #[inline(always)]
    fn log10(self) -> Self {
        // 1/ln 10 and log₁₀ 2 in two parts, from FreeBSD's e_log10f.c.
        const HI: f32 = 4.343_261_7e-1;
        const LO: f32 = -3.168_997e-5;
        const TWO_HI: f32 = 3.010_292e-1;
        const TWO_LO: f32 = 7.903_415e-7;
        let (k, f) = reduce_ln_full(self);
        let (hi, lo) = ln_parts(f);
        let small = k * TWO_LO + (lo + hi) * LO + lo * HI;
        ln_edges(self, (small + hi * HI) + k * TWO_HI)
    }

    #[inline(always)]
    fn sin_within(self) -> Self {
        let (q, s, c) = quadrant(self);
        if self == 0.0 { self } else { sin_in_quadrant(q, s, c) }
    }

    #[inline(always)]
    fn cos_within(self) -> Self {
        let (q, s, c) = quadrant(self);
        sin_in_quadrant(q.wrapping_add(1), s, c)
    }

    #[inline(always)]
    fn cos_sin_half_pi<const FMA: bool>(self) -> (Self, Self) {
        let (sin, cos) = sin_cos_near(std::f32::consts::FRAC_PI_2 * self);
        (cos, sin)
    }

    #[cold]
    fn sin_far(self) -> Self {
        libm::sinf(self)
    }

    #[cold]
    fn cos_far(self) -> Self {
        libm::cosf(self)
    }
}

//! The elementary functions in double precision, by the same methods as in single precision.

use super::Special;
use crate::kernels::element::Element;

/// Adding 1.5·2⁵² leaves a number of moderate size rounded to an integer in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts: the first has 32 bits, so a product with an exponent is exact (fdlibm).
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// $2^n$ for the integer in `n`, in two's complement, −1022 ≤ n ≤ 1023.
#[inline(always)]
fn pow2(n: u64) -> f64 {
    f64::from_bits(n.wrapping_add(1023) << 52)
}

/// $x$ clamped to $[lo, hi]$; NaN stays NaN.
#[inline(always)]
fn clamp(x: f64, lo: f64, hi: f64) -> f64 {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
}

/// $x = n \ln 2 + r$ with $|r| ≤ ½ \ln 2$: the bits of $n$ + `round`, which is [`ROUND`] or an even integer more, and $r$.
#[inline(always)]
fn reduce_exp_by(round: f64, x: f64) -> (u64, f64) {
    let t = x * std::f64::consts::LOG2_E + round;
    let n = t - round;
    (t.to_bits(), (x - n * LN2_HI) - n * LN2_LO)
}

/// [`reduce_exp_by`] with the integer in two's complement.
#[inline(always)]
fn reduce_exp(x: f64) -> (u64, f64) {
    let (bits, r) = reduce_exp_by(ROUND, x);
    (bits.wrapping_sub(ROUND.to_bits()), r)
}

/// $e^r - 1 - r$ for $|r| ≤ ½ \ln 2$, as $r^2 q(r)$; minimax, 2⁻⁵⁵ relative to $e^r - 1$.
#[inline(always)]
fn exp_remainder(r: f64) -> f64 {
    // Adding pairs of terms first halves the chain of dependent operations of Horner's rule.
    let z = r * r;
    let a = 0.500_000_000_000_000_6 + 0.166_666_666_666_666_85 * r;
    let b = 0.041_666_666_666_573_8 + 0.008_333_333_333_314_602 * r;
    let c = 0.001_388_888_893_236_056_3 + 0.000_198_412_699_030_301_33 * r;
    let d = 2.480_150_443_675_579e-5 + 2.755_722_793_628_076_3e-6 * r;
    let e = 2.762_633_913_360_91e-7 + 2.511_448_390_797_597_6e-8 * r;
    let q = (((e * z + d) * z + c) * z + b) * z + a;
    z * q
}

/// $2^n y$ for $y$ of order 1, rounded once even where the result is subnormal.
#[inline(always)]
fn scale(y: f64, n: u64) -> f64 {
    // AVX2 has no arithmetic shift of 64 bits: make it positive, halve, and take it back.
    let half = (n.wrapping_add(4096) >> 1).wrapping_sub(2048);
    y * pow2(half) * pow2(n.wrapping_sub(half))
}

/// $x = 2^k (1 + f)$ with $1 + f$ in $[√½, √2)$: the exponent with its bias, and $f$.
#[inline(always)]
fn reduce_ln(x: f64) -> (u64, f64) {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let bits = x.to_bits().wrapping_add(0x3ff0_0000_0000_0000 - SQRT_HALF);
    let m = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) + SQRT_HALF);
    (bits >> 52, m - 1.0)
}

/// The integer below 2⁵² in `k` as a number, less `bias`.
#[inline(always)]
fn unbias(k: u64, bias: f64) -> f64 {
    f64::from_bits(k | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + bias)
}

/// Like [`reduce_ln`], but with the exponent as a number, and for subnormal arguments too.
#[inline(always)]
fn reduce_ln_full(x: f64) -> (f64, f64) {
    let small = x < f64::MIN_POSITIVE;
    let (k, f) = reduce_ln(if small { x * 18_014_398_509_481_984.0 } else { x });
    (unbias(k, if small { 1023.0 + 54.0 } else { 1023.0 }), f)
}

/// $\ln(1 + f) - f + f^2/2$ for $1 + f$ in $[√½, √2)$: with $s = f/(2+f)$,
/// $\ln(1 + f) = 2 \operatorname{artanh} s$, whose series in $s^2$ is fdlibm's (e_log.c).
#[inline(always)]
fn ln_remainder(f: f64, half_square: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = 3.999_999_999_940_942e-1
        + w * (2.222_219_843_214_978_4e-1 + w * 1.531_383_769_920_937_3e-1);
    let even = 6.666_666_666_666_735e-1
        + w * (2.857_142_874_366_239e-1
            + w * (1.818_357_216_161_805e-1 + w * 1.479_819_860_511_658_6e-1));
    s * (half_square + (w * odd + z * even))
}

/// $k \ln 2 + \ln(1 + f)$, the small terms first.
#[inline(always)]
fn ln_join(k: f64, f: f64) -> f64 {
    let half_square = 0.5 * f * f;
    k * LN2_HI - ((half_square - (ln_remainder(f, half_square) + k * LN2_LO)) - f)
}

/// The value of a logarithm where the formula does not hold: at 0, negative, infinite and NaN arguments.
#[inline(always)]
fn ln_edges(x: f64, y: f64) -> f64 {
    let edge = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    let y = if x > 0.0 { y } else { edge };
    if x == f64::INFINITY { x } else { y }
}

/// $\ln(1 + f)$ in a part of 21 bits and a remainder, for logarithms to other bases.
#[inline(always)]
fn ln_parts(f: f64) -> (f64, f64) {
    let half_square = 0.5 * f * f;
    let hi = f64::from_bits((f - half_square).to_bits() & 0xffff_ffff_0000_0000);
    (hi, (f - hi) - half_square + ln_remainder(f, half_square))
}

/// The sine and the cosine of $|r| ≤ π/4$; minimax, 2⁻⁵⁸ and 2⁻⁶⁴.
#[inline(always)]
fn sin_cos_near(r: f64) -> (f64, f64) {
    let z = r * r;
    let w = z * z;
    let s = (-0.166_666_666_666_666_32 + 0.008_333_333_333_322_457 * z)
        + w * ((-0.000_198_412_698_298_170_45 + 2.755_731_368_917_319e-6 * z)
            + w * (-2.505_075_698_678_984_5e-8 + 1.589_669_806_802_962e-10 * z));
    let c = (0.041_666_666_666_666_616 - 0.001_388_888_888_887_6 * z)
        + w * ((2.480_158_729_048_665e-5 - 2.755_731_460_696_771_4e-7 * z)
            + w * (2.087_575_415_060_929e-9 - 1.136_109_170_756_513_7e-11 * z));
    (r + r * z * s, 1.0 - (0.5 * z - w * c))
}

/// The quadrant of $x$, and the sine and the cosine of the angle within it, for $|x| ≤ 10^6$.
///
/// $π/2$ stands in two parts of 33 bits (fdlibm, e_rem_pio2.c), whose products with up to
/// 2²⁰ are exact, and a rest. The rounding error of the second difference is added to the rest.
#[inline(always)]
fn quadrant(x: f64) -> (u64, f64, f64) {
    let t = x * std::f64::consts::FRAC_2_PI + ROUND;
    let n = t - ROUND;
    let a = x - n * 1.570_796_326_734_125_6;
    let b = n * 6.077_100_506_303_966e-11;
    let d = a - b;
    // Two-sum: the rounding error of a − b, whichever is larger.
    let v = d - a;
    let lost = (a - (d - v)) - (b + v);
    let (sin, cos) = sin_cos_near(d + (lost - n * 2.022_266_248_795_950_6e-21));
    (t.to_bits(), sin, cos)
}

/// The sine of the sum of `quarter` right angles and the angle whose sine and cosine are `s` and `c`.
#[inline(always)]
fn sin_in_quadrant(quarter: u64, s: f64, c: f64) -> f64 {
    let y = if quarter & 1 == 0 { s } else { c };
    f64::from_bits(y.to_bits() ^ ((quarter & 2) << 62))
}

/// $c_0 + c_1 z + \dots + c_6 z^6$.
#[inline(always)]
fn even<const FMA: bool>(z: f64, c: [f64; 7]) -> f64 {
    // Adding pairs of terms first halves the chain of dependent operations of Horner's rule.
    let pair = |i: usize| c[i + 1].multiply_add::<FMA>(z, c[i]);
    let w = z * z;
    let q = pair(5).multiply_add::<FMA>(w, pair(3)).multiply_add::<FMA>(w, pair(1));
    q.multiply_add::<FMA>(z, c[0])
}

impl Special for f64 {
    const TRIG_RANGE: Self = 1e6;
    const TINY: Self = 1e-10;
    const TANH_ONE: Self = 20.0;

    #[inline(always)]
    fn widen(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrow(x: f64) -> Self {
        x
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
        f64::powf(self, exponent)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn exp(self) -> Self {
        // Beyond these bounds the result is 0 or ∞ by rounding.
        let (n, r) = reduce_exp(clamp(self, -746.0, 712.0));
        scale(1.0 + (r + exp_remainder(r)), n)
    }

    #[inline(always)]
    fn exp_minus_abs(self) -> Self {
        let x = -self.abs();
        // The low bits are n + 65 with the bias of an exponent: even where 2ⁿ is subnormal that is the exponent of
        // a normal number, and only its product with 2⁻⁶⁵ is rounded.
        let (bits, r) = reduce_exp_by(ROUND + (65 + 1023) as f64, x);
        let raised = f64::from_bits(bits << 52);
        let y = (1.0 + (r + exp_remainder(r))) * raised * (1.0 / (1_u128 << 65) as f64);
        // Beyond this the result is zero by rounding. The comparison comes last, so nothing waits for it.
        if x < -746.0 { 0.0 } else { y }
    }

    #[inline(always)]
    fn half_exp(self) -> Self {
        let (n, r) = reduce_exp(clamp(self, -746.0, 712.0));
        scale(1.0 + (r + exp_remainder(r)), n.wrapping_sub(1))
    }

    #[inline(always)]
    fn exp2(self) -> Self {
        let x = clamp(self, -1076.0, 1025.0);
        let t = x + ROUND;
        let n = t.to_bits().wrapping_sub(ROUND.to_bits());
        let r = (x - (t - ROUND)) * std::f64::consts::LN_2;
        scale(1.0 + (r + exp_remainder(r)), n)
    }

    #[inline(always)]
    fn quarter_exp_m1(self) -> Self {
        let (n, r) = reduce_exp(clamp(self, -40.0, 710.6));
        let s = pow2(n.wrapping_sub(2));
        // The large terms first: what they round away is less than where the small ones join.
        ((s - 0.25) + s * r) + s * exp_remainder(r)
    }

    /// The sum of $x^k/(k + 2)!$, in pairs; the first term that is left out is below 1.0e-17 of the sum.
    #[inline(always)]
    fn exp_rest(self) -> Self {
        let z = self * self;
        let a = 1.0 / 2.0 + self * (1.0 / 6.0);
        let b = 1.0 / 24.0 + self * (1.0 / 120.0);
        let c = 1.0 / 720.0 + self * (1.0 / 5040.0);
        let d = 1.0 / 40_320.0 + self * (1.0 / 362_880.0);
        let e = 1.0 / 3_628_800.0 + self * (1.0 / 39_916_800.0);
        let f = 1.0 / 479_001_600.0 + self * (1.0 / 6_227_020_800.0);
        let g = 1.0 / 87_178_291_200.0 + self * (1.0 / 1_307_674_368_000.0);
        (((((g * z + f) * z + e) * z + d) * z + c) * z + b) * z + a
    }

    #[inline(always)]
    fn ln(self) -> Self {
        let (k, f) = reduce_ln_full(self);
        ln_edges(self, ln_join(k, f))
    }

    #[inline(always)]
    fn minus_two_ln<const FMA: bool>(self) -> Self {
        let (k, f) = reduce_ln(self);
        // ln(1 + f) = 2 artanh s, minimax: 2⁻⁵² relative.
        let s = f / (2.0 + f);
        let p = even::<FMA>(
            s * s,
            [
                -4.0,
                -1.333_333_333_331_744,
                -0.800_000_001_045_470_1,
                -0.571_428_342_595_938_1,
                -0.444_467_433_709_458_35,
                -0.362_472_848_418_648_1,
                -0.336_396_488_041_189_93,
            ],
        );
        unbias(k, 1023.0).multiply_add::<FMA>(-2.0 * std::f64::consts::LN_2, s * p)
    }

    #[inline(always)]
    fn ln_1p(self) -> Self {
        let u = 1.0 + self;
        let lost = if self < 1.0 { self - (u - 1.0) } else { 1.0 - (u - self) };
        let (k, f) = reduce_ln(u);
        // From 2⁵⁴ on the rounding error of 1 + x is negligible, and its scale might overflow.
        let part = lost * f64::from_bits(2046u64.wrapping_sub(k) << 52);
        let f = f + if self < 18_014_398_509_481_984.0 { part } else { 0.0 };
        let y = ln_edges(u, ln_join(unbias(k, 1023.0), f));
        if self.abs() < 1e-20 { self } else { y }
    }

    #[inline(always)]
    fn ln_1p_unit(self) -> Self {
        // One select, then arithmetic: with k = 0, f = x; with k = 1, 1 + f is half of 1 + x.
        let half = if self > std::f64::consts::SQRT_2 - 1.0 { 0.5 } else { 0.0 };
        ln_join(half + half, (1.0 - half) * self - half)
    }

    #[inline(always)]
    fn log2(self) -> Self {
        // 1/ln 2 in two parts, from FreeBSD's e_log2.c.
        const HI: f64 = 1.442_695_040_721_446_3;
        const LO: f64 = 1.675_171_316_488_651_2e-10;
        let (k, f) = reduce_ln_full(self);
        let (hi, lo) = ln_parts(f);
        let large = hi * HI;
        let sum = k + large;
        let small = (lo + hi) * LO + lo * HI + ((k - sum) + large);
        ln_edges(self, small + sum)
    }

    #[inline(always)]
    fn log10(self) -> Self {
        // 1/ln 10 and log₁₀ 2 in two parts, from FreeBSD's e_log10.c.
        const HI: f64 = 4.342_944_818_781_689e-1;
        const LO: f64 = 2.508_294_671_164_527_5e-11;
        const TWO_HI: f64 = 3.010_299_956_636_117_7e-1;
        const TWO_LO: f64 = 3.694_239_077_158_931e-13;
        let (k, f) = reduce_ln_full(self);
        let (hi, lo) = ln_parts(f);
        let large = hi * HI;
        let exponent = k * TWO_HI;
        let sum = exponent + large;
        let small = k * TWO_LO + (lo + hi) * LO + lo * HI + ((exponent - sum) + large);
        ln_edges(self, small + sum)
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
        // Minimax in x itself: 2⁻⁵⁴ for the cosine, 2⁻⁵⁸ for the sine.
        let z = self * self;
        let cos = even::<FMA>(
            z,
            [
                1.0,
                -1.233_700_550_136_157,
                0.253_669_507_900_052_9,
                -0.020_863_480_737_573_83,
                0.000_919_259_967_759_331_9,
                -2.520_019_241_924_983_4e-5,
                4.656_003_845_271_121_5e-7,
            ],
        );
        let sin = even::<FMA>(
            z,
            [
                std::f64::consts::FRAC_PI_2,
                -0.645_964_097_506_245,
                0.079_692_626_246_062_73,
                -0.004_681_754_132_616_254,
                0.000_160_441_152_598_420_76,
                -3.598_649_340_466_972_6e-6,
                5.634_675_066_090_296_4e-8,
            ],
        );
        (cos, self * sin)
    }

    #[cold]
    fn sin_far(self) -> Self {
        libm::sin(self)
    }

    #[cold]
    fn cos_far(self) -> Self {
        libm::cos(self)
    }
}

//! The logarithms of the gamma and beta functions, and the derivatives of the logarithm of the gamma function.

use crate::numbers::table::HALF_LN_TAU;
use libm::{lgamma, log, log1p, pow, tan, tgamma};
use std::f64::consts::PI;

/// From here on Stirling's series gives double precision.
const STIRLING: f64 = 10.0;

/// The Bernoulli numbers $B_2, B_4, …$
const BERNOULLI: [f64; 10] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
];

/// $\ln(1 + u) - u$ for $u > -1$.
///
/// Near 0, with $r = u/(2 + u)$, it is $2 \operatorname{artanh} r - u = r (2 r^2 S - u)$, where
/// $S = \sum_k r^{2k}/(2k + 3)$; nothing cancels.
pub(super) fn log1pmx(u: f64) -> f64 {
    if u.abs() > 0.5 {
        return log1p(u) - u;
    }
    let r = u / (2.0 + u);
    let y = r * r;
    let series = (0..18).rev().fold(0.0, |sum, k| sum * y + 1.0 / (2 * k + 3) as f64);
    r * (2.0 * y * series - u)
}

/// $\ln Γ(x) - [(x - ½) \ln x - x + ½ \ln 2π]$ for $x ≥ 10$, by Stirling's series.
pub(super) fn stirling_remainder(x: f64) -> f64 {
    let y = 1.0 / (x * x);
    let term = |k: usize| BERNOULLI[k] / ((2 * k + 2) * (2 * k + 1)) as f64;
    (0..9).rev().fold(0.0, |sum, k| sum * y + term(k)) / x
}

/// $\ln Γ(1 + a)$, accurate for the smallest $a$ too.
pub(super) fn ln_gamma_1p(a: f64) -> f64 {
    let u = 1.0 + a;
    // The rounding error of 1 + a, times the derivative.
    let lost = if a < 1.0 { a - (u - 1.0) } else { 1.0 - (u - a) };
    lgamma(u) + lost * digamma(u)
}

/// $ψ(x)$, the derivative of $\ln Γ$.
///
/// Negative $x$ are reflected by $ψ(x) = ψ(1 - x) - π/\tan πx$. From 10 on the asymptotic series is used, and
/// below 10 the recurrence $ψ(x + 1) = ψ(x) + 1/x$ from the interval $[1, 2]$.
pub(super) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return (-f64::INFINITY).copysign(-x);
    }
    if x < 0.0 {
        let part = x - libm::rint(x);
        let pole = part == 0.0 || !x.is_finite();
        return if pole { f64::NAN } else { digamma(1.0 - x) - PI / tan(PI * part) };
    }
    if x >= STIRLING {
        let y = 1.0 / (x * x);
        let term = |k: usize| BERNOULLI[k] / (2 * k + 2) as f64;
        return log(x) - 0.5 / x - y * (0..9).rev().fold(0.0, |sum, k| sum * y + term(k));
    }
    if x < 1.0 {
        return digamma_1_to_2(x + 1.0, x) - 1.0 / x;
    }
    let (mut x, mut sum) = (x, 0.0);
    while x > 2.0 {
        x -= 1.0;
        sum += 1.0 / x;
    }
    sum + digamma_1_to_2(x, x - 1.0)
}

/// $ψ(x + h) - ψ(x)$, accurate for small $h$ if both ends are positive.
///
/// The recurrence raises $x$ to at least 10. There the asymptotic series is subtracted part by part: the logarithm, the
/// reciprocal and the polynomial in $x^{-2}$ each have a difference in which nothing cancels.
pub(super) fn digamma_gap(x: f64, h: f64) -> f64 {
    if h < 0.0 {
        return -digamma_gap(x + h, -h);
    }
    if !(x >= 0.0 && h < f64::INFINITY) {
        return digamma(x + h) - digamma(x);
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < STIRLING {
        sum += h / (x + h) / x;
        x += 1.0;
    }
    let far = x + h;
    let gap = h / (x * far);
    let (near_square, far_square) = (1.0 / (x * x), 1.0 / (far * far));
    // Horner's rule at one point carries along the divided difference to the other; the
    // polynomial has no constant term.
    let (mut polynomial, mut divided) = (0.0, 0.0);
    for k in (0..9).rev() {
        polynomial = polynomial * near_square + BERNOULLI[k] / (2 * k + 2) as f64;
        divided = divided * far_square + polynomial;
    }
    sum + log1p(h / x) + 0.5 * gap + gap * (1.0 / x + 1.0 / far) * divided
}

/// $ψ'(x + h) - ψ'(x)$, accurate for small $h$ if both ends are positive, by the method of [`digamma_gap`].
pub(super) fn trigamma_gap(x: f64, h: f64) -> f64 {
    if h < 0.0 {
        return -trigamma_gap(x + h, -h);
    }
    if !(x > 0.0 && h < f64::INFINITY) {
        return trigamma(x + h) - trigamma(x);
    }
    let (mut x, mut sum) = (x, 0.0);
    while x < STIRLING {
        let far = x + h;
        // 1/far² − 1/x², whose squares might overflow.
        sum -= h / far / x * (1.0 / x + 1.0 / far);
        x += 1.0;
    }
    let far = x + h;
    let (near_inverse, far_inverse) = (1.0 / x, 1.0 / far);
    // Minus the differences of 1/x and of 1/x².
    let gap = h * near_inverse * far_inverse;
    let square_gap = gap * (near_inverse + far_inverse);
    let (near_square, far_square) = (near_inverse * near_inverse, far_inverse * far_inverse);
    // ψ' = 1/x + 1/(2x²) + P(x⁻²)/x with P(y) = Σ B₂ₖ yᵏ.
    let (mut polynomial, mut divided) = (0.0, 0.0);
    for b in BERNOULLI[..9].iter().rev() {
        polynomial = polynomial * near_square + b;
        divided = divided * far_square + polynomial;
    }
    sum - gap * (1.0 + near_square * polynomial) - square_gap * (0.5 + far_inverse * divided)
}

/// $\ln Γ(x + h) - \ln Γ(x)$ for $x ≥ 1$ and $0 ≤ h ≤ 0.1$, as the integral of $ψ$ by the Gauss–Legendre rule of six nodes,
/// whose error is below $10^{-17}h$.
pub(super) fn ln_gamma_gap(x: f64, h: f64) -> f64 {
    const RULE: [[f64; 2]; 3] = [
        [0.238_619_186_083_196_9, 0.467_913_934_572_691],
        [0.661_209_386_466_264_5, 0.360_761_573_048_138_6],
        [0.932_469_514_203_152, 0.171_324_492_379_170_4],
    ];
    let half = 0.5 * h;
    let pair = |[node, weight]: [f64; 2]| {
        weight * (digamma(x + half * (1.0 - node)) + digamma(x + half * (1.0 + node)))
    };
    half * RULE.into_iter().map(pair).sum::<f64>()
}

/// $ψ(x)$ for $1 ≤ x ≤ 2$, with $t = x - 1$ given exactly: $g(Y + P(t)/Q(t))$, where $g$ is the
/// distance to the root in three parts. The rational function is that of Boost
/// (digamma.hpp, 53 bits).
fn digamma_1_to_2(x: f64, t: f64) -> f64 {
    const ROOT: [f64; 3] = [
        1_569_415_565.0 / 1_073_741_824.0,
        381_566_830.0 / 1_073_741_824.0 / 1_073_741_824.0,
        9.016_312_093_258_695e-20,
    ];
    const Y: f64 = 0.995_581_626_892_089_8;
    const P: [f64; 6] = [
        0.254_798_510_611_315_53,
        -0.325_550_311_868_044_9,
        -0.650_318_537_708_965_1,
        -0.289_191_264_447_747_84,
        -0.045_251_321_448_739_06,
        -0.002_071_332_116_774_595,
    ];
    const Q: [f64; 7] = [
        1.0,
        2.076_711_702_373_047,
        1.460_624_290_976_351_6,
        0.435_935_296_926_659_67,
        0.054_151_797_245_674_226,
        0.002_128_498_701_782_114_6,
        -5.578_984_132_167_551e-7,
    ];
    let g = ((x - ROOT[0]) - ROOT[1]) - ROOT[2];
    let horner = |c: &[f64]| c.iter().rev().fold(0.0, |sum, c| sum * t + c);
    g * Y + g * (horner(&P) / horner(&Q))
}

/// $ψ'(x)$. Negative arguments are reflected by $ψ'(x) = π^2/\sin^2 πx - ψ'(1 - x)$.
pub(super) fn trigamma(x: f64) -> f64 {
    if x > 0.0 || x.is_nan() {
        return hurwitz(2.0, x);
    }
    let part = x - libm::rint(x);
    if part == 0.0 {
        return f64::INFINITY;
    }
    let s = PI / libm::sin(PI * part);
    s * s - hurwitz(2.0, 1.0 - x)
}

/// $ψ^{(n)}(x) = (-1)^{n+1} n! ζ(n + 1, x)$ for $n ≤ 170$, from where on $n!$ is not a double.
pub(super) fn polygamma(n: u32, x: f64) -> f64 {
    match n {
        0 => digamma(x),
        1 => trigamma(x),
        _ if n > 170 => f64::NAN,
        _ => {
            let s = n as f64 + 1.0;
            let zeta = if x < 0.0 { hurwitz_left(n + 1, x) } else { hurwitz(s, x) };
            let size = tgamma(s) * zeta;
            if n.is_multiple_of(2) { -size } else { size }
        }
    }
}

/// $ζ(s, x) = \sum_{k ≥ 0} (x + k)^{-s}$ for negative $x$ and a whole $s ≥ 2$.
///
/// With the fractional part $f$ of $x$ the sum over all integers $k$ is $ζ(s, f) + (-1)^s ζ(s, 1 - f)$, and the part
/// of it with $k < 0$ is $(-1)^s ζ(s, 1 - x)$. At a pole the value is infinite for even $s$, and NaN for odd $s$, where
/// the two sides differ.
fn hurwitz_left(s: u32, x: f64) -> f64 {
    let even = s.is_multiple_of(2);
    // Exact, as is the smaller one of f and 1 − f.
    let part = x - libm::rint(x);
    if part == 0.0 || !x.is_finite() {
        return if even && x.is_finite() { f64::INFINITY } else { f64::NAN };
    }
    let [f, rest] = if part > 0.0 { [part, 1.0 - part] } else { [1.0 + part, -part] };
    let s = s as f64;
    // Σ (k − f)^{-s} over k from 1 to the integer above −x.
    let between = hurwitz(s, rest) - hurwitz(s, 1.0 - x);
    hurwitz(s, f) + if even { between } else { -between }
}

/// The sign of $Γ(x)$: between the poles on the left it alternates.
pub(super) fn gamma_sign(x: f64) -> f64 {
    if x == 0.0 {
        1f64.copysign(x)
    } else if x > 0.0 || x.is_nan() {
        x.signum()
    } else if x == x.floor() {
        f64::NAN
    } else if x.floor() % 2.0 == 0.0 {
        1.0
    } else {
        -1.0
    }
}

/// Hurwitz's $ζ(s, q) = \sum_{k ≥ 0} (q + k)^{-s}$ for $s ≥ 2$ and $q ≥ 0$.
///
/// Terms are added until $q ≥ s + 10$. The Euler–Maclaurin formula gives the rest,
/// $\frac{q^{1-s}}{s-1} + ½ q^{-s} + \sum_j \frac{B_{2j}}{(2j)!} s(s+1)⋯(s+2j-2) q^{-s-2j+1}$.
fn hurwitz(s: f64, q: f64) -> f64 {
    let (mut q, mut head) = (q, 0.0);
    // The largest term comes first; when it is infinite, so is the sum.
    while q < s + 10.0 && head < f64::INFINITY {
        head += if s == 2.0 { 1.0 / (q * q) } else { pow(q, -s) };
        q += 1.0;
    }
    let mut factor = 0.5 * s / q;
    let mut tail = 0.5;
    for (j, b) in BERNOULLI.iter().enumerate() {
        tail += b * factor;
        let n = (2 * j + 2) as f64;
        factor *= (s + n - 1.0) * (s + n) / ((n + 1.0) * (n + 2.0) * q * q);
    }
    head + pow(q, 1.0 - s) * (1.0 / (s - 1.0) + tail / q)
}

/// $\ln B(a, b) = \ln Γ(a) + \ln Γ(b) - \ln Γ(a + b)$ for positive $a$ and $b$.
///
/// Large arguments use Stirling's formula, written so that its large parts cancel exactly (as in the
/// SLATEC routine ALBETA, Fullerton 1977).
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let (p, q) = if a < b { (a, b) } else { (b, a) };
    if p < 0.0 || a.is_nan() || b.is_nan() {
        return f64::NAN;
    }
    if p == 0.0 {
        return f64::INFINITY;
    }
    if q == f64::INFINITY {
        return f64::NEG_INFINITY;
    }
    let share = p / (p + q);
    if p >= STIRLING {
        let rest = stirling_remainder(p) + stirling_remainder(q) - stirling_remainder(p + q);
        -0.5 * log(q) + HALF_LN_TAU + rest + (p - 0.5) * log(share) + q * log1p(-share)
    } else if q >= STIRLING {
        let rest = stirling_remainder(q) - stirling_remainder(p + q);
        lgamma(p) + rest + p - p * log(p + q) + (q - 0.5) * log1p(-share)
    } else if p > 1e-300 {
        log(tgamma(p) * (tgamma(q) / tgamma(p + q)))
    } else {
        lgamma(p) + (lgamma(q) - lgamma(p + q))
    }
}

//! Right gradients that are unusual: rare branches, loops, kinks, heavy tails, rejection inside the draw, many draws,
//! dependence on earlier draws.

use super::{Row, right};
use pathscore_autodiff::{Dual, Real};
use pathscore_estimators::Enumerator;
use pathscore_models::RandomSource;
use std::f64::consts::{LN_2, PI};

/// $\sigma(1)$, the probability of the bit.
pub(super) const P: f64 = 0.731_058_578_630_004_9;
/// $\mathrm d/\mathrm d\theta\, E (b - 0.45)^2 = 0.1\, p (1 - p)$ at $\theta = 1$.
pub(super) const BIT: f64 = 0.019_661_193_324_148_184;
/// Probabilities and values of five classes, and the gradient $p_i (f_i - E f)$.
pub(super) const CLASSES: [f64; 5] = [
    0.244_617_119_969_238_77,
    0.121_473_266_832_504_1,
    0.181_216_819_563_897_8,
    0.403_305_448_870_689_1,
    0.049_387_344_763_670_2,
];
pub(super) const VALUES: [f64; 5] = [1.0, -0.5, 2.0, 0.3, -1.0];
pub(super) const SOFTMAX: [f64; 5] = [
    0.093_463_696_774_515_24,
    -0.135_797_201_992_515_33,
    0.250_456_429_106_729_77,
    -0.128_218_229_299_072_12,
    -0.079_904_694_589_657_47,
];
/// The density at one, $\Phi(1)$, and the variance of a normal number of mean one that is positive.
const DENSITY: f64 = 0.241_970_724_519_143_37;
const PHI: f64 = 0.841_344_746_068_542_9;
const TRUNCATED: f64 = 0.629_686_285_776_605_5;

pub(super) fn f(b: bool) -> f64 {
    (f64::from(b) - 0.45).powi(2)
}

/// The score of the logit.
pub(super) fn h(b: bool) -> f64 {
    f64::from(b) - P
}

pub(super) fn score_of_a_bit(source: &mut Enumerator, out: &mut [f64]) {
    let b = source.bernoulli(P);
    out[0] = (f(b) - 0.25) * h(b);
}

/// $z^2$ for a normal number of mean one and standard deviation one, with respect to $\mu$ and $\ln\sigma$.
pub(super) fn path_of_a_normal(source: &mut Enumerator, out: &mut [f64]) {
    let eps = source.normal();
    let z = 1.0 + eps;
    out.copy_from_slice(&[2.0 * z, 2.0 * z * eps]);
}

pub(super) fn leave_one_out<const K: usize>(source: &mut Enumerator, out: &mut [f64]) {
    let bits = [(); K].map(|()| source.bernoulli(P));
    let sum: f64 = bits.iter().map(|&b| f(b)).sum();
    let k = K as f64;
    let one = |&b: &bool| (f(b) - (sum - f(b)) / (k - 1.0)) * h(b);
    out[0] = bits.iter().map(one).sum::<f64>() / k;
}

/// Knuth's product of uniform numbers.
pub(super) fn poisson(lambda: f64, source: &mut Enumerator) -> f64 {
    let (mut n, mut product) = (0.0, source.uniform());
    while product > (-lambda).exp() {
        product *= source.uniform();
        n += 1.0;
    }
    n
}

/// $\mathrm d/\mathrm d\lambda\, E X^2 = E[(X + 1)^2 - X^2]$ at $\lambda = 1.5$.
pub(super) fn poisson_difference(source: &mut Enumerator, out: &mut [f64]) {
    out[0] = 2.0 * poisson(1.5, source) + 1.0;
}

pub(super) fn geometric(p: f64, source: &mut Enumerator) -> f64 {
    let mut n = 0.0;
    while !source.bernoulli(p) {
        n += 1.0;
    }
    n
}

/// A positive normal number of mean one, by rejection.
pub(super) fn positive(source: &mut Enumerator) -> f64 {
    loop {
        let z = 1.0 + source.normal();
        if z > 0.0 {
            return z;
        }
    }
}

/// A gamma number of shape two (Marsaglia and Tsang 2000).
pub(super) fn gamma(source: &mut Enumerator) -> f64 {
    let d = 2.0 - 1.0 / 3.0;
    loop {
        let z = source.normal();
        let v = (1.0 + z / (9.0 * d).sqrt()).powi(3);
        if v > 0.0 && source.uniform().ln() < 0.5 * z * z + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Marsaglia's polar method.
fn polar(source: &mut Enumerator) -> f64 {
    loop {
        let [u, v] = [(); 2].map(|()| 2.0 * source.uniform() - 1.0);
        let s: f64 = u * u + v * v;
        if s > 0.0 && s < 1.0 {
            return u * (-2.0 * s.ln() / s).sqrt();
        }
    }
}

/// Rejection from a double exponential law (von Neumann 1951).
fn rejected(source: &mut Enumerator) -> f64 {
    loop {
        let x = -(1.0 - source.uniform()).ln();
        if source.uniform() < (-0.5 * (x - 1.0).powi(2)).exp() {
            return if source.bernoulli(0.5) { x } else { -x };
        }
    }
}

/// A source that passes on uniform and normal numbers alone.
struct Wrapped<'a>(&'a mut Enumerator);

impl RandomSource for Wrapped<'_> {
    fn uniform(&mut self) -> f64 {
        self.0.uniform()
    }
    fn normal(&mut self) -> f64 {
        self.0.normal()
    }
}

/// The path of $z^2$ from any source of normal numbers.
fn of_noise(noise: fn(&mut Enumerator) -> f64) -> impl FnMut(&mut Enumerator, &mut [f64]) + Clone {
    move |source: &mut Enumerator, out: &mut [f64]| {
        let eps = noise(source);
        out.copy_from_slice(&[2.0 * (1.0 + eps), 2.0 * (1.0 + eps) * eps]);
    }
}

/// Every right gradient.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_bits();
    rows.extend(of_rare_branches());
    rows.extend(of_normals());
    rows.extend(of_loops());
    rows.extend(of_tails());
    rows.extend(of_streams());
    rows
}

fn of_bits() -> Vec<Row> {
    vec![
        right("score", &[BIT], |s, out| {
            let b = s.bernoulli(P);
            out[0] = f(b) * h(b);
        }),
        right("score with a constant baseline", &[BIT], score_of_a_bit),
        right("sum over both values", &[BIT], |_, out| {
            out[0] = P * (1.0 - P) * (f(true) - f(false))
        }),
        right("leave-one-out of 2", &[BIT], leave_one_out::<2>),
        right("leave-one-out of 5", &[BIT], leave_one_out::<5>),
        right("leave-one-out of 16", &[BIT], leave_one_out::<16>),
        right("ARM, split", &[BIT], |s, out| {
            let u = s.uniform_split(&[1.0 - P, P]);
            out[0] = (f(u > 1.0 - P) - f(u < P)) * (u - 0.5);
        }),
        right("ARM", &[BIT], |s, out| {
            let u = s.uniform();
            out[0] = (f(u > 1.0 - P) - f(u < P)) * (u - 0.5);
        }),
        right("DisARM", &[BIT], |s, out| {
            let u = s.uniform();
            let [b, anti] = [1.0 - u < P, u < P];
            let sign = if anti { -1.0 } else { 1.0 };
            out[0] = if b == anti { 0.0 } else { 0.5 * (f(b) - f(anti)) * sign * P };
        }),
        right("difference to the right", &[BIT], |s, out| {
            out[0] = if s.bernoulli(P) { 0.0 } else { P * (f(true) - f(false)) };
        }),
        right("difference to the left", &[BIT], |s, out| {
            out[0] = if s.bernoulli(P) { (1.0 - P) * (f(true) - f(false)) } else { 0.0 };
        }),
        right("a fair bit with weights", &[BIT], |s, out| {
            let b = s.bernoulli(0.5);
            out[0] = 2.0 * (if b { P } else { 1.0 - P }) * f(b) * h(b);
        }),
        right("bits of a wrapped source", &[BIT], |s, out| {
            let b = Wrapped(s).bernoulli(P);
            out[0] = f(b) * h(b);
        }),
        right("softmax score", &SOFTMAX, softmax_score),
        right("one class against another", &SOFTMAX, |s, out| {
            let [i, j] = [(); 2].map(|()| s.categorical(&CLASSES));
            for (k, out) in out.iter_mut().enumerate() {
                let d = |i: usize| f64::from(i == k);
                *out = 0.5 * (VALUES[i] - VALUES[j]) * (d(i) - d(j));
            }
        }),
        right("mixture of two normal laws", &[3.0 * P * (1.0 - P)], |s, out| {
            let b = s.bernoulli(P);
            let z = s.normal() + if b { 2.0 } else { -1.0 };
            out[0] = z * h(b);
        }),
    ]
}

pub(super) fn softmax_score(source: &mut Enumerator, out: &mut [f64]) {
    let class = source.categorical(&CLASSES);
    for (k, out) in out.iter_mut().enumerate() {
        *out = (VALUES[class] - 0.5) * (f64::from(class == k) - CLASSES[k]);
    }
}

fn of_rare_branches() -> Vec<Row> {
    let roulette = |name: &str, p: f64| {
        right(name, &[2.0], move |s, out| {
            let z = 1.0 + s.normal();
            out[0] = z + if s.uniform() < p { 1.0 / p } else { 0.0 };
        })
    };
    let by_bit = |name: &str, p: f64| {
        right(name, &[2.0], move |s, out| {
            let z = 1.0 + s.normal();
            out[0] = z + if s.bernoulli(p) { 1.0 / p } else { 0.0 };
        })
    };
    vec![
        roulette("a branch of 1 in 40", 0.025),
        roulette("a branch of 1 in 1000", 1e-3),
        roulette("a branch of 1 in 10 000", 1e-4),
        roulette("a branch of 1 in a million", 1e-6),
        by_bit("a bit of 1 in 1000", 1e-3),
        by_bit("a bit of 1 in a million", 1e-6),
        right("a branch near one", &[1.0], |s, out| {
            out[0] = if s.uniform() > 1.0 - 1e-5 { 1e5 } else { 0.0 };
        }),
        right("a rare class", &[1.0], |s, out| {
            let class = s.categorical(&[0.5, 0.499, 1e-3]);
            out[0] = if class == 2 { 1000.0 } else { 0.0 };
        }),
        right("nothing but one draw in a thousand", &[1.0], |s, out| {
            out[0] = if s.uniform() < 1e-3 { 1000.0 } else { 0.0 };
        }),
        right("the tail in half of the draws, twice", &[1.0], |s, out| {
            let z = s.normal();
            let seen = z.abs() < 2.0 || s.bernoulli(0.5);
            out[0] = if seen { z * z } else { 0.0 } * if z.abs() < 2.0 { 1.0 } else { 2.0 };
        }),
    ]
}

fn of_normals() -> Vec<Row> {
    vec![
        right("path", &[2.0, 2.0], path_of_a_normal),
        right("score of a normal", &[2.0, 2.0], |s, out| {
            let eps = s.normal();
            let gain = (1.0 + eps).powi(2) - 2.0;
            out.copy_from_slice(&[gain * eps, gain * (eps * eps - 1.0)]);
        }),
        right("weak derivative", &[2.0], |s, out| {
            let w = s.chi(2);
            out[0] = ((1.0 + w).powi(2) - (1.0 - w).powi(2)) / (2.0 * PI).sqrt();
        }),
        right("differences with common numbers", &[2.0], |s, out| {
            let z = 1.0 + s.normal();
            out[0] = ((z + 0.1).powi(2) - (z - 0.1).powi(2)) / 0.2;
        }),
        right("a pair inside the draw", &[2.0, 2.0], |s, out| {
            let eps = s.normal();
            out.copy_from_slice(&[2.0, 2.0 * eps * eps]);
        }),
        right(
            "Box and Muller",
            &[2.0, 2.0],
            of_noise(|s| (-2.0 * (1.0 - s.uniform()).ln()).sqrt() * (2.0 * PI * s.uniform()).cos()),
        ),
        right("polar method", &[2.0, 2.0], of_noise(polar)),
        right("rejection", &[2.0, 2.0], of_noise(rejected)),
        right("sum of squares of a wrapped source", &[2.0, 2.0], of_noise(|s| Wrapped(s).normal())),
        right("half path, half score", &[2.0], |s, out| {
            let (eps, path) = (s.normal(), s.bernoulli(0.5));
            let z = 1.0 + eps;
            out[0] = if path { 2.0 * z } else { z * z * eps };
        }),
        right("sixteen paths", &[2.0, 2.0], |s, out| {
            out.fill(0.0);
            let mut one = [0.0; 2];
            for _ in 0..16 {
                path_of_a_normal(s, &mut one);
                out.iter_mut().zip(one).for_each(|(out, g)| *out += g / 16.0);
            }
        }),
        right("leave-one-out of 4 normals", &[2.0], |s, out| {
            let eps = [(); 4].map(|()| s.normal());
            let gain = eps.map(|eps| (1.0 + eps).powi(2));
            let sum: f64 = gain.iter().sum();
            out[0] = (0..4).map(|k| (gain[k] - (sum - gain[k]) / 3.0) * eps[k] / 4.0).sum();
        }),
        // The quotient is infinity by infinity beyond 6.5 standard deviations: once in forty thousand million draws.
        right("not finite where nobody comes", &[2.0], |s, out| {
            let eps = s.normal();
            out[0] = 2.0 * (1.0 + eps) * eps.exp().exp() / eps.exp().exp();
        }),
        right("kink", &[PHI], |s, out| out[0] = f64::from(1.0 + s.normal() > 0.0)),
        right("absolute value", &[2.0 * PHI - 1.0], |s, out| out[0] = (1.0 + s.normal()).signum()),
        right("step by the score", &[DENSITY], |s, out| {
            let eps = s.normal();
            out[0] = if 1.0 + eps > 0.0 { eps } else { 0.0 };
        }),
        right("step by a weak derivative", &[DENSITY], |s, out| {
            let w = s.chi(2);
            out[0] = (1.0 - f64::from(1.0 - w > 0.0)) / (2.0 * PI).sqrt();
        }),
        right("product of two halves", &[2.0], |s, out| out[0] = 2.0 + s.normal() + s.normal()),
        right("zero at an extremum", &[0.0], |s, out| out[0] = -s.normal().sin()),
        right("halves of the interval", &[0.307_765_958_382_803_74], |s, out| {
            let low = 0.5 * s.uniform();
            out[0] = 0.5 * [low, low + 0.5].map(|u| u * (1.3 * u).cos()).iter().sum::<f64>();
        }),
    ]
}

fn of_loops() -> Vec<Row> {
    vec![
        right("geometric, score", &[-1.0 / 0.09], |s, out| {
            let n = geometric(0.3, s);
            out[0] = n * (1.0 / 0.3 - n / 0.7);
        }),
        right("geometric, difference", &[-1.0 / 0.09], |s, out| {
            out[0] = -geometric(0.3, s) / (0.3 * 0.7);
        }),
        right("Poisson, score", &[4.0], |s, out| {
            let n = poisson(1.5, s);
            out[0] = n * n * (n / 1.5 - 1.0);
        }),
        right("Poisson, difference", &[4.0], poisson_difference),
        right("positive normal", &[TRUNCATED], |s, out| {
            let z = positive(s);
            let mean = 1.0 + DENSITY / PHI;
            out[0] = (z - mean) * (z - mean);
        }),
        right("gamma by rejection", &[1.0], |s, out| {
            let x = gamma(s);
            let digamma = 0.422_784_335_098_467_1;
            out[0] = (x - 2.0) * (x.ln() - digamma);
        }),
        // Σ n θⁿ⁻¹ at θ = 1/2, cut at a random length and weighted.
        right("series by roulette", &[4.0], |s, out| {
            let (mut n, mut sum, mut weight) = (1.0, 1.0, 1.0);
            while s.bernoulli(0.7) {
                (n, weight) = (n + 1.0, weight * 0.5 / 0.7);
                sum += n * weight;
            }
            out[0] = sum;
        }),
        right("a mean of random length", &[2.0], |s, out| {
            let mut sum = 2.0 * (1.0 + s.normal());
            let mut n = 1.0;
            while s.bernoulli(0.5) {
                sum += 2.0 * (1.0 + s.normal());
                n += 1.0;
            }
            out[0] = sum / n;
        }),
    ]
}

fn of_tails() -> Vec<Row> {
    vec![
        right("exponential, path", &[-0.5], |s, out| {
            let x = -(1.0 - s.uniform()).ln() / 2.0;
            out[0] = -x * x;
        }),
        right("exponential, score", &[-0.5], |s, out| {
            let x = -(1.0 - s.uniform()).ln() / 2.0;
            out[0] = x * x * (0.5 - x);
        }),
        right("half an exponential of a normal", &[0.934_122_978_716_111_2], |s, out| {
            out[0] = 0.5 * (0.5 * (1.0 + s.normal())).exp();
        }),
        right("exponential of a normal", &[4.481_689_070_338_064_5], |s, out| {
            out[0] = (1.0 + s.normal()).exp();
        }),
        right("draws of a wider law with weights", &[2.0], |s, out| {
            let z = 2.0 * s.normal();
            let weight = 2.0 * (z * z / 8.0 - (z - 1.0).powi(2) / 2.0).exp();
            out[0] = weight * z * z * (z - 1.0);
        }),
        right("Cauchy", &[-0.236_994_442_773_760_78], |s, out| {
            out[0] = -(0.7 + (PI * (s.uniform() - 0.5)).tan()).sin();
        }),
        right("Student's t with five degrees", &[10.0 / 3.0], |s, out| {
            let (z, chi) = (s.normal(), s.chi(5));
            out[0] = 2.0 * z * z * 5.0 / (chi * chi);
        }),
        right("Laplace", &[1.0], |s, out| {
            let sign = if s.bernoulli(0.5) { 1.0 } else { -1.0 };
            let x = -sign * (1.0 - s.uniform()).ln();
            out[0] = x * x.signum();
        }),
        right("Pareto of infinite variance", &[1.0], |s, out| {
            let size = (1.0 - s.uniform()).powf(-1.0 / 1.8) - 1.0;
            out[0] = 1.0 + if s.bernoulli(0.5) { size } else { -size };
        }),
        right("Gumbel", &[1.0], |s, out| {
            let euler = 0.577_215_664_901_532_9;
            out[0] = 1.0 + euler + (-(1.0 - s.uniform()).ln()).ln();
        }),
        right("a large gradient", &[2e9, 2e9], |s, out| {
            path_of_a_normal(s, out);
            out.iter_mut().for_each(|g| *g *= 1e9);
        }),
        right("by a dual number", &[4.481_689_070_338_064_5], |s, out| {
            let z = Dual { v: 1.0 + s.normal(), d: 1.0 };
            out[0] = Real::exp(z).d;
        }),
        right("half-lives", &[LN_2], |s, out| out[0] = LN_2 * 2.0 * s.uniform()),
    ]
}

/// Draws that depend on earlier ones.
fn of_streams() -> Vec<Row> {
    let (mut mean, mut draws) = (0.0, 0.0);
    let (mut decayed, mut previous) = (0.0, 0.0);
    let (mut mirrored, mut anti): (Option<f64>, Option<f64>) = (None, None);
    let mut turn = 0;
    vec![
        right("running mean used before it is updated", &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            out[0] = (f(b) - mean) * h(b);
            draws += 1.0;
            mean += (f(b) - mean) / draws;
        }),
        right("decaying mean used before it is updated", &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            out[0] = (f(b) - decayed) * h(b);
            decayed = 0.9 * decayed + 0.1 * f(b);
        }),
        right("the last draw for a baseline", &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            out[0] = (f(b) - previous) * h(b);
            previous = f(b);
        }),
        right("mirrored in the next draw", &[2.0], move |s, out| {
            let eps = match mirrored.take() {
                Some(eps) => -eps,
                None => *mirrored.insert(s.normal()),
            };
            out[0] = (1.0 + eps).powi(2) * eps;
        }),
        right("every draw twice", &[BIT], move |s, out| {
            let g = match anti.take() {
                Some(g) => g,
                None => {
                    score_of_a_bit(s, out);
                    *anti.insert(out[0])
                }
            };
            out[0] = g;
        }),
        right("two estimators by turns", &[2.0], move |s, out| {
            let eps = s.normal();
            let z: f64 = 1.0 + eps;
            out[0] = if turn % 2 == 0 { 2.0 * z } else { (z * z - 2.0) * eps };
            turn += 1;
        }),
    ]
}

//! Wrong gradients, each by a mistake of its own. The biases are worked out beside the rows.

use super::right::{
    BIT, CLASSES, P, SOFTMAX, VALUES, f, gamma, geometric, h, leave_one_out, path_of_a_normal,
    poisson, positive, score_of_a_bit, softmax_score,
};
use super::{Row, wrong};
use pathscore_estimators::Enumerator;
use pathscore_models::RandomSource;
use std::f64::consts::PI;

/// Every wrong gradient.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = of_bits();
    rows.extend(of_normals());
    rows.extend(of_loops());
    rows.extend(of_streams());
    rows
}

/// Leave-one-out with a divisor of the mean of the others and a mean that may contain the draw itself.
fn with_mean<const K: usize>(
    own: f64,
    divisor: f64,
) -> impl FnMut(&mut Enumerator, &mut [f64]) + Clone {
    move |source: &mut Enumerator, out: &mut [f64]| {
        let bits = [(); K].map(|()| source.bernoulli(P));
        let sum: f64 = bits.iter().map(|&b| f(b)).sum();
        let one = |&b: &bool| (f(b) - (sum - f(b) + own * f(b)) / divisor) * h(b);
        out[0] = bits.iter().map(one).sum::<f64>() / K as f64;
    }
}

fn of_bits() -> Vec<Row> {
    let bit = |name: &str, bias: f64, draw: fn(&mut Enumerator, &mut [f64])| {
        wrong(name, bias, &[BIT], draw)
    };
    vec![
        bit("half", 0.5, |s, out| {
            score_of_a_bit(s, out);
            out[0] *= 0.5;
        }),
        bit("a thousandth too large", 1e-3, |s, out| {
            score_of_a_bit(s, out);
            out[0] *= 1.001;
        }),
        bit("the sign", 2.0, |s, out| {
            score_of_a_bit(s, out);
            out[0] = -out[0];
        }),
        bit("nothing drawn", 1.0, |_, out| out[0] = 0.0),
        bit("a mean of zero", 1.0, |s, out| out[0] = h(s.bernoulli(P))),
        // E f² h.
        bit("the square of the signal", 0.49, |s, out| {
            let b = s.bernoulli(P);
            out[0] = f(b) * f(b) * h(b);
        }),
        bit("the score of a half", 1.0, |s, out| {
            let b = s.bernoulli(P);
            out[0] = f(b) * (f64::from(b) - 0.5);
        }),
        bit("the signal of another draw", 1.0, |s, out| {
            let [b, other] = [(); 2].map(|()| s.bernoulli(P));
            out[0] = f(other) * h(b);
        }),
        bit("with respect to the probability", 4.0, |s, out| {
            let b = s.bernoulli(P);
            out[0] = f(b) * h(b) / (P * (1.0 - P));
        }),
        bit("a fair bit without weights", 1.0, |s, out| {
            let b = s.bernoulli(0.5);
            out[0] = f(b) * h(b);
        }),
        bit("weights upside down", 1.0, |s, out| {
            let b = s.bernoulli(0.5);
            out[0] = 0.5 / (if b { P } else { 1.0 - P }) * f(b) * h(b);
        }),
        bit("DisARM without its factor", 0.3, |s, out| {
            let u = s.uniform();
            let [b, anti] = [1.0 - u < P, u < P];
            let sign = if anti { -1.0 } else { 1.0 };
            out[0] = if b == anti { 0.0 } else { 0.5 * (f(b) - f(anti)) * sign };
        }),
        bit("ARM with the pair exchanged", 2.0, |s, out| {
            let u = s.uniform();
            out[0] = (f(u < P) - f(u > 1.0 - P)) * (u - 0.5);
        }),
        bit("difference without its divisor", 0.26, |s, out| {
            let b = s.bernoulli(P);
            out[0] = if b { 0.0 } else { P * (1.0 - P) * (f(true) - f(false)) };
        }),
        wrong("own draw in the mean of 2", 0.5, &[BIT], with_mean::<2>(1.0, 2.0)),
        wrong("own draw in the mean of 4", 0.25, &[BIT], with_mean::<4>(1.0, 4.0)),
        wrong("own draw in the mean of 16", 1.0 / 16.0, &[BIT], with_mean::<16>(1.0, 16.0)),
        wrong("own draw in the mean of 3, divided by 2", 0.5, &[BIT], with_mean::<3>(1.0, 2.0)),
        bit("the last of 8 draws is not counted", 0.125, |s, out| {
            let bits = [(); 8].map(|()| s.bernoulli(P));
            out[0] = bits[1..].iter().map(|&b| (f(b) - 0.25) * h(b)).sum::<f64>() / 8.0;
        }),
        bit("sum of 16 instead of their mean", 15.0, |s, out| {
            leave_one_out::<16>(s, out);
            out[0] *= 16.0;
        }),
        // The baseline is the larger signal of two draws, the own among them: times p.
        bit("the largest of two draws for a baseline", 0.26, |s, out| {
            let bits = [(); 2].map(|()| s.bernoulli(P));
            let most = f(bits[0]).max(f(bits[1]));
            out[0] = bits.iter().map(|&b| (f(b) - most) * h(b)).sum::<f64>() / 2.0;
        }),
        wrong("softmax without the mean score", 0.5, &SOFTMAX, |s, out| {
            let class = s.categorical(&CLASSES);
            out.fill(0.0);
            out[class] = VALUES[class];
        }),
        wrong("classes by equal probabilities", 0.1, &SOFTMAX, |s, out| {
            let class = s.categorical(&[0.2; 5]);
            for (k, out) in out.iter_mut().enumerate() {
                *out = VALUES[class] * (f64::from(class == k) - CLASSES[k]);
            }
        }),
        wrong("the last class is never drawn", 0.02, &SOFTMAX, |s, out| {
            loop {
                let class = s.categorical(&CLASSES);
                if class < 4 {
                    for (k, out) in out.iter_mut().enumerate() {
                        *out = VALUES[class] * (f64::from(class == k) - CLASSES[k]);
                    }
                    break;
                }
            }
        }),
        wrong("one component is forgotten", 0.2, &SOFTMAX, |s, out| {
            softmax_score(s, out);
            out[3] = 0.0;
        }),
    ]
}

fn of_normals() -> Vec<Row> {
    vec![
        wrong("with respect to ln σ² for ln σ", 0.35, &[2.0, 2.0], |s, out| {
            path_of_a_normal(s, out);
            out[1] *= 0.5;
        }),
        wrong("the noise of another draw", 0.7, &[2.0, 2.0], |s, out| {
            path_of_a_normal(s, out);
            out[1] = out[0] * s.normal();
        }),
        wrong("uniform noise for normal noise", 0.4, &[2.0, 2.0], |s, out| {
            let eps = 2.0 * s.uniform() - 1.0;
            out.copy_from_slice(&[2.0 * (1.0 + eps), 2.0 * (1.0 + eps) * eps]);
        }),
        // √3 times a uniform number on [−1, 1] has the variance one: the fourth moment gives it away.
        wrong("noise with the right variance alone", 0.1, &[4.0], |s, out| {
            let eps = 3.0_f64.sqrt() * (2.0 * s.uniform() - 1.0);
            out[0] = eps.powi(4) + 1.0;
        }),
        wrong("the path across a step", 1.0, &[0.241_970_724_519_143_37], |s, out| {
            let z = 1.0 + s.normal();
            out[0] = if z.abs() < 1e-12 { 1e12 } else { 0.0 };
        }),
        wrong("a step made smooth", 0.02, &[0.241_970_724_519_143_37], |s, out| {
            let z = 1.0 + s.normal();
            let p = 1.0 / (1.0 + (-z / 0.5).exp());
            out[0] = p * (1.0 - p) / 0.5;
        }),
        // E min(eᶻ, 20) is smaller by the tail beyond three.
        wrong("an exponential that is clipped", 0.05, &[4.481_689_070_338_064_5], |s, out| {
            out[0] = (1.0 + s.normal()).exp().min(20.0);
        }),
        wrong("weights that are clipped at 1", 0.02, &[2.0], |s, out| {
            let z = 2.0 * s.normal();
            let weight = 2.0 * (z * z / 8.0 - (z - 1.0).powi(2) / 2.0).exp();
            out[0] = weight.min(1.0) * z * z * (z - 1.0);
        }),
        wrong("weights that are normalised by two draws", 0.02, &[2.0], |s, out| {
            let z = [(); 2].map(|()| 2.0 * s.normal());
            let w = z.map(|z: f64| (z * z / 8.0 - (z - 1.0).powi(2) / 2.0).exp());
            let sum = w[0] * z[0].powi(2) * (z[0] - 1.0) + w[1] * z[1].powi(2) * (z[1] - 1.0);
            out[0] = sum / (w[0] + w[1]);
        }),
        wrong("different numbers on both sides of a quotient, halved", 0.5, &[2.0], |s, out| {
            let [a, b] = [(); 2].map(|()| s.normal());
            out[0] = ((1.01 + a).powi(2) - (0.99 + b).powi(2)) / 0.02 * 0.5;
        }),
        wrong("one-sided difference", 0.05, &[2.0], |s, out| {
            let z = 1.0 + s.normal();
            out[0] = ((z + 0.1).powi(2) - z * z) / 0.1;
        }),
        wrong("weak derivative without √2π", 0.25, &[2.0], |s, out| {
            let w = s.chi(2);
            out[0] = ((1.0 + w).powi(2) - (1.0 - w).powi(2)) / 2.0;
        }),
        wrong("weak derivative of a normal distance", 0.36, &[2.0], |s, out| {
            let w = s.normal().abs();
            out[0] = ((1.0 + w).powi(2) - (1.0 - w).powi(2)) / (2.0 * PI).sqrt();
        }),
        wrong("a pair that is not mirrored", 0.2, &[2.0], |s, out| {
            let eps = s.normal();
            out[0] = 0.5 * (2.0 * (1.0 + eps) + 2.0 * (1.0 + eps)) * eps.abs();
        }),
        wrong("a mean of squares for the square of a mean", 1.0, &[2.0], |s, out| {
            let z = 1.0 + s.normal();
            out[0] = 2.0 * z * z;
        }),
        wrong("a kink at the wrong place", 0.02, &[0.841_344_746_068_542_9], |s, out| {
            out[0] = f64::from(1.0 + s.normal() > 0.1);
        }),
        wrong("not zero at an extremum", 0.05, &[0.0], |s, out| {
            out[0] = -(0.1 + s.normal()).sin();
        }),
        wrong("half path, half score, weighted twice", 1.0, &[2.0], |s, out| {
            let (eps, path) = (s.normal(), s.bernoulli(0.5));
            let z: f64 = 1.0 + eps;
            out[0] = 2.0 * if path { 2.0 * z } else { z * z * eps };
        }),
        wrong("single precision in the seventh digit", 1e-7, &[2.0], |s, out| {
            out[0] = 2.0 * (1.0 + s.normal()) + 1e-6;
        }),
    ]
}

fn of_loops() -> Vec<Row> {
    vec![
        wrong("geometric without the last trial", 0.1, &[-1.0 / 0.09], |s, out| {
            let n = geometric(0.3, s);
            out[0] = -n / 0.7;
        }),
        wrong("a loop of at most three trials", 0.3, &[-1.0 / 0.09], |s, out| {
            let mut n = 0.0;
            while n < 3.0 && !s.bernoulli(0.3) {
                n += 1.0;
            }
            out[0] = -n / 0.21;
        }),
        wrong("Poisson, off by one", 0.25, &[4.0], |s, out| out[0] = 2.0 * poisson(1.5, s)),
        wrong("the path through a rejected draw", 0.3, &[0.629_686_285_776_605_5], |s, out| {
            positive(s);
            out[0] = 1.0;
        }),
        wrong("gamma, score of the exponential", 0.1, &[1.0], |s, out| {
            let x = gamma(s);
            out[0] = (x - 2.0) * x.ln() * 0.8;
        }),
        wrong("a series that is cut without weights", 0.2, &[4.0], |s, out| {
            let (mut n, mut sum, mut power) = (1.0, 1.0, 1.0);
            while s.bernoulli(0.7) {
                (n, power) = (n + 1.0, power * 0.5);
                sum += n * power;
            }
            out[0] = sum;
        }),
    ]
}

fn of_streams() -> Vec<Row> {
    let (mut mean, mut decayed, mut sum) = (0.0, 0.0, 0.0);
    let (mut draws, mut best, mut warm) = (0.0, f64::NEG_INFINITY, 0);
    vec![
        wrong("running mean updated before its use", 0.5, &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            draws += 1.0;
            mean += (f(b) - mean) / draws;
            out[0] = (f(b) - mean) * h(b);
        }),
        wrong("decaying mean updated before its use", 0.1, &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            decayed = 0.9 * decayed + 0.1 * f(b);
            out[0] = (f(b) - decayed) * h(b);
        }),
        wrong("the sum of all draws", 1.0, &[2.0], move |s, out| {
            sum += 2.0 * (1.0 + s.normal());
            out[0] = sum;
        }),
        wrong("the largest signal so far for a baseline", 1.0, &[BIT], move |s, out| {
            let b = s.bernoulli(P);
            best = f(b).max(best);
            out[0] = (f(b) - best) * h(b);
        }),
        wrong("zero after a warm-up of 2000 draws", 1.0, &[2.0], move |s, out| {
            warm += 1;
            out[0] = if warm > 2000 { 0.0 } else { 2.0 * (1.0 + s.normal()) };
        }),
    ]
}

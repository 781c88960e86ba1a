//! Mistakes with finite choices: antithetic pairs, a relaxed control variate, and ranks.

use super::problems::sigmoid;
use super::specimen::{About, Specimen};
use crate::enumerator::Enumerator;
use crate::proof::{Effect, Expectation, Gradient, Solved};
use pathscore_models::RandomSource;

/// The function of two bits whose mean is differentiated with respect to their logits.
fn of_two([b, c]: [bool; 2]) -> f64 {
    let (b, c) = (f64::from(b), f64::from(c));
    (b + 0.5 * c - 0.45).powi(2) + 0.3 * b * c
}

/// Zoo 27: antithetic pairs of two bits.
///
/// ARM is $(f(b) - f(\tilde b))(u - \frac12)$ with $b = [u > \sigma(-\eta)]$ and $\tilde b = [u < \sigma(\eta)]$; the
/// mistakes are to exchange $b$ and $\tilde b$, and to leave out the factor $\sigma(|\eta|)$ of DisARM.
#[derive(Clone, Copy, Debug)]
pub struct AntitheticPair {
    /// The logits $\eta$.
    pub logits: [f64; 2],
    /// The estimator.
    pub form: AntitheticForm,
}

/// An antithetic estimator, correct or wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AntitheticForm {
    /// ARM.
    Arm,
    /// ARM with $b$ and $\tilde b$ exchanged.
    ArmSwapped,
    /// DisARM.
    DisArm,
    /// DisARM without $\sigma(|\eta|)$.
    DisArmUnscaled,
}

impl Gradient for AntitheticPair {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        use AntitheticForm::{Arm, ArmSwapped, DisArmUnscaled};
        let (mut pair, mut weight) = ([[false; 2]; 2], [0.0; 2]);
        for (i, eta) in self.logits.into_iter().enumerate() {
            let p = sigmoid(eta);
            let least = p.min(1.0 - p);
            if matches!(self.form, Arm | ArmSwapped) {
                let u = source.uniform_split(&[least, 1.0 - least]);
                [pair[0][i], pair[1][i]] = [u > 1.0 - p, u < p];
                weight[i] = u - 0.5;
                continue;
            }
            let half = if self.form == DisArmUnscaled { 0.5 } else { 0.5 * sigmoid(eta.abs()) };
            match source.categorical(&[1.0 - 2.0 * least, least, least]) {
                0 => [pair[0][i], pair[1][i]] = [p > 0.5; 2],
                1 => ([pair[0][i], pair[1][i]], weight[i]) = ([true, false], half),
                _ => ([pair[0][i], pair[1][i]], weight[i]) = ([false, true], -half),
            }
        }
        if self.form == ArmSwapped {
            pair.swap(0, 1);
        }
        let [f, other] = pair.map(of_two);
        out.iter_mut().zip(weight).for_each(|(out, weight)| *out = (f - other) * weight);
        Some(0.5 * (f + other))
    }
}

/// Zoo 28: RELAX without the path through the conditional relaxed sample.
///
/// For one bit of logit $\theta$, with $z = \theta + \mathrm{logit}(u)$, $b = 1_{z \gt 0}$ and $\tilde z$ drawn again
/// given $b$,
/// $$\hat g = (f(b) - c(\tilde z)) \partial\ln p(b) + \partial c(z) - \partial c(\tilde z),$$
/// where $\tilde z$ depends on $\theta$ too. If it is treated as a constant, $E \partial c(\tilde z)$ is added to the
/// gradient.
#[derive(Clone, Copy, Debug)]
pub struct RelaxOneBit {
    /// The logit $\theta$.
    pub logit: f64,
    /// True if the derivative follows the path of $\tilde z$.
    pub conditional_path: bool,
}

/// The function $f$ of one bit.
fn of_one(b: f64) -> f64 {
    (b - 0.45).powi(2)
}

impl RelaxOneBit {
    /// $c(z) = f(\sigma(2z))$ and its derivative.
    fn control(z: f64) -> [f64; 2] {
        let s = sigmoid(2.0 * z);
        [of_one(s), 2.0 * (s - 0.45) * 2.0 * s * (1.0 - s)]
    }

    /// $\tilde z$ given the bit, from a uniform number $v$, and its derivative with respect to $\theta$.
    fn conditional(theta: f64, b: bool, v: f64) -> [f64; 2] {
        let (p, r) = (sigmoid(theta), sigmoid(-theta));
        // u is uniform above 1 − p if b, and below it otherwise; θ + logit u is written without cancellation at the
        // ends.
        if b {
            let u = r + v * p;
            [theta + (u / (p * (1.0 - v))).ln(), 1.0 - r / u]
        } else {
            let over = 1.0 - v * r;
            [theta + (v * r / over).ln(), 1.0 - p / over]
        }
    }
}

impl Gradient for RelaxOneBit {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let (theta, p) = (self.logit, sigmoid(self.logit));
        let u = source.uniform_split(&[1.0 - p]);
        let (z, b) = (theta + (u / (1.0 - u)).ln(), u > 1.0 - p);
        let [relaxed, slope] = Self::conditional(theta, b, source.uniform());
        let [[_, of_z], [c, of_relaxed]] = [z, relaxed].map(Self::control);
        let b = f64::from(b);
        out[0] = (of_one(b) - c) * (b - p) + of_z;
        if self.conditional_path {
            out[0] -= of_relaxed * slope;
        }
        Some(of_one(b))
    }
}

/// Zoo 11: the result of one `argsort` is used as the ranks.
///
/// $\sum_r c_r f_{(r)}$ of three draws, where the lowest has the largest weight, has the gradient $\sum_k c_{r(k)}
/// \nabla f_k$ with $r(k)$ the rank of draw $k$. Sorting gives the order, the inverse permutation of the ranks, which
/// equals them for two draws and not for three (Pyro's `TraceTailAdaptive_ELBO`, issue 3170).
#[derive(Clone, Copy, Debug)]
pub struct RankWeights {
    /// $\mu$ and $\ln\sigma$.
    pub at: [f64; 2],
    /// True if the order is sorted again, which gives the ranks.
    pub sort_twice: bool,
}

impl RankWeights {
    const NOISE: [f64; 4] = [-1.2, -0.4, 0.3, 1.1];
    const WEIGHTS: [f64; 3] = [0.6, 0.3, 0.1];

    /// The noise, the $f$ and the weights of three draws.
    fn draws(at: &[f64], sort_twice: bool, source: &mut Enumerator) -> [[f64; 3]; 3] {
        let eps = [(); 3].map(|()| Self::NOISE[source.categorical(&[0.25; 4])]);
        let f = eps.map(|eps| (at[0] + at[1].exp() * eps - 0.25).powi(2));
        let order = Self::argsort(f);
        let ranks = if sort_twice { Self::argsort(order.map(|k| k as f64)) } else { order };
        [eps, f, ranks.map(|r| Self::WEIGHTS[r])]
    }

    fn argsort(values: [f64; 3]) -> [usize; 3] {
        let mut order = [0, 1, 2];
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        order
    }

    /// $\sum_k c_{r(k)} f_k$.
    fn value(at: &[f64], sort_twice: bool, source: &mut Enumerator) -> f64 {
        let [_, f, weights] = Self::draws(at, sort_twice, source);
        f.iter().zip(weights).map(|(f, c)| c * f).sum()
    }
}

impl Gradient for RankWeights {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let [eps, _, weights] = Self::draws(&self.at, self.sort_twice, source);
        let scale = self.at[1].exp();
        for (eps, c) in eps.into_iter().zip(weights) {
            let slope = 2.0 * c * (self.at[0] + scale * eps - 0.25);
            out[0] += slope;
            out[1] += slope * scale * eps;
        }
        None
    }
}

/// The mistakes with finite choices, each with its problem and its fix.
pub(super) fn specimens() -> Vec<Specimen> {
    let logits = [1.0, -0.7];
    let two_bits = || {
        Expectation::new("two bits: E f", &logits, |at, source| {
            of_two([0, 1].map(|i| source.bernoulli(sigmoid(at[i]))))
        })
    };
    let pair = |form| AntitheticPair { logits, form };
    let relax = RelaxOneBit { logit: 1.0, conditional_path: false };
    let at = [0.5, 0.0];
    vec![
        About {
            number: 11,
            name: "sorted-once",
            wrong: "the order of the draws for their ranks",
            source: "Pyro issue 3170",
            evidence: "argsort instead of ranks",
        }
        .on(
            weighted_ranks(at),
            RankWeights { at, sort_twice: false },
            RankWeights { at, sort_twice: true },
        ),
        About {
            number: 27,
            name: "arm-swapped",
            wrong: "ARM's two arguments of f are exchanged",
            source: "a sign",
            evidence: "the sign is wrong",
        }
        .on(two_bits(), pair(AntitheticForm::ArmSwapped), pair(AntitheticForm::Arm)),
        About {
            number: 27,
            name: "disarm-plain",
            wrong: "DisARM without σ(|η|)",
            source: "a factor",
            evidence: "the factor σ(|θ|) of the logit θ is missing",
        }
        .on(two_bits(), pair(AntitheticForm::DisArmUnscaled), pair(AntitheticForm::DisArm)),
        About {
            number: 28,
            name: "relax-no-path",
            wrong: "RELAX without the path of the conditional draw",
            source: "a detach too many",
            evidence: "+ ∂c(z̃) along the path of the conditional draw",
        }
        .on(one_bit(relax.logit), relax, RelaxOneBit { conditional_path: true, ..relax }),
    ]
}

/// The mean of $\sum_r c_r f_{(r)}$, with the mistake of one `argsort`.
fn weighted_ranks(at: [f64; 2]) -> Solved {
    let ranked = |sort_twice| {
        let value =
            move |at: &[f64], source: &mut Enumerator| RankWeights::value(at, sort_twice, source);
        Solved::of(&Expectation::new("ranks of three", &at, value))
            .expect("a sum over few outcomes is exact")
    };
    let once = ranked(false).truth.gradient;
    ranked(true).with_mistake("argsort instead of ranks, its inverse", Effect::Instead(once))
}

/// The mean of $f(b)$, with the mistake of a constant $\tilde z$.
fn one_bit(logit: f64) -> Solved {
    let one = Expectation::new("one bit: E f", &[logit], |at, source| {
        of_one(f64::from(source.bernoulli(sigmoid(at[0]))))
    });
    let left_out = Expectation::new("E c(z̃)", &[logit], |at, source| {
        let b = source.bernoulli(sigmoid(at[0]));
        let [relaxed, _] = RelaxOneBit::conditional(at[0], b, source.uniform());
        RelaxOneBit::control(relaxed)[0]
    })
    .gradient_at_fixed_probabilities();
    Solved::of(&one)
        .expect("a sum over two outcomes is exact")
        .with_mistake("∂c(z̃) along the path of the conditional draw", Effect::Beside(left_out))
}

//! The Poisson distribution.

use super::{Distribution, Kl, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};

/// The Poisson distribution, $p(n) = \lambda^n e^{-\lambda}/n!$, with the logarithm of its rate $\lambda$ as parameter.
///
/// The mean and the variance are $\lambda$; $\ln p(n) = n \ln\lambda - \lambda - \ln n!$ has the derivative
/// $n - \lambda$ with respect to $\ln\lambda$. No derivative flows through a sample, but there is a weak derivative
/// ([`WeakDerivative`](super::WeakDerivative)).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Poisson};
/// let tape = Tape::new();
/// let counts = Poisson::from_log_rate(tape.leaf(&[2_f64.ln()], [1]));
/// // 2³ e⁻²/3!
/// let log_prob = counts.log_prob(tape.constant(&[3.0], [1])).item();
/// assert!((log_prob.exp() - 8.0 / 6.0 * (-2_f64).exp()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Poisson<'t, F> {
    log_rate: Var<'t, F>,
}

impl<'t, F: Scalar> Poisson<'t, F> {
    /// The distribution with log-rate $\ln\lambda$.
    pub fn from_log_rate(log_rate: Var<'t, F>) -> Self {
        Self { log_rate }
    }

    /// The logarithm of the rate, $\ln\lambda$.
    pub fn log_rate(self) -> Var<'t, F> {
        self.log_rate
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Poisson<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let rates = self.log_rate.detach().exp().value();
        self.log_rate.tape().constant_with(sample_shape(count, self.log_rate), |out| {
            for (n, rate) in out.iter_mut().zip(rates.values().iter().cycle()) {
                *n = F::from_f64(draw(rate.to_f64(), rng));
            }
        })
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        (x * self.log_rate - self.log_rate.exp() - (x + F::ONE).ln_gamma()).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { log_rate: self.log_rate.detach() }
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Poisson<'t, F> {
    /// $\sum \lambda_q (d - 1 + e^{-d})$ with $d = \ln\lambda_q - \ln\lambda_p$, written so that nothing cancels
    /// where the two agree.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let d = self.log_rate - p.log_rate;
        (self.log_rate.exp() * (d + (-d).exp_m1())).sum_axis(-1)
    }
}

/// Up to this rate a sample is found by adding up probabilities. Above it, rejection is cheaper.
const MAX_ENUMERATED_RATE: f64 = 30.0;

/// A sample of the distribution with this rate.
pub(super) fn draw<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    if rate > MAX_ENUMERATED_RATE {
        transformed_rejection(rate, rng)
    } else {
        enumerated_draw(rate, rng)
    }
}

/// Draws a count by inversion, from the list of all counts whose probability changes a sum in double precision.
fn enumerated_draw<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    let mut probs = Vec::with_capacity(32);
    let mut p = (-rate).exp();
    while p > 1e-17 || (probs.len() as f64) < rate {
        probs.push(p);
        p *= rate / probs.len() as f64;
    }
    rng.categorical(&probs) as f64
}

/// Hörmann's transformed rejection with squeeze (1993, algorithm PTRS), for rates above ten.
///
/// The constants are those of the paper. Nine of ten candidates are accepted without a logarithm.
fn transformed_rejection<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let v_r = 0.9277 - 3.6224 / (b - 2.0);
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    loop {
        let u = rng.uniform() - 0.5;
        let v = 1.0 - rng.uniform();
        let us = 0.5 - u.abs();
        let n = ((2.0 * a / us + b) * u + rate + 0.43).floor();
        if us >= 0.07 && v <= v_r {
            return n;
        }
        if n < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        let hat = (v * inverse_alpha / (a / (us * us) + b)).ln();
        if hat <= n * rate.ln() - rate - Real::ln_gamma(n + 1.0) {
            return n;
        }
    }
}

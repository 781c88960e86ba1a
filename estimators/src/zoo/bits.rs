//! Mistakes with bits: antithetic pairs, a relaxed control variate, ranks, and averages where sums belong.

use crate::draw::{Draw, Score};
use crate::enumerator::Enumerator;
use crate::estimator::{Estimator, Query, Work};
use crate::proof::Gradient;
use pathscore_models::RandomSource;
use pathscore_models::dist::{Bernoulli, Kl};
use pathscore_models::latent::LatentModel;

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The function of two bits whose mean is differentiated by their logits.
pub(super) fn of_two([b, c]: [bool; 2]) -> f64 {
    let (b, c) = (f64::from(b), f64::from(c));
    (b + 0.5 * c - 0.45).powi(2) + 0.3 * b * c
}

/// Zoo 27: antithetic pairs of two bits.
///
/// ARM, $(f(b) - f(\tilde b))(u - \frac12)$ with $b = [u > \sigma(-\eta)]$ and $\tilde b = [u < \sigma(\eta)]$, with the two
/// exchanged; and DisARM without the factor $\sigma(|\eta|)$ by which the two differ in probability.
#[derive(Clone, Copy, Debug)]
pub struct AntitheticPair {
    /// $\eta$.
    pub logits: [f64; 2],
    /// Which of the two.
    pub form: AntitheticForm,
}

/// An antithetic estimator, right or wrong.
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
/// For one bit of logit $\theta$, with $z = \theta + \mathrm{logit}\,u$, $b = 1_{z > 0}$ and $\tilde z$ drawn again given $b$,
/// $$\hat g = (f(b) - c(\tilde z))\,\partial\ln p(b) + \partial c(z) - \partial c(\tilde z),$$
/// where $\tilde z$ moves with $\theta$ too. Treated as a constant, $E\,\partial c(\tilde z)$ is too much; nothing shows it but the
/// mean.
#[derive(Clone, Copy, Debug)]
pub struct RelaxOneBit {
    /// $\theta$.
    pub logit: f64,
    /// Whether $\tilde z$ is followed.
    pub conditional_path: bool,
}

/// Where a bit stands from which RELAX begins.
pub(super) fn of_one(b: f64) -> f64 {
    (b - 0.45).powi(2)
}

impl RelaxOneBit {
    /// $c(z) = f(\sigma(2z))$, and its slope.
    pub(super) fn control(z: f64) -> [f64; 2] {
        let s = sigmoid(2.0 * z);
        [of_one(s), 2.0 * (s - 0.45) * 2.0 * s * (1.0 - s)]
    }

    /// $\tilde z$ given the bit, from a uniform number, and its slope.
    pub(super) fn conditional(theta: f64, b: bool, v: f64) -> [f64; 2] {
        let (p, r) = (sigmoid(theta), sigmoid(-theta));
        // u is uniform above 1 − p if b, and below it if not; logit u + θ is put so that no end cancels.
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

/// Zoo 11: ranks by sorting once.
///
/// $\sum_r c_r f_{(r)}$ of three draws, the lowest weighing most, has the gradient $\sum_k c_{r(k)} \nabla f_k$ with $r(k)$
/// the rank of draw $k$. Sorting gives the order, $r^{-1}$, which agrees with it for two draws and not for
/// three (Pyro's `TraceTailAdaptive_ELBO`, issue 3170).
#[derive(Clone, Copy, Debug)]
pub struct RankWeights {
    /// $\mu$ and $\ln\sigma$.
    pub at: [f64; 2],
    /// Whether the order is sorted again.
    pub twice: bool,
}

impl RankWeights {
    const NOISE: [f64; 4] = [-1.2, -0.4, 0.3, 1.1];
    const WEIGHTS: [f64; 3] = [0.6, 0.3, 0.1];

    /// Three draws: their noise, their $f$, and the weight of each.
    fn draws(at: &[f64], twice: bool, source: &mut Enumerator) -> [[f64; 3]; 3] {
        let eps = [(); 3].map(|()| Self::NOISE[source.categorical(&[0.25; 4])]);
        let f = eps.map(|eps| (at[0] + at[1].exp() * eps - 0.25).powi(2));
        let order = Self::sorted(f);
        let place = if twice { Self::sorted(order.map(|k| k as f64)) } else { order };
        [eps, f, place.map(|r| Self::WEIGHTS[r])]
    }

    fn sorted(values: [f64; 3]) -> [usize; 3] {
        let mut order = [0, 1, 2];
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        order
    }

    /// $\sum_k c_{r(k)} f_k$.
    pub(super) fn value(at: &[f64], twice: bool, source: &mut Enumerator) -> f64 {
        let [_, f, weights] = Self::draws(at, twice, source);
        f.iter().zip(weights).map(|(f, c)| c * f).sum()
    }
}

impl Gradient for RankWeights {
    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let [eps, _, weights] = Self::draws(&self.at, self.twice, source);
        let scale = self.at[1].exp();
        for (eps, c) in eps.into_iter().zip(weights) {
            let slope = 2.0 * c * (self.at[0] + scale * eps - 0.25);
            out[0] += slope;
            out[1] += slope * scale * eps;
        }
        None
    }
}

/// Zoo 13: a mean over latents or over pixels where the ELBO has a sum.
///
/// The divergence averaged over the latents, or the likelihood averaged over the pixels against a divergence
/// that is summed: a model that was never posed, and the mistake users report most often.
#[derive(Clone, Copy, Debug, Default)]
pub struct AveragedTerms {
    /// Whether the divergence is averaged.
    pub latents: bool,
    /// Whether the likelihood is.
    pub pixels: bool,
}

impl<M> Estimator<f64, M> for AveragedTerms
where
    M: for<'t> LatentModel<f64, Posterior<'t> = Bernoulli<'t, f64>, Prior<'t> = Bernoulli<'t, f64>>,
{
    fn estimate<R: RandomSource>(
        &self,
        query: Query<f64, M>,
        rng: &mut R,
        work: &mut Work<f64>,
    ) -> f64 {
        let Query { model, params, batch, samples, scale, .. } = query;
        work.tape.clear();
        let Work { tape, grads, .. } = work;
        let x = query.rows(tape);
        let on_tape = params.on(tape);
        let q = model.posterior(on_tape, x);
        let z = <Score as Draw<f64, M>>::draw(&q, samples, rng);
        let fit = model.log_likelihood(on_tape, x, z);
        let log_q = <Score as Draw<f64, M>>::log_probs(model, on_tape, x, &q, z).log_q;
        let divergence = q.kl(&model.prior(on_tape));
        let over = |averaged: bool, size: usize| if averaged { size as f64 } else { 1.0 };
        let share = scale / (samples as f64 * over(self.pixels, x.size() / batch));
        let latents = z.size() / (samples * batch);
        let weights = vec![share; samples * batch];
        let signal: Vec<f64> = fit.with(|fit| fit.iter().map(|f| share * f).collect());
        let against = vec![-scale / over(self.latents, latents); batch];
        tape.pull_into(&[(fit, &weights), (log_q, &signal), (divergence, &against)], &[], grads);
        let total = |fit: &[f64]| fit.iter().sum::<f64>() / samples as f64;
        fit.with(total) - divergence.with(|divergence| divergence.iter().sum::<f64>())
    }
}

//! Unbiased estimates of $\ln p(x)$ and of its gradient: a sum of differences of bounds, cut at random.

use crate::draw::{Draw, Score};
use crate::estimator::{
    Estimator, LogWeights, Query, Work, copy_values, record_stats, require_samples,
};
use crate::target::Target;
use pathscore_autodiff::Scalar;
use pathscore_models::RandomSource;
use pathscore_models::latent::LatentModel;
use std::ops::Range;

/// The multilevel estimate of $\ln p(x)$ (Goda, Hironaka and Iwamoto 2020; Shi and Cornish 2021).
///
/// With $\hat L(S)$ the logarithm of the mean weight of a set of draws, a level $l$ has $2^{l + 1} K$ draws in two halves, and
///
/// $$\Delta_l = \hat L(\text{all}) - \tfrac12\bigl[\hat L(\text{first half}) + \hat L(\text{second half})\bigr].$$
///
/// Its mean is $L_{2^{l+1} K} - L_{2^l K}$, so that $\ln p(x) = L_K + \sum_l E \Delta_l$. The level is drawn with probability
/// $P_l = (1 - r) r^l$, $r = 2^{-5/4}$, and the estimate is $\hat L_K + \Delta_l/P_l$, where $\hat L_K$ is the mean over all sets
/// of $K$ draws that follow each other. Because the halves share their draws with the whole, $E \Delta_l^2$ falls as $4^{-l}$,
/// and the variance and the mean number of draws, $2 K (1 - r)/(1 - 2r) \approx 7.3 K$, are both finite, as long as the
/// weights have enough moments. The number of draws of one estimate is not bounded: one in about $2^{1.25 l}$ has $2^{l + 1} K$.
///
/// The gradient for the model is $\sum_k a_k \nabla \ln p(x, z_k)$ with the derivatives $a_k$ of the estimate by $\ln w_k$;
/// that of $q$ is zero, because $\ln p(x)$ does not depend on $q$. It is unbiased for models whose posterior has parameters of
/// its own. Prefer it to [`Wake`](crate::score::Wake) where the bias of $L_K$ matters more than the variance.
///
/// ```
/// use pathscore_estimators::likelihood::Multilevel;
/// use pathscore_estimators::{Estimator, Query, Work};
/// use pathscore_models::{Params, latent::LinearGaussian, seed};
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let (mut params, mut work) = (Params::<f64>::new(), Work::new());
/// let model = LinearGaussian::new(&mut params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, rng);
/// let query = Query::new(&model, &params, &[1.0], 4);
/// let estimate = |_| Multilevel.estimate(query, rng, &mut work);
/// let mean = (0..4000).map(estimate).sum::<f64>() / 4000.0;
/// // ln p(x) = −1.5411; the standard error of the mean is 0.009.
/// assert!((mean + 1.541102625408).abs() < 0.05);
/// ```
#[doc(alias = "MLMC")]
#[doc(alias = "multilevel Monte Carlo")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Multilevel;

/// Russian roulette on the steps from one bound to the next (Luo et al. 2020, "SUMO").
///
/// $\ln p(x) = L_K + \sum_{t \ge 1} (L_{K + t} - L_{K + t - 1})$. The sum is cut after $T$ terms, and term $t$ is divided by
/// $P(T \ge t)$, which is $1/t$ for $t \le 80$ and falls by a factor $1 - 1/80$ with each further one. The mean is
/// $\ln p(x)$, but the terms fall as fast as the probabilities do: the variance is large, and infinite with the tail $1/t$.
/// It is here to be compared with [`Multilevel`], which costs the same and is stable.
///
/// The gradient is that of [`Multilevel`], with its own $a_k$.
#[doc(alias = "SUMO")]
#[derive(Clone, Copy, Debug, Default)]
pub struct RussianRoulette;

/// $r = 2^{-5/4}$, the probability of going on to the next level. The cost is infinite from $2^{-1}$ on, the variance up to
/// $2^{-2}$, and the fourth moment, on which the error of a variance rests, up to $2^{-4/3}$.
const GO_ON: f64 = 0.420_448_207_626_857_3;

/// The number of terms from which the probability of a further one is constant.
const CONSTANT_FROM: usize = 80;

/// An estimate as a sum of $c \hat L(S)$ over sets $S$ of draws that follow each other.
type Terms = Vec<(Range<usize>, f64)>;

impl Multilevel {
    /// The terms at a level that is drawn.
    fn terms<R: RandomSource>(samples: usize, rng: &mut R) -> Terms {
        let (mut level, mut probability) = (0, 1.0 - GO_ON);
        while rng.bernoulli(GO_ON) {
            level += 1;
            probability *= GO_ON;
        }
        let blocks = 2_usize << level;
        let (half, draws) = (samples * blocks / 2, samples * blocks);
        let block = |block| (block * samples..(block + 1) * samples, 1.0 / blocks as f64);
        let mut terms: Terms = (0..blocks).map(block).collect();
        terms.push((0..draws, 1.0 / probability));
        terms.extend([0..half, half..draws].map(|set| (set, -0.5 / probability)));
        terms
    }
}

/// $P(T \ge t)$.
fn probability_of_term(t: usize) -> f64 {
    let from = CONSTANT_FROM as f64;
    1.0 / t.min(CONSTANT_FROM) as f64
        * (1.0 - 1.0 / from).powi(t.saturating_sub(CONSTANT_FROM) as i32)
}

impl RussianRoulette {
    /// The terms up to one that is drawn.
    fn terms<R: RandomSource>(samples: usize, rng: &mut R) -> Terms {
        let mut terms = vec![(0..samples, 1.0)];
        for t in 1.. {
            let factor = 1.0 / probability_of_term(t);
            terms.extend([(0..samples + t, factor), (0..samples + t - 1, -factor)]);
            if !rng.bernoulli(probability_of_term(t + 1) / probability_of_term(t)) {
                break;
            }
        }
        terms
    }
}

/// The working memory of both estimators.
#[derive(Debug, Default)]
struct Scratch<F> {
    /// $\ln w_k$ of one row.
    log_weights: Vec<F>,
    zeros: Vec<F>,
    cotangents: Vec<F>,
}

/// Draws as often as the terms say, and computes their value and its gradient for the model.
fn estimate<F: Scalar, M: LatentModel<F>, R: RandomSource>(
    terms: &Terms,
    query: Query<F, M>,
    rng: &mut R,
    work: &mut Work<F>,
) -> F {
    let Query { model, params, batch, scale, .. } = query;
    let draws = terms.iter().map(|(set, _)| set.end).max().unwrap_or(0);
    work.tape.clear();
    let Work { tape, grads, stats, log_joint, log_q, scratch, .. } = work;
    let Scratch { log_weights, zeros, cotangents } = scratch.of::<Scratch<F>>();
    let (params, x) = (params.on(tape), query.rows(tape));
    let drawn = <Score as Draw<F, M>>::record(model, params, x, draws, rng);
    copy_values(drawn.log_joint, log_joint);
    copy_values(drawn.log_q, log_q);
    let all = LogWeights::new(draws, batch, log_joint, log_q);
    zeros.clear();
    zeros.resize(draws, F::ZERO);
    cotangents.clear();
    cotangents.resize(draws * batch, F::ZERO);
    let mut value = F::ZERO;
    for b in 0..batch {
        log_weights.clear();
        log_weights.extend((0..draws).map(|k| all.log_weight(k, b)));
        for (set, factor) in terms {
            let (factor, size) = (F::from_f64(*factor), set.len());
            let w = LogWeights::new(size, 1, &log_weights[set.clone()], &zeros[..size]);
            value += factor * w.bound(0);
            let share = w.normalised(0);
            for (k, draw) in set.clone().enumerate() {
                cotangents[draw * batch + b] += scale * factor * share(k);
            }
        }
    }
    tape.pull_into(&[(drawn.log_joint, &cotangents[..])], &[], grads);
    record_stats(stats, batch, value)
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for Multilevel {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        require_samples(query.samples, 1);
        estimate(&Self::terms(query.samples, rng), query, rng, work)
    }
}

impl<F: Scalar, M: LatentModel<F>> Estimator<F, M> for RussianRoulette {
    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        require_samples(query.samples, 1);
        estimate(&Self::terms(query.samples, rng), query, rng, work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers that go on to a level and stop there.
    struct Upto(u32);

    impl RandomSource for Upto {
        fn uniform(&mut self) -> f64 {
            panic!("a level asks for bits alone")
        }
        fn normal(&mut self) -> f64 {
            panic!("a level asks for bits alone")
        }
        fn bernoulli(&mut self, p: f64) -> bool {
            assert_eq!(p, GO_ON);
            self.0 = self.0.wrapping_sub(1);
            self.0 != u32::MAX
        }
    }

    fn log_mean(log_weights: &[f64]) -> f64 {
        (log_weights.iter().map(|f| f.exp()).sum::<f64>() / log_weights.len() as f64).ln()
    }

    /// The mean and the mean square of the differences of a level with one draw, over all values of two bits: the four weights
    /// of a belief network, whose bounds are −2.6887937719, −2.6310187507 and −2.5961660929 with one, two and four draws.
    #[test]
    fn differences_add_up_to_bounds_and_fall_by_four() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let of_bit =
            |logit: f64, bit: f64| if bit > 0.5 { sigmoid(logit) } else { sigmoid(-logit) };
        let outcomes: Vec<(f64, f64)> = (0..4)
            .map(|i| {
                let z = [f64::from(i / 2), f64::from(i % 2)];
                let q = of_bit(0.8, z[0]) * of_bit(-0.5, z[1]);
                let prior = of_bit(0.3, z[0]) * of_bit(-0.4, z[1]);
                let rows =
                    [([1.2, -0.7], -0.2, 1.0), ([0.5, 0.9], 0.1, 0.0), ([-1.1, 0.4], 0.3, 1.0)];
                let likelihood: f64 = rows
                    .iter()
                    .map(|(w, c, x)| of_bit(c + w[0] * z[0] + w[1] * z[1], *x))
                    .product();
                (q, (prior * likelihood / q).ln())
            })
            .collect();
        // The means to the ten digits of the bounds, the squares to three.
        for (level, mean, square) in [
            (0, -2.6310187507 + 2.6887937719, 8.79e-3),
            (1, -2.5961660929 + 2.6310187507, 3.03e-3),
            (2, f64::NAN, 9.39e-4),
            (3, f64::NAN, 2.65e-4),
            (4, f64::NAN, 6.95e-5),
        ] {
            let terms = Multilevel::terms(1, &mut Upto(level));
            let draws = 2_usize << level;
            let whole = &terms[draws..];
            assert_eq!(whole.len(), 3);
            let probability = (1.0 - GO_ON) * GO_ON.powi(level as i32);
            // A difference depends on how often each outcome is in either half, not on the order within a half.
            let halves = counts(draws / 2, &outcomes);
            let (mut first, mut second) = (0.0, 0.0);
            for (p, left) in &halves {
                for (q, right) in &halves {
                    let f = [&left[..], right].concat();
                    let difference: f64 =
                        whole.iter().map(|(set, factor)| factor * log_mean(&f[set.clone()])).sum();
                    first += p * q * difference * probability;
                    second += p * q * (difference * probability).powi(2);
                }
            }
            assert!(mean.is_nan() || (first - mean).abs() < 2e-10, "{level}: {first}");
            assert!((second / square - 1.0).abs() < 2e-3, "{level}: {second}");
        }
    }

    /// The log-weights of `draws` draws in the order of the outcomes, for all numbers of each outcome, with their probabilities.
    fn counts(draws: usize, outcomes: &[(f64, f64)]) -> Vec<(f64, Vec<f64>)> {
        let Some(((p, f), rest)) = outcomes.split_first() else {
            return if draws == 0 { vec![(1.0, Vec::new())] } else { Vec::new() };
        };
        let mut found = Vec::new();
        let mut ways = 1.0;
        for n in 0..=draws {
            for (of_rest, log_weights) in counts(draws - n, rest) {
                let first = vec![*f; n];
                found.push((ways * p.powi(n as i32) * of_rest, [first, log_weights].concat()));
            }
            ways *= (draws - n) as f64 / (n + 1) as f64;
        }
        found
    }

    #[test]
    fn probabilities_of_terms_are_those_of_the_paper() {
        assert_eq!([1, 2, 80].map(probability_of_term), [1.0, 0.5, 1.0 / 80.0]);
        assert_eq!(probability_of_term(82), (1.0 / 80.0) * (79.0_f64 / 80.0).powi(2));
    }
}

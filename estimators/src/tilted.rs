//! Random numbers that show rare outcomes: in some runs one choice comes from a wider law, and the run has a weight.

use pathscore_models::RandomSource;
use pathscore_models::seed::{self, Stream};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The share of runs in which every choice comes from its own law. No weight exceeds the inverse of it.
const NATURAL: f64 = 0.75;

/// The smallest uniform number of the wide law is $2^{-52}$, twice the distance between uniform numbers: only the
/// outermost number at each end is left to the other runs.
const OCTAVES: f64 = 52.0;

/// The standard deviation of the wide law of a normal number.
const WIDE: f64 = 3.0;

/// A defensive mixture (Hesterberg 1995) over the first $M$ choices of a run.
///
/// A run draws all choices from their own laws $p$, or, with probability $1 - \alpha$, one of the first $M$ from a wide
/// law $h_j p$: bits and classes with equal probabilities, uniform numbers log-uniform towards zero or one, and normal
/// numbers three times as wide. The means of a function $g$ under the laws are $E[w g]$ with $w = 1 / (\alpha +
/// \frac{1 - \alpha}{M} \sum_j h_j) \le 1/\alpha$. An outcome that only a uniform number below $10^{-6}$ shows
/// then occurs in about one run of thirteen if $M = 1$, and its weight is small.
#[derive(Debug)]
pub(crate) struct Tilted {
    rng: Xoshiro256PlusPlus,
    /// $M$.
    choices: usize,
    /// The choice that comes from the wide law in this run.
    wide: Option<usize>,
    made: usize,
    /// $\sum_j (h_j - 1)$ over the choices of this run.
    excess: f64,
}

impl Tilted {
    /// The stream `index` of a seed, for runs of about `choices` choices.
    pub(crate) fn new(seed: u64, index: u64, choices: usize) -> Self {
        let rng = seed::rng(seed, Stream::Estimate, index);
        Self { rng, choices, wide: None, made: 0, excess: 0.0 }
    }

    /// Begins a run.
    pub(crate) fn begin(&mut self) {
        (self.made, self.excess, self.wide) = (0, 0.0, None);
        if self.choices > 0 && self.rng.uniform() >= NATURAL {
            let at = self.rng.uniform() * self.choices as f64;
            self.wide = Some((at as usize).min(self.choices - 1));
        }
    }

    /// The number of choices of the run so far.
    pub(crate) fn made(&self) -> usize {
        self.made
    }

    /// $w$, the ratio of the laws' density to that of the mixture.
    pub(crate) fn weight(&self) -> f64 {
        1.0 / (1.0 + (1.0 - NATURAL) * self.excess / self.choices.max(1) as f64)
    }

    /// One choice from its own law or from the wide one; `ratio` is $h_j$.
    fn choose<T>(
        &mut self,
        own: impl FnOnce(&mut Xoshiro256PlusPlus) -> T,
        wide: impl FnOnce(&mut Xoshiro256PlusPlus) -> T,
        ratio: impl FnOnce(&T) -> f64,
    ) -> T {
        let turn = self.wide == Some(self.made);
        let chosen = if turn { wide(&mut self.rng) } else { own(&mut self.rng) };
        if self.made < self.choices {
            self.excess += ratio(&chosen) - 1.0;
        }
        self.made += 1;
        chosen
    }

    pub(crate) fn bernoulli(&mut self, p: f64) -> bool {
        let certain = !(p > 0.0 && p < 1.0);
        self.choose(
            |rng| rng.bernoulli(p),
            |rng| rng.bernoulli(if certain { p } else { 0.5 }),
            |&bit| match certain {
                true => 1.0,
                false => 0.5 / if bit { p } else { 1.0 - p },
            },
        )
    }

    pub(crate) fn categorical(&mut self, probs: &[f64]) -> usize {
        let possible = |p: &&f64| **p > 0.0;
        let equal = 1.0 / probs.iter().filter(possible).count().max(1) as f64;
        self.choose(
            |rng| rng.categorical(probs),
            |rng| {
                let mut left = rng.uniform();
                let class = probs.iter().position(|&p| {
                    left -= if p > 0.0 { equal } else { 0.0 };
                    p > 0.0 && left < 0.0
                });
                class.or_else(|| probs.iter().rposition(|p| *p > 0.0)).unwrap_or(0)
            },
            |&class| match probs.get(class) {
                Some(&p) if p > 0.0 => equal / p,
                _ => 1.0,
            },
        )
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.choose(
            |rng| rng.uniform(),
            |rng| {
                let near = (-OCTAVES * rng.uniform()).exp2();
                // Rounding must not reach one.
                if rng.bernoulli(0.5) { near.min(1.0 - 2f64.powi(-53)) } else { 1.0 - near }
            },
            |&u| {
                let density = |near: f64| match near >= (-OCTAVES).exp2() {
                    true => 1.0 / (near * OCTAVES * std::f64::consts::LN_2),
                    false => 0.0,
                };
                0.5 * (density(u) + density(1.0 - u))
            },
        )
    }

    pub(crate) fn normal(&mut self) -> f64 {
        self.choose(
            |rng| rng.normal(),
            |rng| WIDE * rng.normal(),
            |&z| (0.5 * z * z * (1.0 - 1.0 / (WIDE * WIDE))).exp() / WIDE,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moments::Moments;

    /// The mean of a function of a run, in units of its standard error, less `exact`.
    fn z(exact: f64, choices: usize, run: impl Fn(&mut Tilted) -> f64) -> f64 {
        let (mut source, mut moments) = (Tilted::new(5, 0, choices), Moments::new(1));
        for _ in 0..100_000 {
            source.begin();
            let value = run(&mut source);
            moments.add(&[source.weight() * (value - exact)]);
        }
        moments.mean[0] / (moments.variance(0) / moments.draws).sqrt()
    }

    /// Means under the mixture, weighted, are those of the laws; 4.5 standard errors are exceeded once in 150 000.
    #[test]
    fn weighted_means_are_those_of_the_laws() {
        for choices in [0, 1, 3, 50] {
            let near = |exact: f64, run: fn(&mut Tilted) -> f64| {
                let z = z(exact, choices, run);
                assert!(z.abs() < 4.5, "{choices} choices: {z}");
            };
            near(0.2, |source| f64::from(source.bernoulli(0.2)));
            near(2.3, |source| source.categorical(&[0.1, 0.0, 0.4, 0.5]) as f64);
            near(0.5, |source| source.uniform());
            near(3.0, |source| source.normal().powi(4));
            // The number of choices depends on a choice.
            near(0.5 * 0.2 + 0.5, |source| match source.uniform() < 0.5 {
                true => f64::from(source.bernoulli(0.2)),
                false => source.normal() + 1.0,
            });
        }
    }

    #[test]
    fn what_is_certain_is_drawn_so_and_counts_once() {
        let mut source = Tilted::new(2, 0, 3);
        for _ in 0..1000 {
            source.begin();
            assert!(!source.bernoulli(0.0) && source.bernoulli(1.0));
            assert_eq!(source.categorical(&[0.0, 1.0, 0.0]), 1);
            assert_eq!(source.weight(), 1.0);
        }
    }

    /// Plain draws would need ten million to see the outcome ten times. The standard deviations of one draw are 12 and
    /// 2.8.
    #[test]
    fn rare_outcomes_are_seen_and_their_mean_is_known() {
        for run in [
            |source: &mut Tilted| if source.uniform() < 1e-6 { 1e6 } else { 0.0 },
            |source: &mut Tilted| if source.bernoulli(1e-6) { 1e6 } else { 0.0 },
        ] {
            let (mut source, mut moments) = (Tilted::new(1, 0, 1), Moments::new(1));
            for _ in 0..100_000 {
                source.begin();
                let value = run(&mut source);
                moments.add(&[source.weight() * value]);
            }
            let error = (moments.variance(0) / moments.draws).sqrt();
            assert!(error < 0.06, "{error}");
            assert!((moments.mean[0] - 1.0).abs() < 4.5 * error, "{}", moments.mean[0]);
        }
    }
}

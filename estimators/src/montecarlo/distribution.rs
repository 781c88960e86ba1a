//! The distributions that latents are drawn from.

use super::columns::{Columns, each_column, part, part_mut};
use super::sums;
use pathscore_autodiff::vector::{Aligned, Kernel, Lanes, dispatch, dispatch_kernel, multiply_add};
use pathscore_autodiff::{Real, Scalar};

/// Independent normals $z_i = \mu_i + \sigma_i\varepsilon_i$. The parameters are all $\mu$, then all $\ln\sigma$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaussian<'a> {
    /// $\mu$ of each latent.
    pub mu: &'a [f64],
    /// $\ln\sigma$ of each latent.
    pub log_sigma: &'a [f64],
}

/// Independent bits that are one with probability $\sigma(\eta_i)$. The parameters are the logits $\eta$.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bernoulli<'a> {
    /// $\eta$ of each bit.
    pub logits: &'a [f64],
}

/// A distribution with a score function $\nabla \ln q$: [`Gaussian`] or [`Bernoulli`].
pub trait ScoreFunction: sealed::Sampler {}

impl ScoreFunction for Gaussian<'_> {}
impl ScoreFunction for Bernoulli<'_> {}

pub(super) mod sealed {
    use pathscore_autodiff::vector::{Aligned, Lanes};

    /// The operations of a distribution that the loops over draws are built from.
    pub trait Sampler: Copy + Sync {
        /// The number of latents.
        fn latents(self) -> usize;

        /// The number of parameters.
        fn parameters(self) -> usize;

        /// Computes once, for the `group` draws of a group, the numbers that [`draw`](Self::draw) uses for each latent, and returns
        /// them; those that [`rescale_score`](Self::rescale_score) uses come first.
        fn prepare(self, group: usize, scale: &mut Aligned<f64>) -> &[f64];

        /// Draws rows of $z$, and the noise of each number, of which its scores are functions.
        fn draw(self, scale: &[f64], rng: &mut Lanes, noise: &mut [f64], z: &mut [f64]);

        /// Adds the sums of a block of draws with the values `f`, less a constant.
        fn add_score(self, f: &[f64], noise: &[f64], sums: &mut [f64]);

        /// Converts moments of the summed scores into those of the scores of the parameters.
        fn rescale_score(self, scale: &[f64], mean: &mut [f64], variance: &mut [f64]);
    }
}

use sealed::Sampler;

/// Writes `f` of the numbers, of which there is one at least, at the beginning of `memory`, and copies of them into the rest, whose
/// length is a multiple.
fn repeat(memory: &mut [f64], numbers: &[f64], f: impl Fn(f64) -> f64) {
    let (first, others) = memory.split_at_mut(numbers.len());
    first.iter_mut().zip(numbers).for_each(|(memory, &number)| *memory = f(number));
    others.chunks_exact_mut(first.len()).for_each(|others| others.copy_from_slice(first));
}

/// The moments of numbers multiplied by `factors`, from the moments of the numbers.
pub(super) fn rescale(factors: impl Iterator<Item = f64>, mean: &mut [f64], variance: &mut [f64]) {
    for ((mean, variance), factor) in mean.iter_mut().zip(variance).zip(factors) {
        *mean *= factor;
        *variance *= factor * factor;
    }
}

/// The noise is $\varepsilon$, and the scores are $\varepsilon / \sigma$, which is summed without the divisor, and
/// $\varepsilon^2 - 1$.
impl Sampler for Gaussian<'_> {
    #[track_caller]
    fn latents(self) -> usize {
        let (mu, log_sigma) = (self.mu.len(), self.log_sigma.len());
        assert!(
            mu == log_sigma,
            "a Gaussian has as many means as standard deviations, not {mu} and {log_sigma}"
        );
        mu
    }

    fn parameters(self) -> usize {
        2 * self.mu.len()
    }

    /// All $\sigma$, then all $\mu$.
    fn prepare(self, group: usize, scale: &mut Aligned<f64>) -> &[f64] {
        let width = group * self.mu.len();
        let scale = scale.first(2 * width);
        let (sigma, mu) = scale.split_at_mut(width);
        repeat(sigma, self.log_sigma, Real::exp);
        repeat(mu, self.mu, |mu| mu);
        scale
    }

    fn draw(self, scale: &[f64], rng: &mut Lanes, noise: &mut [f64], z: &mut [f64]) {
        f64::fill_normal(noise, rng);
        let (sigma, mu) = scale.split_at(scale.len() / 2);
        dispatch_kernel(Draws { mu, sigma, noise, z });
    }

    fn add_score(self, f: &[f64], noise: &[f64], sums: &mut [f64]) {
        sums::add_score(
            f,
            noise,
            #[inline(always)]
            |epsilon| [epsilon, epsilon * epsilon - 1.0],
            sums,
        );
    }

    fn rescale_score(self, scale: &[f64], mean: &mut [f64], variance: &mut [f64]) {
        rescale(scale[..self.mu.len()].iter().map(|sigma| 1.0 / sigma), mean, variance);
    }
}

/// Rows of $z = \mu + \sigma\varepsilon$, of groups of draws. The last row may be shorter.
struct Draws<'a> {
    mu: &'a [f64],
    sigma: &'a [f64],
    noise: &'a [f64],
    z: &'a mut [f64],
}

impl Kernel for Draws<'_> {
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        let Self { mu, sigma, noise, z } = self;
        let (noise, last_noise) = noise.split_at(noise.len() - noise.len() % mu.len());
        let (z, last_z) = z.split_at_mut(noise.len());
        each_column::<_, FMA, BYTES>(mu.len(), Draws { mu, sigma, noise, z });
        let (noise, z, mu) = (last_noise, last_z, &mu[..last_noise.len()]);
        each_column::<_, FMA, BYTES>(mu.len(), Draws { mu, sigma, noise, z });
    }
}

impl Columns for Draws<'_> {
    const WIDEST: usize = 32;

    #[inline(always)]
    fn run<const FMA: bool, const W: usize>(&mut self, at: usize) {
        let mu: [f64; W] = *part(self.mu, at);
        let sigma: [f64; W] = *part(self.sigma, at);
        let mut row = 0;
        while row < self.z.len() {
            // Copied before z is written, for the compiler does not know that they lie apart.
            let noise: [f64; W] = *part(self.noise, row + at);
            let z: &mut [f64; W] = part_mut(self.z, row + at);
            row += self.mu.len();
            for j in 0..W {
                z[j] = multiply_add::<FMA, f64>(sigma[j], noise[j], mu[j]);
            }
        }
    }
}

/// The scale is the probability $p$ of a one, and the noise $h - p$ is the score.
impl Sampler for Bernoulli<'_> {
    fn latents(self) -> usize {
        self.logits.len()
    }

    fn parameters(self) -> usize {
        self.logits.len()
    }

    fn prepare(self, group: usize, scale: &mut Aligned<f64>) -> &[f64] {
        let scale = scale.first(group * self.logits.len());
        repeat(scale, self.logits, Real::sigmoid);
        scale
    }

    fn draw(self, scale: &[f64], rng: &mut Lanes, noise: &mut [f64], z: &mut [f64]) {
        f64::fill_uniform(noise, rng);
        dispatch(
            #[inline(always)]
            || {
                for (z, noise) in z.chunks_mut(scale.len()).zip(noise.chunks_mut(scale.len())) {
                    for ((z, noise), &p) in z.iter_mut().zip(noise).zip(scale) {
                        // u < p has probability p exactly at 0 and 1, since u lies in [0, 1).
                        *z = if *noise < p { 1.0 } else { 0.0 };
                        *noise = *z - p;
                    }
                }
            },
        );
    }

    fn add_score(self, f: &[f64], noise: &[f64], sums: &mut [f64]) {
        sums::add_score(
            f,
            noise,
            #[inline(always)]
            |score| [score],
            sums,
        );
    }

    fn rescale_score(self, _: &[f64], _: &mut [f64], _: &mut [f64]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_drawn_from_its_own_column() {
        // Small integers, so that nothing is rounded.
        let numbers = |len: usize, seed: usize| -> Vec<f64> {
            (0..len).map(|i| ((i * 37 + seed) % 101) as f64).collect()
        };
        for columns in 1..80 {
            let (mu, sigma) = (numbers(columns, 1), numbers(columns, 2));
            for len in [0, 1, columns - 1, columns, 3 * columns, 5 * columns + columns / 2] {
                let noise = numbers(len, 3);
                let draw = |run: fn(Draws<'_>)| {
                    let mut z = vec![f64::NAN; len];
                    run(Draws { mu: &mu, sigma: &sigma, noise: &noise, z: &mut z });
                    z
                };
                let each = |i: usize| mu[i % columns] + sigma[i % columns] * noise[i];
                let exact: Vec<f64> = (0..len).map(each).collect();
                assert_eq!(
                    draw(|draws| draws.run::<false, 16>()),
                    exact,
                    "{columns} columns, {len}"
                );
                assert_eq!(
                    draw(|draws| draws.run::<true, 64>()),
                    exact,
                    "{columns} columns, {len}"
                );
            }
        }
    }
}

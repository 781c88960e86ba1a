//! The two estimators, and the memory that they keep.

use super::distribution::sealed::Sampler;
use super::distribution::{Gaussian, ScoreFunction, rescale};
use super::integrand::{Values, ValuesAndGradients};
use super::partition::Partition;
use super::pool::Pool;
use super::sums;
use crate::parallel::for_each_chunk;
use pathscore_autodiff::vector::{Aligned, Lanes};
use pathscore_models::seed::{self, Stream};

/// An estimator of gradients that keeps its memory from call to call.
#[derive(Debug, Default)]
pub struct MonteCarlo {
    idle: Pool<Block>,
    /// The numbers that the distribution has prepared for the draws of a group.
    scale: Aligned<f64>,
    /// Constants near the values and gradients, which are subtracted so that sums of squares lose no digits.
    shift: Aligned<f64>,
    /// The sums of each stream, one after the other.
    sums: Aligned<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// The mean and the variance of the values and of the gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate<'a> {
    /// The mean of $f$; NaN if $f$ is a [`GradientOnly`](super::GradientOnly).
    pub value: f64,
    /// The variance of $f$; NaN if $f$ is a [`GradientOnly`](super::GradientOnly).
    pub value_variance: f64,
    /// The mean of one draw's gradient for each parameter, in the order of the distribution's fields.
    pub mean: &'a [f64],
    /// The variance of one draw's gradient for each parameter, with the divisor $N - 1$.
    pub variance: &'a [f64],
}

/// The memory of one block of draws.
#[derive(Debug, Default)]
struct Block {
    /// The noise of each number of `z`.
    noise: Aligned<f64>,
    z: Aligned<f64>,
    f: Aligned<f64>,
    slope: Aligned<f64>,
}

/// A block of draws, of which `f` and `slope` are still to be computed.
struct Draws<'a> {
    noise: &'a [f64],
    z: &'a [f64],
    f: &'a mut [f64],
    slope: &'a mut [f64],
}

impl Block {
    /// Draws `rows` rows.
    fn draw<L: ScoreFunction>(
        &mut self,
        q: L,
        scale: &[f64],
        rows: usize,
        rng: &mut Lanes,
    ) -> Draws<'_> {
        let len = rows * q.latents();
        let (noise, z) = (self.noise.first(len), self.z.first(len));
        q.draw(scale, rng, noise, z);
        Draws { noise, z, f: self.f.first(rows), slope: self.slope.first(len) }
    }
}

/// The random numbers of a stream.
fn stream(seed: u64, index: usize) -> Lanes {
    seed::lanes(seed, Stream::Estimate, index as u64)
}

impl MonteCarlo {
    /// An estimator without memory; the first call allocates it.
    pub fn new() -> Self {
        Self::default()
    }

    /// The gradient of $E_q f$ with respect to $\mu$ and $\ln\sigma$ along the path of each draw (Kingma and Welling
    /// 2014; Rezende, Mohamed and Wierstra 2014).
    ///
    /// Prefer it wherever $f$ has a gradient: its variance does not grow with the number of latents.
    ///
    /// # Panics
    /// If there are fewer than two draws, no latents, or not as many $\mu$ as $\ln\sigma$.
    #[track_caller]
    pub fn reparam(
        &mut self,
        q: Gaussian<'_>,
        f: &impl ValuesAndGradients,
        draws: usize,
        seed: u64,
    ) -> Estimate<'_> {
        let (latents, parts) = (q.latents(), Partition::new(draws, q.latents()));
        let Self { idle, scale, shift, sums, mean, variance } = self;
        let scale = q.prepare(parts.group, scale);
        // The constants that are subtracted are the value and the gradient of the first draw.
        let width = parts.group * latents;
        let shift = shift.first(2 * width + 1);
        idle.lend(|block| {
            let draws = block.draw(q, scale, parts.rows, &mut stream(seed, 0));
            f.values_and_gradients(draws.z, draws.f, draws.slope);
            let (slope, noise) = (draws.slope, draws.noise);
            let (of_gradient, of_value) = shift.split_at_mut(2 * width);
            let (of_mu, of_log_sigma) = of_gradient.split_at_mut(width);
            for (i, (of_mu, of_log_sigma)) in of_mu.iter_mut().zip(of_log_sigma).enumerate() {
                let i = i % latents;
                *of_mu = slope[i];
                *of_log_sigma = slope[i] * noise[i];
            }
            of_value[0] = draws.f[0];
        });
        let shift = &*shift;
        let size = sums::path_size(width);
        let sums = each_stream(idle, parts, size, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in parts.blocks_of(index) {
                let draws = block.draw(q, scale, rows, rng);
                f.values_and_gradients(draws.z, draws.f, draws.slope);
                sums::add_path(draws.f, draws.slope, draws.noise, shift, sums);
            }
        });
        mean.resize(2 * latents, 0.0);
        variance.resize(2 * latents, 0.0);
        let [value, value_variance] = sums::path_moments(draws, sums, shift, mean, variance);
        // The noise is ε, and the derivative of z with respect to ln σ is σε.
        let (mean_log_sigma, variance_log_sigma) = (&mut mean[latents..], &mut variance[latents..]);
        rescale(scale[..latents].iter().copied(), mean_log_sigma, variance_log_sigma);
        Estimate { value, value_variance, mean, variance }
    }

    /// The gradient of $E_q f$ with respect to the parameters of $q$ through the score, each draw corrected by
    /// the mean value of the others (Williams 1992; Kool, van Hoof and Welling 2019).
    ///
    /// It needs only values of $f$, which may be discontinuous, and works with every [`ScoreFunction`]; its variance
    /// grows with the number of latents.
    ///
    /// # Panics
    /// If there are fewer than two draws, no latents, or not as many $\mu$ as $\ln\sigma$.
    #[track_caller]
    pub fn score<L: ScoreFunction>(
        &mut self,
        q: L,
        f: &impl Values,
        draws: usize,
        seed: u64,
    ) -> Estimate<'_> {
        let parts = Partition::new(draws, q.latents());
        let Self { idle, scale, sums, mean, variance, .. } = self;
        let scale = q.prepare(parts.group, scale);
        // The constant that is subtracted is the value of the first draw.
        let shift = idle.lend(|block| {
            let draws = block.draw(q, scale, parts.rows, &mut stream(seed, 0));
            f.values(draws.z, draws.f);
            draws.f[0]
        });
        let size = sums::score_size(q.parameters());
        let sums = each_stream(idle, parts, size, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in parts.blocks_of(index) {
                let draws = block.draw(q, scale, rows, rng);
                f.values(draws.z, draws.f);
                draws.f.iter_mut().for_each(|f| *f -= shift);
                q.add_score(draws.f, draws.noise, sums);
            }
        });
        mean.resize(q.parameters(), 0.0);
        variance.resize(q.parameters(), 0.0);
        let [value, value_variance] = sums::score_moments(draws, sums, mean, variance);
        q.rescale_score(scale, mean, variance);
        Estimate { value: shift + value, value_variance, mean, variance }
    }
}

/// Runs `work` on every stream, each with memory of `size` numbers of its own, and returns the totals, added in order.
fn each_stream<'a>(
    idle: &Pool<Block>,
    parts: Partition,
    size: usize,
    sums: &'a mut Aligned<f64>,
    work: impl Fn(usize, &mut Block, &mut [f64]) + Sync,
) -> &'a [f64] {
    let sums = sums.first(parts.streams * size);
    for_each_chunk(sums, size, &|index, sums| {
        sums.fill(0.0);
        idle.lend(|block| work(index, block, sums));
    });
    let (first, others) = sums.split_at_mut(size);
    for other in others.chunks_exact(size) {
        first.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
    first
}

//! Gradients of $J = E_{q}[f(z)]$ for a function of many independent normals or bits, at the speed of the machine.
//!
//! Here there is no model and, unless $f$ wants one, no tape: $q$ is a [`Gaussian`] or [`Bernoulli`], $f$ is a
//! function of a block of draws, and what comes back is, for each parameter of $q$, the mean and the variance of one
//! draw's gradient. By the path,
//!
//! $$z = \mu + \sigma\varepsilon, \qquad g^\mu = \nabla f(z), \qquad g^{\ln\sigma} = \nabla f(z)\, \sigma\varepsilon,$$
//!
//! and through the score, with the mean of the other draws for a baseline,
//!
//! $$g_n = \Big(f(z_n) - \frac1{N-1}\sum_{m \ne n} f(z_m)\Big) \nabla \ln q(z_n), \qquad
//!   \nabla_\mu \ln q = \frac{\varepsilon}{\sigma},\quad \nabla_{\ln\sigma} \ln q = \varepsilon^2 - 1,\quad
//!   \nabla_\eta \ln q = h - \sigma(\eta).$$
//!
//! Both are unbiased for the gradient of $J$. The variance is that of the $N$ gradients, divided by $N - 1$. A baseline
//! shared by all draws makes them depend on each other a little, so the variance of the mean is that over $N$ up to
//! a factor $1 + O(1/N)$.
//!
//! ```
//! use pathscore_estimators::montecarlo::{Gaussian, MonteCarlo};
//! // J = E Σ z² = Σ μ² + σ², so ∂J/∂μ = 2μ and ∂J/∂ln σ = 2σ².
//! let q = Gaussian { mu: &[0.5, -1.0], log_sigma: &[0.0, -1.0] };
//! let square = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
//!     for ((z, f), slope) in z.chunks(2).zip(f).zip(slope.chunks_mut(2)) {
//!         *f = z[0] * z[0] + z[1] * z[1];
//!         (slope[0], slope[1]) = (2.0 * z[0], 2.0 * z[1]);
//!     }
//! };
//! let mut monte_carlo = MonteCarlo::new();
//! let path = monte_carlo.reparam(q, &square, 10_000, 0);
//! let exact = [1.0, -2.0, 2.0, 2.0 * (-2.0_f64).exp()];
//! for (i, exact) in exact.into_iter().enumerate() {
//!     let standard_error = (path.variance[i] / 10_000.0).sqrt();
//!     assert!((path.mean[i] - exact).abs() < 5.0 * standard_error);
//! }
//! ```
//!
//! The draws are cut into streams by their number and the number of latents alone. A stream has its own random
//! words, is worked off block by block in the first-level cache, and keeps sums only; the sums are added in order. So the
//! bits are the same for any number of threads: those of the rayon pool in which it is called. Memory is kept, and after
//! the first call with the same sizes nothing is allocated.

mod distribution;
mod integrand;
mod pool;
mod sums;

pub use distribution::{Bernoulli, Gaussian, ScoreFunction};
pub use integrand::{OnTape, Values, ValuesAndGradients, on_tape};

use distribution::sealed::Sampler;
use pathscore_autodiff::vector::{Aligned, Lanes};
use pathscore_models::seed::{self, Stream};
use pool::Pool;

/// Numbers of a block: three arrays of them are in use at once, in a cache of 32 to 48 KB.
const BLOCK: usize = 1600;
/// The most numbers of draws side by side, if they are not of one draw.
const BESIDE: usize = BLOCK / 4;
/// Numbers of the widest vector.
const VECTOR: usize = 8;
/// Numbers of a stream, about, unless there are [`MOST_STREAMS`] of them.
const STREAM: usize = 1 << 16;
/// The most streams: each has sums of its own to keep and to add.
const MOST_STREAMS: usize = 64;

/// Estimates gradients, and keeps the memory for the next.
#[derive(Debug, Default)]
pub struct MonteCarlo {
    idle: Pool<Block>,
    /// $\sigma$ and $\mu$ of each normal, or the probability that a bit is one, for draws side by side.
    scale: Vec<f64>,
    /// What the draws' values and gradients are compared with, so that their squares are not large.
    shift: Aligned<f64>,
    /// The sums of each stream.
    sums: Aligned<f64>,
    mean: Vec<f64>,
    variance: Vec<f64>,
}

/// What was seen of the draws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate<'a> {
    /// The mean of $f$.
    pub value: f64,
    /// The variance of $f$.
    pub value_variance: f64,
    /// The mean of one draw's gradient for each parameter, in the order of the law's fields.
    pub mean: &'a [f64],
    /// The variance of one draw's gradient for each parameter, by $N - 1$.
    pub variance: &'a [f64],
}

/// The memory of one block of draws.
#[derive(Debug, Default)]
struct Block {
    /// What was random of each number of `z`.
    noise: Aligned<f64>,
    z: Aligned<f64>,
    f: Aligned<f64>,
    slope: Aligned<f64>,
}

/// A block of draws.
struct Draws<'a> {
    noise: &'a [f64],
    z: &'a [f64],
    /// To be computed, as is the slope.
    f: &'a mut [f64],
    slope: &'a mut [f64],
}

impl Block {
    /// So many `rows`, drawn anew.
    fn draw<L: ScoreFunction>(
        &mut self,
        law: L,
        scale: &[f64],
        rows: usize,
        rng: &mut Lanes,
    ) -> Draws<'_> {
        let len = rows * law.latents();
        let (noise, z) = (self.noise.first(len), self.z.first(len));
        law.draw(scale, rng, noise, z);
        Draws { noise, z, f: self.f.first(rows), slope: self.slope.first(len) }
    }
}

/// How many draws stand side by side, how many a block has, and how many streams share out the blocks.
#[derive(Clone, Copy, Debug)]
struct Cut {
    draws: usize,
    beside: usize,
    rows: usize,
    blocks: usize,
    streams: usize,
}

impl Cut {
    #[track_caller]
    fn new(draws: usize, latents: usize) -> Self {
        assert!(draws >= 2, "a variance needs at least two draws, not {draws}");
        assert!(latents > 0, "a law needs at least one latent");
        // Loops go over several draws as one, long enough to be worth beginning and without a part of a vector at the end.
        let (mut beside, good) = (1, |numbers| numbers >= 8 * VECTOR && numbers % VECTOR == 0);
        while !good(beside * latents) && 2 * beside * latents <= BESIDE {
            beside *= 2;
        }
        let (rows, unit) = (BLOCK / latents, beside.max(16));
        let rows = if rows < unit { rows.max(1) } else { rows - rows % unit }.min(draws);
        let blocks = draws.div_ceil(rows);
        let streams = (draws * latents).div_ceil(STREAM).min(MOST_STREAMS).min(blocks);
        Self { draws, beside, rows, blocks, streams }
    }

    /// The numbers of draws of the blocks of a stream, which has as many blocks as any other, or one more.
    fn of(self, stream: usize) -> impl Iterator<Item = usize> {
        let first = |stream| stream * self.blocks / self.streams;
        (first(stream)..first(stream + 1))
            .map(move |block| self.rows.min(self.draws - block * self.rows))
    }
}

fn stream(seed: u64, index: usize) -> Lanes {
    seed::lanes(seed, Stream::Estimate, index as u64)
}

impl MonteCarlo {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The gradient of $E_q f$ with respect to $\mu$ and $\ln\sigma$ along the path of each draw (Kingma and Welling
    /// 2014; Rezende, Mohamed and Wierstra 2014).
    ///
    /// With the slope of $f$ at hand it is nearly always the one to take: its variance does not grow with the number of
    /// latents.
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
        let (latents, cut) = (q.latents(), Cut::new(draws, q.latents()));
        q.prepare(cut.beside, &mut self.scale);
        let Self { idle, scale, shift, sums, mean, variance } = self;
        let scale = &scale[..];
        // Every value and gradient is compared with those of the first draw.
        let wide = cut.beside * latents;
        let shift = shift.first(2 * wide + 1);
        idle.lend(|block| {
            let draws = block.draw(q, scale, cut.rows, &mut stream(seed, 0));
            f.values_and_gradients(draws.z, draws.f, draws.slope);
            let (slope, noise) = (&draws.slope[..latents], &draws.noise[..latents]);
            let (of_gradient, of_value) = shift.split_at_mut(2 * wide);
            let (of_mu, of_log_sigma) = of_gradient.split_at_mut(wide);
            for (i, (of_mu, of_log_sigma)) in of_mu.iter_mut().zip(of_log_sigma).enumerate() {
                *of_mu = slope[i % latents];
                *of_log_sigma = slope[i % latents] * noise[i % latents];
            }
            of_value[0] = draws.f[0];
        });
        let shift = &*shift;
        let width = sums::path_width(wide);
        let sums = each_stream(idle, cut, width, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in cut.of(index) {
                let draws = block.draw(q, scale, rows, rng);
                f.values_and_gradients(draws.z, draws.f, draws.slope);
                sums::add_path(draws.f, draws.slope, draws.noise, shift, sums);
            }
        });
        mean.resize(2 * latents, 0.0);
        variance.resize(2 * latents, 0.0);
        let [value, value_variance] = sums::path_moments(draws, sums, shift, mean, variance);
        // The noise is ε, and ln σ moves z by σε.
        let (mean_log_sigma, variance_log_sigma) = (&mut mean[latents..], &mut variance[latents..]);
        distribution::rescale(scale[..latents].iter().copied(), mean_log_sigma, variance_log_sigma);
        Estimate { value, value_variance, mean, variance }
    }

    /// The gradient of $E_q f$ with respect to the parameters of $q$ through the score, each draw corrected by
    /// the mean value of the others (Williams 1992; Kool, van Hoof and Welling 2019).
    ///
    /// It needs values of $f$ only, which may jump, and takes any [`ScoreFunction`]; its variance grows with the number of latents.
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
        let cut = Cut::new(draws, q.latents());
        q.prepare(cut.beside, &mut self.scale);
        let Self { idle, scale, sums, mean, variance, .. } = self;
        let scale = &scale[..];
        // Every value is compared with that of the first draw.
        let shift = idle.lend(|block| {
            let draws = block.draw(q, scale, cut.rows, &mut stream(seed, 0));
            f.values(draws.z, draws.f);
            draws.f[0]
        });
        let width = sums::score_width(q.parameters());
        let sums = each_stream(idle, cut, width, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in cut.of(index) {
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

/// Works off every stream into sums of its own, `width` of them, and adds these up, in order.
fn each_stream<'a>(
    idle: &Pool<Block>,
    cut: Cut,
    width: usize,
    sums: &'a mut Aligned<f64>,
    work: impl Fn(usize, &mut Block, &mut [f64]) + Sync,
) -> &'a [f64] {
    let sums = sums.first(cut.streams * width);
    let run = |(index, sums): (usize, &mut [f64])| {
        sums.fill(0.0);
        idle.lend(|block| work(index, block, sums));
    };
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        // A thread that has nothing left to do takes over one stream at a time.
        sums.par_chunks_mut(width).enumerate().with_max_len(1).for_each(run);
    }
    #[cfg(not(feature = "parallel"))]
    sums.chunks_mut(width).enumerate().for_each(run);
    let (first, others) = sums.split_at_mut(width);
    for other in others.chunks_exact(width) {
        first.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
    first
}

#[cfg(test)]
mod tests;

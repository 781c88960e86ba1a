//! Gradients of $J = E_{q}[f(z)]$ for a function of many independent normals or bits, at the speed of the machine.
//!
//! Here there is no model and, unless $f$ wants one, no tape: $q$ is a [`Gaussian`] or [`Bits`], $f$ is a
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

mod integrand;
mod law;
mod pool;
mod sums;

pub use integrand::{OnTape, Slopes, Values, on_tape};
pub use law::{Bits, Gaussian, Law};

use law::sealed::Drawn;
use pathscore_autodiff::vector::Lanes;
use pathscore_models::seed::{Stream, derive};
use pool::Pool;

/// Numbers of a block: three arrays of them are in use at once, in a cache of 32 to 48 KB.
const BLOCK: usize = 1600;
/// Numbers of a stream, unless there are [`MOST_STREAMS`] of them.
const STREAM: usize = 1 << 16;
/// The most streams: each has sums of its own to keep and to add.
const MOST_STREAMS: usize = 64;

/// Estimates gradients, and keeps the memory for the next.
#[derive(Debug, Default)]
pub struct MonteCarlo {
    idle: Pool<Block>,
    /// $\sigma$ of each normal, or the probability that a bit is one.
    scale: Vec<f64>,
    /// What the draws' values and gradients are compared with, so that their squares are not large.
    shift: Vec<f64>,
    /// The sums of each stream.
    sums: Vec<f64>,
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
    noise: Vec<f64>,
    z: Vec<f64>,
    f: Vec<f64>,
    slope: Vec<f64>,
}

impl Block {
    /// The first `rows` draws of the block, drawn anew.
    fn draw<L: Law>(&mut self, law: L, scale: &[f64], rows: usize, rng: &mut Lanes) {
        let len = rows * law.latents();
        for array in [&mut self.noise, &mut self.z, &mut self.slope] {
            array.resize(len, 0.0);
        }
        self.f.resize(rows, 0.0);
        law.draw(scale, rng, &mut self.noise, &mut self.z);
    }
}

/// How many draws a block and a stream have.
#[derive(Clone, Copy, Debug)]
struct Cut {
    draws: usize,
    rows: usize,
    blocks: usize,
}

impl Cut {
    #[track_caller]
    fn new(draws: usize, latents: usize) -> Self {
        assert!(draws >= 2, "a variance needs at least two draws, not {draws}");
        assert!(latents > 0, "a law needs at least one latent");
        // Sixteen normals are made together.
        let rows = match BLOCK / latents {
            few @ 0..16 => few.max(1),
            many => many - many % 16,
        };
        let rows = rows.min(draws);
        let of_one = STREAM.div_ceil(rows * latents);
        Self { draws, rows, blocks: of_one.max(draws.div_ceil(rows).div_ceil(MOST_STREAMS)) }
    }

    fn streams(self) -> usize {
        self.draws.div_ceil(self.rows * self.blocks)
    }

    /// The numbers of draws of the blocks of a stream.
    fn of(self, stream: usize) -> impl Iterator<Item = usize> {
        let of_one = self.rows * self.blocks;
        let end = self.draws.min((stream + 1) * of_one);
        (stream * of_one..end).step_by(self.rows).map(move |at| self.rows.min(end - at))
    }
}

fn stream(seed: u64, index: usize) -> Lanes {
    Lanes::new(derive(seed, Stream::Estimate, index as u64))
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
        f: &impl Slopes,
        draws: usize,
        seed: u64,
    ) -> Estimate<'_> {
        let (latents, cut) = (q.latents(), Cut::new(draws, q.latents()));
        q.prepare(&mut self.scale);
        let Self { idle, scale, shift, sums, mean, variance } = self;
        let scale = &scale[..];
        let draw = |block: &mut Block, rows: usize, rng: &mut Lanes| {
            block.draw(q, scale, rows, rng);
            f.slopes(&block.z, &mut block.f, &mut block.slope);
        };
        // Every value and gradient is compared with those of the first draw.
        shift.resize(1 + 2 * latents, 0.0);
        idle.lend(|block| {
            draw(block, cut.rows, &mut stream(seed, 0));
            shift[0] = block.f[0];
            let (mu, log_sigma) = shift[1..].split_at_mut(latents);
            mu.copy_from_slice(&block.slope[..latents]);
            for ((shift, slope), epsilon) in log_sigma.iter_mut().zip(mu).zip(&block.noise) {
                *shift = *slope * epsilon;
            }
        });
        let shift = &shift[..];
        let width = sums::path_width(2 * latents);
        each_stream(idle, cut, width, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in cut.of(index) {
                draw(block, rows, rng);
                sums::add_path(&block.f, &block.slope, &block.noise, shift, sums);
            }
        });
        mean.resize(2 * latents, 0.0);
        variance.resize(2 * latents, 0.0);
        let [value, value_variance] =
            sums::path_moments(draws, &sums[..width], shift, mean, variance);
        // The noise is ε, and ln σ moves z by σε.
        let (mean_log_sigma, variance_log_sigma) = (&mut mean[latents..], &mut variance[latents..]);
        law::rescale(scale.iter().copied(), mean_log_sigma, variance_log_sigma);
        Estimate { value, value_variance, mean, variance }
    }

    /// The gradient of $E_q f$ with respect to the parameters of $q$ through the score, each draw corrected by
    /// the mean value of the others (Williams 1992; Kool, van Hoof and Welling 2019).
    ///
    /// It needs values of $f$ only, which may jump, and takes any [`Law`]; its variance grows with the number of latents.
    ///
    /// # Panics
    /// If there are fewer than two draws, no latents, or not as many $\mu$ as $\ln\sigma$.
    #[track_caller]
    pub fn score<L: Law>(
        &mut self,
        q: L,
        f: &impl Values,
        draws: usize,
        seed: u64,
    ) -> Estimate<'_> {
        let cut = Cut::new(draws, q.latents());
        q.prepare(&mut self.scale);
        let Self { idle, scale, sums, mean, variance, .. } = self;
        let scale = &scale[..];
        let draw = |block: &mut Block, rows: usize, rng: &mut Lanes| {
            block.draw(q, scale, rows, rng);
            f.values(&block.z, &mut block.f);
        };
        // Every value is compared with that of the first draw.
        let shift = idle.lend(|block| {
            draw(block, cut.rows, &mut stream(seed, 0));
            block.f[0]
        });
        let width = sums::score_width(q.parameters());
        each_stream(idle, cut, width, sums, |index, block, sums| {
            let rng = &mut stream(seed, index);
            for rows in cut.of(index) {
                draw(block, rows, rng);
                block.f.iter_mut().for_each(|f| *f -= shift);
                q.add_score(&block.f, &block.noise, sums);
            }
        });
        mean.resize(q.parameters(), 0.0);
        variance.resize(q.parameters(), 0.0);
        let [value, value_variance] = sums::score_moments(draws, &sums[..width], mean, variance);
        q.rescale_score(scale, mean, variance);
        Estimate { value: shift + value, value_variance, mean, variance }
    }
}

/// Works off every stream into sums of its own, `width` of them, and adds these up, in order, into the first.
fn each_stream(
    idle: &Pool<Block>,
    cut: Cut,
    width: usize,
    sums: &mut Vec<f64>,
    work: impl Fn(usize, &mut Block, &mut [f64]) + Sync,
) {
    let len = cut.streams() * width;
    sums.resize(sums.len().max(len), 0.0);
    let run = |(index, sums): (usize, &mut [f64])| {
        sums.fill(0.0);
        idle.lend(|block| work(index, block, sums));
    };
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        sums[..len].par_chunks_mut(width).enumerate().for_each(run);
    }
    #[cfg(not(feature = "parallel"))]
    sums[..len].chunks_mut(width).enumerate().for_each(run);
    let (first, others) = sums[..len].split_at_mut(width);
    for other in others.chunks_exact(width) {
        first.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    }
}

#[cfg(test)]
mod tests;

//! Several chains in parallel, and their draws.

use super::convergence::{ess, ess_bulk, rhat, variance};
use super::{Info, Position, Sampler};
use crate::parallel::map;
use pathscore_models::seed::{self, Stream};

/// The options of [`chains`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The number of draws of each chain that are kept.
    pub draws: usize,
    /// The number of transitions before the first of them.
    pub discard: usize,
    /// The number of transitions from one draw to the next.
    pub thin: usize,
    /// The seed. Chain $c$ has the stream of random numbers with index $c$.
    pub seed: u64,
}

impl Default for Options {
    /// A thousand draws after a hundred that are discarded, without thinning.
    fn default() -> Self {
        Self { draws: 1000, discard: 100, thin: 1, seed: 0 }
    }
}

/// The draws of several chains.
#[derive(Clone, Debug, PartialEq)]
pub struct Draws {
    dim: usize,
    /// The draws of each chain, one row of coordinates after another.
    values: Vec<Vec<f64>>,
    infos: Vec<Vec<Info>>,
}

/// A mean of draws with its Monte Carlo error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean over all chains.
    pub mean: f64,
    /// The standard error of the mean: the standard deviation of a draw over the root of `ess`.
    pub standard_error: f64,
    /// The effective number of independent draws.
    pub ess: f64,
}

/// Runs a chain from each of the `positions`, on all threads of the pool, with the same bits for any number of them.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, Options, RandomWalk, chains};
/// let target = FromFn { dim: 2, log_prob: |x: &[f64]| -0.5 * (x[0] * x[0] + x[1] * x[1]) };
/// let options = Options { draws: 500, seed: 3, ..Options::default() };
/// let draws = chains(&RandomWalk::new(1.5), &target, &[vec![-1.0, 0.0], vec![1.0, 0.0]], options);
/// assert_eq!((draws.chains(), draws.draws(), draws.dim()), (2, 500, 2));
/// assert_eq!(draws.draw(1, 10), &draws.chain(1)[20..22]);
/// ```
///
/// # Panics
/// If there is no position, if the positions differ in dimension from each other or from the target, or if `thin` is
/// zero.
pub fn chains<T, S>(sampler: &S, target: &T, positions: &[Vec<f64>], options: Options) -> Draws
where
    T: Sync + ?Sized,
    S: Sampler<T> + Sync,
{
    let Options { draws, discard, thin, seed } = options;
    assert!(!positions.is_empty() && thin > 0, "chains: no positions, or a thinning of zero");
    let dim = positions[0].len();
    assert!(positions.iter().all(|at| at.len() == dim), "chains: positions differ in dimension");
    let run = |_: &mut (), chain: usize| {
        let rng = &mut seed::rng(seed, Stream::Sample, chain as u64);
        let mut state = sampler.init(target, &positions[chain], rng);
        for _ in 0..discard {
            sampler.step(target, &mut state, rng);
        }
        let (mut values, mut infos) = (Vec::with_capacity(draws * dim), Vec::with_capacity(draws));
        for step in 0..draws * thin {
            let info = sampler.step(target, &mut state, rng);
            if (step + 1) % thin == 0 {
                values.extend_from_slice(state.position());
                infos.push(info);
            }
        }
        (values, infos)
    };
    let (values, infos) = map(0..positions.len(), || (), run).into_iter().unzip();
    Draws { dim, values, infos }
}

impl Draws {
    /// The number of chains.
    pub fn chains(&self) -> usize {
        self.values.len()
    }

    /// The number of draws of a chain.
    pub fn draws(&self) -> usize {
        self.infos[0].len()
    }

    /// The number of coordinates.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The draws of a chain: its rows of coordinates, one after another.
    pub fn chain(&self, chain: usize) -> &[f64] {
        &self.values[chain]
    }

    /// The coordinates of a draw.
    pub fn draw(&self, chain: usize, draw: usize) -> &[f64] {
        &self.values[chain][draw * self.dim..][..self.dim]
    }

    /// The facts about the transitions to the draws of a chain. With thinning the transitions between them are not kept.
    pub fn infos(&self, chain: usize) -> &[Info] {
        &self.infos[chain]
    }

    /// A function of each draw, chain by chain.
    pub fn series(&self, f: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
        let of_chain = |c: usize| (0..self.draws()).map(|n| f(self.draw(c, n))).collect();
        (0..self.chains()).map(of_chain).collect()
    }

    /// The mean of a function of the draws with its Monte Carlo error.
    pub fn estimate(&self, f: impl Fn(&[f64]) -> f64) -> Estimate {
        let series = self.series(f);
        let count = (self.chains() * self.draws()) as f64;
        let mean = series.iter().flatten().sum::<f64>() / count;
        let ess = ess(&series);
        Estimate { mean, standard_error: (variance(&series) / ess).sqrt(), ess }
    }

    /// The [`rhat`] of a coordinate.
    pub fn rhat(&self, coordinate: usize) -> f64 {
        rhat(&self.series(|x| x[coordinate]))
    }

    /// The [`ess_bulk`] of a coordinate.
    pub fn ess_bulk(&self, coordinate: usize) -> f64 {
        ess_bulk(&self.series(|x| x[coordinate]))
    }

    /// The mean acceptance probability.
    pub fn acceptance(&self) -> f64 {
        let all = self.infos.iter().flatten();
        let count = (self.chains() * self.draws()) as f64;
        all.map(|info| info.acceptance_probability).sum::<f64>() / count
    }

    /// The number of divergent transitions.
    pub fn divergences(&self) -> usize {
        self.infos.iter().flatten().filter(|info| info.divergent).count()
    }

    /// The number of transitions whose energy error was not finite.
    pub fn non_finite(&self) -> usize {
        self.infos.iter().flatten().filter(|info| info.non_finite).count()
    }

    /// The number of gradients of all transitions that were kept.
    pub fn gradients(&self) -> usize {
        self.infos.iter().flatten().map(|info| info.gradients).sum()
    }
}

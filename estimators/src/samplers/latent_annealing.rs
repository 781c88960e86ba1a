//! Annealed importance sampling of the latents of a model: $\ln p(x)$ of many rows from below, and from above on rows that
//! the model has drawn itself.

mod batch;

use super::{Annealing, LogMeanWeight};
use crate::parallel::map;
use batch::{Batch, Chains};
use pathscore_autodiff::{Scalar, Tape, vector::Lanes};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::{Generative, LatentModel};
use pathscore_models::seed::{self, Stream};
use pathscore_models::{Params, RandomSource};
use std::ops::Range;

pub use batch::Moves;

/// The number of rows whose chains move together; constant, so that the result does not depend on the number of threads.
const ROWS: usize = 5;
/// The share of the steps that the search for step sizes takes, and the fewest that it needs to get from the prior's scale to that
/// of a narrow posterior.
const SEARCH: (usize, usize) = (5, 50);

/// Step sizes to either side, over which one is averaged.
const NEIGHBOURS: usize = 4;

/// Annealed importance sampling (Neal 2001) of the latents of a model along $p(z) p(x \mid z)^\beta$, from the prior at $\beta =
/// 0$ to the posterior at $\beta = 1$, many rows and chains at a time.
///
/// The mean of the weight $w$ of a chain is $p(x)$ itself, for any number of steps. So $\ln \frac1N \sum_i w_i$ of $N$ chains is in
/// the mean at most $\ln p(x)$, and the gap closes as steps and chains grow. If $x$ was drawn from the model together with $z$, that
/// $z$ is an exact draw from the posterior, and chains from it back to the prior have $E w^{-1} = 1/p(x)$: $-\ln \frac1N \sum_i
/// w_i^{-1}$ is in the mean at least $\ln p(x)$ (Grosse, Ghahramani and Adams 2015). No such draw is known for rows of data; the gap of
/// the simulated rows shows how far the lower bound of the data may be trusted, as far as the model describes the data.
///
/// With $\ln p(x \mid z)$ at a chain's position, a step of $\beta$ adds $(\beta_t - \beta_{t-1}) \ln p(x \mid z)$ to $\ln w$.
/// [`Annealing`] does the same for a single chain of any target.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_estimators::samplers::{Annealing, LatentAnnealing, Moves, simulate};
/// use pathscore_models::{Params, Tractable, seed, tractable::Ppca};
/// let mut params = Params::<f64>::new();
/// let model = Ppca::new(&mut params, 3, 1, &mut seed::rng(0, seed::Stream::Init, 0));
/// let (path, moves) = (Annealing::sigmoid(100), Moves::Hmc { leapfrogs: 5 });
/// let annealing = LatentAnnealing { path, chains: 10, moves };
/// let x = [0.5, -1.0, 2.0];
/// let found = annealing.lower_bounds(&model, &params, [1, 3], 0, |_, row, _| row.copy_from_slice(&x), &|_| {});
/// let tape = Tape::new();
/// let exact = model.log_prob(params.on(&tape), tape.constant(&x, [1, 3])).item();
/// assert!((found[0] - exact).abs() < 0.1);
/// // Rows that the model draws: ln p(x) lies between the two, but for chance.
/// let (x, z) = simulate(&model, &params, 20, 0);
/// let both = annealing.both_bounds(&model, &params, 20, (&x, &z), 0, &|_| {});
/// let gap = both.iter().map(|row| row.upper - row.lower).sum::<f64>() / 20.0;
/// assert!((-0.1..0.1).contains(&gap));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "AIS")]
#[doc(alias = "BDMC")]
#[doc(alias = "bidirectional Monte Carlo")]
pub struct LatentAnnealing {
    /// The temperatures $\beta$.
    pub path: Annealing,
    /// The number of chains of each row, $N$.
    pub chains: usize,
    /// The transitions.
    pub moves: Moves,
}

/// Rows that the model draws, and the latents that made them, which are exact draws from their posteriors; both flat.
pub fn simulate<F: Scalar, M: Generative<F>>(
    model: &M,
    params: &Params<F>,
    rows: usize,
    seed: u64,
) -> (Vec<F>, Vec<F>) {
    let tape = Tape::new();
    let source = &mut seed::lanes(seed, Stream::Sample, 0);
    let params = params.on(&tape).detach();
    let z = model.prior(params).sample(rows, source);
    let x = model.sample_data(params, z, source);
    (x.value().values().to_vec(), z.value().values().to_vec())
}

/// Both bounds of $\ln p(x)$ of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BothBounds {
    /// $\ln \frac1N \sum_i w_i$ of chains from the prior, in the mean at most $\ln p(x)$.
    pub lower: f64,
    /// $-\ln \frac1N \sum_i w_i^{-1}$ of chains from an exact draw from the posterior, in the mean at least $\ln p(x)$.
    pub upper: f64,
}

impl LatentAnnealing {
    /// The lower bound $\ln \frac1N \sum_i w_i$ of each of `rows` rows of `columns` columns; `feed` writes a range of rows and
    /// may draw from the generator in its last argument. `done` is called with the lower bounds of rows as they are finished. The
    /// result does not depend on the number of threads.
    ///
    /// # Panics
    /// If there are no chains.
    pub fn lower_bounds<F: Scalar, M: LatentModel<F>>(
        &self,
        model: &M,
        params: &Params<F>,
        [rows, columns]: [usize; 2],
        seed: u64,
        feed: impl Fn(Range<usize>, &mut [F], &mut Lanes) + Sync,
        done: &(dyn Fn(&[f64]) + Sync),
    ) -> Vec<f64> {
        let piece = |_: &mut (), index: usize| {
            let range = index * ROWS..rows.min((index + 1) * ROWS);
            let source = &mut seed::lanes(seed, Stream::Evaluate, index as u64);
            let mut x = vec![F::ZERO; range.len() * columns];
            feed(range.clone(), &mut x, source);
            let mut batch = Batch::new(model, params, &x, [self.chains, range.len()]);
            let steps = self.step_sizes(&mut batch, source, model, params);
            let found = self.forward(&mut batch, &steps, source, model, params);
            done(&found);
            found
        };
        map(0..rows.div_ceil(ROWS), || (), piece).concat()
    }

    /// Both bounds of each of `rows` rows `x`, given an exact draw `z` from the posterior of each, such as those of
    /// [`simulate`]. `done` is called with the lower bounds of rows as they are finished. The result does not depend on the number of
    /// threads.
    ///
    /// # Panics
    /// If there are no chains, or `x` and `z` are not of `rows` rows of the model.
    pub fn both_bounds<F: Scalar, M: LatentModel<F>>(
        &self,
        model: &M,
        params: &Params<F>,
        rows: usize,
        (x, z): (&[F], &[F]),
        seed: u64,
        done: &(dyn Fn(&[f64]) + Sync),
    ) -> Vec<BothBounds> {
        let [columns, latents] = [x, z].map(|all| all.len() / rows.max(1));
        let fit = [x.len(), z.len()] == [rows * columns, rows * latents];
        assert!(fit, "annealing: {} values and {} latents of {rows} rows", x.len(), z.len());
        let piece = |_: &mut (), index: usize| {
            let range = index * ROWS..rows.min((index + 1) * ROWS);
            let part =
                |all: &[F], width: usize| all[range.start * width..range.end * width].to_vec();
            let source = &mut seed::lanes(seed, Stream::Evaluate, index as u64);
            let mut batch =
                Batch::new(model, params, &part(x, columns), [self.chains, range.len()]);
            let steps = self.step_sizes(&mut batch, source, model, params);
            let lower = self.forward(&mut batch, &steps, source, model, params);
            let mut chains = Chains::new(&mut batch, part(z, latents).repeat(self.chains));
            for (t, pair) in self.path.betas().windows(2).enumerate().rev() {
                chains.step(&mut batch, self.moves, (pair[1], &steps[t]), true, source);
                chains.add_weight(pair[1] - pair[0]);
            }
            let negated: Vec<f64> = chains.log_weights.iter().map(|w| -w).collect();
            let upper = means(&negated, range.len()).into_iter().map(|mean| -mean);
            done(&lower);
            let both = lower.into_iter().zip(upper);
            both.map(|(lower, upper)| BothBounds { lower, upper }).collect::<Vec<_>>()
        };
        map(0..rows.div_ceil(ROWS), || (), piece).concat()
    }

    /// The bounds of chains from the prior. The last transition, after the last weight, is not made.
    fn forward<F: Scalar, M: LatentModel<F>>(
        &self,
        batch: &mut Batch<F>,
        steps: &[Vec<f64>],
        source: &mut Lanes,
        model: &M,
        params: &Params<F>,
    ) -> Vec<f64> {
        let mut chains = Chains::new(batch, prior_draws(model, params, batch.count(), source));
        let betas = self.path.betas();
        for (t, pair) in betas.windows(2).enumerate() {
            chains.add_weight(pair[1] - pair[0]);
            if t + 2 < betas.len() {
                chains.step(batch, self.moves, (pair[1], &steps[t]), false, source);
            }
        }
        means(&chains.log_weights, batch.rows())
    }

    /// The step size of every row for the transition after each step of $\beta$, from chains of their own: a row's step size grows
    /// where more than the aim of its proposals would be accepted, and falls where fewer would.
    fn step_sizes<F: Scalar, M: LatentModel<F>>(
        &self,
        batch: &mut Batch<F>,
        source: &mut Lanes,
        model: &M,
        params: &Params<F>,
    ) -> Vec<Vec<f64>> {
        let betas = self.path.betas();
        let steps = betas.len() - 1;
        if self.moves == Moves::GibbsBits {
            return vec![Vec::new(); steps];
        }
        let searched = steps.div_ceil(SEARCH.0).max(SEARCH.1.min(steps));
        let mut chains = Chains::new(batch, prior_draws(model, params, batch.count(), source));
        let mut now = vec![batch::FIRST_STEP_SIZE; batch.rows()];
        let mut found = Vec::with_capacity(searched);
        for s in 1..=searched {
            let beta = betas[(s * steps).div_ceil(searched)];
            let acceptance = chains.step(batch, self.moves, (beta, &now), false, source);
            now.iter_mut().zip(acceptance).for_each(|(step, a)| *step *= batch::adapted(a));
            found.push(now.clone());
        }
        // A single search is noisy: the geometric mean of neighbours is less so.
        let smooth = |s: usize| -> Vec<f64> {
            let near = &found[s.saturating_sub(NEIGHBOURS)..searched.min(s + NEIGHBOURS + 1)];
            let mean = |row: usize| {
                let logs = near.iter().map(|steps| steps[row].ln()).sum::<f64>();
                (logs / near.len() as f64).exp()
            };
            (0..batch.rows()).map(mean).collect()
        };
        let found: Vec<Vec<f64>> = (0..searched).map(smooth).collect();
        (0..steps).map(|t| found[((t + 1) * searched).div_ceil(steps) - 1].clone()).collect()
    }
}

/// Draws from the prior, flat.
fn prior_draws<F: Scalar, M: LatentModel<F>>(
    model: &M,
    params: &Params<F>,
    count: usize,
    source: &mut impl RandomSource,
) -> Vec<F> {
    let tape = Tape::new();
    model.prior(params.on(&tape).detach()).sample(count, source).value().values().to_vec()
}

/// $\ln \frac1N \sum_i e^{l_i}$ over the chains of each row; chains lie one after another, each with all rows.
fn means(log_weights: &[f64], rows: usize) -> Vec<f64> {
    let of =
        |row: usize| -> Vec<f64> { log_weights.iter().skip(row).step_by(rows).copied().collect() };
    (0..rows).map(|row| LogMeanWeight::of(&of(row)).value).collect()
}

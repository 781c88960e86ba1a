//! Expectation maximisation with an E step by Markov chains.

use super::posterior_chains::restarted;
use crate::parallel::map;
use crate::samplers::{LatentPosterior, MetropolisState, Position, Sampler};
use pathscore_autodiff::{Error, Scalar};
use pathscore_models::latent::Decoder;
use pathscore_models::seed::{self, Stream, derive};
use pathscore_models::tractable::Ppca;
use pathscore_models::{Params, RandomSource};

/// Monte Carlo EM (Wei and Tanner 1990) for [`Ppca`]: the moments of the posterior are means over Markov chains, one for each
/// row, which continue from step to step, and the M step is exact ([`Ppca::m_step`]).
///
/// With a constant number of draws the parameters do not converge: they vary about the maximum with a variance of the order
/// $1/(N \cdot \mathrm{draws})$. The *stochastic approximation* of EM (Delyon, Lavielle and Moulines 1999) keeps a running mean of
/// the moments, $m \leftarrow m + \gamma_t (\hat m_t - m)$ with a gain $\gamma_t$ that falls as $t^{-1}$ or more slowly, and converges.
/// [`MonteCarloEm::step`] takes the gain; one is plain Monte Carlo EM.
///
/// The chains are warm starts: each step leaves the posterior at its own parameters invariant (see
/// [`PosteriorChains`](super::PosteriorChains)). Rows are shared out among the threads of the pool, with the same bits for any number of
/// them.
///
/// It is a demonstration on a model whose posterior is known, where it can be compared with EM; where the posterior is *not*
/// known but the M step is, it is the method.
///
/// ```
/// use pathscore_estimators::{likelihood::MonteCarloEm, samplers::Mala};
/// use pathscore_models::{Params, seed, tractable::Ppca};
/// let x = [2.0, 1.3, 0.6, -2.0, -1.1, 0.9, 0.9, 1.8, -0.7, -0.8, -1.9, -0.9];
/// let mut params = Params::<f64>::new();
/// let model = Ppca::new(&mut params, 3, 1, &mut seed::rng(0, seed::Stream::Init, 0));
/// let best = model.closed_form(&mut params.clone(), &x, 4)?;
/// let mut em = MonteCarloEm::new(Mala::new(0.6), 20, 0);
/// for t in 0..200 {
///     em.step(&model, &mut params, &x, 4, 1.0 / (1.0 + f64::from(t).max(50.0) - 50.0))?;
/// }
/// // The random walk of the parameters ends near the maximum.
/// # use pathscore_autodiff::Tape;
/// # use pathscore_models::Tractable;
/// let tape = Tape::new();
/// let found = model.log_prob(params.on(&tape), tape.constant(&x, [4, 3])).mean().item();
/// assert!(found < best && best - found < 0.05, "{found} {best}");
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[doc(alias = "MCEM")]
#[doc(alias = "SAEM")]
#[derive(Clone, Debug)]
pub struct MonteCarloEm<S> {
    /// The transition of the chains.
    pub sampler: S,
    /// The transitions of each chain in a step, each of which is a draw.
    pub draws: usize,
    /// The seed of the random numbers.
    pub seed: u64,
    steps: u64,
    /// The positions of the chains, row by row; empty before the first step.
    positions: Vec<f64>,
    /// $E[z_n]$ of each row.
    mean: Vec<f64>,
    /// The mean over the rows of $E[z_n z_n^\top]$.
    second: Vec<f64>,
}

/// The facts about a step of [`MonteCarloEm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmStep {
    /// The share of transitions that were accepted.
    pub acceptance: f64,
}

impl<S> MonteCarloEm<S> {
    /// Chains that have not begun.
    ///
    /// # Panics
    /// If there are no draws.
    pub fn new(sampler: S, draws: usize, seed: u64) -> Self {
        assert!(draws > 0, "monte carlo em: a step needs a draw");
        let (positions, mean, second) = Default::default();
        Self { sampler, draws, seed, steps: 0, positions, mean, second }
    }

    /// Does an E step by the chains and an M step on the `rows` rows of `x`. The chains of the first step begin at draws from
    /// the prior; a gain of one there makes up for it when more steps follow.
    ///
    /// The rows must be the same in every step.
    ///
    /// # Errors
    /// If the second moments of the draws are not positive definite: there are too few. The parameters are then unchanged.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or not as many as in the first step, or if `gain` is not in $(0, 1]$.
    pub fn step<F: Scalar>(
        &mut self,
        model: &Ppca,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
        gain: f64,
    ) -> Result<EmStep, Error>
    where
        S: for<'a> Sampler<LatentPosterior<'a, F, Ppca>, State = MetropolisState> + Sync,
    {
        let (columns, n) = (model.columns(), Decoder::<F>::latents(model));
        assert!(gain > 0.0 && gain <= 1.0, "monte carlo em: a gain of {gain} is not in (0, 1]");
        assert!(x.len() == rows * columns, "monte carlo em: {} values for {rows} rows", x.len());
        let before = self.positions.len();
        assert!(
            before == 0 || before == rows * n,
            "monte carlo em: {before} coordinates are not those of {rows} rows of {n} latents"
        );
        let Self { sampler, draws, positions, .. } = &*self;
        let step = derive(self.seed, Stream::Step, self.steps);
        let (of_step, memories) = (&*params, Default::default());
        let of_row = |chain: &mut Option<MetropolisState>, row: usize| {
            let rng = &mut seed::rng(step, Stream::Sample, row as u64);
            let x = &x[row * columns..][..columns];
            let target = LatentPosterior::in_memory(model, of_step, x, n, &memories);
            let start: Vec<f64> = match before {
                0 => (0..n).map(|_| RandomSource::normal(rng)).collect(),
                _ => positions[row * n..][..n].to_vec(),
            };
            let chain = restarted(sampler, &target, chain, &start, rng);
            let (mut mean, mut second, mut accepted) = (vec![0.0; n], vec![0.0; n * n], 0);
            for _ in 0..*draws {
                accepted += usize::from(sampler.step(&target, chain, rng).accepted);
                add_moments(chain.position(), *draws, &mut mean, &mut second);
            }
            (chain.position().to_vec(), mean, second, accepted)
        };
        let found = map(0..rows, || None, of_row);

        self.positions.clear();
        self.mean.resize(rows * n, 0.0);
        self.second.resize(n * n, 0.0);
        self.second.iter_mut().for_each(|m| *m *= 1.0 - gain);
        let (mut accepted, share) = (0, gain / rows as f64);
        for (old, (position, mean, second, of_row)) in self.mean.chunks_exact_mut(n).zip(found) {
            self.positions.extend(position);
            old.iter_mut().zip(mean).for_each(|(m, new)| *m += gain * (new - *m));
            self.second.iter_mut().zip(second).for_each(|(m, new)| *m += share * new);
            accepted += of_row;
        }
        self.steps += 1;
        model.m_step(params, x, rows, &self.mean, &self.second)?;
        Ok(EmStep { acceptance: accepted as f64 / (rows * self.draws) as f64 })
    }
}

/// Adds $z$ and $zz^\top$ to means over `draws` draws.
fn add_moments(z: &[f64], draws: usize, mean: &mut [f64], second: &mut [f64]) {
    let share = 1.0 / draws as f64;
    mean.iter_mut().zip(z).for_each(|(mean, z)| *mean += share * z);
    for (row, a) in second.chunks_exact_mut(z.len()).zip(z) {
        row.iter_mut().zip(z).for_each(|(second, b)| *second += share * a * b);
    }
}

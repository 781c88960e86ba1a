//! Markov chain Monte Carlo: chains of draws from a density that is known up to a constant.
//!
//! A target is a [`LogDensity`], and [`Differentiable`] if its gradient is known: [`FromTape`] records a function once
//! and replays it, [`FromNumbers`] takes one that computes number by number, [`Constrained`] samples positive numbers,
//! simplices and other sets in $\mathbb R^d$, and adds the logarithm of the Jacobian determinant by itself, and
//! [`LatentPosterior`] samples the latents of a model given one row of data. A [`Sampler`] is a Markov transition that
//! leaves the target invariant ([`Ula`] does so only approximately):
//!
//! | sampler | needs | invariant |
//! |---|---|---|
//! | [`RandomWalk`] | [`LogDensity`] | exactly |
//! | [`Mala`], [`Hmc`] | [`Differentiable`] | exactly |
//! | [`Ula`] | [`Differentiable`] | up to a bias of the order of the squared scale |
//! | [`Gibbs`] | [`Conditionals`] | exactly |
//! | [`GibbsBits`] | [`LogDensity`] of bits | exactly |
//! | [`GibbsWithGradients`], [`Dmala`] | [`Flips`]: a [`LogDensity`] of bits, or its gradient | exactly |
//! | [`Dula`] | [`Flips`] | up to a bias that falls with the step size |
//! | [`ParallelTempering`] | a sampler for every rung of a [`Ladder`] | exactly |
//! | [`ConditionalImportance`] | [`WeightedDraws`] | exactly |
//!
//! All of them pass the *log density*, not the density, not the energy. [`Hmc::warm_up`] chooses a step size and a mass
//! matrix and returns a sampler that is fixed from then on. [`chains`] runs several chains in parallel, with the same
//! bits for any number of threads, and the functions of [`convergence`] tell how far the draws can be trusted.
//! Over finitely many states a [`TransitionMatrix`] tells the stationary law and the speed of a sampler exactly. [`Annealing`] estimates
//! ratios of normalisers with the transitions of a sampler, from below and from above, [`bridge`] combines both, and
//! [`LatentAnnealing`] the likelihood of many rows under a model with latents.
//!
//! ```
//! use pathscore_estimators::samplers::{FromTape, Hmc, Options, WarmUp, chains};
//! use pathscore_models::seed;
//! // A normal of mean 1 and standard deviations 1 and 10.
//! let target = FromTape::new(2, |x| {
//!     let scales = x.tape().constant(&[1.0, 10.0], [2]);
//!     ((x - 1.0) / scales).sum_squares(-1) * -0.5
//! });
//! let rng = &mut seed::rng(0, seed::Stream::Sample, 100);
//! let warm = Hmc::default().warm_up(&target, &[0.0, 0.0], WarmUp::default(), rng);
//! let options = Options { draws: 1000, ..Options::default() };
//! let draws = chains(&warm.sampler, &target, &vec![warm.position; 4], options);
//! let mean = draws.estimate(|x| x[1]);
//! assert!((mean.mean - 1.0).abs() < 5.0 * mean.standard_error);
//! assert!(draws.rhat(1) < 1.02 && draws.divergences() == 0);
//! ```

pathscore_autodiff::modules! {
    annealing: Annealed, Annealing, LogMeanWeight, Tempered;
    bridge: Bridge, bridge;
    chains: Draws, Estimate, Options, chains;
    conditional: Candidates, ConditionalImportance, WeightedDraws;
    constrained: Constrained, Parts;
    energy_density: EnergyDensity;
    flips: ExactFlips, Flips, GradientFlips;
    gibbs: Bits, Conditionals, Gibbs, GibbsBits;
    hmc: Hmc;
    informed: Dmala, Dula, FlipState, GibbsWithGradients;
    langevin: Mala, Ula;
    latent: LatentPosterior, LatentPrior;
    latent_annealing: BothBounds, LatentAnnealing, Moves, simulate;
    leapfrog: leapfrog;
    log_density: Differentiable, FromFn, FromNumbers, FromTape, LogDensity;
    phase_point: MetropolisState, PhasePoint;
    random_walk: RandomWalk;
    sampler: Info, Position, Sampler;
    tempering: Heated, Ladder, ParallelTempering, TemperedState;
    transition: TransitionMatrix;
    warm_up: Adapted, DualAveraging, WarmUp;
}

pub mod convergence;
mod regression;

pub(crate) use conditional::into_shares;
pub(crate) use latent::Memories;
pub(crate) use transition::{normalised, rows_of_bits};

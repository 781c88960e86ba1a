//! Estimators against the truth: mean, error, variance and cost of their draws.

use crate::estimator::{Claim, Estimator, Query, Work};
use pathscore_autodiff::Scalar;
use pathscore_models::Params;
use pathscore_models::seed::{self, Stream};
use std::time::Instant;

/// Draws of one stream of random numbers: fixed, so that the result does not depend on the threads.
const BLOCK: usize = 500;

/// What was seen of one component of the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Component {
    /// The exact value.
    pub exact: f64,
    /// The mean of the draws.
    pub mean: f64,
    /// The variance of one draw.
    pub variance: f64,
    /// The number of draws.
    pub draws: usize,
}

impl Component {
    /// The standard error of the mean.
    pub fn standard_error(&self) -> f64 {
        (self.variance / self.draws as f64).sqrt()
    }

    /// How many standard errors the mean is from the truth; zero if it differs by rounding alone.
    pub fn z(&self) -> f64 {
        let error = self.mean - self.exact;
        // A draw without variance is right or wrong; what rounding may do is known.
        let rounding = 1e-9 * self.exact.abs().max(1.0);
        if error.abs() <= rounding && self.standard_error() <= rounding {
            0.0
        } else {
            error / self.standard_error()
        }
    }

    /// The signal-to-noise ratio of one draw, $|g| / \sqrt{\mathrm{var}}$.
    pub fn snr(&self) -> f64 {
        self.exact.abs() / self.variance.sqrt()
    }
}

/// What was seen of an estimator.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What the estimator says of its mean.
    pub claim: Claim,
    /// Each component of the gradient, in the order of the parameters.
    pub components: Vec<Component>,
    /// The time of one draw of the whole gradient on one thread.
    pub seconds_per_draw: f64,
}

/// Sums of draws, shifted by the first so that squares do not cancel.
struct Moments {
    draws: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn new(len: usize) -> Self {
        Self { draws: 0.0, mean: vec![0.0; len], squares: vec![0.0; len] }
    }

    /// Welford (1962).
    fn add<F: Scalar>(&mut self, draw: &[F]) {
        self.draws += 1.0;
        for (i, g) in draw.iter().enumerate() {
            let away = g.to_f64() - self.mean[i];
            self.mean[i] += away / self.draws;
            self.squares[i] += away * (g.to_f64() - self.mean[i]);
        }
    }

    /// Chan, Golub and LeVeque (1983).
    fn join(&mut self, other: &Self) {
        let total = self.draws + other.draws;
        for i in 0..self.mean.len() {
            let away = other.mean[i] - self.mean[i];
            self.squares[i] += other.squares[i] + away * away * self.draws * other.draws / total;
            self.mean[i] += away * other.draws / total;
        }
        self.draws = total;
    }
}

/// Draws the gradient of the bound at `x` (one row) `draws` times and compares with `exact`.
///
/// An estimator that learns does so from draw to draw within a stream of draws.
#[allow(clippy::too_many_arguments)]
pub fn study<F, M, E>(
    model: &M,
    params: &Params<F>,
    estimator: &E,
    x: &[F],
    samples: usize,
    exact: &[f64],
    draws: usize,
    seed: u64,
) -> Study
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M> + Clone + Send,
{
    let block = |index: usize| {
        let rng = &mut seed::rng(seed, Stream::Estimate, index as u64);
        let mut work = Work::new();
        let mut estimator = estimator.clone();
        let mut moments = Moments::new(exact.len());
        let started = Instant::now();
        for _ in index * BLOCK..draws.min((index + 1) * BLOCK) {
            let query = Query::new(model, params, x, samples);
            estimator.estimate(query, rng, &mut work);
            moments.add(work.gradient(exact.len()));
            estimator.observe(&work.seen);
        }
        (moments, started.elapsed().as_secs_f64())
    };
    let blocks = 0..draws.div_ceil(BLOCK);
    #[cfg(feature = "parallel")]
    let blocks: Vec<(Moments, f64)> = {
        use rayon::prelude::*;
        blocks.into_par_iter().map(block).collect()
    };
    #[cfg(not(feature = "parallel"))]
    let blocks: Vec<(Moments, f64)> = blocks.map(block).collect();
    let mut all = Moments::new(exact.len());
    let mut seconds = 0.0;
    for (moments, time) in &blocks {
        all.join(moments);
        seconds += time;
    }
    let components = exact
        .iter()
        .enumerate()
        .map(|(i, &exact)| Component {
            exact,
            mean: all.mean[i],
            variance: all.squares[i] / (all.draws - 1.0).max(1.0),
            draws,
        })
        .collect();
    Study { claim: estimator.claim(), components, seconds_per_draw: seconds / draws.max(1) as f64 }
}

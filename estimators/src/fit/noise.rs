//! The noise of a training run's gradient, and gradients drawn without a step.

use super::Trainer;
use super::batch::{Batch, Estimates, Pair};
use super::checkpoint::{restore_shards, save_shards};
use crate::estimator::Estimator;
use pathscore_autodiff::Scalar;
use pathscore_models::Params;
use pathscore_models::seed::{Stream, derive};
use std::ops::Range;

/// The noise of a part of the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The name of the network whose parameters the part belongs to, or `all`.
    pub part: String,
    /// The trace of the covariance of one gradient.
    pub variance: f64,
    /// The square of the norm of the mean gradient, estimated without bias: below zero if the noise hides
    /// it.
    pub signal: f64,
}

impl Noise {
    /// The signal-to-noise ratio $\Vert E g\Vert / \sqrt{\mathrm{tr} \thinspace \mathrm{Cov}(g)}$; zero if the noise
    /// hides the mean, and infinite without noise.
    pub fn snr(&self) -> f64 {
        if self.signal > 0.0 { (self.signal / self.variance).sqrt() } else { 0.0 }
    }
}

impl<F, M, E> Trainer<F, M, E>
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M>,
{
    /// Draws the mean gradient of the `rows` rows `x` `draws` times, with random numbers derived from `seed`, and
    /// calls `see` with each.
    ///
    /// The parameters stay as they are. An estimator that learns does so from draw to draw.
    pub fn gradients(
        &mut self,
        x: &[F],
        rows: usize,
        draws: usize,
        seed: u64,
        see: &mut dyn FnMut(&[F]),
    ) {
        let Self { model, params, estimator, options, batch, .. } = self;
        batch.set(x, rows, options.samples);
        for draw in 0..draws as u64 {
            batch.draw(&Pair(model, estimator), params, options.samples, (seed, draw));
            see(batch.gradient());
            estimator.observe(batch.stats());
        }
    }

    /// The noise of the gradient for the rows of the last step at the present parameters, from `draws`
    /// repetitions with fresh random numbers: the noise of the whole gradient, and that of the part of each network
    /// (whose name is the part of a tensor's name before the first dot).
    ///
    /// Only [`Trainer::gradient`] changes; the run continues as it would have without this measurement.
    ///
    /// # Panics
    /// If no step was taken since the trainer was made, or if there are fewer than two draws.
    pub fn gradient_noise(&mut self, draws: u64) -> Vec<Noise> {
        let Self { model, params, estimator, options, step, batch, .. } = self;
        let seed = derive(options.seed, Stream::Diagnose, *step);
        noise(batch, &Pair(model, estimator), (params, options.samples), (seed, draws))
    }
}

/// [`Trainer::gradient_noise`] with the random numbers of a seed.
fn noise<F: Scalar>(
    batch: &mut Batch<F>,
    pair: &dyn Estimates<F>,
    (params, samples): (&Params<F>, usize),
    (seed, draws): (u64, u64),
) -> Vec<Noise> {
    assert!(!batch.is_empty(), "the noise is that of the last step's rows: take a step first");
    assert!(draws >= 2, "a variance needs two draws");
    let mut sums = Sums::new(params);
    // Every draw begins with the same Markov chains, and the run continues with them.
    let states = save_shards(&batch.shards);
    for draw in 0..draws {
        batch.draw(pair, params, samples, (seed, draw));
        restore_shards(&mut batch.shards, states.clone());
        sums.add(batch.gradient(), draws);
    }
    sums.noise(draws)
}

/// The mean of a gradient, and the sum of the squares of each part.
struct Sums {
    parts: Vec<(String, Range<usize>)>,
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn new<F: Scalar>(params: &Params<F>) -> Self {
        let len = params.len();
        let mut parts = vec![("all".to_string(), 0..len)];
        for (name, shape, at) in params.iter() {
            let name = name.split('.').next().unwrap_or(name);
            let range = at..at + shape.size();
            match parts.last_mut() {
                Some((last, part)) if *last == name => part.end = range.end,
                _ => parts.push((name.to_string(), range)),
            }
        }
        Self { mean: vec![0.0; len], squares: vec![0.0; parts.len()], parts }
    }

    /// Adds one of `draws` gradients.
    fn add<F: Scalar>(&mut self, grad: &[F], draws: u64) {
        for (sum, g) in self.mean.iter_mut().zip(grad) {
            *sum += g.to_f64() / draws as f64;
        }
        for (sum, (_, range)) in self.squares.iter_mut().zip(&self.parts) {
            *sum += grad[range.clone()].iter().map(|g| g.to_f64().powi(2)).sum::<f64>();
        }
    }

    fn noise(self, draws: u64) -> Vec<Noise> {
        let Self { parts, mean, squares } = self;
        let n = draws as f64;
        let noise = |((part, range), squares): ((String, Range<usize>), f64)| {
            let of_mean: f64 = mean[range].iter().map(|g| g * g).sum();
            let variance = ((squares - n * of_mean) / (n - 1.0)).max(0.0);
            Noise { part, variance, signal: of_mean - variance / n }
        };
        parts.into_iter().zip(squares).map(noise).collect()
    }
}

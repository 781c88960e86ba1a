//! Training: a batch cut into pieces, a gradient for each, one step of an optimiser.

use crate::estimator::{Estimator, Query, Work};
use crate::optim::{CHUNK, Optimizer, Schedule};
use pathscore_autodiff::vector::{Lanes, dispatch, sum_by};
use pathscore_autodiff::{NonFinite, Scalar};
use pathscore_models::seed::{self, Stream};
use pathscore_models::{Params, seed::derive};
use smallvec::SmallVec;
use std::ops::Range;

/// A batch of this many draws (rows times samples) is one piece; one of four times as many is two.
///
/// A piece costs a gradient to write and to add, and tall matrices are multiplied faster than flat
/// ones. With threads for all, the time is $a\,\mathrm{draws}/\mathrm{pieces} + b\,\mathrm{pieces}$, least
/// at a number of pieces that grows with the square root of the draws.
const DRAWS_OF_ONE_SHARD: usize = 25;

/// The most pieces: each has a gradient of its own to keep and to add.
const MOST_SHARDS: usize = 16;

/// How a training run goes, apart from the model and the estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// $K$, the draws for each member of a batch.
    pub samples: usize,
    /// The learning rate, before the schedule.
    pub lr: f64,
    /// The factor on the learning rate.
    pub schedule: Schedule,
    /// The largest norm of a gradient; a longer one is shortened to it.
    pub clip: Option<f64>,
    /// From which every random number of the run is derived.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { samples: 1, lr: 1e-3, schedule: Schedule::Constant, clip: None, seed: 0 }
    }
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The number of the step, from zero.
    pub step: u64,
    /// The mean of the bound over the batch, before the step.
    pub bound: f64,
    /// The norm of the gradient, before clipping.
    pub grad_norm: f64,
}

/// How noisy a part of the gradient is.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    /// The network it is the gradient of, or `all`.
    pub part: String,
    /// The trace of the covariance of one gradient.
    pub variance: f64,
    /// The square of the norm of the mean gradient, estimated without bias: below zero if the noise hides
    /// it.
    pub signal: f64,
}

impl Noise {
    /// $\|E g\| / \sqrt{\mathrm{tr}\,\mathrm{Cov}\,g}$; zero if the noise hides the mean, infinite without
    /// noise.
    pub fn snr(&self) -> f64 {
        if self.signal > 0.0 { (self.signal / self.variance).sqrt() } else { 0.0 }
    }
}

/// A loss or a gradient that is not finite; the parameters are as they were before the step.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("step {step}: {what}{}", found.as_ref().map(|f| format!("; {f}")).unwrap_or_default())]
pub struct NotFinite {
    /// The step, from zero.
    pub step: u64,
    /// The bound, or the parameter whose gradient it is.
    pub what: String,
    /// The first entry of a tape that went wrong.
    pub found: Option<Box<NonFinite>>,
}

/// A model in training.
///
/// A batch is cut into pieces by a rule that depends on its size and $K$ alone; each piece has its own
/// tape and its own stream of random numbers, derived from the seed, the step and the piece; gradients
/// are added in order. So the bits of a run are the same for any number of threads, and a step can be
/// repeated at any time. The pieces run on the threads of the rayon pool in which [`Trainer::step`] is called.
pub struct Trainer<F: Scalar, M, E> {
    /// The model.
    pub model: M,
    /// Its parameters.
    pub params: Params<F>,
    /// The estimator and what it has learnt.
    pub estimator: E,
    /// The optimiser and what it remembers.
    pub optimizer: Box<dyn Optimizer<F>>,
    /// How the run goes.
    pub options: Options,
    /// The number of steps taken.
    pub step: u64,
    shards: Vec<Shard<F>>,
    grad: Vec<F>,
    stats: Vec<f64>,
}

struct Shard<F> {
    work: Work<F>,
    rows: Range<usize>,
    x: Vec<F>,
    /// The generator as it was when `x` had been fed.
    rng: Lanes,
    bound: f64,
}

/// The rows of each piece of a batch of `batch` rows with `samples` draws each.
fn cut(batch: usize, samples: usize) -> impl Iterator<Item = Range<usize>> {
    let pieces = (batch * samples / DRAWS_OF_ONE_SHARD).isqrt().max(1);
    // A power of two shares out evenly among the usual numbers of threads.
    let pieces = (1 << pieces.ilog2()).clamp(1, batch.clamp(1, MOST_SHARDS));
    (0..pieces).map(move |i| i * batch / pieces..(i + 1) * batch / pieces)
}

impl<F, M, E> Trainer<F, M, E>
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M>,
{
    /// A run that has not begun.
    pub fn new(
        model: M,
        params: Params<F>,
        estimator: E,
        optimizer: Box<dyn Optimizer<F>>,
        options: Options,
    ) -> Self {
        let (shards, grad, stats) = (Vec::new(), Vec::new(), Vec::new());
        Self { model, params, estimator, optimizer, options, step: 0, shards, grad, stats }
    }

    /// One step on a batch of `[rows, columns]`: `feed` writes the numbers of a range of its rows, and
    /// may use the generator it is given.
    ///
    /// # Errors
    /// If the bound or the gradient is not finite; nothing has changed then.
    pub fn step(
        &mut self,
        [rows, columns]: [usize; 2],
        feed: impl Fn(Range<usize>, &mut [F], &mut Lanes) + Sync,
    ) -> Result<Report, NotFinite> {
        let Options { lr, schedule, clip, seed, .. } = self.options;
        let step = self.step;
        self.arrange(rows);
        let (bound, squares) = self.pass(&|index, shard: &mut Shard<F>| {
            shard.rng = shard_rng(seed, step, index);
            shard.x.resize(shard.rows.len() * columns, F::ZERO);
            feed(shard.rows.clone(), &mut shard.x, &mut shard.rng);
        });
        let grad_norm = squares.sqrt();
        if !(bound.is_finite() && grad_norm.is_finite()) {
            return Err(self.diagnose(bound));
        }
        if let Some(most) = clip
            && grad_norm > most
        {
            let factor = F::from_f64(most / grad_norm);
            self.grad.iter_mut().for_each(|g| *g *= factor);
        }
        self.optimizer.step(self.params.values_mut(), &self.grad, lr * schedule.factor(step));
        self.learn();
        self.step += 1;
        Ok(Report { step, bound, grad_norm })
    }

    /// Shows the estimator what it has stats of the last batch.
    fn learn(&mut self) {
        self.stats.clear();
        for Shard { work, .. } in &self.shards {
            self.stats.resize(work.stats.len(), 0.0);
            self.stats.iter_mut().zip(&work.stats).for_each(|(sum, part)| *sum += part);
        }
        self.estimator.observe(&self.stats);
    }

    /// The mean gradient of the `rows` rows `x`, drawn `draws` times with random numbers derived from `seed`, each
    /// shown to `see`. The parameters stay; what the estimator learns, it learns from draw to draw.
    pub fn gradients(
        &mut self,
        x: &[F],
        rows: usize,
        draws: usize,
        seed: u64,
        see: &mut dyn FnMut(&[F]),
    ) {
        let columns = x.len() / rows.max(1);
        self.arrange(rows);
        for shard in &mut self.shards {
            let Range { start, end } = shard.rows;
            shard.x.clear();
            shard.x.extend_from_slice(&x[start * columns..end * columns]);
        }
        for draw in 0..draws as u64 {
            self.pass(&|index, shard: &mut Shard<F>| shard.rng = shard_rng(seed, draw, index));
            see(&self.grad);
            self.learn();
        }
    }

    /// The gradient of every piece, after `prepare` has stats to its numbers and its generator, and their sum:
    /// the mean bound and the square of the gradient's norm.
    fn pass(&mut self, prepare: &(dyn Fn(usize, &mut Shard<F>) + Sync)) -> (f64, f64) {
        let (model, params, estimator) = (&self.model, &self.params, &self.estimator);
        let samples = self.options.samples;
        let batch = self.shards.last().map_or(0, |shard| shard.rows.end) as f64;
        let scale = F::from_f64(1.0 / batch);
        let run = |index, shard: &mut Shard<F>| {
            prepare(index, shard);
            let Shard { work, rows, x, rng, bound } = shard;
            let query = Query { model, params, x, batch: rows.len(), samples, scale };
            *bound = estimator.estimate(query, &mut rng.clone(), work).to_f64();
            work.release();
        };
        for_each(&mut self.shards, &run);
        let bound = self.shards.iter().map(|shard| shard.bound).sum::<f64>() / batch;
        self.grad.resize(self.params.len(), F::ZERO);
        (bound, add_up(&self.shards, &mut self.grad))
    }

    /// The noise of the gradient of the last step's rows at the present parameters, from `draws`
    /// repetitions with fresh random numbers: of the whole, and of each network (the part of a tensor's
    /// name before its first dot).
    ///
    /// The run goes on as if this had not been asked; only [`Trainer::gradient`] is another.
    ///
    /// # Panics
    /// If no step was taken since the run was made, or there are fewer than two draws.
    pub fn gradient_noise(&mut self, draws: u64) -> Vec<Noise> {
        assert!(
            !self.shards.is_empty(),
            "the noise is that of the last step's rows: take one first"
        );
        assert!(draws >= 2, "a variance needs two draws");
        let seed = derive(self.options.seed, Stream::Diagnose, self.step);
        let len = self.params.len();
        let mut parts = vec![("all", 0..len)];
        for (name, shape, at) in self.params.iter() {
            let name = name.split('.').next().unwrap_or(name);
            let range = at..at + shape.size();
            match parts.last_mut() {
                Some((last, part)) if *last == name => part.end = range.end,
                _ => parts.push((name, range)),
            }
        }
        let parts: Vec<(String, Range<usize>)> =
            parts.into_iter().map(|(name, range)| (name.to_string(), range)).collect();
        let mut mean = vec![0.0; len];
        let mut squares = vec![0.0; parts.len()];
        for draw in 0..draws {
            self.pass(&|index, shard: &mut Shard<F>| shard.rng = shard_rng(seed, draw, index));
            for (sum, g) in mean.iter_mut().zip(&self.grad) {
                *sum += g.to_f64() / draws as f64;
            }
            for (sum, (_, range)) in squares.iter_mut().zip(&parts) {
                *sum += self.grad[range.clone()].iter().map(|g| g.to_f64().powi(2)).sum::<f64>();
            }
        }
        let n = draws as f64;
        let noise = |((part, range), squares): ((String, Range<usize>), f64)| {
            let of_mean: f64 = mean[range].iter().map(|g| g * g).sum();
            let variance = ((squares - n * of_mean) / (n - 1.0)).max(0.0);
            Noise { part, variance, signal: of_mean - variance / n }
        };
        parts.into_iter().zip(squares).map(noise).collect()
    }

    /// The gradient of the last step, after clipping.
    pub fn gradient(&self) -> &[F] {
        &self.grad
    }

    fn arrange(&mut self, rows: usize) {
        let samples = self.options.samples;
        if self.shards.last().map(|shard| shard.rows.end) != Some(rows) {
            self.shards = cut(rows, samples)
                .map(|rows| {
                    let rng = shard_rng(0, 0, 0);
                    Shard { work: Work::new(), rows, x: Vec::new(), rng, bound: 0.0 }
                })
                .collect();
        }
    }

    /// Repeats the step, whose random numbers are derived and not drawn, to find where it went wrong.
    fn diagnose(&self, bound: f64) -> NotFinite {
        let found = self.shards.iter().find_map(|Shard { rows, x, rng, .. }| {
            let (model, params, samples) = (&self.model, &self.params, self.options.samples);
            let query = Query { model, params, x, batch: rows.len(), samples, scale: F::ONE };
            let mut work = Work::new();
            self.estimator.estimate(query, &mut rng.clone(), &mut work);
            work.tape.first_non_finite().map(Box::new)
        });
        let bad = self.grad.iter().position(|g| !g.is_finite());
        let what = match bad.and_then(|at| Some((self.params.name_at(at)?, self.grad[at]))) {
            Some(((name, at), g)) => {
                format!("the bound is {bound}, the gradient of {name}[{at}] is {g}")
            }
            None => format!("the bound is {bound}"),
        };
        NotFinite { step: self.step, what, found }
    }
}

fn shard_rng(seed: u64, step: u64, shard: usize) -> Lanes {
    seed::lanes(derive(seed, Stream::Step, step), Stream::Shard, shard as u64)
}

/// Something done to every piece, by a function that is only known when it runs: the threads' part of it is
/// then compiled once, and not once for each estimator.
fn for_each<F: Scalar>(shards: &mut [Shard<F>], run: &(dyn Fn(usize, &mut Shard<F>) + Sync)) {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        shards.par_iter_mut().enumerate().for_each(|(index, shard)| run(index, shard));
    }
    #[cfg(not(feature = "parallel"))]
    shards.iter_mut().enumerate().for_each(|(index, shard)| run(index, shard));
}

/// Adds parts to `sum`, one after the other, if it is begun; else it becomes their sum.
#[inline(always)]
fn add<F: Scalar, const N: usize>(parts: [&[F]; N], sum: &mut [F], begun: bool) {
    let len = sum.len();
    let parts = parts.map(|part| &part[..len]);
    let more = |first: F, i: usize| parts[1..].iter().fold(first, |sum, part| sum + part[i]);
    if begun {
        for i in 0..len {
            sum[i] = more(sum[i] + parts[0][i], i);
        }
    } else {
        for i in 0..len {
            sum[i] = more(parts[0][i], i);
        }
    }
}

/// The sum of the pieces' gradients, piece by piece, and the square of its norm.
fn add_up<F: Scalar>(shards: &[Shard<F>], grad: &mut [F]) -> f64 {
    let len = grad.len();
    let parts: SmallVec<[&[F]; MOST_SHARDS]> =
        shards.iter().map(|shard| shard.work.gradient(len)).collect();
    let chunk = |(index, grad): (usize, &mut [F])| {
        let range = index * CHUNK..index * CHUNK + grad.len();
        let parts: SmallVec<[&[F]; MOST_SHARDS]> =
            parts.iter().map(|part| &part[range.clone()]).collect();
        dispatch(
            #[inline(always)]
            || {
                // Memory answers several streams at once sooner than one after the other.
                let (fours, rest) = parts.as_chunks::<4>();
                let (twos, rest) = rest.as_chunks::<2>();
                for (i, &four) in fours.iter().enumerate() {
                    add(four, grad, i > 0);
                }
                for &two in twos {
                    add(two, grad, !fours.is_empty());
                }
                for &one in rest {
                    add([one], grad, parts.len() > 1);
                }
                sum_by(
                    [&*grad],
                    #[inline(always)]
                    |[g]| g * g,
                )
                .to_f64()
            },
        )
    };
    // One number for each chunk, added in order.
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        const MOST: usize = 256;
        let mut squares = [0.0; MOST];
        let mut total = 0.0;
        for (block, grad) in grad.chunks_mut(MOST * CHUNK).enumerate() {
            let used = grad.len().div_ceil(CHUNK);
            grad.par_chunks_mut(CHUNK)
                .zip(&mut squares[..used])
                .enumerate()
                .for_each(|(i, (grad, square))| *square = chunk((block * MOST + i, grad)));
            total += squares[..used].iter().sum::<f64>();
        }
        total
    }
    #[cfg(not(feature = "parallel"))]
    grad.chunks_mut(CHUNK).enumerate().map(chunk).sum()
}

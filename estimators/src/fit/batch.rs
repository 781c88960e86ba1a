//! The batch of a training run: its shards, the sum of their gradients, and a step.
//!
//! Model and estimator are seen through one function that is known when the program runs, so that all of this is compiled
//! once for each number type, and not once for each pair of a model and an estimator.

use super::report::{NotFinite, Options, Report};
use super::shards::{Pieces, Shard, add_up, cut, rng};
use crate::estimator::{Estimator, Query, Work};
use crate::optim::Optimizer;
use crate::parallel::for_each;
use pathscore_autodiff::Scalar;
use pathscore_autodiff::vector::Lanes;
use pathscore_models::Params;
use std::ops::Range;

/// A model with an estimator.
pub(super) trait Estimates<F: Scalar>: Sync {
    /// [`Estimator::defers`].
    fn defers(&self) -> bool;

    /// [`Estimator::estimate`] for the model.
    fn estimate(&self, query: Query<F, ()>, rng: &mut Lanes, work: &mut Work<F>) -> f64;
}

/// A model and an estimator of it.
pub(super) struct Pair<'a, M, E>(pub(super) &'a M, pub(super) &'a E);

impl<F: Scalar, M: Sync, E: Estimator<F, M>> Estimates<F> for Pair<'_, M, E> {
    fn defers(&self) -> bool {
        self.1.defers()
    }

    fn estimate(&self, query: Query<F, ()>, rng: &mut Lanes, work: &mut Work<F>) -> f64 {
        let (Self(model, estimator), Query { params, x, batch, samples, scale, .. }) =
            (self, query);
        let query = Query { model: *model, params, x, batch, samples, scale };
        estimator.estimate(query, rng, work).to_f64()
    }
}

/// The parts of a training run that a step changes or reads, apart from the batch.
pub(super) struct Run<'a, F: Scalar> {
    pub(super) params: &'a mut Params<F>,
    pub(super) optimizer: &'a mut dyn Optimizer<F>,
    pub(super) options: Options,
    /// The number of steps taken.
    pub(super) step: u64,
}

/// Writes the numbers of a range of rows, and may draw from the generator.
type FillRows<'a, F> = &'a (dyn Fn(Range<usize>, &mut [F], &mut Lanes) + Sync);

/// The shards of a batch, and the mean of their gradients.
pub(super) struct Batch<F: Scalar> {
    /// All shards that were ever used; the shards behind the first `active` keep their states for larger batches.
    pub(super) shards: Vec<Shard<F>>,
    active: usize,
    /// The number of parameters. The first shard holds the sum of all gradients after a pass.
    params: usize,
    /// The memory of [`add_up`].
    pieces: Pieces,
    stats: Vec<f64>,
}

impl<F: Scalar> Default for Batch<F> {
    fn default() -> Self {
        Self {
            shards: Vec::new(),
            active: 0,
            params: 0,
            pieces: Pieces::default(),
            stats: Vec::new(),
        }
    }
}

impl<F: Scalar> Batch<F> {
    /// Takes a step on a batch of `[rows, columns]`, whose numbers `fill` writes.
    ///
    /// # Errors
    /// If the bound or the gradient is not finite; then the parameters stay as they were.
    pub(super) fn step(
        &mut self,
        pair: &dyn Estimates<F>,
        Run { params, optimizer, options, step }: Run<F>,
        [rows, columns]: [usize; 2],
        fill: FillRows<F>,
    ) -> Result<Report, NotFinite> {
        let Options { samples, lr, schedule, clip, seed } = options;
        self.arrange(rows, samples);
        let (bound, squares) = self.pass(pair, params, samples, &|index, shard| {
            shard.rng = rng(seed, step, index);
            shard.x.resize(shard.rows.len() * columns, F::ZERO);
            fill(shard.rows.clone(), &mut shard.x, &mut shard.rng);
        });
        let grad_norm = squares.sqrt();
        if !(bound.is_finite() && grad_norm.is_finite()) {
            let (what, found) = self.diagnose(pair, params, samples, bound);
            return Err(NotFinite { step, what, found });
        }
        if let Some(most) = clip
            && grad_norm > most
        {
            let factor = F::from_f64(most / grad_norm);
            let grad = self.shards[0].work.grads.leading_mut(self.params);
            grad.iter_mut().for_each(|g| *g *= factor);
        }
        optimizer.step(params.values_mut(), self.gradient(), lr * schedule.factor(step));
        self.add_stats();
        Ok(Report { step, bound, grad_norm })
    }

    /// Makes these rows the batch.
    pub(super) fn set(&mut self, x: &[F], rows: usize, samples: usize) {
        let columns = x.len() / rows.max(1);
        self.arrange(rows, samples);
        for shard in &mut self.shards[..self.active] {
            let Range { start, end } = shard.rows;
            shard.x.clear();
            shard.x.extend_from_slice(&x[start * columns..end * columns]);
        }
    }

    /// Estimates the gradient of the rows of the last batch with the random numbers of draw number `draw` of a seed.
    pub(super) fn draw(
        &mut self,
        pair: &dyn Estimates<F>,
        params: &Params<F>,
        samples: usize,
        (seed, draw): (u64, u64),
    ) {
        self.pass(pair, params, samples, &|index, shard| shard.rng = rng(seed, draw, index));
        self.add_stats();
    }

    /// The mean of the gradients of the last batch.
    pub(super) fn gradient(&self) -> &[F] {
        self.active().first().map_or(&[], |first| first.work.gradient(self.params))
    }

    /// The sum of the statistics of the last batch, for the estimator.
    pub(super) fn stats(&self) -> &[f64] {
        &self.stats
    }

    /// True if there was no batch yet.
    pub(super) fn is_empty(&self) -> bool {
        self.active == 0
    }

    fn active(&self) -> &[Shard<F>] {
        &self.shards[..self.active]
    }

    fn add_stats(&mut self) {
        self.stats.clear();
        for Shard { work, .. } in &self.shards[..self.active] {
            self.stats.resize(work.stats.len(), 0.0);
            self.stats.iter_mut().zip(&work.stats).for_each(|(sum, part)| *sum += part);
        }
    }

    /// Computes the gradient of every shard, after `prepare` has set its numbers and its generator, and their sum;
    /// returns the mean bound and the square of the gradient's norm.
    fn pass(
        &mut self,
        pair: &dyn Estimates<F>,
        params: &Params<F>,
        samples: usize,
        prepare: &(dyn Fn(usize, &mut Shard<F>) + Sync),
    ) -> (f64, f64) {
        let active = self.active;
        let batch = self.active().last().map_or(0, |shard| shard.rows.end) as f64;
        let scale = F::from_f64(1.0 / batch);
        for_each(&mut self.shards[..active], &|index, shard: &mut Shard<F>| {
            prepare(index, shard);
            let Shard { work, rows, x, rng, bound } = shard;
            let query = Query { model: &(), params, x, batch: rows.len(), samples, scale };
            work.leading = if pair.defers() { params.len() } else { 0 };
            *bound = pair.estimate(query, &mut rng.clone(), work);
        });
        let bound = self.active().iter().map(|shard| shard.bound).sum::<f64>() / batch;
        self.params = params.len();
        let mut squares = add_up(&mut self.shards[..active], self.params, &mut self.pieces);
        // The products read the numbers of the tapes, which are released only now.
        self.shards[..active].iter_mut().for_each(|shard| shard.work.release());
        if squares.is_infinite() {
            // In single precision squares overflow long before the gradient does.
            squares = self.gradient().iter().map(|g| g.to_f64() * g.to_f64()).sum();
        }
        (bound, squares)
    }

    /// Cuts a batch of so many rows into shards, if the last one had another number of rows.
    fn arrange(&mut self, rows: usize, samples: usize) {
        if self.active().last().map(|shard| shard.rows.end) == Some(rows) {
            return;
        }
        let ranges = cut(rows, samples);
        self.active = ranges.len();
        while self.shards.len() < self.active {
            self.shards.push(Shard::new());
        }
        for (shard, range) in self.shards.iter_mut().zip(ranges) {
            shard.rows = range;
            shard.work.parts = self.active;
        }
    }

    /// Repeats the step, whose random numbers are derived from the seed, to find the first number that is not finite.
    fn diagnose(
        &self,
        pair: &dyn Estimates<F>,
        params: &Params<F>,
        samples: usize,
        bound: f64,
    ) -> (String, Option<Box<pathscore_autodiff::NonFinite>>) {
        let found = self.active().iter().find_map(|Shard { rows, x, rng, work, .. }| {
            let query = Query { model: &(), params, x, batch: rows.len(), samples, scale: F::ONE };
            let mut again = Work::new();
            again.state.restore(work.state.save());
            pair.estimate(query, &mut rng.clone(), &mut again);
            again.tape.first_non_finite().map(Box::new)
        });
        let grad = self.gradient();
        let bad = grad.iter().position(|g| !g.is_finite());
        let what = match bad.and_then(|at| Some((params.name_at(at)?, grad[at]))) {
            Some(((name, at), g)) => {
                format!("the bound is {bound}, the gradient of {name}[{at}] is {g}")
            }
            None => format!("the bound is {bound}"),
        };
        (what, found)
    }
}

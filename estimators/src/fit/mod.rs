//! Training: a batch cut into shards, a gradient for each, one step of an optimiser. Functions without noise go to their maximum by
//! [`maximize`].

mod checkpoint;
mod maximize;
mod noise;
mod place;
mod shards;

pub use checkpoint::{RestoreError, State};
pub use maximize::{maximize, maximize_from};
pub use noise::Noise;
pub use place::{Placement, place};

use crate::estimator::{Estimator, Query, Work};
use crate::optim::{Optimizer, Schedule};
use crate::parallel::for_each;
use pathscore_autodiff::vector::Lanes;
use pathscore_autodiff::{NonFinite, Scalar};
use pathscore_models::Params;
use pathscore_models::data::{Batches, DataError, Table};
use shards::{Shard, add_up, cut, rng};
use std::ops::Range;

/// The settings of a training run, apart from the model and the estimator.
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
    /// The seed, from which every random number of the run is derived.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { samples: 1, lr: 1e-3, schedule: Schedule::Constant, clip: None, seed: 0 }
    }
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// The number of the step, from zero.
    pub step: u64,
    /// The mean of the bound over the batch, before the step.
    pub bound: f64,
    /// The norm of the gradient, before clipping.
    pub grad_norm: f64,
}

/// A bound or a gradient that is not finite.
///
/// The parameters, the optimiser and the estimator are as they were before the step; Markov chains of the shards have
/// moved.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("step {step}: {what}{}", found.as_ref().map(|f| format!("; {f}")).unwrap_or_default())]
pub struct NotFinite {
    /// The step, from zero.
    pub step: u64,
    /// A sentence that names the bound, and the parameter whose gradient is not finite.
    pub what: String,
    /// The first entry of a tape that went wrong.
    pub found: Option<Box<NonFinite>>,
}

/// The reason why [`Trainer::fit`] stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// The table has fewer rows than a batch.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A step failed.
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
}

/// A model in training.
///
/// A batch is cut into shards by a rule that depends on its size and $K$ alone; each shard has its own
/// tape and its own stream of random numbers, derived from the seed, the step and the shard; gradients
/// are added in order. Therefore the bits of a run are the same for any number of threads, and a step can be
/// repeated at any time. The shards run on the threads of the rayon pool in which [`Trainer::step`] is called.
///
/// ```
/// use pathscore_autodiff::Activation;
/// use pathscore_estimators::fit::{Options, Trainer};
/// use pathscore_estimators::{optim::Adam, path::Sgvb};
/// use pathscore_models::data::digits;
/// use pathscore_models::latent::{Likelihood, Vae};
/// use pathscore_models::{Params, seed};
///
/// let table = digits(0, 0..200);
/// let mut params = Params::<f32>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let likelihood = Likelihood::Bernoulli;
/// let model = Vae::new(&mut params, 784, &[20], 2, Activation::Tanh, likelihood, rng);
/// let options = Options { lr: 0.01, ..Options::default() };
/// let mut trainer = Trainer::new(model, params, Sgvb, Box::new(Adam::default()), options);
/// let bounds = trainer.fit(&table, 50, 5)?;
/// assert!(bounds[4] > bounds[0], "the ELBO rises from epoch to epoch");
/// # Ok::<(), pathscore_estimators::fit::FitError>(())
/// ```
#[doc(alias = "training loop")]
pub struct Trainer<F: Scalar, M, E> {
    /// The model.
    pub model: M,
    /// The parameters of the model.
    pub params: Params<F>,
    /// The estimator, with the numbers that it has learnt.
    pub estimator: E,
    /// The optimiser, with its vectors.
    pub optimizer: Box<dyn Optimizer<F>>,
    /// The settings of the run.
    pub options: Options,
    /// The number of steps taken.
    pub step: u64,
    /// All shards that were ever used; the shards behind the first `active` keep their states for larger batches.
    shards: Vec<Shard<F>>,
    active: usize,
    grad: Vec<F>,
    stats: Vec<f64>,
}

impl<F, M, E> Trainer<F, M, E>
where
    F: Scalar,
    M: Sync,
    E: Estimator<F, M>,
{
    /// A trainer that has taken no step.
    pub fn new(
        model: M,
        params: Params<F>,
        estimator: E,
        optimizer: Box<dyn Optimizer<F>>,
        options: Options,
    ) -> Self {
        let (shards, grad, stats) = (Vec::new(), Vec::new(), Vec::new());
        let (step, active) = (0, 0);
        Self { model, params, estimator, optimizer, options, step, shards, active, grad, stats }
    }

    /// Trains on the rows of a table for some epochs more, in batches of `batch` rows, and returns the mean bound of
    /// each epoch.
    ///
    /// The values of the table are used as they are. The order of the rows is that of [`Batches`] with the run's seed:
    /// new in each epoch, and a function of the seed and the step.
    ///
    /// # Errors
    /// If the table has fewer rows than a batch, or if a bound or a gradient is not finite.
    pub fn fit(&mut self, table: &Table, batch: usize, epochs: u64) -> Result<Vec<f64>, FitError> {
        let mut batches = Batches::new(table.len(), batch, self.options.seed)?;
        let columns = table.columns();
        let mut bounds = Vec::new();
        for _ in 0..epochs {
            let mut sum = 0.0;
            for _ in 0..batches.per_epoch() {
                let rows = batches.at(self.step);
                let feed = |range: Range<usize>, x: &mut [F], _: &mut Lanes| {
                    for (x, &row) in x.chunks_exact_mut(columns).zip(&rows[range]) {
                        x.iter_mut().zip(table.row(row)).for_each(|(x, &value)| *x = value.into());
                    }
                };
                sum += self.step([batch, columns], feed)?.bound;
            }
            bounds.push(sum / batches.per_epoch() as f64);
        }
        Ok(bounds)
    }

    /// Takes one step on a batch of `[rows, columns]`: `feed` writes the numbers of a range of the rows, and
    /// may draw from the generator in its last argument.
    ///
    /// # Errors
    /// If the bound or the gradient is not finite; then the parameters stay as they were.
    pub fn step(
        &mut self,
        [rows, columns]: [usize; 2],
        feed: impl Fn(Range<usize>, &mut [F], &mut Lanes) + Sync,
    ) -> Result<Report, NotFinite> {
        let Options { lr, schedule, clip, seed, .. } = self.options;
        let step = self.step;
        self.arrange(rows);
        let (bound, squares) = self.pass(&|index, shard: &mut Shard<F>| {
            shard.rng = rng(seed, step, index);
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

    /// The gradient of the last step, after clipping.
    pub fn gradient(&self) -> &[F] {
        &self.grad
    }

    fn active(&self) -> &[Shard<F>] {
        &self.shards[..self.active]
    }

    fn active_mut(&mut self) -> &mut [Shard<F>] {
        &mut self.shards[..self.active]
    }

    /// Adds up the statistics of the last batch for the estimator.
    fn learn(&mut self) {
        self.stats.clear();
        for Shard { work, .. } in &self.shards[..self.active] {
            self.stats.resize(work.stats.len(), 0.0);
            self.stats.iter_mut().zip(&work.stats).for_each(|(sum, part)| *sum += part);
        }
        self.estimator.observe(&self.stats);
    }

    /// Computes the gradient of every shard, after `prepare` has set its numbers and its generator, and their sum;
    /// returns the mean bound and the square of the gradient's norm.
    fn pass(&mut self, prepare: &(dyn Fn(usize, &mut Shard<F>) + Sync)) -> (f64, f64) {
        let (model, params, estimator) = (&self.model, &self.params, &self.estimator);
        let (samples, active) = (self.options.samples, self.active);
        let batch = self.active().last().map_or(0, |shard| shard.rows.end) as f64;
        let scale = F::from_f64(1.0 / batch);
        let run = |index, shard: &mut Shard<F>| {
            prepare(index, shard);
            let Shard { work, rows, x, rng, bound } = shard;
            let query = Query { model, params, x, batch: rows.len(), samples, scale };
            *bound = estimator.estimate(query, &mut rng.clone(), work).to_f64();
            work.release();
        };
        for_each(&mut self.shards[..active], &run);
        let bound = self.active().iter().map(|shard| shard.bound).sum::<f64>() / batch;
        self.grad.resize(self.params.len(), F::ZERO);
        (bound, add_up(&self.shards[..active], &mut self.grad))
    }

    /// Cuts a batch of so many rows into shards, if the last one had another number of rows.
    fn arrange(&mut self, rows: usize) {
        if self.active().last().map(|shard| shard.rows.end) == Some(rows) {
            return;
        }
        let ranges = cut(rows, self.options.samples);
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
    fn diagnose(&self, bound: f64) -> NotFinite {
        let found = self.active().iter().find_map(|Shard { rows, x, rng, work, .. }| {
            let (model, params, samples) = (&self.model, &self.params, self.options.samples);
            let query = Query { model, params, x, batch: rows.len(), samples, scale: F::ONE };
            let mut again = Work::new();
            again.state.restore(work.state.save());
            self.estimator.estimate(query, &mut rng.clone(), &mut again);
            again.tape.first_non_finite().map(Box::new)
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

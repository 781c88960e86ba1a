//! Training: a batch cut into shards, a gradient for each, one step of an optimiser. Functions without noise go to their maximum by
//! [`maximize`].

mod batch;
mod checkpoint;
mod maximize;
mod noise;
mod place;
mod report;
mod shards;

pub use checkpoint::{RestoreError, State};
pub use maximize::{maximize, maximize_from};
pub use noise::Noise;
pub use place::{Placement, place};
pub use report::{NotFinite, Options, Report};

use crate::estimator::Estimator;
use crate::optim::Optimizer;
use batch::{Batch, Pair, Run};
use pathscore_autodiff::Scalar;
use pathscore_autodiff::vector::Lanes;
use pathscore_models::Params;
use pathscore_models::data::{Batches, DataError, Table};
use std::ops::Range;

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
    batch: Batch<F>,
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
        Self { model, params, estimator, optimizer, options, step: 0, batch: Batch::default() }
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
        shape: [usize; 2],
        feed: impl Fn(Range<usize>, &mut [F], &mut Lanes) + Sync,
    ) -> Result<Report, NotFinite> {
        let Self { model, params, estimator, optimizer, options, step, batch } = self;
        let run = Run { params, optimizer: &mut **optimizer, options: *options, step: *step };
        let report = batch.step(&Pair(model, estimator), run, shape, &feed)?;
        estimator.observe(batch.stats());
        *step += 1;
        Ok(report)
    }

    /// The gradient of the last step, after clipping.
    pub fn gradient(&self) -> &[F] {
        self.batch.gradient()
    }
}

//! What an estimator is: a way to draw and two columns of numbers.

use crate::draw::{Columns, Draw};
use pathscore_autodiff::{Grads, Real, Scalar, Tape, Var};
use pathscore_models::Params;
use pathscore_models::latent::LatentModel;
use rand::Rng;

/// The log-probabilities of `draws` draws for each of `batch` members.
#[derive(Clone, Copy, Debug)]
pub struct LogWeights<'a, F> {
    draws: usize,
    batch: usize,
    joint: &'a [F],
    score: &'a [F],
}

impl<'a, F: Scalar> LogWeights<'a, F> {
    /// From two columns of `draws × batch` numbers, draws outermost.
    ///
    /// # Panics
    /// If a column has another length.
    pub fn new(draws: usize, batch: usize, joint: &'a [F], score: &'a [F]) -> Self {
        assert!(joint.len() == draws * batch && score.len() == draws * batch);
        Self { draws, batch, joint, score }
    }

    /// $K$.
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// The number of members.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// $f_k = \ln w_k = \ln p(x_b, z_k) - \ln q(z_k \mid x_b)$.
    pub fn log_weight(&self, k: usize, b: usize) -> F {
        let at = k * self.batch + b;
        self.joint[at] - self.score[at]
    }

    /// $\ln q(z_k \mid x_b)$.
    pub fn log_q(&self, k: usize, b: usize) -> F {
        self.score[k * self.batch + b]
    }

    /// $\frac1K \sum_k f_k$.
    pub fn mean(&self, b: usize) -> F {
        let sum: F = (0..self.draws).map(|k| self.log_weight(k, b)).sum();
        sum / F::from_f64(self.draws as f64)
    }

    /// $\hat L = \ln \frac1K \sum_k w_k$; $-\infty$ if every weight is zero.
    pub fn bound(&self, b: usize) -> F {
        let none = F::from_f64(f64::NEG_INFINITY);
        let top = (0..self.draws).map(|k| self.log_weight(k, b)).fold(none, Real::max);
        if !top.is_finite() {
            return top;
        }
        let sum: F = (0..self.draws).map(|k| (self.log_weight(k, b) - top).exp()).sum();
        top + (sum / F::from_f64(self.draws as f64)).ln()
    }
}

/// The columns of an estimator: what the adjoints of $\ln p(x, z_k)$ and $\ln q(z_k \mid x)$ are seeded with.
#[derive(Clone, Debug, Default)]
pub struct Seeds<F> {
    /// $a$, draws outermost.
    pub joint: Vec<F>,
    /// $b$, draws outermost.
    pub score: Vec<F>,
}

impl<F: Scalar> Seeds<F> {
    /// Fills both columns: `member(b)` prepares what the draws of member $b$ have in common and gives a
    /// function of $k$ whose values are $(a_k, b_k)$.
    pub fn fill<G: Fn(usize) -> (F, F)>(&mut self, w: &LogWeights<F>, member: impl Fn(usize) -> G) {
        let len = w.draws * w.batch;
        self.joint.resize(len, F::ZERO);
        self.score.resize(len, F::ZERO);
        for b in 0..w.batch {
            let column = member(b);
            for k in 0..w.draws {
                (self.joint[k * w.batch + b], self.score[k * w.batch + b]) = column(k);
            }
        }
    }
}

/// What an estimator says of its mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// It is the gradient of the bound.
    Unbiased,
    /// It is the gradient of the bound without any randomness.
    Exact,
    /// It is not the gradient of the bound.
    Biased,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unbiased => "unbiased",
            Self::Exact => "exact",
            Self::Biased => "biased",
        })
    }
}

/// A gradient estimator: how it draws and what its columns are.
pub trait Estimator<F: Scalar>: Sync {
    /// How $z$ is drawn: one of the types of [`draw`](crate::draw).
    type Draw;

    /// What its mean is.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// The fewest draws it can work with.
    fn min_samples(&self) -> usize {
        1
    }

    /// Fills the columns.
    fn seeds(&self, w: &LogWeights<F>, seeds: &mut Seeds<F>);

    /// The value whose gradient is estimated, for member `b`.
    fn bound(&self, w: &LogWeights<F>, b: usize) -> F {
        w.mean(b)
    }

    /// Learns from a batch after its gradient was taken: `mean` is the batch's mean bound. What is
    /// learnt here can only be used by later batches, so it is independent of their draws.
    fn observe(&mut self, mean: f64) {
        let _ = mean;
    }

    /// What it has learnt, for a checkpoint.
    fn state(&self) -> Option<f64> {
        None
    }

    /// Takes up what was learnt before.
    fn restore(&mut self, state: Option<f64>) {
        let _ = state;
    }
}

/// The memory of one gradient, used again by the next.
#[derive(Debug, Default)]
pub struct Work<F> {
    pub(crate) tape: Tape<F>,
    grads: Grads<F>,
    seeds: Seeds<F>,
    joint: Vec<F>,
    score: Vec<F>,
}

impl<F: Scalar> Work<F> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            tape: Tape::new(),
            grads: Grads::new(),
            seeds: Seeds { joint: Vec::new(), score: Vec::new() },
            joint: Vec::new(),
            score: Vec::new(),
        }
    }

    /// The gradient with respect to the first `len` parameters that the last [`gradient`] left.
    pub fn gradient(&self, len: usize) -> &[F] {
        self.grads.leading(len)
    }
}

/// A batch whose numbers are known: records `x`, row by row with `columns` columns, as a constant.
pub fn rows<F: Scalar, R>(
    x: &[F],
    columns: usize,
) -> impl for<'t> FnOnce(&'t Tape<F>, &mut R) -> Var<'t, F> + '_ {
    move |tape, _| tape.constant(x, [x.len() / columns, columns])
}

/// Estimates the gradient of the bound, summed over the batch and times `scale`, into `work`; returns
/// the sum of the bound over the batch.
///
/// `feed` records the batch `x` as a constant of shape `[batch, columns]`; `count` is $K$.
///
/// # Panics
/// If `count` is below [`Estimator::min_samples`].
#[allow(clippy::too_many_arguments)]
pub fn gradient<F, M, E, R>(
    model: &M,
    params: &Params<F>,
    estimator: &E,
    feed: impl for<'t> FnOnce(&'t Tape<F>, &mut R) -> Var<'t, F>,
    count: usize,
    scale: F,
    rng: &mut R,
    work: &mut Work<F>,
) -> F
where
    F: Scalar,
    M: LatentModel<F>,
    E: Estimator<F>,
    E::Draw: Draw<F, M>,
    R: Rng,
{
    let sum = record(model, params, estimator, feed, count, scale, rng, work);
    // The parameters are shared with the tape only while it needs them: an optimiser can now change
    // them in place.
    work.tape.clear();
    sum
}

/// [`gradient`], leaving the tape as it was recorded.
#[allow(clippy::too_many_arguments)]
pub(crate) fn record<F, M, E, R>(
    model: &M,
    params: &Params<F>,
    estimator: &E,
    feed: impl for<'t> FnOnce(&'t Tape<F>, &mut R) -> Var<'t, F>,
    count: usize,
    scale: F,
    rng: &mut R,
    work: &mut Work<F>,
) -> F
where
    F: Scalar,
    M: LatentModel<F>,
    E: Estimator<F>,
    E::Draw: Draw<F, M>,
    R: Rng,
{
    let least = estimator.min_samples();
    assert!(count >= least, "this estimator needs at least {least} samples, not {count}");
    work.tape.clear();
    let Work { tape, grads, seeds, joint, score } = work;
    let bound = params.on(tape);
    let x = feed(tape, rng);
    let columns: Columns<F> = <E::Draw as Draw<F, M>>::record(model, bound, x, count, rng);
    let batch = x.shape()[0];
    let draws = columns.joint.size() / batch.max(1);
    for (column, var) in [(&mut *joint, columns.joint), (&mut *score, columns.score)] {
        column.clear();
        var.with(|values| column.extend_from_slice(values));
    }
    let w = LogWeights::new(draws, batch, joint, score);
    estimator.seeds(&w, seeds);
    seeds.joint.iter_mut().chain(&mut seeds.score).for_each(|seed| *seed *= scale);
    let pulled = [(columns.joint, &seeds.joint[..]), (columns.score, &seeds.score[..])];
    tape.pull_into(&pulled, &[], grads);
    (0..batch).map(|b| estimator.bound(&w, b)).sum()
}

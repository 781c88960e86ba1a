//! The trait of estimators, and those estimators that are a way to draw and two columns of numbers.

use crate::draw::Draw;
use crate::target::Target;
use pathscore_autodiff::{Scalar, Tape, Var};
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};

pub(crate) use crate::weights::{Cotangents, LogWeights};
pub(crate) use crate::work::Work;

/// The relation between an estimator's mean and the gradient of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim {
    /// The mean is the gradient.
    Unbiased,
    /// Every estimate is the gradient: nothing is random.
    Exact,
    /// The mean is the gradient with some components, always the same, multiplied by one factor between zero and
    /// one, as by NVIL's normalised signal.
    Shrunk,
    /// The mean is not the gradient.
    Biased,
}

impl Claim {
    /// True if the mean is the gradient, so that variances can be compared.
    pub fn is_unbiased(self) -> bool {
        matches!(self, Self::Unbiased | Self::Exact)
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unbiased => "unbiased",
            Self::Exact => "exact",
            Self::Shrunk => "shrunk",
            Self::Biased => "biased",
        })
    }
}

/// The arguments of an estimate: a model with its parameters, and a batch.
#[derive(Debug)]
pub struct Query<'a, F, M> {
    /// The model.
    pub model: &'a M,
    /// The parameters of the model.
    pub params: &'a Params<F>,
    /// The batch, row by row.
    pub x: &'a [F],
    /// The number of rows.
    pub batch: usize,
    /// $K$, the draws for each row.
    pub samples: usize,
    /// The factor on the gradient, which is summed over the batch.
    pub scale: F,
}

impl<F: Copy, M> Clone for Query<'_, F, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Copy, M> Copy for Query<'_, F, M> {}

impl<'a, F: Scalar, M> Query<'a, F, M> {
    /// The arguments for one row `x` with `samples` draws.
    pub fn new(model: &'a M, params: &'a Params<F>, x: &'a [F], samples: usize) -> Self {
        Self { model, params, x, batch: 1, samples, scale: F::ONE }
    }

    /// The batch on a tape, of shape `[batch, columns]`.
    pub fn rows<'t>(&self, tape: &'t Tape<F>) -> Var<'t, F> {
        rows(tape, self.x, self.batch)
    }
}

/// Stores the batch size and the summed bound for [`Estimator::observe`], and returns the bound.
pub(crate) fn record_stats<F: Scalar>(stats: &mut Vec<f64>, batch: usize, bound: F) -> F {
    stats.clear();
    stats.extend([batch as f64, bound.to_f64()]);
    bound
}

/// Panics if a query asks for fewer samples than an estimator needs.
pub(crate) fn require_samples(samples: usize, least: usize) {
    let plural = if least == 1 { "" } else { "s" };
    assert!(
        samples >= least,
        "this estimator needs at least {least} sample{plural}, not {samples}"
    );
}

/// Replaces the numbers of a column by the values of a variable.
pub(crate) fn copy_values<F: Scalar>(var: Var<'_, F>, to: &mut Vec<F>) {
    to.clear();
    var.with(|values| to.extend_from_slice(values));
}

/// `batch` rows of numbers on a tape.
pub(crate) fn rows<'t, F: Scalar>(tape: &'t Tape<F>, x: &[F], batch: usize) -> Var<'t, F> {
    tape.constant(x, [batch, x.len() / batch.max(1)])
}

/// Estimates the gradient of a bound or a likelihood of models of type `M`.
///
/// Every type with [`Columns`] is an estimator of all latent-variable models whose posterior allows its way to draw. An
/// estimator of another form implements this trait itself.
///
/// An estimator that does not fit a model does not compile with it, and the error says why:
///
/// ```compile_fail
/// use pathscore_estimators::{Estimator, energy::ContrastiveDivergence};
/// use pathscore_models::latent::Vae;
/// fn fits<M, E: Estimator<f64, M>>() {}
/// fits::<Vae, ContrastiveDivergence>();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not estimate a gradient of the model `{M}`",
    label = "this estimator does not fit the model `{M}`",
    note = "an estimator along the path of a sample (`Sgvb`, `Iwae`, `Dreg`) needs a posterior with `Reparam`; one \
            for bits (`DisArm`, `Rebar`, `LocalExpectation`, `Concrete`) a posterior with `Bits`; `Reinforce`, \
            `Vimco`, `Nvil` and `Wake` fit every `LatentModel`",
    note = "`ExactLikelihood` needs a `Tractable` model, and contrastive divergence one with `BlockGibbs`"
)]
pub trait Estimator<F: Scalar, M>: Sync {
    /// The quantity whose gradient is estimated.
    fn target(&self) -> Target {
        Target::Elbo
    }

    /// The relation of the mean to the gradient of the target.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// True if the value is an estimate of the target. Where it is that of another quantity, which shows the progress of
    /// training, proofs do not compare it.
    fn reports_target(&self) -> bool {
        true
    }

    /// The smallest number of draws for each row.
    fn min_samples(&self) -> usize {
        1
    }

    /// True if a training run may compute some products for the gradients of weights itself, over all parts of the batch at once:
    /// nothing reads the gradient or records on the tape after the estimator's sweep. Estimators that are two
    /// [`Columns`] allow it; an estimator that calls another need not.
    fn defers(&self) -> bool {
        false
    }

    /// Estimates the gradient of the target, summed over the batch and multiplied by [`Query::scale`], into `work`;
    /// returns the value of the target, summed over the batch; see [`Estimator::reports_target`].
    ///
    /// # Panics
    /// If the query asks for fewer draws than [`Estimator::min_samples`].
    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F;

    /// Learns from a batch after the gradient of the batch was taken: `stats` is the sum of the [`Work::stats`] of the
    /// estimates.
    /// Only later batches use the learnt numbers, which are therefore independent of the draws of those batches.
    fn observe(&mut self, stats: &[f64]) {
        let _ = stats;
    }

    /// The estimate of $\ln Z$ at the parameters of the last step, if the estimator follows it.
    fn log_partition(&self) -> Option<f64> {
        None
    }

    /// The numbers that the estimator has learnt, for a checkpoint.
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Replaces the learnt numbers by those of a checkpoint.
    fn restore(&mut self, state: &[f64]) {
        let _ = state;
    }
}

/// An estimator that is two columns of numbers: a way to draw, and the cotangents of $\ln p(x, z_k)$ and
/// $\ln q(z_k \mid x)$.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an estimator of this model",
    label = "this type has neither `Columns` nor an `Estimator` of this model",
    note = "implement `Columns` for an estimator that is two columns of cotangents, or `Estimator` for any other"
)]
pub trait Columns: Sync {
    /// The way to draw $z$: one of the types of [`draw`](crate::draw).
    type Draw;

    /// The quantity whose gradient is estimated.
    fn target(&self) -> Target {
        Target::Elbo
    }

    /// The relation of the mean to the gradient of the target.
    fn claim(&self) -> Claim {
        Claim::Unbiased
    }

    /// The smallest number of draws for each row.
    fn min_samples(&self) -> usize {
        1
    }

    /// Fills the columns with the numbers $a_k$, $b_k$ and, if the path has weights, $c_k$.
    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>);

    /// The value whose gradient is estimated, for member `b`.
    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        w.mean(b)
    }

    /// Learns from the mean bound of a batch, after the gradient of the batch was taken; see [`Estimator::observe`].
    fn observe(&mut self, mean: f64) {
        let _ = mean;
    }

    /// See [`Estimator::state`].
    fn state(&self) -> Vec<f64> {
        Vec::new()
    }

    /// See [`Estimator::restore`].
    fn restore(&mut self, state: &[f64]) {
        let _ = state;
    }
}

impl<F, M, C> Estimator<F, M> for C
where
    F: Scalar,
    M: LatentModel<F>,
    C: Columns,
    C::Draw: Draw<F, M>,
{
    fn target(&self) -> Target {
        Columns::target(self)
    }

    fn claim(&self) -> Claim {
        Columns::claim(self)
    }

    fn min_samples(&self) -> usize {
        Columns::min_samples(self)
    }

    fn defers(&self) -> bool {
        true
    }

    fn estimate<R: RandomSource>(&self, query: Query<F, M>, rng: &mut R, work: &mut Work<F>) -> F {
        let Query { model, params, batch, samples, scale, .. } = query;
        require_samples(samples, Columns::min_samples(self));
        work.tape.clear();
        let Work { tape, grads, stats, leading, cotangents, log_joint, log_q, .. } = work;
        let x = query.rows(tape);
        let drawn = C::Draw::record(model, params.on(tape), x, samples, rng);
        let draws = drawn.log_joint.size() / batch.max(1);
        copy_values(drawn.log_joint, log_joint);
        copy_values(drawn.log_q, log_q);
        let w = LogWeights::new(draws, batch, log_joint, log_q);
        cotangents.path.clear();
        self.cotangents(&w, cotangents);
        cotangents
            .log_joint
            .iter_mut()
            .chain(&mut cotangents.log_q)
            .for_each(|cotangent| *cotangent *= scale);
        let pulled =
            [(drawn.log_joint, &cotangents.log_joint[..]), (drawn.log_q, &cotangents.log_q[..])];
        let gates = [(drawn.z, &cotangents.path[..])];
        let gates = &gates[..usize::from(!cotangents.path.is_empty())];
        tape.pull_deferred(&pulled, gates, *leading, grads);
        let bound: F = (0..batch).map(|b| self.bound(&w, b)).sum();
        record_stats(stats, batch, bound)
    }

    fn observe(&mut self, stats: &[f64]) {
        Columns::observe(self, stats[1] / stats[0]);
    }

    fn state(&self) -> Vec<f64> {
        Columns::state(self)
    }

    fn restore(&mut self, state: &[f64]) {
        Columns::restore(self, state);
    }
}

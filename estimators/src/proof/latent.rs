//! Bounds of latent-variable models as problems, and estimators as what draws their gradients.

use super::gradient::Gradient;
use super::problem::{Problem, Truth, differences, listed_mean};
use crate::dice::Dice;
use crate::estimator::{Claim, Estimator, LogWeights, Query, Work};
use pathscore_autodiff::Tape;
use pathscore_models::Params;
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use std::sync::Arc;

/// What is to be differentiated: a function of the mean of a function of the draws' weights.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Of the draws for one member.
    pub inside: fn(&LogWeights<f64>) -> f64,
    /// Of the mean of that.
    pub outside: fn(f64) -> f64,
}

impl Target {
    /// $E \frac1K \sum_k f_k$.
    pub const ELBO: Self = Self { name: "ELBO", inside: |w| w.mean(0), outside: |mean| mean };
    /// $L_K = E \ln \frac1K \sum_k w_k$.
    pub const BOUND: Self = Self { name: "L_K", inside: |w| w.bound(0), outside: |mean| mean };
    /// $\ln p(x) = \ln E w$.
    pub const LOG_LIKELIHOOD: Self =
        Self { name: "ln p", inside: |w| w.log_weight(0, 0).exp(), outside: f64::ln };
}

/// The gradient of a bound of a latent-variable model, summed over a batch and times a scale.
///
/// Its truth is found by listing the draws of $z$ (normal ones as nodes of a quadrature) and differences
/// in the parameters.
#[derive(Clone, Debug)]
pub struct Latent<M> {
    /// What the problem is called.
    pub name: String,
    /// The model.
    pub model: M,
    /// Its parameters.
    pub params: Params<f64>,
    /// The batch, row by row.
    pub x: Vec<f64>,
    /// The number of rows.
    pub batch: usize,
    /// $K$, the draws for each row.
    pub samples: usize,
    /// What the summed gradient is multiplied by.
    pub scale: f64,
    /// What is to be differentiated.
    pub target: Target,
}

impl<M> Latent<M> {
    /// The ELBO of one row with one draw.
    pub fn new(name: impl Into<String>, model: M, params: Params<f64>, x: &[f64]) -> Self {
        let (batch, samples, scale, target) = (1, 1, 1.0, Target::ELBO);
        Self { name: name.into(), model, params, x: x.to_vec(), batch, samples, scale, target }
    }

    /// The value at other parameters, summed over the batch.
    fn value(&self, at: &[f64]) -> f64
    where
        M: LatentModel<f64>,
    {
        let mut params = self.params.clone();
        params.values_mut().copy_from_slice(at);
        let mut tape = Tape::new();
        let columns = self.x.len() / self.batch.max(1);
        let mut member = |x: &[f64]| {
            let mean = listed_mean(|dice| {
                tape.clear();
                let bound = params.on(&tape);
                let x = tape.constant(x, [1, columns]);
                let q = self.model.posterior(bound, x);
                let z = q.sample(self.samples, dice);
                let (joint, score) = (self.model.log_joint(bound, x, z), q.log_prob(z));
                let inside = |joint: &[f64], score: &[f64]| {
                    (self.target.inside)(&LogWeights::new(self.samples, 1, joint, score))
                };
                joint.with(|joint| score.with(|score| inside(joint, score)))
            });
            (self.target.outside)(mean)
        };
        self.x.chunks(columns).map(&mut member).sum()
    }
}

impl<M: LatentModel<f64>> Problem for Latent<M> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn components(&self) -> Vec<String> {
        components(&self.params)
    }

    fn truth(&self) -> Truth {
        let at = self.params.values();
        let slopes = differences(at, |at| self.value(at));
        let gradient = slopes.into_iter().map(|slope| self.scale * slope).collect();
        Truth { gradient, value: Some(self.value(at)) }
    }

    /// Of the first row.
    fn effective_draws(&self, dice: &mut Dice) -> Option<f64> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let columns = self.x.len() / self.batch.max(1);
        let x = tape.constant(&self.x[..columns], [1, columns]);
        let q = self.model.posterior(params, x);
        let z = q.sample(self.samples, dice);
        let (joint, score) = (self.model.log_joint(params, x, z), q.log_prob(z));
        let effective = |joint: &[f64], score: &[f64]| {
            LogWeights::new(self.samples, 1, joint, score).effective_draws(0)
        };
        Some(joint.with(|joint| score.with(|score| effective(joint, score))))
    }
}

/// The name of every parameter.
pub(crate) fn components(params: &Params<f64>) -> Vec<String> {
    params
        .iter()
        .flat_map(|(name, shape, _)| {
            let one = shape.size() == 1;
            let label = move |i| if one { name.to_string() } else { format!("{name}[{i}]") };
            (0..shape.size()).map(label)
        })
        .collect()
}

/// An [`Estimator`] that is asked for the gradient of one problem, again and again.
#[derive(Debug)]
pub struct Asked<M, E> {
    problem: Arc<Latent<M>>,
    estimator: E,
    work: Work<f64>,
}

impl<M, E> Asked<M, E> {
    /// What `estimator` draws for `problem`; what the problem's model may be is the estimator's affair.
    pub fn new(problem: &Arc<Latent<M>>, estimator: E) -> Self {
        Self { problem: Arc::clone(problem), estimator, work: Work::new() }
    }
}

impl<M, E: Clone> Clone for Asked<M, E> {
    fn clone(&self) -> Self {
        Self::new(&self.problem, self.estimator.clone())
    }
}

impl<M, E> Gradient for Asked<M, E>
where
    M: Send + Sync,
    E: Estimator<f64, M> + Send,
{
    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn draw(&mut self, dice: &mut Dice, out: &mut [f64]) -> Option<f64> {
        let Latent { model, params, x, batch, samples, scale, .. } = &*self.problem;
        let query = Query { model, params, x, batch: *batch, samples: *samples, scale: *scale };
        let value = self.estimator.estimate(query, dice, &mut self.work);
        out.copy_from_slice(self.work.gradient(out.len()));
        self.estimator.observe(&self.work.seen);
        Some(value)
    }
}

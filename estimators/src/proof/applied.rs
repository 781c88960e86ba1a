//! Estimators applied to one problem.

use super::energy_based::EnergyBased;
use super::gradient::Gradient;
use super::latent::Latent;
use crate::enumerator::Enumerator;
use crate::estimator::{Claim, Estimator, Query, Work};
use std::sync::Arc;

/// A problem that holds the arguments of an estimate: a model with parameters, and a batch.
pub trait Arguments: Send + Sync {
    /// The model.
    type Model;

    /// The arguments.
    fn query(&self) -> Query<'_, f64, Self::Model>;
}

impl<M: Send + Sync> Arguments for Latent<M> {
    type Model = M;

    fn query(&self) -> Query<'_, f64, M> {
        let Self { model, params, x, batch, samples, scale, .. } = self;
        Query { model, params, x, batch: *batch, samples: *samples, scale: *scale }
    }
}

impl<M: Send + Sync> Arguments for EnergyBased<M> {
    type Model = M;

    fn query(&self) -> Query<'_, f64, M> {
        let Self { model, params, x, batch, samples, scale, .. } = self;
        Query { model, params, x, batch: *batch, samples: *samples, scale: *scale }
    }
}

/// An [`Estimator`] applied to one problem, [`Latent`] or [`EnergyBased`]: each draw is one estimate of the problem's
/// gradient.
///
/// After each draw the estimator observes its statistics, so that running baselines learn as in training.
#[derive(Debug)]
pub struct Applied<P, E> {
    problem: Arc<P>,
    estimator: E,
    work: Work<f64>,
}

impl<P, E> Applied<P, E> {
    /// Applies `estimator` to `problem`; the draws compile if the estimator accepts the problem's model.
    pub fn new(problem: &Arc<P>, estimator: E) -> Self {
        Self { problem: Arc::clone(problem), estimator, work: Work::new() }
    }
}

impl<P, E: Clone> Clone for Applied<P, E> {
    fn clone(&self) -> Self {
        Self::new(&self.problem, self.estimator.clone())
    }
}

impl<P, E> Gradient for Applied<P, E>
where
    P: Arguments,
    E: Estimator<f64, P::Model> + Send,
{
    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let value = self.estimator.estimate(self.problem.query(), source, &mut self.work);
        out.copy_from_slice(self.work.gradient(out.len()));
        self.estimator.observe(&self.work.stats);
        self.estimator.reports_target().then_some(value)
    }
}

//! Estimators applied to one problem.

use super::gradient::Gradient;
use super::latent::Latent;
use crate::enumerator::Enumerator;
use crate::estimator::{Claim, Estimator, Query, Work};
use std::sync::Arc;

/// An [`Estimator`] applied to one latent-variable problem: each draw is one estimate of the problem's gradient.
///
/// After each draw the estimator observes its statistics, so that running baselines learn as in training.
#[derive(Debug)]
pub struct Applied<M, E> {
    problem: Arc<Latent<M>>,
    estimator: E,
    work: Work<f64>,
}

impl<M, E> Applied<M, E> {
    /// Applies `estimator` to `problem`; the draws compile if the estimator accepts the problem's model.
    pub fn new(problem: &Arc<Latent<M>>, estimator: E) -> Self {
        Self { problem: Arc::clone(problem), estimator, work: Work::new() }
    }
}

impl<M, E: Clone> Clone for Applied<M, E> {
    fn clone(&self) -> Self {
        Self::new(&self.problem, self.estimator.clone())
    }
}

impl<M, E> Gradient for Applied<M, E>
where
    M: Send + Sync,
    E: Estimator<f64, M> + Send,
{
    fn claim(&self) -> Claim {
        self.estimator.claim()
    }

    fn draw(&mut self, source: &mut Enumerator, out: &mut [f64]) -> Option<f64> {
        let Latent { model, params, x, batch, samples, scale, .. } = &*self.problem;
        let query = Query { model, params, x, batch: *batch, samples: *samples, scale: *scale };
        let value = self.estimator.estimate(query, source, &mut self.work);
        out.copy_from_slice(self.work.gradient(out.len()));
        self.estimator.observe(&self.work.stats);
        self.estimator.reports_target().then_some(value)
    }
}

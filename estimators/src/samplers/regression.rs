//! The posterior of a logistic regression as a target.

use super::{Differentiable, LogDensity};
use pathscore_models::regression::LogisticRegression;

/// The posterior of the weights, up to $p(y)$.
impl LogDensity for LogisticRegression {
    fn dim(&self) -> usize {
        LogisticRegression::dim(self)
    }

    fn log_prob(&self, w: &[f64]) -> f64 {
        self.log_joint(w)
    }
}

impl Differentiable for LogisticRegression {
    fn log_prob_and_grad(&self, w: &[f64], grad: &mut [f64]) -> f64 {
        self.log_joint_and_grad(w, grad)
    }
}

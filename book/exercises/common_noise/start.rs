//! Exercise of chapter 14: a finite difference with noise.

use pathscore::estimators::Enumerator;
use pathscore::prelude::RandomSource;

/// One draw of the central difference of E (μ + ε)² by μ with the step h, where ε is standard normal.
///
/// Task: the mean is right. Nobody can use this estimator. Why?
pub fn difference(mu: f64, h: f64, source: &mut Enumerator) -> f64 {
    let above = (mu + h + source.normal()).powi(2);
    let below = (mu - h + source.normal()).powi(2);
    (above - below) / (2.0 * h)
}

//! Solution of `common_noise`.

use pathscore::estimators::Enumerator;
use pathscore::prelude::RandomSource;

/// Both sides have the same noise, so that it cancels in the difference. With noise of their own the variance
/// is Var(z²)/2h².
pub fn difference(mu: f64, h: f64, source: &mut Enumerator) -> f64 {
    let eps = source.normal();
    ((mu + h + eps).powi(2) - (mu - h + eps).powi(2)) / (2.0 * h)
}

//! Criteria that choose among models by their maximal likelihood.

/// Akaike's information criterion (Akaike 1974), $2k - 2\ln L$, of a model with $k$ `free` parameters whose maximal
/// log-likelihood, summed over all rows, is $\ln L$. The model with the least is preferred.
///
/// Up to a constant it estimates twice the mean divergence of the fitted model from the source of the data, in nats for
/// all rows. It tends to choose models that are too large rather than too small.
///
/// ```
/// use pathscore_models::tractable::aic;
/// // Three nats more pay for two parameters.
/// assert!(aic(-97.0, 5) < aic(-100.0, 3));
/// ```
pub fn aic(log_likelihood: f64, free: usize) -> f64 {
    2.0 * free as f64 - 2.0 * log_likelihood
}

/// The Bayesian information criterion (Schwarz 1978), $k \ln N - 2\ln L$, of a model with $k$ `free` parameters whose
/// maximal log-likelihood, summed over $N$ `rows`, is $\ln L$. The model with the least is preferred.
///
/// It is $-2\ln p(\text{data})$ up to terms that do not grow with $N$, where the maximum is a point of a smooth family; with
/// more and more rows it finds the true model if that is among the choices.
///
/// ```
/// use pathscore_models::tractable::bic;
/// // Three nats more do not pay for two parameters of a thousand rows.
/// assert!(bic(-97.0, 5, 1000) > bic(-100.0, 3, 1000));
/// ```
pub fn bic(log_likelihood: f64, free: usize, rows: usize) -> f64 {
    free as f64 * (rows as f64).ln() - 2.0 * log_likelihood
}

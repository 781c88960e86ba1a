//! Bayesian regression: linear with exact posteriors, logistic with Laplace's approximation.
//!
//! A table of $n$ rows is a slice `x` of their columns, one row after another, and a slice `y` of $n$ answers. A model has no intercept of
//! its own: a column of ones is one.
//!
//! | model | noise | posterior | evidence |
//! |---|---|---|---|
//! | [`KnownNoise`] | $\mathcal N(0, \sigma^2)$, $\sigma$ known | normal | exact |
//! | [`NormalInverseGamma`] | $\mathcal N(0, \sigma^2)$, $\sigma$ unknown | normal–inverse-gamma | exact |
//! | [`RidgeEvidence`] | $\mathcal N(0, 1/\beta)$, prior $\mathcal N(0, I/\alpha)$ | normal | exact, as a function of $\alpha$ and $\beta$, to be maximised |
//! | [`LogisticRegression`] | Bernoulli | log-concave; a normal at the mode | Laplace's approximation |
//!
//! All is computed in double precision. Linear models are solved by a QR factorisation of the data and never by the normal equations, whose
//! condition number is the square of that of the data.

#[cfg(test)]
mod tests;

mod least_squares;

pathscore_autodiff::modules! {
    known_noise: KnownNoise, NormalPrediction;
    logistic: Laplace, LogisticRegression;
    normal_inverse_gamma: NormalInverseGamma, StudentPrediction;
    ridge_evidence: RidgeEvidence, RidgeMaximum;
}

//! Gaussian processes: covariance functions, regression, and latent-variable models whose maps have a Gaussian process as prior.
//!
//! A Gaussian process has the values of a function at any finite number of points jointly normal, with the covariance
//! $k(x, x')$ between two of them. Its hyperparameters (variances, length-scales, the noise) are found by maximising the marginal
//! likelihood, in which the function itself is integrated out: maximum likelihood of type II, or MAP with a
//! [`HyperPrior`].
//!
//! Every model adds a small *jitter* to the noise of its observations: a stated fraction of the mean prior variance at the points,
//! $\sqrt\epsilon$ of the number type unless another is set. It keeps the Cholesky factorisation stable, and it is a
//! part of the model, so that gradients count it and predictions contain it.

#[cfg(test)]
mod tests;

pathscore_autodiff::modules! {
    bayesian_gplvm: BayesianGplvm, Psi;
    gplvm: Gplvm;
    gplvm_data: GplvmData;
    gplvm_posterior: GplvmPosterior, GplvmTarget;
    kernel: Kernel, KernelForm;
    prior: HyperPrior;
    regression: GpPosterior, GpPrediction, GpRegression;
}

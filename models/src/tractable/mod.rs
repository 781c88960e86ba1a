//! Models whose log-likelihood $\ln p(x)$ is exact, and what to choose and read them by.

mod rows;

pathscore_autodiff::modules! {
    factor_analysis: FactorAnalysis;
    gaussian_mixture: Covariance, GaussianMixture, StartError;
    information: aic, bic;
    mean_field: MeanFieldPpca;
    minka: minka_log_evidence;
    ppca: Ppca;
    varimax: Rotation, varimax, varimax_criterion;
}

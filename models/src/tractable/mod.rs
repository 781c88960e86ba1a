//! Models whose log-likelihood $\ln p(x)$ is exact, and what to choose and read them by.

#[cfg(test)]
mod density_checks;
pub(crate) mod log_odds;
mod rows;

pathscore_autodiff::modules! {
    coupling_flow: CouplingFlow;
    factor_analysis: FactorAnalysis;
    gaussian_mixture: Covariance, GaussianMixture, StartError;
    information: aic, bic;
    made: Made;
    mean_field: MeanFieldPpca;
    minka: minka_log_evidence;
    nade: Nade;
    ppca: Ppca;
    varimax: Rotation, varimax, varimax_criterion;
}

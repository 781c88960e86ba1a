//! Models whose log-likelihood $\ln p(x)$ is exact.

pathscore_autodiff::modules! {
    ppca: Ppca;
}

//! Estimators for energy-based models, $p(x) = e^{-E(x)} / Z$.
//!
//! The gradient of the log-likelihood has a positive phase, over the data, and a negative phase, over the model:
//!
//! $$\nabla \frac1B \sum_b \ln p(x_b) = -\frac1B \sum_b \nabla E(x_b) + E_{x \sim p} \nabla E(x).$$
//!
//! The second mean is over all states of the model. The estimators of this module put Markov chains in its place and
//! differ in where the chains begin. Each phase is divided by its own count, so the chains need not be as many as the
//! rows of the batch, and the states of the chains are constants to derivatives.

pathscore_autodiff::modules! {
    centred: Centred;
    annealing: EnergyChains, LogPartition, PARALLEL_CHAINS, ParameterPath;
    contrastive: ContrastiveDivergence, PersistentContrastiveDivergence;
}

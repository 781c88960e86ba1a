//! Energy-based models: $p(x) = e^{-E(x)} / Z$, where the constant $Z$ is a sum or an integral over all $x$ that is
//! usually out of reach.

#[cfg(test)]
mod enumerate;
mod rows;

pathscore_autodiff::modules! {
    boltzmann: BoltzmannMachine;
    deep_boltzmann: DeepBoltzmann;
    gaussian_rbm: GaussianRbm;
    graph: Boundary, Graph;
    rbm: Rbm;
    softmax_rbm: SoftmaxRbm;
    base: NormalBase, RealEnergy;
    gaussian: GaussianEnergy;
    grid: Grid;
    net: EnergyNet;
    with_log_partition: WithLogPartition;
    small: small_rbm;
}

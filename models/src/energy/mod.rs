//! Energy-based models: $p(x) = e^{-E(x)} / Z$, where the constant $Z$ is a sum over all $x$ that is usually out of
//! reach.

pathscore_autodiff::modules! {
    rbm: Rbm;
}

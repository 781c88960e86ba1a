//! Models whose log-likelihood $\ln p(x)$ is exact.

mod ppca;

pub use ppca::Ppca;

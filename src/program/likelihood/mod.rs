//! `likelihood`: one problem whose $\ln p(x)$ is exact, and all ways to estimate it, its gradient, and its maximum.

mod args;
mod command;
mod dimension;
mod fits;
mod gradients;
mod identity;
mod invariance;
mod problem;
mod values;

pub(crate) use args::LikelihoodArgs;
pub(crate) use command::likelihood;

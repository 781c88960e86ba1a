#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// The program names the libraries as its users do.
#[cfg(feature = "cli")]
extern crate self as pathscore;

#[cfg(feature = "cli")]
mod program;

pub use pathscore_autodiff as autodiff;
pub use pathscore_estimators as estimators;
pub use pathscore_models as models;

/// Comparisons of estimators, one's own among them, as rows, tables and charts, and as a program: [`Bench`](bench::Bench). It needs the
/// feature `cli`, which is on by default.
#[cfg(feature = "cli")]
pub mod bench {
    pub use crate::program::bench::{Bench, InSettings, OnProblem, Setting};
    pub use crate::program::compare::{Error, Options, Results, Row};
}

/// The names that most programs need: `use pathscore::prelude::*;`.
pub mod prelude {
    pub use crate::autodiff::{Activation, Grads, Real, Scalar, Tape, Tensor, Var};
    pub use crate::estimators::exact::{Enumeration, Quadrature};
    pub use crate::estimators::fit::{Options, Trainer};
    pub use crate::estimators::optim::{Adam, Optimizer, Schedule, Sgd};
    pub use crate::estimators::path::{Sgvb, SgvbKl};
    pub use crate::estimators::score::{Baseline, Reinforce};
    pub use crate::estimators::{
        Columns, Cotangents, Estimator, LogWeights, Query, Work, evaluate,
    };
    pub use crate::models::dist::{
        Bernoulli, Categorical, Cdf, Distribution, Entropy, Enumerable, Kl, Moments, Normal,
        ParameterError, Reparam,
    };
    pub use crate::models::latent::{Decoder, DiscreteVae, LatentModel, Likelihood, Vae};
    pub use crate::models::nn::{Linear, Mlp};
    pub use crate::models::{Bound, Init, ParamId, Params, RandomSource, data, seed};
}

//! The models that several exercises share, and two functions that their formulas need.

use pathscore::estimators::Target;
use pathscore::estimators::proof::Latent;
use pathscore::models::latent::{LinearGaussian, SmallBelief};
use pathscore::prelude::*;
use std::sync::Arc;

/// σ(x) = 1/(1 + e^−x), the probability whose logit is x.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// ln (1/K) Σ_k e^x_k, without overflow.
pub fn log_mean_exp(x: &[f64]) -> f64 {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = x.iter().map(|x| (x - top).exp()).sum();
    top + (sum / x.len() as f64).ln()
}

/// Two latent bits behind three observed ones.
pub(crate) fn bits(target: Target, samples: usize) -> Arc<Latent<SmallBelief>> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let problem = Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]);
    Arc::new(Latent { samples, target, ..problem })
}

/// One normal latent behind one observed number.
pub(crate) fn line(target: Target, samples: usize) -> Arc<Latent<LinearGaussian>> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = LinearGaussian::new(&mut params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, rng);
    Arc::new(Latent { samples, target, ..Latent::new("a line", model, params, &[1.0]) })
}

//! The small problems on which wrong estimators are examined.

use crate::proof::{EnergyBased, Latent};
use crate::target::Target;
use pathscore_models::energy::{Rbm, small_rbm};
use pathscore_models::latent::{LinearGaussian, SmallBelief};
use pathscore_models::{Params, seed};

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// A belief net with two bits behind three, of which so many rows are observed.
pub(super) fn belief(target: Target, samples: usize, rows: usize) -> Latent<SmallBelief> {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let x = &[1.0, 0.0, 1.0, 0.0, 1.0, 1.0][..3 * rows];
    let name = format!("bits: {target}, K={samples},B={rows}");
    Latent { samples, batch: rows, target, ..Latent::new(name, model, params, x) }
}

/// A linear-Gaussian model with one latent and one observed number.
pub(super) fn line(target: Target, samples: usize) -> Latent<LinearGaussian> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = LinearGaussian::new(&mut params, [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2], 0.5, rng);
    let name = format!("line: {target}, K={samples}");
    Latent { samples, target, ..Latent::new(name, model, params, &[1.0]) }
}

/// A machine of four visible and three hidden units, of which so many rows are observed.
pub(super) fn machine(rows: usize) -> EnergyBased<Rbm> {
    let mut params = Params::new();
    let model = small_rbm(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let x = &[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0][..4 * rows];
    EnergyBased {
        batch: rows,
        ..EnergyBased::new(format!("machine: ln p, B={rows}"), model, params, x)
    }
}

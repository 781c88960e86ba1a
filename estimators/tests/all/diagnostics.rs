//! Diagnostics of a run: the noise of its gradient and the use of its latents.

use super::common::moments;
use pathscore_autodiff::{Activation, Tape};
use pathscore_estimators::diagnose;
use pathscore_estimators::fit::{Options, Trainer};
use pathscore_estimators::optim::Adam;
use pathscore_estimators::path::Sgvb;
use pathscore_models::dist::Normal;
use pathscore_models::latent::{LatentModel, Likelihood, LinearGaussian, Vae};
use pathscore_models::{Params, seed};

const SEED: u64 = 5;

/// The training of a linear-Gaussian model on the single row `x = 1`.
fn trainer(lr: f64) -> Trainer<f64, LinearGaussian, Sgvb> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
    let model = LinearGaussian::new(&mut params, at, 0.5, rng);
    let options = Options { lr, seed: SEED, ..Options::default() };
    Trainer::new(model, params, Sgvb, Box::new(Adam::default()), options)
}

#[test]
fn the_noise_of_a_gradient_is_its_variance() {
    let mut trainer = trainer(0.0);
    trainer.step([1, 1], |_, x, _| x.fill(1.0)).unwrap();
    let exact = moments((&trainer.model, &trainer.params), &Sgvb, &[1.0], 1, 1, 30);
    let noise = trainer.gradient_noise(40_000);
    let [all, ..] = &noise[..] else { panic!("there is always the whole") };
    let variance: f64 = exact.variance.iter().sum();
    let signal: f64 = exact.mean.iter().map(|g| g * g).sum();
    // The gradient is a polynomial of a normal number; the relative standard deviation of the variance is below
    // 15/√40 000 = 0.075.
    assert!((all.variance / variance - 1.0).abs() < 5.0 * 0.075, "{all:?} and {variance}");
    assert!((all.signal - signal).abs() < 5.0 * 2.0 * (signal * variance / 40_000.0).sqrt());
    let parts: f64 = noise[1..].iter().map(|part| part.variance).sum();
    assert!((parts / all.variance - 1.0).abs() < 1e-9);
}

#[test]
fn diagnostics_do_not_change_a_run() {
    let run = |look: bool| {
        let mut trainer = trainer(0.1);
        for _ in 0..5 {
            trainer.step([1, 1], |_, x, _| x.fill(1.0)).unwrap();
            if look {
                trainer.gradient_noise(3);
            }
        }
        trainer.params.values().to_vec()
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn units_are_as_far_from_the_prior_as_the_divergence_says() {
    let mut params = Params::<f64>::new();
    let rng = &mut seed::rng(SEED, seed::Stream::Init, 0);
    let bits = Likelihood::Bernoulli;
    let model = Vae::new(&mut params, 3, &[4], 2, Activation::Tanh, bits, rng);
    let x = [1.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    let found = diagnose(&model, &params, &x, 2, 20_000, rng);
    let tape = Tape::new();
    let params = params.on(&tape);
    let q: Normal<f64> = model.posterior(params, tape.constant(&x, [2, 3]));
    let (loc, log_scale) = (q.loc().value(), q.log_scale().value());
    for unit in 0..2 {
        let at = |row: usize| (loc.values()[2 * row + unit], log_scale.values()[2 * row + unit]);
        let kl = |(mu, s): (f64, f64)| 0.5 * (mu * mu + (2.0 * s).exp() - 2.0 * s - 1.0);
        // The term of one draw has a standard deviation below two nats, and there are 40 000 draws.
        assert!((found.kl[unit] - 0.5 * (kl(at(0)) + kl(at(1)))).abs() < 5.0 * 0.01);
        let half = 0.5 * (at(0).0 - at(1).0);
        assert!((found.activity[unit] - half * half).abs() < 1e-12);
    }
    let active = found.activity.iter().filter(|activity| **activity > 0.01).count();
    assert_eq!(found.active_units(), active);
}

//! Variances that are known in closed form, at many points: the measured ones must lie about them.

use pathscore_estimators::Estimator;
use pathscore_estimators::path::StickingTheLanding;
use pathscore_estimators::proof::{Asked, Latent, Problem};
use pathscore_estimators::score::{Baseline, Reinforce};
use pathscore_estimators::variance::{Component, study_of};
use pathscore_models::latent::{BernoulliToy, GaussianQuadratic};
use pathscore_models::{Params, seed};
use std::sync::Arc;

const DRAWS: usize = 40_000;

fn measured<M, E>(problem: &Arc<Latent<M>>, estimator: E, exact: &[f64]) -> Vec<Component>
where
    M: Send + Sync + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    study_of(&Asked::new(problem, estimator), exact, DRAWS, 7).components
}

fn toy(theta: f64, samples: usize) -> Arc<Latent<BernoulliToy>> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = BernoulliToy::new(&mut params, theta, 0.45, rng);
    Arc::new(Latent { samples, ..Latent::new("toy", model, params, &[0.0]) })
}

fn quadratic(k: f64, samples: usize) -> Arc<Latent<GaussianQuadratic>> {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = GaussianQuadratic::new(&mut params, [1.0, 0.0], k, rng);
    Arc::new(Latent { samples, ..Latent::new("quadratic", model, params, &[0.0]) })
}

/// The relative error of a variance from n draws is √((κ − 1)/n); κ is below 100 for each of these
/// (the score's square of a normal number is the worst), so five of them are below a quarter.
fn assert_near(measured: &Component, exact: f64) {
    assert!((measured.variance - exact).abs() < 0.25 * exact + 1e-12, "{measured:?}, not {exact}");
    assert!(measured.z().abs() < 5.0, "{measured:?}");
}

#[test]
fn the_bernoulli_toy_has_its_known_variances() {
    for (theta, gradient, score, constant, one_out) in [
        (0.0, 0.025, 1.593906e-2, 0.0, 6.25e-4),
        (1.0, 0.01966119, 1.034605e-2, 4.198692e-4, 5.964971e-4),
        (2.0, 0.01049936, 4.827192e-3, 6.089897e-4, 4.147314e-4),
    ] {
        let truth = toy(theta, 1).truth();
        assert!((truth.gradient[0] - gradient).abs() < 1e-8);
        let mean = truth.value.unwrap();
        for (baseline, samples, variance) in [
            (Baseline::None, 1, score),
            (Baseline::Constant(mean), 1, constant),
            (Baseline::LeaveOneOut, 2, one_out),
        ] {
            let seen = measured(&toy(theta, samples), Reinforce { baseline }, &truth.gradient);
            assert_near(&seen[0], variance);
        }
    }
}

#[test]
fn the_gaussian_quadratic_has_its_known_variances() {
    for k in [-2.0, 0.0, 1.5] {
        let a = 1.0 - k;
        let truth = quadratic(k, 1).truth();
        assert!((truth.gradient[0] - 2.0 * a).abs() < 1e-8);
        assert!((truth.gradient[1] - 2.0).abs() < 1e-8);
        let path = measured(&quadratic(k, 1), StickingTheLanding, &truth.gradient);
        assert_near(&path[0], 4.0);
        assert_near(&path[1], 4.0 * a.powi(2) + 8.0);
        let none = Reinforce { baseline: Baseline::None };
        let score = measured(&quadratic(k, 1), none, &truth.gradient);
        assert_near(&score[0], a.powi(4) + 14.0 * a.powi(2) + 15.0);
        assert_near(&score[1], 2.0 * a.powi(4) + 60.0 * a.powi(2) + 74.0);
        // With d = ε₁ − ε₂ and s = ε₁ + ε₂ the estimate is d²(2a + s)/2 for μ, d²s(2a + s)/2 for ln σ.
        let one_out = Reinforce { baseline: Baseline::LeaveOneOut };
        let pairs = measured(&quadratic(k, 2), one_out, &truth.gradient);
        assert_near(&pairs[0], 8.0 * a.powi(2) + 6.0);
        assert_near(&pairs[1], 24.0 * a.powi(2) + 32.0);
    }
}

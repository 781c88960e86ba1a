//! The factorised posterior against the exact one: identities to rounding, and three ways to one maximum.

use super::*;
use crate::capability::Em;
use crate::dist::Distribution;
use crate::seed::{Stream, rng};
use pathscore_autodiff::Tape;

const ROWS: usize = 30;
const COLUMNS: usize = 5;
const LATENTS: usize = 3;

fn data() -> Vec<f64> {
    let source = &mut rng(8, Stream::Sample, 0);
    let row = |_| {
        let [a, b, c] = [(); 3].map(|()| RandomSource::normal(source));
        let mut noise = || 0.5 * RandomSource::normal(source);
        let (e, f) = (noise(), noise());
        [1.0 + 2.0 * a + noise(), a - b + e, 1.5 * b - 2.0 + f, c + noise(), 0.7 * c - a + noise()]
    };
    (0..ROWS).flat_map(row).collect()
}

/// A model with columns of the loadings that are far from orthogonal.
fn model(seed: u64) -> (MeanFieldPpca, Params<f64>) {
    let mut params = Params::new();
    let ppca = Ppca::new(&mut params, COLUMNS, LATENTS, &mut rng(seed, Stream::Init, 0));
    for (i, x) in params.values_mut().iter_mut().enumerate() {
        *x += 0.6 * (1.0 + i as f64 * 1.7).sin() + if i % LATENTS == 0 { 0.4 } else { 0.0 };
    }
    (MeanFieldPpca(ppca), params)
}

fn assert_near(found: Var<f64>, expected: Var<f64>, tolerance: f64) {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (found.value(), expected.value());
    for (a, b) in found.values().iter().zip(expected.values()) {
        assert!((a - b).abs() < tolerance, "{a} {b}");
    }
}

/// Numbers near ten with a dozen operations.
const ROUNDING: f64 = 1e-12;

#[test]
fn the_log_likelihood_is_the_elbo_plus_the_divergence() {
    let ((model, params), x) = (model(1), data());
    let tape = Tape::new();
    let (params, x) = (params.on(&tape), tape.constant(&x, [ROWS, COLUMNS]));
    let (q, exact) = (model.posterior(params, x), model.exact_posterior(params, x));
    let kl = model.kl(params);
    assert!(kl.item() > 0.1, "the loadings are nearly orthogonal: {}", kl.item());
    assert_near(q.kl(&exact), kl.broadcast_to([ROWS]), ROUNDING);
    assert_near(model.elbo(params, x, &q) + kl, model.log_prob(params, x), ROUNDING);
    assert_near(model.encode(params, x), exact.loc(), ROUNDING);
    // The bound of draws is that of the closed form: ln p(x, z) − ln q(z | x) in the mean, within five standard errors.
    let z = q.sample(20_000, &mut rng(3, Stream::Sample, 0));
    let draws = model.log_joint(params, x, z) - q.log_prob(z);
    let mean = draws.mean_axis(0);
    let spread = ((draws - mean).sum_squares(0) * (1.0 / 20_000.0)).sqrt().value();
    let found = (mean - model.elbo(params, x, &q)).value();
    for (error, spread) in found.values().iter().zip(spread.values()) {
        assert!(error.abs() < 5.0 * spread / 20_000_f64.sqrt(), "{error} {spread}");
    }
}

/// For any q, and not only for the best.
#[test]
fn the_elbo_climbs_where_the_divergence_falls() {
    let ((model, params), x) = (model(2), data());
    let tape = Tape::new();
    let (params, x) = (params.on(&tape), tape.constant(&x[..2 * COLUMNS], [2, COLUMNS]));
    let loc = tape.leaf(&[0.3, -1.0, 0.5, 0.0, 2.0, -0.4], [2, LATENTS]);
    let log_scale = tape.leaf(&[-0.5, 0.2, 0.0, -1.0, 0.4, -0.3], [2, LATENTS]);
    let q = Normal::from_log_scale_unchecked(loc, log_scale);
    let (elbo, kl) = (model.elbo(params, x, &q), q.kl(&model.exact_posterior(params, x)));
    assert_near(elbo + kl, model.log_prob(params, x), 1e-11);
    let [up, down] = [elbo, kl].map(|of| of.sum().backward());
    for parameter in [loc, log_scale] {
        // Slopes near a hundred.
        let (up, down) = (up.of(parameter), down.of(parameter));
        for (up, down) in up.values().iter().zip(down.values()) {
            assert!((up + down).abs() < 1e-11, "{up} {down}");
        }
    }
    // The best q has a gradient of zero, and every other q a lower bound.
    let best = model.posterior(params, x);
    let [loc, log_scale] = [best.loc(), best.log_scale()].map(|of| of.value());
    let [loc, log_scale] = [loc, log_scale].map(|of| tape.leaf(of.values(), [2, LATENTS]));
    let at_best = model.elbo(params, x, &Normal::from_log_scale_unchecked(loc, log_scale));
    let slopes = at_best.sum().backward();
    for parameter in [loc, log_scale] {
        assert!(slopes.of(parameter).values().iter().all(|slope| slope.abs() < 1e-11));
    }
    assert!((at_best - elbo).with(|gain| gain.iter().all(|gain| *gain > 0.0)));
}

#[test]
fn derivatives_of_bound_and_divergence_agree_with_differences() {
    let (model, params) = model(3);
    let x = data();
    for of_bound in [false, true] {
        let value = |params: &Params<f64>| {
            let tape = Tape::new();
            let bound = params.on(&tape);
            let rows = tape.constant(&x[..3 * COLUMNS], [3, COLUMNS]);
            let y = match of_bound {
                true => model.elbo(bound, rows, &model.posterior(bound, rows)).sum(),
                false => model.kl(bound),
            };
            (y.item(), y.backward().leading(params.len()).to_vec())
        };
        let (_, slopes) = value(&params);
        for (i, slope) in slopes.iter().enumerate() {
            let moved = |by: f64| {
                let mut params = params.clone();
                params.values_mut()[i] += by;
                value(&params).0
            };
            // Central differences err by h² times a third derivative near a hundred, and by 1e-14/h.
            let found = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found - slope).abs() < 1e-7, "{:?}: {slope} {found}", params.name_at(i));
        }
    }
}

fn mean_of(model: &MeanFieldPpca, params: &Params<f64>, x: &[f64], elbo: bool) -> f64 {
    let tape = Tape::new();
    let (params, x) = (params.on(&tape), tape.constant(x, [ROWS, COLUMNS]));
    let of = model.log_prob(params, x).mean().item();
    if elbo { of - model.kl(params).item() } else { of }
}

#[test]
fn variational_em_climbs_the_bound_to_the_maximum_of_the_likelihood() {
    let ((model, mut params), x) = (model(4), data());
    let best = model.0.closed_form(&mut params.clone(), &x, ROWS).unwrap();
    let mut last = f64::NEG_INFINITY;
    for _ in 0..3000 {
        let before = mean_of(&model, &params, &x, true);
        let told = model.variational_em_step(&mut params, &x, ROWS);
        assert!((told - before).abs() < 1e-11, "the bound before the step: {before} {told}");
        assert!(told >= last - ROUNDING, "{last} then {told}");
        last = told;
    }
    // The steps shrink by a constant factor; after so many they are far below this.
    assert!((last - best).abs() < 1e-9, "variational EM {last}, closed form {best}");
    let tape = Tape::new();
    assert!(model.kl(params.on(&tape)).item() < 1e-9, "the factorised posterior is not exact");
}

/// A step of EM is the M step with the exact moments, and one of variational EM that with the factorised ones.
#[test]
fn steps_are_the_m_step_with_their_moments() {
    let ((model, mut start), x) = (model(5), data());
    let mean = crate::tractable::rows::Rows::new("", &x, ROWS, COLUMNS).mean;
    start.get_mut(model.0.loc()).copy_from_slice(&mean);
    let tape = Tape::new();
    let bound = start.on(&tape);
    let rows = tape.constant(&x, [ROWS, COLUMNS]);
    let (exact, q) = (model.exact_posterior(bound, rows), model.posterior(bound, rows));
    let means = exact.loc().value().values().to_vec();
    let outer = exact.loc().matmul_with(true, exact.loc(), false) * (1.0 / ROWS as f64);
    let variances = q.variance().slice(0, 0..1).reshape([LATENTS]).diag(0);
    let seconds = [exact.covariance() + outer, variances + outer].map(|of| of.value());
    for (second, is_exact) in seconds.iter().zip([true, false]) {
        let [mut step, mut by_moments] = [start.clone(), start.clone()];
        match is_exact {
            true => drop(model.0.em_step(&mut step, &x, ROWS)),
            false => drop(model.variational_em_step(&mut step, &x, ROWS)),
        }
        model.0.m_step(&mut by_moments, &x, ROWS, &means, second.values()).unwrap();
        for (i, (a, b)) in step.values().iter().zip(by_moments.values()).enumerate() {
            assert!((a - b).abs() < 1e-12, "{:?}: {a} {b}", start.name_at(i));
        }
        assert_ne!(step, start);
    }
}

/// The M step is the maximum of the expected joint density: no other parameters are better, the mean among them.
#[test]
fn the_m_step_has_the_gradient_zero() {
    let ((model, mut params), x) = (model(6), data());
    let source = &mut rng(9, Stream::Sample, 0);
    let draws: Vec<f64> = (0..ROWS * LATENTS).map(|_| 0.5 + RandomSource::normal(source)).collect();
    let mut second = [0.0; LATENTS * LATENTS];
    for z in draws.chunks_exact(LATENTS) {
        for (at, sum) in second.iter_mut().enumerate() {
            *sum += z[at / LATENTS] * z[at % LATENTS] / ROWS as f64;
        }
    }
    model.0.m_step(&mut params, &x, ROWS, &draws, &second).unwrap();
    let tape = Tape::new();
    let (bound, rows) = (params.on(&tape), tape.constant(&x, [ROWS, COLUMNS]));
    let z = tape.constant(&draws, [1, ROWS, LATENTS]);
    let slopes = model.log_likelihood(bound, rows, z).sum().backward();
    // Sums over thirty rows of slopes near ten.
    assert!(slopes.leading(params.len()).iter().all(|slope| slope.abs() < 1e-10));
}

#[test]
fn moments_that_belong_to_no_distribution_are_refused() {
    let ((model, mut params), x) = (model(7), data());
    let before = params.clone();
    let (means, second) = ([0.0; ROWS * LATENTS], [0.0; LATENTS * LATENTS]);
    assert!(model.0.m_step(&mut params, &x, ROWS, &means, &second).is_err());
    assert_eq!(params, before);
}

#[test]
fn a_model_that_is_not_positive_definite_gives_nan_in_the_right_shape() {
    let (model, mut params) = model(8);
    params.get_mut(model.0.weights()).fill(0.0);
    params.get_mut(model.0.log_noise()).fill(f64::NEG_INFINITY);
    let tape = Tape::new();
    let (bound, rows) = (params.on(&tape), tape.constant(&data(), [ROWS, COLUMNS]));
    let loc = model.posterior(bound, rows).loc();
    assert_eq!(loc.shape()[..], [ROWS, LATENTS]);
    assert!(loc.with(|z| z.iter().all(|z| z.is_nan())) && model.kl(bound).item().is_nan());
    assert!(model.variational_em_step(&mut params, &data(), ROWS).is_nan());
}

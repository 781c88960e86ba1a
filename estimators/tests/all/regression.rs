//! Bayesian regressions by sampling and by optimisers, against quadrature and their own exact answers.

use pathscore_estimators::optim::LBfgs;
use pathscore_estimators::quadrature::gauss_legendre;
use pathscore_estimators::samplers::{
    Annealing, FromFn, Hmc, LogMeanWeight, Options, WarmUp, chains,
};
use pathscore_models::RandomSource;
use pathscore_models::regression::{LogisticRegression, RidgeEvidence};
use pathscore_models::seed::{Stream, rng};

/// Rows with a column of ones, and log-odds 0.4 − 1.2 x.
fn rows(count: usize) -> (Vec<f64>, Vec<f64>) {
    let source = &mut rng(6, Stream::Sample, 0);
    let x: Vec<f64> = (0..count).flat_map(|_| [1.0, source.normal()]).collect();
    let odds = |x: &[f64]| 0.4 - 1.2 * x[1];
    let y =
        x.chunks(2).map(|x| f64::from(source.bernoulli(1.0 / (1.0 + (-odds(x)).exp())))).collect();
    (x, y)
}

/// $\ln p(y)$ and the moments $E w_0, E w_1, E w_0^2, E w_1^2$ by Gauss–Legendre rules on panels of one standard deviation about the mode, in the
/// coordinates in which Laplace's covariance is the identity.
fn by_quadrature(model: &LogisticRegression) -> [f64; 5] {
    let laplace = model.laplace(100);
    let c = laplace.covariance();
    let l = [c[0].sqrt(), c[1] / c[0].sqrt(), (c[3] - c[1] * c[1] / c[0]).sqrt()];
    let panels = (-12..12).flat_map(|panel| {
        gauss_legendre(12).into_iter().map(move |(u, weight)| (f64::from(panel) + u, weight))
    });
    let rule: Vec<(f64, f64)> = panels.collect();
    let mut sums = [0.0; 5];
    for (s, p) in &rule {
        for (t, q) in &rule {
            let w = [laplace.mode[0] + l[0] * s, laplace.mode[1] + l[1] * s + l[2] * t];
            let mass = p * q * (model.log_joint(&w) - laplace.log_joint).exp();
            for (sum, f) in sums.iter_mut().zip([1.0, w[0], w[1], w[0] * w[0], w[1] * w[1]]) {
                *sum += mass * f;
            }
        }
    }
    let [total, rest @ ..] = sums;
    // The density of the standard normal at its mode is 1/2π.
    let log_evidence = laplace.log_evidence + (total / std::f64::consts::TAU).ln();
    let [a, b, c, d] = rest.map(|sum| sum / total);
    [log_evidence, a, b, c, d]
}

/// The same by the trapezoidal rule.
fn by_trapezoid(model: &LogisticRegression) -> [f64; 5] {
    let laplace = model.laplace(100);
    let c = laplace.covariance();
    let step = [0, 1].map(|i| c[3 * i].sqrt() / 20.0);
    let mut sums = [0.0; 5];
    for i in -220..=220 {
        for j in -220..=220 {
            let at = [f64::from(i), f64::from(j)];
            let w = [0, 1].map(|k| laplace.mode[k] + step[k] * at[k]);
            let mass = (model.log_joint(&w) - laplace.log_joint).exp();
            for (sum, f) in sums.iter_mut().zip([1.0, w[0], w[1], w[0] * w[0], w[1] * w[1]]) {
                *sum += mass * f;
            }
        }
    }
    let [total, rest @ ..] = sums;
    let log_evidence = laplace.log_joint + (total * step[0] * step[1]).ln();
    let [a, b, c, d] = rest.map(|sum| sum / total);
    [log_evidence, a, b, c, d]
}

#[test]
fn two_rules_agree_on_the_evidence_and_the_moments_of_a_logistic_regression() {
    let (x, y) = rows(60);
    let model = LogisticRegression::new(&x, &y, &[0.5, 0.5]);
    let (legendre, trapezoid) = (by_quadrature(&model), by_trapezoid(&model));
    for (a, b) in legendre.iter().zip(trapezoid) {
        assert!((a - b).abs() < 1e-8, "{legendre:?} {trapezoid:?}");
    }
}

#[test]
fn hamiltonian_chains_have_the_moments_of_a_logistic_regression() {
    let (x, y) = rows(60);
    let model = LogisticRegression::new(&x, &y, &[0.5, 0.5]);
    let [_, exact @ ..] = by_quadrature(&model);
    let source = &mut rng(7, Stream::Sample, 100);
    let hmc = Hmc { steps: 4, ..Hmc::default() };
    let warm = hmc.warm_up(&model, &[0.0, 0.0], WarmUp::default(), source);
    let options = Options { draws: 10_000, ..Options::default() };
    let draws = chains(&warm.sampler, &model, &vec![warm.position; 4], options);
    assert_eq!(draws.divergences(), 0);
    for (name, exact, found) in [
        ("E w₀", exact[0], draws.estimate(|w| w[0])),
        ("E w₁", exact[1], draws.estimate(|w| w[1])),
        ("E w₀²", exact[2], draws.estimate(|w| w[0] * w[0])),
        ("E w₁²", exact[3], draws.estimate(|w| w[1] * w[1])),
    ] {
        assert!(
            (found.mean - exact).abs() < 4.0 * found.standard_error,
            "{name}: {found:?}, {exact}"
        );
        assert!(found.standard_error < 0.01, "{name}: {found:?}");
    }
}

/// The evidence is the ratio of the normalisers of the posterior and of the prior.
#[test]
fn annealing_finds_the_evidence_of_a_logistic_regression() {
    let (x, y) = rows(60);
    let model = LogisticRegression::new(&x, &y, &[0.5, 0.5]);
    let prior = LogisticRegression::new(&[], &[], &[0.5, 0.5]);
    let exact = by_quadrature(&model)[0];
    let (annealing, hmc) =
        (Annealing::linear(100), Hmc { step_size: 0.2, steps: 3, ..Hmc::default() });
    let source = &mut rng(9, Stream::Sample, 0);
    let weights: Vec<f64> = (0..300)
        .map(|_| {
            let start = [(); 2].map(|()| source.normal() / 0.5_f64.sqrt());
            annealing.forward(&prior, &model, &hmc, &start, source).log_weight
        })
        .collect();
    let found = LogMeanWeight::of(&weights);
    assert!((found.value - exact).abs() < 4.0 * found.standard_error, "{found:?} {exact}");
    assert!(found.standard_error < 0.1, "{found:?}");
    // Without rows the density of the weights has the normaliser one.
    let normal = FromFn { dim: 2, log_prob: |w: &[f64]| -0.25 * (w[0] * w[0] + w[1] * w[1]) };
    let gap = prior.log_joint(&[0.7, -1.0]) - (normal.log_prob)(&[0.7, -1.0]);
    assert!((gap - (0.5_f64 / std::f64::consts::TAU).ln()).abs() < 1e-14);
}

#[test]
fn newtons_method_and_lbfgs_find_the_same_mode() {
    let (x, y) = rows(200);
    let model = LogisticRegression::new(&x, &y, &[0.1, 0.3]);
    let laplace = model.laplace(50);
    let found = LBfgs::default().maximize(&[0.0, 0.0], |w, grad| model.log_joint_and_grad(w, grad));
    assert!(found.stop.converged() && laplace.converged && laplace.iterations < 15);
    for (a, b) in found.x.iter().zip(&laplace.mode) {
        // Gradients of 1e-8 over curvatures near thirty.
        assert!((a - b).abs() < 1e-8, "{a} {b}");
    }
}

/// Type-II maximum likelihood: MacKay's fixed point and a gradient method on the logarithms.
#[test]
fn two_ways_to_the_maximum_of_the_evidence_agree() {
    let source = &mut rng(10, Stream::Sample, 0);
    let x: Vec<f64> = (0..80 * 5).map(|_| source.normal()).collect();
    let weights = [1.5, -0.4, 0.0, 0.8, -1.1];
    let answer = |x: &[f64]| x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
    let y: Vec<f64> = x.chunks(5).map(|x| answer(x) + 0.5 * source.normal()).collect();
    let evidence = RidgeEvidence::new(&x, &y);
    let fixed = evidence.maximum(1000);
    let climbed = LBfgs::default().maximize(&[0.0, 0.0], |at, grad| {
        let (value, slopes) = evidence.log_evidence_and_grad([at[0], at[1]]);
        grad.copy_from_slice(&slopes);
        value
    });
    assert!(fixed.converged && climbed.stop.converged());
    assert!((fixed.log_evidence - climbed.value).abs() < 1e-10, "{fixed:?} {climbed:?}");
    assert!((fixed.alpha.ln() - climbed.x[0]).abs() < 1e-7);
    assert!((fixed.beta.ln() - climbed.x[1]).abs() < 1e-7);
}

//! Annealed importance sampling: exact means over all outcomes, and normals of known normalisers.

use pathscore_estimators::Enumerator;
use pathscore_estimators::samplers::{
    Annealing, Differentiable, FromFn, FromTape, GibbsBits, Hmc, LogDensity, LogMeanWeight,
    Tempered,
};
use pathscore_models::{RandomSource, seed};

/// The means of $w$ and $1/w$ and of their logarithms over all outcomes of a run.
fn means(mut run: impl FnMut(&mut Enumerator) -> f64) -> [f64; 3] {
    let mut sums = [0.0; 3];
    Enumerator::for_each(0, usize::MAX, |source| {
        let log_weight = run(source);
        let p = source.probability();
        sums[0] += p * log_weight.exp();
        sums[1] += p * (-log_weight).exp();
        sums[2] += p * log_weight;
    });
    sums
}

/// Unnormalised log densities of two bits, one of them impossible under the target.
fn base(x: &[f64]) -> f64 {
    0.4 * x[0] - 0.3 * x[1]
}

fn target(x: &[f64]) -> f64 {
    let impossible = x[0] == 1.0 && x[1] == 1.0;
    if impossible { f64::NEG_INFINITY } else { 1.0 + 2.0 * x[1] - x[0] }
}

const STATES: [[f64; 2]; 4] = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];

fn normaliser(log_prob: fn(&[f64]) -> f64) -> f64 {
    STATES.iter().map(|x| log_prob(x).exp()).sum()
}

fn exact_draw(log_prob: fn(&[f64]) -> f64, source: &mut Enumerator) -> [f64; 2] {
    let z = normaliser(log_prob);
    let probs: Vec<f64> = STATES.iter().map(|x| log_prob(x).exp() / z).collect();
    STATES[source.categorical(&probs)]
}

/// Whatever the path: rounding of some thousand products is left.
#[test]
fn weights_forward_have_the_ratio_of_normalisers_for_their_mean() {
    let [of_base, of_target] = [base, target].map(|log_prob| FromFn { dim: 2, log_prob });
    let ratio = normaliser(target) / normaliser(base);
    for annealing in
        [Annealing::linear(1), Annealing::linear(3), Annealing::new(vec![0.0, 0.3, 0.35, 1.0])]
    {
        let [mean, _, log_mean] = means(|source| {
            let start = exact_draw(base, source);
            annealing.forward(&of_base, &of_target, &GibbsBits, &start, source).log_weight
        });
        assert!((mean / ratio - 1.0).abs() < 1e-12, "{annealing:?}: {mean}, not {ratio}");
        assert!(log_mean < ratio.ln());
    }
}

/// A single bit, whose Gibbs transition is reversible.
#[test]
fn weights_backward_have_the_inverse_ratio_for_the_mean_of_their_inverse() {
    let of = |logit: f64| move |x: &[f64]| logit * x[0];
    let [of_base, of_target] = [0.5, -1.5].map(|logit| FromFn { dim: 1, log_prob: of(logit) });
    let z = |logit: f64| 1.0 + logit.exp();
    let ratio = z(-1.5) / z(0.5);
    let run = |steps: usize| {
        means(|source| {
            let start = [f64::from(source.bernoulli((-1.5_f64).exp() / z(-1.5)))];
            let annealing = Annealing::linear(steps);
            annealing.backward(&of_base, &of_target, &GibbsBits, &start, source).log_weight
        })
    };
    for steps in [1, 2, 5] {
        let [_, mean_of_inverse, log_mean] = run(steps);
        assert!((mean_of_inverse * ratio - 1.0).abs() < 1e-12, "{steps}: {mean_of_inverse}");
        assert!(log_mean > ratio.ln());
    }
    // The inverse weights of chains forward have another mean.
    let [_, other, _] = means(|source| {
        let start = [f64::from(source.bernoulli(0.5_f64.exp() / z(0.5)))];
        Annealing::linear(2).forward(&of_base, &of_target, &GibbsBits, &start, source).log_weight
    });
    assert!((other * ratio - 1.0).abs() > 1e-3, "{other}");
}

/// Five normal coordinates of known normalisers: within three standard errors in at least 95 of 100 seeds, of which one set of
/// seeds in some thousand would fall short, and enclosed from both sides in the mean.
#[test]
fn both_directions_enclose_the_normaliser_of_a_normal() {
    const DIM: usize = 5;
    let base = FromTape::new(DIM, |x| x.sum_squares(-1) * -0.5);
    let target = FromTape::new(DIM, |x| (x - 1.5).sum_squares(-1) * -2.0);
    // The ratio of the standard deviations is a half.
    let exact = DIM as f64 * 0.5_f64.ln();
    let hmc = Hmc { step_size: 0.3, steps: 3, ..Hmc::default() };
    let annealing = Annealing::linear(60);
    let (mut near, mut below, mut above) = (0, 0.0, 0.0);
    for index in 0..100 {
        let rng = &mut seed::rng(7, seed::Stream::Sample, index);
        let log_weights: Vec<f64> = (0..40)
            .map(|_| {
                let start = [(); DIM].map(|()| rng.normal());
                annealing.forward(&base, &target, &hmc, &start, rng).log_weight
            })
            .collect();
        let found = LogMeanWeight::of(&log_weights);
        near += usize::from((found.value - exact).abs() < 3.0 * found.standard_error);
        below += log_weights.iter().sum::<f64>() / 4000.0;
        let start = [(); DIM].map(|()| 1.5 + 0.5 * rng.normal());
        above += annealing.backward(&base, &target, &hmc, &start, rng).log_weight / 100.0;
    }
    assert!(near >= 95, "{near}");
    assert!(below < exact && exact < above && above - below < 3.0, "{below} {exact} {above}");
    // The gradient between the ends is the mixture of both.
    let mut grad = [0.0; DIM];
    let between = Tempered::new(&base, &target, 0.25);
    let x = [0.3, -0.2, 1.0, 2.0, 0.0];
    let log_prob = between.log_prob_and_grad(&x, &mut grad);
    assert!((log_prob - between.log_prob(&x)).abs() < 1e-12);
    for (g, x) in grad.iter().zip(x) {
        assert!((g - (-0.75 * x - 0.25 * 4.0 * (x - 1.5))).abs() < 1e-12);
    }
}

#[test]
fn means_of_weights_have_errors_and_effective_draws() {
    let found = LogMeanWeight::of(&[0.0, 2_f64.ln(), 3_f64.ln(), f64::NEG_INFINITY]);
    // The mean is 1.5; the squares about it are 5, and the standard error is the root of 5/12.
    assert!((found.value - 1.5_f64.ln()).abs() < 1e-14);
    assert!((found.standard_error - (5.0_f64 / 12.0).sqrt() / 1.5).abs() < 1e-14);
    assert!((found.effective_draws - 36.0 / 14.0).abs() < 1e-14);
    let equal = LogMeanWeight::of(&[-1e4; 3]);
    assert_eq!((equal.value, equal.standard_error, equal.effective_draws), (-1e4, 0.0, 3.0));
    assert_eq!(LogMeanWeight::of(&[f64::NEG_INFINITY; 2]).effective_draws, 0.0);
}

#[test]
#[should_panic(expected = "must rise from 0 to 1")]
fn a_path_that_does_not_reach_the_target_is_refused() {
    Annealing::new(vec![0.0, 0.5]);
}

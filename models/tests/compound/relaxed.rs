//! Relaxed bits and classes at small temperatures and at the edges.

use super::leaf;
use crate::{SEED, rng};
use pathscore_autodiff::{Tape, Tensor, Var, check};
use pathscore_models::dist::*;

/// Ten tests at this rate give a false alarm with probability 10⁻⁵ under a new seed.
const FALSE_ALARMS: f64 = 1e-6;

// Below a temperature of 1e-154 its derivative along the path, y/τ, overflows.
#[test]
fn logits_of_relaxed_bits_are_logistic_at_any_temperature() {
    let tape = Tape::new();
    for (tau, eta) in [(1e-150, 0.3), (1e-6, -2.0), (0.05, 30.0), (1.0, 0.0), (50.0, -700.0)] {
        let (temperature, logits) = (leaf(&tape, &[tau]), leaf(&tape, &[eta]));
        let q = RelaxedBernoulli::new(temperature, logits).unwrap();
        let y = q.rsample_logit(20_000, &mut rng());
        let levels = (temperature * y - logits).sigmoid().value();
        let fit = uniform_fit(&mut levels.values().to_vec());
        assert!(fit.passes(FALSE_ALARMS), "seed {SEED}: {tau} {eta}: {fit:?}");
        let x = q.rsample(20_000, &mut rng());
        assert!(x.with(|x| x.iter().all(|&x| x > 0.0 && x < 1.0)), "{tau} {eta}");
        let fit = cdf_fit(&q, 20_000, &mut rng());
        assert!(fit.passes(FALSE_ALARMS), "seed {SEED}: {tau} {eta}: {fit:?}");
        let log_prob = q.log_prob(x) + q.log_prob_logit(y);
        assert!(log_prob.with(|log| log.iter().all(|log| log.is_finite())), "{tau} {eta}");
        let grads = log_prob.sum().backward();
        for leaf in [temperature, logits] {
            assert!(grads.of(leaf).values().iter().all(|g| g.is_finite()), "{tau} {eta}");
        }
        // The share above one half is that of the bit.
        let p = 1.0 / (1.0 + (-eta).exp());
        let above = y.with(|y| y.iter().filter(|y| **y > 0.0).count() as f64 / 2e4);
        assert!((above - p).abs() < 5.0 * (p * (1.0 - p) / 2e4).sqrt() + 1e-12, "{tau} {eta}");
    }
}

#[test]
fn the_density_of_a_logit_is_that_of_the_bit_where_digits_are_left() {
    let tape = Tape::new();
    let q = RelaxedBernoulli::new(leaf(&tape, &[0.6]), leaf(&tape, &[0.4])).unwrap();
    let y = tape.constant(&[-9.0, -0.3, 0.0, 2.0, 7.0], [5, 1]);
    let slope = Elementwise::Sigmoid.log_det(y, 1);
    let (found, expected) = (q.log_prob(y.sigmoid()), q.log_prob_logit(y) - slope);
    for (a, b) in found.value().values().iter().zip(expected.value().values()) {
        // 1 − σ(7) has lost three digits.
        assert!((a - b).abs() < 1e-12, "{a} {b}");
    }
    // ∫ of the density of the logit, whose tails are e^{−0.6 · 100}.
    let grid: Vec<f64> = (0..4000).map(|i| (f64::from(i) - 1999.5) * 0.05).collect();
    let density = q.log_prob_logit(tape.constant(&grid, [4000, 1])).exp();
    assert!((density.sum().item() * 0.05 - 1.0).abs() < 1e-12);
    let p = RelaxedBernoulli::from_probs(leaf(&tape, &[0.6]), leaf(&tape, &[0.5])).unwrap();
    assert_eq!(p.logits().item(), 0.0);
    assert!(RelaxedBernoulli::from_probs(leaf(&tape, &[0.6]), leaf(&tape, &[1.0])).is_err());
}

#[test]
fn logarithms_of_relaxed_classes_have_their_levels_at_any_temperature() {
    let tape = Tape::new();
    for (tau, eta) in [
        (1e-150, [0.3, -1.0, 0.5]),
        (0.01, [0.3, -1.0, 0.5]),
        (0.7, [200.0, 0.0, -3.0]),
        (40.0, [0.0; 3]),
    ] {
        let (temperature, logits) = (leaf(&tape, &[tau]), leaf(&tape, &eta));
        let q = RelaxedOneHot::new(temperature, logits).unwrap();
        let y = q.rsample_ln(20_000, &mut rng());
        let column = |c: usize| y.slice(-1, c..c + 1);
        // τ(y_a − y_b) is the difference of two Gumbel variables and of η: logistic.
        for (a, b) in [(0, 1), (1, 2), (2, 0)] {
            let difference = (column(a) - column(b)) * tau - (eta[a] - eta[b]);
            let fit = uniform_fit(&mut difference.sigmoid().value().values().to_vec());
            assert!(fit.passes(FALSE_ALARMS), "seed {SEED}: {tau} {eta:?}: {fit:?}");
        }
        let x = q.rsample(20_000, &mut rng());
        assert!(x.with(|x| x.iter().all(|&x| x > 0.0)), "{tau} {eta:?}");
        assert!(x.sum_axis(-1).with(|sums| sums.iter().all(|sum| (sum - 1.0).abs() < 1e-14)));
        let log_prob = q.log_prob(x) + q.log_prob_ln(y);
        assert!(log_prob.with(|log| log.iter().all(|log| log.is_finite())), "{tau} {eta:?}");
        let grads = log_prob.sum().backward();
        for leaf in [temperature, logits] {
            assert!(grads.of(leaf).values().iter().all(|g| g.is_finite()), "{tau} {eta:?}");
        }
    }
}

#[test]
fn scores_have_mean_zero() {
    let tape = Tape::new();
    // A grid over the differences of logarithms, in which the density of three classes is e^{log_prob_ln}.
    let (n, step) = (300, 0.25);
    let mut rows = Vec::new();
    for i in 0..n {
        for j in 0..n {
            let [a, b] = [i, j].map(|i| (f64::from(i) - 0.5 * f64::from(n) + 0.5) * step);
            rows.extend([a, b, 0.0]);
        }
    }
    let y = tape.constant(&rows, [rows.len() / 3, 3]).log_softmax(-1);
    let (temperature, logits) = (leaf(&tape, &[1.3]), leaf(&tape, &[0.5, -0.7, 0.2]));
    let q = RelaxedOneHot::new(temperature, logits).unwrap();
    let log_prob = q.log_prob_ln(y);
    let weights = (log_prob.exp() * (step * step)).detach();
    // Both tails are cut at 37, where e^{−1.3 · 37} is left.
    assert!((weights.sum().item() - 1.0).abs() < 1e-12, "{}", weights.sum().item());
    let grads = (log_prob * weights).sum().backward();
    for leaf in [temperature, logits] {
        let mean = grads.of(leaf);
        assert!(mean.values().iter().all(|g| g.abs() < 1e-12), "{mean:?}");
    }
}

#[test]
fn rows_off_the_open_simplex_have_probability_zero() {
    let tape = Tape::new();
    let (temperature, logits) = (leaf(&tape, &[0.5]), leaf(&tape, &[0.5, -0.7, 0.2]));
    let q = RelaxedOneHot::new(temperature, logits).unwrap();
    for row in [[0.5, 0.5, 0.0], [1.2, -0.1, -0.1], [0.2, 0.3, 0.6], [1.0, 0.0, 0.0]] {
        let x = leaf(&tape, &row);
        let log_prob = q.log_prob(x);
        assert_eq!(log_prob.item(), f64::NEG_INFINITY, "{row:?}");
        let grads = log_prob.backward();
        for leaf in [temperature, logits, x] {
            assert!(grads.of(leaf).values().iter().all(|&g| g == 0.0), "{row:?}");
        }
    }
    let bit = RelaxedBernoulli::new(temperature, leaf(&tape, &[0.3])).unwrap();
    for x in [-0.5, 0.0, 1.0, 2.0, f64::INFINITY] {
        let x = leaf(&tape, &[x]);
        let log_prob = bit.log_prob(x);
        assert_eq!(log_prob.item(), f64::NEG_INFINITY);
        let grads = log_prob.sum().backward();
        assert_eq!((grads.of(x).item(), grads.of(temperature).item()), (0.0, 0.0));
    }
    for (x, level) in [(-0.5, 0.0), (0.0, 0.0), (1.0, 1.0), (2.0, 1.0)] {
        assert_eq!(bit.cdf(leaf(&tape, &[x])).item(), level);
    }
}

#[test]
fn temperatures_and_logits_broadcast() {
    let tape = Tape::new();
    let temperature = tape.leaf(&[0.3, 2.0], [2, 1]);
    let q = RelaxedOneHot::new(temperature, leaf(&tape, &[0.5, -0.7, 0.2])).unwrap();
    let x = q.sample(4, &mut rng());
    assert_eq!((&x.shape()[..], &q.log_prob(x).shape()[..]), (&[4, 2, 3][..], &[4, 2][..]));
    let one = RelaxedOneHot::new(leaf(&tape, &[2.0]), leaf(&tape, &[0.5, -0.7, 0.2])).unwrap();
    let row = leaf(&tape, &[0.2, 0.3, 0.5]);
    assert_eq!(q.log_prob(row).value().values()[1], one.log_prob(row).item());
    let scalar = RelaxedOneHot::new(tape.number(2.0), leaf(&tape, &[0.5, -0.7, 0.2])).unwrap();
    assert_eq!(scalar.log_prob(row).item(), one.log_prob(row).item());
    let shapes = q.shapes();
    assert_eq!((&shapes.batch[..], &shapes.event[..]), (&[2][..], &[3][..]));
}

#[test]
#[should_panic(expected = "RelaxedOneHot: a temperature of shape [3] is not one for each row")]
fn a_temperature_for_each_class_is_refused() {
    let tape = Tape::new();
    let _ = RelaxedOneHot::new(leaf(&tape, &[1.0; 3]), leaf(&tape, &[0.5, -0.7, 0.2]));
}

#[test]
fn parameters_out_of_range_are_refused() {
    let tape = Tape::new();
    let good = leaf(&tape, &[0.5, 0.2]);
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = RelaxedOneHot::new(leaf(&tape, &[bad]), good).unwrap_err();
        assert_eq!((error.parameter, error.constraint), ("temperature", Constraint::Positive));
        assert!(RelaxedBernoulli::new(leaf(&tape, &[bad]), good).is_err());
    }
    let error = RelaxedOneHot::new(leaf(&tape, &[1.0]), leaf(&tape, &[0.0, f64::INFINITY]));
    assert_eq!(error.unwrap_err().index, 1);
}

#[test]
fn derivatives_agree_with_finite_differences() {
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let q = RelaxedOneHot::new(v[0], v[1]).unwrap();
        let bits = RelaxedBernoulli::new(v[0], v[1]).unwrap();
        let y = v[2].log_softmax(-1);
        let sum = q.log_prob(y.exp()).square() + q.log_prob_ln(y) + bits.log_prob_logit(v[2]);
        let sum = sum + bits.log_prob(v[2].sigmoid()).square() + bits.cdf(v[2].sigmoid()).sum();
        let paths = (q.rsample(1, &mut rng()) * v[1]).sum() + q.rsample_ln(1, &mut rng()).sum();
        sum + paths + (bits.rsample(1, &mut rng()) * v[1]).sum()
    }
    let at = [
        Tensor::new(vec![1.3], [1]),
        Tensor::new(vec![0.7, 0.3, -0.2], [3]),
        Tensor::new(vec![0.2, 0.9, 0.5], [3]),
    ];
    check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
}

//! The multinomial distribution at its edges, and the one-hot one.

use super::leaf;
use crate::{SEED, rng};
use pathscore_autodiff::{Tape, Tensor, check};
use pathscore_models::dist::*;

#[test]
fn all_rows_of_counts_sum_to_one_and_scores_have_mean_zero() {
    let tape = Tape::new();
    for (n, logits) in [(0.0, [0.3, -1.0, 0.5]), (1.0, [0.3, -1.0, 0.5]), (7.0, [-9.0, 0.0, 4.0])] {
        let eta = leaf(&tape, &logits);
        let q = Multinomial::new(tape.number(n), Categorical::from_logits(eta).unwrap()).unwrap();
        let rows = q.enumerate_support();
        assert_eq!(rows.shape()[0], ((n + 1.0) * (n + 2.0) / 2.0) as usize);
        let log_prob = q.log_prob(rows);
        let probs = log_prob.exp().detach();
        // Sums of thirty-six terms below one.
        assert!((probs.sum().item() - 1.0).abs() < 1e-14);
        let score = (log_prob * probs).sum().backward().of(eta);
        assert!(score.values().iter().all(|g| g.abs() < 1e-14 * (1.0 + n)), "{score:?}");
        // One trial is a class.
        if n == 1.0 {
            let class = q.trial().log_prob(rows).value();
            for (a, b) in log_prob.value().values().iter().zip(class.values()) {
                assert!((a - b).abs() < 1e-15);
            }
        }
    }
}

#[test]
fn totals_and_trials_broadcast() {
    let tape = Tape::new();
    let trial = Categorical::from_logits(tape.leaf(&[0.3, -1.0, 0.5], [3])).unwrap();
    let q = Multinomial::new(leaf(&tape, &[2.0, 9.0]), trial).unwrap();
    let x = q.sample(50, &mut rng());
    assert_eq!((&x.shape()[..], &q.log_prob(x).shape()[..]), (&[50, 2, 3][..], &[50, 2][..]));
    let sums = x.sum_axis(-1);
    assert!(sums.with(|sums| sums.chunks(2).all(|pair| pair == [2.0, 9.0])));
    assert_eq!((&q.mean().shape()[..], &q.variance().shape()[..]), (&[2, 3][..], &[2, 3][..]));
    let shapes = q.shapes();
    assert_eq!((&shapes.batch[..], &shapes.event[..]), (&[2][..], &[3][..]));
    let batch = Categorical::from_logits(tape.leaf(&[0.3, -1.0, 0.5, 1.0], [2, 2])).unwrap();
    let q = Multinomial::new(tape.number(4.0), batch).unwrap();
    assert_eq!(q.enumerate_support().shape()[..], [5, 2, 2]);
    let total = q.log_prob(q.enumerate_support()).exp().sum_axis(0).value();
    assert!(total.values().iter().all(|total| (total - 1.0).abs() < 1e-14));
}

#[test]
#[should_panic(
    expected = "Multinomial: totals of shape [3] and trials of shape [2] do not broadcast"
)]
fn three_totals_of_two_trials_are_refused() {
    let tape = Tape::new();
    let batch = Categorical::from_logits(tape.leaf(&[0.3, -1.0, 0.5, 1.0], [2, 2])).unwrap();
    let _ = Multinomial::new(leaf(&tape, &[1.0, 2.0, 3.0]), batch);
}

#[test]
fn a_total_that_is_no_count_is_refused() {
    let tape = Tape::new();
    let trial = Categorical::from_logits(leaf(&tape, &[0.3, -1.0])).unwrap();
    for bad in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
        let error = Multinomial::new(leaf(&tape, &[2.0, bad]), trial).unwrap_err();
        assert_eq!(
            (error.parameter, error.index, error.constraint),
            ("total", 1, Constraint::Count)
        );
    }
}

#[test]
fn rows_that_are_no_counts_have_probability_zero_and_impossible_classes_no_factor() {
    let tape = Tape::new();
    let eta = leaf(&tape, &[0.3, f64::NEG_INFINITY, 0.5]);
    let total = leaf(&tape, &[3.0]);
    let q = Multinomial::new(total, Categorical::from_logits(eta).unwrap()).unwrap();
    let bad = [
        [1.0, 1.0, 1.0], // A class that never occurs.
        [2.0, 0.0, 0.0],
        [1.5, 0.0, 1.5],
        [4.0, 0.0, -1.0],
        [f64::INFINITY, 0.0, 0.0],
    ];
    for row in bad {
        let x = tape.leaf(&row, [1, 3]);
        let log_prob = q.log_prob(x);
        assert_eq!(log_prob.item(), f64::NEG_INFINITY, "{row:?}");
        let grads = log_prob.sum().backward();
        assert!(grads.of(eta).values().iter().all(|g| g.is_finite()), "{row:?}");
        if row != bad[0] {
            assert!(grads.of(x).values().iter().all(|&g| g == 0.0), "{row:?}");
        }
    }
    let good = q.log_prob(tape.constant(&[1.0, 0.0, 2.0], [1, 3]));
    let p = 1.0 / (1.0 + 0.2_f64.exp());
    assert!((good.item() - (3.0 * p * (1.0 - p) * (1.0 - p)).ln()).abs() < 1e-14);
    assert!(good.backward().of(eta).values().iter().all(|g| g.is_finite()));
    let draws = q.sample(1000, &mut rng());
    assert!(draws.with(|x| x.chunks(3).all(|row| row[1] == 0.0 && row[0] + row[2] == 3.0)));
    // NaN is not finite.
    let nan = Categorical::from_logits_unchecked(leaf(&tape, &[0.0, f64::NAN]));
    let draws = Multinomial::new(tape.number(3.0), nan).unwrap().sample(5, &mut rng());
    assert!(draws.with(|x| x.iter().all(|x| x.is_nan())));
}

#[test]
fn counts_of_very_many_trials_have_their_moments_in_bounded_time() {
    let tape = Tape::new();
    let n = 1e12;
    let trial = Categorical::from_logits(leaf(&tape, &[0.3, -1.0, 0.5, -30.0])).unwrap();
    let q = Multinomial::new(tape.number(n), trial).unwrap();
    let count = 20_000;
    let x = q.sample(count, &mut rng());
    assert!(x.sum_axis(-1).with(|sums| sums.iter().all(|&sum| sum == n)));
    let (mean, variance) = (q.mean().value(), q.variance().value());
    let centred = x - q.mean();
    let found = [centred.mean_axis(0).value(), centred.square().mean_axis(0).value()];
    for c in 0..4 {
        let v = variance.values()[c];
        // Five standard errors; the rare class, of mean 0.03, has a fourth moment of about its variance.
        let z = found[0].values()[c] / (v / count as f64).sqrt();
        assert!(
            z.abs() < 5.0,
            "seed {SEED}: the mean of {c} is {z} errors off {}",
            mean.values()[c]
        );
        let error = if mean.values()[c] < 1.0 { v.sqrt() } else { v * 2_f64.sqrt() };
        let z = (found[1].values()[c] - v) / (error / (count as f64).sqrt());
        assert!(z.abs() < 5.0, "seed {SEED}: the variance of {c} is {z} errors off");
    }
    // Two classes of a multinomial have the covariance −n p q.
    let product = centred.slice(-1, 0..1) * centred.slice(-1, 2..3);
    let probs = trial.probs().value();
    let expected = -n * probs.values()[0] * probs.values()[2];
    let z = (product.mean().item() - expected)
        / (product.var_axis([0, 1], 0).item() / count as f64).sqrt();
    assert!(z.abs() < 5.0, "seed {SEED}: the covariance is {z} errors off");
}

#[test]
fn samples_have_the_probabilities_of_all_rows() {
    let tape = Tape::new();
    let trial = Categorical::from_logits(leaf(&tape, &[0.3, -1.0, 0.5])).unwrap();
    let q = Multinomial::new(tape.number(4.0), trial).unwrap();
    let rows = q.enumerate_support();
    let probs = q.log_prob(rows).exp().value();
    let rows = rows.value();
    let n = 50_000;
    let mut seen = vec![0.0; probs.values().len()];
    let draws = q.sample(n, &mut rng()).value();
    for draw in draws.values().chunks(3) {
        seen[rows.values().chunks(3).position(|row| row == draw).unwrap()] += 1.0;
    }
    for (seen, p) in seen.iter().zip(probs.values()) {
        // Fifteen rows at five standard errors: a false alarm with probability 10⁻⁵ under a new seed.
        let z = (seen - n as f64 * p) / (n as f64 * p * (1.0 - p)).sqrt();
        assert!(z.abs() < 5.0, "seed {SEED}: {z} errors off {p}");
    }
}

#[test]
fn divergences_are_sums_and_infinite_between_different_totals() {
    let tape = Tape::new();
    let of = |n: f64, logits: &[f64]| {
        let trial = Categorical::from_logits(leaf(&tape, logits)).unwrap();
        Multinomial::new(tape.number(n), trial).unwrap()
    };
    let (q, p) = (of(5.0, &[0.3, -1.0, 0.5]), of(5.0, &[0.0, 0.2, -0.4]));
    let x = q.enumerate_support();
    let (log_q, log_p) = (q.log_prob(x), p.log_prob(x));
    let expected = (log_q.exp() * (log_q - log_p)).sum();
    assert!((q.kl(&p).item() - expected.item()).abs() < 1e-13);
    assert_eq!(q.kl(&q).item(), 0.0);
    assert_eq!(q.kl(&of(6.0, &[0.3, -1.0, 0.5])).item(), f64::INFINITY);
    let never = of(5.0, &[0.3, f64::NEG_INFINITY, 0.5]);
    assert_eq!(
        (
            q.kl(&never).item(),
            of(0.0, &[0.3, -1.0, 0.5]).kl(&of(0.0, &[0.3, f64::NEG_INFINITY, 0.5])).item()
        ),
        (f64::INFINITY, 0.0)
    );
    assert!(never.kl(&q).item().is_finite());
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let at: Vec<Tensor<f64>> =
        [[0.3, -1.0, 0.5], [0.0, 0.2, -0.4]].map(|v| Tensor::new(v.to_vec(), [3])).to_vec();
    check::gradient(
        |v| {
            let of = |eta| {
                let total = v[0].constant(5.0);
                Multinomial::new(total, Categorical::from_logits(eta).unwrap()).unwrap()
            };
            let (q, p) = (of(v[0]), of(v[1]));
            let x = v[0].tape().constant(&[2.0, 0.0, 3.0], [3]);
            q.log_prob(x).square() + q.kl(&p) + (q.mean() * q.variance()).sum()
        },
        &at,
        check::Options::of::<f64>(),
    )
    .unwrap();
}

#[test]
fn a_one_hot_row_is_the_event_of_a_categorical() {
    let tape = Tape::new();
    let q: OneHotCategorical<f64> = Categorical::from_logits(leaf(&tape, &[0.3, -1.0])).unwrap();
    let p = OneHotCategorical::from_probs(leaf(&tape, &[0.5, 0.5])).unwrap();
    assert_eq!(
        q.log_prob(tape.constant(&[0.0, 1.0], [2])).item(),
        q.log_probs().value().values()[1]
    );
    assert!(q.kl(&p).item() > 0.0 && q.support() == Support::OneHot);
}

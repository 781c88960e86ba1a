//! Mixtures, and axes of a batch that belong to an event.

use super::leaf;
use crate::{SEED, rng};
use pathscore_autodiff::{Tape, Tensor, Var, check};
use pathscore_models::dist::*;

const LOC: [f64; 6] = [-1.0, 0.5, 2.0, 0.0, 0.3, -0.7];
const SCALE: [f64; 6] = [0.5, 1.0, 0.7, 1.2, 0.4, 0.9];

/// Three components of two coordinates.
fn rows<'t>(tape: &'t Tape<f64>, logits: &[f64]) -> Mixture<'t, f64, Normal<'t, f64>> {
    let components =
        Normal::from_scale(tape.leaf(&LOC, [3, 2]), tape.leaf(&SCALE, [3, 2])).unwrap();
    Mixture::from_logits(leaf(tape, logits), components).unwrap()
}

fn normal_density(x: f64, i: usize) -> f64 {
    let t = (x - LOC[i]) / SCALE[i];
    (-0.5 * t * t).exp() / (SCALE[i] * std::f64::consts::TAU.sqrt())
}

#[test]
fn the_density_is_the_weighted_sum() {
    let tape = Tape::new();
    let logits = [0.3_f64, -1.0, 0.5];
    let q = rows(&tape, &logits);
    let total: f64 = logits.iter().map(|l| l.exp()).sum();
    let points = [0.1, 0.2, -3.0, 1.0, 2.5, 0.0];
    let x = tape.constant(&points, [3, 2]);
    let (found, each) = (q.log_prob(x).value(), q.log_prob_each(x));
    let shares = q.log_posterior(x).exp().value();
    for (row, point) in points.chunks(2).enumerate() {
        let joint: Vec<f64> = (0..3)
            .map(|k| {
                let p = normal_density(point[0], 2 * k) * normal_density(point[1], 2 * k + 1);
                logits[k].exp() / total * p
            })
            .collect();
        let sum: f64 = joint.iter().sum();
        assert!((found.values()[row] - sum.ln()).abs() < 1e-13);
        for (share, joint) in shares.values()[3 * row..].iter().zip(&joint) {
            assert!((share - joint / sum).abs() < 1e-13);
        }
        // The first coordinate for itself.
        let first: f64 =
            (0..3).map(|k| logits[k].exp() / total * normal_density(point[0], 2 * k)).sum();
        assert!((each.value().values()[2 * row] - first.ln()).abs() < 1e-13);
    }
    let sums = each.sum_axis(-1).value();
    for (a, b) in sums.values().iter().zip(found.values()) {
        assert!((a - b).abs() < 1e-13);
    }
}

#[test]
fn moments_and_marginal_levels_are_those_of_samples() {
    let tape = Tape::new();
    let q = rows(&tape, &[0.3, -1.0, 0.5]);
    let n = 100_000;
    // A false alarm of both coordinates together with probability 10⁻⁶.
    let fit = cdf_fit(&q, n, &mut rng());
    assert!(fit.passes(1e-6), "seed {SEED}: {fit:?}");
    let x = q.sample(n, &mut rng());
    assert!(!x.is_tracked());
    let (mean, variance) = (q.mean().value(), q.variance().value());
    let found = [x.mean_axis(0).value(), x.var_axis(0, 0).value()];
    for j in 0..2 {
        let v = variance.values()[j];
        let z = (found[0].values()[j] - mean.values()[j]) / (v / n as f64).sqrt();
        // Five standard errors, and for the variance of a mixture that is flatter than a normal, v √(2/n) each.
        assert!(z.abs() < 5.0, "seed {SEED}: the mean of {j} is {z} errors off");
        let z = (found[1].values()[j] - v) / (v * (2.0 / n as f64).sqrt());
        assert!(z.abs() < 5.0, "seed {SEED}: the variance of {j} is {z} errors off");
    }
    // The dependence of the coordinates: components are drawn for whole events.
    let probs = q.weights().probs().value();
    let centred = |k: usize, j: usize| LOC[2 * k + j] - mean.values()[j];
    let covariance: f64 = (0..3).map(|k| probs.values()[k] * centred(k, 0) * centred(k, 1)).sum();
    let centred = x - q.mean();
    let product = centred.slice(-1, 0..1) * centred.slice(-1, 1..2);
    let z = (product.mean().item() - covariance)
        / (product.var_axis([0, 1], 0).item() / n as f64).sqrt();
    assert!(covariance.abs() > 0.1 && z.abs() < 5.0, "seed {SEED}: {z} errors off {covariance}");
}

#[test]
fn a_component_that_never_occurs_adds_nothing() {
    let tape = Tape::new();
    let inf = f64::INFINITY;
    let (with, without) = (rows(&tape, &[0.3, -inf, 0.5]), rows(&tape, &[0.3, -200.0, 0.5]));
    let x = tape.constant(&[0.1, 0.2], [2]);
    let near = |a: Var<f64>, b: Var<f64>| {
        for (a, b) in a.value().values().iter().zip(b.value().values()) {
            assert!((a - b).abs() < 1e-14, "{a} {b}");
        }
    };
    near(with.log_prob(x), without.log_prob(x));
    near(with.mean(), without.mean());
    near(with.variance(), without.variance());
    near(with.cdf(x), without.cdf(x));
    let u = tape.constant(&[0.2, 0.7], [2]);
    near(with.quantile(u), without.quantile(u));
    let grads = with.log_prob(x).backward();
    assert!(grads.leading(15).iter().all(|g| g.is_finite()));
    assert!(with.sample(1000, &mut rng()).with(|x| x.iter().all(|x| x.is_finite())));
    // A component without a mean that never occurs.
    let wild = Mixture::from_logits(
        leaf(&tape, &[0.0, -inf]),
        StudentT::new(
            tape.leaf(&[5.0, 0.5], [2, 1]),
            tape.leaf(&[1.0, 0.0], [2, 1]),
            tape.leaf(&[1.0], [1]),
        )
        .unwrap(),
    );
    assert_eq!(wild.unwrap().mean().item(), 1.0);
}

#[test]
fn far_components_and_values_outside_keep_their_meaning() {
    let tape = Tape::new();
    let loc = tape.leaf(&[0.0, 1e4], [2, 1]);
    let q = Mixture::from_logits(
        leaf(&tape, &[0.0, 0.0]),
        Normal::from_scale(loc, leaf(&tape, &[1.0])).unwrap(),
    )
    .unwrap();
    // The second density underflows at zero, and its logarithm does not.
    let log_prob = q.log_prob(leaf(&tape, &[1e4]));
    let expected = -(2_f64.ln()) - 0.5 * std::f64::consts::TAU.ln();
    assert!((log_prob.item() - expected).abs() < 1e-15);
    assert!(log_prob.backward().of(loc).values().iter().all(|g| *g == 0.0));
    // The medians of the two components.
    let inside = q.quantile(tape.constant(&[0.25, 0.75], [2, 1])).value();
    assert!(inside.values()[0].abs() < 1e-12 && (inside.values()[1] - 1e4).abs() < 1e-8);

    let rates = tape.leaf(&[1.0, 3.0], [2, 1]);
    let logits = leaf(&tape, &[0.2, 0.4]);
    let waiting = Mixture::from_logits(logits, Exponential::new(rates).unwrap()).unwrap();
    let log_prob = waiting.log_prob(leaf(&tape, &[-1.0]));
    assert_eq!(log_prob.item(), f64::NEG_INFINITY);
    let grads = log_prob.sum().backward();
    assert!([rates, logits].iter().all(|&x| grads.of(x).values().iter().all(|&g| g == 0.0)));
    let rates = tape.leaf(&[1.0, 3.0, 2.0, 5.0], [2, 2]);
    let both = Mixture::from_logits(logits, Exponential::new(rates).unwrap()).unwrap();
    let each = both.log_prob_each(leaf(&tape, &[-1.0, 1.0])).value();
    assert_eq!(each.values(), [f64::NEG_INFINITY, 0.0]);
    assert!(waiting.log_prob(leaf(&tape, &[f64::NAN])).item().is_nan());
}

#[test]
fn derivatives_agree_with_finite_differences() {
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let components = Normal::from_log_scale(v[0], v[1]).unwrap();
        let q = Mixture::from_logits(v[2].reshape([2]), components).unwrap();
        let x = v[3].reshape([2]);
        let sum = q.log_prob(x).square() + (q.log_prob_each(x) * v[3]).sum();
        let parts = Independent::new(components, 1);
        let other = Independent::new(Normal::from_log_scale(v[1], v[0]).unwrap(), 1);
        let sum = sum + parts.log_prob(v[0] * 0.3).square() + parts.kl(&other);
        sum + (q.mean() * q.variance()).sum() + q.cdf(x).sum() + parts.entropy().square()
    }
    let at: Vec<Tensor<f64>> = [&LOC[..4], &[-0.3, 0.2, 0.4, -0.1], &[0.3, -0.4], &[0.7, 0.2]]
        .map(|values| Tensor::new(values.to_vec(), [values.len() / 2, 2]))
        .to_vec();
    check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
    // A quantile can be differentiated once.
    fn quantile<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let components = Normal::from_log_scale(v[0], v[1]).unwrap();
        let q = Mixture::from_logits(v[2].reshape([2]), components).unwrap();
        q.quantile(v[3].reshape([2]).sigmoid()).sum()
    }
    let options = check::Options { order: 1, ..check::Options::of::<f64>() };
    check::gradient(quantile, &at, options).unwrap();
}

#[test]
fn weights_and_components_broadcast() {
    let tape = Tape::new();
    let loc = tape.leaf(&[LOC, SCALE].concat(), [2, 3, 2]);
    let components = Normal::from_scale(loc, leaf(&tape, &[1.0])).unwrap();
    let q = Mixture::from_logits(leaf(&tape, &[0.1, 0.2, 0.3]), components).unwrap();
    let shapes = q.shapes();
    assert_eq!((&shapes.batch[..], &shapes.event[..]), (&[2][..], &[2][..]));
    let x = q.sample(5, &mut rng());
    assert_eq!(
        (x.shape()[..].to_vec(), q.log_prob(x).shape()[..].to_vec()),
        (vec![5, 2, 2], vec![5, 2])
    );
    assert_eq!(
        (q.mean().shape()[..].to_vec(), q.cdf(x).shape()[..].to_vec()),
        (vec![2, 2], vec![5, 2, 2])
    );
    // Members of the batch choose their components for themselves.
    let far = Normal::from_scale(tape.leaf(&[0.0, 100.0], [2, 1]), leaf(&tape, &[1.0])).unwrap();
    let far = Normal::from_scale(far.loc().broadcast_to([8, 2, 1]), leaf(&tape, &[1.0])).unwrap();
    let x = Mixture::from_logits(leaf(&tape, &[0.0, 0.0]), far).unwrap().sample(8, &mut rng());
    let high = x.with(|x| {
        x.chunks(8).map(|row| row.iter().filter(|x| **x > 50.0).count()).collect::<Vec<_>>()
    });
    assert!(high.iter().any(|n| n % 8 != 0), "seed {SEED}: {high:?}");
    // A mixture of mixtures.
    let twice = Mixture::from_logits(leaf(&tape, &[0.3, -0.2]), q).unwrap();
    assert_eq!(twice.sample(4, &mut rng()).shape()[..], [4, 2]);
    let x = leaf(&tape, &[0.3, 0.1]);
    let of = q.log_prob(x).value();
    let probs = twice.weights().probs().value();
    let expected: f64 = (0..2).map(|k| probs.values()[k] * of.values()[k].exp()).sum();
    assert!((twice.log_prob(x).item() - expected.ln()).abs() < 1e-14);
}

#[test]
#[should_panic(
    expected = "Mixture: logits of shape [2] do not broadcast to components in a batch of shape [3]"
)]
fn two_weights_of_three_components_are_refused() {
    let tape = Tape::new();
    let _ = rows(&tape, &[0.0, 1.0]);
}

#[test]
fn weights_out_of_range_are_refused() {
    let tape = Tape::new();
    let components = || Normal::from_scale(tape.leaf(&LOC, [3, 2]), leaf(&tape, &[1.0])).unwrap();
    let error = Mixture::from_logits(leaf(&tape, &[0.0, f64::NAN, 0.0]), components()).unwrap_err();
    assert_eq!((error.parameter, error.index), ("logits", 1));
    let none = leaf(&tape, &[f64::NEG_INFINITY; 3]);
    assert!(Mixture::from_logits(none, components()).is_err());
}

#[test]
fn axes_of_a_batch_become_axes_of_an_event() {
    let tape = Tape::new();
    let loc = tape.leaf(&[LOC, SCALE].concat(), [2, 3, 2]);
    let q = Normal::from_scale(loc, leaf(&tape, &[0.5])).unwrap();
    let p = Normal::from_scale(tape.leaf(&LOC, [3, 2]), leaf(&tape, &[0.7])).unwrap();
    let one = Independent::new(q, 1);
    let x = one.sample(4, &mut rng());
    assert_eq!(one.log_prob(x).value(), q.log_prob(x).sum_axis(-1).value());
    assert_eq!(one.entropy().value(), q.entropy().sum_axis(-1).value());
    assert_eq!(one.kl(&Independent::new(p, 1)).value(), q.kl(&p).sum_axis(-1).value());
    let shapes = one.shapes();
    assert_eq!((&shapes.batch[..], &shapes.event[..]), (&[2][..], &[3, 2][..]));
    assert_eq!(Independent::new(q, 2).log_prob(x).shape()[..], [4]);
    assert_eq!(Independent::new(q, 0).log_prob(x).value(), q.log_prob(x).value());
    // One number stands for six, and counts six times.
    let number = leaf(&tape, &[0.3]);
    let six = one.log_prob(tape.constant(&[0.3; 6], [3, 2])).value();
    assert_eq!(one.log_prob(number).value(), six);
    assert!(one.rsample(2, &mut rng()).is_tracked());
    // Maps act on events of several axes.
    let exp = Transformed::new(one, Elementwise::Exp);
    let y = x.exp();
    let expected = (one.log_prob(x) - x.sum_axis([-1, -2])).value();
    for (a, b) in exp.log_prob(y).value().values().iter().zip(expected.values()) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}

#[test]
#[should_panic(expected = "Independent: a batch of shape [2] does not have 2 axes")]
fn more_axes_than_the_batch_has_are_refused() {
    let tape = Tape::new();
    let q = Normal::from_scale(tape.leaf(&LOC[..4], [2, 2]), leaf(&tape, &[0.5])).unwrap();
    let _ = Independent::new(q, 2);
}

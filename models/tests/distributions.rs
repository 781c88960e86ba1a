//! Every distribution against its definition: densities, entropies and divergences by formula, sum or
//! integral; samples by their frequencies; derivatives by differences.

mod capabilities;
mod compound;
mod edges;
mod implicit;
mod joint;
mod univariate;

use pathscore_autodiff::{Activation, Float, Scalar, Tape, Tensor, Var, check};
use pathscore_models::Params;
use pathscore_models::dist::{
    Bernoulli, Categorical, Coordinates, Distribution, Entropy, Enumerable, Kl, Normal, Reparam,
};
use pathscore_models::latent::{LatentModel, Likelihood, SigmoidBelief};
use pathscore_models::seed::{self, Stream};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::f64::consts::TAU;

const SEED: u64 = 3;

fn rng() -> Xoshiro256PlusPlus {
    seed::rng(SEED, Stream::Sample, 0)
}

/// A few sums and exponentials of numbers below a hundred: rounding stays under 10⁻¹³.
const CLOSE: f64 = 1e-12;

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "element {i} is {f}, not {e}");
    }
}

fn sigmoid(eta: f64) -> f64 {
    1.0 / (1.0 + (-eta).exp())
}

fn softmax(eta: &[f64]) -> Vec<f64> {
    let total: f64 = eta.iter().map(|e| e.exp()).sum();
    eta.iter().map(|e| e.exp() / total).collect()
}

fn normal_log_density(x: f64, mu: f64, log_sigma: f64) -> f64 {
    let t = (x - mu) / log_sigma.exp();
    -0.5 * t * t - log_sigma - 0.5 * TAU.ln()
}

/// ∫ f over ± 12 standard deviations by the trapezoidal rule, whose error on a smooth integrand that
/// vanishes at both ends falls faster than any power of the step; what is cut off is below e⁻⁷⁰.
fn integral(mu: f64, log_sigma: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (n, sigma) = (2000, log_sigma.exp());
    let step = 24.0 * sigma / n as f64;
    (0..=n).map(|i| f(mu + (i as f64 / n as f64 - 0.5) * 24.0 * sigma)).sum::<f64>() * step
}

const LOC: [f64; 6] = [0.3, -1.0, 2.0, 0.0, 0.5, -0.7];
const LOG_SCALE: [f64; 6] = [-0.5, 0.2, 0.0, 0.7, -1.1, 0.1];
const OTHER_LOC: [f64; 3] = [0.1, 0.4, -0.6];
const OTHER_LOG_SCALE: [f64; 3] = [0.2, -0.3, 0.5];
const LOGITS: [f64; 6] = [0.8, -0.5, 2.0, -3.0, 0.0, 1.2];
const OTHER_LOGITS: [f64; 6] = [-0.4, 0.3, 1.0, 0.2, -1.5, 0.7];

fn normal<'t>(tape: &'t Tape<f64>) -> Normal<'t, f64> {
    Normal::from_log_scale(tape.leaf(&LOC, [2, 3]), tape.leaf(&LOG_SCALE, [2, 3])).unwrap()
}

fn other_normal<'t>(tape: &'t Tape<f64>) -> Normal<'t, f64> {
    Normal::from_log_scale(tape.leaf(&OTHER_LOC, [3]), tape.leaf(&OTHER_LOG_SCALE, [3])).unwrap()
}

#[test]
fn the_log_densities_are_those_of_the_formulas() {
    let tape = Tape::new();
    let x = [0.2, -0.4, 3.0, 1.0, 0.9, -2.0];
    let found = normal(&tape).log_prob(tape.constant(&x, [2, 3]));
    let one = |i: usize| normal_log_density(x[i], LOC[i], LOG_SCALE[i]);
    let row = |r: usize| (0..3).map(|j| one(3 * r + j)).sum::<f64>();
    assert_close(found.value().values(), &[row(0), row(1)], CLOSE);

    let bits = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0];
    let found = Bernoulli::from_logits(tape.leaf(&LOGITS, [2, 3])).unwrap();
    let found = found.log_prob(tape.constant(&bits, [2, 3]));
    let one = |i: usize| {
        let p = sigmoid(LOGITS[i]);
        if bits[i] == 1.0 { p.ln() } else { (1.0 - p).ln() }
    };
    let row = |r: usize| (0..3).map(|j| one(3 * r + j)).sum::<f64>();
    assert_close(found.value().values(), &[row(0), row(1)], CLOSE);

    let found = Categorical::from_logits(tape.leaf(&LOGITS, [2, 3])).unwrap();
    let found = found.log_prob(tape.constant(&[0.0, 1.0, 0.0, 0.0, 0.0, 1.0], [2, 3]));
    let expected = [softmax(&LOGITS[..3])[1].ln(), softmax(&LOGITS[3..])[2].ln()];
    assert_close(found.value().values(), &expected, CLOSE);
}

#[test]
fn a_scale_and_its_logarithm_make_the_same_normal() {
    let tape = Tape::new();
    let loc = tape.leaf(&LOC, [6]);
    let by_scale = Normal::from_scale(loc, tape.leaf(&LOG_SCALE.map(f64::exp), [6])).unwrap();
    let by_log = Normal::from_log_scale(loc, tape.leaf(&LOG_SCALE, [6])).unwrap();
    let x = tape.constant(&[0.5; 6], [6]);
    let (found, expected) = (by_scale.log_prob(x).item(), by_log.log_prob(x).item());
    assert!((found - expected).abs() < CLOSE);
}

/// The value of `f` and its derivatives are finite at these logits, in this precision.
#[track_caller]
fn assert_survives<F: Scalar>(
    name: &str,
    logits: [f64; 4],
    f: impl for<'t> Fn(Var<'t, F>, Var<'t, F>) -> Var<'t, F>,
) {
    let tape = Tape::new();
    let eta = tape.leaf(&logits.map(F::from_f64), [4]);
    let other = tape.leaf(&[1e4, -1e4, -1e4, 1e4].map(F::from_f64), [4]);
    let y = f(eta, other).sum();
    assert!(Float::is_finite(y.item()), "{name} at {logits:?} in {} is {}", F::NAME, y.item());
    let grads = y.backward();
    for leaf in [eta, other] {
        let slopes = grads.of(leaf);
        let finite = slopes.values().iter().all(|&g| Float::is_finite(g));
        assert!(finite, "{name} at {logits:?} in {}: {slopes:?}", F::NAME);
    }
}

fn survival<F: Scalar>() {
    for logits in [[1e4, -1e4, 1e4, -1e4], [1e4; 4], [-1e4; 4], [0.0, 1e4, -1e4, 3.0]] {
        let event = [1.0, 0.0, 0.0, 0.0].map(F::from_f64);
        assert_survives::<F>("bernoulli log_prob", logits, |q, p| {
            let x = q.tape().constant(&event, [4]);
            Bernoulli::from_logits(q).unwrap().log_prob(x)
                + Bernoulli::from_logits(p).unwrap().log_prob(x)
        });
        assert_survives::<F>("bernoulli entropy", logits, |q, _| {
            Bernoulli::from_logits(q).unwrap().entropy()
        });
        assert_survives::<F>("bernoulli kl", logits, |q, p| {
            Bernoulli::from_logits(q).unwrap().kl(&Bernoulli::from_logits(p).unwrap())
        });
        assert_survives::<F>("categorical log_prob", logits, |q, p| {
            let x = q.tape().constant(&event, [4]);
            Categorical::from_logits(q).unwrap().log_prob(x)
                + Categorical::from_logits(p).unwrap().log_prob(x)
        });
        assert_survives::<F>("categorical entropy", logits, |q, _| {
            Categorical::from_logits(q).unwrap().entropy()
        });
        assert_survives::<F>("categorical kl", logits, |q, p| {
            Categorical::from_logits(q).unwrap().kl(&Categorical::from_logits(p).unwrap())
        });
    }
}

#[test]
fn saturated_logits_have_finite_values_and_derivatives() {
    survival::<f64>();
    survival::<f32>();
}

#[test]
fn a_saturated_bit_costs_its_logit() {
    let tape = Tape::new();
    let q = Bernoulli::from_logits(tape.leaf(&[1e4, -1e4], [2, 1])).unwrap();
    let p = Bernoulli::from_logits(tape.leaf(&[-1e4, -1e4], [2, 1])).unwrap();
    assert_eq!(q.log_prob(tape.constant(&[0.0, 0.0], [2, 1])).value().values(), [-1e4, 0.0]);
    assert_eq!(q.kl(&p).value().values(), [1e4, 0.0]);
    assert_eq!(q.entropy().value().values(), [0.0, 0.0]);
}

#[test]
fn entropies_are_the_mean_of_minus_the_log_density() {
    let tape = Tape::new();
    let row = |r: usize| {
        (3 * r..3 * r + 3)
            .map(|i| {
                let log = |x| normal_log_density(x, LOC[i], LOG_SCALE[i]);
                integral(LOC[i], LOG_SCALE[i], |x| -log(x).exp() * log(x))
            })
            .sum::<f64>()
    };
    assert_close(normal(&tape).entropy().value().values(), &[row(0), row(1)], 1e-10);

    let eta = tape.leaf(&LOGITS, [2, 3]);
    let bits = Bernoulli::from_logits(eta).unwrap();
    let log = bits.log_prob(bits.enumerate_support());
    let sum = -(log.exp() * log).sum_axis(0);
    assert_close(bits.entropy().value().values(), sum.value().values(), 1e-10);

    let choice = Categorical::from_logits(eta).unwrap();
    let log = choice.log_prob(choice.enumerate_support());
    let sum = -(log.exp() * log).sum_axis(0);
    assert_close(choice.entropy().value().values(), sum.value().values(), 1e-10);
}

#[test]
fn divergences_are_the_mean_of_the_log_ratio() {
    let tape = Tape::new();
    let row = |r: usize| {
        (0..3)
            .map(|j| {
                let (mu, s) = (LOC[3 * r + j], LOG_SCALE[3 * r + j]);
                integral(mu, s, |x| {
                    let log_q = normal_log_density(x, mu, s);
                    log_q.exp() * (log_q - normal_log_density(x, OTHER_LOC[j], OTHER_LOG_SCALE[j]))
                })
            })
            .sum::<f64>()
    };
    let found = normal(&tape).kl(&other_normal(&tape));
    assert_close(found.value().values(), &[row(0), row(1)], 1e-10);

    let (eta, other) = (tape.leaf(&LOGITS, [2, 3]), tape.leaf(&OTHER_LOGITS, [2, 3]));
    let (q, p) = (Bernoulli::from_logits(eta).unwrap(), Bernoulli::from_logits(other).unwrap());
    let z = q.enumerate_support();
    let sum = (q.log_prob(z).exp() * (q.log_prob(z) - p.log_prob(z))).sum_axis(0);
    assert_close(q.kl(&p).value().values(), sum.value().values(), 1e-10);

    let (q, p) = (Categorical::from_logits(eta).unwrap(), Categorical::from_logits(other).unwrap());
    let z = q.enumerate_support();
    let sum = (q.log_prob(z).exp() * (q.log_prob(z) - p.log_prob(z))).sum_axis(0);
    assert_close(q.kl(&p).value().values(), sum.value().values(), 1e-10);
}

#[test]
fn divergences_are_positive_and_vanish_where_the_two_agree() {
    let tape = Tape::new();
    let spread = |scale: f64, turn: f64| {
        let values: Vec<f64> = (0..600).map(|i| scale * (turn * f64::from(i)).sin()).collect();
        tape.leaf(&values, [200, 3])
    };
    let (a, b, c, d) = (spread(3.0, 1.3), spread(1.0, 0.7), spread(3.0, 2.1), spread(1.0, 0.9));
    let same = |y: Var<f64>| y.with(|y| y.iter().all(|&kl| kl.abs() < 1e-14));
    let positive = |y: Var<f64>| y.with(|y| y.iter().all(|&kl| kl > 0.0));
    let (q, p) = (Normal::from_log_scale(a, b).unwrap(), Normal::from_log_scale(c, d).unwrap());
    assert!(same(q.kl(&q)) && positive(q.kl(&p)) && positive(p.kl(&q)));
    let (q, p) = (Bernoulli::from_logits(a).unwrap(), Bernoulli::from_logits(c).unwrap());
    assert!(same(q.kl(&q)) && positive(q.kl(&p)) && positive(p.kl(&q)));
    let (q, p) = (Categorical::from_logits(a).unwrap(), Categorical::from_logits(c).unwrap());
    assert!(same(q.kl(&q)) && positive(q.kl(&p)) && positive(p.kl(&q)));
}

#[test]
fn a_nearly_equal_normal_keeps_the_digits_of_its_divergence() {
    let tape = Tape::new();
    let at =
        |loc: f64| Normal::from_log_scale(tape.leaf(&[loc], [1]), tape.leaf(&[0.0], [1])).unwrap();
    // δ²/2 exactly; a formula with µ² + σ² − ln σ² − 1 in it would keep no digit of it.
    let (found, delta) = (at(1e-9).kl(&at(0.0)).item(), 1e-9_f64);
    assert!((found / (0.5 * delta * delta) - 1.0).abs() < 1e-12);
}

#[test]
fn the_small_constants_of_the_literature_come_out() {
    let tape = Tape::new();
    let unit = |loc, scale: f64| {
        Normal::from_scale(tape.leaf(&[loc], [1]), tape.leaf(&[scale], [1])).unwrap()
    };
    // Both are printed in the documentation of TensorFlow Probability, the second in single precision
    // (0.38190854, where 0.4 ln 0.5 + 0.6 ln 3 is 0.38190850).
    assert!((unit(0.0, 1.0).kl(&unit(1.0, 2.0)).item() - 0.44314718).abs() < 5e-9);
    let bit = |p: f64| Bernoulli::from_logits(tape.leaf(&[(p / (1.0 - p)).ln()], [1])).unwrap();
    assert!((bit(0.4).kl(&bit(0.8)).item() - 0.38190854).abs() < 6e-8);
}

/// The number of samples of a frequency. Fewer than a hundred frequencies are compared at five standard errors: with a
/// new seed, a correct sampler fails with probability 100 · 6·10⁻⁷ < 10⁻⁴.
const DRAWS: usize = 40_000;

/// The mean of every column of samples.
fn means(draws: &Tensor<f64>) -> Vec<f64> {
    let columns = draws.values().len() / DRAWS;
    let column = |j: usize| draws.values().iter().skip(j).step_by(columns).sum::<f64>();
    (0..columns).map(|j| column(j) / DRAWS as f64).collect()
}

#[track_caller]
fn assert_mean(what: &str, found: f64, expected: f64, variance: f64) {
    let z = (found - expected) / (variance / DRAWS as f64).sqrt();
    assert!(z.abs() < 5.0, "seed {SEED}: {what} is {found}, {z} errors from {expected}");
}

#[test]
fn draws_have_the_right_frequencies() {
    let tape = Tape::new();
    let bits = Bernoulli::from_logits(tape.leaf(&LOGITS, [2, 3]))
        .unwrap()
        .sample(DRAWS, &mut rng())
        .value();
    assert_eq!(bits.shape()[..], [DRAWS, 2, 3]);
    assert!(bits.values().iter().all(|&bit| bit == 0.0 || bit == 1.0));
    for (j, mean) in means(&bits).into_iter().enumerate() {
        let p = sigmoid(LOGITS[j]);
        assert_mean(&format!("the frequency of bit {j}"), mean, p, p * (1.0 - p));
    }
    // The bits of one sample are independent.
    let both = bits.values().chunks_exact(6).filter(|b| b[0] == 1.0 && b[4] == 1.0).count();
    let p = sigmoid(LOGITS[0]) * sigmoid(LOGITS[4]);
    assert_mean("the frequency of a pair", both as f64 / DRAWS as f64, p, p * (1.0 - p));

    let eta = tape.leaf(&LOGITS, [2, 3]);
    let choice = Categorical::from_logits(eta).unwrap().sample(DRAWS, &mut rng()).value();
    assert!(choice.values().chunks_exact(3).all(|row| row.iter().sum::<f64>() == 1.0));
    let probs = [softmax(&LOGITS[..3]), softmax(&LOGITS[3..])].concat();
    for (j, (mean, p)) in means(&choice).into_iter().zip(probs).enumerate() {
        assert_mean(&format!("the frequency of class {j}"), mean, p, p * (1.0 - p));
    }

    let normal = normal(&tape).sample(DRAWS, &mut rng()).value();
    let squares: Vec<f64> = normal.values().iter().map(|z| z * z).collect();
    let squares = means(&Tensor::new(squares, normal.shape().clone()));
    for (j, (mean, square)) in means(&normal).into_iter().zip(squares).enumerate() {
        let (mu, v) = (LOC[j], (2.0 * LOG_SCALE[j]).exp());
        assert_mean(&format!("the mean of coordinate {j}"), mean, mu, v);
        // The variance of z² is 4µ²v + 2v².
        let spread = 4.0 * mu * mu * v + 2.0 * v * v;
        assert_mean(&format!("the square of coordinate {j}"), square, mu * mu + v, spread);
    }
}

#[test]
fn certain_bits_and_classes_are_always_drawn() {
    let tape = Tape::<f32>::new();
    let bits =
        Bernoulli::from_logits(tape.leaf(&[1e4, -1e4], [2])).unwrap().sample(1000, &mut rng());
    assert!(bits.with(|b| b.chunks_exact(2).all(|b| b == [1.0, 0.0])));
    let choice = Categorical::from_logits(tape.leaf(&[-1e4, 1e4, 0.0], [3])).unwrap();
    let choice = choice.sample(1000, &mut rng());
    assert!(choice.with(|c| c.chunks_exact(3).all(|c| c == [0.0, 1.0, 0.0])));
}

#[test]
fn a_support_lists_every_value_once_and_its_probabilities_sum_to_one() {
    let tape = Tape::new();
    let eta = tape.leaf(&LOGITS, [2, 3]);
    let bits = Bernoulli::from_logits(eta).unwrap();
    assert_eq!(bits.enumerate_support().shape()[..], [8, 2, 3]);
    let total = bits.log_prob(bits.enumerate_support()).exp().sum_axis(0).value();
    assert_close(total.values(), &[1.0, 1.0], CLOSE);
    let choice = Categorical::from_logits(eta).unwrap();
    let total = choice.log_prob(choice.enumerate_support()).exp().sum_axis(0).value();
    assert_close(total.values(), &[1.0, 1.0], CLOSE);
    let mut rows: Vec<Vec<u8>> = bits.enumerate_support().with(|values| {
        values.chunks_exact(6).map(|v| v[..3].iter().map(|&b| b as u8).collect()).collect()
    });
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 8);
}

#[test]
fn a_draw_along_the_path_moves_with_its_parameters() {
    let tape = Tape::new();
    let q = normal(&tape);
    let z = q.rsample(2, &mut rng());
    assert!(z.is_tracked());
    let weights: Vec<f64> = (1..=12).map(f64::from).collect();
    let grads = (z * tape.constant(&weights, [2, 2, 3])).sum().backward();
    // ∂z/∂µ = 1 and ∂z/∂ln σ = σε = z − µ.
    let (z, loc, log_scale) = (z.value(), grads.of(q.loc()), grads.of(q.log_scale()));
    for i in 0..6 {
        assert!((loc.values()[i] - (weights[i] + weights[i + 6])).abs() < CLOSE);
        let along = |k: usize| weights[i + 6 * k] * (z.values()[i + 6 * k] - LOC[i]);
        assert!((log_scale.values()[i] - along(0) - along(1)).abs() < CLOSE);
    }
    // With the same noise the untracked draw is the same number.
    assert_eq!(q.sample(2, &mut rng()).value(), z);
}

#[test]
fn a_draw_without_a_path_is_a_constant_and_so_is_what_is_detached() {
    let tape = Tape::new();
    let eta = tape.leaf(&LOGITS, [2, 3]);
    let (bits, choice) =
        (Bernoulli::from_logits(eta).unwrap(), Categorical::from_logits(eta).unwrap());
    assert!(!normal(&tape).sample(3, &mut rng()).is_tracked());
    assert!(!bits.sample(3, &mut rng()).is_tracked());
    assert!(!choice.sample(3, &mut rng()).is_tracked());
    let x = tape.constant(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [2, 3]);
    assert!(bits.log_prob(x).is_tracked() && !bits.detach().log_prob(x).is_tracked());
    assert!(!choice.detach().log_prob(x).is_tracked());
    assert!(!normal(&tape).detach().log_prob(x).is_tracked());
}

#[track_caller]
fn assert_slopes(name: &str, f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>, at: &[&[f64]]) {
    let at: Vec<Tensor<f64>> =
        at.iter().map(|x| Tensor::new(x.to_vec(), [x.len() / 3, 3])).collect();
    if let Err(mismatch) = check::gradient(f, &at, check::Options::of::<f64>()) {
        panic!("{name}: {mismatch}");
    }
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let x: &[f64] = &[0.2, -0.4, 3.0, 1.0, 0.9, -2.0];
    let normals: &[&[f64]] = &[&LOC, &LOG_SCALE, &OTHER_LOC, &OTHER_LOG_SCALE, x];
    assert_slopes(
        "normal log_prob",
        |v| Normal::from_log_scale(v[0], v[1]).unwrap().log_prob(v[4]).square(),
        normals,
    );
    assert_slopes(
        "normal entropy",
        |v| Normal::from_log_scale(v[0], v[1]).unwrap().entropy().square(),
        normals,
    );
    assert_slopes(
        "normal kl",
        |v| {
            Normal::from_log_scale(v[0], v[1])
                .unwrap()
                .kl(&Normal::from_log_scale(v[2], v[3]).unwrap())
                .square()
        },
        normals,
    );
    let logits: &[&[f64]] = &[&LOGITS, &OTHER_LOGITS];
    let event = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    assert_slopes(
        "bernoulli log_prob",
        |v| {
            let x = v[0].tape().constant(&event, [2, 3]);
            Bernoulli::from_logits(v[0]).unwrap().log_prob(x).square()
        },
        logits,
    );
    assert_slopes(
        "bernoulli entropy",
        |v| Bernoulli::from_logits(v[0]).unwrap().entropy().square(),
        logits,
    );
    assert_slopes(
        "bernoulli kl",
        |v| {
            Bernoulli::from_logits(v[0])
                .unwrap()
                .kl(&Bernoulli::from_logits(v[1]).unwrap())
                .square()
        },
        logits,
    );
    assert_slopes(
        "categorical log_prob",
        |v| {
            let x = v[0].tape().constant(&event, [2, 3]);
            Categorical::from_logits(v[0]).unwrap().log_prob(x).square()
        },
        logits,
    );
    assert_slopes(
        "categorical entropy",
        |v| Categorical::from_logits(v[0]).unwrap().entropy().square(),
        logits,
    );
    assert_slopes(
        "categorical kl",
        |v| {
            Categorical::from_logits(v[0])
                .unwrap()
                .kl(&Categorical::from_logits(v[1]).unwrap())
                .square()
        },
        logits,
    );
}

#[test]
fn the_coordinates_of_an_event_add_up_to_it() {
    fn check<'t, D: Coordinates<'t, f64>>(q: D) {
        let x = q.sample(5, &mut rng());
        let each = q.log_prob_each(x);
        assert_eq!(each.shape(), x.shape());
        let sum = each.sum_axis(-1).value();
        assert_close(sum.values(), q.log_prob(x).value().values(), CLOSE);
    }
    let tape = Tape::new();
    check(normal(&tape));
    check(Bernoulli::from_logits(tape.leaf(&LOGITS, [2, 3])).unwrap());
    let mut params = Params::<f64>::new();
    let (tanh, bits) = (Activation::Tanh, Likelihood::Bernoulli);
    let net = SigmoidBelief::new(&mut params, 4, &[3, 2, 2], &[3], tanh, bits, &mut rng());
    let params = params.on(&tape);
    check(net.posterior(params, tape.constant(&[1.0, 0.0, 1.0, 1.0], [1, 4])));
    check(net.prior(params));
}

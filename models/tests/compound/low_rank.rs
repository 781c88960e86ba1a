//! Normal distributions of low rank, and the divergences between all forms of a covariance.

use super::leaf;
use crate::{SEED, rng};
use pathscore_autodiff::{Tape, Tensor, Var, check};
use pathscore_models::dist::*;

const LOC: [f64; 3] = [0.3, -1.0, 0.4];
const FACTOR: [f64; 6] = [0.7, 0.3, -0.2, 0.5, 1.0, 0.4];
const DIAGONAL: [f64; 3] = [0.2, 0.9, 1.5];
const OTHER_LOC: [f64; 3] = [0.1, 0.4, -0.6];
const OTHER_FACTOR: [f64; 3] = [0.5, -0.8, 0.1];
const OTHER_DIAGONAL: [f64; 3] = [1.1, 0.4, 0.7];

fn low<'t>(tape: &'t Tape<f64>) -> LowRankNormal<'t, f64> {
    let factor = tape.leaf(&FACTOR, [3, 2]);
    LowRankNormal::new(leaf(tape, &LOC), factor, leaf(tape, &DIAGONAL)).unwrap()
}

fn other<'t>(tape: &'t Tape<f64>) -> LowRankNormal<'t, f64> {
    let factor = tape.leaf(&OTHER_FACTOR, [3, 1]);
    LowRankNormal::new(leaf(tape, &OTHER_LOC), factor, leaf(tape, &OTHER_DIAGONAL)).unwrap()
}

fn full<'t>(q: LowRankNormal<'t, f64>) -> MultivariateNormal<'t, f64> {
    MultivariateNormal::from_covariance(q.loc(), q.covariance()).unwrap()
}

#[track_caller]
fn close(found: Var<f64>, expected: Var<f64>) {
    assert_eq!(found.shape(), expected.shape());
    for (a, b) in found.value().values().iter().zip(expected.value().values()) {
        // A few sums of numbers below ten.
        assert!((a - b).abs() < 1e-13, "{a}, not {b}");
    }
}

#[test]
fn divergences_of_all_forms_are_those_of_full_covariances() {
    let tape = Tape::new();
    let (q, p) = (low(&tape), other(&tape));
    let (full_q, full_p) = (full(q), full(p));
    let expected = full_q.kl(&full_p);
    close(q.kl(&p), expected);
    close(q.kl(&full_p), expected);
    close(full_q.kl(&p), expected);
    assert!(q.kl(&q).item().abs() < 1e-14);
    let diagonal =
        Normal::from_scale(leaf(&tape, &OTHER_LOC), leaf(&tape, &[0.5, 2.0, 1.2])).unwrap();
    let of_diagonal =
        MultivariateNormal::from_scale_tril(diagonal.loc(), diagonal.scale().diag(0)).unwrap();
    close(q.kl(&diagonal), full_q.kl(&of_diagonal));
    close(full_q.kl(&diagonal), full_q.kl(&of_diagonal));
    close(diagonal.kl(&q), of_diagonal.kl(&full_q));
    close(diagonal.kl(&full_q), of_diagonal.kl(&full_q));
    // The mean of the log-ratio, at five standard errors.
    let x = q.sample(50_000, &mut rng());
    let ratio = q.log_prob(x) - p.log_prob(x);
    let z = (ratio.mean().item() - expected.item()) / (ratio.var_axis(0, 0).item() / 5e4).sqrt();
    assert!(z.abs() < 5.0, "seed {SEED}: {z}");
}

#[test]
fn batches_broadcast_against_each_other() {
    let tape = Tape::new();
    let loc = tape.leaf(&[LOC, OTHER_LOC].concat(), [2, 3]);
    let factor = tape.leaf(&[FACTOR, FACTOR.map(|w| w * w - 0.3)].concat(), [2, 3, 2]);
    let diagonal = tape.leaf(&[DIAGONAL, OTHER_DIAGONAL].concat(), [2, 3]);
    fn shared<'t>(x: Var<'t, f64>, shape: &[usize]) -> Var<'t, f64> {
        x.slice(0, 0..1).reshape(shape)
    }
    let factors = [shared(factor, &[3, 2]), factor];
    let (locs, diagonals) = ([shared(loc, &[3]), loc], [shared(diagonal, &[3]), diagonal]);
    let p = other(&tape);
    for (i, &loc) in locs.iter().enumerate() {
        for (j, &factor) in factors.iter().enumerate() {
            for (k, &diagonal) in diagonals.iter().enumerate() {
                let q = LowRankNormal::new(loc, factor, diagonal).unwrap();
                let same = full(q);
                let batch: &[usize] = if i + j + k > 0 { &[2] } else { &[] };
                assert_eq!(q.shapes().batch[..], *batch);
                let x = q.sample(4, &mut rng());
                assert_eq!(x.shape()[..], [&[4], batch, &[3]].concat());
                close(q.log_prob(x), same.log_prob(x));
                close(q.entropy(), same.entropy());
                close(q.variance(), same.variance());
                close(q.kl(&p), same.kl(&full(p)));
                close(p.kl(&q), full(p).kl(&same));
                close(same.kl(&q), same.kl(&same));
            }
        }
    }
    // A factor for each member of a batch, and one mean.
    let factors = full(low(&tape)).scale_tril().broadcast_to([2, 3, 3]);
    let q = MultivariateNormal::from_scale_tril(leaf(&tape, &LOC), factors).unwrap();
    assert_eq!(q.sample(4, &mut rng()).shape()[..], [4, 2, 3]);
}

#[test]
fn a_factor_of_any_size_keeps_the_digits() {
    let tape = Tape::new();
    // Σ = s²ww' + I with w of length one: along w the squared distance is 1/(s² + 1), across it one.
    let w = [0.6, 0.8];
    for s in [1e-8, 1.0, 1e4, 1e8, 1e12] {
        let factor = tape.leaf(&w.map(|w| w * s), [2, 1]);
        let (loc, diagonal) = (leaf(&tape, &[0.0, 0.0]), leaf(&tape, &[1.0, 1.0]));
        let q = LowRankNormal::new(loc, factor, diagonal).unwrap();
        let norm = 0.5 * (s * s).ln_1p() + std::f64::consts::TAU.ln();
        let along = -q.log_prob(tape.constant(&w.map(|w| 2.0 * s * w), [2])).item() - norm;
        let expected = 2.0 * s * s / (s * s + 1.0);
        // The rounding of x itself, beside the unit across w, is the square of s ε.
        let allowed = 1e-13 * (1.0 + norm) + (4.0 * s * f64::EPSILON).powi(2);
        assert!((along - expected).abs() < allowed, "{s}: {along}, not {expected}");
        let across = -q.log_prob(leaf(&tape, &[-0.8, 0.6])).item() - norm;
        assert!((across - 0.5).abs() < 1e-13 * (1.0 + norm), "{s}: {across}");
    }
}

#[test]
fn the_density_integrates_to_one_and_scores_have_mean_zero() {
    let tape = Tape::new();
    let (loc, factor) = (leaf(&tape, &[0.3, -0.2]), tape.leaf(&[0.7, -0.4], [2, 1]));
    let diagonal = leaf(&tape, &[0.5, 0.8]);
    let q = LowRankNormal::new(loc, factor, diagonal).unwrap();
    let grid: Vec<f64> = (0..200).map(|i| (f64::from(i) - 99.5) * 0.1).collect();
    let points: Vec<f64> =
        grid.iter().flat_map(|&a| grid.iter().flat_map(move |&b| [a, b])).collect();
    let log_prob = q.log_prob(tape.constant(&points, [points.len() / 2, 2]));
    let weights = (log_prob.exp() * 0.01).detach();
    // The edges are nine standard deviations away.
    assert!((weights.sum().item() - 1.0).abs() < 1e-13);
    let grads = (log_prob * weights).sum().backward();
    for leaf in [loc, factor, diagonal] {
        let mean = grads.of(leaf);
        assert!(mean.values().iter().all(|g| g.abs() < 1e-12), "{mean:?}");
    }
}

#[test]
fn samples_fit_along_every_direction() {
    let tape = Tape::new();
    let q = low(&tape);
    let x = q.sample(50_000, &mut rng()) - q.loc();
    for direction in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.3, -0.5, 0.8], [1.0, 2.0, -1.0]] {
        let a = tape.constant(&direction, [3, 1]);
        let variance = a.matmul_with(true, q.covariance().matmul(a), false).item();
        let levels = (x.matmul(a) * (1.0 / variance.sqrt())).normal_cdf().value();
        let fit = uniform_fit(&mut levels.values().to_vec());
        assert!(fit.passes(1e-6), "seed {SEED}: {direction:?}: {fit:?}");
    }
}

#[test]
fn derivatives_agree_with_finite_differences() {
    fn all<'t>(v: &[Var<'t, f64>]) -> Var<'t, f64> {
        let q = LowRankNormal::new(v[0], v[1], v[2]).unwrap();
        let p = LowRankNormal::new(v[3], v[4], v[5]).unwrap();
        let diagonal = Normal::from_scale(v[3], v[5]).unwrap();
        let scale = v[4].matmul_with(false, v[4], true) + v[5].diag(0);
        let full = MultivariateNormal::from_scale_tril(v[3], scale).unwrap();
        let sum = q.log_prob(v[3]).square() + q.entropy().square() + q.rsample(1, &mut rng()).sum();
        let sum = sum + q.kl(&p).square() + q.kl(&diagonal) + q.kl(&full) + diagonal.kl(&q) * 1.3;
        sum + full.kl(&q) * 0.7 + full.kl(&diagonal) + diagonal.kl(&full)
    }
    let vector = |values: &[f64]| Tensor::new(values.to_vec(), [3]);
    let at = [
        vector(&LOC),
        Tensor::new(FACTOR.to_vec(), [3, 2]),
        vector(&DIAGONAL),
        vector(&OTHER_LOC),
        Tensor::new(OTHER_FACTOR.to_vec(), [3, 1]),
        vector(&OTHER_DIAGONAL),
    ];
    check::gradient(all, &at, check::Options::of::<f64>()).unwrap();
}

#[test]
fn parameters_out_of_range_are_refused() {
    let tape = Tape::new();
    let (loc, diagonal) = (leaf(&tape, &LOC), leaf(&tape, &DIAGONAL));
    let factor = tape.leaf(&FACTOR, [3, 2]);
    let bad = leaf(&tape, &[1.0, 0.0, 1.0]);
    let error = LowRankNormal::new(loc, factor, bad).unwrap_err();
    assert_eq!((error.parameter, error.index), ("diagonal", 1));
    let error = LowRankNormal::new(bad * f64::NAN, factor, diagonal).unwrap_err();
    assert_eq!(error.parameter, "loc");
    // The square of the factor overflows.
    let error =
        LowRankNormal::new(loc, tape.leaf(&[0.0, -1e200, 1.0], [3, 1]), diagonal).unwrap_err();
    assert_eq!((error.parameter, error.index), ("factor", 1));
    assert!(LowRankNormal::new_unchecked(loc, factor, diagonal * f64::NAN).is_err());
}

#[test]
#[should_panic(expected = "a factor of shape [3] and a diagonal of shape [3] do not fit")]
fn a_factor_that_is_no_matrix_is_refused() {
    let tape = Tape::new();
    let x = leaf(&tape, &DIAGONAL);
    let _ = LowRankNormal::new(x, x, x);
}

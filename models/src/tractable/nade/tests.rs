//! The estimator against its formula, and as a distribution.

use super::*;
use crate::seed::{Stream, rng};
use crate::tractable::density_checks::*;
use pathscore_autodiff::Tape;

fn model<F: Scalar>(columns: usize, hidden: usize) -> (Nade, Params<F>) {
    let mut params = Params::new();
    let model = Nade::new(&mut params, columns, hidden, &mut rng(0, Stream::Init, 0));
    at_random(&mut params, 1.3);
    (model, params)
}

#[test]
fn all_rows_of_twelve_bits_sum_to_one() {
    let (model, params) = model::<f64>(12, 20);
    let log_probs = log_probs(&model, &params, &all_rows(12), 12);
    let mass: f64 = log_probs.iter().map(|x| x.exp()).sum();
    // 4096 numbers, each with some hundred roundings.
    assert!((mass - 1.0).abs() < 1e-12, "{mass}");
    // Far from uniform: the largest probability is many times 1/4096.
    assert!(log_probs.iter().any(|&x| x > -5.0));
}

#[test]
fn conditionals_are_those_of_a_plain_loop() {
    // More columns than a block of the kernel, and more hidden units than one vector.
    let (columns, hidden) = (45, 19);
    let (model, params) = model::<f64>(columns, hidden);
    let x: Vec<f64> = (0..3 * columns).map(|i| f64::from(i * i % 7 < 3)).collect();
    let tape = Tape::new();
    let logits = model.logits(params.on(&tape), tape.constant(&x, [3, columns])).value();
    let [w, c, v, b] =
        [model.weight, model.hidden_bias, model.output_weight, model.bias].map(|id| params.get(id));
    let log_probs = log_probs(&model, &params, &x, columns);
    for (row, x) in x.chunks(columns).enumerate() {
        let mut log_prob = 0.0;
        for d in 0..columns {
            let mut logit = b[d];
            for j in 0..hidden {
                let sum: f64 = (0..d).map(|e| x[e] * w[e * hidden + j]).sum();
                logit += v[d * hidden + j] / (1.0 + (-(c[j] + sum)).exp());
            }
            // Sums of a few dozen terms of the order of one.
            let found = logits.values()[row * columns + d];
            assert!((found - logit).abs() < 1e-13, "column {d}: {found}, not {logit}");
            let p = 1.0 / (1.0 + (-logit).exp());
            log_prob += if x[d] == 1.0 { p.ln() } else { (1.0 - p).ln() };
        }
        assert!((log_probs[row] - log_prob).abs() < 1e-11, "{} {log_prob}", log_probs[row]);
    }
}

#[test]
fn a_conditional_depends_on_the_columns_before_it_and_on_no_others() {
    let (model, params) = model::<f64>(9, 8);
    let x = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0];
    let logits = |x: &[f64]| {
        let tape = Tape::new();
        model.logits(params.on(&tape), tape.constant(x, [1, 9])).value().values().to_vec()
    };
    let before = logits(&x);
    for flipped in 0..9 {
        let mut x = x;
        x[flipped] = 1.0 - x[flipped];
        for (column, (a, b)) in before.iter().zip(logits(&x)).enumerate() {
            assert_eq!(*a != b, column > flipped, "column {column}, bit {flipped} flipped");
        }
    }
}

#[test]
fn derivatives_are_those_of_differences() {
    let (model, params) = model::<f64>(5, 4);
    let x = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
    derivatives_agree_with_differences(&model, &params, &x, 5);
}

#[test]
fn single_precision_agrees_with_double() {
    let ((model, single), (_, double)) = (model::<f32>(12, 20), self::model::<f64>(12, 20));
    let found = log_probs(&model, &single, &all_rows(12), 12);
    for (a, b) in found.iter().zip(log_probs(&model, &double, &all_rows(12), 12)) {
        // Twelve logits of the order of ten, each a sum of twenty terms: 250 roundings of 6e-8, of random signs.
        assert!((a - b).abs() < 3e-5 * b.abs().max(1.0), "{a}, not {b}");
    }
}

#[test]
fn biases_give_the_means_and_completions_keep_the_beginning() {
    let mut params = Params::<f64>::new();
    let source = &mut rng(1, Stream::Init, 0);
    let model = Nade::new(&mut params, 3, 4, source);
    params.get_mut(model.output_weight).fill(0.0);
    model.set_bias(&mut params, &[0.25, 0.0, 1.0]);
    let row = log_probs(&model, &params, &[1.0, 0.0, 1.0], 3);
    // The means 0 and 1 are held to 0.001 and 0.999.
    assert!((row[0] - (0.25_f64.ln() + 2.0 * 0.999_f64.ln())).abs() < 1e-14);
    at_random(&mut params, 1.0);
    let rows = model.complete(&params, &[0.0, 1.0], 50, source);
    assert!(rows.chunks(3).all(|row| row[..2] == [0.0, 1.0]));
    assert!(rows.chunks(3).any(|row| row[2] == 0.0) && rows.chunks(3).any(|row| row[2] == 1.0));
    assert!(model.complete(&params, &[1.0; 3], 0, source).is_empty());
    assert_eq!(model.complete(&params, &[1.0, 0.0, 1.0], 1, source), [1.0, 0.0, 1.0]);
}

#[test]
#[should_panic(expected = "nade: 4 bits are given of a row of 3")]
fn a_beginning_is_no_longer_than_a_row() {
    let (model, params) = model::<f64>(3, 2);
    model.complete(&params, &[1.0; 4], 1, &mut rng(0, Stream::Sample, 0));
}

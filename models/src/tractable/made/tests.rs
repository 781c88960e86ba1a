//! The masks, the mixture of orders, and the model as a distribution.

use super::*;
use crate::seed::{Stream, rng};
use crate::tractable::density_checks::*;

fn model<F: Scalar>(columns: usize, hidden: &[usize], orders: usize) -> (Made, Params<F>) {
    let (mut params, source) = (Params::new(), &mut rng(0, Stream::Init, 0));
    let model = Made::new(&mut params, columns, hidden, orders, Activation::Tanh, source);
    at_random(&mut params, 0.9);
    (model, params)
}

/// The logits of one row in one order.
fn logits(model: &Made, params: &Params<f64>, x: &[f64], order: usize) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.constant(x, [x.len() / model.columns(), model.columns()]);
    model.logits(params.on(&tape), x, order).value().values().to_vec()
}

#[test]
fn all_rows_of_twelve_bits_sum_to_one() {
    for (hidden, orders) in [(&[20][..], 1), (&[20, 15], 1), (&[20], 3), (&[7, 30, 9], 2)] {
        let (model, params) = model::<f64>(12, hidden, orders);
        let log_probs = log_probs(&model, &params, &all_rows(12), 12);
        let mass: f64 = log_probs.iter().map(|x| x.exp()).sum();
        // 4096 numbers, each with some hundred roundings.
        assert!((mass - 1.0).abs() < 1e-12, "{hidden:?}, {orders}: {mass}");
    }
}

#[test]
fn a_logit_depends_on_the_columns_before_it_in_the_order_and_on_no_others() {
    for hidden in [&[40][..], &[40, 40]] {
        let (model, params) = model::<f64>(7, hidden, 3);
        assert_eq!(model.orders()[0], [0, 1, 2, 3, 4, 5, 6]);
        assert_ne!(model.orders()[1], model.orders()[2]);
        let x = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0];
        for (k, order) in model.orders().iter().enumerate() {
            let before = logits(&model, &params, &x, k);
            let place = |column: usize| order.iter().position(|&c| c == column);
            for flipped in 0..7 {
                let mut x = x;
                x[flipped] = 1.0 - x[flipped];
                for (column, (a, b)) in
                    before.iter().zip(logits(&model, &params, &x, k)).enumerate()
                {
                    let depends = place(column) > place(flipped);
                    assert_eq!(*a != b, depends, "order {order:?}: {column} on {flipped}");
                }
            }
        }
    }
}

#[test]
fn orders_are_mixed_by_their_probabilities_and_an_average_of_logits_is_no_distribution() {
    let (model, params) = model::<f64>(3, &[8], 4);
    let x = all_rows(3);
    let each: Vec<Vec<f64>> = (0..4).map(|k| logits(&model, &params, &x, k)).collect();
    let log_prob = |logits: &[f64], x: &[f64]| {
        let each = logits.iter().zip(x).map(|(&eta, &x)| x * eta - (1.0 + eta.exp()).ln());
        each.sum::<f64>()
    };
    let found = log_probs(&model, &params, &x, 3);
    let mut mass = 0.0;
    for (row, found) in found.into_iter().enumerate() {
        let cells = 3 * row..3 * row + 3;
        let x = &x[cells.clone()];
        let mean = each.iter().map(|logits| log_prob(&logits[cells.clone()], x).exp()).sum::<f64>();
        assert!((found - (0.25 * mean).ln()).abs() < 1e-13, "row {row}");
        let average: Vec<f64> =
            cells.map(|i| 0.25 * each.iter().map(|logits| logits[i]).sum::<f64>()).collect();
        mass += log_prob(&average, x).exp();
    }
    // 1.0076 with these weights: far more than rounding.
    assert!(mass > 1.005, "{mass}");
}

#[test]
fn derivatives_are_those_of_differences_and_masked_weights_have_none() {
    let x = [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0];
    for (hidden, orders) in [(&[6][..], 1), (&[5, 4], 3)] {
        let (model, params) = model::<f64>(4, hidden, orders);
        derivatives_agree_with_differences(&model, &params, &x, 4);
    }
    let (model, params) = model::<f64>(4, &[6], 1);
    let tape = Tape::new();
    let log_prob = model.log_prob(params.on(&tape), tape.constant(&x, [2, 4]));
    let slopes = log_prob.sum().backward();
    // The degrees of the columns are 1 to 4 and those of the units 1, 1, 2, 2, 3, 3.
    for (i, slope) in slopes.leading(4 * 6).iter().enumerate() {
        let (column, unit) = (i / 6, i % 6);
        let masked = column > unit / 2;
        // The bit of a column may be zero in both rows.
        let zero = masked || x[column] + x[4 + column] == 0.0;
        assert_eq!(*slope == 0.0, zero, "from {column} to {unit}");
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let ((model, single), (_, double)) =
        (model::<f32>(12, &[20, 9], 2), self::model::<f64>(12, &[20, 9], 2));
    let found = log_probs(&model, &single, &all_rows(12), 12);
    for (a, b) in found.iter().zip(log_probs(&model, &double, &all_rows(12), 12)) {
        // Twelve logits of the order of ten, each a sum of a few dozen terms: some hundred roundings of 6e-8.
        assert!((a - b).abs() < 3e-5 * b.abs().max(1.0), "{a}, not {b}");
    }
}

#[test]
fn a_single_column_is_a_coin_and_biases_give_the_means() {
    let (mut params, source) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let model = Made::new(&mut params, 1, &[3], 2, Activation::Relu, source);
    model.set_bias(&mut params, &[0.25]);
    params.get_mut(model.layer(1).weight).fill(0.0);
    let found = log_probs(&model, &params, &[1.0, 0.0], 1);
    assert!((found[0] - 0.25_f64.ln()).abs() < 1e-15 && (found[1] - 0.75_f64.ln()).abs() < 1e-15);
    let ones: f64 = model.sample(&params, 4000, source).iter().sum();
    // Five standard deviations of a binomial number.
    assert!((ones - 1000.0).abs() < 5.0 * 750.0_f64.sqrt(), "{ones}");
}

#[test]
#[should_panic(expected = "a MADE needs hidden units in a layer")]
fn a_layer_without_units_is_refused() {
    model::<f64>(3, &[4, 0], 1);
}

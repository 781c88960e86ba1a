//! The flow as a density: its integral, its inverse, its Jacobian.

use super::*;
use crate::seed::{Stream, rng};
use crate::tractable::density_checks::*;

fn model<F: Scalar>(columns: usize) -> (CouplingFlow, Params<F>) {
    let (mut params, source) = (Params::new(), &mut rng(0, Stream::Init, 0));
    let model = CouplingFlow::new(&mut params, columns, 5, &[8], Activation::Tanh, source);
    at_random(&mut params, 0.4);
    (model, params)
}

fn wave(count: usize, scale: f64) -> Vec<f64> {
    (0..count).map(|i| scale * (1.3 * i as f64 + 0.4).sin()).collect()
}

#[test]
fn the_density_integrates_to_one() {
    let (model, params) = model::<f64>(2);
    // The trapezoidal rule on a smooth density that has vanished at the ends: tails fall at least as those of a normal
    // number whose scale is a few units.
    let (points, reach) = (600, 30.0);
    let step = 2.0 * reach / points as f64;
    let at = |i: usize| (i as f64 + 0.5) * step - reach;
    let mut mass = 0.0;
    for i in 0..points {
        let x: Vec<f64> = (0..points).flat_map(|j| [at(i), at(j)]).collect();
        mass += log_probs(&model, &params, &x, 2).iter().map(|x| x.exp()).sum::<f64>();
    }
    mass *= step * step;
    assert!((mass - 1.0).abs() < 1e-6, "{mass}");
}

#[test]
fn the_way_back_is_the_inverse() {
    for columns in [2, 3, 5] {
        let (model, params) = model::<f64>(columns);
        let tape = Tape::new();
        let bound = params.on(&tape);
        let rows = wave(20 * columns, 3.0);
        let x = tape.constant(&rows, [20, columns]);
        let there = model.from_base(bound, model.to_base(bound, x)).value();
        let back = model.to_base(bound, model.from_base(bound, x)).value();
        for found in [there, back] {
            for (a, b) in found.values().iter().zip(&rows) {
                assert!((a - b).abs() < 1e-10, "{columns} columns: {a}, not {b}");
            }
        }
    }
}

#[test]
fn the_log_density_is_the_change_of_variables_by_differences() {
    let (columns, h) = (3, 1e-3);
    let (model, params) = model::<f64>(columns);
    let to_base = |x: &[f64]| {
        let tape = Tape::new();
        let x = tape.constant(x, [x.len() / columns, columns]);
        model.to_base(params.on(&tape), x).value().values().to_vec()
    };
    for x in wave(4 * columns, 1.5).chunks(columns) {
        let z = to_base(x);
        let mut jacobian = Vec::new();
        for i in 0..columns {
            let at = |by: f64| {
                let mut x = x.to_vec();
                x[i] += by;
                to_base(&x)
            };
            let (near, far) = ([at(h), at(-h)], [at(2.0 * h), at(-2.0 * h)]);
            let slope =
                |j: usize| (8.0 * (near[0][j] - near[1][j]) - (far[0][j] - far[1][j])) / (12.0 * h);
            jacobian.extend((0..columns).map(slope));
        }
        let tape = Tape::new();
        let [sign, log_det] =
            <[_; 2]>::from(tape.constant(&jacobian, [columns, columns]).slogdet().unwrap());
        assert_eq!(sign.item(), 1.0);
        let squares: f64 = z.iter().map(|z| z * z + std::f64::consts::TAU.ln()).sum();
        let expected = -0.5 * squares + log_det.item();
        let found = log_probs(&model, &params, x, columns)[0];
        // Differences of four points err by h⁴ times a fifth derivative, and by rounding: about 1e-11.
        assert!((found - expected).abs() < 1e-8, "{found}, not {expected}");
    }
}

#[test]
fn derivatives_are_those_of_differences() {
    let (model, params) = model::<f64>(2);
    derivatives_agree_with_differences(&model, &params, &wave(4, 1.2), 2);
}

#[test]
fn single_precision_agrees_with_double() {
    let ((model, single), (_, double)) = (model::<f32>(3), self::model::<f64>(3));
    let rows = wave(30, 2.0);
    let in_single: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
    let found = log_probs(&model, &single, &in_single, 3);
    for (a, b) in found.iter().zip(log_probs(&model, &double, &rows, 3)) {
        // Five couplings, each with some dozen roundings of 6e-8 that later ones enlarge.
        assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a}, not {b}");
    }
}

#[test]
fn draws_are_the_rows_of_normal_draws() {
    let (model, params) = model::<f64>(2);
    let rows = model.sample(&params, 2000, &mut rng(2, Stream::Sample, 0));
    let tape = Tape::new();
    let z = model.to_base(params.on(&tape), tape.constant(&rows, [2000, 2])).value();
    let mean = |f: &dyn Fn(f64) -> f64| z.values().iter().map(|&z| f(z)).sum::<f64>() / 4000.0;
    // Five standard errors of 4000 normal numbers: 1/√n of the mean, √(2/n) of the squares.
    assert!(mean(&|z| z).abs() < 5.0 / 4000_f64.sqrt());
    assert!((mean(&|z| z * z) - 1.0).abs() < 5.0 * (2.0 / 4000_f64).sqrt());
}

#[test]
fn a_new_model_has_the_centre_and_the_scale_of_the_data() {
    let (mut params, source) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
    let model = CouplingFlow::new(&mut params, 2, 3, &[4], Activation::Relu, source);
    // A column that does not vary keeps the scale one.
    model.standardize(&mut params, &[2.0, -1.0], &[3.0, 0.0]);
    let found = log_probs(&model, &params, &[5.0, -1.0], 2)[0];
    let expected = -0.5 - 3.0_f64.ln() - std::f64::consts::TAU.ln();
    assert!((found - expected).abs() < 1e-14, "{found}, not {expected}");
}

#[test]
#[should_panic(expected = "needs events of 2 numbers or more, not 1")]
fn a_single_column_has_no_halves() {
    model::<f64>(1);
}

//! The tape of numbers against duals, tensors' tapes, finite differences and itself.

use pathscore_autodiff::check::{self, Formula, Options};
use pathscore_autodiff::{Binary, Dual, Float, NumberTape, Real, Scalar, Tape, Unary};

/// `n` numbers at equal distances inside an interval.
fn spread<F: Float>(n: usize, (low, high): (f64, f64)) -> Vec<F> {
    let at = |i: usize| low + (high - low) * (i as f64 + 0.5) / n as f64;
    (0..n).map(|i| F::from_f64(at(i))).collect()
}

/// Panics unless two numbers have the same bits, or both are no number.
#[track_caller]
fn assert_same<F: Float>(found: F, expected: F, of: &str) {
    let (found, expected) = (found.to_f64(), expected.to_f64());
    let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
    // Nothing is added to the zero of an input, so that −0 is 0.
    assert!(same || found == 0.0 && expected == 0.0, "{of}: {found} in place of {expected}");
}

/// The points of a row beyond its domain: the formula is the same there.
const EDGES: [f64; 8] = [0.0, -0.0, 1.0, -1.0, 1e30, -1e30, f64::INFINITY, f64::NEG_INFINITY];

fn unary_rows<F: Float>() {
    let mut tape = NumberTape::new();
    for &op in Unary::ALL {
        let edges = EDGES.map(F::from_f64);
        for x in spread::<F>(40, op.domain()).into_iter().chain(edges) {
            let (value, slope) = tape.gradient(&[x], |x| op.value(x[0]));
            let dual = op.value(Dual::variable(x));
            assert_same(value, op.value(x), op.name());
            assert_same(slope[0], dual.d, op.name());
        }
    }
}

#[test]
fn every_unary_row_has_the_value_of_floats_and_the_derivative_of_duals() {
    unary_rows::<f64>();
    unary_rows::<f32>();
}

fn binary_rows<F: Float>() {
    let mut tape = NumberTape::new();
    for &op in Binary::ALL {
        let values = spread::<F>(9, op.domain());
        for (&a, &b) in values.iter().flat_map(|a| values.iter().map(move |b| (a, b))) {
            let slope =
                |side| if op.is_flat() { F::ZERO } else { op.slope(side, a, b, op.value(a, b)) };
            let (value, slopes) = tape.gradient(&[a, b], |x| op.value(x[0], x[1]));
            assert_same(value, op.value(a, b), op.name());
            assert_same(slopes[0], slope(0), op.name());
            assert_same(slopes[1], slope(1), op.name());
            // Beside a constant, and with the constant as the only other argument.
            let (_, left) = tape.gradient(&[a], |x| op.value(x[0], x[0].of(b.to_f64())));
            assert_same(left[0], slope(0), op.name());
            let (_, right) = tape.gradient(&[b], |x| op.value(x[0].of(a.to_f64()), x[0]));
            assert_same(right[0], slope(1), op.name());
        }
    }
}

#[test]
fn every_binary_row_has_the_derivatives_of_its_rule_beside_numbers_and_constants() {
    binary_rows::<f64>();
    binary_rows::<f32>();
}

/// Most operators and functions, with results that are used more than once, constants and a choice.
struct Mixture;

impl Formula for Mixture {
    fn of<R: Real>(&self, x: &[R]) -> R {
        let half = x[0].of(0.5);
        let a = (x[0] * x[1] - half).tanh() / (x[2].square() + half);
        let b = (a + x[2]) * (a - x[1]).exp();
        let c = a.greater(half).select(b * b, b.max(a) * a);
        -(c.log_add_exp(x[3]) + (x[3].square() + half).ln() * half + x[0].pow(x[3]) + half * half)
    }
}

#[test]
fn a_formula_has_the_same_derivatives_on_numbers_duals_and_tapes() {
    check::formula(Mixture, &[0.9_f64, -0.4, 0.3, 1.2], Options::of::<f64>()).unwrap();
    check::formula(Mixture, &[0.9_f32, -0.4, 0.3, 1.2], Options::of::<f32>()).unwrap();
}

#[test]
fn gradients_agree_with_central_differences() {
    let at = [0.9, -0.4, 0.3, 1.2];
    let mut tape = NumberTape::new();
    let (value, gradient) = tape.gradient(&at, |x| Mixture.of(x));
    assert_eq!(value, Mixture.of(&at));
    for i in 0..at.len() {
        // The error of a central difference is of the order of h² + ε/h, which is least near h = ε^(1/3).
        let h = f64::EPSILON.cbrt();
        let moved = |by: f64| {
            let mut x = at;
            x[i] += by;
            Mixture.of(&x)
        };
        let slope = (moved(h) - moved(-h)) / (2.0 * h);
        assert!((gradient[i] - slope).abs() < 1e-8, "{i}: {} and {slope}", gradient[i]);
    }
}

fn precisions<F: Scalar>() -> Vec<f64> {
    let at = [0.9, -0.4, 0.3, 1.2].map(F::from_f64);
    let mut tape = NumberTape::new();
    let (value, gradient) = tape.gradient(&at, |x| Mixture.of(x));
    [&[value][..], gradient].concat().into_iter().map(F::to_f64).collect()
}

#[test]
fn single_precision_is_close_to_double_precision() {
    for (single, double) in precisions::<f32>().into_iter().zip(precisions::<f64>()) {
        // Some thirty operations on numbers of the order of one.
        let allowed = 30.0 * f64::from(f32::EPSILON) * double.abs().max(1.0);
        assert!((single - double).abs() < allowed, "{single} and {double}");
    }
}

#[test]
fn a_result_without_operations_is_a_constant_or_an_input() {
    let mut tape = NumberTape::new();
    assert_eq!(tape.gradient(&[2.0, 3.0], |x| x[1]), (3.0, &[0.0, 1.0][..]));
    assert_eq!(tape.gradient(&[2.0, 3.0], |x| x[1].of(7.0)), (7.0, &[0.0, 0.0][..]));
    assert_eq!(tape.gradient(&[2.0], |x| x[0].of(7.0) * x[0].of(2.0)), (14.0, &[0.0][..]));
    assert_eq!(tape.gradient(&[2.0], |x| -x[0].of(7.0)), (-7.0, &[0.0][..]));
    assert_eq!(tape.gradient(&[2.0], |x| x[0].floor()), (2.0, &[0.0][..]));
    assert_eq!(tape.gradient(&[2.0], |x| x[0] + x[0]), (4.0, &[2.0][..]));
}

#[test]
fn the_branch_that_is_not_taken_reaches_neither_value_nor_derivative() {
    // √x has an infinite derivative at zero, and ln 0 is −∞.
    fn f<R: Real>(x: &[R]) -> R {
        x[0].greater(x[0].of(0.0)).select(x[0].sqrt() + x[0].ln(), x[0])
    }
    let mut tape = NumberTape::new();
    assert_eq!(tape.gradient(&[0.0], |x| f(x)), (0.0, &[1.0][..]));
    assert_eq!(tape.gradient(&[4.0], |x| f(x)), (2.0 + 4.0_f64.ln(), &[0.5][..]));
    let (value, slope) = tape.gradient(&[0.0], |x| x[0].sqrt() * x[0].of(2.0));
    assert_eq!((value, slope), (0.0, &[f64::INFINITY][..]));
    // The derivative zero wins over an infinite one further down, as on a tape of tensors.
    fn hidden<R: Real>(x: &[R]) -> R {
        (x[0].sqrt() + x[1]) * x[0].of(0.0) + x[1]
    }
    assert_eq!(tape.gradient(&[0.0, 1.0], |x| hidden(x)), (1.0, &[0.0, 1.0][..]));
    assert_eq!(tape.gradient(&[0.0], |x| x[0].sqrt() * x[0].of(0.0)), (0.0, &[0.0][..]));
    // Terms of one result are added before they meet the adjoint.
    assert!(tape.gradient(&[0.0], |x| x[0].sqrt() - x[0].sqrt()).1[0].is_nan());
    let tensors = Tape::new();
    let x = [0.0, 1.0].map(|x| tensors.leaf(&[x], []));
    let slopes = hidden(&x).backward();
    assert_eq!(x.map(|x| slopes.of(x).item()), [0.0, 1.0]);
}

#[test]
fn a_tape_is_used_again_for_other_functions_of_other_inputs() {
    let mut tape = NumberTape::new();
    let close = |found: f64, expected: f64| {
        // Each of the 10000 products rounds once on the way there, and once on the way back.
        let allowed = 2e4 * f64::EPSILON * expected;
        assert!((found - expected).abs() <= allowed, "{found} and {expected}");
    };
    for _ in 0..2 {
        let x = 1.0001_f64;
        // a xⁿ by n operations on two results, for which there is no memory at first.
        let (value, slopes) = tape.gradient(&[3.0, x], |x| (0..10_000).fold(x[0], |y, _| y * x[1]));
        close(value, 3.0 * x.powi(10_000));
        close(slopes[0], x.powi(10_000));
        close(slopes[1], 3e4 * x.powi(9_999));
        // xⁿ⁺¹ by operations on one.
        let (value, slope) = tape.gradient(&[x], |x| (0..10_000).fold(x[0], |y, _| y * x[0]));
        close(value, x.powi(10_001));
        close(slope[0], 10_001.0 * x.powi(10_000));
        assert_eq!(tape.gradient(&[2.0, 5.0], |x| x[0] * x[1]), (10.0, &[5.0, 2.0][..]));
    }
}

#[test]
fn duals_of_numbers_give_the_product_of_the_hessian_with_a_vector() {
    let (at, direction) = ([0.9, -0.4, 0.3, 1.2], [1.0, -2.0, 0.5, 0.25]);
    let mut tape = NumberTape::new();
    let (slope, product) = tape.gradient(&at, |x| {
        let duals = x.iter().zip(direction).map(|(&v, d)| Dual { v, d: v.of(d) });
        Mixture.of(&duals.collect::<Vec<_>>()).d
    });
    let product = product.to_vec();
    let inner: f64 = {
        let (_, gradient) = tape.gradient(&at, |x| Mixture.of(x));
        gradient.iter().zip(direction).map(|(g, d)| g * d).sum()
    };
    assert!((slope - inner).abs() < 1e-14 * inner.abs().max(1.0), "{slope} and {inner}");
    for (i, product) in product.into_iter().enumerate() {
        let h = f64::EPSILON.cbrt();
        let mut moved = |by: f64| {
            let x: Vec<f64> = at.iter().zip(direction).map(|(x, d)| x + by * d).collect();
            tape.gradient(&x, |x| Mixture.of(x)).1[i]
        };
        let difference = (moved(h) - moved(-h)) / (2.0 * h);
        // The error of a central difference, as above.
        assert!((product - difference).abs() < 1e-7, "{i}: {product} and {difference}");
    }
}

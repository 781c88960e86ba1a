//! Every row of the tables of 40-digit values and slopes (`tests/tables/make_tables.py`).

use super::*;
use crate::Scalar;
use crate::numbers::ops::{Binary, Unary};
use std::collections::BTreeMap;

const TABLES: [&str; 3] = [
    include_str!("../../../../tests/tables/elementary.csv"),
    include_str!("../../../../tests/tables/special.csv"),
    include_str!("../../../../tests/tables/more.csv"),
];
const SLOPE_TABLES: [&str; 2] = [
    include_str!("../../../../tests/tables/slopes.csv"),
    include_str!("../../../../tests/tables/more_slopes.csv"),
];

/// The functions and the errors allowed, in units in the last place of double and single
/// precision. In double precision the value compared with is itself rounded (half a unit).
///
/// For the functions from `gamma_p` on, the unit in double precision is larger in the tails, by
/// $1 + |\ln \text{value}|$: the exponent of the exponential has been rounded.
const BOUNDS: [(&str, f64, f64); 70] = [
    ("exp", 1.0, 1.0),
    ("exp2", 1.0, 1.0),
    ("exp_m1", 2.0, 1.5),
    ("ln", 1.0, 1.0),
    ("ln_1p", 2.0, 1.5),
    ("log2", 1.0, 1.0),
    ("log10", 1.0, 1.0),
    ("tanh", 3.0, 2.5),
    ("sigmoid", 2.0, 2.5),
    ("softplus", 2.0, 2.0),
    ("log_sigmoid", 2.0, 2.0),
    ("sinh", 2.0, 2.5),
    ("cosh", 2.0, 1.5),
    ("sin", 2.0, 2.0),
    ("cos", 2.0, 2.0),
    ("log1m_exp", 2.0, 2.0),
    ("tan", 1.0, 0.51),
    ("asin", 1.0, 0.51),
    ("acos", 1.0, 0.51),
    ("atan", 1.0, 0.51),
    ("asinh", 2.0, 0.51),
    ("acosh", 2.0, 0.51),
    ("atanh", 2.0, 0.51),
    ("cbrt", 1.0, 0.51),
    ("rsqrt", 1.0, 1.5),
    ("erf", 1.0, 0.51),
    ("erfc", 1.0, 0.51),
    ("erf_inv", 5.0, 0.51),
    ("normal_cdf", 2.0, 0.51),
    ("log_normal_cdf", 3.0, 0.51),
    ("normal_quantile", 4.0, 0.51),
    ("ln_gamma", 1.0, 0.51),
    ("digamma", 4.0, 0.51),
    ("trigamma", 4.0, 0.51),
    ("i0e", 4.0, 0.51),
    ("i1e", 9.0, 0.51),
    ("polygamma", 8.0, 0.51),
    ("ln_beta", 32.0, 0.51),
    ("gamma_p", 10.0, 0.51),
    ("gamma_q", 10.0, 0.51),
    ("gamma_p_da", 16.0, 0.51),
    ("beta_inc", 200.0, 0.51),
    ("beta_inc_da", 400.0, 0.51),
    ("beta_inc_db", 400.0, 0.51),
    ("silu", 3.0, 3.0),
    ("logit", 3.0, 3.0),
    ("gelu", 3.0, 0.51),
    ("inverse_mills", 4.0, 0.51),
    ("i0e_less_i1e", 9.0, 0.51),
    ("pow", 1.0, 1.0),
    ("log_add_exp", 2.0, 2.0),
    ("atan2", 1.0, 0.51),
    ("hypot", 1.0, 0.51),
    ("xlogy", 2.0, 2.0),
    ("xlog1py", 3.0, 2.0),
    ("gamma_density", 10.0, 0.51),
    ("digamma_gap", 4.0, 0.51),
    ("trigamma_gap", 8.0, 0.51),
    ("erfcx", 4.0, 0.51),
    ("ln_cosh", 3.0, 3.0),
    ("logistic_density", 4.0, 4.0),
    ("one_minus_square", 2.0, 2.0),
    ("inverse_mills_gap", 16.0, 0.51),
    ("truncated_normal_variance", 64.0, 0.51),
    ("gamma", 8.0, 0.51),
    ("ln_i0", 8.0, 0.51),
    ("ln_i1", 64.0, 0.6),
    ("log_diff_exp", 4.0, 4.0),
    ("ive", 32.0, 0.51),
    ("exp_m1_less_x", 8.0, 8.0),
];

/// The errors allowed in slopes, in units in the last place times the condition number, at least one, of
/// the slope; in double and in single precision.
const SLOPES: [f64; 2] = [8.0, 4.0];
/// The same for the slope of ∂P/∂a, a density times $\ln x - ψ(a)$: the difference has the error of
/// $\ln x$, which is a hundred times larger near the mean of a large shape.
const SLOPES_OF_DA: [f64; 2] = [80.0, 40.0];

/// The same for $1 - m(x + m)$, of which a ninth is left at −2, and for $½(I_{n-1} + I_{n+1}) - I_n$, of which about $1/x$ is
/// left, for $x$ up to 50.
const SLOPES_WITH_A_DIFFERENCE: [f64; 2] = [100.0, 50.0];

/// The function of a row.
fn call<F: Scalar>(name: &str, x: &[F]) -> F {
    let named = |op: &&Unary| op.name() == name;
    match (name, x) {
        ("beta_inc", &[a, b, x]) => F::beta_inc(a, b, x)[0],
        ("beta_inc_da", &[a, b, x]) => F::beta_inc(a, b, x)[1],
        ("beta_inc_db", &[a, b, x]) => F::beta_inc(a, b, x)[2],
        (_, &[x]) => Unary::ALL.iter().find(named).expect("a row of the table").value(x),
        (_, &[a, b]) => binary(name).value(a, b),
        _ => panic!("no function {name} of {} numbers", x.len()),
    }
}

fn binary(name: &str) -> Binary {
    let mut ops = Binary::ALL.iter().copied();
    ops.find(|op| op.name() == name).expect("a row of the table")
}

/// The slope of a function by argument `side`.
fn slope<F: Scalar>(name: &str, side: usize, x: &[F]) -> F {
    let y = call(name, x);
    match *x {
        [x] => Unary::ALL.iter().find(|op| op.name() == name).expect("as above").slope(x, y),
        [a, b] => binary(name).slope(side, a, b, y),
        _ => panic!("no slope of {name}"),
    }
}

/// A row of numbers, the last of which is exact: the errors in units of the last place in double and, if all
/// arguments are numbers of it, in single precision.
fn errors(
    x: &[f64],
    exact: f64,
    wide: impl Fn(&[f64]) -> f64,
    narrow: impl Fn(&[f32]) -> f32,
) -> [f64; 2] {
    let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let fits = single.iter().zip(x).all(|(&single, &x)| f64::from(single) == x);
    let error = |error: f64| if error.is_nan() { f64::INFINITY } else { error };
    [error(ulps(wide(x), exact)), if fits { error(ulps(narrow(&single), exact)) } else { 0.0 }]
}

/// Largest errors by function, with their places: double and single precision.
type Worst<'a> = BTreeMap<&'a str, [(f64, String); 2]>;

fn keep<'a>(worst: &mut Worst<'a>, name: &'a str, errors: [f64; 2], row: &str) {
    for (entry, error) in worst.entry(name).or_default().iter_mut().zip(errors) {
        if error > entry.0 {
            *entry = (error, row.to_owned());
        }
    }
}

/// The numbers of a row behind its name.
fn cells(row: &str) -> (&str, Vec<f64>) {
    let (name, cells) = row.split_once(',').expect("a row has a name");
    (name, cells.split(',').map(|cell| cell.parse().expect("the others are numbers")).collect())
}

#[test]
fn every_row_of_the_tables_is_met() {
    let mut worst = Worst::new();
    for row in TABLES.iter().flat_map(|table| table.lines()) {
        let (name, mut x) = cells(row);
        let exact = x.pop().expect("the last cell is the value");
        let mut errors = errors(&x, exact, |x| call(name, x), |x| call(name, x));
        if name.starts_with("gamma_") || name.starts_with("beta_") {
            errors[0] /= 1.0 + exact.abs().ln().abs();
        }
        keep(&mut worst, name, errors, row);
    }
    let mut failures = Vec::new();
    for (name, double, single) in BOUNDS {
        let [(d, at), (s, at_single)] = &worst[name];
        println!("{name:>16} f64 {d:8.2} (≤ {double})  f32 {s:5.3} (≤ {single})   {at}");
        if *d > double || *s > single {
            failures.push(format!("{name}: {d} at {at}, single {s} at {at_single}"));
        }
    }
    assert_eq!(worst.len(), BOUNDS.len(), "every function of the tables has a bound");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_slope_of_the_table_is_met() {
    let mut worst = Worst::new();
    for row in SLOPE_TABLES.iter().flat_map(|table| table.lines()) {
        let (name, x) = cells(row);
        let [side, x @ .., exact, condition] = &x[..] else { panic!("{row} is too short") };
        let side = *side as usize;
        let errors = errors(x, *exact, |x| slope(name, side, x), |x| slope(name, side, x));
        keep(&mut worst, name, errors.map(|error| error / condition.max(1.0)), row);
    }
    let mut failures = Vec::new();
    for (name, worst) in &worst {
        let [(d, at), (s, at_single)] = worst;
        println!("{name:>16} f64 {d:8.2}  f32 {s:5.3}   {at}   {at_single}");
        let [double, single] = match *name {
            "gamma_p_da" => SLOPES_OF_DA,
            "inverse_mills_gap" | "ive" => SLOPES_WITH_A_DIFFERENCE,
            _ => SLOPES,
        };
        if *d > double || *s > single {
            failures.push(format!("{name}: {d} at {at}, single {s} at {at_single}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

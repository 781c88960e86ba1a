//! Every row of the tables of 25-digit values (`tests/tables/make_tables.py`).

use super::*;
use std::collections::BTreeMap;

const TABLES: [&str; 2] = [
    include_str!("../../../../tests/tables/elementary.csv"),
    include_str!("../../../../tests/tables/special.csv"),
];

/// The functions and the errors allowed, in units in the last place of double and single
/// precision. In double precision the value compared with is itself rounded (half a unit).
///
/// For the functions from `gamma_p` on, the unit in double precision is larger in the tails, by
/// $1 + |\ln \text{value}|$: the exponent of the exponential has been rounded.
const BOUNDS: [(&str, f64, f64); 44] = [
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
];

/// The function of a row.
fn call<F: Special>(name: &str, x: &[F]) -> F {
    match (name, x) {
        ("exp", &[x]) => x.exp(),
        ("exp2", &[x]) => x.exp2(),
        ("exp_m1", &[x]) => x.exp_m1(),
        ("ln", &[x]) => x.ln(),
        ("ln_1p", &[x]) => x.ln_1p(),
        ("log2", &[x]) => x.log2(),
        ("log10", &[x]) => x.log10(),
        ("tanh", &[x]) => x.tanh(),
        ("sigmoid", &[x]) => x.sigmoid(),
        ("softplus", &[x]) => x.softplus(),
        ("log_sigmoid", &[x]) => x.log_sigmoid(),
        ("sinh", &[x]) => x.sinh(),
        ("cosh", &[x]) => x.cosh(),
        ("sin", &[x]) => x.sin(),
        ("cos", &[x]) => x.cos(),
        ("log1m_exp", &[x]) => x.log1m_exp(),
        ("tan", &[x]) => x.tan(),
        ("asin", &[x]) => x.asin(),
        ("acos", &[x]) => x.acos(),
        ("atan", &[x]) => x.atan(),
        ("asinh", &[x]) => x.asinh(),
        ("acosh", &[x]) => x.acosh(),
        ("atanh", &[x]) => x.atanh(),
        ("cbrt", &[x]) => x.cbrt(),
        ("rsqrt", &[x]) => x.rsqrt(),
        ("erf", &[x]) => x.erf(),
        ("erfc", &[x]) => x.erfc(),
        ("erf_inv", &[x]) => x.erf_inv(),
        ("normal_cdf", &[x]) => x.normal_cdf(),
        ("log_normal_cdf", &[x]) => x.log_normal_cdf(),
        ("normal_quantile", &[x]) => x.normal_quantile(),
        ("ln_gamma", &[x]) => x.ln_gamma(),
        ("digamma", &[x]) => x.digamma(),
        ("trigamma", &[x]) => x.trigamma(),
        ("i0e", &[x]) => x.i0e(),
        ("i1e", &[x]) => x.i1e(),
        ("polygamma", &[n, x]) => x.polygamma(n.widen() as u32),
        ("ln_beta", &[x, y]) => x.ln_beta(y),
        ("gamma_p", &[a, x]) => a.gamma_p(x),
        ("gamma_q", &[a, x]) => a.gamma_q(x),
        ("gamma_p_da", &[a, x]) => a.gamma_p_da(x),
        ("beta_inc", &[a, b, x]) => a.beta_inc(b, x)[0],
        ("beta_inc_da", &[a, b, x]) => a.beta_inc(b, x)[1],
        ("beta_inc_db", &[a, b, x]) => a.beta_inc(b, x)[2],
        _ => panic!("no function {name} of {} numbers", x.len()),
    }
}

/// Largest errors by function, with their places: double and single precision.
type Worst<'a> = BTreeMap<&'a str, [(f64, String); 2]>;

fn worst_errors() -> Worst<'static> {
    let mut worst = Worst::new();
    for row in TABLES.iter().flat_map(|table| table.lines()) {
        let mut cells = row.split(',');
        let name = cells.next().expect("a line has a first cell");
        let mut numbers: Vec<f64> =
            cells.map(|cell| cell.parse().expect("the other cells are numbers")).collect();
        let exact = numbers.pop().expect("the last cell is the value");
        let single: Vec<f32> = numbers.iter().map(|&x| x as f32).collect();
        let mut errors = [ulps(call(name, &numbers), exact), 0.0];
        if name.starts_with("gamma_") || name.starts_with("beta_") {
            errors[0] /= 1.0 + exact.abs().ln().abs();
        }
        if single.iter().zip(&numbers).all(|(&x, &wide)| x as f64 == wide) {
            errors[1] = ulps(call(name, &single), exact);
        }
        let entry = worst.entry(name).or_default();
        for (entry, error) in entry.iter_mut().zip(errors) {
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if error > entry.0 {
                *entry = (error, row.to_owned());
            }
        }
    }
    worst
}

#[test]
fn every_row_of_the_tables_is_met() {
    let worst = worst_errors();
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

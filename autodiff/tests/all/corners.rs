//! Derivatives of higher order where a plain rule would lose its digits, or would be cut off.

use pathscore_autodiff::{Norm, Op, Tape, Unary, Var};
use std::collections::BTreeMap;

/// The derivative of mixed order: `orders[i]` times by argument `i`.
fn derivative(
    f: impl for<'t> Fn(&[Var<'t, f64>]) -> Var<'t, f64>,
    orders: &[usize],
    at: &[f64],
) -> f64 {
    let tape = Tape::new();
    let xs: Vec<Var<f64>> = at.iter().map(|&x| tape.leaf(&[x], [])).collect();
    let mut y = f(&xs);
    for (&x, &order) in xs.iter().zip(orders) {
        for _ in 0..order {
            y = y.grad(&[x])[0];
        }
    }
    y.item()
}

fn call<'t>(name: &str, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    match (name, x) {
        ("gamma_p", &[a, x]) => a.gamma_p(x),
        ("gamma_q", &[a, x]) => a.gamma_q(x),
        ("log_diff_exp", &[a, b]) => a.log_diff_exp(b),
        ("hypot", &[a, b]) => a.hypot(b),
        ("digamma_gap", &[a, b]) => a.digamma_gap(b),
        ("beta_inc", &[a, b, x]) => a.beta_inc(b, x),
        ("polygamma", &[n, x]) => n.polygamma(x),
        (_, &[x]) => {
            let op = *Unary::ALL.iter().find(|op| op.name() == name).expect("a row of the table");
            x.tape().apply(Op::Map(op), &[x], None).expect("one argument")
        }
        _ => panic!("no function {name} of {} numbers", x.len()),
    }
}

/// The error allowed, relative to the derivative.
fn allowed(name: &str, orders: &[usize]) -> f64 {
    match name {
        // The digamma function and the logarithm of x in the slopes differ by less than either; third derivatives by
        // shapes are differences, whose rounding error is a hundred times that of the function.
        "gamma_p" if orders[0] == 3 => 2e-8,
        "beta_inc" if orders[0] + orders[1] == 3 => 2e-8,
        "gamma_p" | "gamma_q" | "beta_inc" => 1e-9,
        // The slope of the variance of a truncated normal variable is 2/x³, and is computed as a difference of terms of
        // the order 1/|x| down to −100: four digits less, and eight for its own slope.
        "log_normal_cdf" if orders[0] == 4 => 1e-8,
        _ => 1e-11,
    }
}

#[test]
fn derivatives_of_higher_order_keep_their_digits() {
    let mut worst: BTreeMap<(String, String), (f64, String)> = BTreeMap::new();
    let mut failures = Vec::new();
    for row in include_str!("../tables/higher.csv").lines() {
        let cells: Vec<&str> = row.split(',').collect();
        let [name, orders, at @ .., exact] = &cells[..] else { panic!("{row} is too short") };
        let number = |cell: &&str| cell.parse::<f64>().expect("a number");
        let at: Vec<f64> = at.iter().map(number).collect();
        let exact = number(exact);
        let counts: Vec<usize> =
            orders.split(':').map(|order| order.parse().expect("an order")).collect();
        let found = derivative(|x| call(name, x), &counts, &at);
        // One of the derivatives is zero by symmetry, among terms of the order of one.
        let error = (found - exact).abs() / if exact == 0.0 { 1.0 } else { exact.abs() };
        if error.is_nan() || error > allowed(name, &counts) {
            failures.push(format!("{row}: {found:e}, error {error:.1e}"));
        }
        let entry = worst.entry((name.to_string(), orders.to_string())).or_default();
        if error.is_nan() || error > entry.0 {
            *entry = (error, row.to_owned());
        }
    }
    for ((name, orders), (error, row)) in &worst {
        println!("{name:>16} {orders:6} {error:8.1e}   {row}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn second_derivatives_overflow_with_their_sign() {
    let logit = |x| derivative(|x| x[0].logit(), &[2], &[x]);
    assert_eq!([logit(1e-160), logit(1e-300)], [f64::NEG_INFINITY; 2]);
    // b²/y³ = 5e-324² 10⁹⁰⁰, whose first factor is a subnormal number.
    let hypot = derivative(|x| x[0].hypot(x[1]), &[2, 0], &[1e-300, f64::from_bits(1)]);
    let exact = (f64::from_bits(1) * 1e300).powi(2) * 1e300;
    assert!((hypot / exact - 1.0).abs() < 1e-12, "{hypot:e}, not {exact:e}");
}

#[test]
fn a_power_at_exponent_zero_has_its_mixed_derivative() {
    for x in [0.5, 1.0, 7.0] {
        // ∂²x^y/∂y∂x = x^{y-1} (1 + y ln x), in either order, and ∂³x^y/∂y²∂x = 2 ln x / x at y = 0.
        let mixed = derivative(|x| x[0].pow(x[1]), &[1, 1], &[x, 0.0]);
        let other = derivative(|x| x[1].pow(x[0]), &[1, 1], &[0.0, x]);
        let third = derivative(|x| x[0].pow(x[1]), &[1, 2], &[x, 0.0]);
        assert!((mixed * x - 1.0).abs() < 1e-15, "{mixed} at {x}");
        assert!((other * x - 1.0).abs() < 1e-15, "{other} at {x}");
        assert!((third - 2.0 * x.ln() / x).abs() < 1e-14, "{third} at {x}");
    }
    // A constant power is flat, at zero too.
    let flat = |x| derivative(|x| x[0].powf(0.0), &[1], &[x]);
    assert_eq!([flat(0.0), flat(-2.0), flat(3.0)], [0.0; 3]);
}

#[test]
fn the_gamma_density_at_shape_one_has_its_mixed_derivative() {
    for x in [0.25_f64, 1.5, 8.0] {
        // f = x^{a-1} e^{-x}/Γ(a): ∂²f/∂x∂a = f (((a-1)/x - 1)(ln x - ψ(a)) + 1/x).
        let gamma = 0.577_215_664_901_532_9;
        let exact = (-x).exp() * (1.0 / x - (x.ln() + gamma));
        let by_a = derivative(|x| x[0].gamma_density(x[1]), &[1, 1], &[1.0, x]);
        assert!((by_a - exact).abs() < 1e-14, "{by_a}, not {exact} at {x}");
        let by_x = derivative(|x| x[1].gamma_density(x[0]), &[1, 1], &[x, 1.0]);
        assert!((by_x - exact).abs() < 1e-14, "{by_x}, not {exact} at {x}");
    }
}

#[test]
fn derivatives_by_shapes_never_turn_into_nan() {
    let gamma = derivative(|x| x[0].gamma_p(x[1]), &[4, 0], &[2.5, 1.5]);
    let beta = derivative(|x| x[0].beta_inc(x[1], x[2]), &[2, 2, 0], &[2.5, 1.5, 0.4]);
    assert!(gamma.is_finite() && gamma != 0.0, "{gamma}");
    assert!(beta.is_finite() && beta != 0.0, "{beta}");
}

/// The Hessian of the sum of `f` at `x`, row by row.
fn hessian(
    f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
    x: &[f64],
    shape: &[usize],
) -> Vec<f64> {
    let tape = Tape::new();
    let x = tape.leaf(x, shape);
    let slope = f(x).sum().grad(&[x])[0].reshape([x.size()]);
    let row = |i| slope.slice(0, i..i + 1).sum().grad(&[x])[0].value().values().to_vec();
    (0..x.size()).flat_map(row).collect()
}

#[test]
fn the_square_of_a_length_has_its_second_derivatives_at_zero() {
    type Square = for<'t> fn(Var<'t, f64>) -> Var<'t, f64>;
    let squares: [Square; 3] = [|y| y.square(), |y| y * y, |y| y.powi(2)];
    for square in squares {
        for point in [[0.0, 0.0], [0.0, -2.0], [3.0, 4.0]] {
            let found = hessian(|x| square(x.slice(0, 0..1).hypot(x.slice(0, 1..2))), &point, &[2]);
            assert_eq!(found, [2.0, 0.0, 0.0, 2.0], "hypot at {point:?}");
            let found = hessian(|x| square(x.norm(.., Norm::L2)), &point, &[2]);
            assert_eq!(found, [2.0, 0.0, 0.0, 2.0], "norm at {point:?}");
        }
        let rows = hessian(|x| square(x.norm(-1, Norm::L2)), &[0.0, 0.0, 1.0, 0.0], &[2, 2]);
        let diagonal = |i: usize| if i.is_multiple_of(5) { 2.0 } else { 0.0 };
        assert_eq!(rows, (0..16).map(diagonal).collect::<Vec<f64>>());
        let all = hessian(|x| square(x.norm([0, 2], Norm::L2)), &[0.0; 4], &[2, 1, 2]);
        assert_eq!(all, (0..16).map(diagonal).collect::<Vec<f64>>());
    }
    // The adjoint of the length itself is still found if it is asked for, and so is a product of two lengths.
    let tape = Tape::new();
    let [a, b] = [3.0_f64, 4.0].map(|c| tape.leaf(&[c], []));
    let y = a.hypot(b);
    assert_eq!(y.square().grad(&[y])[0].item(), 10.0);
    let product = y * a.hypot(b * 2.0);
    let numbers = product.backward();
    for x in [a, b] {
        let recorded = product.grad(&[x])[0].item();
        assert!((recorded - numbers.of(x).item()).abs() < 1e-14);
    }
}

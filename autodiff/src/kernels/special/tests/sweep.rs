//! Single precision over its whole range, against libm in double precision.

use super::*;

/// Every 4099th bit pattern (a prime): a million numbers, all exponents, both signs, subnormals,
/// infinities and NaN.
fn whole_range() -> impl Iterator<Item = f32> {
    let edges = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e-45, -1e-45];
    (0..=u32::MAX).step_by(4099).map(f32::from_bits).chain(edges)
}

#[track_caller]
fn check(name: &str, bound: f64, f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) {
    let (mut worst, mut at) = (0.0, 0.0);
    for x in whole_range() {
        let error = ulps(f(x), exact(x as f64));
        if error > worst || error.is_nan() {
            (worst, at) = (error, x);
        }
    }
    println!("{name:>12}: {worst:.3} ulp at {at:e}");
    assert!(worst <= bound, "{name}({at:e}) = {:e}: {worst} ulp > {bound}", f(at));
}

#[test]
fn exponentials_hold_over_the_whole_single_range() {
    check("exp", 1.0, Special::exp, libm::exp);
    check("exp2", 1.0, Special::exp2, libm::exp2);
    check("exp_m1", 1.5, Special::exp_m1, libm::expm1);
    check("tanh", 2.5, Special::tanh, libm::tanh);
    check("sinh", 2.5, Special::sinh, libm::sinh);
    check("cosh", 2.0, Special::cosh, libm::cosh);
    check("sigmoid", 2.5, Special::sigmoid, |x| {
        if x < 0.0 { libm::exp(x) / (1.0 + libm::exp(x)) } else { 1.0 / (1.0 + libm::exp(-x)) }
    });
}

#[test]
fn logarithms_hold_over_the_whole_single_range() {
    check("ln", 1.0, Special::ln, libm::log);
    check("ln_1p", 1.5, Special::ln_1p, libm::log1p);
    check("log2", 1.5, Special::log2, libm::log2);
    check("log10", 1.5, Special::log10, libm::log10);
    let softplus = |x: f64| if x > 0.0 { x } else { 0.0 } + libm::log1p(libm::exp(-x.abs()));
    check("softplus", 2.0, Special::softplus, softplus);
    check("log_sigmoid", 2.0, Special::log_sigmoid, |x| -softplus(-x));
}

#[test]
fn trigonometry_holds_over_the_whole_single_range() {
    check("sin", 1.6, Special::sin, libm::sin);
    check("cos", 1.6, Special::cos, libm::cos);
}

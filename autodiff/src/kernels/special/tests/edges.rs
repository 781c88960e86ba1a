//! Zeros, infinities, NaN, subnormal numbers, the largest, and the points of saturation.

use super::*;

const INF: f64 = f64::INFINITY;

/// The same number, the sign of zero included, or both NaN.
fn same(y: f64, expected: f64) -> bool {
    y.to_bits() == expected.to_bits() || (y.is_nan() && expected.is_nan())
}

/// A function and its values at 0, −0, ∞, −∞; NaN is mapped to NaN by all.
type Row<F> = (&'static str, fn(F) -> F, [f64; 4]);

#[rustfmt::skip]
fn rows<F: Special>() -> Vec<Row<F>> {
    const NAN: f64 = f64::NAN;
    let half_pi = F::narrow(std::f64::consts::FRAC_PI_2).widen();
    let sqrt_2_pi = F::narrow(2.0 / 2.506_628_274_631_000_7).widen();
    let ln_2 = F::narrow(std::f64::consts::LN_2).widen();
    vec![
        ("abs",             F::abs,             [0.0, 0.0, INF, INF]),
        ("recip",           |x| F::narrow(1.0) / x,         [INF, -INF, 0.0, -0.0]),
        ("sqrt",            F::sqrt,            [0.0, -0.0, INF, NAN]),
        ("rsqrt",           |x| F::narrow(1.0) / x.sqrt(),         [INF, -INF, 0.0, NAN]),
        ("exp",             F::exp,             [1.0, 1.0, INF, 0.0]),
        ("exp2",            F::exp2,            [1.0, 1.0, INF, 0.0]),
        ("exp_m1",          F::exp_m1,          [0.0, -0.0, INF, -1.0]),
        ("exp_m1_less_x",   F::exp_m1_less_x,   [0.0, 0.0, INF, INF]),
        ("ln",              F::ln,              [-INF, -INF, INF, NAN]),
        ("ln_1p",           F::ln_1p,           [0.0, -0.0, INF, NAN]),
        ("log2",            F::log2,            [-INF, -INF, INF, NAN]),
        ("log10",           F::log10,           [-INF, -INF, INF, NAN]),
        ("tanh",            F::tanh,            [0.0, -0.0, 1.0, -1.0]),
        ("sinh",            F::sinh,            [0.0, -0.0, INF, -INF]),
        ("cosh",            F::cosh,            [1.0, 1.0, INF, INF]),
        ("sigmoid",         F::sigmoid,         [0.5, 0.5, 1.0, 0.0]),
        ("softplus",        F::softplus,        [ln_2, ln_2, INF, 0.0]),
        ("log_sigmoid",     F::log_sigmoid,     [-ln_2, -ln_2, 0.0, -INF]),
        ("log1m_exp",       F::log1m_exp,       [-INF, -INF, NAN, -0.0]),
        ("sin",             F::sin,             [0.0, -0.0, NAN, NAN]),
        ("cos",             F::cos,             [1.0, 1.0, NAN, NAN]),
        ("tan",             F::tan,             [0.0, -0.0, NAN, NAN]),
        ("asin",            F::asin,            [0.0, -0.0, NAN, NAN]),
        ("acos",            F::acos,            [half_pi, half_pi, NAN, NAN]),
        ("atan",            F::atan,            [0.0, -0.0, half_pi, -half_pi]),
        ("asinh",           F::asinh,           [0.0, -0.0, INF, -INF]),
        ("acosh",           F::acosh,           [NAN, NAN, INF, NAN]),
        ("atanh",           F::atanh,           [0.0, -0.0, NAN, NAN]),
        ("cbrt",            F::cbrt,            [0.0, -0.0, INF, -INF]),
        ("erf",             F::erf,             [0.0, -0.0, 1.0, -1.0]),
        ("erfc",            F::erfc,            [1.0, 1.0, 0.0, 2.0]),
        ("erf_inv",         F::erf_inv,         [0.0, -0.0, NAN, NAN]),
        ("normal_cdf",      F::normal_cdf,      [0.5, 0.5, 1.0, 0.0]),
        ("log_normal_cdf",  F::log_normal_cdf,  [-ln_2, -ln_2, -0.0, -INF]),
        ("normal_quantile", F::normal_quantile, [-INF, -INF, NAN, NAN]),
        ("ln_gamma",        F::ln_gamma,        [INF, INF, INF, INF]),
        ("digamma",         F::digamma,         [-INF, INF, INF, NAN]),
        ("trigamma",        |x| x.polygamma_of_order(1),        [INF, INF, 0.0, NAN]),
        ("i0e",             F::i0e,             [1.0, 1.0, 0.0, 0.0]),
        ("i1e",             F::i1e,             [0.0, -0.0, 0.0, -0.0]),
        ("i0e_less_i1e",    F::i0e_less_i1e,    [1.0, 1.0, 0.0, 0.0]),
        ("inverse_mills",   F::inverse_mills,   [sqrt_2_pi, sqrt_2_pi, 0.0, INF]),
        ("mills_gap",       F::inverse_mills_gap, [sqrt_2_pi, sqrt_2_pi, INF, 0.0]),
        ("erfcx",           F::erfcx,           [1.0, 1.0, 0.0, INF]),
        ("ln_cosh",         F::ln_cosh,         [0.0, 0.0, INF, INF]),
        ("gamma",           F::gamma,           [INF, -INF, INF, NAN]),
        ("gamma_sign",      F::gamma_sign,      [1.0, -1.0, 1.0, NAN]),
        ("ln_i0",           F::ln_i0,           [0.0, 0.0, INF, INF]),
        ("ln_i1",           F::ln_i1,           [-INF, -INF, INF, NAN]),
        ("i2e",             |x| F::narrow(2.0).ive(x), [0.0, 0.0, 0.0, 0.0]),
    ]
}

fn check_rows<F: Special>() {
    for (name, f, expected) in rows::<F>() {
        for (x, expected) in [0.0, -0.0, INF, -INF].into_iter().zip(expected) {
            let y = f(F::narrow(x)).widen();
            assert!(same(y, expected), "{name}({x:?}) = {y:?}, not {expected:?}");
        }
        assert!(f(F::narrow(f64::NAN)).widen().is_nan(), "{name}(NaN)");
    }
}

#[test]
fn zeros_infinities_and_nan_go_where_they_should() {
    check_rows::<f32>();
    check_rows::<f64>();
}

#[test]
fn odd_functions_keep_subnormal_numbers() {
    fn check<F: Special>(x: F) {
        for x in [x, -x] {
            for f in [F::sin, F::tanh, F::sinh, F::exp_m1, F::ln_1p, F::atan, F::asinh] {
                assert!(f(x).widen() == x.widen());
            }
        }
    }
    check(1e-45f32);
    check(f32::MIN_POSITIVE * 0.75);
    check(f64::from_bits(1));
    check(f64::MIN_POSITIVE * 0.75);
}

#[test]
fn exponentials_reach_the_largest_and_the_smallest_numbers() {
    // The last arguments before overflow, and before the result is zero.
    assert!(Special::exp(88.722_83f32).is_finite() && Special::exp(88.722_84f32) == f32::INFINITY);
    assert!(Special::exp(709.782_712_893_384f64).is_finite());
    assert_eq!(Special::exp(709.782_712_893_384_1f64), INF);
    assert_eq!(Special::exp(-103.972f32), 1e-45);
    assert_eq!(Special::exp(-104.0f32), 0.0);
    assert_eq!(Special::exp(-745.133f64), f64::from_bits(1));
    assert_eq!(Special::exp(-745.134f64), 0.0);
    assert_eq!(Special::exp2(-149.0f32), 1e-45);
    assert_eq!(Special::exp2(1023.0f64), 2f64.powi(1023));
    assert_eq!(Special::exp2(-1074.0f64), f64::from_bits(1));
    assert_eq!(Special::exp2(1024.0f64), INF);
    // The hyperbolic functions overflow later, by ln 2.
    assert!(Special::sinh(89.415_9f32).is_finite() && Special::cosh(89.415_9f32).is_finite());
    assert!(Special::sinh(710.475_86f64).is_finite() && Special::cosh(-710.475_86f64).is_finite());
    assert_eq!(Special::sinh(-711.0f64), -INF);
    assert_eq!(Special::cosh(f64::MAX), INF);
}

#[test]
fn sigmoids_are_accurate_far_out() {
    // Bit for bit on the flat side, to the exponential's accuracy on the other.
    assert_eq!(Special::softplus(1e4f64), 1e4);
    assert_eq!(Special::log_sigmoid(-1e4f64), -1e4);
    assert_eq!(Special::softplus(f32::MAX), f32::MAX);
    assert_eq!(Special::log_sigmoid(f64::MIN), f64::MIN);
    for x in [50.0f64, 300.0, 740.0] {
        assert_eq!(Special::softplus(-x), Special::exp(-x));
        assert_eq!(Special::sigmoid(-x), Special::exp(-x));
        assert_eq!(Special::log_sigmoid(x), -Special::exp(-x));
    }
    assert_eq!(Special::sigmoid(-100.0f32), Special::exp(-100.0f32));
    assert_eq!(Special::sigmoid(40.0f64), 1.0);
}

#[test]
fn logarithms_hold_for_the_least_and_the_largest() {
    let least = f64::from_bits(1);
    assert_eq!(Special::log2(least), -1074.0);
    assert_eq!(Special::log2(1e-45f32), -149.0);
    assert!((Special::ln(least) + 744.440_071_921_381_3).abs() < 2e-13);
    for n in -1074..=1023 {
        assert_eq!(Special::log2(libm::scalbn(1.0f64, n)), n as f64);
    }
    assert!((Special::ln(f64::MAX) - 709.782_712_893_384).abs() < 2e-13);
    assert_eq!(Special::ln_1p(f64::MAX), Special::ln(f64::MAX));
    assert_eq!(Special::ln_1p(f32::MAX), Special::ln(f32::MAX));
    assert_eq!(Special::ln_1p(-1.0f64), -INF);
    assert!(Special::ln_1p(-1.5f64).is_nan() && Special::ln(-1e-320f64).is_nan());
}

#[test]
fn huge_angles_are_right() {
    // sin 10²² from the literature on argument reduction (Ng 1992).
    assert_eq!(Special::sin(1e22f64), -0.852_200_849_767_188_8);
    assert_eq!(Special::cos(1e22f64), 0.523_214_785_395_139);
    assert_eq!(Special::sin(f32::MAX), (f32::MAX as f64).sin() as f32);
}

#[test]
fn normal_functions_hold_far_out() {
    assert!(Special::normal_cdf(-38.0f64) > 0.0);
    assert_eq!(Special::normal_cdf(-39.0f64), 0.0);
    assert_eq!(Special::log_normal_cdf(-1e200f64), -INF);
    assert!((Special::log_normal_cdf(-1e4f64) + 50_000_010.129_278_9).abs() < 1e-7);
    assert!(Special::log_normal_cdf(38.0f64) < 0.0);
    let least = Special::normal_quantile(f64::from_bits(1));
    assert!((least + 38.467_405_617_144_34).abs() < 1e-13, "{least}");
    assert_eq!(Special::normal_quantile(0.5f64), 0.0);
    assert_eq!(Special::normal_quantile(1.0f64), INF);
    assert!(
        Special::normal_quantile(1.1f64).is_nan() && Special::normal_quantile(-0.1f64).is_nan()
    );
    assert_eq!(Special::erf_inv(1.0f64), INF);
    assert_eq!(Special::erf_inv(-1.0f64), -INF);
    assert!(Special::erf_inv(1.5f64).is_nan());
}

#[test]
fn reflections_hold_left_of_the_origin() {
    for x in [-0.3, -1.5, -7.25, -30.1] {
        // ψ(x + 1) = ψ(x) + 1/x and ψ'(x + 1) = ψ'(x) − 1/x²; the terms are below 12 and 120.
        let gap = Special::digamma(x + 1.0) - Special::digamma(x) - 1.0 / x;
        assert!(gap.abs() < 1e-13, "digamma at {x}: {gap}");
        let gap = Special::polygamma_of_order(x + 1.0, 1) - Special::polygamma_of_order(x, 1)
            + 1.0 / (x * x);
        assert!(gap.abs() < 1e-12, "trigamma at {x}: {gap}");
    }
    assert!(Special::digamma(-3.0f64).is_nan());
    assert_eq!(Special::polygamma_of_order(-3.0f64, 1), INF);
    for n in 2..8 {
        for x in [-0.3f64, -1.5, -7.25, -30.1] {
            // ψ⁽ⁿ⁾(x + 1) = ψ⁽ⁿ⁾(x) + (−1)ⁿ n! x^{-n-1}.
            let [near, far] = [x, x + 1.0].map(|x| Special::polygamma_of_order(x, n));
            let size = (1..=n).map(f64::from).product::<f64>() * f64::powi(x, -(n as i32) - 1);
            let gap = far - near - if n.is_multiple_of(2) { size } else { -size };
            // At half integers of even order the terms of the nearest poles cancel.
            let pole = (x - x.round()).abs();
            let terms = (1..=n).map(f64::from).product::<f64>() * pole.powi(-(n as i32) - 1);
            assert!(gap.abs() < 1e-14 * terms, "order {n} at {x}: {gap} of {terms}");
        }
        assert_eq!(Special::polygamma_of_order(-2.0f64, n).is_nan(), n.is_multiple_of(2));
    }
    assert!(
        Special::polygamma_of_order(-1.0f64, 2).is_nan()
            && Special::polygamma_of_order(1.0f64, 171).is_nan()
    );
    assert_eq!(Special::polygamma_of_order(0.0f64, 2), -INF);
}

#[test]
fn incomplete_functions_hold_at_their_ends() {
    assert_eq!(Pair::gamma_p(2.0f64, 0.0), 0.0);
    assert_eq!(Pair::gamma_q(2.0f64, 0.0), 1.0);
    assert_eq!(Pair::gamma_p(2.0f64, INF), 1.0);
    assert_eq!(Pair::gamma_p_da(2.0f64, INF), 0.0);
    assert_eq!(Pair::gamma_p(INF, 2.0f64), 0.0);
    assert_eq!(Pair::gamma_p(0.0f64, 2.0), 1.0);
    assert!(Pair::gamma_p(-1.0f64, 2.0).is_nan() && Pair::gamma_q(1.0f64, -2.0).is_nan());
    assert!(Pair::gamma_p(f64::NAN, 2.0).is_nan() && Pair::gamma_p(1.0f64, f64::NAN).is_nan());
    for (a, at_0) in [(0.5f64, INF), (1.0, 1.0), (1.5, 0.0), (20.0, 0.0)] {
        assert_eq!(Pair::gamma_density(a, 0.0), at_0);
        assert_eq!(Pair::gamma_density(a, INF), 0.0);
    }
    assert_eq!(Pair::gamma_density(9.0f64, 1e40), 0.0);
    assert!(Pair::gamma_density(-1.0f64, 1.0).is_nan());
    assert_eq!(Pair::digamma_gap(0.0f64, 1.0), INF);
    assert_eq!(Pair::digamma_gap(INF, 1.0f64), 0.0);
    assert!(Pair::digamma_gap(-1.0f64, f64::NAN).is_nan());
    assert_eq!(Special::beta_inc(2.0f64, 3.0, 0.0), [0.0; 3]);
    assert_eq!(Special::beta_inc(2.0f64, 3.0, 1.0), [1.0, 0.0, 0.0]);
    assert!(
        Special::beta_inc(2.0f64, 3.0, 1.5)[0].is_nan()
            && Special::beta_inc(0.0f64, 3.0, 0.5)[0].is_nan()
    );
    // Where b is tiny the value is one minus a number near one: −expm1(b ln(1 − x)) for a = 1, and from mpmath.
    for (a, b, x, exact) in [
        (1.0f64, 1e-10, 0.9, -f64::exp_m1(1e-10 * f64::ln_1p(-0.9))),
        (0.01, 1e-10, 0.9, 1.0218197474303142e-08),
        (7.5, 1e-3, 0.99, 0.0021436994751676207),
        (1e-12, 1e-10, 0.75, 0.9900990099020779),
    ] {
        let found = Special::beta_inc(a, b, x)[0];
        assert!((found / exact - 1.0).abs() < 1e-14, "I_{x}({a}, {b}) = {found:e}, not {exact:e}");
    }
    assert_eq!(Special::beta_inc(1e-300f64, 1.0, 0.3)[0], 1.0);
    assert_eq!(Pair::ln_beta(0.0f64, 1.0), INF);
    assert_eq!(Pair::ln_beta(INF, 1.0f64), -INF);
    assert!(Pair::ln_beta(-1.0f64, 1.0).is_nan() && Pair::ln_beta(f64::NAN, 1.0).is_nan());
    assert!(Pair::ln_beta(1.0f64, f64::NAN).is_nan());
}

#[test]
fn extreme_parameters_end_and_stay_in_range() {
    let sizes: [f64; 11] = [1e-250, 1e-20, 1e-3, 0.5, 1.0, 20.0, 20.5, 1e3, 1e10, 1e100, 1e300];
    for a in sizes {
        for factor in [1e-300, 1e-10, 0.1, 0.59, 0.61, 1.0, 1.39, 1.41, 10.0, 1e10, 1e300] {
            let x = a * factor;
            let (p, q, da) = (Pair::gamma_p(a, x), Pair::gamma_q(a, x), Pair::gamma_p_da(a, x));
            assert!(
                (0.0..=1.0).contains(&p) && (0.0..=1.0).contains(&q),
                "P({a:e}, {x:e}) = {p}, {q}"
            );
            assert!((p + q - 1.0).abs() < 1e-14, "P + Q at {a:e}, {x:e}: {p} + {q}");
            assert!(da <= 0.0, "dP/da at {a:e}, {x:e}: {da:e}");
        }
        for b in sizes.into_iter().filter(|b| a.max(*b) < 1e11) {
            for x in [1e-300, 1e-5, 0.3, 0.5, 0.999, 1.0 - 1e-16] {
                // For very small parameters the value is 0 or 1 and its slope in one of them a
                // difference of equal numbers.
                let noise = 1e-14;
                let [y, da, db] = Special::beta_inc(a, b, x);
                assert!((-noise..=1.0).contains(&y), "I_{x:e}({a:e}, {b:e}) = {y}");
                assert!(da <= noise && db >= -noise, "dI at {a:e}, {b:e}, {x:e}: {da:e}, {db:e}");
            }
        }
    }
}

//! The same bits at every vector width, and the slice functions against the scalar ones.

use super::*;
use proptest::prelude::*;

/// The bits of `f` over `x` in one dispatched loop; NaNs count as one.
fn bits<F: Special>(level: Level, x: &[F], f: impl Fn(F) -> F + Copy) -> Vec<u64> {
    let mut y = x.to_vec();
    at_level(level, || {
        dispatch(
            #[inline(always)]
            || {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = f(x);
                }
            },
        );
    });
    y.iter().map(|y| if y.widen().is_nan() { u64::MAX } else { y.widen().to_bits() }).collect()
}

fn agree<F: Special>(name: &str, x: &[F], f: impl Fn(F) -> F + Copy) {
    let plain = bits(Level::Baseline, x, f);
    assert!(plain == bits(Level::Avx2, x, f), "{name} at 256 bits");
    assert!(plain == bits(Level::Avx512, x, f), "{name} at 512 bits");
    // One at a time, not in a loop that may have become vector code.
    let one = |x: &F| std::hint::black_box(f)(*x).widen();
    let same =
        |(x, &p): (&F, &u64)| if one(x).is_nan() { p == u64::MAX } else { one(x).to_bits() == p };
    assert!(x.iter().zip(&plain).all(same), "{name} one at a time");
}

#[rustfmt::skip]
fn all_agree<F: Special>(x: &[F]) {
    agree("sqrt", x, #[inline(always)] |x| x.sqrt());
    agree("recip", x, #[inline(always)] |x| F::narrow(1.0) / x);
    agree("rsqrt", x, #[inline(always)] |x| F::narrow(1.0) / x.sqrt());
    agree("exp", x, #[inline(always)] |x| x.exp());
    agree("exp_minus_abs", x, #[inline(always)] |x| x.exp_minus_abs());
    agree("exp2", x, #[inline(always)] |x| x.exp2());
    agree("exp_m1", x, #[inline(always)] |x| x.exp_m1());
    agree("exp_m1_less_x", x, #[inline(always)] |x| x.exp_m1_less_x());
    agree("ln", x, #[inline(always)] |x| x.ln());
    agree("ln_1p", x, #[inline(always)] |x| x.ln_1p());
    agree("log2", x, #[inline(always)] |x| x.log2());
    agree("log10", x, #[inline(always)] |x| x.log10());
    agree("tanh", x, #[inline(always)] |x| x.tanh());
    agree("sinh", x, #[inline(always)] |x| x.sinh());
    agree("cosh", x, #[inline(always)] |x| x.cosh());
    agree("ln_cosh", x, #[inline(always)] |x| x.ln_cosh());
    agree("sigmoid", x, #[inline(always)] |x| x.sigmoid());
    agree("softplus", x, #[inline(always)] |x| x.softplus());
    agree("log_sigmoid", x, #[inline(always)] |x| x.log_sigmoid());
    agree("log1m_exp", x, #[inline(always)] |x| x.log1m_exp());
    agree("sin_within", x, #[inline(always)] |x| x.sin_within());
    agree("cos_within", x, #[inline(always)] |x| x.cos_within());
}

/// Subnormal results included.
#[test]
fn the_exponential_of_what_is_negative_has_the_bits_of_the_other() {
    fn check<F: Special>(x: impl Iterator<Item = F>) {
        for x in x {
            let (y, exact) = (x.exp_minus_abs().widen(), (-x.abs()).exp().widen());
            assert!(
                y.to_bits() == exact.to_bits() || (y.is_nan() && exact.is_nan()),
                "{}",
                x.widen()
            );
        }
    }
    check((0..=u32::MAX).step_by(4_001).map(f32::from_bits));
    check((0..1_100_000).map(|i| f32::from(i as u16) * 1e-4 + (i >> 16) as f32 * 6.5));
    check((0..=u64::MAX).step_by(40_000_000_000_007).map(f64::from_bits));
    check((0..1_000_000).map(|i| f64::from(i) * 7.6e-4));
}

#[test]
fn every_width_gives_the_same_bits() {
    // All exponents, both signs, subnormals, infinities and NaN; the steps are primes.
    let single: Vec<f32> = (0..=u32::MAX).step_by(40_009).map(f32::from_bits).collect();
    all_agree(&single);
    let double: Vec<f64> =
        (0..=u64::MAX).step_by(180_000_000_000_037).map(f64::from_bits).collect();
    all_agree(&double);
}

proptest! {
    #[test]
    fn slices_of_any_length_equal_their_scalars(
        x in prop::collection::vec(prop_oneof![-20.0..20.0f64, any::<f64>()], 0..600),
    ) {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            slices_equal_scalars(level, &x);
            slices_equal_scalars(level, &x.iter().map(|&x| x as f32).collect::<Vec<_>>());
        }
    }
}

fn slices_equal_scalars<F: Special>(level: Level, x: &[F]) {
    let mut y = x.to_vec();
    let same = |y: F, scalar: F| {
        let (y, scalar) = (y.widen(), scalar.widen());
        y.to_bits() == scalar.to_bits() || (y.is_nan() && scalar.is_nan())
    };
    at_level(level, || sin_slice(x, &mut y));
    assert!(y.iter().zip(x).all(|(&y, &x)| same(y, x.sin())));
    at_level(level, || cos_slice(x, &mut y));
    assert!(y.iter().zip(x).all(|(&y, &x)| same(y, x.cos())));
    at_level(level, || {
        dispatch(
            #[inline(always)]
            || {
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = x.softplus();
                }
            },
        );
    });
    assert!(y.iter().zip(x).all(|(&y, &x)| same(y, x.softplus())));
}

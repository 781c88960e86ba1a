//! Time of one element, on demand:
//! `cargo test -p pathscore-autodiff timing -- --ignored --nocapture`.

use super::*;

fn time<F: Special>(name: &str, lo: f64, hi: f64, f: impl Fn(F) -> F + Copy) {
    let x: Vec<F> = (0..4096).map(|i| F::narrow(lo + (hi - lo) * i as f64 / 4095.0)).collect();
    let mut y = x.clone();
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = std::time::Instant::now();
        for _ in 0..50 {
            let (x, y) = (std::hint::black_box(&x[..]), std::hint::black_box(&mut y[..]));
            dispatch(
                #[inline(always)]
                || {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = f(x)
                    }
                },
            );
        }
        best = best.min(start.elapsed().as_secs_f64() / (50.0 * 4096.0) * 1e9);
    }
    println!("{name:>14} {:>4} {best:7.3} ns", std::any::type_name::<F>());
}

#[rustfmt::skip]
fn time_all<F: Special>() {
    time::<F>("exp", -20.0, 20.0, #[inline(always)] |x| x.exp());
    time::<F>("exp2", -20.0, 20.0, #[inline(always)] |x| x.exp2());
    time::<F>("exp_m1", -20.0, 20.0, #[inline(always)] |x| x.exp_m1());
    time::<F>("ln", 0.001, 20.0, #[inline(always)] |x| x.ln());
    time::<F>("ln_1p", -0.9, 20.0, #[inline(always)] |x| x.ln_1p());
    time::<F>("log2", 0.001, 20.0, #[inline(always)] |x| x.log2());
    time::<F>("log10", 0.001, 20.0, #[inline(always)] |x| x.log10());
    time::<F>("tanh", -5.0, 5.0, #[inline(always)] |x| x.tanh());
    time::<F>("sigmoid", -20.0, 20.0, #[inline(always)] |x| x.sigmoid());
    time::<F>("softplus", -20.0, 20.0, #[inline(always)] |x| x.softplus());
    time::<F>("log_sigmoid", -20.0, 20.0, #[inline(always)] |x| x.log_sigmoid());
    time::<F>("log1m_exp", -20.0, -0.01, #[inline(always)] |x| x.log1m_exp());
    time::<F>("sinh", -20.0, 20.0, #[inline(always)] |x| x.sinh());
    time::<F>("cosh", -20.0, 20.0, #[inline(always)] |x| x.cosh());
    time::<F>("sin_within", -20.0, 20.0, #[inline(always)] |x| x.sin_within());
    time::<F>("cos_within", -20.0, 20.0, #[inline(always)] |x| x.cos_within());
    time::<F>("sqrt", 0.0, 20.0, #[inline(always)] |x| x.sqrt());
    time::<F>("rsqrt", 0.0, 20.0, #[inline(always)] |x| F::narrow(1.0) / x.sqrt());
}

#[test]
#[ignore = "timing"]
fn timing_of_one_element() {
    for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
        println!("{level:?}");
        at_level(level, || {
            time_all::<f32>();
            time_all::<f64>();
        });
    }
}

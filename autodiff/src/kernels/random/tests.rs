//! The fills are compared with their laws. The seeds are fixed, so a test that passes once
//! passes always; the false-alarm rates are those of a new seed.

use super::*;
use crate::kernels::simd::{Level, at_level};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use statrs::distribution::{ContinuousCDF, Normal};

const N: usize = 1_000_000;

fn draws<F: Sample>(normal: bool, n: usize) -> Vec<F> {
    let mut x = vec![F::narrow(0.0); n];
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    if normal {
        fill_normal(&mut x, &mut rng)
    } else {
        fill_uniform(&mut x, &mut rng)
    }
    x
}

/// Kolmogorov's statistic $\sqrt n \sup |F_n - F|$; above 2.7 once in 10⁶ times,
/// $2 e^{-2 · 2.7^2}$.
fn kolmogorov<F: Sample>(x: &[F], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut x: Vec<f64> = x.iter().map(|x| x.widen()).collect();
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let gap = |(i, &x): (usize, &f64)| {
        let below = i as f64 / n;
        (cdf(x) - below).abs().max((cdf(x) - below - 1.0 / n).abs())
    };
    n.sqrt() * x.iter().enumerate().map(gap).fold(0.0, f64::max)
}

fn follows_the_normal_law<F: Sample>() {
    let x = draws::<F>(true, N);
    let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(x.widen())).sum::<f64>() / N as f64;
    // Powers, their means and their variances; five standard errors, once in 2·10⁶ times each.
    for (power, value, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let got = mean(&|x| x.powi(power));
        let allowed = 5.0 * f64::sqrt(variance / N as f64);
        assert!((got - value).abs() < allowed, "mean of x^{power}: {got}, {value} ± {allowed}");
    }
    // A cosine and its sine are half a block apart.
    for lag in [1, 2, PAIRS, BLOCK] {
        let product: f64 = x.windows(lag + 1).map(|w| w[0].widen() * w[lag].widen()).sum();
        let correlation = product / N as f64;
        assert!(correlation.abs() < 5.0 / (N as f64).sqrt(), "lag {lag}: {correlation}");
    }
    let law = Normal::standard();
    let statistic = kolmogorov(&x, |x| law.cdf(x));
    assert!(statistic < 2.7, "Kolmogorov: {statistic}");
}

#[test]
fn normals_follow_the_normal_law() {
    follows_the_normal_law::<f32>();
    follows_the_normal_law::<f64>();
}

fn follows_the_uniform_law<F: Sample>(bits: i32) {
    let u = draws::<F>(false, N);
    for u in &u {
        let u = u.widen();
        assert!((0.0..1.0).contains(&u));
        assert_eq!((u * 2f64.powi(bits)).fract(), 0.0, "{u} is no multiple of 2^-{bits}");
    }
    let statistic = kolmogorov(&u, |u| u);
    assert!(statistic < 2.7, "Kolmogorov: {statistic}");
}

#[test]
fn uniforms_follow_the_uniform_law() {
    follows_the_uniform_law::<f32>(24);
    follows_the_uniform_law::<f64>(53);
}

fn the_parts_of_the_formula_hold<F: Sample>(ulp: f64) {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(7);
    let mut words = [[0; 8]; 2];
    for _ in 0..100_000 {
        rng.fill_bytes(words.as_flattened_mut());
        let (u, v) = F::pair(&words[..F::WORDS]);
        assert_eq!(u.ln_normal().widen().to_bits(), u.ln().widen().to_bits());
        // The angle of the reference is rounded in double precision, and so is its sine.
        let (angle, allowed) = (std::f64::consts::TAU * v.widen(), 2.0 * ulp + 1e-15);
        let (cos, sin) = v.circle();
        assert!((cos.widen() - libm::cos(angle)).abs() < allowed, "cos of {} turns", v.widen());
        assert!((sin.widen() - libm::sin(angle)).abs() < allowed, "sin of {} turns", v.widen());
    }
    let quarters = [0.0, 0.25, 0.5, 0.75, 1.0].map(|v| F::narrow(v).circle());
    let quarters = quarters.map(|(cos, sin)| (cos.widen(), sin.widen()));
    assert_eq!(quarters, [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0), (1.0, 0.0)]);
}

#[test]
fn logarithm_and_circle_hold_where_pairs_need_them() {
    the_parts_of_the_formula_hold::<f32>(f32::EPSILON.into());
    the_parts_of_the_formula_hold::<f64>(f64::EPSILON);
}

#[test]
fn a_seed_means_the_same_bits_at_every_level_and_for_every_length() {
    for n in [0, 1, 2, 3, 7, 127, 128, 255, 256, 257, 1000] {
        let bits = |level| {
            at_level(level, || {
                let single: Vec<u32> = draws::<f32>(true, n).iter().map(|x| x.to_bits()).collect();
                let double: Vec<u64> = draws::<f64>(true, n).iter().map(|x| x.to_bits()).collect();
                (single, double)
            })
        };
        assert_eq!(bits(Level::Plain), bits(Level::Avx2));
        assert_eq!(bits(Level::Plain), bits(Level::Avx512));
    }
}

#[test]
fn the_first_numbers_of_a_seed_are_these() {
    // Written down once: a change of the algorithm changes everyone's runs, and must be meant.
    let x = draws::<f32>(true, 4);
    assert_eq!(
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [1067048648, 1072547824, 1074093796, 3196437613]
    );
    let x = draws::<f64>(true, 2);
    assert_eq!(
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [4607771782193093426, 4611963941980681020]
    );
}

#[test]
fn a_short_block_draws_only_what_it_needs() {
    struct Counting(Xoshiro256PlusPlus, usize);
    impl rand::TryRng for Counting {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(self.try_next_u64()? as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.1 += 1;
            Ok(self.0.next_u64())
        }
        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
            self.1 += out.len() / 8;
            self.0.fill_bytes(out);
            Ok(())
        }
    }
    for (n, pairs) in [(0, 0), (1, 1), (2, 1), (5, 3), (256, 128), (259, 130)] {
        let mut rng = Counting(Xoshiro256PlusPlus::seed_from_u64(1), 0);
        fill_normal(&mut vec![0f32; n], &mut rng);
        assert_eq!(rng.1, pairs, "{n} single normals");
        fill_normal(&mut vec![0f64; n], &mut rng);
        assert_eq!(rng.1, 3 * pairs, "{n} double normals");
    }
}

#[test]
#[ignore = "timing"]
fn timing_of_one_draw() {
    fn time<F: Sample>() {
        let mut x = [F::narrow(0.0); 4096];
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        for (name, normal) in [("uniform", false), ("normal", true)] {
            let mut best = f64::INFINITY;
            for _ in 0..50 {
                let start = std::time::Instant::now();
                for _ in 0..20 {
                    let x = std::hint::black_box(&mut x[..]);
                    if normal { fill_normal(x, &mut rng) } else { fill_uniform(x, &mut rng) }
                }
                best = best.min(start.elapsed().as_secs_f64() * 1e9 / (20.0 * 4096.0));
            }
            println!("{name:>14} {} {best:.3} ns", std::any::type_name::<F>());
        }
    }
    time::<f32>();
    time::<f64>();
}

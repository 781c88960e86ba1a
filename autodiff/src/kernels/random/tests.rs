//! The fills are compared with their laws. The seeds are fixed, so a test that passes once
//! passes always; the false-alarm rates are those of a new seed.

use super::*;
use crate::kernels::level::{Level, at_level};
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

fn follows_the_normal_distribution<F: Sample>() {
    let x = draws::<F>(true, N);
    let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|x| f(x.widen())).sum::<f64>() / N as f64;
    // Powers, their means and their variances; five standard errors, once in 2·10⁶ times each.
    for (power, value, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
        let got = mean(&|x| x.powi(power));
        let allowed = 5.0 * f64::sqrt(variance / N as f64);
        assert!((got - value).abs() < allowed, "mean of x^{power}: {got}, {value} ± {allowed}");
    }
    // A cosine and its sine are half a block apart.
    for lag in [1, 2, BLOCK / 2, BLOCK] {
        let product: f64 = x.windows(lag + 1).map(|w| w[0].widen() * w[lag].widen()).sum();
        let correlation = product / N as f64;
        assert!(correlation.abs() < 5.0 / (N as f64).sqrt(), "lag {lag}: {correlation}");
    }
    let normal = Normal::standard();
    let statistic = kolmogorov(&x, |x| normal.cdf(x));
    assert!(statistic < 2.7, "Kolmogorov: {statistic}");
}

#[test]
fn normals_follow_the_normal_distribution() {
    follows_the_normal_distribution::<f32>();
    follows_the_normal_distribution::<f64>();
}

fn follows_the_uniform_distribution<F: Sample>(bits: i32) {
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
fn uniforms_follow_the_uniform_distribution() {
    follows_the_uniform_distribution::<f32>(24);
    follows_the_uniform_distribution::<f64>(53);
}

fn the_parts_of_the_formula_hold<F: Sample, const FMA: bool>(ulp: f64) {
    let rng = &mut Xoshiro256PlusPlus::seed_from_u64(7);
    let one = F::narrow(1.0);
    let mut quarters = [0; 4];
    for _ in 0..100_000 {
        let word = rng.next_u64();
        let u = F::positive_uniform(word);
        assert!(u > F::narrow(0.0) && u <= one);
        let (square, exact) = (u.minus_two_ln::<FMA>().widen(), -2.0 * libm::log(u.widen()));
        // Some five roundings, none of them of anything larger than the result.
        assert!((square - exact).abs() <= 3.0 * ulp * exact, "-2 ln {}: {square}", u.widen());
        let (x, y) = F::point::<FMA>(one, word);
        let (x, y) = (x.widen(), y.widen());
        assert!((x * x + y * y - 1.0).abs() < 4.0 * ulp, "{x}, {y} is off the circle");
        // On which side of both diagonals.
        quarters[2 * usize::from(x + y > 0.0) + usize::from(x > y)] += 1;
        let x = F::uniform(word) - F::narrow(0.5);
        let (cos, sin) = x.cos_sin_half_pi::<FMA>();
        // The angle of the reference is rounded in double precision, and so is its sine.
        let (angle, allowed) = (std::f64::consts::FRAC_PI_2 * x.widen(), 2.0 * ulp + 1e-15);
        assert!((cos.widen() - libm::cos(angle)).abs() < allowed, "cos at {}", x.widen());
        assert!((sin.widen() - libm::sin(angle)).abs() < allowed, "sin at {}", x.widen());
    }
    assert_eq!(one.minus_two_ln::<FMA>().widen(), 0.0);
    let (cos, sin) = F::narrow(0.0).cos_sin_half_pi::<FMA>();
    assert_eq!((cos.widen(), sin.widen()), (1.0, 0.0));
    // Five standard deviations of a count, √(10⁵ · ¼ · ¾) = 137.
    assert!(quarters.iter().all(|&count: &i32| (count - 25_000).abs() < 5 * 137), "{quarters:?}");
}

#[test]
fn logarithm_and_circle_hold_where_pairs_need_them() {
    the_parts_of_the_formula_hold::<f32, false>(f32::EPSILON.into());
    the_parts_of_the_formula_hold::<f64, false>(f64::EPSILON);
    the_parts_of_the_formula_hold::<f64, true>(f64::EPSILON);
}

#[test]
fn a_seed_means_the_same_at_every_level_and_for_every_length() {
    for n in [0, 1, 2, 3, 7, 127, 128, 255, 256, 257, 511, 512, 513, 1000] {
        let numbers = |level| at_level(level, || (draws::<f32>(true, n), draws::<f64>(true, n)));
        let (single, double) = numbers(Level::Baseline);
        for level in [Level::Avx2, Level::Avx512] {
            let (same, near) = numbers(level);
            assert!(single.iter().zip(&same).all(|(a, b)| a.to_bits() == b.to_bits()));
            for (a, b) in double.iter().zip(near) {
                // Either errs by some three units of the radius, which is below 8.5.
                assert!((a - b).abs() <= 6.0 * 8.5 * f64::EPSILON, "{n} at {level:?}: {a}, {b}");
            }
        }
        assert_eq!(numbers(Level::Avx2), numbers(Level::Avx512));
    }
}

#[test]
fn the_first_numbers_of_a_seed_are_these() {
    // These numbers are fixed: a change of the algorithm changes the runs of all users, and must be deliberate.
    let x = draws::<f32>(true, 4);
    assert_eq!(
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [1075213765, 1051418471, 3204628680, 3219932323]
    );
    // This level fuses no product; on the others the last bits differ.
    let x = at_level(Level::Baseline, || draws::<f64>(true, 2));
    assert_eq!(
        x.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [4608142308721900788, 4607916027974551038]
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

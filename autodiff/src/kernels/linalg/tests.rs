//! Factorisations of every small size and some large ones, against what they are defined by.

use super::triangular::{Triangular, invert_lower, lower, solve_negated};
use super::{BadPivot, cholesky, eigen, expm, lu, symmetric_upper, turn_below};
use crate::Scalar;
use crate::kernels::level::{Level, at_level};
use crate::{Grads, Tape};

/// `n` numbers in (−1, 1) in no special order.
fn numbers<F: Scalar>(n: usize, salt: u64) -> Vec<F> {
    (0..n as u64)
        .map(|i| {
            let mixed = (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (salt << 7);
            let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            F::from_f64(2.0 * f64::uniform(bits ^ (bits >> 32)) - 1.0)
        })
        .collect()
}

/// The product of square matrices, either transposed first, in double precision.
fn product<F: Scalar>(n: usize, (a, ta): (&[F], bool), (b, tb): (&[F], bool)) -> Vec<f64> {
    let at = |x: &[F], t, i: usize, j: usize| x[if t { j * n + i } else { i * n + j }].to_f64();
    (0..n * n).map(|ij| (0..n).map(|k| at(a, ta, ij / n, k) * at(b, tb, k, ij % n)).sum()).collect()
}

/// A well-conditioned symmetric positive definite matrix.
fn definite<F: Scalar>(n: usize) -> Vec<F> {
    let b = numbers::<F>(n * n, 1);
    let mut a: Vec<F> = product(n, (&b, false), (&b, true)).into_iter().map(F::from_f64).collect();
    (0..n).for_each(|i| a[i * (n + 1)] += F::from_f64(n as f64));
    a
}

#[track_caller]
fn assert_close<F: Scalar>(found: &[F], exact: &[f64], scale: f64, what: &str) {
    assert_eq!(found.len(), exact.len());
    for (i, (x, y)) in found.iter().zip(exact).enumerate() {
        let error = (x.to_f64() - y).abs();
        let allowed = scale * F::EPSILON.to_f64();
        assert!(error <= allowed, "{what} in {}: number {i} is {x}, not {y}", F::NAME);
    }
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| if i % (n + 1) == 0 { 1.0 } else { 0.0 }).collect()
}

/// Sizes on both sides of every block.
const SIZES: [usize; 16] = [1, 2, 3, 7, 15, 16, 17, 24, 25, 31, 33, 48, 64, 65, 97, 200];

fn triangles_are_exact<F: Scalar>() {
    for n in 0..70 {
        let a = numbers::<F>(n * n, 3);
        let (half, below) = (F::from_f64(-0.5), |i: usize, j: usize| i > j);
        let matrix = |at: &dyn Fn(usize, usize) -> F| -> Vec<F> {
            (0..n * n).map(|ij| at(ij / n, ij % n)).collect()
        };
        let upper = matrix(&|i, j| half * a[i * n + j] + half * a[j * n + i]);
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, || {
                let mut y = vec![F::from_f64(f64::NAN); n * n];
                symmetric_upper(&a, n, -F::ONE, &mut y);
                let above = matrix(&|i, j| if below(i, j) { F::ZERO } else { y[i * n + j] });
                let exact = matrix(&|i, j| if below(i, j) { F::ZERO } else { upper[i * n + j] });
                assert_eq!(above, exact, "{n} rows at {level:?}");
                for clear in [false, true] {
                    let mut y = a.clone();
                    turn_below(&mut y, n, clear);
                    let exact = matrix(&|i, j| match below(i, j) {
                        true => a[j * n + i],
                        false if clear && i < j => F::ZERO,
                        false => a[i * n + j],
                    });
                    assert_eq!(y, exact, "{n} rows at {level:?}, clear: {clear}");
                }
            });
        }
    }
}

#[test]
fn symmetric_parts_and_transposed_triangles_of_every_small_size_are_exact() {
    triangles_are_exact::<f32>();
    triangles_are_exact::<f64>();
}

#[test]
fn every_small_size_has_its_cholesky_factor() {
    for n in 0..150 {
        let a = definite::<f64>(n);
        let mut l = vec![7.0; n * n];
        cholesky::cholesky(&a, n, &mut l).unwrap();
        let back = product(n, (&l, false), (&l, true));
        // A sum of n products of numbers of the order of n.
        assert_close(&back, &a, 16.0 * (n * n) as f64, &format!("L Lᵀ of {n} rows"));
    }
}

fn everything<F: Scalar>(n: usize) {
    // A sum of n products rounds n times; numbers are of the order of n, condition numbers below ten.
    let slack = 16.0 * (n * n) as f64;
    let a = definite::<F>(n);
    let mut l = vec![F::from_f64(7.0); n * n];
    cholesky::cholesky(&a, n, &mut l).unwrap();
    let wide: Vec<f64> = a.iter().map(|a| a.to_f64()).collect();
    assert_close(
        &product(n, (&l, false), (&l, true)).iter().map(|&x| F::from_f64(x)).collect::<Vec<_>>(),
        &wide,
        slack,
        "L Lᵀ",
    );
    assert!((0..n * n).all(|i| i / n >= i % n || l[i] == F::ZERO), "zeros above the diagonal");

    let mut inverse = vec![F::ZERO; n * n];
    let narrow = |x: Vec<f64>| x.into_iter().map(F::from_f64).collect::<Vec<F>>();
    invert_lower(&l, n, &mut inverse);
    let one = narrow(product(n, (&l, false), (&inverse, false)));
    assert_close(&one, &identity(n), slack, "L L⁻¹");
    cholesky::inverse(&l, n, &mut inverse);
    let one = narrow(product(n, (&a, false), (&inverse, false)));
    assert_close(&one, &identity(n), slack, "A A⁻¹");

    let b = numbers::<F>(n * n, 2);
    let b_wide: Vec<f64> = b.iter().map(|b| b.to_f64()).collect();
    let negated: Vec<F> = b.iter().map(|&b| -b).collect();
    for (upper, transposed) in [(false, false), (false, true), (true, false), (true, true)] {
        // The other triangle is full of numbers that must not be read.
        let mut t = a.clone();
        (0..n * n).filter(|i| (i / n < i % n) != upper && i / n != i % n).for_each(|i| {
            t[i] = F::from_f64(f64::NAN);
        });
        let mut x = negated.clone();
        solve_negated(Triangular { upper, transposed, ..lower(&t, n, n) }, &mut x, n, n);
        t.iter_mut().filter(|t| !t.is_finite()).for_each(|t| *t = F::ZERO);
        let back = narrow(product(n, (&t, transposed), (&x, false)));
        assert_close(&back, &b_wide, slack, "T T⁻¹ b");
    }

    let mut factor = vec![F::ZERO; n * (n + 1)];
    // The diagonal is small, so rows must be exchanged.
    let mut general = numbers::<F>(n * n, 3);
    (0..n).for_each(|i| general[i * n + (i * 7 + 3) % n] += F::from_f64(n as f64));
    lu::lu(&general, n, &mut factor).unwrap();
    for transposed in [false, true] {
        let mut x = negated.clone();
        lu::solve_negated_by(&factor, n, transposed, &mut x, n);
        let back = narrow(product(n, (&general, transposed), (&x, false)));
        // Some sizes make two rows nearly alike: condition numbers up to some hundred.
        assert_close(&back, &b_wide, 100.0 * slack, "A A⁻¹ b by LU");
    }

    let mut pairs = vec![F::ZERO; n * (n + 1)];
    assert!(eigen::eigh(&a, n, &mut pairs));
    let (values, vectors) = pairs.split_at(n);
    assert!(values.is_sorted());
    let one = narrow(product(n, (vectors, true), (vectors, false)));
    assert_close(&one, &identity(n), slack, "Vᵀ V");
    let scaled: Vec<F> = vectors.iter().enumerate().map(|(i, &v)| v * values[i % n]).collect();
    assert_close(&narrow(product(n, (&scaled, false), (vectors, true))), &wide, slack, "V Λ Vᵀ");
}

#[test]
fn factorisations_of_all_sizes_rebuild_their_matrix() {
    for n in SIZES {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, || {
                everything::<f64>(n);
                everything::<f32>(n);
            });
        }
    }
}

#[test]
fn a_pivot_that_fails_is_named_in_every_block() {
    for n in [1, 5, 24, 40, 97] {
        for at in (0..n).step_by(7) {
            let mut a = definite::<f64>(n);
            a[at * (n + 1)] = -1.0;
            let mut l = vec![0.0; n * n];
            let bad = cholesky::cholesky(&a, n, &mut l).unwrap_err();
            assert!(bad.row == at && bad.value <= -1.0, "{bad:?} of {n} at {at}");
            a[at * (n + 1)] = f64::NAN;
            assert_eq!(cholesky::cholesky(&a, n, &mut l).unwrap_err().row, at);
            // A column of zeros.
            let mut a = definite::<f64>(n);
            (0..n).for_each(|i| a[i * n + at] = 0.0);
            let bad = lu::lu(&a, n, &mut vec![0.0; n * (n + 1)]).unwrap_err();
            assert_eq!(bad, BadPivot { row: at, value: 0.0 });
        }
    }
}

/// The series $\sum_k A^k/k!$ of a matrix that is first made small and then squared.
fn series(a: &[f64], n: usize) -> Vec<f64> {
    let small: Vec<f64> = a.iter().map(|a| a / 1024.0).collect();
    let (mut sum, mut term) = (identity(n), identity(n));
    for k in 1..30 {
        term = product(n, (&term, false), (&small, false));
        term.iter_mut().for_each(|t| *t /= f64::from(k));
        sum.iter_mut().zip(&term).for_each(|(s, t)| *s += t);
    }
    (0..10).fold(sum, |power, _| product(n, (&power, false), (&power, false)))
}

#[test]
fn exponentials_are_those_of_the_series() {
    for n in [1, 2, 3, 8, 17] {
        for scale in [1e-9, 0.1, 1.0, 5.0] {
            let a: Vec<f64> = numbers(n * n, 4).into_iter().map(|a: f64| scale * a).collect();
            let exact = series(&a, n);
            let size = exact.iter().fold(1.0, |top: f64, x| top.max(x.abs()));
            let mut y = vec![0.0; n * n];
            expm::matrix_exp(&a, n, &mut y);
            // The series itself squares ten times, each of which doubles its relative error.
            assert_close(&y, &exact, 4096.0 * n as f64 * size, "exp in f64");
            let narrow: Vec<f32> = a.iter().map(|&a| a as f32).collect();
            let mut y = vec![0.0_f32; n * n];
            expm::matrix_exp(&narrow, n, &mut y);
            // An input rounded to f32, times its norm, and up to four squarings.
            assert_close(
                &y,
                &exact,
                64.0 * n as f64 * size * (1.0 + scale * n as f64),
                "exp in f32",
            );
        }
    }
    let mut y = [0.0; 4];
    expm::matrix_exp(&[f64::INFINITY, 0.0, 0.0, 1.0], 2, &mut y);
    assert!(y.iter().all(|y| y.is_nan()));
}

#[test]
fn eigenvalues_of_matrices_full_of_zeros_are_found() {
    for n in [1, 2, 5, 30] {
        let mut pairs = vec![0.0; n * (n + 1)];
        assert!(eigen::eigh(&vec![0.0_f64; n * n], n, &mut pairs));
        assert!(pairs[..n].iter().all(|&x| x == 0.0));
        assert!(eigen::eigh(&identity(n), n, &mut pairs));
        assert!(pairs[..n].iter().all(|&x| x == 1.0));
        // A chain of one coupling in three, whose blocks have eigenvalues −1, 0, 1.
        let coupled = |i: usize, j: usize| i.abs_diff(j) == 1 && i.min(j).is_multiple_of(3);
        let a: Vec<f64> = (0..n * n).map(|ij| f64::from(coupled(ij / n, ij % n))).collect();
        assert!(eigen::eigh(&a, n, &mut pairs));
        assert!(pairs[..n].iter().all(|x| (x.abs() - 1.0).abs().min(x.abs()) < 1e-14));
    }
    assert!(!eigen::eigh(&[f64::NAN], 1, &mut [0.0; 2]));
}

/// Measures the time of each function at 200 rows. Run it by hand, alone and in release mode.
#[test]
#[ignore = "prints times"]
fn times_of_the_pieces() {
    let n = 200;
    let a = definite::<f64>(n);
    let mut l = vec![0.0; n * n];
    let mut y = vec![0.0; n * n];
    let mut f = vec![0.0; n * (n + 1)];
    cholesky::cholesky(&a, n, &mut l).unwrap();
    let time = |name: &str, flops: f64, work: &mut dyn FnMut()| {
        let best = (0..200)
            .map(|_| {
                let start = std::time::Instant::now();
                work();
                start.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min);
        println!("{name:12} {:7.1} us {:6.1} GFLOP/s", best * 1e6, flops / best / 1e9);
    };
    let cube = (n * n * n) as f64;
    time("gemm", 2.0 * cube, &mut || {
        let whole = super::part(0, n);
        super::super::gemm::gemm([n; 3], (&a, whole), (&l, whole), (&mut y, whole), false);
    });
    time("symmetric", 0.0, &mut || symmetric_upper(&a, n, -1.0, &mut y));
    time("cholesky", cube / 3.0, &mut || cholesky::cholesky(&a, n, &mut y).unwrap());
    time("inverse", 2.0 * cube / 3.0, &mut || cholesky::inverse(&l, n, &mut y));
    time("invert lower", cube / 3.0, &mut || invert_lower(&l, n, &mut y));
    time("trsm", cube, &mut || solve_negated(lower(&l, n, n), &mut y, n, n));
    time("trsm 12", 12.0 * (n * n) as f64, &mut || {
        solve_negated(lower(&l, n, n), &mut y[..12 * n], 12, 12);
    });
    time("lu", 2.0 * cube / 3.0, &mut || lu::lu(&a, n, &mut f).unwrap());
    time("expm", 0.0, &mut || expm::matrix_exp(&l, n, &mut y));
    // The density of twelve columns under a normal distribution with this covariance, and its gradient.
    let tape = Tape::new();
    let (covariance, x) = (tape.leaf(&a, [n, n]), tape.constant(&y[..12 * n], [n, 12]));
    let factor = covariance.factor_cholesky().unwrap();
    let density = (factor.inverse_form(x).sum() + factor.log_det() * 12.0).id();
    let mut plan = tape.freeze();
    let mut grads = Grads::new();
    time("density", 0.0, &mut || plan.run().unwrap());
    time("its gradient", 0.0, &mut || plan.pull_into(&[(density, &[1.0])], &mut grads));
    let tape = Tape::new();
    let l = tape.leaf(&a, [n, n]).cholesky().unwrap().id();
    let seed = vec![1.0; n * n];
    let mut plan = tape.freeze();
    time("cholesky'", 0.0, &mut || plan.pull_into(&[(l, &seed)], &mut grads));
}

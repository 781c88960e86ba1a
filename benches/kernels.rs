//! The pieces of a step, one at a time: elementwise maps, products, factorisations, random numbers, gradients
//! of expectations.
#![allow(missing_docs, reason = "criterion's macros write functions without docs")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pathscore_autodiff::vector::Lanes;
use pathscore_autodiff::{Grads, Scalar, Tape, Unary, Var};
use pathscore_estimators::montecarlo::{Bernoulli, Gaussian, MonteCarlo};
use pathscore_models::seed;
use std::hint::black_box;

/// Numbers from −2 to 2 that repeat after an odd count.
fn numbers<F: Scalar>(n: usize) -> Vec<F> {
    (0..n).map(|i| F::from_f64((i % 1001) as f64 / 250.0 - 2.0)).collect()
}

/// One elementwise op, replayed.
fn maps<F: Scalar>(c: &mut Criterion) {
    const N: usize = 1 << 14;
    let mut group = c.benchmark_group(format!("map {}", F::NAME));
    group.throughput(Throughput::Elements(N as u64));
    let x = numbers::<F>(N);
    for op in [Unary::Tanh, Unary::Exp, Unary::Softplus, Unary::Sigmoid] {
        let tape = Tape::new();
        let x = tape.leaf(&x, [N]);
        let y = match op {
            Unary::Tanh => x.tanh(),
            Unary::Exp => x.exp(),
            Unary::Softplus => x.softplus(),
            _ => x.sigmoid(),
        };
        let y = y.id();
        let mut plan = tape.freeze();
        group.bench_function(BenchmarkId::from_parameter(op.name()), |b| {
            b.iter(|| {
                plan.run().expect("no matrix is factored");
                black_box(plan.value(y)[0])
            });
        });
    }
    group.finish();
}

/// The products of the workloads and of half their batch: rows, inner, columns, left side transposed.
fn products<F: Scalar>(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("matmul {}", F::NAME));
    for (m, k, n, ta) in [
        (512, 512, 512, false),
        (100, 784, 200, false),
        (50, 784, 200, false),
        (100, 200, 784, false),
        (50, 200, 784, false),
        (784, 50, 200, true),
        (200, 100, 784, true),
        (1000, 200, 784, false),
    ] {
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        let tape = Tape::new();
        let a = tape.leaf(&numbers::<F>(m * k), if ta { [k, m] } else { [m, k] });
        let b = tape.leaf(&numbers::<F>(k * n), [k, n]);
        let c = a.matmul_with(ta, b, false).id();
        let mut plan = tape.freeze();
        let name = format!("{m}x{k}x{n}{}", if ta { "T" } else { "" });
        group.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                plan.run().expect("no matrix is factored");
                black_box(plan.value(c)[0])
            });
        });
    }
    group.finish();
}

/// The parts of a step of a Gaussian process with `n` rows, each replayed forward and back.
fn factorisations<F: Scalar>(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("linalg {}", F::NAME));
    for n in [20_usize, 200, 500] {
        // The squared distances are those of points on a line, so that the matrix is positive definite.
        let kernel: Vec<F> = (0..n * n)
            .map(|ij| {
                let distance = (ij / n).abs_diff(ij % n) as f64;
                let noise = if distance == 0.0 { 0.1 } else { 0.0 };
                F::from_f64((-distance * distance / 18.0).exp() + noise)
            })
            .collect();
        type Piece<F> = for<'t> fn(Var<'t, F>) -> Var<'t, F>;
        let pieces: [(&str, Piece<F>); 6] = [
            ("cholesky", |a| a.cholesky().expect("the kernel is positive definite")),
            ("log_det", |a| a.logdet().expect("the kernel is positive definite")),
            ("solve 12", |a| {
                let factor = a.factor_cholesky().expect("the kernel is positive definite");
                let n = a.shape()[0];
                factor.solve(a.tape().constant(&numbers(12 * n), [n, 12]))
            }),
            ("log density 12", |a| {
                let factor = a.factor_cholesky().expect("the kernel is positive definite");
                let n = a.shape()[0];
                let y = a.tape().constant(&numbers(12 * n), [n, 12]);
                factor.inverse_form(y).sum() + factor.log_det()
            }),
            ("inverse", |a| a.factor_cholesky().expect("positive definite").inverse()),
            ("lu", |a| a.slogdet().expect("the kernel is not singular").1),
        ];
        for (name, piece) in pieces {
            let tape = Tape::new();
            let a = tape.leaf(&kernel, [n, n]);
            let y = piece(a);
            let (y, seed) = (y.id(), vec![F::ONE; y.size()]);
            let mut plan = tape.freeze();
            let mut grads = Grads::new();
            group.bench_function(BenchmarkId::new(name, n), |b| {
                b.iter(|| {
                    plan.run().expect("the same matrix was factored before");
                    black_box(plan.value(y)[0])
                });
            });
            group.bench_function(BenchmarkId::new(format!("{name}, back"), n), |b| {
                b.iter(|| {
                    plan.pull_into(&[(y, &seed)], &mut grads);
                    black_box(grads.leading(1)[0])
                });
            });
        }
    }
    group.finish();
}

/// Random numbers from one generator, and from several side by side.
fn draws<F: Scalar>(c: &mut Criterion) {
    const N: usize = 1 << 12;
    let mut group = c.benchmark_group(format!("random {}", F::NAME));
    group.throughput(Throughput::Elements(N as u64));
    let mut x = vec![F::ZERO; N];
    let (mut one, mut lanes) = (seed::rng(0, seed::Stream::Sample, 0), Lanes::new(0));
    group.bench_function("uniform", |b| b.iter(|| F::fill_uniform(black_box(&mut x), &mut one)));
    group.bench_function("normal", |b| b.iter(|| F::fill_normal(black_box(&mut x), &mut one)));
    group.bench_function("uniform, lanes", |b| {
        b.iter(|| F::fill_uniform(black_box(&mut x), &mut lanes));
    });
    group.bench_function("normal, lanes", |b| {
        b.iter(|| F::fill_normal(black_box(&mut x), &mut lanes));
    });
    group.finish();
}

/// Gradients of the expectation of a function that costs almost nothing; the time is per number drawn.
fn expectations(c: &mut Criterion) {
    const DRAWS: usize = 1000;
    let mut group = c.benchmark_group("expectation");
    for latents in [1, 10, 100, 1000] {
        group.throughput(Throughput::Elements((DRAWS * latents) as u64));
        let zeros = vec![0.0; latents];
        let normal = Gaussian { mu: &zeros, log_sigma: &zeros };
        let bits = Bernoulli { logits: &zeros };
        let first = |z: &[f64], f: &mut [f64]| {
            z.chunks(latents).zip(f).for_each(|(z, f)| *f = z[0]);
        };
        let slope = |z: &[f64], f: &mut [f64], slope: &mut [f64]| {
            first(z, f);
            black_box(slope);
        };
        let (mut monte_carlo, mut seed) = (MonteCarlo::new(), 0);
        group.bench_function(BenchmarkId::new("path", latents), |b| {
            b.iter(|| {
                seed += 1;
                monte_carlo.reparam(normal, &slope, DRAWS, seed).value
            });
        });
        group.bench_function(BenchmarkId::new("score", latents), |b| {
            b.iter(|| {
                seed += 1;
                monte_carlo.score(normal, &first, DRAWS, seed).value
            });
        });
        group.bench_function(BenchmarkId::new("score of bits", latents), |b| {
            b.iter(|| {
                seed += 1;
                monte_carlo.score(bits, &first, DRAWS, seed).value
            });
        });
    }
    group.finish();
}

fn both(c: &mut Criterion) {
    draws::<f32>(c);
    draws::<f64>(c);
    maps::<f32>(c);
    maps::<f64>(c);
    products::<f32>(c);
    products::<f64>(c);
    factorisations::<f64>(c);
}

criterion_group!(kernels, both, expectations);
criterion_main!(kernels);

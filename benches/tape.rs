//! The cost of a tape for each entry: recorded anew, replayed, and differentiated.
#![allow(missing_docs, reason = "criterion's macros write functions without docs")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pathscore_autodiff::{Grads, Tape, Var};
use std::hint::black_box;

/// Entries of a chain.
const LENGTH: usize = 1000;

/// A chain of elementwise operations.
fn chain(x: Var<'_, f64>) -> Var<'_, f64> {
    (0..LENGTH / 2).fold(x, |y, _| y * x + 0.5)
}

/// A chain over tensors of this shape; a throughput of 1 G is a nanosecond for an entry.
fn entries(c: &mut Criterion, name: &str, shape: &[usize]) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(LENGTH as u64));
    let start = vec![0.5; shape.iter().product()];
    let seed = vec![1.0; start.len()];
    let (mut tape, mut grads) = (Tape::new(), Grads::new());
    group.bench_function("record", |b| {
        b.iter(|| {
            tape.clear();
            chain(tape.leaf(black_box(&start), shape)).id()
        });
    });
    tape.clear();
    let (x, y) = {
        let x = tape.leaf(&start, shape);
        let y = chain(x);
        group.bench_function("reverse", |b| {
            b.iter(|| {
                tape.pull_into(&[(y, &seed)], &[], &mut grads);
                grads.leading(1)[0]
            });
        });
        (x.id(), y.id())
    };
    let mut plan = tape.plan(&[x], &[y]);
    group.bench_function("replay", |b| {
        b.iter(|| {
            plan.set(x, black_box(&start));
            plan.run().expect("no matrix is factored");
            plan.value(y)[0]
        });
    });
    group.bench_function("reverse of a replay", |b| {
        b.iter(|| {
            plan.pull_into(&[(y, &seed)], &mut grads);
            grads.leading(1)[0]
        });
    });
    group.finish();
}

fn all(c: &mut Criterion) {
    entries(c, "entry of a number", &[]);
    entries(c, "entry of 16 numbers", &[16]);
    entries(c, "entry of 1024 numbers", &[1024]);
}

criterion_group!(tape, all);
criterion_main!(tape);

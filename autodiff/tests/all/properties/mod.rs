//! Random shapes against loops over indices, and random programs against themselves: recorded, replayed,
//! differentiated in every way there is.
//!
//! The seeds are fixed, so the cases are the same at every run; a failure shows the smallest case.

mod loops;
mod programs;

use pathscore_autodiff::{Scalar, Tape, Tensor, Var};
use proptest::test_runner::{Config, RngSeed};

fn config(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(cases.into()),
        failure_persistence: None,
        ..Config::default()
    }
}

/// `n` numbers in (−2, 2) in no special order.
fn numbers<F: Scalar>(n: usize, salt: u64) -> Vec<F> {
    (0..n as u64)
        .map(|i| {
            let mixed = (i + 1)
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add((salt + 1).wrapping_mul(0xD134_2543_DE82_EF95));
            let bits = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            F::from_f64(4.0 * f64::uniform(bits ^ (bits >> 32)) - 2.0)
        })
        .collect()
}

fn tensor<F: Scalar>(dims: &[usize], salt: u64) -> Tensor<F> {
    Tensor::new(numbers(dims.iter().product(), salt), dims)
}

fn leaf<'t, F: Scalar>(tape: &'t Tape<F>, x: &Tensor<F>) -> Var<'t, F> {
    tape.leaf(x.values(), x.shape())
}

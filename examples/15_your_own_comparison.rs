//! Your own estimators in a table, in charts, and as a program.
//!
//! The fifteenth lesson. A bench holds problems whose exact gradient is known, and estimators of each. Here a baseline of one's own
//! stands beside those of the library, right and wrong, on a model and on an expectation without a model.
//!
//! `cargo run --release --example 15_your_own_comparison` prints the table and writes the charts. With arguments it is a program like
//! `pathscore`: `-- compare --draws 5000`, `-- check` (which fails here, since one estimator is wrong), `-- list`.
//!
//! In a crate of one's own it needs the default features of `pathscore` (`cargo add pathscore`, without `--no-default-features`), and
//! `--release`, without which everything takes many times as long.

use pathscore::bench::{Bench, Options};
use pathscore::estimators::Enumerator;
use pathscore::estimators::draw::Score;
use pathscore::estimators::proof::{Expectation, FromFn, Latent};
use pathscore::models::latent::SmallBelief;
use pathscore::prelude::{
    Baseline, Columns, Cotangents, LogWeights, Params, RandomSource, Reinforce, Scalar, seed,
};
use std::process::ExitCode;

/// REINFORCE with the mean of draws as its baseline: of the other draws, or, if `of_all`, of all draws, as it is often
/// written. The second has less variance, and is biased: it shrinks the gradient by 1 − 1/K.
#[derive(Clone, Copy)]
struct Mean {
    of_all: bool,
}

impl Columns for Mean {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| {
            move |k| {
                let shown = (0..w.draws()).filter(|&j| self.of_all || j != k);
                let shown: Vec<F> = shown.map(|j| w.log_weight(j, b)).collect();
                let count = F::from_f64(shown.len() as f64);
                let mean = shown.into_iter().fold(F::ZERO, |sum, f| sum + f) / count;
                (share, share * (w.log_weight(k, b) - mean))
            }
        });
    }

    fn min_samples(&self) -> usize {
        2
    }
}

/// The problems and their estimators.
fn bench() -> Bench {
    let mut bench = Bench::new();

    // Two latent bits and three observed ones.
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    bench
        .on(Latent::new("two bits", model, params, &[1.0, 0.0, 1.0]))
        .add("mean of others", Mean { of_all: false })
        .add("mean of all", Mean { of_all: true })
        .add("no baseline", Reinforce { baseline: Baseline::None })
        .add("leave-one-out", Reinforce { baseline: Baseline::LeaveOneOut });

    // E (z − 2)² for z = μ + ε, differentiated along the path and through the score.
    let mu = 0.5;
    let problem = Expectation::new("a normal, squared", &[mu], |at, source| {
        (at[0] + source.normal() - 2.0).powi(2)
    });
    let path = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        out[0] = 2.0 * (mu + source.normal() - 2.0);
    });
    let score = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
        let eps = source.normal();
        out[0] = (mu + eps - 2.0).powi(2) * eps;
    });
    bench.on(problem).add_gradient("path", path).add_gradient("score", score);
    bench
}

fn main() -> ExitCode {
    let bench = bench();
    if std::env::args().len() > 1 {
        return bench.main();
    }
    let results = bench.compare(&Options { samples: 4, ..Options::default() });
    let results = results.expect("both exact gradients are known");
    print!("{results}");
    let charts = results.write_charts("runs/own-comparison").expect("the charts can be written");
    for chart in charts {
        println!("wrote {} and its PNG", chart.display());
    }

    // The numbers themselves.
    let worst = |name: &str| {
        let of = results.rows().iter().filter(|row| row.estimator == name);
        of.map(|row| row.z.abs()).fold(0.0, f64::max)
    };
    assert!(worst("mean of others") < 5.0 && worst("mean of all") > 20.0);
    ExitCode::SUCCESS
}

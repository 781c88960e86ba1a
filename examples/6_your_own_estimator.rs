//! Your own estimator, certified.
//!
//! The sixth lesson. Twenty lines make a new estimator. `prove` compares its mean with the exact gradient and, if they
//! differ, names the likely mistake.

use pathscore::estimators::Enumerator;
use pathscore::estimators::draw::Score;
use pathscore::estimators::proof::{Applied, Expectation, FromFn, Latent, Options, Proof, prove};
use pathscore::models::latent::SmallBelief;
use pathscore::prelude::*;
use std::sync::Arc;

/// REINFORCE whose baseline is the median of the other draws, or, if `of_all`, of all draws. The second looks just as
/// good and is biased.
#[derive(Clone, Copy)]
struct Median {
    of_all: bool,
}

impl Columns for Median {
    type Draw = Score;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        let share = F::ONE / F::from_f64(w.draws() as f64);
        cotangents.fill(w, |b| {
            move |k| {
                let shown = (0..w.draws()).filter(|&j| self.of_all || j != k);
                let mut others: Vec<f64> = shown.map(|j| w.log_weight(j, b).to_f64()).collect();
                others.sort_by(f64::total_cmp);
                let median = F::from_f64(others[others.len() / 2]);
                (share, share * (w.log_weight(k, b) - median))
            }
        });
    }
}

fn main() {
    // Two latent bits and three observed ones: small enough to list every outcome of four draws.
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let problem = Latent::new("two bits, four draws", model, params, &[1.0, 0.0, 1.0]);
    let problem = Arc::new(Latent { samples: 4, ..problem });
    for (words, of_all) in [("the median of the other draws", false), ("of all draws", true)] {
        let median = Applied::new(&problem, Median { of_all });
        show(words, &prove(&*problem, &median, &Options::default()));
    }

    // No model is needed: a problem is a function of parameters and a source of random numbers, and a gradient
    // estimator is another. Here E (z − 2)² for z = μ + σε is differentiated with respect to μ and ln σ; ∂z/∂ln σ is σε, not ε.
    let at = [0.5, -0.7];
    let problem = Expectation::new("a normal, squared", &at, |at, source| {
        (at[0] + at[1].exp() * source.normal() - 2.0).powi(2)
    });
    for (words, sigma) in [("∂z/∂ln σ = σε", at[1].exp()), ("∂z/∂ln σ = ε", 1.0)] {
        let path = FromFn(move |source: &mut Enumerator, out: &mut [f64]| {
            let eps = source.normal();
            let slope = 2.0 * (at[0] + at[1].exp() * eps - 2.0);
            out.copy_from_slice(&[slope, slope * sigma * eps]);
        });
        show(words, &prove(&problem, &path, &Options::default()));
    }
}

fn show(words: &str, proof: &Proof) {
    println!("{words}:\n{proof}");
    for c in proof.gradient().iter().take(2) {
        println!(
            "  {:<8} exact {:+.6}  mean {:+.6}  variance {:.4}",
            c.name, c.exact, c.mean, c.variance
        );
    }
    println!();
}

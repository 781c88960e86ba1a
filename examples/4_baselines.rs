//! Baselines: the same mean, a thousandth of the noise.
//!
//! The fourth lesson. E (b − t)² for a bit b with logit θ has the derivative p(1 − p)(1 − 2t). The value f = (b − t)² is
//! nearly the same number for both values of b. The score-function estimator multiplies that number by the score, and
//! the common part, not the small difference, makes most of the noise.

use pathscore::estimators::variance::study;
use pathscore::models::latent::BernoulliToy;
use pathscore::prelude::*;

const TARGET: f64 = 0.499;
const DRAWS: usize = 200_000;

fn main() {
    // θ = 0, so p = ½.
    let exact = 0.25 * (1.0 - 2.0 * TARGET);
    let mean_f = 0.5 * (TARGET.powi(2) + (1.0 - TARGET).powi(2));
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = BernoulliToy::new(&mut params, 0.0, TARGET, rng);

    println!("exact gradient {exact}\n");
    println!("baseline         mean ± error             variance    draws for one sigma");
    for (name, baseline, samples) in [
        ("none", Baseline::None, 1),
        ("constant ¼", Baseline::Constant(0.25), 1),
        ("constant E f", Baseline::Constant(mean_f), 1),
        ("running mean", Baseline::running_mean(), 1),
        ("the other of 2", Baseline::LeaveOneOut, 2),
    ] {
        let reinforce = Reinforce { baseline };
        // This model has no data: the value of x has no effect.
        let study = study(&model, &params, &reinforce, &[0.0], samples, &[exact], DRAWS, 0);
        let seen = study.components[0];
        // With this many draws the standard error of their mean is as large as the gradient.
        let needed = samples as f64 * (seen.variance / (exact * exact)).ceil().max(1.0);
        println!(
            "{name:<15}  {:+.6} ± {:.6}    {:9.2e}    {needed:9}",
            seen.mean,
            seen.standard_error(),
            seen.variance
        );
    }
    println!(
        "\nA baseline that is the mean of *all* draws, the draw itself included, is a mistake: with K draws it\n\
         multiplies the gradient by (K − 1)/K. The running mean uses earlier gradients and never the present one."
    );
}

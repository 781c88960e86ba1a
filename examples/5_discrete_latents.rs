//! Discrete latents have no path: the score-function gradient, and VIMCO, whose draws are baselines for each other.
//!
//! The fifth lesson. Two latent bits explain three observed bits. The model is so small that every expectation is a
//! finite sum, and the estimates can be compared with the exact gradient.

use pathscore::estimators::proof::{Latent, Problem, Target};
use pathscore::estimators::score::{Mean, Vimco};
use pathscore::estimators::variance::study;
use pathscore::models::latent::SmallBelief;
use pathscore::prelude::*;

const X: [f64; 3] = [1.0, 0.0, 1.0];
const VIMCO: Vimco = Vimco { mean: Mean::Geometric };

fn main() {
    let mut params = Params::new();
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = SmallBelief::known(&mut params, rng);

    // L_K = E ln (w₁ + … + w_K)/K rises to ln p(x) as K grows, and its gradient changes with it.
    println!("Gradients with respect to the first logit of q, from 100 000 draws each:\n");
    println!(" K   estimator                  of     exact      mean    variance");
    for samples in [2, 3, 5] {
        let bound = |target| {
            let latent = Latent::new("two bits", model, params.clone(), &X);
            Latent { samples, target, ..latent }.truth().unwrap().gradient
        };
        let (elbo, many) = (bound(Target::Elbo), bound(Target::Bound));
        let one_out = Reinforce { baseline: Baseline::LeaveOneOut };
        let reinforce = study(&model, &params, &one_out, &X, samples, &elbo, 100_000, 0);
        let vimco = study(&model, &params, &VIMCO, &X, samples, &many, 100_000, 0);
        for (name, of, study) in
            [("reinforce, leave-one-out", "ELBO", reinforce), ("vimco", "L_K", vimco)]
        {
            let first = study.components[0];
            println!(
                "{samples:>2}   {name:<25}  {of:<4}  {:+.5}  {:+.5}   {:.5}",
                first.exact, first.mean, first.variance
            );
        }
    }

    // Gradient ascent with VIMCO: q and the model learn to explain x.
    let samples = 5;
    let bound = |params: &Params<f64>| {
        let latent = Latent::new("two bits", model, params.clone(), &X);
        Latent { samples, target: Target::Bound, ..latent }.truth().unwrap().value.unwrap()
    };
    println!("\nAscent on L_5 with VIMCO, step 0.05:");
    println!("step    0   L_5 = {:.4} (exact)", bound(&params));
    let mut work = Work::new();
    for step in 1..=600 {
        VIMCO.estimate(Query::new(&model, &params, &X, samples), rng, &mut work);
        let gradient = work.gradient(params.len()).to_vec();
        work.release();
        params.values_mut().iter_mut().zip(gradient).for_each(|(value, g)| *value += 0.05 * g);
        if step % 200 == 0 {
            println!("step {step:>4}   L_5 = {:.4} (exact)", bound(&params));
        }
    }
}

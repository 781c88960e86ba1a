//! The integral p(x) = ∫ p(x|z) p(z) dz, and why draws from the prior cannot compute it.
//!
//! The seventh lesson. Every latent z_i ~ N(0, 1) is seen once, as x_i ~ N(z_i, 0.1), so that p(x) is known exactly. A thousand
//! draws from the prior are plenty for two latents and worthless for sixteen: none of them is anywhere near the
//! posterior. A hundred draws from a q that is near the posterior do the work.

use pathscore::estimators::likelihood::{SelfNormalised, importance_stats};
use pathscore::estimators::path::Iwae;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::models::latent::LinearFactors;
use pathscore::prelude::*;

const DRAWS: usize = 1000;

/// As many latents as columns, W = I, a noise variance of 0.1.
fn model(latents: usize, params: &mut Params<f64>) -> LinearFactors {
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = LinearFactors::new(params, latents, latents, rng);
    let weights = params.get_mut(model.weights());
    weights.fill(0.0);
    weights.iter_mut().step_by(latents + 1).for_each(|w| *w = 1.0);
    params.get_mut(model.log_noise())[0] = 0.1_f64.ln();
    model
}

/// The distance of two vectors, as a share of the length of the second.
fn distance(found: &[f64], exact: &[f64]) -> f64 {
    let square = |pairs: &mut dyn Iterator<Item = f64>| pairs.map(|x| x * x).sum::<f64>();
    let apart = square(&mut found.iter().zip(exact).map(|(a, b)| a - b));
    (apart / square(&mut exact.iter().copied())).sqrt()
}

fn main() {
    println!("         ln p(x)   {DRAWS} draws of the prior            100 draws of q");
    println!("latents  exact     estimate  ESS    gradient off  estimate  gradient off");
    for latents in [1, 2, 4, 8, 16, 32] {
        let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
        let (mut params, mut work) = (Params::new(), Work::new());
        let model = model(latents, &mut params);
        let x: Vec<f64> = (0..latents).map(|i| 1.0 + (i as f64).sin()).collect();

        // ln p(x) and its gradient through the closed form.
        let exact = ExactLikelihood.estimate(Query::new(&model, &params, &x, 1), rng, &mut work);
        let gradient = work.gradient(params.len()).to_vec();

        // ln (1/N) Σ p(x|z_i) and Σ w̃_i ∇ln p(x, z_i) with z_i from the prior.
        let query = Query::new(&model, &params, &x, DRAWS);
        SelfNormalised.estimate(query, rng, &mut work);
        let found = importance_stats(&work);
        let off = distance(work.gradient(params.len()), &gradient);

        // The same with q(z|x) in place of the prior, as in an autoencoder: ln (1/K) Σ p(x, z_i)/q(z_i|x).
        let wide = model.with_spread(1.1);
        let bound = Iwae.estimate(Query::new(&wide, &params, &x, 100), rng, &mut work);
        let of_q = distance(work.gradient(params.len()), &gradient);
        println!(
            "{latents:>7}  {exact:>8.2}  {:>8.2}  {:>5.1}  {off:>12.2}  {bound:>8.2}  {of_q:>12.2}",
            found.log_likelihood, found.effective_draws
        );
    }
    println!(
        "\nWith d latents a draw of the prior meets the posterior with a probability that falls like a power of d. \
         The estimate of\np(x) stays unbiased: once in a very long while one draw is worth all the others."
    );
}

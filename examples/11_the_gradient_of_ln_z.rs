//! The gradient of ln Z, and why contrastive divergence works.
//!
//! The eleventh lesson. For p(x) = exp(−E(x))/Z the gradient of ln p(x) is −∇E(x) + Σ p(y) ∇E(y): one phase over the data, and
//! one over all states of the model. Contrastive divergence starts a chain at each row of data, lets it make k Gibbs
//! sweeps, and takes its end for a draw of the model. On a machine with 16 states everything can be summed, and so we see what
//! that costs: after one sweep the vector has nearly the right direction and the wrong length, after ten it is the gradient.
//!
//! Pairs of chains that run until they meet have the exact gradient as their mean, after a few sweeps.

use pathscore::estimators::energy::{
    ContrastiveDivergence, MaximumLikelihood, UnbiasedContrastiveDivergence,
};
use pathscore::models::energy::{Rbm, small_rbm};
use pathscore::prelude::*;

const DATA: [f64; 12] = [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0];
/// Chains from each row: the noise of their mean is then some thousandths of the gradient.
const CHAINS: usize = 100_000;

/// The gradient of the mean of ln p(x) over the rows, with respect to the weights.
fn gradient(estimator: &impl Estimator<f64, Rbm>, samples: usize) -> Vec<f64> {
    let mut params = Params::new();
    let (rng, mut work) = (&mut seed::rng(1, seed::Stream::Sample, 0), Work::new());
    // Four visible and three hidden units.
    let model = small_rbm(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    let query = Query { batch: 3, scale: 1.0 / 3.0, ..Query::new(&model, &params, &DATA, samples) };
    estimator.estimate(query, rng, &mut work);
    work.gradient(12).to_vec()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn print(name: &str, found: &[f64], exact: &[f64]) {
    let [length, right] = [found, exact].map(|g| dot(g, g).sqrt());
    let apart: Vec<f64> = found.iter().zip(exact).map(|(a, b)| a - b).collect();
    println!(
        "{name:<22} {:>8.4} {:>10.3} {:>16.3}",
        dot(found, exact) / (length * right),
        length / right,
        dot(&apart, &apart).sqrt() / right
    );
}

fn main() {
    let exact = gradient(&MaximumLikelihood, 1);
    println!(
        "                        cosine     length   relative error   (with the exact gradient)"
    );
    for sweeps in [1, 2, 5, 10] {
        let found = gradient(&ContrastiveDivergence { sweeps }, CHAINS);
        print(&format!("CD-{sweeps}"), &found, &exact);
    }
    let unbiased = UnbiasedContrastiveDivergence { burn_in: 1, most: None };
    print("chains that meet", &gradient(&unbiased, CHAINS), &exact);
    println!(
        "\nCD-1 points the right way with the wrong length: its chains have not yet left the data."
    );
    println!(
        "Pairs of chains that run until they meet are right in the mean, after two or three sweeps."
    );
}

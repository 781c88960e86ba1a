//! Markov chains inside EM: the gradient of ln p(x) when z cannot be integrated out and its prior moves.
//!
//! The tenth lesson. By Fisher's identity ∇ln p(x) is the posterior mean of ∇ln p(x, z), and a Markov chain over z gives draws of
//! the posterior. Here p(z; w) = N(m, s²) is learnt together with the noise: while the chains run, m and s move, and with
//! them the posterior. Each transition leaves the posterior at the *current* parameters invariant, and the chains go on
//! from where they were: if the steps of learning are small, they follow.

use pathscore::estimators::likelihood::{PosteriorChains, chain_acceptance};
use pathscore::estimators::samplers::Mala;
use pathscore::models::Tractable;
use pathscore::models::latent::LinearFactors;
use pathscore::prelude::*;

const ROWS: usize = 200;
const COLUMNS: usize = 3;
const CHAINS: usize = 4;

/// Three noisy measurements of one quantity, which varies from row to row with the mean 2 and the deviation 0.5.
fn data(rng: &mut impl RandomSource) -> Vec<f64> {
    let row = |_| {
        let z = 2.0 + 0.5 * rng.normal();
        [0; COLUMNS].map(|_| z + 0.4 * rng.normal())
    };
    (0..ROWS).flat_map(row).collect()
}

/// ln p(x), the mean over the rows, in closed form.
fn log_likelihood(model: &LinearFactors, params: &Params<f64>, x: &[f64]) -> f64 {
    let tape = Tape::new();
    model.log_prob(params.on(&tape), tape.constant(x, [ROWS, COLUMNS])).mean().item()
}

fn main() {
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let x = data(rng);
    let mut params = Params::new();
    let model = LinearFactors::new(&mut params, COLUMNS, 1, rng);
    params.get_mut(model.weights()).fill(1.0);
    // The weights and the means of the columns stay: m, s and the noise are learnt.
    let (weights, mean) = (params.get(model.weights()).to_vec(), vec![0.0; COLUMNS]);

    let estimator = PosteriorChains { sampler: Mala::new(0.4), steps: 3 };
    let mut work = Work::new();
    println!("step   prior: m        s        noise    ln p(x), exact   accepted");
    for step in 0..=600_usize {
        let scale = 1.0 / (ROWS * CHAINS) as f64;
        let query = Query { batch: ROWS, scale, ..Query::new(&model, &params, &x, CHAINS) };
        estimator.estimate(query, rng, &mut work);
        if step % 100 == 0 {
            let [m, log_s] = [params.values()[0], params.values()[1]];
            let deviation = (0.5 * params.get(model.log_noise())[0]).exp();
            println!(
                "{step:>4}   {m:>8.4}  {:>8.4}  {deviation:>8.4}  {:>14.4}  {:>9.2}",
                log_s.exp(),
                log_likelihood(&model, &params, &x),
                chain_acceptance(&work)
            );
        }
        // Plain ascent along the noisy gradient, with a rate that falls.
        let rate = 2.0 / (1.0 + step as f64 / 100.0);
        let gradient = work.gradient(params.len()).to_vec();
        params.values_mut().iter_mut().zip(gradient).for_each(|(p, g)| *p += rate * g);
        params.get_mut(model.weights()).copy_from_slice(&weights);
        params.get_mut(model.loc()).copy_from_slice(&mean);
    }

    // The maximum of the same likelihood in closed form: m is the mean of all numbers; the row means vary with s² + σ²/3.
    let row = |i: usize| x[i * COLUMNS..(i + 1) * COLUMNS].iter().sum::<f64>() / COLUMNS as f64;
    let m = (0..ROWS).map(row).sum::<f64>() / ROWS as f64;
    let between = (0..ROWS).map(|i| (row(i) - m).powi(2)).sum::<f64>() / ROWS as f64;
    let within: f64 = x.iter().enumerate().map(|(i, x)| (x - row(i / COLUMNS)).powi(2)).sum();
    let noise = within / (ROWS * (COLUMNS - 1)) as f64;
    let s = (between - noise / COLUMNS as f64).sqrt();
    println!("exact  {m:>8.4}  {s:>8.4}  {:>8.4}", noise.sqrt());
}

//! The gradient of E (x − k)² for x ~ N(μ, 1) along the path of x and through the score of its density.

use pathscore::prelude::*;

const K: f64 = -1.0;

fn f(x: Var<'_, f64>) -> Var<'_, f64> {
    (x - K).square().sum_axis(-1)
}

fn main() {
    let (mu, draws) = (1.0_f64, 100_000);
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let tape = Tape::new();
    let loc = tape.leaf(&[mu], [1]);
    let q = Normal::from_log_scale(loc, tape.constant(&[0.0], [1]));

    // Path: x = μ + ε, and the derivative goes through x.
    let path = f(q.rsample(draws, rng)).mean().backward().of(loc).item();

    // Score: x is a constant, and f(x) weights the derivative of ln q(x).
    let x = q.sample(draws, rng);
    let mean = f(x).mean().item();
    let weights =
        |b: f64| f(x).with(|f| f.iter().map(|f| (f - b) / draws as f64).collect::<Vec<_>>());
    let score = |b: f64| tape.pull(&[(q.log_prob(x), &weights(b)[..])]).of(loc).item();

    println!("exact               {:.4}", 2.0 * (mu - K));
    println!("path                {path:.4}");
    println!("score               {:.4}", score(0.0));
    println!(
        "score, f − mean f   {:.4}  (the mean of so many draws hardly knows any one of them)",
        score(mean)
    );
}

//! A distribution: its density, its draws, its divergences, and which of them carry a gradient.
//!
//! The second lesson. A draw is either a constant (`sample`) or a function of the parameters (`rsample`). A program that
//! confuses the two computes a wrong gradient without any error.

use pathscore::prelude::*;

fn main() -> Result<(), ParameterError> {
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let tape = Tape::new();
    let (mu, log_sigma) = (tape.leaf(&[1.0_f64], [1]), tape.leaf(&[0.5_f64.ln()], [1]));
    let q = Normal::from_log_scale(mu, log_sigma)?;

    // The log-density and its derivative with respect to the mean, (x − μ)/σ².
    let log_prob = q.log_prob(tape.constant(&[2.0], [1]));
    println!("q = N(1, 0.5²)");
    println!("ln q(2)              {:.6}", log_prob.item());
    println!("∂ ln q(2)/∂μ         {:.6}   (x − μ)/σ² = 4", log_prob.backward().of(mu).item());

    // One draw of each kind, and the derivatives of the draw with respect to μ and ln σ.
    let fixed = q.sample(1, rng).sum();
    let moved = q.rsample(1, rng).sum();
    println!("\na draw by sample     {:.6}   a constant: no derivative at all", fixed.item());
    let slopes = moved.backward();
    println!(
        "a draw by rsample    {:.6}   z = μ + σε: ∂z/∂μ = {:.0}, ∂z/∂ln σ = σε = {:.6}",
        moved.item(),
        slopes.of(mu).item(),
        slopes.of(log_sigma).item()
    );

    // The mean score is zero: E ∂ ln q(z)/∂μ = 0 if z is a constant. If z moves with μ, the density of a draw
    // from N(μ, σ²) under N(μ, σ²) does not depend on μ, and the derivative is zero for each single draw.
    let draws = 20_000;
    let mean_score = |z: Var<'_, f64>| q.log_prob(z).mean().backward().of(mu).item();
    println!("\nmean score over {draws} draws, ∂/∂μ of the mean of ln q(z):");
    println!(
        "z by sample          {:+.6}   zero apart from noise",
        mean_score(q.sample(draws, rng))
    );
    println!("z by rsample         {:+.6}   exactly zero", mean_score(q.rsample(draws, rng)));

    // KL(q‖p) = E_q[ln q − ln p]: the closed form and its Monte Carlo estimate, with gradients.
    let p = Normal::from_scale(tape.constant(&[0.0], [1]), tape.constant(&[1.0], [1]))?;
    let closed = q.kl(&p).sum();
    let z = q.rsample(draws, rng);
    let sampled = (q.log_prob(z) - p.log_prob(z)).mean();
    println!("\nKL(q‖N(0, 1)) and its derivative in μ, which is μ = 1");
    for (name, kl) in [("closed form", closed), ("sampled    ", sampled)] {
        println!("{name}          {:.6}   {:.6}", kl.item(), kl.backward().of(mu).item());
    }

    // A bit has no rsample: `Bernoulli` does not implement `Reparam`, and a program that asks for the path of a
    // bit does not compile. Instead, all values of a bit can be listed.
    let bit = Bernoulli::from_logits(tape.leaf(&[0.4], [1]))?;
    println!("\nall values of a bit  {:?}", bit.enumerate_support().value().values());
    Ok(())
}

//! The maximum a posteriori depends on the parameter that is maximised over; the maximum of the likelihood does not.
//!
//! The ninth lesson. A coin shows nine heads in ten tosses, and its probability of heads, p, has a uniform prior. The same
//! belief about the same coin, written with θ = logit p or with φ = p², has the density p(θ) = p(p(θ)) |dp/dθ|: the
//! Jacobian moves the highest point. Means and intervals of the posterior stay where they are.

use pathscore::estimators::optim::LBfgs;
use pathscore::estimators::samplers::{Differentiable, FromTape};
use pathscore::prelude::*;

const HEADS: f64 = 9.0;
const TAILS: f64 = 1.0;

fn log_likelihood(p: Var<'_, f64>) -> Var<'_, f64> {
    p.ln() * HEADS + (1.0 - p).ln() * TAILS
}

/// The highest point of a function of one parameter.
fn top(start: f64, f: impl for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>) -> f64 {
    let target = FromTape::new(1, |x| f(x).sum());
    let found = LBfgs::default().maximize(&[start], |x, g| target.log_prob_and_grad(x, g));
    assert!(found.stop.converged(), "{found:?}");
    found.x[0]
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn main() {
    println!("maximum of the likelihood, as a probability of heads");
    println!("  over p:            {:.6}", top(0.5, log_likelihood));
    println!("  over θ = logit p:  {:.6}", logistic(top(0.0, |t| log_likelihood(t.sigmoid()))));
    println!("  over φ = p²:       {:.6}", top(0.3, |f| log_likelihood(f.sqrt())).sqrt());

    // The prior is uniform in p. In θ its density is dp/dθ = p (1 − p), in φ it is dp/dφ = 1/(2 p).
    println!("maximum a posteriori, as a probability of heads");
    println!("  over p:            {:.6}", top(0.5, log_likelihood));
    let of_logit = top(0.0, |t| {
        let p = t.sigmoid();
        log_likelihood(p) + p.ln() + (1.0 - p).ln()
    });
    println!("  over θ = logit p:  {:.6}   (heads + 1)/(tosses + 2)", logistic(of_logit));
    let of_square = top(0.3, |f| log_likelihood(f.sqrt()) - (f.sqrt() * 2.0).ln());
    println!("  over φ = p²:       {:.6}   (heads − 1)/(tosses − 1)", of_square.sqrt());

    // Without the Jacobian the three agree, but then only the first is the highest point of a posterior density.
    // The posterior itself is Beta(heads + 1, tails + 1), whatever it is written in.
    let (a, b) = (HEADS + 1.0, TAILS + 1.0);
    println!("posterior mean:      {:.6}", a / (a + b));
    let tape = Tape::new();
    let [a, b, half] = [a, b, 0.5].map(|x| tape.constant(&[x], [1]));
    let median = pathscore::models::dist::Beta::new(a, b).expect("positive").quantile(half);
    println!("posterior median:    {:.6}", median.item());
}

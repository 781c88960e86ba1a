//! Exercise of chapter 11: Metropolis and Hastings on a line of states.

use pathscore::estimators::Enumerator;
use pathscore::prelude::RandomSource;

/// One transition of a chain over the states 0 … n − 1 whose law is proportional to exp(`log_p`).
///
/// The proposal is the left or the right neighbour with the same probability; a state at an end has one
/// neighbour only and proposes that one.
///
/// Task: the chain spends the wrong time at its ends. Correct the probability of acceptance.
pub fn step(state: usize, log_p: &[f64], source: &mut Enumerator) -> usize {
    let last = log_p.len() - 1;
    let proposal = match state {
        0 => 1,
        end if end == last => last - 1,
        _ if source.bernoulli(0.5) => state + 1,
        _ => state - 1,
    };
    let accept = (log_p[proposal] - log_p[state]).exp().min(1.0);
    if source.bernoulli(accept) { proposal } else { state }
}

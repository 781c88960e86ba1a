//! Solution of `metropolis`.

use pathscore::estimators::Enumerator;
use pathscore::prelude::RandomSource;

/// The ratio of the proposals belongs to the acceptance (Hastings 1970): an end proposes its only neighbour with
/// the probability one, and the neighbour proposes the end with the probability one half.
pub fn step(state: usize, log_p: &[f64], source: &mut Enumerator) -> usize {
    let last = log_p.len() - 1;
    let proposal = match state {
        0 => 1,
        end if end == last => last - 1,
        _ if source.bernoulli(0.5) => state + 1,
        _ => state - 1,
    };
    let chance = |from: usize| if from == 0 || from == last { 1.0 } else { 0.5 };
    let ratio = (log_p[proposal] - log_p[state]).exp() * chance(proposal) / chance(state);
    if source.bernoulli(ratio.min(1.0)) { proposal } else { state }
}

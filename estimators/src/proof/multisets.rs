//! Independent draws of one distribution without their order.

use crate::deadline;

/// $\ln n!$ of a small $n$.
fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|i| (i as f64).ln()).sum()
}

/// The number of multisets of `draws` draws from `outcomes` outcomes, $\binom{M + K - 1}{K}$.
pub(super) fn multisets(outcomes: usize, draws: usize) -> f64 {
    (1..=draws).map(|k| (outcomes + k - 1) as f64 / k as f64).product()
}

/// Calls `run` for each multiset of `draws` draws from `outcomes` outcomes, with the ascending indices of the draws and
/// the logarithm of the number of orders, $\ln \frac{K!}{\prod_i m_i!}$ where outcome $i$ occurs $m_i$ times.
///
/// A function that is symmetric in independent draws has the same mean over multisets as over all $M^K$ tuples.
pub(super) fn for_each_multiset(outcomes: usize, draws: usize, mut run: impl FnMut(&[usize], f64)) {
    if outcomes == 0 {
        return;
    }
    let mut indices = vec![0; draws];
    loop {
        deadline::check();
        let repeats = indices.chunk_by(|a, b| a == b).map(|equal| ln_factorial(equal.len()));
        run(&indices, ln_factorial(draws) - repeats.sum::<f64>());
        let Some(last) = indices.iter().rposition(|&i| i + 1 < outcomes) else { return };
        let next = indices[last] + 1;
        indices[last..].fill(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_sum_that_is_too_long_ends_in_time() {
        let soon = Instant::now() + Duration::from_millis(5);
        let endless = || for_each_multiset(1000, 100, |_, _| ());
        assert!(deadline::within(Some(soon), endless).is_none());
    }

    #[test]
    fn every_multiset_is_visited_once_and_their_probabilities_sum_to_one() {
        for (outcomes, draws) in [(1, 4), (4, 1), (3, 5), (5, 3)] {
            let log_p: Vec<f64> = (0..outcomes)
                .map(|i| (2.0 * (i + 1) as f64 / (outcomes * (outcomes + 1)) as f64).ln())
                .collect();
            let (mut seen, mut total) = (Vec::new(), 0.0);
            for_each_multiset(outcomes, draws, |indices, log_orders| {
                assert!(indices.is_sorted() && !seen.contains(&indices.to_vec()));
                total += (log_orders + indices.iter().map(|&i| log_p[i]).sum::<f64>()).exp();
                seen.push(indices.to_vec());
            });
            assert!((multisets(outcomes, draws) - seen.len() as f64).abs() < 1e-9);
            assert!((total - 1.0).abs() < 1e-13, "{total}");
        }
    }
}

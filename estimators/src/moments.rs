//! Mean, variance and extremes of many draws of a vector, in parallel and with bits that do not depend on the threads.

use crate::parallel::map;
use std::ops::Range;
use std::time::Instant;

/// The draws of one block, which has random numbers of its own; constant, so that the result does not depend on the
/// number of threads.
pub(crate) const BLOCK: usize = 500;

/// The number, mean and sums of squares of draws that are not kept.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) draws: f64,
    pub(crate) mean: Vec<f64>,
    /// The sums of the squared distances from the mean.
    squares: Vec<f64>,
    /// The largest squared distance of a draw from the mean at its time.
    largest: Vec<f64>,
    /// The number (or probability) of draws that were not finite, which the moments leave out.
    pub(crate) non_finite: f64,
}

impl Moments {
    pub(crate) fn new(len: usize) -> Self {
        let zeros = || vec![0.0; len];
        Self { draws: 0.0, mean: zeros(), squares: zeros(), largest: zeros(), non_finite: 0.0 }
    }

    /// Adds a draw.
    pub(crate) fn add(&mut self, draw: &[f64]) {
        self.add_weighted(draw, 1.0);
    }

    /// Adds a draw with a weight, its number or its probability (Welford 1962; West 1979).
    pub(crate) fn add_weighted(&mut self, draw: &[f64], weight: f64) {
        if !draw.iter().all(|g| g.is_finite()) {
            self.non_finite += weight;
            return;
        }
        self.draws += weight;
        for (i, g) in draw.iter().enumerate() {
            let away = g - self.mean[i];
            self.mean[i] += away * weight / self.draws;
            let square = weight * away * (g - self.mean[i]);
            self.squares[i] += square;
            self.largest[i] = self.largest[i].max(square);
        }
    }

    /// Adds the draws of another (Chan, Golub and LeVeque 1983).
    pub(crate) fn join(&mut self, other: &Self) {
        let total = self.draws + other.draws;
        self.non_finite += other.non_finite;
        if other.draws == 0.0 {
            return;
        }
        for i in 0..self.mean.len() {
            let away = other.mean[i] - self.mean[i];
            self.squares[i] += other.squares[i] + away * away * self.draws * other.draws / total;
            self.mean[i] += away * other.draws / total;
            self.largest[i] = self.largest[i].max(other.largest[i]);
        }
        self.draws = total;
    }

    /// The variance of component `i` over outcomes that were added with their probabilities.
    pub(crate) fn enumerated_variance(&self, i: usize) -> f64 {
        self.squares[i]
    }

    /// The variance of component `i` of one draw, of draws that were added with weights whose mean is one.
    pub(crate) fn weighted_variance(&self, i: usize) -> f64 {
        self.squares[i] / self.draws.max(f64::MIN_POSITIVE)
    }

    /// The variance of component `i` of one draw.
    pub(crate) fn variance(&self, i: usize) -> f64 {
        self.squares[i] / (self.draws - 1.0).max(1.0)
    }

    /// The share of the largest draw in the sum of squares of component `i`: near zero where the central limit theorem
    /// holds.
    pub(crate) fn largest_share(&self, i: usize) -> f64 {
        if self.squares[i] > 0.0 { (self.largest[i] / self.squares[i]).min(1.0) } else { 0.0 }
    }

    /// The largest of these shares among the first `components` components.
    pub(crate) fn largest_of_shares(&self, components: usize) -> f64 {
        (0..components).map(|i| self.largest_share(i)).fold(0.0, f64::max)
    }
}

/// The moments of a range of draws, and the seconds spent in drawing, summed over all threads.
///
/// The range begins at a block; `begin(index)` starts the random numbers of a block and returns the function that
/// writes a draw.
pub(crate) fn sample<D: FnMut(&mut [f64])>(
    len: usize,
    draws: Range<usize>,
    begin: impl Fn(u64) -> D + Sync,
) -> (Moments, f64) {
    let block = |(): &mut (), index: usize| {
        let (mut moments, mut out) = (Moments::new(len), vec![0.0; len]);
        let mut draw = begin(index as u64);
        let started = Instant::now();
        for _ in index * BLOCK..draws.end.min((index + 1) * BLOCK) {
            draw(&mut out);
            moments.add(&out);
        }
        (moments, started.elapsed().as_secs_f64())
    };
    let blocks = map(draws.start / BLOCK..draws.end.div_ceil(BLOCK), || (), block);
    let (mut all, mut seconds) = (Moments::new(len), 0.0);
    for (moments, time) in &blocks {
        all.join(moments);
        seconds += time;
    }
    (all, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: [f64; 6] = [1.0, 4.0, -2.0, 0.5, 7.0, 3.0];

    fn near(found: f64, exact: f64) {
        assert!((found - exact).abs() < 1e-13, "{found}, not {exact}");
    }

    /// The sum of weights, the mean and the sum of the squares about it.
    fn by_hand(draws: &[f64], weight: impl Fn(usize) -> f64) -> [f64; 3] {
        let sum = |f: &dyn Fn(f64) -> f64| -> f64 {
            draws.iter().enumerate().map(|(i, &draw)| weight(i) * f(draw)).sum()
        };
        let total = sum(&|_| 1.0);
        let mean = sum(&|draw| draw) / total;
        [total, mean, sum(&|draw| (draw - mean).powi(2))]
    }

    #[test]
    fn moments_are_those_of_the_draws_however_they_are_cut() {
        let [n, mean, squares] = by_hand(&DRAWS, |_| 1.0);
        for cut in 0..=DRAWS.len() {
            let mut parts = [0, 1].map(|_| Moments::new(2));
            for (i, &draw) in DRAWS.iter().enumerate() {
                parts[usize::from(i >= cut)].add(&[draw, -2.0 * draw]);
                parts[usize::from(i >= cut)].add(&[draw, f64::NAN]);
            }
            let [mut all, rest] = parts;
            all.join(&rest);
            assert_eq!((all.draws, all.non_finite), (n, n));
            for (i, factor) in [1.0, -2.0].into_iter().enumerate() {
                near(all.mean[i], factor * mean);
                near(all.variance(i), factor * factor * squares / (n - 1.0));
                near(all.weighted_variance(i), factor * factor * squares / n);
            }
        }
        assert_eq!(Moments::new(1).variance(0), 0.0);
    }

    #[test]
    fn weights_count_as_numbers_or_probabilities() {
        let weight = |i: usize| 0.05 + 0.1 * i as f64;
        let [total, mean, squares] = by_hand(&DRAWS, weight);
        let mut all = Moments::new(1);
        DRAWS.iter().enumerate().for_each(|(i, &draw)| all.add_weighted(&[draw], weight(i)));
        all.add_weighted(&[f64::INFINITY], 0.25);
        near(all.draws, total);
        near(all.mean[0], mean);
        near(all.enumerated_variance(0), squares);
        near(all.weighted_variance(0), squares / total);
        assert_eq!(all.non_finite, 0.25);
    }

    /// Of the draws 0, 0, 8, 2, the third adds 8 · (8 − 8/3) and the last (2 − 8/3)(2 − 5/2) to the squares.
    #[test]
    fn the_share_of_the_largest_draw_is_that_of_what_it_adds() {
        let mut all = Moments::new(2);
        [0.0, 0.0, 8.0, 2.0].iter().for_each(|&draw| all.add(&[1.0, draw]));
        let largest = 8.0 * (8.0 - 8.0 / 3.0);
        let exact = largest / (largest + (2.0 - 8.0 / 3.0) * (2.0 - 2.5));
        assert_eq!(all.largest_share(0), 0.0);
        near(all.largest_share(1), exact);
        assert_eq!([1, 2].map(|len| all.largest_of_shares(len)), [0.0, all.largest_share(1)]);
        // Of two sums the larger of the largest draws counts.
        let mut other = Moments::new(2);
        [0.0, 20.0, 0.0, 20.0].iter().for_each(|&draw| other.add(&[1.0, draw]));
        let share = |moments: &Moments| moments.largest[1] / moments.squares[1];
        let most = all.largest[1].max(other.largest[1]);
        all.join(&other);
        assert_eq!(all.largest[1], most);
        near(all.largest_share(1), share(&all));
    }

    #[test]
    fn samples_begin_at_their_block_and_are_those_of_the_whole() {
        let begin = |block: u64| {
            let mut at = block * 1000;
            move |out: &mut [f64]| {
                out[0] = at as f64;
                at += 1;
            }
        };
        let value = |i: usize| (i / BLOCK * 1000 + i % BLOCK) as f64;
        for range in [0..1, 0..BLOCK, 0..BLOCK + 1, BLOCK..2 * BLOCK + 7, 2 * BLOCK..2 * BLOCK] {
            let (found, seconds) = sample(1, range.clone(), begin);
            let draws: Vec<f64> = range.map(value).collect();
            assert_eq!(found.draws, draws.len() as f64);
            assert!(seconds >= 0.0);
            if !draws.is_empty() {
                let [_, mean, squares] = by_hand(&draws, |_| 1.0);
                assert!((found.mean[0] - mean).abs() < 1e-9);
                assert!((found.enumerated_variance(0) - squares).abs() < 1e-9 * squares.max(1.0));
            }
        }
        let slow = |_: u64| |_: &mut [f64]| std::thread::sleep(std::time::Duration::from_millis(2));
        // Ten draws of two milliseconds, in two blocks.
        let (_, seconds) = sample(0, BLOCK - 5..BLOCK + 5, slow);
        assert!((0.02..2.0).contains(&seconds), "{seconds}");
    }
}

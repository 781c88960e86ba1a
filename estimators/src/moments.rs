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

    /// True if a single draw carries most of the variance of one of the first `components` components.
    pub(crate) fn heavy_tailed(&self, components: usize) -> bool {
        (0..components).any(|i| self.largest_share(i) > 0.5)
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

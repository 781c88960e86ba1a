//! Mean, variance and extremes of many draws of a vector, in parallel and yet the same bits.

use std::ops::Range;
use std::time::Instant;

/// Draws of one stream of random numbers: fixed, so that the result does not depend on the threads.
pub(crate) const BLOCK: usize = 500;

/// What is known of draws without keeping them.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    pub(crate) draws: f64,
    pub(crate) mean: Vec<f64>,
    squares: Vec<f64>,
    /// The largest squared distance from the mean so far, at the time of the draw.
    largest: Vec<f64>,
    /// Draws that were not finite; they are counted and left out.
    pub(crate) broken: f64,
}

impl Moments {
    pub(crate) fn new(len: usize) -> Self {
        let zeros = || vec![0.0; len];
        Self { draws: 0.0, mean: zeros(), squares: zeros(), largest: zeros(), broken: 0.0 }
    }

    /// One more draw.
    pub(crate) fn add(&mut self, draw: &[f64]) {
        self.weigh(draw, 1.0);
    }

    /// Draws that count `weight`, their number or their probability (Welford 1962; West 1979).
    pub(crate) fn weigh(&mut self, draw: &[f64], weight: f64) {
        if !draw.iter().all(|g| g.is_finite()) {
            self.broken += weight;
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

    /// Chan, Golub and LeVeque (1983).
    pub(crate) fn join(&mut self, other: &Self) {
        let total = self.draws + other.draws;
        self.broken += other.broken;
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

    /// The variance of outcomes that were weighed by their probabilities.
    pub(crate) fn listed_variance(&self, i: usize) -> f64 {
        self.squares[i]
    }

    /// The variance of one draw.
    pub(crate) fn variance(&self, i: usize) -> f64 {
        self.squares[i] / (self.draws - 1.0).max(1.0)
    }

    /// The share of the largest draw in the sum of squares: near zero for what the central limit theorem
    /// describes.
    pub(crate) fn share(&self, i: usize) -> f64 {
        if self.squares[i] > 0.0 { (self.largest[i] / self.squares[i]).min(1.0) } else { 0.0 }
    }

    /// Whether one draw is most of the variance of one of the first components.
    pub(crate) fn heavy(&self, components: usize) -> bool {
        (0..components).any(|i| self.share(i) > 0.5)
    }
}

/// Moments of the draws of a range, which begins and ends with a block or with all that is drawn;
/// `begin(index)` starts a block's stream. Also the seconds spent in drawing, over all threads.
pub(crate) fn sample<D: FnMut(&mut [f64])>(
    len: usize,
    draws: Range<usize>,
    begin: impl Fn(u64) -> D + Sync,
) -> (Moments, f64) {
    let block = |index: usize| {
        let (mut moments, mut out) = (Moments::new(len), vec![0.0; len]);
        let mut draw = begin(index as u64);
        let started = Instant::now();
        for _ in index * BLOCK..draws.end.min((index + 1) * BLOCK) {
            draw(&mut out);
            moments.add(&out);
        }
        (moments, started.elapsed().as_secs_f64())
    };
    let blocks = draws.start / BLOCK..draws.end.div_ceil(BLOCK);
    #[cfg(feature = "parallel")]
    let blocks: Vec<(Moments, f64)> = {
        use rayon::prelude::*;
        blocks.into_par_iter().map(block).collect()
    };
    #[cfg(not(feature = "parallel"))]
    let blocks: Vec<(Moments, f64)> = blocks.map(block).collect();
    let (mut all, mut seconds) = (Moments::new(len), 0.0);
    for (moments, time) in &blocks {
        all.join(moments);
        seconds += time;
    }
    (all, seconds)
}

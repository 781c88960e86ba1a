//! Changes of a log density under flips of single bits, exactly and to first order.

use super::{Differentiable, LogDensity};

/// A way to find $\Delta_i \approx \ell(x^{(i)}) - \ell(x)$, where $x^{(i)}$ is the row of bits $x$ with bit $i$ flipped.
pub trait Flips<T: ?Sized>: Copy {
    /// Returns $\ell(x)$ and writes $\Delta_i$ for every bit. `x` is changed and restored.
    fn differences(&self, target: &T, x: &mut [f64], differences: &mut [f64]) -> f64;

    /// The number of gradients that this takes.
    fn gradients(&self) -> usize;
}

/// The exact differences $\ell(x^{(i)}) - \ell(x)$, by an evaluation for each bit. Where both are $-\infty$ the difference is
/// zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExactFlips;

/// The differences to first order, $(1 - 2 x_i) \partial \ell / \partial x_i$, by a single gradient of the density as a
/// function of real numbers. They need not be near the exact ones for a sampler that accepts and rejects to be right.
///
/// ```
/// use pathscore_estimators::samplers::{ExactFlips, Flips, FromTape, GradientFlips};
/// let target = FromTape::new(2, |x| {
///     let y = x.sum() * 2.0 - 1.0;
///     y * y
/// });
/// let (mut exact, mut first_order) = ([0.0; 2], [0.0; 2]);
/// assert_eq!(ExactFlips.differences(&target, &mut [0.0, 1.0], &mut exact), 1.0);
/// GradientFlips.differences(&target, &mut [0.0, 1.0], &mut first_order);
/// // (2 · 2 − 1)² − 1 = 8 and (−1)² − 1 = 0; the slope is 4 for each.
/// assert_eq!((exact, first_order), ([8.0, 0.0], [4.0, -4.0]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradientFlips;

impl<T: LogDensity + ?Sized> Flips<T> for ExactFlips {
    fn differences(&self, target: &T, x: &mut [f64], differences: &mut [f64]) -> f64 {
        let here = target.log_prob(x);
        for (i, difference) in differences.iter_mut().enumerate() {
            x[i] = 1.0 - x[i];
            let there = target.log_prob(x);
            *difference = if there == here { 0.0 } else { there - here };
            x[i] = 1.0 - x[i];
        }
        here
    }

    fn gradients(&self) -> usize {
        0
    }
}

impl<T: Differentiable + ?Sized> Flips<T> for GradientFlips {
    fn differences(&self, target: &T, x: &mut [f64], differences: &mut [f64]) -> f64 {
        let here = target.log_prob_and_grad(x, differences);
        let pairs = differences.iter_mut().zip(&*x);
        pairs.for_each(|(difference, x)| *difference *= 1.0 - 2.0 * x);
        here
    }

    fn gradients(&self) -> usize {
        1
    }
}

/// A row of bits with its log density and the differences of its flips.
#[derive(Clone, Debug, Default)]
pub(super) struct FlipPoint {
    pub(super) position: Vec<f64>,
    pub(super) log_prob: f64,
    pub(super) differences: Vec<f64>,
}

impl FlipPoint {
    pub(super) fn new<T: LogDensity + ?Sized, D: Flips<T>>(
        name: &str,
        flips: D,
        target: &T,
        position: &[f64],
    ) -> Self {
        let (found, dim) = (position.len(), target.dim());
        assert!(found == dim, "{name}: {found} bits for a target of dimension {dim}");
        let mut point = Self { differences: vec![0.0; dim], ..Self::default() };
        point.position.extend(position);
        point.update(name, flips, target);
        point
    }

    /// Finds the log density and the differences at the position.
    pub(super) fn update<T: ?Sized, D: Flips<T>>(&mut self, name: &str, flips: D, target: &T) {
        let other = self.position.iter().find(|bit| **bit != 0.0 && **bit != 1.0);
        assert!(other.is_none(), "{name}: {} is no bit", other.unwrap_or(&0.0));
        self.log_prob = flips.differences(target, &mut self.position, &mut self.differences);
    }
}

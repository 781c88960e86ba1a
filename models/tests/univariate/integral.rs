//! Integrals over a density, by Gauss's rule on pieces between quantiles and beyond them.

use pathscore_autodiff::Tape;
use pathscore_models::dist::{Cdf, Support};
use std::sync::LazyLock;

/// Thirty Gauss–Legendre nodes and weights on $[0, 1]$.
static LEGENDRE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| {
    let n = 30;
    let node = |i: usize| {
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (mut before, mut p) = (0.0, 1.0);
            for k in 0..n {
                let k = k as f64;
                (before, p) = (p, ((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0));
            }
            slope = n as f64 * (before - x * p) / (1.0 - x * x);
            x -= p / slope;
        }
        (0.5 * (1.0 - x), 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..n).map(node).collect()
});

/// Levels from one end of the unit interval to the other, closer together near the ends.
pub(crate) fn levels() -> Vec<f64> {
    let ends = [1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3, 0.004, 0.015, 0.05];
    let middle = (1..10).map(|i| 0.1 * f64::from(i));
    let upper = ends.iter().rev().map(|u| 1.0 - u);
    ends.iter().copied().chain(middle).chain(upper).collect()
}

/// A rule for integrals over the support of a distribution.
pub(crate) struct Rule {
    pub(crate) nodes: Vec<f64>,
    /// The weight of each node times the density there.
    pub(crate) weights: Vec<f64>,
    pub(crate) density: Vec<f64>,
    /// For each pair of neighbouring levels, the numbers of the first node and of the node behind the last.
    pub(crate) pieces: Vec<[usize; 2]>,
}

impl Rule {
    /// $E f(x)$.
    pub(crate) fn mean(&self, f: impl Fn(f64) -> f64) -> f64 {
        let terms = self.nodes.iter().zip(&self.weights).filter(|(_, w)| **w > 0.0);
        terms.map(|(&x, &w)| w * f(x)).sum()
    }
}

/// The rule for a distribution of one number, of parameters of shape `[1]`.
pub(crate) fn rule<'t>(q: &impl Cdf<'t, f64>, tape: &'t Tape<f64>) -> Rule {
    let (mut nodes, mut widths, mut pieces) = (Vec::new(), Vec::new(), Vec::new());
    if q.support().is_discrete() {
        // Counts up to far beyond the last level.
        let last = q.quantile(tape.constant(&[1.0 - 1e-14], [1, 1])).item();
        let most = if q.support() == Support::Counts { 2.0 * last + 60.0 } else { last };
        nodes.extend((0..=most as u64).map(|n| n as f64));
        widths.resize(nodes.len(), 1.0);
    } else {
        let levels = levels();
        let edges = q.quantile(tape.constant(&levels, [levels.len(), 1])).value().values().to_vec();
        let mut push = |a: f64, b: f64| {
            let start = nodes.len();
            // Where a piece spans orders of magnitude, the nodes are spread on the logarithm.
            let far = (a > 0.0 && b > 3.0 * a) || (b < 0.0 && a < 3.0 * b);
            for &(u, w) in LEGENDRE.iter() {
                if far {
                    let x = a * (b / a).powf(u);
                    nodes.push(x);
                    widths.push(w * x * (b / a).ln());
                } else {
                    nodes.push(a + (b - a) * u);
                    widths.push(w * (b - a));
                }
            }
            [start, nodes.len()]
        };
        pieces.extend(edges.windows(2).map(|pair| push(pair[0], pair[1])));
        let (first, last) = (edges[0], edges[edges.len() - 1]);
        let (mut low, mut high, mut step) = (first, last, (last - first).max(f64::MIN_POSITIVE));
        match q.support() {
            Support::Real => {
                for _ in 0..60 {
                    push(low - step, low);
                    push(high, high + step);
                    (low, high, step) = (low - step, high + step, 2.0 * step);
                }
            }
            Support::NonNegative => {
                while low > 1e-290 && low > 1e-200 * first {
                    push(0.5 * low, low);
                    low *= 0.5;
                }
                for _ in 0..60 {
                    push(high, high + step);
                    (high, step) = (high + step, 2.0 * step);
                }
            }
            Support::UnitInterval => {
                while low > 1e-290 {
                    push(0.5 * low, low);
                    low *= 0.5;
                }
                push(high, 1.0);
            }
            other => {
                let ends = q.quantile(tape.constant(&[0.0, 1.0], [2, 1])).value();
                let [from, to] = [ends.values()[0], ends.values()[1]];
                assert!(from.is_finite() || to.is_finite(), "{other:?} ends somewhere");
                if from.is_finite() {
                    push(from, first);
                } else {
                    let mut step = step;
                    for _ in 0..60 {
                        push(low - step, low);
                        (low, step) = (low - step, 2.0 * step);
                    }
                }
                if to.is_finite() {
                    push(last, to);
                } else {
                    for _ in 0..200 {
                        push(high, high + step);
                        (high, step) = (high + step, 2.0 * step);
                    }
                }
            }
        }
    }
    let log_prob = q.log_prob(tape.constant(&nodes, [nodes.len(), 1])).value();
    let density: Vec<f64> = log_prob.values().iter().map(|log| log.exp()).collect();
    let weights = widths.iter().zip(&density).map(|(w, p)| w * p).collect();
    Rule { nodes, weights, density, pieces }
}

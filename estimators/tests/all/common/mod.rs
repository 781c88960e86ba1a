//! Exact moments: everything random is listed, and every outcome weighted by its probability.

use pathscore_estimators::quadrature::gauss_hermite;
use pathscore_estimators::{Estimator, Query, Work};
use pathscore_models::{Params, RandomSource};

/// Goes through all outcomes of whatever draws from it, the last choice fastest.
pub(crate) struct Listing {
    /// The choices of this outcome: which, and the values and probabilities there were.
    choices: Vec<(usize, Vec<(f64, f64)>)>,
    at: usize,
    normal: Vec<(f64, f64)>,
}

impl Listing {
    /// Normal numbers are the nodes of a rule of this length.
    pub(crate) fn new(nodes: usize) -> Self {
        Self { choices: Vec::new(), at: 0, normal: gauss_hermite(nodes) }
    }

    fn choose(&mut self, options: impl Iterator<Item = (f64, f64)>) -> f64 {
        if self.at == self.choices.len() {
            self.choices.push((0, options.filter(|option| option.1 > 0.0).collect()));
        }
        let (chosen, options) = &self.choices[self.at];
        self.at += 1;
        options[*chosen].0
    }

    fn probability(&self) -> f64 {
        self.choices.iter().map(|(chosen, options)| options[*chosen].1).product()
    }

    /// Goes on to the next outcome, if there is one.
    fn advance(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, options)) = self.choices.last_mut() {
            *chosen += 1;
            if *chosen < options.len() {
                return true;
            }
            self.choices.pop();
        }
        false
    }
}

impl RandomSource for Listing {
    fn bernoulli(&mut self, p: f64) -> bool {
        self.choose([(0.0, 1.0 - p), (1.0, p)].into_iter()) == 1.0
    }

    fn categorical(&mut self, probs: &[f64]) -> usize {
        self.choose(probs.iter().enumerate().map(|(i, &p)| (i as f64, p))) as usize
    }

    fn uniform(&mut self) -> f64 {
        panic!("uniform numbers cannot be listed")
    }

    fn normal(&mut self) -> f64 {
        let normal = std::mem::take(&mut self.normal);
        let node = self.choose(normal.iter().copied());
        self.normal = normal;
        node
    }
}

/// The exact mean and variance of an estimate.
pub(crate) struct Moments {
    pub(crate) bound: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) variance: Vec<f64>,
}

/// The mean and the variance of `estimator` at `x`, rows of the same length `columns`, over everything
/// that it can draw. The gradient is the mean over the rows.
pub(crate) fn moments<M, E: Estimator<f64, M>>(
    (model, params): (&M, &Params<f64>),
    estimator: &E,
    x: &[f64],
    batch: usize,
    samples: usize,
    nodes: usize,
) -> Moments {
    let mut work = Work::new();
    let mut listing = Listing::new(nodes);
    let (mut total, mut bound) = (0.0, 0.0);
    let (mut mean, mut square) = (vec![0.0; params.len()], vec![0.0; params.len()]);
    let query = Query { model, params, x, batch, samples, scale: 1.0 / batch as f64 };
    loop {
        let found = estimator.estimate(query, &mut listing, &mut work) / batch as f64;
        let p = listing.probability();
        total += p;
        bound += p * found;
        for (i, g) in work.gradient(params.len()).iter().enumerate() {
            mean[i] += p * g;
            square[i] += p * g * g;
        }
        if !listing.advance() {
            break;
        }
    }
    assert!((total - 1.0).abs() < 1e-10, "the probabilities sum to {total}");
    let variance = square.iter().zip(&mean).map(|(square, mean)| square - mean * mean).collect();
    Moments { bound, mean, variance }
}

#[track_caller]
pub(crate) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance, "component {i} is {f}, not {e}: {found:?}");
    }
}

/// The largest distance between two vectors' components.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

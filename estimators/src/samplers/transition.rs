//! Transition matrices of samplers over finitely many states, and their verdicts.

use super::{Position, Sampler};
use crate::enumerator::{Coverage, Enumerator};
use nalgebra::{DMatrix, DVector, linalg::Schur};

/// The most outcomes of one transition that are enumerated.
const OUTCOMES: usize = 1 << 20;
/// The most iterations of the eigenvalues of a matrix; a well-behaved one takes two or three for each row.
const ITERATIONS: usize = 100_000;
/// The distance from the stationary law at which a chain counts as mixed (Levin, Peres and Wilmer 2009).
const MIXED: f64 = 0.25;
/// The longest mixing time that is looked for is two to this power.
const DOUBLINGS: u32 = 40;

/// The exact transition matrix $T(x, y)$ of a sampler over finitely many states, enumerated, and what it says about the
/// sampler: the stationary law against the target, detailed balance, and the speed.
///
/// No chain is run and nothing is random, so an error of $10^{-10}$ is seen at once where draws would need $10^{20}$.
///
/// ```
/// use pathscore_estimators::samplers::{FromFn, GibbsBits, TransitionMatrix};
/// let target = FromFn { dim: 2, log_prob: |x: &[f64]| 2.0 * x[0] * x[1] };
/// let states: Vec<Vec<f64>> = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(Vec::from).into();
/// let matrix = TransitionMatrix::of(&GibbsBits, &target, &states).expect("four bits are drawn");
/// let total = 3.0 + 2.0_f64.exp();
/// let pi = [1.0, 1.0, 1.0, 2.0_f64.exp()].map(|weight| weight / total);
/// assert!(matrix.invariance(&pi) < 1e-15);
/// assert!(matrix.second_eigenvalue().expect("it is found") < 0.4);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TransitionMatrix {
    /// $T(x, y)$, a row for each $x$.
    matrix: DMatrix<f64>,
}

impl TransitionMatrix {
    /// The matrix of a sampler on the states of its target, or `None` if the outcomes of a transition cannot be enumerated.
    ///
    /// # Panics
    /// If a transition leaves the states.
    pub fn of<T: ?Sized, S: Sampler<T>>(
        sampler: &S,
        target: &T,
        states: &[Vec<f64>],
    ) -> Option<Self> {
        Self::enumerate(states.len(), |from, source| {
            let mut state = sampler.init(target, &states[from], source);
            sampler.step(target, &mut state, source);
            let at = states.iter().position(|x| x == state.position());
            at.expect("a transition stays among the states")
        })
    }

    /// The matrix of a transition of `size` states that are known by their indices, or `None` if its outcomes cannot be
    /// enumerated.
    pub fn enumerate(
        size: usize,
        mut step: impl FnMut(usize, &mut Enumerator) -> usize,
    ) -> Option<Self> {
        let mut matrix = DMatrix::zeros(size, size);
        for from in 0..size {
            let coverage = Enumerator::for_each(0, OUTCOMES, |source| {
                let to = step(from, source);
                matrix[(from, to)] += source.probability();
            });
            if !matches!(coverage, Coverage::Complete { .. }) {
                return None;
            }
        }
        Some(Self { matrix })
    }

    /// The number of states.
    pub fn size(&self) -> usize {
        self.matrix.nrows()
    }

    /// $T(x, y)$.
    pub fn probability(&self, from: usize, to: usize) -> f64 {
        self.matrix[(from, to)]
    }

    /// The distribution after a transition from `before`: $\sum_x p(x) T(x, y)$.
    pub fn after(&self, before: &[f64]) -> Vec<f64> {
        self.matrix.tr_mul(&DVector::from_column_slice(before)).as_slice().to_vec()
    }

    /// The total variation $\frac12 \sum_y |\pi T(y) - \pi(y)|$ by which a transition moves a law: zero, up to rounding, if and only
    /// if the law is invariant.
    pub fn invariance(&self, pi: &[f64]) -> f64 {
        total_variation(&self.after(pi), pi)
    }

    /// The largest $|\pi(x) T(x, y) - \pi(y) T(y, x)|$: zero if the chain is reversible.
    pub fn detailed_balance(&self, pi: &[f64]) -> f64 {
        let flow = |x: usize, y: usize| pi[x] * self.matrix[(x, y)];
        let pairs = (0..self.size()).flat_map(|x| (0..x).map(move |y| (x, y)));
        pairs.map(|(x, y)| (flow(x, y) - flow(y, x)).abs()).fold(0.0, f64::max)
    }

    /// The stationary law, or `None` if there is more than one.
    pub fn stationary(&self) -> Option<Vec<f64>> {
        let n = self.size();
        // π (T − 1) = 0, with the sum of π in place of the last equation, which follows from the others.
        let mut system = self.matrix.transpose() - DMatrix::identity(n, n);
        system.row_mut(n - 1).fill(1.0);
        let mut right = DVector::zeros(n);
        right[n - 1] = 1.0;
        let found = system.lu().solve(&right)?;
        found.iter().all(|p| p.is_finite()).then(|| found.as_slice().to_vec())
    }

    /// The total variation between the stationary law and the target: the bias of a long chain. `None` if there is no single
    /// stationary law.
    pub fn bias(&self, pi: &[f64]) -> Option<f64> {
        self.stationary().map(|found| total_variation(&found, pi))
    }

    /// $|\lambda_2|$, the second largest modulus of an eigenvalue: the distance from the stationary law falls by this factor in a
    /// step, in the long run. One for a chain that is periodic, or falls into parts. `None` if the iteration does not end.
    pub fn second_eigenvalue(&self) -> Option<f64> {
        let schur = Schur::try_new(self.matrix.clone(), f64::EPSILON, ITERATIONS)?;
        let mut moduli: Vec<f64> = schur.complex_eigenvalues().iter().map(|l| l.norm()).collect();
        moduli.sort_by(f64::total_cmp);
        moduli.iter().rev().nth(1).copied()
    }

    /// The number of transitions after which the law of a chain is within a total variation of ¼ of the stationary law, wherever it
    /// began. `None` if there is no single stationary law, or the chain takes longer than $2^{40}$ steps.
    pub fn mixing_time(&self) -> Option<u64> {
        let pi = self.stationary()?;
        let farthest = |power: &DMatrix<f64>| {
            let rows = power.row_iter().map(|row| {
                let terms = row.iter().zip(&pi).map(|(p, q)| (p - q).abs());
                0.5 * terms.sum::<f64>()
            });
            rows.fold(0.0, f64::max)
        };
        // Powers of two until the chain is mixed, then back by halving: the distance never grows.
        let mut powers = vec![self.matrix.clone()];
        while farthest(powers.last()?) > MIXED {
            if powers.len() as u32 > DOUBLINGS {
                return None;
            }
            let last = powers.last()?;
            powers.push(last * last);
        }
        let (mut steps, mut at) = (0_u64, DMatrix::identity(self.size(), self.size()));
        for (doubling, power) in powers.iter().enumerate().rev() {
            let further = &at * power;
            if farthest(&further) > MIXED {
                (steps, at) = (steps + (1 << doubling), further);
            }
        }
        Some(steps + 1)
    }
}

/// $\frac12 \sum_x |p(x) - q(x)|$.
fn total_variation(p: &[f64], q: &[f64]) -> f64 {
    0.5 * p.iter().zip(q).map(|(p, q)| (p - q).abs()).sum::<f64>()
}

/// The law $\pi(x) \propto e^{\ell(x)}$ of log-probabilities.
pub(crate) fn normalised(log_probs: &[f64]) -> Vec<f64> {
    let top = log_probs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let total: f64 = log_probs.iter().map(|l| (l - top).exp()).sum();
    log_probs.iter().map(|l| (l - top).exp() / total).collect()
}

/// All rows of so many bits, the first bit fastest.
pub(crate) fn rows_of_bits(bits: usize) -> Vec<Vec<f64>> {
    let row = |state: usize| (0..bits).map(|bit| (state >> bit & 1) as f64).collect();
    (0..1 << bits).map(row).collect()
}

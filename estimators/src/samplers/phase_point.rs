//! Points of phase space, and the state of samplers that propose one.

use super::{Differentiable, Info, LogDensity, Position};
use pathscore_models::RandomSource;

/// A position with its log density, and as far as a sampler uses them, its gradient and a momentum.
#[derive(Clone, Debug, PartialEq)]
pub struct PhasePoint {
    /// $x$.
    pub position: Vec<f64>,
    /// $p$.
    pub momentum: Vec<f64>,
    /// $\nabla \ell(x)$.
    pub grad: Vec<f64>,
    /// $\ell(x)$.
    pub log_prob: f64,
}

impl PhasePoint {
    /// The point at a position, with a momentum of zero.
    ///
    /// # Panics
    /// If the position has another dimension than the target.
    pub fn new<T: Differentiable + ?Sized>(target: &T, position: &[f64]) -> Self {
        let mut point = Self::at(target, position);
        point.momentum.resize(position.len(), 0.0);
        point.grad.resize(position.len(), 0.0);
        point.log_prob = target.log_prob_and_grad(position, &mut point.grad);
        point
    }

    /// The point at a position, without gradient and momentum.
    pub(crate) fn of<T: LogDensity + ?Sized>(target: &T, position: &[f64]) -> Self {
        Self { log_prob: target.log_prob(position), ..Self::at(target, position) }
    }

    fn at<T: LogDensity + ?Sized>(target: &T, position: &[f64]) -> Self {
        expect_dim(target, position);
        let position = position.to_vec();
        Self { position, momentum: Vec::new(), grad: Vec::new(), log_prob: f64::NAN }
    }

    /// Draws a new momentum, $p \sim \mathcal N(0, M)$, for a diagonal $M^{-1}$ of one number for all coordinates or
    /// one for each.
    pub fn refresh<R: RandomSource>(&mut self, inverse_mass: &[f64], source: &mut R) {
        for (p, inverse) in self.momentum.iter_mut().zip(inverse_mass.iter().cycle()) {
            *p = source.normal() / inverse.sqrt();
        }
    }

    /// $H(x, p) = -\ell(x) + \frac12 p^\top M^{-1} p$ for a diagonal $M^{-1}$ of one number for all coordinates or one
    /// for each.
    ///
    /// ```
    /// use pathscore_estimators::samplers::{FromTape, PhasePoint};
    /// let mut point = PhasePoint::new(&FromTape::new(1, |x| (x * x).sum() * -0.5), &[2.0]);
    /// point.momentum[0] = 3.0;
    /// assert_eq!(point.energy(&[2.0]), 2.0 + 9.0);
    /// ```
    pub fn energy(&self, inverse_mass: &[f64]) -> f64 {
        let momenta = self.momentum.iter().zip(inverse_mass.iter().cycle());
        0.5 * momenta.map(|(p, inverse)| inverse * p * p).sum::<f64>() - self.log_prob
    }

    /// Takes over the numbers of another point.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.position.copy_from_slice(&other.position);
        self.momentum.copy_from_slice(&other.momentum);
        self.grad.copy_from_slice(&other.grad);
        self.log_prob = other.log_prob;
    }
}

impl Position for PhasePoint {
    fn position(&self) -> &[f64] {
        &self.position
    }
}

/// The state of a sampler that proposes and accepts or rejects: the point where the chain is, and memory for the proposal.
#[derive(Clone, Debug)]
pub struct MetropolisState {
    pub(crate) current: PhasePoint,
    pub(crate) proposal: PhasePoint,
}

impl MetropolisState {
    pub(crate) fn new(current: PhasePoint) -> Self {
        Self { proposal: current.clone(), current }
    }

    /// The point where the chain is.
    pub fn current(&self) -> &PhasePoint {
        &self.current
    }

    /// Puts the chain at a position, with the density and the gradient there.
    pub(crate) fn restart<T: Differentiable + ?Sized>(&mut self, target: &T, position: &[f64]) {
        expect_dim(target, position);
        let PhasePoint { position: at, grad, log_prob, .. } = &mut self.current;
        at.copy_from_slice(position);
        *log_prob = target.log_prob_and_grad(position, grad);
    }

    /// Puts the chain at a position, with the density there.
    pub(crate) fn restart_without_grad<T: LogDensity + ?Sized>(
        &mut self,
        target: &T,
        position: &[f64],
    ) {
        expect_dim(target, position);
        self.current.position.copy_from_slice(position);
        self.current.log_prob = target.log_prob(position);
    }

    /// Moves the chain to the proposal if it was accepted.
    pub(crate) fn settle(&mut self, info: Info) -> Info {
        if info.accepted {
            std::mem::swap(&mut self.current, &mut self.proposal);
        }
        info
    }
}

impl Position for MetropolisState {
    fn position(&self) -> &[f64] {
        &self.current.position
    }
}

/// Checks that a position has the dimension of the target.
#[track_caller]
fn expect_dim<T: LogDensity + ?Sized>(target: &T, position: &[f64]) {
    let (found, dim) = (position.len(), target.dim());
    assert!(found == dim, "init: {found} coordinates for a target of dimension {dim}");
}

/// Checks that there is one positive number for all coordinates, or one for each.
#[track_caller]
pub(crate) fn expect_positive(what: &str, numbers: &[f64], dim: usize) {
    let found = numbers.len();
    assert!(
        found == 1 || found == dim,
        "{what}: {found} numbers do not fit a target of dimension {dim}"
    );
    let bad = numbers.iter().find(|number| !(**number > 0.0 && number.is_finite()));
    assert!(bad.is_none(), "{what}: {} is not a positive number", bad.unwrap_or(&0.0));
}

//! Targets on sets, sampled in $\mathbb R^d$.

use super::log_density::Replays;
use super::{Differentiable, LogDensity};
use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::Bijection;

/// A vector of $\mathbb R^d$ that is read part by part, each through a bijection whose log-determinant is added up.
#[derive(Debug)]
pub struct Parts<'t> {
    x: Var<'t, f64>,
    read: usize,
    log_det: Option<Var<'t, f64>>,
}

impl<'t> Parts<'t> {
    fn new(x: Var<'t, f64>) -> Self {
        Self { x, read: 0, log_det: None }
    }

    /// The tape, for the parameters of a bijection.
    pub fn tape(&self) -> &'t Tape<f64> {
        self.x.tape()
    }

    /// The next `numbers` coordinates, which may be any real numbers.
    ///
    /// # Panics
    /// If fewer coordinates are left.
    #[track_caller]
    pub fn real(&mut self, numbers: usize) -> Var<'t, f64> {
        let (from, dim) = (self.read, self.x.size());
        self.read += numbers;
        assert!(self.read <= dim, "parts: {numbers} more than the {from} of {dim} coordinates");
        self.x.slice(-1, from..self.read)
    }

    /// The `bijection` of the next `numbers` coordinates.
    ///
    /// # Panics
    /// If fewer coordinates are left, or the bijection refuses the shape.
    #[track_caller]
    pub fn next<B: Bijection<'t, f64>>(&mut self, numbers: usize, bijection: B) -> Var<'t, f64> {
        let x = self.real(numbers);
        let log_det = bijection.log_det(x, 1).sum();
        self.log_det = Some(self.log_det.map_or(log_det, |before| before + log_det));
        bijection.forward(x)
    }

    #[track_caller]
    fn expect_all_read(&self) {
        let (read, dim) = (self.read, self.x.size());
        assert!(read == dim, "constrained: {read} of {dim} coordinates were read");
    }
}

/// A target whose argument $y = f(x)$ is constrained, as a density of the unconstrained $x \in \mathbb R^d$.
///
/// With the density $p(y)$, up to a constant, and the smooth one-to-one map $f$,
///
/// $$\ell(x) = \ln p(f(x)) + \ln \left|\det \frac{\partial f}{\partial x}\right|.$$
///
/// `constrain` builds $f$ from the bijections of `pathscore_models::dist`, and `log_prob` is $\ln p$ of its result; the
/// determinant is added here, so it cannot be forgotten. [`Constrained::constrain`] maps draws.
///
/// ```
/// use pathscore_autodiff::Var;
/// use pathscore_estimators::samplers::{Constrained, LogDensity};
/// use pathscore_models::dist::{Elementwise, StickBreaking};
/// // A rate τ with τ ~ Gamma(3, 2), and weights w ~ Dirichlet(2, 2, 2).
/// let target = Constrained::new(
///     3,
///     |x| Var::concat(&[x.next(1, Elementwise::Exp), x.next(2, StickBreaking)], -1),
///     |y| {
///         let rate = y.slice(-1, 0..1);
///         (rate.ln() * 2.0 - rate * 2.0).sum() + y.slice(-1, 1..4).ln().sum()
///     },
/// );
/// let y = target.constrain(&[0.0, 0.0, 0.0]);
/// assert!(y.iter().zip([1.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]).all(|(y, e)| (y - e).abs() < 1e-15));
/// // ln p = −2 + 3 ln ⅓; the determinants are 1 and σ(0) (1 − σ(0)) ⅔ ⅓ ⅔.
/// let expected = -2.0 + (1.0_f64 / 27.0).ln() + (1.0_f64 / 27.0).ln();
/// assert!((target.log_prob(&[0.0, 0.0, 0.0]) - expected).abs() < 1e-14);
/// ```
#[derive(Debug)]
pub struct Constrained<C, G> {
    constrain: C,
    log_prob: G,
    replays: Replays,
}

impl<C, G> Constrained<C, G>
where
    C: for<'t> Fn(&mut Parts<'t>) -> Var<'t, f64>,
    G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
{
    /// The target of `dim` unconstrained coordinates. `constrain` must read all of them.
    pub fn new(dim: usize, constrain: C, log_prob: G) -> Self {
        Self { constrain, log_prob, replays: Replays::new(dim) }
    }

    /// $y = f(x)$.
    ///
    /// # Panics
    /// If `x` has another dimension.
    pub fn constrain(&self, x: &[f64]) -> Vec<f64> {
        let dim = self.dim();
        assert!(x.len() == dim, "constrain: {} numbers for a target of dimension {dim}", x.len());
        let tape = Tape::new();
        let y = (self.constrain)(&mut Parts::new(tape.constant(x, [dim])));
        y.with(<[f64]>::to_vec)
    }

    /// $\ell(x)$ on the tape.
    fn record<'t>(&self, x: Var<'t, f64>) -> Var<'t, f64> {
        let mut parts = Parts::new(x);
        let y = (self.constrain)(&mut parts);
        parts.expect_all_read();
        let log_prob = (self.log_prob)(y);
        parts.log_det.map_or(log_prob, |log_det| log_prob + log_det)
    }
}

impl<C, G> LogDensity for Constrained<C, G>
where
    C: for<'t> Fn(&mut Parts<'t>) -> Var<'t, f64>,
    G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
{
    fn dim(&self) -> usize {
        self.replays.dim()
    }

    fn log_prob(&self, x: &[f64]) -> f64 {
        self.replays.value(|x| self.record(x), x, None)
    }
}

impl<C, G> Differentiable for Constrained<C, G>
where
    C: for<'t> Fn(&mut Parts<'t>) -> Var<'t, f64>,
    G: for<'t> Fn(Var<'t, f64>) -> Var<'t, f64>,
{
    fn log_prob_and_grad(&self, x: &[f64], grad: &mut [f64]) -> f64 {
        self.replays.value(|x| self.record(x), x, Some(grad))
    }
}

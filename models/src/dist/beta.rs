//! The beta distribution.

use super::gamma::smallest;
use super::implicit::{implicit, logit_beta_draw, logit_beta_slopes};
use super::{Distribution, Entropy, Kl, Reparam, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

/// $\mathrm{Beta}(a, b)$, of density $x^{a-1} (1-x)^{b-1}/B(a, b)$ on the unit interval.
///
/// The mean is $a/(a + b)$, the variance $ab/((a + b)^2 (a + b + 1))$. The derivatives of $\ln p$ are $\ln x -
/// \psi(a) + \psi(a + b)$ with respect to $a$ and $\ln(1 - x) - \psi(b) + \psi(a + b)$ with respect to $b$. The
/// derivative of a sample with respect to $a$ is $-\frac{\partial I_x(a, b)}{\partial a}/p(x)$, and likewise for $b$
/// (Figurnov, Mohamed and Mnih 2018); it is computed for the logit of $x$. Samples are at least the smallest normal
/// number and at most the largest number below one.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Beta, Distribution, Entropy};
/// let tape = Tape::new();
/// let at = |a: f64, b| Beta::new(tape.leaf(&[a], [1]), tape.leaf(&[b], [1]));
/// // The uniform distribution, and 2x.
/// assert!(at(1.0, 1.0).entropy().item().abs() < 1e-15);
/// let log_prob = at(2.0, 1.0).log_prob(tape.constant(&[0.25], [1])).item();
/// assert!((log_prob - 0.5_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Beta<'t, F> {
    a: Var<'t, F>,
    b: Var<'t, F>,
}

impl<'t, F: Scalar> Beta<'t, F> {
    /// The distribution with these $a$ and $b$, which must be positive.
    pub fn new(a: Var<'t, F>, b: Var<'t, F>) -> Self {
        Self { a, b }
    }

    /// The concentrations $a$ and $b$.
    pub fn concentrations(self) -> [Var<'t, F>; 2] {
        [self.a, self.b]
    }

    /// The logits $\ln\frac{x}{1-x}$ of `count` samples, through which derivatives flow. They are finite where $x$
    /// itself would round to zero or one.
    pub fn rsample_logit<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        logits([self.a, self.b], &sample_shape(count, self.a), |at| logit_beta_draw(at, rng))
    }
}

/// Logits that `draw` returns, with the derivatives of the beta distribution.
pub(super) fn logits<'t, F: Scalar>(
    concentrations: [Var<'t, F>; 2],
    shape: &Shape,
    draw: impl FnMut([f64; 2]) -> f64,
) -> Var<'t, F> {
    implicit(concentrations, shape, draw, logit_beta_slopes)
}

impl<'t, F: Scalar> Distribution<'t, F> for Beta<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let powers = (self.a - F::ONE).xlogy(x) + (self.b - F::ONE).xlog1py(-x);
        (powers - self.a.ln_beta(self.b)).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { a: self.a.detach(), b: self.b.detach() }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for Beta<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let x = self.rsample_logit(count, rng).sigmoid();
        let below_one = F::ONE - F::EPSILON * F::from_f64(0.5);
        x.max(x.tape().number(smallest())).min(x.tape().number(below_one))
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Beta<'t, F> {
    /// $\sum \ln B(a, b) - (a - 1)\psi(a) - (b - 1)\psi(b) + (a + b - 2)\psi(a + b)$.
    fn entropy(&self) -> Var<'t, F> {
        let (a, b) = (self.a, self.b);
        let one = |n: Var<'t, F>| (n - F::ONE) * n.digamma();
        let sum = a + b;
        let two = F::from_f64(2.0);
        (a.ln_beta(b) - one(a) - one(b) + (sum - two) * sum.digamma()).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Beta<'t, F> {
    /// $\sum \ln B(a_p, b_p) - \ln B(a_q, b_q) + (a_q - a_p)\psi(a_q) + (b_q - b_p)\psi(b_q) - (s_q - s_p)\psi(s_q)$
    /// with $s = a + b$; the derivative with respect to $a_q$ is $(a_q - a_p)\psi'(a_q) - (s_q - s_p)\psi'(s_q)$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let one = |q: Var<'t, F>, p: Var<'t, F>| (q - p) * q.digamma();
        let norms = p.a.ln_beta(p.b) - self.a.ln_beta(self.b);
        let means = one(self.a, p.a) + one(self.b, p.b) - one(self.a + self.b, p.a + p.b);
        (norms + means).sum_axis(-1)
    }
}

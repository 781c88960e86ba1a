//! The von Mises distribution.

use super::implicit::{implicit, von_mises_draw, von_mises_slope};
use super::{Distribution, Entropy, Kl, Reparam, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};
use std::f64::consts::TAU;

/// The von Mises distribution of angles about the mean direction $\mu$ with concentration $\kappa$, of density
/// $e^{\kappa \cos(x - \mu)}/(2\pi I_0(\kappa))$ on any interval of length $2\pi$.
///
/// $E e^{ix} = A(\kappa) e^{i\mu}$ with $A = I_1/I_0$. The derivatives of $\ln p$ are $\cos(x - \mu) - A(\kappa)$ for
/// $\kappa$ and $\kappa \sin(x - \mu)$ for $\mu$. A sample is $\mu + z$ with $z$ in $[-\pi, \pi]$, whose derivative
/// with respect to $\kappa$ is $-\frac{\partial P(z, \kappa)}{\partial\kappa}/p(z)$ (Figurnov, Mohamed and Mnih
/// 2018). Samples are not wrapped when $\mu$ moves, so pathwise gradients for $\mu$ are right only for periodic
/// functions of $x$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, VonMises};
/// let tape = Tape::new();
/// let [mu, kappa] = [1.0_f64, 0.0].map(|c| tape.leaf(&[c], [1]));
/// // Without concentration the angles are uniform.
/// let log_prob = VonMises::new(mu, kappa).log_prob(tape.constant(&[2.0], [1])).item();
/// assert!((log_prob + std::f64::consts::TAU.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VonMises<'t, F> {
    loc: Var<'t, F>,
    concentration: Var<'t, F>,
}

impl<'t, F: Scalar> VonMises<'t, F> {
    /// The distribution with mean direction $\mu$ and concentration $\kappa$, which must not be negative.
    pub fn new(loc: Var<'t, F>, concentration: Var<'t, F>) -> Self {
        Self { loc, concentration }
    }

    /// The mean direction, $\mu$.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// The concentration, $\kappa$.
    pub fn concentration(self) -> Var<'t, F> {
        self.concentration
    }

    /// The mean resultant length, $A(\kappa) = I_1(\kappa)/I_0(\kappa)$.
    pub fn mean_length(self) -> Var<'t, F> {
        self.concentration.i1e() / self.concentration.i0e()
    }

    /// $\ln(2\pi I_0(\kappa)) - \kappa$.
    fn log_norm(self) -> Var<'t, F> {
        self.concentration.i0e().ln() + F::from_f64(TAU.ln())
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for VonMises<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        // cos t − 1 = −2 sin²(t/2), and the right side keeps its digits for the small t of a large κ.
        let sin = ((x - self.loc) * F::from_f64(0.5)).sin();
        (self.concentration * sin.square() * F::from_f64(-2.0) - self.log_norm()).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), concentration: self.concentration.detach() }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for VonMises<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let draw = |[kappa]: [f64; 1]| von_mises_draw(kappa, rng);
        let slope = |[kappa]: [f64; 1], z| [von_mises_slope(kappa, z)];
        let kappa = self.concentration;
        self.loc + implicit([kappa], &sample_shape(count, kappa), draw, slope)
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for VonMises<'t, F> {
    /// $\sum \ln(2\pi I_0(\kappa)) - \kappa A(\kappa)$.
    fn entropy(&self) -> Var<'t, F> {
        let left = self.concentration * (self.mean_length() - F::ONE);
        (self.log_norm() - left).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for VonMises<'t, F> {
    /// $\sum A(\kappa_q)(\kappa_q - \kappa_p \cos(\mu_q - \mu_p)) - \ln I_0(\kappa_q) + \ln I_0(\kappa_p)$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let along = (self.loc - p.loc).cos() * p.concentration;
        let means = self.mean_length() * (self.concentration - along);
        let norms = p.log_norm() + p.concentration - self.log_norm() - self.concentration;
        (means + norms).sum_axis(-1)
    }
}

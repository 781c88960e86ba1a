//! The von Mises distribution.

use super::edges::below;
use super::implicit::{implicit, von_mises_draw, von_mises_slope};
use super::near::remainder;
use super::parameters::distribution;
use super::{Entropy, Kl, over_event};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};
use std::f64::consts::TAU;

distribution! { continuous Angles
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
    /// let log_prob = VonMises::new(mu, kappa)?.log_prob(tape.constant(&[2.0], [1])).item();
    /// assert!((log_prob + std::f64::consts::TAU.ln()).abs() < 1e-15);
    /// # Ok::<(), pathscore_models::dist::ParameterError>(())
    /// ```
    VonMises {
        /// The mean direction, $\mu$.
        loc: Finite,
        /// The concentration, $\kappa$.
        concentration: NonNegative,
    }
}

impl<'t, F: Scalar> VonMises<'t, F> {
    /// The mean resultant length, $A(\kappa) = I_1(\kappa)/I_0(\kappa)$.
    pub fn mean_length(self) -> Var<'t, F> {
        self.concentration.i1e() / self.concentration.i0e()
    }

    /// $\ln(2\pi I_0(\kappa)) - \kappa$.
    ///
    /// The scaled Bessel function $e^{-|\kappa|}I_0(\kappa)$ has a kink at zero; there the formula is its series from the
    /// right, $\ln I_0 = \kappa^2/4 - \kappa^4/64 + \dots$, for the derivatives up to order five.
    fn log_norm(self) -> Var<'t, F> {
        let kappa = self.concentration;
        let quarter = kappa.square() * F::from_f64(0.25);
        let series = quarter - quarter.square() * F::from_f64(0.25) - kappa;
        let log = kappa.equal(kappa.constant(0.0)).select(series, kappa.i0e().ln());
        log + F::from_f64(TAU.ln())
    }

    fn log_density(self, x: Var<'t, F>) -> Var<'t, F> {
        // cos t − 1 = −2 sin²(t/2), and the right side keeps its digits for the small t of a large κ.
        let sin = ((x - self.loc) * F::from_f64(0.5)).sin();
        self.concentration * sin.square() * F::from_f64(-2.0) - self.log_norm()
    }

    fn draw<R: RandomSource>(self, shape: Shape, rng: &mut R) -> Var<'t, F> {
        let draw = |[kappa]: [f64; 1]| von_mises_draw(kappa, rng);
        let slope = |[kappa]: [f64; 1], z| [von_mises_slope(kappa, z)];
        self.loc + implicit([self.concentration], &shape, draw, slope)
    }
}

/// $A'(\kappa) = 1 - A/\kappa - A^2$, written with $1 - A$ for large concentrations and with $I_2 = I_0 - 2I_1/\kappa$ for small ones.
fn mean_length_slope<F: Scalar>(kappa: Var<'_, F>) -> Var<'_, F> {
    let (norm, two) = (kappa.i0e(), F::from_f64(2.0));
    let length = kappa.i1e() / norm;
    let second = kappa.constant(2.0).ive(kappa) / norm;
    let near = (second + F::ONE) * F::from_f64(0.5) - length.square();
    let rest = kappa.i0e_less_i1e() / norm;
    let far = rest * (-rest + two) - length / kappa;
    below(kappa, 1.0).select(near, far)
}

impl<'t, F: Scalar> Entropy<'t, F> for VonMises<'t, F> {
    /// $\sum \ln(2\pi I_0(\kappa)) - \kappa A(\kappa)$.
    fn entropy(&self) -> Var<'t, F> {
        let left = self.concentration * (self.mean_length() - F::ONE);
        over_event(self.loc, self.log_norm() - left)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for VonMises<'t, F> {
    /// $\sum A(\kappa_q)(\kappa_q - \kappa_p \cos(\mu_q - \mu_p)) - \ln I_0(\kappa_q) + \ln I_0(\kappa_p)$.
    ///
    /// Where the concentrations differ by less than $(1 + \kappa_q)/8$, it is computed from the curvature $A'(\kappa)$, with a relative
    /// error of about $\varepsilon(1 + \kappa)$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let (kappa, other) = (self.concentration, p.concentration);
        let sin = ((self.loc - p.loc) * F::from_f64(0.5)).sin();
        let turned = self.mean_length() * other * sin.square() * F::from_f64(2.0);
        let d = other - kappa;
        let close = d.abs().less((kappa + F::ONE) * F::from_f64(0.125));
        let near = remainder(kappa, d, mean_length_slope) * d.square();
        let far = other.ln_i0() - kappa.ln_i0() - self.mean_length() * d;
        let each = turned + close.select(near, far);
        over_event(each, each)
    }
}

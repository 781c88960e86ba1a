//! Student's distribution.

use super::beta::logits;
use super::implicit::logit_beta_draw;
use super::{Distribution, Entropy, Reparam, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// Student's $t$ distribution with $\nu$ degrees of freedom, location $\mu$ and scale $\sigma$.
///
/// With $t = (x - \mu)/\sigma$ the density is $(1 + t^2/\nu)^{-(\nu+1)/2}/(\sqrt\nu B(\nu/2, \tfrac12) \sigma)$; the
/// mean is $\mu$ for $\nu > 1$, the variance $\sigma^2 \nu/(\nu - 2)$ for $\nu > 2$. A sample is $\mu + \sigma t$
/// with $t = \pm\sqrt{\nu(1 - x)/x}$ and $x \sim \mathrm{Beta}(\nu/2, \tfrac12)$, which carries the derivative with
/// respect to $\nu$ implicitly (Figurnov, Mohamed and Mnih 2018): because $t^2$ decreases in $x$, quantiles of $x$
/// are quantiles of $t^2$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, StudentT};
/// let tape = Tape::new();
/// let [nu, mu, sigma] = [1.0_f64, 0.0, 1.0].map(|c| tape.leaf(&[c], [1]));
/// // With one degree of freedom it is Cauchy's: 1/(π(1 + t²)).
/// let log_prob = StudentT::new(nu, mu, sigma).log_prob(tape.constant(&[2.0], [1])).item();
/// assert!((log_prob + (5.0 * std::f64::consts::PI).ln()).abs() < 1e-14);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StudentT<'t, F> {
    freedom: Var<'t, F>,
    loc: Var<'t, F>,
    scale: Var<'t, F>,
}

impl<'t, F: Scalar> StudentT<'t, F> {
    /// The distribution with these $\nu$, $\mu$ and $\sigma$; $\nu$ and $\sigma$ must be positive.
    pub fn new(freedom: Var<'t, F>, loc: Var<'t, F>, scale: Var<'t, F>) -> Self {
        Self { freedom, loc, scale }
    }

    /// The parameters $\nu$, $\mu$ and $\sigma$.
    pub fn parameters(self) -> [Var<'t, F>; 3] {
        [self.freedom, self.loc, self.scale]
    }

    /// $\ln(\sqrt\nu B(\nu/2, \tfrac12) \sigma)$.
    fn log_norm(self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let beta = (self.freedom * half).ln_beta(self.freedom.tape().number(half));
        self.freedom.ln() * half + beta + self.scale.ln()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for StudentT<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let t = (x - self.loc) / self.scale;
        let power = (self.freedom + F::ONE) * F::from_f64(-0.5);
        (power * (t.square() / self.freedom).ln_1p() - self.log_norm()).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        let [freedom, loc, scale] = self.parameters().map(|parameter| parameter.detach());
        Self { freedom, loc, scale }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for StudentT<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let (shape, half) = (sample_shape(count, self.freedom), F::from_f64(0.5));
        let shapes = [self.freedom * half, self.freedom.tape().number(half)];
        let mut signs = Vec::with_capacity(shape.size());
        let y = logits(shapes, &shape, |at| {
            signs.push(if rng.bernoulli(0.5) { F::ONE } else { -F::ONE });
            logit_beta_draw(at, rng)
        });
        // √(ν(1 − x)/x) with y the logit of x.
        let t = self.freedom.sqrt() * (y * -half).exp() * y.tape().constant(&signs, shape);
        self.loc + self.scale * t
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for StudentT<'t, F> {
    /// $\sum \tfrac{\nu + 1}{2}\bigl(\psi(\tfrac{\nu+1}{2}) - \psi(\tfrac\nu2)\bigr) + \ln(\sqrt\nu B(\nu/2,
    /// \tfrac12) \sigma)$.
    fn entropy(&self) -> Var<'t, F> {
        let half = F::from_f64(0.5);
        let above = (self.freedom + F::ONE) * half;
        let gap = above.digamma() - (self.freedom * half).digamma();
        (above * gap + self.log_norm()).sum_axis(-1)
    }
}

//! The exponential distribution and Laplace's, which is that of the difference of two exponential variables.

use super::{Distribution, Entropy, Kl, Reparam, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The exponential distribution with rate $\lambda$, of density $\lambda e^{-\lambda x}$.
///
/// The mean is $1/\lambda$, the variance $1/\lambda^2$. The derivative of $\ln p$ is $1/\lambda - x$. A sample is $z =
/// -\ln(1 - u)/\lambda$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Entropy, Exponential};
/// let tape = Tape::new();
/// let entropy = Exponential::new(tape.leaf(&[2.0_f64], [1])).entropy().item();
/// assert!((entropy - (1.0 - 2_f64.ln())).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Exponential<'t, F> {
    rate: Var<'t, F>,
}

/// Laplace's distribution, of density $e^{-|x - \mu|/b}/2b$.
///
/// The mean is $\mu$, the variance $2b^2$. The derivatives of $\ln p$ are $\mathrm{sign}(x - \mu)/b$ for $\mu$ (zero
/// at $x = \mu$) and $(|x - \mu|/b - 1)/b$ for $b$. A sample is $\mu + b(e_1 - e_2)$ with two exponential variables.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Laplace};
/// let tape = Tape::new();
/// let [mu, b] = [1.0_f64, 2.0].map(|c| tape.leaf(&[c], [1]));
/// let log_prob = Laplace::new(mu, b).log_prob(tape.constant(&[-3.0], [1])).item();
/// assert!((log_prob + 2.0 + 4_f64.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Laplace<'t, F> {
    loc: Var<'t, F>,
    scale: Var<'t, F>,
}

/// $-\ln(1 - u)$ for uniform numbers $u$ below one.
fn standard<'t, F: Scalar, R: RandomSource>(
    count: usize,
    like: Var<'t, F>,
    rng: &mut R,
) -> Var<'t, F> {
    -(-rng.uniform_var(like.tape(), sample_shape(count, like))).ln_1p()
}

impl<'t, F: Scalar> Exponential<'t, F> {
    /// The distribution with rate $\lambda$, which must be positive.
    pub fn new(rate: Var<'t, F>) -> Self {
        Self { rate }
    }

    /// The rate, $\lambda$.
    pub fn rate(self) -> Var<'t, F> {
        self.rate
    }
}

impl<'t, F: Scalar> Laplace<'t, F> {
    /// The distribution with location $\mu$ and scale $b$; the scale must be positive.
    pub fn new(loc: Var<'t, F>, scale: Var<'t, F>) -> Self {
        Self { loc, scale }
    }

    /// The location, $\mu$.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// The scale, $b$.
    pub fn scale(self) -> Var<'t, F> {
        self.scale
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Exponential<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        (self.rate.ln() - self.rate * x).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { rate: self.rate.detach() }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for Exponential<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        standard(count, self.rate, rng) / self.rate
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Exponential<'t, F> {
    /// $\sum 1 - \ln\lambda$.
    fn entropy(&self) -> Var<'t, F> {
        (-self.rate.ln() + F::ONE).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Exponential<'t, F> {
    /// $\sum r - 1 - \ln r$ with $r = \lambda_p/\lambda_q$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let ratio = p.rate / self.rate;
        (ratio - F::ONE - ratio.ln()).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Laplace<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().rsample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let norm = self.scale.ln() + F::from_f64(std::f64::consts::LN_2);
        (-((x - self.loc).abs() / self.scale) - norm).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), scale: self.scale.detach() }
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for Laplace<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let e = standard(count, self.loc, rng) - standard(count, self.loc, rng);
        self.loc + self.scale * e
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Laplace<'t, F> {
    /// $\sum 1 + \ln 2b$.
    fn entropy(&self) -> Var<'t, F> {
        (self.scale.ln() + F::from_f64(1.0 + std::f64::consts::LN_2)).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Laplace<'t, F> {
    /// $\sum \ln\frac{b_p}{b_q} - 1 + \frac{d + b_q e^{-d/b_q}}{b_p}$ with $d = |\mu_q - \mu_p|$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let away = (self.loc - p.loc).abs();
        let mean = (away + self.scale * (-(away / self.scale)).exp()) / p.scale;
        ((p.scale / self.scale).ln() - F::ONE + mean).sum_axis(-1)
    }
}

//! The normal distribution with independent coordinates.

use super::edges::level;
use super::parameters::{broadcast, check};
use super::{
    Cdf, Constraint, Coordinates, Distribution, Entropy, Kl, Moments, ParameterError, Reparam,
    Shapes, Support, for_kernel, over_event, sample_shape, unsqueeze,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Tape, Var};

/// $\mathcal N(\mu, \mathrm{diag} \sigma^2)$ with `loc` $\mu$ and $\ln\sigma$.
///
/// The log-density is $-\tfrac12 t^2 - \ln\sigma - \tfrac12\ln 2\pi$ with $t = (x - \mu)/\sigma$; its
/// derivatives are $t/\sigma$ with respect to $\mu$ and $t^2 - 1$ with respect to $\ln\sigma$. A sample is $z = \mu + \sigma\varepsilon$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Kl, Normal};
/// let tape = Tape::new();
/// let q = Normal::from_scale(tape.leaf(&[0.0_f64], [1]), tape.leaf(&[1.0], [1]))?;
/// let p = Normal::from_scale(tape.leaf(&[1.0], [1]), tape.leaf(&[2.0], [1]))?;
/// assert!((q.kl(&p).item() - 0.44314718).abs() < 1e-8);
/// assert!((q.log_prob(tape.constant(&[0.0], [1])).item() + 0.9189385332046727).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "Gaussian")]
pub struct Normal<'t, F> {
    loc: Var<'t, F>,
    log_scale: Var<'t, F>,
}

impl<'t, F: Scalar> Normal<'t, F> {
    /// The distribution with this mean and this standard deviation, which must be positive.
    ///
    /// # Errors
    /// If a number of the mean is not finite, or one of the standard deviation not positive.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_scale(loc: Var<'t, F>, scale: Var<'t, F>) -> Result<Self, ParameterError> {
        check(
            "Normal",
            &[("loc", loc, Constraint::Finite), ("scale", scale, Constraint::Positive)],
        )?;
        Ok(Self::from_scale_unchecked(loc, scale))
    }

    /// [`Normal::from_scale`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_scale_unchecked(loc: Var<'t, F>, scale: Var<'t, F>) -> Self {
        Self::from_log_scale_unchecked(loc, scale.ln())
    }

    /// The distribution with this mean and this logarithm of the standard deviation.
    ///
    /// # Errors
    /// If a number of a parameter is not finite.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_log_scale(loc: Var<'t, F>, log_scale: Var<'t, F>) -> Result<Self, ParameterError> {
        let finite = Constraint::Finite;
        check("Normal", &[("loc", loc, finite), ("log_scale", log_scale, finite)])?;
        Ok(Self::from_log_scale_unchecked(loc, log_scale))
    }

    /// [`Normal::from_log_scale`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn from_log_scale_unchecked(loc: Var<'t, F>, log_scale: Var<'t, F>) -> Self {
        let [loc, log_scale] = broadcast("Normal", [loc, log_scale]);
        Self { loc, log_scale }
    }

    /// The mean, $\mu$.
    pub fn loc(self) -> Var<'t, F> {
        self.loc
    }

    /// The logarithm of the standard deviation, $\ln\sigma$.
    pub fn log_scale(self) -> Var<'t, F> {
        self.log_scale
    }

    /// The standard deviation, $\sigma$.
    pub fn scale(self) -> Var<'t, F> {
        self.log_scale.exp()
    }

    /// The standard normal law $\mathcal N(0, I)$ of `n` coordinates, whose numbers are constants: the prior of most models.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::dist::{Distribution, Normal};
    /// let tape = Tape::<f64>::new();
    /// let log_prob = Normal::standard(&tape, 2).log_prob(tape.constant(&[0.0, 1.0], [2]));
    /// assert!((log_prob.item() + std::f64::consts::TAU.ln() + 0.5).abs() < 1e-15);
    /// ```
    pub fn standard(tape: &'t Tape<F>, n: usize) -> Self {
        let zeros = tape.constant_with([n], |z| z.fill(F::ZERO));
        Self { loc: zeros, log_scale: zeros }
    }

    fn draw<R: RandomSource>(self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.loc + self.scale() * rng.normal_var(self.loc.tape(), sample_shape(count, self.loc))
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Normal<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.detach().draw(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        if self.loc.shape().is_empty() {
            return self.log_prob_each(x);
        }
        for_kernel(x, self.loc).normal_log_prob(self.loc, self.log_scale)
    }

    fn detach(&self) -> Self {
        Self { loc: self.loc.detach(), log_scale: self.log_scale.detach() }
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.loc)
    }
}

impl<'t, F: Scalar> Reparam<'t, F> for Normal<'t, F> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.draw(count, rng)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Normal<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        unsqueeze(for_kernel(x, self.loc))
            .normal_log_prob(unsqueeze(self.loc), unsqueeze(self.log_scale))
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Normal<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.loc
    }

    fn variance(&self) -> Var<'t, F> {
        (self.log_scale * F::from_f64(2.0)).exp()
    }

    fn std(&self) -> Var<'t, F> {
        self.scale()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Normal<'t, F> {
    /// $\Phi((x - \mu)/\sigma)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        ((x - self.loc) * (-self.log_scale).exp()).normal_cdf()
    }

    /// $\mu + \sigma\Phi^{-1}(u)$.
    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        self.loc + self.scale() * level(u).normal_quantile()
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Normal<'t, F> {
    /// $\sum \ln\sigma + \tfrac12 \ln 2\pi e$; the derivative with respect to $\ln\sigma$ is one.
    fn entropy(&self) -> Var<'t, F> {
        let constant = 0.5 + 0.5 * std::f64::consts::TAU.ln();
        over_event(self.loc, self.log_scale + F::from_f64(constant))
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Normal<'t, F> {
    /// $\sum \tfrac12 (e^{2d} - 1 - 2d + t^2)$ with $d = \ln\sigma_q - \ln\sigma_p$ and
    /// $t = (\mu_q - \mu_p)/\sigma_p$, in one kernel. It keeps its digits where the two are close, up to the rounding of the
    /// logarithms of the scales.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let [loc, log_scale, p_loc, p_log_scale] = [self.loc, self.log_scale, p.loc, p.log_scale]
            .map(|of| {
                if self.loc.shape().is_empty() && p.loc.shape().is_empty() {
                    unsqueeze(of)
                } else {
                    of
                }
            });
        loc.normal_kl(log_scale, p_loc, p_log_scale)
    }
}

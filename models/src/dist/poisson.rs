//! The Poisson distribution.

use super::edges::{impossible, level, ln_poisson, off_counts, within};
use super::parameters::check;
use super::quantiles::{count_quantile, first_count};
use super::stirling::{any_large, divergence_or, ln_factorial_rest};
use super::{
    Cdf, Constraint, Coordinates, Distribution, Kl, Moments, ParameterError, Shapes, Support,
    over_event, sample_shape,
};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};

/// The Poisson distribution, $p(n) = \lambda^n e^{-\lambda}/n!$, with the logarithm of its rate $\lambda$ as parameter.
///
/// The rate may be zero; then every count is zero. The mean and the variance are $\lambda$; $\ln p(n) = n \ln\lambda - \lambda - \ln n!$ has the derivative
/// $n - \lambda$ with respect to $\ln\lambda$. No derivative flows through a sample, but there is a weak derivative
/// ([`WeakDerivative`](super::WeakDerivative)).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Poisson};
/// let tape = Tape::new();
/// let counts = Poisson::from_log_rate(tape.leaf(&[2_f64.ln()], [1]))?;
/// // 2³ e⁻²/3!
/// let log_prob = counts.log_prob(tape.constant(&[3.0], [1])).item();
/// assert!((log_prob.exp() - 8.0 / 6.0 * (-2_f64).exp()).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Poisson<'t, F> {
    log_rate: Var<'t, F>,
}

impl<'t, F: Scalar> Poisson<'t, F> {
    /// The distribution with log-rate $\ln\lambda$, which may be $-\infty$.
    ///
    /// # Errors
    /// If a number is NaN or $\infty$, or so large that the rate is not finite.
    pub fn from_log_rate(log_rate: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Poisson", &[("log_rate", log_rate, Constraint::LogRate)])?;
        // The largest rate depends on the precision.
        let above = |eta: &F| Real::exp(*eta).to_f64() == f64::INFINITY;
        let bad = log_rate.with(|eta| {
            let index = eta.iter().position(above)?;
            Some((index, eta[index].to_f64()))
        });
        if let Some((index, value)) = bad {
            let (distribution, parameter, constraint) =
                ("Poisson", "log_rate", Constraint::LogRate);
            return Err(ParameterError { distribution, parameter, index, value, constraint });
        }
        Ok(Self { log_rate })
    }

    /// [`Poisson::from_log_rate`] without a look at the numbers.
    pub fn from_log_rate_unchecked(log_rate: Var<'t, F>) -> Self {
        Self { log_rate }
    }

    /// The distribution with rate $\lambda$, which may be zero. The derivative with respect to a rate of zero does not
    /// exist.
    ///
    /// # Errors
    /// If a number is negative or not finite.
    pub fn from_rate(rate: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Poisson", &[("rate", rate, Constraint::NonNegative)])?;
        Ok(Self { log_rate: rate.ln() })
    }

    /// The logarithm of the rate, $\ln\lambda$.
    pub fn log_rate(self) -> Var<'t, F> {
        self.log_rate
    }

    /// The rate, $\lambda$.
    pub fn rate(self) -> Var<'t, F> {
        self.log_rate.exp()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Poisson<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let rates = self.log_rate.detach().exp().value();
        self.log_rate.tape().constant_with(sample_shape(count, self.log_rate), |out| {
            for (n, rate) in out.iter_mut().zip(rates.values().iter().cycle()) {
                *n = F::from_f64(within::<F>(draw(rate.to_f64(), rng)));
            }
        })
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        over_event(self.log_rate, self.log_prob_each(x))
    }

    fn detach(&self) -> Self {
        Self { log_rate: self.log_rate.detach() }
    }

    fn support(&self) -> Support {
        Support::Counts
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.log_rate)
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Poisson<'t, F> {
    /// $n\ln\lambda - \lambda - \ln n!$.
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        let never = self.log_rate.equal(self.log_rate.constant(f64::NEG_INFINITY));
        let outside = off_counts(x) + never * x.greater(x.constant(0.0));
        // A rate of zero is no factor of the probability of the count zero.
        let power = x.mul_no_nan(self.log_rate);
        let rate = self.log_rate.exp();
        let plain = power - rate - (x + F::ONE).ln_gamma();
        let log = if any_large(x) {
            // n ln λ − λ − (n ln n − n) − (ln n! − n ln n + n).
            divergence_or(x, rate, rate - x, -ln_factorial_rest(x), plain)
        } else {
            plain
        };
        impossible(outside, log)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Poisson<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.rate()
    }

    fn variance(&self) -> Var<'t, F> {
        self.rate()
    }
}

impl<'t, F: Scalar> Cdf<'t, F> for Poisson<'t, F> {
    /// $Q(\lfloor x \rfloor + 1, \lambda)$.
    fn cdf(&self, x: Var<'t, F>) -> Var<'t, F> {
        let negative = x.less(x.constant(0.0));
        let counts = negative.select(x.constant(0.0), x.floor()) + F::ONE;
        negative.select(x.constant(0.0), counts.gamma_q(self.rate()))
    }

    fn quantile(&self, u: Var<'t, F>) -> Var<'t, F> {
        count_quantile([self.rate()], level(u), |[rate], u| {
            let (below, above) =
                (|n: f64| Real::gamma_q(n + 1.0, rate), |n: f64| Real::gamma_p(n + 1.0, rate));
            first_count(rate, |n| if u <= 0.5 { below(n) >= u } else { above(n) <= 1.0 - u })
        })
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Poisson<'t, F> {
    /// $\sum \lambda_q (e^d - 1 - d)$ with $d = \ln\lambda_p - \ln\lambda_q$, to the last digits also where the two are
    /// close; $\lambda_p$ where $\lambda_q$ is zero.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let zero = self.log_rate.equal(self.log_rate.constant(f64::NEG_INFINITY));
        let each = self.rate() * (p.log_rate - self.log_rate).exp_m1_less_x();
        let each = zero.select(p.rate(), each);
        over_event(each, each)
    }
}

/// Up to this rate a sample is found by adding up probabilities. Above it, rejection is cheaper.
const MAX_ENUMERATED_RATE: f64 = 30.0;

/// A sample of the distribution with this rate.
pub(super) fn draw<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    if !(0.0..f64::INFINITY).contains(&rate) {
        f64::NAN
    } else if rate > MAX_ENUMERATED_RATE {
        transformed_rejection(rate, rng)
    } else {
        enumerated_draw(rate, rng)
    }
}

/// Draws a count by inversion, from the list of all counts whose probability changes a sum in double precision.
fn enumerated_draw<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    let mut probs = Vec::with_capacity(32);
    let mut p = (-rate).exp();
    while p > 1e-17 || (probs.len() as f64) < rate {
        probs.push(p);
        p *= rate / probs.len() as f64;
    }
    rng.categorical(&probs) as f64
}

/// Hörmann's transformed rejection with squeeze (1993, algorithm PTRS), for rates above ten.
///
/// The constants are those of the paper. Nine of ten candidates are accepted without a logarithm.
fn transformed_rejection<R: RandomSource>(rate: f64, rng: &mut R) -> f64 {
    let b = 0.931 + 2.53 * rate.sqrt();
    let a = -0.059 + 0.02483 * b;
    let v_r = 0.9277 - 3.6224 / (b - 2.0);
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    loop {
        let u = rng.uniform() - 0.5;
        let v = 1.0 - rng.uniform();
        let us = 0.5 - u.abs();
        let n = ((2.0 * a / us + b) * u + rate + 0.43).floor();
        if us >= 0.07 && v <= v_r {
            return n;
        }
        if n < 0.0 || (us < 0.013 && v > us) {
            continue;
        }
        let hat = (v * inverse_alpha / (a / (us * us) + b)).ln();
        if hat <= ln_poisson(n, rate) {
            return n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform numbers in turn.
    struct Script(std::vec::IntoIter<f64>);

    impl RandomSource for Script {
        fn uniform(&mut self) -> f64 {
            self.0.next().expect("a candidate is left")
        }

        fn normal(&mut self) -> f64 {
            unreachable!("counts are drawn from uniform numbers")
        }
    }

    /// Candidates by hand at rate 10.5, where b = 9.13 and a = 0.168: with u = U − ½ and s = ½ − |u| the count is
    /// ⌊(2a/s + b)u + 10.93⌋.
    #[test]
    fn rejection_takes_and_refuses_the_candidates_of_the_paper() {
        for (uniforms, expected) in [
            // In the middle, under the squeeze.
            (&[0.5, 0.9][..], 10.0),
            // u = −0.474 gives zero, which a small height accepts and a large one refuses.
            (&[0.026, 0.99999], 0.0),
            (&[0.026, 0.5, 0.5, 0.9], 10.0),
            // u = −0.48 gives −2.
            (&[0.02, 0.9999, 0.5, 0.9], 10.0),
            // Far out on the right a tall candidate is refused.
            (&[0.99, 0.5, 0.5, 0.9], 10.0),
        ] {
            let mut source = Script(Vec::from(uniforms).into_iter());
            assert_eq!(transformed_rejection(10.5, &mut source), expected, "{uniforms:?}");
            assert!(source.0.next().is_none(), "{uniforms:?}: all are used");
        }
    }
}

//! A linear-Gaussian model with one latent, for which every quantity has a closed form.

use super::LatentModel;
use crate::capability::{ExactPosterior, Tractable};
use crate::dist::{Distribution, Normal};
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Real, Scalar, Var};
use rand::Rng;

/// $z \sim \mathcal N(0, 1)$, $x \mid z \sim \mathcal N(wz + b, s^2)$, $q = \mathcal N(m, v)$ for all $x$.
///
/// Everything has a closed form: $p(x) = \mathcal N(b, w^2 + s^2)$, the posterior, and the ELBO
/// ([`LinearGaussian::elbo`]). The
/// parameters are $m$, $\ln\sqrt v$, $w$ and $b$; $s^2$ is fixed.
#[derive(Clone, Copy, Debug)]
pub struct LinearGaussian {
    loc: ParamId,
    log_scale: ParamId,
    weight: ParamId,
    bias: ParamId,
    noise_variance: f64,
}

impl LinearGaussian {
    /// The model with these values of $m$, $\ln\sqrt v$, $w$, $b$ and $s^2$.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        [loc, log_scale, weight, bias]: [f64; 4],
        noise_variance: f64,
        rng: &mut R,
    ) -> Self {
        let mut add = |name, value| params.add(name, [1], Init::Constant(value), rng);
        Self {
            loc: add("m", loc),
            log_scale: add("log_sqrt_v", log_scale),
            weight: add("w", weight),
            bias: add("b", bias),
            noise_variance,
        }
    }

    /// $-\tfrac12 \ln 2\pi s^2 - \frac{(x - b - wm)^2 + w^2 v}{2 s^2} - \tfrac12 (m^2 + v - 1 - \ln v)$:
    /// the ELBO as a function of $(m, \ln\sqrt v, w, b)$, for any [`Real`], so that dual numbers give its derivatives.
    pub fn elbo<R: Real>(x: f64, noise_variance: f64, [m, log_scale, w, b]: [R; 4]) -> R {
        let c = |value| m.of(value);
        let v = (c(2.0) * log_scale).exp();
        let miss = c(x) - b - w * m;
        let fit = c(-0.5 * (std::f64::consts::TAU * noise_variance).ln())
            - (miss.square() + w.square() * v) / c(2.0 * noise_variance);
        fit - c(0.5) * (m.square() + v - c(1.0) - c(2.0) * log_scale)
    }

    /// $\ln \mathcal N(x; b, w^2 + s^2)$.
    pub fn log_marginal<R: Real>(x: f64, noise_variance: f64, [w, b]: [R; 2]) -> R {
        let c = |value| w.of(value);
        let variance = w.square() + c(noise_variance);
        c(-0.5) * ((c(std::f64::consts::TAU) * variance).ln() + (c(x) - b).square() / variance)
    }
}

impl<F: Scalar> LatentModel<F> for LinearGaussian {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let shape = [x.shape()[0], 1];
        Normal::from_log_scale_unchecked(
            params.get(self.loc).broadcast_to(shape),
            params.get(self.log_scale).broadcast_to(shape),
        )
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::standard(params.tape(), 1)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let loc = z * params.get(self.weight) + params.get(self.bias);
        let log_scale = 0.5 * self.noise_variance.ln();
        Normal::from_log_scale_unchecked(
            loc,
            params.tape().constant(&[F::from_f64(log_scale)], [1]),
        )
        .log_prob(x)
    }
}

impl LinearGaussian {
    /// $\ln(w^2 + s^2)$, the logarithm of the variance of $x$.
    fn log_variance<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        (params.get(self.weight).square() + F::from_f64(self.noise_variance)).ln()
    }
}

impl<F: Scalar> Tractable<F> for LinearGaussian {
    /// $\ln \mathcal N(x; b, w^2 + s^2)$.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let log_scale = self.log_variance(params) * F::from_f64(0.5);
        Normal::from_log_scale_unchecked(params.get(self.bias), log_scale).log_prob(x)
    }
}

impl<F: Scalar> ExactPosterior<F> for LinearGaussian {
    type ExactPosterior<'t> = Normal<'t, F>;

    /// $\mathcal N\left(\frac{w (x - b)}{w^2 + s^2}, \frac{s^2}{w^2 + s^2}\right)$.
    fn exact_posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let log_variance = self.log_variance(params);
        let [weight, bias] = [self.weight, self.bias].map(|id| params.get(id));
        let loc = (x - bias) * (weight * (-log_variance).exp());
        let log_noise = F::from_f64(self.noise_variance.ln());
        let log_scale = (-log_variance + log_noise) * F::from_f64(0.5);
        Normal::from_log_scale_unchecked(loc, log_scale.broadcast_to(loc.shape()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Stream, rng};
    use pathscore_autodiff::{Dual, Tape};

    /// The same model as below, on the tape.
    #[test]
    fn the_exact_likelihood_and_posterior_have_their_known_digits() {
        let mut params = Params::<f64>::new();
        let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
        let model = LinearGaussian::new(&mut params, at, 0.5, &mut rng(0, Stream::Init, 0));
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.constant(&[1.0], [1, 1]);
        let log_prob = model.log_prob(bound, x);
        assert_eq!(log_prob.shape()[..], [1]);
        assert!((log_prob.item() + 1.541_102_625_408).abs() < 1e-12);
        let slope = log_prob.backward().of(bound.get(model.weight)).item();
        assert!((slope + 0.418_512_396_694).abs() < 1e-12);
        let posterior = model.exact_posterior(bound, x);
        assert!((posterior.loc().item() - 0.436_363_636_364).abs() < 1e-12);
        assert!((posterior.scale().square().item() - 0.181_818_181_818).abs() < 1e-12);
    }

    /// w = 1.5, b = 0.2, s² = 0.5, x = 1, m = 0.3, v = 0.4: the digits were computed by quadrature elsewhere.
    #[test]
    fn the_closed_forms_have_their_known_digits() {
        let at = [0.3, 0.5 * 0.4_f64.ln(), 1.5, 0.2];
        let elbo = LinearGaussian::elbo(1.0, 0.5, at);
        assert!((elbo + 1.798_010_308_862).abs() < 1e-12);
        let marginal = LinearGaussian::log_marginal(1.0, 0.5, [1.5, 0.2]);
        assert!((marginal + 1.541_102_625_408).abs() < 1e-12);
        let slope = |i: usize| {
            let duals = std::array::from_fn(|j| {
                if i == j { Dual::variable(at[j]) } else { Dual::constant(at[j]) }
            });
            LinearGaussian::elbo(1.0, 0.5, duals).d
        };
        let expected = [0.75, -1.2, -0.99];
        assert!((0..3).all(|i| (slope(i) - expected[i]).abs() < 1e-12));
        let w = LinearGaussian::log_marginal(1.0, 0.5, [Dual::variable(1.5), Dual::constant(0.2)]);
        assert!((w.d + 0.418_512_396_694).abs() < 1e-12);
    }
}

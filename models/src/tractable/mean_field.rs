//! Probabilistic principal component analysis with a factorised posterior.

#[cfg(test)]
mod tests;

use super::Ppca;
use crate::RandomSource;
use crate::capability::{ExactPosterior, Tractable};
use crate::dist::{Kl, Moments, MultivariateNormal, Normal};
use crate::latent::{Decoder, Generative, LatentModel};
use crate::params::{Bound, Params};
use pathscore_autodiff::{Scalar, Var};

/// [`Ppca`] with the best *factorised* normal as its $q(z \mid x)$, so that the ELBO is below $\ln p(x)$ by a divergence
/// that is known in closed form.
///
/// $$q(z \mid x) = \prod_i \mathcal N\Bigl(z_i; \hat z_i, \frac{\sigma^2}{M_{ii}}\Bigr), \qquad \hat z = M^{-1} W^\top (x - \mu),
/// \qquad M = W^\top W + \sigma^2 I.$$
///
/// *Derivation.* The exact posterior is $\mathcal N(\hat z, \Sigma)$ with $\Sigma^{-1} = M/\sigma^2$. For a normal $q$ with the
/// means $m$ and the variances $v_i$
///
/// $$\mathrm{KL}(q \Vert p(z \mid x)) = \tfrac12 \Bigl[\sum_i \frac{M_{ii}}{\sigma^2} v_i - L - \sum_i \ln v_i +
/// \ln\det\Sigma + (m - \hat z)^\top \Sigma^{-1} (m - \hat z)\Bigr].$$
///
/// The last term is least at $m = \hat z$, and the derivative $\tfrac12 (M_{ii}/\sigma^2 - 1/v_i)$ vanishes at $v_i =
/// \sigma^2/M_{ii}$. The variances are those of $z_i$ *given all other* latents, and never larger than those of the
/// posterior: a factorised $q$ is too narrow. What remains is
///
/// $$\mathrm{KL} = \tfrac12 \Bigl[\sum_i \ln M_{ii} - \ln\det M\Bigr] \ge 0,$$
///
/// the same for every $x$, and zero if and only if the columns of $W$ are orthogonal (Hadamard's inequality). The likelihood
/// does not change when $W$ is rotated, so the maximum of the ELBO is that of the likelihood, at orthogonal columns:
/// variational EM ([`MeanFieldPpca::variational_em_step`]) finds the principal directions where EM finds only their span.
///
/// The parameters are those of the model inside. [`Tractable`] and [`ExactPosterior`] are its own too.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, Tractable, latent::LatentModel, seed, tractable::{MeanFieldPpca, Ppca}};
/// let mut params = Params::<f64>::new();
/// let ppca = Ppca::new(&mut params, 4, 2, &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = MeanFieldPpca(ppca);
/// let tape = Tape::new();
/// let (params, x) = (params.on(&tape), tape.constant(&[1.0, -0.5, 0.2, 2.0], [1, 4]));
/// let elbo = model.elbo(params, x, &model.posterior(params, x));
/// // ln p(x) = ELBO + KL
/// let gap = model.log_prob(params, x) - elbo - model.kl(params);
/// assert!(gap.item().abs() < 1e-14 && model.kl(params).item() > 0.0);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "variational EM")]
pub struct MeanFieldPpca(
    /// The model with its exact posterior.
    pub Ppca,
);

impl MeanFieldPpca {
    /// $\mathrm{KL}(q \Vert p(z \mid x)) = \tfrac12 [\sum_i \ln M_{ii} - \ln\det M]$ of the model's own $q$, of shape `[]`.
    ///
    /// The derivative by $M$ is $\tfrac12 (\mathrm{diag}(1/M_{ii}) - M^{-1})$. If $M$ is not positive definite in this
    /// precision, the result is NaN.
    pub fn kl<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let inner = self.0.inner(params);
        let logs = inner.diagonal(0).ln().sum();
        match inner.factor_cholesky() {
            Ok(factor) => (logs - factor.log_det()) * F::from_f64(0.5),
            Err(_) => logs * F::from_f64(f64::NAN),
        }
    }

    /// The ELBO of any factorised normal `q` of shape `[batch, latents]`, in closed form, of shape `[batch]`. With the means $m$
    /// and the variances $v$ of $q$ it is
    ///
    /// $$-\tfrac D2 \ln 2\pi\sigma^2 - \frac{1}{2\sigma^2} \Bigl[\Vert x - \mu - Wm \Vert^2 + \sum_i v_i \Vert w_i \Vert^2
    /// \Bigr] - \mathrm{KL}(q \Vert \mathcal N(0, I))$$
    ///
    /// for $D$ columns, with the columns $w_i$ of $W$. The derivative is $W^\top (x - \mu - Wm)/\sigma^2 - m$ for $m$ and
    /// $\tfrac12 (1/v_i - M_{ii}/\sigma^2)$ for $v_i$: minus that of $\mathrm{KL}(q \Vert p(z \mid x))$, because the sum
    /// of both is $\ln p(x)$.
    ///
    /// # Panics
    /// If the shape of `q` does not fit.
    pub fn elbo<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        q: &Normal<'t, F>,
    ) -> Var<'t, F> {
        let [weights, log_noise] = [self.0.weights(), self.0.log_noise()].map(|id| params.get(id));
        let residual = x - Decoder::mean(&self.0, params, q.loc());
        let spread = (q.variance() * weights.sum_squares(0)).sum_axis(-1);
        let distance = (residual.sum_squares(-1) + spread) * (-log_noise).exp();
        let columns = F::from_f64(self.0.columns() as f64);
        let constant = (log_noise + F::from_f64(std::f64::consts::TAU.ln())) * columns;
        let prior = self.prior(params);
        (distance + constant) * F::from_f64(-0.5) - q.kl(&prior)
    }

    /// Does one step of variational expectation maximisation on the `rows` rows of `x`, and returns the mean of the ELBO over
    /// the rows *before* the step. This mean never falls from step to step, up to rounding.
    ///
    /// $\mu$ becomes the sample mean. The E step makes $q$ the best factorised posterior, and the M step is
    /// [`Ppca::m_step`] with its moments: $\mathrm{E} z_n = M^{-1} W^\top (x_n - \mu)$, and $\mathrm{E} z_n z_n^\top$ is their outer product
    /// plus the diagonal matrix of $\sigma^2/M_{ii}$. All is computed in double precision.
    ///
    /// ```
    /// use pathscore_models::{Params, seed, tractable::{MeanFieldPpca, Ppca}};
    /// let x = [2.0, 1.0, 0.1, -2.0, -1.2, 0.3, 0.9, -1.0, -0.2, -0.8, 1.1, -0.3];
    /// let mut params = Params::<f64>::new();
    /// let ppca = Ppca::new(&mut params, 3, 2, &mut seed::rng(0, seed::Stream::Init, 0));
    /// let best = ppca.closed_form(&mut params.clone(), &x, 4)?;
    /// let model = MeanFieldPpca(ppca);
    /// (0..2000).for_each(|_| { model.variational_em_step(&mut params, &x, 4); });
    /// // At the maximum the factorised posterior is exact, and the bound the likelihood.
    /// assert!((model.variational_em_step(&mut params, &x, 4) - best).abs() < 1e-6);
    /// # Ok::<(), pathscore_autodiff::Error>(())
    /// ```
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows of the model's columns, or if there are no rows.
    pub fn variational_em_step<F: Scalar>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
    ) -> f64 {
        self.0.factorised_step(params, x, rows)
    }
}

impl<F: Scalar> Tractable<F> for MeanFieldPpca {
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.0.log_prob(params, x)
    }
}

impl<F: Scalar> ExactPosterior<F> for MeanFieldPpca {
    type ExactPosterior<'t> = MultivariateNormal<'t, F>;

    fn exact_posterior<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> MultivariateNormal<'t, F> {
        self.0.exact_posterior(params, x)
    }
}

impl<F: Scalar> LatentModel<F> for MeanFieldPpca {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    /// The best factorised normal. If $M$ is not positive definite in this precision, its means are NaN.
    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let inner = self.0.inner(params);
        let [weights, mean, log_noise] =
            [self.0.weights(), self.0.loc(), self.0.log_noise()].map(|id| params.get(id));
        let projected = weights.matmul_with(true, x - mean, true);
        let loc = match inner.factor_cholesky() {
            Ok(factor) => factor.solve(projected).transpose(),
            Err(_) => projected.transpose() * F::from_f64(f64::NAN),
        };
        let log_scale = (log_noise - inner.diagonal(0).ln()) * F::from_f64(0.5);
        Normal::from_log_scale_unchecked(loc, log_scale.broadcast_to(loc.shape()))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        self.0.prior(params)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        self.0.log_likelihood(params, x, z)
    }
}

impl<F: Scalar> Generative<F> for MeanFieldPpca {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        self.0.sample_data(params, z, rng)
    }
}

impl<F: Scalar> Decoder<F> for MeanFieldPpca {
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        Decoder::mean(&self.0, params, z)
    }

    /// The posterior mean, which the factorised posterior shares with the exact one.
    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.posterior(params, x).loc()
    }

    fn latents(&self) -> usize {
        Decoder::<F>::latents(&self.0)
    }
}

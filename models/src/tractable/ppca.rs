//! Probabilistic principal component analysis.

mod fit;
mod observed;
#[cfg(test)]
mod tests;

use super::minka::minka_log_evidence;
use super::rows::Rows;
use crate::RandomSource;
use crate::capability::{Em, ExactPosterior, Tractable};
use crate::dist::{MultivariateNormal, Normal};
use crate::latent::{Decoder, Generative, LatentModel};
use crate::params::{Bound, Init, ParamId, Params};
use fit::Values;
use pathscore_autodiff::{Error, Scalar, Var};
use rand::Rng;

/// Normal latents seen through a linear map with equal noise on every column (Tipping and Bishop 1999):
///
/// $$z \sim \mathcal N(0, I), \quad x \mid z \sim \mathcal N(Wz + \mu, \sigma^2 I), \quad
/// x \sim \mathcal N(\mu, WW^\top + \sigma^2 I), \quad
/// z \mid x \sim \mathcal N(M^{-1} W^\top (x - \mu), \sigma^2 M^{-1})$$
///
/// with $M = W^\top W + \sigma^2 I$. Three ways lead to the maximum of the likelihood: [`Ppca::closed_form`],
/// [`Em::em_step`] and gradients of [`Tractable::log_prob`]. Columns of $W$ are determined up to a rotation.
///
/// It is also a [`LatentModel`], a linear variational autoencoder whose $q(z \mid x)$ is the exact posterior: its ELBO
/// equals $\ln p(x)$.
///
/// The parameters are called `weights` ($W$, of shape `[columns, latents]`), `mean` ($\mu$) and `log_noise`
/// ($\ln\sigma^2$, of shape `[]`).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Em, Params, Tractable, seed, tractable::Ppca};
/// // Four points near a line of the plane.
/// let x = [0.0, 0.1, 1.0, 0.9, 2.0, 2.2, 3.0, 2.9];
/// let mut params = Params::<f64>::new();
/// let model = Ppca::new(&mut params, 2, 1, &mut seed::rng(0, seed::Stream::Init, 0));
/// let best = model.closed_form(&mut params, &x, 4)?;
/// let tape = Tape::new();
/// let log_prob = model.log_prob(params.on(&tape), tape.constant(&x, [4, 2]));
/// assert!((log_prob.mean().item() - best).abs() < 1e-12);
/// // At the maximum, a step of EM improves nothing.
/// model.em_step(&mut params, &x, 4);
/// assert!((model.em_step(&mut params, &x, 4) - best).abs() < 1e-12);
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "probabilistic PCA")]
#[doc(alias = "principal components")]
pub struct Ppca {
    weights: ParamId,
    mean: ParamId,
    log_noise: ParamId,
    columns: usize,
    latents: usize,
}

impl Ppca {
    /// A model with random weights ([`Init::Glorot`]), a mean of zero and a noise variance of one.
    ///
    /// # Panics
    /// If there are no latents, or not fewer than columns.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        latents: usize,
        rng: &mut R,
    ) -> Self {
        assert!(
            (1..columns).contains(&latents),
            "ppca: {latents} latents for {columns} columns: expected at least one and fewer than columns"
        );
        Self {
            weights: params.add("weights", [columns, latents], Init::Glorot, rng),
            mean: params.add("mean", [columns], Init::Constant(0.0), rng),
            log_noise: params.add("log_noise", [], Init::Constant(0.0), rng),
            columns,
            latents,
        }
    }

    /// Sets the parameters to the maximum of the likelihood of the `rows` rows of `x`, and returns the mean of
    /// $\ln p(x)$ there.
    ///
    /// With the eigenvalues $\lambda_1 \ge \lambda_2 \ge \dots$ and eigenvectors $u_i$ of the sample covariance,
    /// $\mu$ is the sample mean, $\sigma^2$ the mean of the $\lambda_i$ with $i > L$, and the columns of $W$ are $u_i
    /// \sqrt{\lambda_i - \sigma^2}$ for the $L$ latents $i \le L$. All is computed in double precision. The
    /// covariance takes $O(\text{rows} \cdot \text{columns}^2)$ operations and the eigenvalues $O(\text{columns}^3)$;
    /// [`Em::em_step`] takes only $O(\text{rows} \cdot \text{columns} \cdot L)$.
    ///
    /// If the rows lie in a subspace of at most $L$ dimensions, the likelihood has no maximum: $\sigma^2$ is then
    /// held at $\sqrt\epsilon$ of the mean variance of a column, where $\epsilon$ is the precision of `F`.
    ///
    /// # Errors
    /// If the eigenvalues were not found, or do not add up to the trace of the covariance and their squares to its
    /// squared norm. The parameters are then unchanged.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows.
    pub fn closed_form<F: Scalar>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
    ) -> Result<f64, Error> {
        let (values, log_prob) = fit::closed_form(x, rows, self.columns, self.latents)?;
        self.write(params, &values);
        Ok(log_prob)
    }

    /// The number of latents that Minka's evidence prefers (Minka 2000) for `rows` rows of `x`, and
    /// $\ln p(\text{data} \mid L)$ of [`minka_log_evidence`](super::minka_log_evidence) for each $L = 1, 2, \dots$ below the number
    /// of `columns`.
    ///
    /// # Errors
    /// If the eigenvalues of the sample covariance were not found.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, if there are no rows, or fewer than two columns.
    ///
    /// ```
    /// use pathscore_models::tractable::Ppca;
    /// // Two wide columns and two narrow ones.
    /// let (a, b) = (f64::sin, f64::cos);
    /// let row = |t: f64| [5.0 * a(t), 3.0 * b(2.0 * t), 0.2 * a(5.0 * t), 0.21 * b(7.0 * t)];
    /// let x: Vec<f64> = (0..60).flat_map(|i| row(f64::from(i))).collect();
    /// assert_eq!(Ppca::choose_latents(&x, 60, 4)?.0, 2);
    /// # Ok::<(), pathscore_autodiff::Error>(())
    /// ```
    #[track_caller]
    pub fn choose_latents<F: Scalar>(
        x: &[F],
        rows: usize,
        columns: usize,
    ) -> Result<(usize, Vec<f64>), Error> {
        let spectrum = fit::spectrum(&Rows::new("ppca", x, rows, columns))?;
        let found = minka_log_evidence(&spectrum.values, rows);
        // The first among equals.
        let best =
            (1..found.len()).fold(0, |best, i| if found[i] > found[best] { i } else { best });
        Ok((best + 1, found))
    }

    /// The M step: sets the parameters to the maximum of $\sum_n E[\ln p(x_n, z_n)]$ over distributions of the latents
    /// $z_n$ of each row that are given by their moments. The exact posterior makes it a step of EM, another one a step of
    /// variational EM, and draws a step of Monte Carlo EM.
    ///
    /// `mean` holds $\mathrm{E} z_n$ of every row, one after another, and `second` the mean over the rows of $\mathrm{E} z_n z_n^\top$,
    /// row by row. With $\tilde x$ and $\tilde z$ less their means $\bar x$ and $\bar z$ over all rows the maximum is a
    /// regression,
    ///
    /// $$W = \Bigl(\sum_n \tilde x_n E[\tilde z_n]^\top\Bigr) \Bigl(\sum_n E[\tilde z_n \tilde z_n^\top]\Bigr)^{-1},
    /// \quad \mu = \bar x - W \bar z, \quad
    /// \sigma^2 = \tfrac1{ND} \sum_n \bigl(\Vert \tilde x_n \Vert^2 - \tilde x_n^\top W E[\tilde z_n]\bigr).$$
    ///
    /// All is computed in double precision, and $\sigma^2$ is held as in [`Ppca::closed_form`]. [`Em::em_step`] is this
    /// step for the exact posterior with $\mu = \bar x$, without the moments of single rows.
    ///
    /// ```
    /// use pathscore_models::{Params, seed, tractable::Ppca};
    /// let mut params = Params::<f64>::new();
    /// let model = Ppca::new(&mut params, 2, 1, &mut seed::rng(0, seed::Stream::Init, 0));
    /// // Latents that are known: x = (1, 2) z + 3, without noise in the second column.
    /// let x = [1.9, 1.0, 3.2, 3.0, 3.9, 5.0];
    /// model.m_step(&mut params, &x, 3, &[-1.0, 0.0, 1.0], &[2.0 / 3.0])?;
    /// assert!((params.get(model.weights())[1] - 2.0).abs() < 1e-14);
    /// assert!((params.get(model.loc())[0] - 3.0).abs() < 1e-14);
    /// # Ok::<(), pathscore_autodiff::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the second moments about $\bar z$ are not positive definite. The parameters are then unchanged.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, if there are no rows, or if the moments have other lengths.
    #[track_caller]
    pub fn m_step<F: Scalar>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
        mean: &[f64],
        second: &[f64],
    ) -> Result<(), Error> {
        let (n, found) = (self.latents, [mean.len(), second.len()]);
        assert!(
            found == [rows * n, n * n],
            "ppca: {found:?} moments are not those of {n} latents of {rows} rows"
        );
        let data = Rows::new("ppca", x, rows, self.columns);
        self.write(params, &fit::from_moments(&data, mean, second)?);
        Ok(())
    }

    /// A step of variational expectation maximisation with the best factorised posterior; the mean of the ELBO before it.
    pub(super) fn factorised_step<F: Scalar>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
    ) -> f64 {
        let (next, elbo) = fit::factorised_step(&self.read(params), x, rows);
        if let Some(next) = next {
            self.write(params, &next);
        }
        elbo
    }

    /// The number of free parameters, $D L + D + 1 - \tfrac12 L(L - 1)$ for $D$ columns and $L$ latents: a rotation of the latents
    /// changes nothing. It is for [`aic`](super::aic) and [`bic`](super::bic).
    pub fn free_parameters(&self) -> usize {
        let (d, l) = (self.columns, self.latents);
        d * l + d + 1 - l * (l - 1) / 2
    }

    /// The number of columns of the data.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The id of $W$, of shape `[columns, latents]`.
    pub fn weights(&self) -> ParamId {
        self.weights
    }

    /// The id of $\mu$, of shape `[columns]`.
    pub fn loc(&self) -> ParamId {
        self.mean
    }

    /// The id of $\ln\sigma^2$, of shape `[]`.
    pub fn log_noise(&self) -> ParamId {
        self.log_noise
    }

    fn write<F: Scalar>(&self, params: &mut Params<F>, values: &Values) {
        let mut set = |id: ParamId, values: &[f64]| {
            params.get_mut(id).iter_mut().zip(values).for_each(|(to, &x)| *to = F::from_f64(x));
        };
        set(self.weights, &values.weights);
        set(self.mean, &values.mean);
        set(self.log_noise, &[values.noise.ln()]);
    }

    fn read<F: Scalar>(&self, params: &Params<F>) -> Values {
        let double = |id: ParamId| params.get(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        let noise = double(self.log_noise)[0].exp();
        Values { weights: double(self.weights), mean: double(self.mean), noise }
    }

    /// $M = W^\top W + \sigma^2 I$, of shape `[latents, latents]`.
    pub(super) fn inner<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let (weights, n) = (params.get(self.weights), self.latents);
        let identity = params.tape().constant_with([n, n], |out| {
            out.fill(F::ZERO);
            out.iter_mut().step_by(n + 1).for_each(|x| *x = F::ONE);
        });
        weights.matmul_with(true, weights, false) + params.get(self.log_noise).exp() * identity
    }
}

impl<F: Scalar> Tractable<F> for Ppca {
    /// $-\tfrac12 (D \ln 2\pi + \ln\det C + (x - \mu)^\top C^{-1} (x - \mu))$ with $C = WW^\top + \sigma^2 I$ for $D$
    /// columns.
    ///
    /// $C$ itself is never formed: $\ln\det C = \ln\det M + (D - L) \ln\sigma^2$, and with the posterior mean $\hat
    /// z$ the quadratic form is $\Vert x - \mu - W\hat z \Vert^2 / \sigma^2 + \Vert \hat z \Vert^2$. This is
    /// Woodbury's identity without its difference of nearly equal numbers. If $M$ is not positive definite in this
    /// precision, the result is NaN. Digits are lost as the condition number of $M$ grows: with collinear loadings and a
    /// $\sigma^2$ below $\epsilon$ of their squares the result may be wrong or NaN.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [weights, mean, log_noise] =
            [self.weights, self.mean, self.log_noise].map(|id| params.get(id));
        let centred = x - mean;
        let Ok(factor) = self.inner(params).factor_cholesky() else {
            return centred.sum_axis(-1) * F::from_f64(f64::NAN);
        };
        // [latents, batch]: the systems of all rows are solved at once.
        let z = factor.solve(weights.matmul_with(true, centred, true));
        let residual = centred - z.matmul_with(true, weights, true);
        let distance = residual.sum_squares(-1) * (-log_noise).exp() + z.sum_squares(0);
        let spread = (self.columns - self.latents) as f64;
        let log_det = factor.log_det() + log_noise * F::from_f64(spread);
        let constant = self.columns as f64 * std::f64::consts::TAU.ln();
        (distance + log_det + F::from_f64(constant)) * F::from_f64(-0.5)
    }
}

impl<F: Scalar> ExactPosterior<F> for Ppca {
    type ExactPosterior<'t> = MultivariateNormal<'t, F>;

    /// $\mathcal N(M^{-1} W^\top (x - \mu), \sigma^2 M^{-1})$: one covariance for all rows. If $M$ is not positive
    /// definite in this precision, mean and covariance are NaN.
    fn exact_posterior<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> MultivariateNormal<'t, F> {
        let (weights, inner) = (params.get(self.weights), self.inner(params));
        let projected = weights.matmul_with(true, x - params.get(self.mean), true);
        let noise = params.get(self.log_noise).exp();
        let posterior = inner.factor_cholesky().and_then(|factor| {
            let loc = factor.solve(projected).transpose();
            MultivariateNormal::from_covariance(loc, factor.inverse() * noise)
        });
        posterior.unwrap_or_else(|_| {
            let nan = F::from_f64(f64::NAN);
            MultivariateNormal::from_scale_tril_unchecked(projected.transpose() * nan, inner * nan)
        })
    }
}

impl<F: Scalar> Em<F> for Ppca {
    /// $\mu$ becomes the sample mean. With the sample covariance $S$ about it, the step is $\tilde W = SW (\sigma^2
    /// I + M^{-1} W^\top S W)^{-1}$ and $\tilde\sigma^2 = \tfrac1D \mathrm{tr}(S - S W M^{-1} \tilde W^\top)$, where
    /// $SW$ takes two products of the data with a matrix of $L$ columns: $S$ is not formed. All is computed in double
    /// precision, and $\sigma^2$ is held as in [`Ppca::closed_form`].
    fn em_step(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        let (next, log_prob) = fit::em_step(&self.read(params), x, rows);
        if let Some(next) = next {
            self.write(params, &next);
        }
        log_prob
    }
}

impl<F: Scalar> LatentModel<F> for Ppca {
    type Posterior<'t> = MultivariateNormal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> MultivariateNormal<'t, F> {
        self.exact_posterior(params, x)
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::standard(params.tape(), self.latents)
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let log_scale = params.get(self.log_noise) * F::from_f64(0.5);
        let loc = Decoder::mean(self, params, z);
        x.normal_log_prob(loc, log_scale.broadcast_to([self.columns]))
    }
}

impl<F: Scalar> Generative<F> for Ppca {
    fn sample_data<'t, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        z: Var<'t, F>,
        rng: &mut R,
    ) -> Var<'t, F> {
        let params = params.detach();
        let loc = Decoder::mean(self, params, z);
        let scale = (params.get(self.log_noise) * F::from_f64(0.5)).exp();
        loc + scale * rng.normal_var(params.tape(), loc.shape())
    }
}

impl<F: Scalar> Decoder<F> for Ppca {
    /// $Wz + \mu$.
    fn mean<'t>(&self, params: Bound<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        z.matmul_with(false, params.get(self.weights), true) + params.get(self.mean)
    }

    /// The posterior mean.
    fn encode<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.exact_posterior(params, x).loc()
    }

    fn latents(&self) -> usize {
        self.latents
    }
}

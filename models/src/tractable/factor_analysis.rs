//! Factor analysis.

mod fit;
#[cfg(test)]
mod tests;

use super::rows::Rows;
use crate::RandomSource;
use crate::capability::{Em, ExactPosterior, Tractable};
use crate::dist::{Distribution, LowRankNormal, MultivariateNormal, Normal};
use crate::latent::{Decoder, Generative, LatentModel};
use crate::params::{Bound, Init, ParamId, Params};
use fit::Values;
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;

/// The least unique variance of a column as a fraction of its variance, the bound `lower` of `factanal` in R.
const NOISE_FLOOR: f64 = 0.005;

/// Normal latents seen through a linear map with noise of its own on every column (Rubin and Thayer 1982):
///
/// $$z \sim \mathcal N(0, I), \quad x \mid z \sim \mathcal N(Wz + \mu, \Psi), \quad
/// x \sim \mathcal N(\mu, WW^\top + \Psi), \quad
/// z \mid x \sim \mathcal N(M^{-1} W^\top \Psi^{-1} (x - \mu), M^{-1})$$
///
/// with a diagonal $\Psi$, the unique variances, and $M = I + W^\top \Psi^{-1} W$. The maximum of the likelihood has no closed
/// form; [`Em::em_step`] and gradients of [`Tractable::log_prob`] lead to it. Scaling a column of the data scales its loadings and its
/// noise and nothing else, unlike principal components, so prefer it to [`Ppca`](super::Ppca) where columns have different units
/// or different noise. Columns of $W$ are determined up to a rotation; [`varimax`](super::varimax) chooses one.
///
/// The likelihood of some data grows without bound as the unique variance of a column goes to zero (a Heywood case: a
/// column that a latent explains completely, such as a duplicate). So [`Em::em_step`] holds every $\Psi_{jj}$ at or above 0.005 of
/// the variance of its column, as `factanal` in R does, or above the fraction of
/// [`with_noise_floor`](FactorAnalysis::with_noise_floor); for a column that does not vary, the mean variance of all columns stands
/// for its own. [`FactorAnalysis::hold_noise`] does the same after a step along the gradient. The bound is part of the maximum
/// likelihood problem, and EM solves the bounded problem exactly, so its value still never falls.
///
/// It is also a [`LatentModel`] whose $q(z \mid x)$ is the exact posterior: its ELBO equals $\ln p(x)$.
///
/// The parameters are called `weights` ($W$, the loadings, of shape `[columns, latents]`), `mean` ($\mu$) and `log_noise`
/// ($\ln\Psi_{jj}$, of shape `[columns]`).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Em, Params, Tractable, seed, tractable::FactorAnalysis};
/// // Two columns share a latent; the third is alone.
/// let x = [0.0, 0.1, 3.0, 1.0, 0.9, -2.0, 2.0, 2.2, -1.0, 3.0, 2.7, 2.0];
/// let mut params = Params::<f64>::new();
/// let model = FactorAnalysis::new(&mut params, 3, 1, &mut seed::rng(0, seed::Stream::Init, 0));
/// for _ in 0..200 {
///     model.em_step(&mut params, &x, 4);
/// }
/// let tape = Tape::new();
/// let log_prob = model.log_prob(params.on(&tape), tape.constant(&x, [4, 3])).mean().item();
/// assert!((log_prob - model.em_step(&mut params, &x, 4)).abs() < 1e-10);
/// // The third column is nearly all noise.
/// assert!(params.get(model.log_noise())[2].exp() > 3.0);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "common factors")]
#[doc(alias = "uniqueness")]
pub struct FactorAnalysis {
    weights: ParamId,
    mean: ParamId,
    log_noise: ParamId,
    columns: usize,
    latents: usize,
    floor: f64,
}

impl FactorAnalysis {
    /// A model with random weights ([`Init::Glorot`]), a mean of zero and noise variances of one.
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
            "factor analysis: {latents} latents for {columns} columns: expected at least one and fewer than columns"
        );
        Self {
            weights: params.add("weights", [columns, latents], Init::Glorot, rng),
            mean: params.add("mean", [columns], Init::Constant(0.0), rng),
            log_noise: params.add("log_noise", [columns], Init::Constant(0.0), rng),
            columns,
            latents,
            floor: NOISE_FLOOR,
        }
    }

    /// The same model whose unique variances stay at or above `fraction` of the variances of their columns. Below about
    /// $10^{-8}$, half of the digits of the quadratic form may be lost to rounding.
    ///
    /// # Panics
    /// If the fraction is not positive or not below one.
    #[track_caller]
    #[must_use]
    pub fn with_noise_floor(self, fraction: f64) -> Self {
        assert!(
            fraction > 0.0 && fraction < 1.0,
            "factor analysis: the noise floor is {fraction}; it must be positive and below one"
        );
        Self { floor: fraction, ..self }
    }

    /// Sets parameters from which [`Em::em_step`] and gradients reach the maximum soon: the means of the columns; half of each
    /// column's variance as noise; and random loadings whose squares add up to the other half.
    ///
    /// Every unique variance is above its floor, so that EM never loses from its first step on.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows.
    pub fn start<F: Scalar, R: Rng>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
        rng: &mut R,
    ) {
        let data = Rows::new("factor analysis", x, rows, self.columns);
        let least = data.floors(self.floor);
        let halves: Vec<f64> =
            data.variances.iter().zip(&least).map(|(own, least)| (0.5 * own).max(*least)).collect();
        let mut weights: Vec<f64> = vec![0.0; self.columns * self.latents];
        f64::fill_normal(&mut weights, rng);
        for (row, half) in weights.chunks_exact_mut(self.latents).zip(&halves) {
            let length = row.iter().map(|w| w * w).sum::<f64>().max(f64::MIN_POSITIVE);
            row.iter_mut().for_each(|w| *w *= (half / length).sqrt());
        }
        self.write(params, &Values { weights, mean: data.mean, noise: halves });
    }

    /// The least unique variance of each column for the `rows` rows of `x`, of which [`FactorAnalysis::hold_noise`] takes the
    /// list.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows.
    pub fn noise_floors<F: Scalar>(&self, x: &[F], rows: usize) -> Vec<f64> {
        Rows::new("factor analysis", x, rows, self.columns).floors(self.floor)
    }

    /// Raises every unique variance to its number in `floors`, and returns how many columns were at theirs or below.
    ///
    /// # Panics
    /// If there is not one floor for each column.
    pub fn hold_noise<F: Scalar>(&self, params: &mut Params<F>, floors: &[f64]) -> usize {
        let log_noise = params.get_mut(self.log_noise);
        let (found, expected) = (floors.len(), log_noise.len());
        assert_eq!(found, expected, "factor analysis: {found} floors for {expected} columns");
        let mut held = 0;
        for (log_noise, floor) in log_noise.iter_mut().zip(floors) {
            // Rounded as a parameter is, so that a column at its floor is found there.
            let least = F::from_f64(floor.ln());
            held += usize::from(*log_noise <= least);
            *log_noise = if *log_noise < least { least } else { *log_noise };
        }
        held
    }

    /// The number of free parameters, $D L + 2D - \tfrac12 L(L - 1)$ for $D$ columns and $L$ latents: a rotation of the latents
    /// changes nothing. It is for [`aic`](super::aic) and [`bic`](super::bic).
    pub fn free_parameters(&self) -> usize {
        let (d, l) = (self.columns, self.latents);
        d * l + 2 * d - l * (l - 1) / 2
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

    /// The id of $\ln\Psi_{jj}$, of shape `[columns]`.
    pub fn log_noise(&self) -> ParamId {
        self.log_noise
    }

    fn write<F: Scalar>(&self, params: &mut Params<F>, values: &Values) {
        let mut set = |id: ParamId, values: &[f64]| {
            params.get_mut(id).iter_mut().zip(values).for_each(|(to, &x)| *to = F::from_f64(x));
        };
        set(self.weights, &values.weights);
        set(self.mean, &values.mean);
        set(self.log_noise, &values.noise.iter().map(|x| x.ln()).collect::<Vec<_>>());
    }

    /// $W^\top \Psi^{-1}$, transposed, and $M = I + W^\top \Psi^{-1} W$.
    fn inner<'t, F: Scalar>(&self, params: Bound<'t, F>) -> (Var<'t, F>, Var<'t, F>) {
        let (weights, n) = (params.get(self.weights), self.latents);
        let precision = (-params.get(self.log_noise)).exp().reshape([self.columns, 1]);
        let scaled = weights * precision;
        let identity = params.tape().constant_with([n, n], |out| {
            out.fill(F::ZERO);
            out.iter_mut().step_by(n + 1).for_each(|x| *x = F::ONE);
        });
        (scaled, identity + weights.matmul_with(true, scaled, false))
    }
}

impl<F: Scalar> Tractable<F> for FactorAnalysis {
    /// $-\tfrac12 (D \ln 2\pi + \ln\det C + (x - \mu)^\top C^{-1} (x - \mu))$ with $C = WW^\top + \Psi$ for $D$ columns, the
    /// density of [`LowRankNormal`].
    ///
    /// $C$ itself is never formed: $\ln\det C = \ln\det M + \sum_j \ln\Psi_{jj}$, and with the posterior mean $\hat z$ the
    /// quadratic form is $\Vert \Psi^{-1/2} (x - \mu - W\hat z) \Vert^2 + \Vert \hat z \Vert^2$, Woodbury's identity without its
    /// difference of nearly equal numbers. A row takes $O(DL)$ operations. If $M$ has no Cholesky factor in this precision, the
    /// result is NaN. Digits are lost as the condition number of $M$ grows: with collinear loadings and a noise below $\epsilon$ of
    /// their squares the result may be wrong or NaN.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let [weights, mean, log_noise] =
            [self.weights, self.mean, self.log_noise].map(|id| params.get(id));
        match LowRankNormal::new_unchecked(mean, weights, log_noise.exp()) {
            Ok(normal) => normal.log_prob(x),
            Err(_) => x.sum_axis(-1) * F::from_f64(f64::NAN),
        }
    }
}

impl<F: Scalar> ExactPosterior<F> for FactorAnalysis {
    type ExactPosterior<'t> = MultivariateNormal<'t, F>;

    /// $\mathcal N(M^{-1} W^\top \Psi^{-1} (x - \mu), M^{-1})$: one covariance for all rows. If $M$ has no Cholesky factor in
    /// this precision, mean and covariance are NaN.
    fn exact_posterior<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> MultivariateNormal<'t, F> {
        let (scaled, inner) = self.inner(params);
        let projected = scaled.matmul_with(true, x - params.get(self.mean), true);
        let posterior = inner.factor_cholesky().and_then(|factor| {
            let loc = factor.solve(projected).transpose();
            MultivariateNormal::from_covariance(loc, factor.inverse())
        });
        posterior.unwrap_or_else(|_| {
            let nan = F::from_f64(f64::NAN);
            MultivariateNormal::from_scale_tril_unchecked(projected.transpose() * nan, inner * nan)
        })
    }
}

impl<F: Scalar> Em<F> for FactorAnalysis {
    /// $\mu$ becomes the sample mean. With the sample covariance $S$ about it and $\beta = M^{-1} W^\top \Psi^{-1}$, the step is
    /// $\tilde W = S\beta^\top (M^{-1} + \beta S \beta^\top)^{-1}$ and $\tilde\Psi_{jj} = (S - \tilde W \beta S)_{jj}$, held
    /// above its floor (Rubin and Thayer 1982). $S\beta^\top$ takes two products of the data with a matrix of $L$ columns: $S$
    /// is not formed. All is computed in double precision.
    fn em_step(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        let double = |id: ParamId| params.get(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        let noise = double(self.log_noise).iter().map(|x| x.exp()).collect();
        let now = Values { weights: double(self.weights), mean: double(self.mean), noise };
        let data = Rows::new("factor analysis", x, rows, self.columns);
        let (next, log_prob) = fit::em_step(&now, &data, self.floor);
        if let Some(next) = next {
            self.write(params, &next);
        }
        log_prob
    }
}

impl<F: Scalar> LatentModel<F> for FactorAnalysis {
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
        x.normal_log_prob(Decoder::mean(self, params, z), log_scale)
    }
}

impl<F: Scalar> Generative<F> for FactorAnalysis {
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

impl<F: Scalar> Decoder<F> for FactorAnalysis {
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

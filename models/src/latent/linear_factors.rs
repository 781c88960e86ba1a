//! Normal latents with a learnt prior, seen through a linear map.

use super::LatentModel;
use crate::capability::{ExactPosterior, Tractable};
use crate::dist::{Distribution, LowRankNormal, MultivariateNormal, Normal};
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Error, Scalar, Triangle, Var};
use rand::Rng;

/// Normal latents whose prior has parameters, seen through a linear map with equal noise on every column:
///
/// $$z \sim \mathcal N(m, \mathrm{diag} s^2), \quad x \mid z \sim \mathcal N(Wz + \mu, \sigma^2 I), \quad
/// x \sim \mathcal N(\mu + Wm, W \mathrm{diag}(s^2) W^\top + \sigma^2 I)$$
///
/// Likelihood and posterior are exact, and the prior moves with its parameters $m$ and $s$: every way to the gradient of
/// $\ln p(x)$ by Monte Carlo can be compared with the exact one. With $P = \mathrm{diag}(s^{-2}) + W^\top W/\sigma^2$, the
/// posterior is $\mathcal N(\hat z, P^{-1})$ with $\hat z = m + P^{-1} W^\top (x - \mu - Wm)/\sigma^2$.
///
/// As a [`LatentModel`], its $q(z \mid x)$ is the best *factorised* normal, of mean $\hat z$ and variances $1/P_{jj}$, which
/// makes $\mathrm{KL}(q \Vert p(z \mid x))$ least among all of them: its derivative by $\ln\sigma_j$ is $\sigma_j^2 P_{jj} - 1$. What is
/// left is $\tfrac12 [\sum_j \ln P_{jj} - \ln\det P]$, the same for every row: see [`LinearFactors::posterior_kl`]. $q$ is a
/// constant: no gradient flows through it to the parameters. It is narrower than the posterior, and the weights $p(x, z)/q$ may
/// have no variance: [`LinearFactors::with_spread`] makes it wider.
///
/// The parameters are called `prior_loc` ($m$), `prior_log_scale` ($\ln s$), `weights` ($W$, of shape `[columns, latents]`),
/// `mean` ($\mu$) and `log_noise` ($\ln\sigma^2$, of shape `[]`).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, Tractable, latent::LinearFactors, seed};
/// let mut params = Params::<f64>::new();
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let model = LinearFactors::new(&mut params, 2, 1, rng);
/// params.get_mut(model.weights()).copy_from_slice(&[1.0, 1.0]);
/// // The covariance is [[2, 1], [1, 2]], its determinant 3, and xᵀ C⁻¹ x = 2/3 at x = (1, 1).
/// let tape = Tape::new();
/// let log_prob = model.log_prob(params.on(&tape), tape.constant(&[1.0, 1.0], [1, 2])).item();
/// let expected = -1.0 / 3.0 - 0.5 * 3_f64.ln() - std::f64::consts::TAU.ln();
/// assert!((log_prob - expected).abs() < 1e-14);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LinearFactors {
    prior_loc: ParamId,
    prior_log_scale: ParamId,
    weights: ParamId,
    mean: ParamId,
    log_noise: ParamId,
    columns: usize,
    latents: usize,
    /// The standard deviations of $q$, in those of the best factorised normal.
    spread: f64,
}

impl LinearFactors {
    /// A model with random weights ([`Init::Glorot`]), a standard normal prior, a mean of zero and a noise variance of
    /// one.
    ///
    /// # Panics
    /// If there are no columns or no latents.
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        latents: usize,
        rng: &mut R,
    ) -> Self {
        assert!(columns > 0 && latents > 0, "linear factors: {latents} latents, {columns} columns");
        let zero = Init::Constant(0.0);
        Self {
            prior_loc: params.add("prior_loc", [latents], zero, rng),
            prior_log_scale: params.add("prior_log_scale", [latents], zero, rng),
            weights: params.add("weights", [columns, latents], Init::Glorot, rng),
            mean: params.add("mean", [columns], zero, rng),
            log_noise: params.add("log_noise", [], zero, rng),
            columns,
            latents,
            spread: 1.0,
        }
    }

    /// The same model with a $q$ whose standard deviations are `spread` times those of the best factorised normal.
    ///
    /// Its ELBO is lower, but its weights have more moments: $E_q w^2$ is finite if and only if
    /// $2P - \mathrm{diag}(P)/\text{spread}^2$ is positive definite, which a narrow $q$ of correlated latents may miss. Prefer it for
    /// importance sampling.
    ///
    /// # Panics
    /// If `spread` is not positive and finite.
    pub fn with_spread(self, spread: f64) -> Self {
        assert!(spread > 0.0 && spread.is_finite(), "linear factors: a spread of {spread}");
        Self { spread, ..self }
    }

    /// Sets the parameters to those of a model with a standard normal prior, written with loadings of unit length: $s_j =
    /// \Vert w_j \Vert$, and $W$ has the columns $w_j / s_j$. $p(x)$ stays the same, and the lengths become parameters
    /// of the prior.
    ///
    /// # Panics
    /// If the numbers do not fit the shapes, or a loading is zero.
    pub fn set_unit_loadings<F: Scalar>(
        &self,
        params: &mut Params<F>,
        weights: &[F],
        mean: &[F],
        log_noise: F,
    ) {
        let latents = self.latents;
        let column = |j: usize| weights.iter().skip(j).step_by(latents);
        let lengths: Vec<F> =
            (0..latents).map(|j| column(j).fold(F::ZERO, |sum, &w| sum + w * w).sqrt()).collect();
        assert!(lengths.iter().all(|&s| s > F::ZERO), "linear factors: a loading is zero");
        params.get_mut(self.prior_loc).fill(F::ZERO);
        let scales = params.get_mut(self.prior_log_scale);
        scales.iter_mut().zip(&lengths).for_each(|(to, s)| *to = s.ln());
        let places = weights.iter().zip(lengths.iter().cycle());
        let unit: Vec<F> = places.map(|(&w, &s)| w / s).collect();
        params.get_mut(self.weights).copy_from_slice(&unit);
        params.get_mut(self.mean).copy_from_slice(mean);
        params.get_mut(self.log_noise)[0] = log_noise;
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

    /// The number of latents.
    pub fn latents(&self) -> usize {
        self.latents
    }

    /// $P$, of shape `[latents, latents]`: the precision of $p(z \mid x)$, the same for every `x`.
    pub fn posterior_precision<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let (weights, precision) = (params.get(self.weights), (-params.get(self.log_noise)).exp());
        let of_prior = (params.get(self.prior_log_scale) * F::from_f64(-2.0)).exp().diag(0);
        of_prior + weights.matmul_with(true, weights, false) * precision
    }

    /// $\mathrm{KL}(q \Vert p(z \mid x)) = \tfrac12 [\sum_j (c^2 - 1 - \ln c^2 + \ln P_{jj}) - \ln\det P]$ with the spread $c$, which is
    /// one unless [`LinearFactors::with_spread`] sets it. It is the same for every row: the ELBO is smaller than
    /// $\ln p(x)$ by so much. With a spread of one it is zero if the loadings are orthogonal.
    ///
    /// # Errors
    /// If $I + S W^\top W S/\sigma^2$, with $S = \mathrm{diag} s$, is not positive definite in this precision.
    pub fn posterior_kl<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Result<Var<'t, F>, Error> {
        // P = S⁻¹ M S⁻¹: the scales cancel.
        let inner = self.inner(params);
        let log_det = inner.factor_cholesky()?.log_det();
        let square = self.spread * self.spread;
        let wider = self.latents as f64 * (square - 1.0 - square.ln());
        Ok((inner.diagonal(0).ln().sum() - log_det + F::from_f64(wider)) * F::from_f64(0.5))
    }

    /// $W S$ with $S = \mathrm{diag} s$.
    fn factor<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        params.get(self.weights) * params.get(self.prior_log_scale).exp()
    }

    /// $M = I + S W^\top W S/\sigma^2 = S P S$, the matrix of [`LowRankNormal`].
    fn inner<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let factor = self.factor(params);
        let scaled = factor / params.get(self.log_noise).exp();
        self.identity(params) + factor.matmul_with(true, scaled, false)
    }

    fn identity<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        params.tape().constant(&[F::ONE], [1]).broadcast_to([self.latents]).diag(0)
    }

    /// $\hat z$ for every row, of shape `[batch, latents]`, and a lower triangular $T$ with $P^{-1} = TT^\top$; none if $M$ has no
    /// Cholesky factor.
    ///
    /// Backwards, with the order $J$ of latents reversed, $JMJ = LL^\top$, and $T = S J L^{-\top} J$ is lower triangular: the covariance
    /// $S M^{-1} S$ needs no factor of its own, which it may not have in this precision.
    fn posterior_loc<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> Option<(Var<'t, F>, Var<'t, F>)> {
        let lower = self.inner(params).flip(0).flip(1).cholesky().ok()?;
        let inverse = lower.solve_triangular(Triangle::Lower, false, self.identity(params)).ok()?;
        let scale = params.get(self.prior_log_scale).exp().reshape([self.latents, 1]);
        let tril = scale * inverse.transpose().flip(0).flip(1);
        let (weights, loc) = (params.get(self.weights), params.get(self.prior_loc));
        let precision = (-params.get(self.log_noise)).exp();
        let residual = x - self.marginal_loc(params);
        let projected = weights.matmul_with(true, residual, true) * precision;
        let moved = tril.matmul(tril.matmul_with(true, projected, false));
        Some((moved.transpose() + loc, tril))
    }

    /// $\mu + Wm$, the mean of $x$.
    fn marginal_loc<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let loc = params.get(self.prior_loc).reshape([self.latents, 1]);
        params.get(self.weights).matmul(loc).reshape([self.columns]) + params.get(self.mean)
    }
}

impl<F: Scalar> LatentModel<F> for LinearFactors {
    type Posterior<'t> = Normal<'t, F>;
    type Prior<'t> = Normal<'t, F>;

    fn posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Normal<'t, F> {
        let (params, x) = (params.detach(), x);
        let variances = self.posterior_precision(params).diagonal(0);
        let shape = [x.shape()[0], self.latents];
        let loc = self.posterior_loc(params, x).map_or_else(
            || params.tape().constant(&[F::from_f64(f64::NAN)], []).broadcast_to(shape),
            |(loc, _)| loc,
        );
        let log_scale = variances.ln() * F::from_f64(-0.5) + F::from_f64(self.spread.ln());
        Normal::from_log_scale_unchecked(loc, log_scale.broadcast_to(shape))
    }

    fn prior<'t>(&self, params: Bound<'t, F>) -> Normal<'t, F> {
        Normal::from_log_scale_unchecked(
            params.get(self.prior_loc),
            params.get(self.prior_log_scale),
        )
    }

    fn log_likelihood<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>, z: Var<'t, F>) -> Var<'t, F> {
        let loc = z.matmul_with(false, params.get(self.weights), true) + params.get(self.mean);
        let log_scale = params.get(self.log_noise) * F::from_f64(0.5);
        x.normal_log_prob(loc, log_scale.broadcast_to([self.columns]))
    }
}

impl<F: Scalar> Tractable<F> for LinearFactors {
    /// $\ln \mathcal N(x; \mu + Wm, W \mathrm{diag}(s^2) W^\top + \sigma^2 I)$; see [`LowRankNormal`], also for
    /// how many digits it has. It is NaN if the matrix $M$ there has no Cholesky factor: a number overflows, or loadings are collinear
    /// and the noise is below $\epsilon$ of their squares.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let factor = self.factor(params);
        let diagonal = params.get(self.log_noise).exp().broadcast_to([self.columns]);
        match LowRankNormal::new_unchecked(self.marginal_loc(params), factor, diagonal) {
            Ok(marginal) => marginal.log_prob(x),
            Err(_) => x.sum_axis(-1) * F::from_f64(f64::NAN),
        }
    }
}

impl<F: Scalar> ExactPosterior<F> for LinearFactors {
    type ExactPosterior<'t> = MultivariateNormal<'t, F>;

    /// $\mathcal N(\hat z, P^{-1})$: one covariance for all rows. If $I + S W^\top W S/\sigma^2$, with $S = \mathrm{diag} s$, is not
    /// positive definite in this precision, mean and covariance are NaN; near that they lose digits as [`LowRankNormal`] does.
    fn exact_posterior<'t>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> MultivariateNormal<'t, F> {
        let found = self.posterior_loc(params, x);
        let found =
            found.map(|(loc, tril)| MultivariateNormal::from_scale_tril_unchecked(loc, tril));
        found.unwrap_or_else(|| {
            let (precision, nan) = (self.posterior_precision(params), F::from_f64(f64::NAN));
            let loc = (params.get(self.prior_loc) * nan).broadcast_to([x.shape()[0], self.latents]);
            MultivariateNormal::from_scale_tril_unchecked(loc, precision * nan)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::Kl;
    use crate::seed::{Stream, rng};
    use crate::tractable::Ppca;
    use pathscore_autodiff::Tape;

    const COLUMNS: usize = 5;
    const LATENTS: usize = 3;
    const X: [f64; 10] = [0.3, -1.0, 0.8, 2.0, -0.4, 1.1, 0.2, -0.6, 0.5, 0.9];

    /// A model with parameters away from their first values.
    fn model() -> (LinearFactors, Params<f64>) {
        let mut params = Params::new();
        let model = LinearFactors::new(&mut params, COLUMNS, LATENTS, &mut rng(3, Stream::Init, 0));
        for (i, value) in params.values_mut().iter_mut().enumerate() {
            *value += 0.3 * ((i as f64) * 1.7).sin();
        }
        (model, params)
    }

    /// Bayes' rule holds at any z: ln p(x) = ln p(x, z) − ln p(z | x).
    #[test]
    fn likelihood_prior_and_posterior_obey_bayes_rule() {
        let (model, params) = model();
        let tape = Tape::new();
        let (bound, x) = (params.on(&tape), tape.constant(&X, [2, COLUMNS]));
        let z = tape.constant(&[0.4, -0.2, 1.0, -1.3, 0.6, 0.1], [1, 2, LATENTS]);
        let joint = model.log_joint(bound, x, z).value();
        let posterior = model.exact_posterior(bound, x).log_prob(z).value();
        let exact = model.log_prob(bound, x).value();
        for i in 0..2 {
            let [joint, posterior, exact] = [&joint, &posterior, &exact].map(|v| v.values()[i]);
            assert!((joint - posterior - exact).abs() < 1e-12, "row {i}");
        }
    }

    #[test]
    fn unit_loadings_leave_the_likelihood_of_ppca_alone() {
        let rng = &mut rng(5, Stream::Init, 0);
        let (mut of_ppca, mut params) = (Params::<f64>::new(), Params::new());
        let ppca = Ppca::new(&mut of_ppca, COLUMNS, LATENTS, rng);
        of_ppca.get_mut(ppca.log_noise())[0] = -0.7;
        of_ppca.get_mut(ppca.loc()).fill(0.2);
        let model = LinearFactors::new(&mut params, COLUMNS, LATENTS, rng);
        let of = [ppca.weights(), ppca.loc()].map(|id| of_ppca.get(id));
        model.set_unit_loadings(&mut params, of[0], of[1], -0.7);
        let tape = Tape::new();
        let x = tape.constant(&X, [2, COLUMNS]);
        let found = model.log_prob(params.on(&tape), x).value();
        let expected = ppca.log_prob(of_ppca.on(&tape), x).value();
        let pairs = found.values().iter().zip(expected.values());
        pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-13));
        let precision = model.posterior_precision(params.on(&tape)).value();
        let s = of_ppca.get(ppca.weights());
        let square: f64 = s.iter().step_by(LATENTS).map(|w| w * w).sum();
        assert!((precision.values()[0] - 1.0 / square - 0.7_f64.exp()).abs() < 1e-12);
    }

    /// The closed form against the divergence of the two distributions, and against factorised neighbours.
    #[test]
    fn the_factorised_posterior_is_the_best_one() {
        let (model, params) = model();
        let tape = Tape::new();
        let (bound, x) = (params.on(&tape), tape.constant(&X, [2, COLUMNS]));
        let (q, exact) = (model.posterior(bound, x), model.exact_posterior(bound, x));
        let ratio = model.with_spread(1.3).posterior(bound, x).scale() / q.scale();
        assert!(ratio.value().values().iter().all(|r| (r - 1.3).abs() < 1e-14));
        let kl = |factors: [f64; LATENTS]| {
            let scales = q.scale() * tape.constant(&factors, [LATENTS]);
            let tril = scales.diag(0);
            MultivariateNormal::from_scale_tril_unchecked(q.loc(), tril).kl(&exact).value().values()
                [0]
        };
        let (least, closed) = (kl([1.0; 3]), model.posterior_kl(bound).unwrap().item());
        assert!(closed > 0.01 && (least - closed).abs() < 1e-12, "{least} and {closed}");
        let wide = model.with_spread(1.3).posterior_kl(bound).unwrap().item();
        assert!((kl([1.3; 3]) - wide).abs() < 1e-12);
        for j in 0..LATENTS {
            for factor in [0.95, 1.05] {
                let mut factors = [1.0; LATENTS];
                factors[j] = factor;
                assert!(kl(factors) > least);
            }
        }
    }

    #[test]
    fn collinear_loadings_under_a_wide_prior_have_a_posterior() {
        let mut params = Params::<f64>::new();
        let model = LinearFactors::new(&mut params, 2, 2, &mut rng(3, Stream::Init, 0));
        params.get_mut(model.weights()).copy_from_slice(&[1.0, 1.0, 2.0, 2.0]);
        params.get_mut(model.prior_log_scale).fill(20.0);
        let tape = Tape::new();
        let (bound, x) = (params.on(&tape), tape.constant(&[1.0, 2.0], [1, 2]));
        assert!(model.log_prob(bound, x).item().is_finite());
        assert!(model.posterior_kl(bound).unwrap().item().is_finite());
        let posterior = model.exact_posterior(bound, x);
        for found in [posterior.loc(), posterior.scale_tril(), model.posterior(bound, x).loc()] {
            assert!(found.value().values().iter().all(|x| x.is_finite()));
        }
    }
}

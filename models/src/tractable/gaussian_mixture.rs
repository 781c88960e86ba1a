//! Mixtures of normal distributions, fitted to data.

mod density;
mod fit;
mod floor;
mod start;
#[cfg(test)]
mod tests;

pub use start::StartError;

use super::rows::Rows;
use crate::RandomSource;
use crate::capability::{Em, ExactPosterior, Tractable};
use crate::dist::{Categorical, Distribution, Mixture, MultivariateNormal, Normal};
use crate::params::{Bound, Init, ParamId, Params};
use density::{Density, Values};
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;

/// The least variance of a component as a fraction of the variance of the data, of the size of `reg_covar` in scikit-learn.
const COVARIANCE_FLOOR: f64 = 1e-6;

/// The form of the covariances of a [`GaussianMixture`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Covariance {
    /// A variance for each column: columns are independent within a component.
    Diagonal,
    /// A full matrix for each component.
    Full,
}

/// A mixture of $K$ normal distributions (Dempster, Laird and Rubin 1977; McLachlan and Peel 2000):
///
/// $$p(x) = \sum_{k=1}^K \pi_k \mathcal N(x; \mu_k, L_k L_k^\top), \quad
/// p(k \mid x) = r_k(x) = \frac{\pi_k \mathcal N(x; \mu_k, L_k L_k^\top)}{p(x)}$$
///
/// with weights $\pi = \mathrm{softmax}(\eta)$ and Cholesky factors $L_k$, which are diagonal for [`Covariance::Diagonal`]. The
/// derivatives of $\ln p(x)$ are $r_k - \pi_k$ for $\eta_k$ and $r_k \nabla \ln \mathcal N(x; \mu_k, L_k L_k^\top)$ for the parameters of
/// a component. [`GaussianMixture::start`] finds a start by k-means++; [`Em::em_step`] or gradients of
/// [`Tractable::log_prob`] lead from it to a maximum, which is a local one: try several seeds.
///
/// The likelihood of any data grows without bound as a component contracts onto a single row. So covariances have a floor:
/// with the variances $v_j$ of the columns and $D_v = \mathrm{diag}(v)$, [`Em::em_step`] keeps $L_k L_k^\top - f D_v$ positive
/// semidefinite with $f = 10^{-6}$, or the fraction of [`with_covariance_floor`](GaussianMixture::with_covariance_floor); for a column
/// that does not vary, the mean variance of all columns stands for its own. The step maximises over these covariances exactly, by
/// raising eigenvalues (Ingrassia and Rocci 2007), so that the likelihood still never falls.
/// [`GaussianMixture::hold_covariances`] does the same after a step along the gradient. A component that loses all its rows keeps
/// its place, with a weight of $10^{-300}$.
///
/// The parameters are called `logits` ($\eta$, of shape `[components]`), `mean` ($\mu_k$, of shape `[components, columns]`),
/// `log_scale` (the logarithms of the diagonals of $L_k$, of shape `[components, columns]`) and, for full covariances, `lower`
/// ($L_k$ below the diagonal, of shape `[components, columns, columns]`; numbers elsewhere are ignored).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::tractable::{Covariance, GaussianMixture, StartError};
/// use pathscore_models::{Em, Params, Tractable, seed};
/// // Two groups on a line.
/// let x = [-1.2, -1.0, -0.8, 2.9, 3.0, 3.1];
/// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
/// let mut params = Params::<f64>::new();
/// let model = GaussianMixture::new(&mut params, 1, 2, Covariance::Full, rng);
/// model.start(&mut params, &x, 6, rng)?;
/// for _ in 0..20 {
///     model.em_step(&mut params, &x, 6);
/// }
/// let tape = Tape::new();
/// let r = model.responsibilities(params.on(&tape), tape.constant(&x, [6, 1])).value();
/// let first: Vec<f64> = r.values().chunks(2).map(|r| r[0].round()).collect();
/// assert!(first == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0] || first == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
/// assert_eq!(model.free_parameters(), 5);
/// # Ok::<(), StartError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "GMM")]
#[doc(alias = "mixture of Gaussians")]
pub struct GaussianMixture {
    logits: ParamId,
    mean: ParamId,
    log_scale: ParamId,
    /// Absent if covariances are diagonal.
    lower: Option<ParamId>,
    columns: usize,
    components: usize,
    floor: f64,
}

impl GaussianMixture {
    /// A model with equal weights, standard normal means and unit covariances.
    ///
    /// # Panics
    /// If there are no columns or no components.
    #[track_caller]
    pub fn new<F: Scalar, R: Rng>(
        params: &mut Params<F>,
        columns: usize,
        components: usize,
        covariance: Covariance,
        rng: &mut R,
    ) -> Self {
        assert!(
            columns > 0 && components > 0,
            "gaussian mixture: {components} components for {columns} columns: expected at least one of each"
        );
        let mut zeros =
            |name: &str, shape: &[usize]| params.add(name, shape, Init::Constant(0.0), rng);
        let logits = zeros("logits", &[components]);
        let [mean, log_scale] =
            ["mean", "log_scale"].map(|name| zeros(name, &[components, columns]));
        let full = covariance == Covariance::Full;
        let lower = full.then(|| zeros("lower", &[components, columns, columns]));
        F::fill_normal(params.get_mut(mean), rng);
        let floor = COVARIANCE_FLOOR;
        Self { logits, mean, log_scale, lower, columns, components, floor }
    }

    /// The same model whose covariances stay at or above `fraction` of the variances of the columns.
    ///
    /// # Panics
    /// If the fraction is not positive or not below one.
    #[track_caller]
    #[must_use]
    pub fn with_covariance_floor(self, fraction: f64) -> Self {
        assert!(
            fraction > 0.0 && fraction < 1.0,
            "gaussian mixture: the covariance floor is {fraction}; it must be positive and below one"
        );
        Self { floor: fraction, ..self }
    }

    /// Sets parameters near the data: the centres of k-means with the start of k-means++ (Arthur and Vassilvitskii 2007),
    /// the shares of their clusters as weights, and the variances within clusters, pooled over them, as a diagonal covariance for
    /// every component.
    ///
    /// Distances are those of columns divided by their standard deviations. Every centre is the best of $2 + \ln K$ draws with
    /// probabilities in proportion to the squared distance to the nearest earlier centre. At most ten sweeps of k-means follow.
    ///
    /// # Errors
    /// If a number is not finite, if all rows are equal, or if fewer rows than there are components are distinct. The
    /// parameters are then unchanged.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows.
    pub fn start<F: Scalar, R: Rng>(
        &self,
        params: &mut Params<F>,
        x: &[F],
        rows: usize,
        rng: &mut R,
    ) -> Result<(), StartError> {
        let data = Rows::new("gaussian mixture", x, rows, self.columns);
        let values = start::start(&data, self.components, self.floor, rng)?;
        let lower = self.lower.map(|id| vec![0.0; params.get(id).len()]);
        self.write(params, &Values { lower, ..values });
        Ok(())
    }

    /// The floor of the variances in each column for the `rows` rows of `x`, of which
    /// [`GaussianMixture::hold_covariances`] takes the list.
    ///
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows.
    pub fn covariance_floors<F: Scalar>(&self, x: &[F], rows: usize) -> Vec<f64> {
        Rows::new("gaussian mixture", x, rows, self.columns).floors(self.floor)
    }

    /// Raises every covariance to its floor, $L_k L_k^\top \succeq \mathrm{diag}(\text{floors})$, and returns how many components
    /// were there or below.
    ///
    /// Eigenvalues of $D_f^{-1/2} L_k L_k^\top D_f^{-1/2}$ below one become one, which for diagonal covariances means variances
    /// below their floors. A covariance that is not finite, or whose eigenvalues are not found, stays as it is and is not counted.
    ///
    /// # Panics
    /// If there is not one floor for each column.
    pub fn hold_covariances<F: Scalar>(&self, params: &mut Params<F>, floors: &[f64]) -> usize {
        let (found, expected) = (floors.len(), self.columns);
        assert_eq!(found, expected, "gaussian mixture: {found} floors for {expected} columns");
        let mut values = self.read(params);
        let held = floor::hold(&mut values, floors);
        if held > 0 {
            self.write(params, &values);
        }
        held
    }

    /// The number of free parameters: $K - 1$ weights, $KD$ means, and $KD$ variances or $K D (D + 1)/2$ covariances for $D$
    /// columns. It is for [`aic`](super::aic) and [`bic`](super::bic).
    pub fn free_parameters(&self) -> usize {
        let (k, d) = (self.components, self.columns);
        let covariance = if self.lower.is_some() { d * (d + 1) / 2 } else { d };
        k - 1 + k * (d + covariance)
    }

    /// The number of columns of the data.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of components, $K$.
    pub fn components(&self) -> usize {
        self.components
    }

    /// The form of the covariances.
    pub fn covariance(&self) -> Covariance {
        if self.lower.is_some() { Covariance::Full } else { Covariance::Diagonal }
    }

    /// The id of the logits of the weights, $\eta$, of shape `[components]`.
    pub fn logits(&self) -> ParamId {
        self.logits
    }

    /// The id of the means $\mu_k$, of shape `[components, columns]`.
    pub fn loc(&self) -> ParamId {
        self.mean
    }

    /// The id of the logarithms of the diagonals of $L_k$, of shape `[components, columns]`.
    pub fn log_scale(&self) -> ParamId {
        self.log_scale
    }

    /// The id of the numbers of $L_k$ below the diagonal, of shape `[components, columns, columns]`, if covariances are full.
    pub fn lower(&self) -> Option<ParamId> {
        self.lower
    }

    /// $L_k L_k^\top$ for every component, of shape `[components, columns, columns]`.
    pub fn covariances<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let factor = self.density(params).scale_tril();
        factor.matmul_with(false, factor, true)
    }

    /// The responsibilities $r_k(x) = p(k \mid x)$ for every row of `x`, of shape `[batch, components]`; they add up to one.
    /// The derivative of $\ln r_k$ is that of $\ln\pi_k + \ln\mathcal N(x; \mu_k, L_k L_k^\top)$ less its mean under $r$.
    pub fn responsibilities<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
    ) -> Var<'t, F> {
        self.density(params).log_joint(x).log_softmax(-1).exp()
    }

    /// `count` draws from $p(x)$, of shape `[count, columns]`, as constants.
    pub fn sample<'t, F: Scalar, R: RandomSource>(
        &self,
        params: Bound<'t, F>,
        count: usize,
        rng: &mut R,
    ) -> Var<'t, F> {
        let density = self.density(params.detach());
        let weights = Categorical::from_logits_unchecked(density.logits);
        if density.lower.is_none() {
            let normals = Normal::from_log_scale_unchecked(density.mean, density.log_scale);
            return Mixture::new(weights, normals).sample(count, rng);
        }
        let factor = density.scale_tril();
        let normals = MultivariateNormal::from_scale_tril_unchecked(density.mean, factor);
        Mixture::new(weights, normals).sample(count, rng)
    }

    fn density<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Density<'t, F> {
        let [logits, mean, log_scale] =
            [self.logits, self.mean, self.log_scale].map(|id| params.get(id));
        Density { logits, mean, log_scale, lower: self.lower.map(|id| params.get(id)) }
    }

    fn read<F: Scalar>(&self, params: &Params<F>) -> Values {
        let double = |id: ParamId| params.get(id).iter().map(|x| x.to_f64()).collect::<Vec<_>>();
        Values {
            logits: double(self.logits),
            mean: double(self.mean),
            log_scale: double(self.log_scale),
            lower: self.lower.map(double),
        }
    }

    fn write<F: Scalar>(&self, params: &mut Params<F>, values: &Values) {
        let mut set = |id: ParamId, values: &[f64]| {
            params.get_mut(id).iter_mut().zip(values).for_each(|(to, &x)| *to = F::from_f64(x));
        };
        set(self.logits, &values.logits);
        set(self.mean, &values.mean);
        set(self.log_scale, &values.log_scale);
        if let (Some(id), Some(lower)) = (self.lower, &values.lower) {
            set(id, lower);
        }
    }
}

impl<F: Scalar> Tractable<F> for GaussianMixture {
    /// $\ln\sum_k e^{\ln\pi_k + \ln\mathcal N(x; \mu_k, L_k L_k^\top)}$, by the log-sum-exp of $\ln\pi_k - \tfrac12 \Vert L_k^{-1} (x -
    /// \mu_k) \Vert^2 - \sum_j \ln (L_k)_{jj} - \tfrac D2 \ln 2\pi$.
    ///
    /// A component solves one triangular system for all rows at once: $O(K D^2)$ operations for a row, $O(KD)$ if covariances are
    /// diagonal.
    fn log_prob<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        self.density(params).log_joint(x).log_sum_exp(-1)
    }
}

impl<F: Scalar> ExactPosterior<F> for GaussianMixture {
    type ExactPosterior<'t> = Categorical<'t, F>;

    /// The component of a row, as a one-hot vector whose probabilities are [`GaussianMixture::responsibilities`].
    fn exact_posterior<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Categorical<'t, F> {
        Categorical::from_logits_unchecked(self.density(params).log_joint(x))
    }
}

impl<F: Scalar> Em<F> for GaussianMixture {
    /// With $N_k = \sum_n r_k(x_n)$ the step is $\pi_k = N_k/N$, $\mu_k = \tfrac1{N_k} \sum_n r_k(x_n) x_n$ and
    /// $\Sigma_k = \tfrac1{N_k} \sum_n r_k(x_n) (x_n - \mu_k)(x_n - \mu_k)^\top$, or its diagonal, raised to the floor. All is
    /// computed in double precision. If $\ln p(x)$ of a row is not finite, the parameters stay.
    fn em_step(&self, params: &mut Params<F>, x: &[F], rows: usize) -> f64 {
        let data = Rows::new("gaussian mixture", x, rows, self.columns);
        let (next, log_prob) = fit::em_step(&self.read(params), &data, self.floor);
        if let Some(next) = next {
            self.write(params, &next);
        }
        log_prob
    }
}

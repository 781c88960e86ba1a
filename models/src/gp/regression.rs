//! Regression with a Gaussian process.

use super::kernel::{Kernel, KernelForm, default_jitter, with_noise};
use super::prior::HyperPrior;
use crate::params::{Bound, Init, ParamId, Params};
use crate::seed::{self, Stream};
use pathscore_autodiff::{CholeskyFactor, Error, Scalar, Var};

/// Regression with a Gaussian process and normal noise (Rasmussen and Williams 2006, chapters 2 and 5):
///
/// $$f \sim \mathcal{GP}(m, k), \quad y_i = f(x_i) + \varepsilon_i, \quad \varepsilon_i \sim \mathcal N(0, \sigma^2), \quad
/// y \sim \mathcal N(m \mathbf 1, A), \quad A = K + (\sigma^2 + \delta \mathrm{tr} K / n) I$$
///
/// for the points $x_i$ of `dimensions` numbers, with the covariances $K_{ij} = k(x_i, x_j)$ of a [`Kernel`], a constant mean $m$, and
/// the [jitter](super) $\delta$. Hyperparameters are fitted by maximising [`GpRegression::log_marginal`] (type II), or its sum with
/// [`GpRegression::log_prior`] (MAP), for example with L-BFGS from several starts: the marginal likelihood has several maxima, of
/// which some explain everything as noise.
///
/// The parameters are those of the kernel, `log_noise` ($\ln\sigma^2$, of shape `[]`) and `mean` ($m$, of shape `[]`).
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, gp::{GpRegression, KernelForm}};
/// let mut params = Params::<f64>::new();
/// let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
/// params.get_mut(model.log_noise()).fill(1e-6_f64.ln());
/// let tape = Tape::new();
/// let x = tape.constant(&[-1.0, 0.0, 1.0], [3, 1]);
/// let y = tape.constant(&[1.0, 0.0, 1.0], [3]);
/// let posterior = model.posterior(params.on(&tape), x, y)?;
/// let at = posterior.predict(tape.constant(&[0.0, 0.5, 9.0], [3, 1]));
/// let mean = at.mean.value();
/// // Through the points, between them, and back to the prior far away.
/// assert!(mean.values()[0].abs() < 1e-5 && mean.values()[1] > 0.1 && mean.values()[2].abs() < 1e-9);
/// assert!(at.latent_variance.value().values()[2] > 0.999);
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "GPR")]
#[doc(alias = "kriging")]
pub struct GpRegression {
    kernel: Kernel,
    log_noise: ParamId,
    mean: ParamId,
    jitter: f64,
}

/// Observations of a model at its parameters.
struct Factored<'t, F> {
    /// $A$.
    factor: CholeskyFactor<'t, F>,
    /// $y - m$.
    centred: Var<'t, F>,
    /// The variance that is added to the diagonal of $K$.
    noise: Var<'t, F>,
}

/// The posterior of the function of a [`GpRegression`] given observations.
#[derive(Clone, Debug)]
pub struct GpPosterior<'m, 't, F> {
    model: &'m GpRegression,
    params: Bound<'t, F>,
    x: Var<'t, F>,
    y: Var<'t, F>,
    factor: CholeskyFactor<'t, F>,
    /// $A^{-1} (y - m)$.
    alpha: Var<'t, F>,
    /// The variance that is added to the diagonal of $K$.
    noise: Var<'t, F>,
}

/// Normal predictions, one for each point.
#[derive(Clone, Copy, Debug)]
pub struct GpPrediction<'t, F> {
    /// The mean of the function, and of a new observation.
    pub mean: Var<'t, F>,
    /// The variance of the function.
    pub latent_variance: Var<'t, F>,
    /// The variance of a new observation: that of the function and the noise.
    pub variance: Var<'t, F>,
}

impl<'t, F: Scalar> GpPrediction<'t, F> {
    /// $\ln \mathcal N(y_i; \mu_i, v_i)$ of a new observation at each point, of shape `[n]`. The derivatives are those of the normal
    /// density: $(\mu_i - y_i)/v_i$ with respect to $y_i$, with the opposite sign for $\mu_i$, and $((y_i - \mu_i)^2/v_i - 1)/(2 v_i)$.
    ///
    /// # Panics
    /// If there is not one observation for each point.
    #[track_caller]
    pub fn log_prob(&self, y: Var<'t, F>) -> Var<'t, F> {
        let distance = (y - self.mean).square() / self.variance;
        (distance + self.variance.ln() + F::from_f64(std::f64::consts::TAU.ln()))
            * F::from_f64(-0.5)
    }
}

impl GpRegression {
    /// A model whose hyperparameters are one, with a mean of zero.
    ///
    /// # Panics
    /// If there are no forms or no dimensions, or if a form is there twice.
    #[track_caller]
    pub fn new<F: Scalar>(params: &mut Params<F>, forms: &[KernelForm], dimensions: usize) -> Self {
        let kernel = Kernel::new(params, forms, dimensions);
        let rng = &mut seed::rng(0, Stream::Init, 0);
        let mut zero = |name: &str| params.add(name, [], Init::Constant(0.0), rng);
        let [log_noise, mean] = ["log_noise", "mean"].map(&mut zero);
        Self { kernel, log_noise, mean, jitter: default_jitter::<F>() }
    }

    /// The same model with another [jitter](super), a fraction of the mean prior variance at the points; zero for none.
    ///
    /// # Panics
    /// If the fraction is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn with_jitter(self, fraction: f64) -> Self {
        assert!(
            fraction >= 0.0 && fraction.is_finite(),
            "gp regression: the jitter is {fraction}; it must be at least 0 and finite"
        );
        Self { jitter: fraction, ..self }
    }

    /// The covariance function.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The id of $\ln\sigma^2$, of shape `[]`.
    pub fn log_noise(&self) -> ParamId {
        self.log_noise
    }

    /// The id of $m$, of shape `[]`.
    pub fn loc(&self) -> ParamId {
        self.mean
    }

    /// $\ln p(y \mid X) = -\tfrac12 ((y - m)^\top A^{-1} (y - m) + \ln\det A + n \ln 2\pi)$ for the points `[n, dimensions]` and the
    /// observations `[n]`, of shape `[]`.
    ///
    /// With $\alpha = A^{-1}(y - m)$ the derivatives are $\bar A = \tfrac12 (\alpha\alpha^\top - A^{-1})$, from there by the kernel, and
    /// $-\alpha$ with respect to $y$. A value takes $O(n^3)$ operations.
    ///
    /// # Errors
    /// If $A$ is not positive definite in this precision.
    ///
    /// # Panics
    /// If there are no points, or the shapes do not fit.
    #[track_caller]
    pub fn log_marginal<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        y: Var<'t, F>,
    ) -> Result<Var<'t, F>, Error> {
        let Factored { factor, centred, .. } = self.factor(params, x, y)?;
        let constant = F::from_f64(centred.size() as f64 * std::f64::consts::TAU.ln());
        let distance = factor.inverse_form(centred);
        Ok((distance + factor.log_det() + constant) * F::from_f64(-0.5))
    }

    /// The logarithm of the prior density of the hyperparameters, of shape `[]`.
    pub fn log_prior<'t, F: Scalar>(&self, params: Bound<'t, F>, prior: &HyperPrior) -> Var<'t, F> {
        prior.log_prob(params, &self.kernel, self.log_noise)
    }

    /// The posterior given the observations `[n]` at the points `[n, dimensions]`.
    ///
    /// # Errors
    /// If $A$ is not positive definite in this precision.
    ///
    /// # Panics
    /// If there are no points, or the shapes do not fit.
    #[track_caller]
    pub fn posterior<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        y: Var<'t, F>,
    ) -> Result<GpPosterior<'_, 't, F>, Error> {
        let Factored { factor, centred, noise } = self.factor(params, x, y)?;
        Ok(GpPosterior { model: self, params, x, y, factor, alpha: factor.solve(centred), noise })
    }

    #[track_caller]
    fn factor<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        x: Var<'t, F>,
        y: Var<'t, F>,
    ) -> Result<Factored<'t, F>, Error> {
        let (points, observations) = (x.shape(), y.shape());
        assert!(
            points.len() == 2 && points[0] > 0 && points[0] == y.size() && observations.len() == 1,
            "gp regression: points {points} and observations {observations}: expected [n, {}] and [n]",
            self.kernel.dimensions()
        );
        let noise = params.get(self.log_noise).exp();
        let (matrix, noise) = with_noise(self.kernel.gram(params, x), noise, self.jitter);
        let factor = matrix.factor_cholesky()?;
        Ok(Factored { factor, centred: y - params.get(self.mean), noise })
    }
}

impl<'t, F: Scalar> GpPosterior<'_, 't, F> {
    /// The predictions at new points `[m, dimensions]`: with $k_\ast = k(X, x_\ast)$ the mean is $m + k_\ast^\top A^{-1} (y - m)$ and the
    /// variance of the function $k(x_\ast, x_\ast) - k_\ast^\top A^{-1} k_\ast$. Where rounding would make the variance negative it is zero, with
    /// a derivative of zero. A prediction takes $O(n^2)$ operations.
    ///
    /// # Panics
    /// If the points do not have as many dimensions as those of the model.
    #[track_caller]
    pub fn predict(&self, x: Var<'t, F>) -> GpPrediction<'t, F> {
        let Self { model, params, factor, alpha, noise, .. } = *self;
        let cross = model.kernel.cross(params, self.x, x);
        let n = cross.shape()[0];
        let mean = alpha.reshape([1, n]).matmul(cross).reshape([x.shape()[0]]);
        let prior = model.kernel.diagonal(params, x);
        let latent_variance = (prior - factor.inverse_form(cross)).relu();
        let variance = latent_variance + noise;
        GpPrediction { mean: mean + params.get(model.mean), latent_variance, variance }
    }

    /// The prediction of each observation from all others, without a further factorisation (Rasmussen and Williams 2006, equations
    /// 5.10 to 5.12): with the diagonal $d_i$ of $A^{-1}$ the mean is $y_i - \alpha_i/d_i$ and the variance of the observation
    /// $1/d_i$. The jitter is that of all points.
    pub fn leave_one_out(&self) -> GpPrediction<'t, F> {
        let precision = self.factor.inverse().diagonal(0);
        let variance = precision.recip();
        let mean = self.y - self.alpha * variance;
        GpPrediction { mean, latent_variance: (variance - self.noise).relu(), variance }
    }
}

//! The Gaussian-process latent-variable model.

use super::gplvm_data::GplvmData;
use super::gplvm_posterior::GplvmPosterior;
use super::kernel::{Kernel, KernelForm, default_jitter, with_noise};
use super::prior::HyperPrior;
use crate::params::{Bound, Init, ParamId, Params};
use crate::seed::{self, Stream};
use pathscore_autodiff::{Error, Scalar, Tape, Var};

/// The Gaussian-process latent-variable model (Lawrence 2005): every column of the data is an independent draw of a Gaussian
/// process over the latents $x_n$ of the rows, which are parameters.
///
/// $$\ln p(Y \mid X) = -\tfrac D2 \ln\det A - \tfrac12 \mathrm{tr}(A^{-1} YY^\top) - \tfrac{ND}2 \ln 2\pi, \quad
/// A = K(X) + (\sigma^2 + \delta \mathrm{tr} K / N) I$$
///
/// for $N$ rows and $D$ columns, each less its mean, with the covariances $K$ of a [`Kernel`] and the [jitter](super) $\delta$. The
/// derivative is $\bar A = \tfrac12 (A^{-1} YY^\top A^{-1} - D A^{-1})$, from there by the kernel. A linear kernel gives
/// the dual of probabilistic PCA, and its maximum lies in [`Gplvm::start`]. Latents are determined up to what
/// the kernel does not see: distances count, and not coordinates.
///
/// The parameters are called `latents` ($X$, of shape `[rows, latents]`), `log_noise` ($\ln\sigma^2$, of shape `[]`), and those of the
/// kernel.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, gp::{Gplvm, GplvmData, KernelForm}};
/// // A curve in three dimensions.
/// let point = |t: f64| [t.cos(), t.sin(), 0.3 * t];
/// let y: Vec<f64> = (0..20).flat_map(|i| point(0.2 * f64::from(i))).collect();
/// let data = GplvmData::new(&y, 20, 3);
/// let mut params = Params::new();
/// let model = Gplvm::new(&mut params, 20, 1, &[KernelForm::Rbf]);
/// model.start(&mut params, &data)?;
/// let tape = Tape::new();
/// let log_prob = model.log_prob(params.on(&tape), &data)?;
/// assert!(log_prob.item() > -60.0);
/// assert_eq!(log_prob.backward().leading(params.len()).len(), 20 + 3);
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "GP-LVM")]
pub struct Gplvm {
    kernel: Kernel,
    latents: ParamId,
    log_noise: ParamId,
    rows: usize,
    jitter: f64,
}

impl Gplvm {
    /// A model of so many rows with latents of so many dimensions, all zero, and hyperparameters of one;
    /// [`Gplvm::start`] sets them near the data.
    ///
    /// # Panics
    /// If there are no rows, no latents or no forms, or if a form is there twice.
    #[track_caller]
    pub fn new<F: Scalar>(
        params: &mut Params<F>,
        rows: usize,
        latents: usize,
        forms: &[KernelForm],
    ) -> Self {
        assert!(
            rows > 0 && latents > 0,
            "gplvm: {rows} rows with {latents} latents: expected at least one of each"
        );
        let rng = &mut seed::rng(0, Stream::Init, 0);
        let x = params.add("latents", [rows, latents], Init::Constant(0.0), rng);
        let log_noise = params.add("log_noise", [], Init::Constant(0.0), rng);
        let kernel = Kernel::new(params, forms, latents);
        Self { kernel, latents: x, log_noise, rows, jitter: default_jitter::<F>() }
    }

    /// The same model with another [jitter](super), a fraction of the mean prior variance; zero for none.
    ///
    /// # Panics
    /// If the fraction is negative or not finite.
    #[track_caller]
    #[must_use]
    pub fn with_jitter(self, fraction: f64) -> Self {
        assert!(
            fraction >= 0.0 && fraction.is_finite(),
            "gplvm: the jitter is {fraction}; it must be at least 0 and finite"
        );
        Self { jitter: fraction, ..self }
    }

    /// Sets latents and hyperparameters by principal component analysis.
    ///
    /// With the eigenvalues $\lambda_1 \ge \lambda_2 \ge \dots$ and eigenvectors $u_k$ of $YY^\top/D$, in which missing cells are zero, the
    /// latents are $\sqrt N u_k$, of unit variance, and $\sigma^2$ is the mean of the $\lambda_k$ that have no latent. The linear form gets the
    /// variances $(\lambda_k - \sigma^2)/N$, with which it is at the maximum of the likelihood (Lawrence 2005, appendix A) if it is the only
    /// form, no cell is missing and there is no jitter. Other forms share the mean variance of a cell; their length-scales are $\sqrt{L/2}$ for $L$
    /// latents, and one for $L \le 2$. Variances are held above $\sqrt\epsilon$ of the mean variance.
    ///
    /// # Errors
    /// If the eigenvalues are not found. The parameters are then unchanged.
    ///
    /// # Panics
    /// If the data do not have as many rows as the model.
    #[track_caller]
    pub fn start<F: Scalar>(
        &self,
        params: &mut Params<F>,
        data: &GplvmData<F>,
    ) -> Result<(), Error> {
        self.check(data);
        let (n, d, latents) = (self.rows, data.columns() as f64, self.kernel.dimensions());
        let (mut values, vectors) = data.spectrum()?;
        values.iter_mut().for_each(|value| *value /= d);
        let typical = values.iter().sum::<f64>() / n as f64;
        let floor = (F::EPSILON.to_f64().sqrt() * typical).max(f64::from(f32::MIN_POSITIVE));
        // Eigenvalues rise; there may be more latents than rows.
        let value = |k: usize| if k < n { values[n - 1 - k] } else { 0.0 };
        let rest = n.saturating_sub(latents);
        let noise = (values[..rest].iter().sum::<f64>() / rest.max(1) as f64).max(floor);
        let root = (n as f64).sqrt();
        let x = params.get_mut(self.latents);
        for (i, row) in x.chunks_exact_mut(latents).enumerate() {
            for (k, x) in row.iter_mut().enumerate().take(n) {
                *x = F::from_f64(root * vectors[i * n + n - 1 - k]);
            }
        }
        params.get_mut(self.log_noise).fill(F::from_f64(noise.ln()));
        let forms: Vec<KernelForm> = self.kernel.forms().collect();
        let share = (typical.max(floor) / forms.len() as f64).ln();
        for form in forms {
            let log_variance = |k: usize| match form {
                KernelForm::Linear => ((value(k) - noise).max(floor) / n as f64).ln(),
                _ => share,
            };
            if let Some(id) = self.kernel.log_variance(form) {
                let out = params.get_mut(id).iter_mut().enumerate();
                out.for_each(|(k, out)| *out = F::from_f64(log_variance(k)));
            }
            if let Some(id) = self.kernel.log_length_scale(form) {
                let log_length_scale = 0.5 * (0.5 * latents as f64).max(1.0).ln();
                params.get_mut(id).fill(F::from_f64(log_length_scale));
            }
        }
        Ok(())
    }

    /// The covariance function.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The id of $X$, of shape `[rows, latents]`.
    pub fn latents(&self) -> ParamId {
        self.latents
    }

    /// The id of $\ln\sigma^2$, of shape `[]`.
    pub fn log_noise(&self) -> ParamId {
        self.log_noise
    }

    /// $\ln p(Y_O \mid X)$ of the observed cells, of shape `[]`; with missing cells it is the sum over the
    /// [groups](GplvmData) of columns, each with the covariance of its observed rows. The formula and its derivative are those of
    /// the model. A value takes $O(N^3)$ operations for each group.
    ///
    /// # Errors
    /// If a covariance is not positive definite in this precision.
    ///
    /// # Panics
    /// If the data do not have as many rows as the model.
    #[track_caller]
    pub fn log_prob<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        data: &GplvmData<F>,
    ) -> Result<Var<'t, F>, Error> {
        self.check(data);
        let (covariance, _) = self.covariance(params);
        let mut total = params.tape().number(F::ZERO);
        for group in &data.groups {
            total = total + group.log_prob(covariance)?;
        }
        Ok(total)
    }

    /// $\sum_n \ln \mathcal N(x_n; 0, I)$, the logarithm of a standard normal prior of the latents, of shape `[]`. The derivative is
    /// $-x_n$. Its sum with [`Gplvm::log_prob`] is for MAP: it keeps latents near the origin and is not needed by the likelihood.
    pub fn log_latent_prior<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let x = params.get(self.latents);
        let constant = F::from_f64(x.size() as f64 * std::f64::consts::TAU.ln());
        (x.sum_squares(..) + constant) * F::from_f64(-0.5)
    }

    /// The logarithm of the prior density of the hyperparameters, of shape `[]`.
    pub fn log_prior<'t, F: Scalar>(&self, params: Bound<'t, F>, prior: &HyperPrior) -> Var<'t, F> {
        prior.log_prob(params, &self.kernel, self.log_noise)
    }

    /// The posterior of the fitted model, which predicts rows at new latents and places new rows.
    ///
    /// # Errors
    /// If a covariance is not positive definite in this precision.
    ///
    /// # Panics
    /// If the data do not have as many rows as the model.
    #[track_caller]
    pub fn posterior<'d, F: Scalar>(
        &self,
        params: &Params<F>,
        data: &'d GplvmData<F>,
    ) -> Result<GplvmPosterior<'d, F>, Error> {
        self.check(data);
        let tape = Tape::new();
        let bound = params.on(&tape).detach();
        let (covariance, noise) = self.covariance(bound);
        let latents = params.get(self.latents);
        GplvmPosterior::new(&self.kernel, data, latents, (covariance, noise.item()))
    }

    /// $A$, and what is added to the diagonal of $K$.
    fn covariance<'t, F: Scalar>(&self, params: Bound<'t, F>) -> (Var<'t, F>, Var<'t, F>) {
        let noise = params.get(self.log_noise).exp();
        with_noise(self.kernel.gram(params, params.get(self.latents)), noise, self.jitter)
    }

    #[track_caller]
    fn check<F: Scalar>(&self, data: &GplvmData<F>) {
        let (found, expected) = (data.rows(), self.rows);
        assert_eq!(found, expected, "gplvm: the data have {found} rows, the model {expected}");
    }
}

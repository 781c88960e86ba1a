//! The Bayesian Gaussian-process latent-variable model with inducing points.

use super::gplvm::Gplvm;
use super::gplvm_data::GplvmData;
use super::kernel::{Kernel, KernelForm, default_jitter, identity};
use crate::params::{Bound, Init, ParamId, Params};
use crate::seed::{self, Stream};
use pathscore_autodiff::{CholeskyFactor, Error, Scalar, Triangle, Var};

/// The least noise of a start, as a part of the variance of a cell.
const LEAST_NOISE: f64 = 0.01;

/// The Gaussian-process latent-variable model with latents that are integrated out (Titsias and Lawrence 2010): the prior of a latent is
/// standard normal, its approximate posterior $q(x_n) = \mathcal N(\mu_n, \mathrm{diag} S_n)$, and the function is seen through its values at
/// $M$ inducing points $Z$. The kernel is the radial basis function with a length-scale for each latent; latents that the data do not need
/// get long ones.
///
/// $$B = I + \beta L^{-1} \Psi_2 L^{-\top}, \quad LL^\top = K_{ZZ} + \delta s^2 I, \quad \beta = 1/\sigma^2$$
///
/// $$\ln p(Y) \ge -\tfrac{ND}2 \ln 2\pi\sigma^2 - \tfrac D2 \ln\det B - \tfrac\beta2 \mathrm{tr} YY^\top + \tfrac{\beta^2}2
/// \mathrm{tr}(C^\top B^{-1} C) - \tfrac D2 (\beta\psi_0 - \beta \mathrm{tr} L^{-1} \Psi_2 L^{-\top}) - \mathrm{KL}(q(X) \Vert p(X)), \quad
/// C = L^{-1} \Psi_1^\top Y$$
///
/// for $N$ rows and $D$ columns, each less its mean, with the [jitter](super) $\delta$ and the statistics of [`Psi`]. The bound and
/// its gradients take $O(N M^2 + M^3 + NMD)$ operations.
///
/// The parameters are called `latents` ($\mu$, of shape `[rows, latents]`), `log_latent_variance` ($\ln S$, likewise), `inducing` ($Z$, of shape
/// `[inducing, latents]`), `log_noise` ($\ln\sigma^2$, of shape `[]`), and those of the kernel.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, gp::{BayesianGplvm, GplvmData}};
/// let point = |t: f64| [t.cos(), t.sin(), 0.3 * t];
/// let y: Vec<f64> = (0..20).flat_map(|i| point(0.2 * f64::from(i))).collect();
/// let data = GplvmData::new(&y, 20, 3);
/// let mut params = Params::new();
/// let model = BayesianGplvm::new(&mut params, 20, 2, 8);
/// model.start(&mut params, &data)?;
/// let tape = Tape::new();
/// let bound = model.bound(params.on(&tape), &data)?;
/// assert!(bound.item().is_finite());
/// // Two means and two variances for each row, eight points, the noise, the kernel's variance and two length-scales.
/// assert_eq!(bound.backward().leading(params.len()).len(), 2 * 40 + 2 * 8 + 1 + 1 + 2);
/// # Ok::<(), pathscore_autodiff::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BayesianGplvm {
    kernel: Kernel,
    latents: ParamId,
    log_latent_variance: ParamId,
    inducing: ParamId,
    log_noise: ParamId,
    rows: usize,
    jitter: f64,
}

/// The means of covariances under normal latents $q(x_n) = \mathcal N(\mu_n, \mathrm{diag} S_n)$ for the radial basis function.
#[derive(Clone, Copy, Debug)]
pub struct Psi<'t, F> {
    /// $\psi_0 = \sum_n \mathbb E k(x_n, x_n) = N s^2$, of shape `[]`.
    pub psi0: Var<'t, F>,
    /// $\Psi_1(n, m) = \mathbb E k(x_n, z_m) = s^2 \prod_j \frac{e^{-(\mu_{nj} - z_{mj})^2/2(\ell_j^2 + S_{nj})}}{\sqrt{1 +
    /// S_{nj}/\ell_j^2}}$, of shape `[rows, inducing]`.
    pub psi1: Var<'t, F>,
    /// $\Psi_2(m, m') = \sum_n \mathbb E k(x_n, z_m) k(x_n, z_{m'}) = s^4 \sum_n \prod_j \frac{e^{-(z_{mj} - z_{m'j})^2/4\ell_j^2 -
    /// (\mu_{nj} - \bar z_j)^2/(\ell_j^2 + 2 S_{nj})}}{\sqrt{1 + 2 S_{nj}/\ell_j^2}}$ with $\bar z = (z_m + z_{m'})/2$, of shape `[inducing,
    /// inducing]`.
    pub psi2: Var<'t, F>,
}

/// The parts of the bound.
struct Projected<'t, F> {
    /// $L$.
    lower: Var<'t, F>,
    /// $L^{-1} \Psi_2 L^{-\top}$.
    inner: Var<'t, F>,
    /// $B$.
    factor: CholeskyFactor<'t, F>,
    /// $L^{-1} \Psi_1^\top Y$.
    pulled: Var<'t, F>,
    psi0: Var<'t, F>,
    /// $\beta$.
    beta: Var<'t, F>,
}

impl BayesianGplvm {
    /// A model of so many rows with latents of so many dimensions and so many inducing points; all parameters are zero until
    /// [`BayesianGplvm::start`] sets them near the data.
    ///
    /// # Panics
    /// If there are no rows, no latents or no inducing points.
    #[track_caller]
    pub fn new<F: Scalar>(
        params: &mut Params<F>,
        rows: usize,
        latents: usize,
        inducing: usize,
    ) -> Self {
        assert!(
            rows > 0 && latents > 0 && inducing > 0,
            "bayesian gplvm: {rows} rows with {latents} latents and {inducing} inducing points: expected at least one of each"
        );
        let rng = &mut seed::rng(0, Stream::Init, 0);
        let mut zeros =
            |name: &str, shape: &[usize]| params.add(name, shape, Init::Constant(0.0), rng);
        let x = zeros("latents", &[rows, latents]);
        let log_latent_variance = zeros("log_latent_variance", &[rows, latents]);
        let inducing = zeros("inducing", &[inducing, latents]);
        let log_noise = zeros("log_noise", &[]);
        let kernel = Kernel::new(params, &[KernelForm::Rbf], latents);
        let jitter = default_jitter::<F>();
        Self { kernel, latents: x, log_latent_variance, inducing, log_noise, rows, jitter }
    }

    /// Sets the means of the latents and the hyperparameters as [`Gplvm::start`] does, but the noise to a hundredth of the variance of a cell or
    /// more, the variances of the latents to a tenth, and the inducing points to the means of rows that are evenly spread over the data.
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
        let q = self.kernel.dimensions();
        let mut other = Params::<F>::new();
        let gplvm = Gplvm::new(&mut other, self.rows, q, &[KernelForm::Rbf]);
        gplvm.start(&mut other, data)?;
        for (name, shape, at) in other.iter() {
            let from = &other.values()[at..at + shape.size()];
            let (.., to) = params.iter().find(|(found, ..)| *found == name).expect("same names");
            params.values_mut()[to..to + from.len()].copy_from_slice(from);
        }
        params.get_mut(self.log_latent_variance).fill(F::from_f64(0.1_f64.ln()));
        // Latents that explain every column leave no noise, and latents of this variance cannot be so certain.
        let variance = self.kernel.log_variance(KernelForm::Rbf).expect("the only form");
        let least = params.get(variance)[0] + F::from_f64(LEAST_NOISE.ln());
        let noise = &mut params.get_mut(self.log_noise)[0];
        *noise = noise.max(least);
        let x = params.get(self.latents).to_vec();
        let points = params.get_mut(self.inducing);
        let count = points.len() / q;
        for (m, point) in points.chunks_exact_mut(q).enumerate() {
            let row = m * self.rows / count;
            point.copy_from_slice(&x[row * q..(row + 1) * q]);
        }
        Ok(())
    }

    /// The covariance function.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The id of $\mu$, of shape `[rows, latents]`.
    pub fn latents(&self) -> ParamId {
        self.latents
    }

    /// The id of $\ln S$, of shape `[rows, latents]`.
    pub fn log_latent_variance(&self) -> ParamId {
        self.log_latent_variance
    }

    /// The id of $Z$, of shape `[inducing, latents]`.
    pub fn inducing(&self) -> ParamId {
        self.inducing
    }

    /// The id of $\ln\sigma^2$, of shape `[]`.
    pub fn log_noise(&self) -> ParamId {
        self.log_noise
    }

    /// The statistics of the kernel under the approximate posterior. Their derivatives follow from their formulas.
    pub fn psi<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Psi<'t, F> {
        let half = F::from_f64(0.5);
        let [mu, z] = [self.latents, self.inducing].map(|id| params.get(id));
        let s = params.get(self.log_latent_variance).exp();
        let form = KernelForm::Rbf;
        let of =
            |id: Option<ParamId>| params.get(id.expect("the kernel is the radial basis function"));
        let log_variance = of(self.kernel.log_variance(form));
        let log_length_scale = of(self.kernel.log_length_scale(form));
        let (n, q, m) = (self.rows, self.kernel.dimensions(), z.shape()[0]);
        let two = F::from_f64(2.0);
        let squares = (log_length_scale * two).exp();
        let ratio = s / squares;

        // ln Ψ₁: the distances are scaled by each row's own ℓ² + S.
        let scale = (s + squares).rsqrt().reshape([n, 1, q]);
        let distance = ((mu.reshape([n, 1, q]) - z.reshape([1, m, q])) * scale).sum_squares(-1);
        let log_det = ratio.ln_1p().sum_axis(-1).reshape([n, 1]);
        let psi1 = (log_variance - (distance + log_det) * half).exp();

        // ln of the terms of Ψ₂, of shape [n, m, m]. With u_m = √b (μ − z_m) and b = 1/(ℓ² + 2S), b (μ − z̄)² is
        // (u_m² + u_m'² + 2 u_m u_m')/4: differences come first, so that far from zero no digits are lost, and nothing has m²q
        // numbers for a row. What cancels between opposite u is small against (z_m − z_m')²/4ℓ² in the same exponent.
        let scale = (s * two + squares).rsqrt().reshape([n, 1, q]);
        let u = (mu.reshape([n, 1, q]) - z.reshape([1, m, q])) * scale;
        let log_det = (ratio * two).ln_1p().sum_axis(-1).reshape([n, 1]);
        let own = (u.sum_squares(-1) + log_det) * F::from_f64(-0.25);
        let mixed = (u * -half).matmul_with(false, u, true);
        let apart = (z.reshape([m, 1, q]) - z.reshape([1, m, q])) / log_length_scale.exp();
        let apart = apart.sum_squares(-1) * F::from_f64(-0.25) + log_variance * two;
        let terms = mixed + own.reshape([n, m, 1]) + own.reshape([n, 1, m]) + apart;
        let psi2 = terms.exp().sum_axis(0);
        Psi { psi0: log_variance.exp() * F::from_f64(n as f64), psi1, psi2 }
    }

    /// The bound on $\ln p(Y)$, of shape `[]`. Its derivatives are those of the formula of the model.
    ///
    /// # Errors
    /// If a matrix is not positive definite in this precision.
    ///
    /// # Panics
    /// If the data do not have as many rows as the model, or if a cell is missing.
    #[track_caller]
    pub fn bound<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        data: &GplvmData<F>,
    ) -> Result<Var<'t, F>, Error> {
        let Projected { inner, factor, pulled, psi0, beta, .. } = self.project(params, data)?;
        let (n, d) = (self.rows as f64, data.columns() as f64);
        let number = F::from_f64;
        let total: f64 = data.groups[0].y.iter().map(|y| y.to_f64() * y.to_f64()).sum();
        let log_noise = params.get(self.log_noise) + number(std::f64::consts::TAU.ln());
        let explained = factor.inverse_form(pulled).sum() * beta * beta;
        let lost = beta * (psi0 - inner.trace()) * number(d);
        let fit = log_noise * number(n * d) + factor.log_det() * number(d) + beta * number(total);
        Ok((fit + lost - explained) * number(-0.5) - self.kl(params))
    }

    /// $\mathrm{KL}(q(X) \Vert p(X)) = \tfrac12 \sum (\mu^2 + S - \ln S - 1)$, of shape `[]`.
    pub fn kl<'t, F: Scalar>(&self, params: Bound<'t, F>) -> Var<'t, F> {
        let log_s = params.get(self.log_latent_variance);
        // e^s − 1 − s is accurate near s = 0, where the divergence vanishes.
        let own = log_s.exp_m1_less_x().sum();
        (params.get(self.latents).sum_squares(..) + own) * F::from_f64(0.5)
    }

    /// The means of the cells of rows with the latents `[m, latents]`, of shape `[m, columns]`: $\bar y_d + \beta k(x, Z) L^{-\top}
    /// B^{-1} C$, the mean of the approximate posterior of the function.
    ///
    /// # Errors
    /// If a matrix is not positive definite in this precision.
    ///
    /// # Panics
    /// If the shapes do not fit, or if a cell is missing.
    #[track_caller]
    pub fn mean<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        data: &GplvmData<F>,
        x: Var<'t, F>,
    ) -> Result<Var<'t, F>, Error> {
        let Projected { lower, factor, pulled, beta, .. } = self.project(params, data)?;
        let weights = lower.solve_triangular(Triangle::Lower, true, factor.solve(pulled) * beta)?;
        let means = x.tape().constant_with([data.columns()], |out| {
            out.iter_mut().zip(data.means()).for_each(|(out, &mean)| *out = F::from_f64(mean));
        });
        Ok(self.kernel.cross(params, x, params.get(self.inducing)).matmul(weights) + means)
    }

    #[track_caller]
    fn project<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        data: &GplvmData<F>,
    ) -> Result<Projected<'t, F>, Error> {
        let (found, expected) = (data.rows(), self.rows);
        assert_eq!(
            found, expected,
            "bayesian gplvm: the data have {found} rows, the model {expected}"
        );
        assert!(
            data.observed() == found * data.columns(),
            "bayesian gplvm: {} of {} cells are missing",
            found * data.columns() - data.observed(),
            found * data.columns()
        );
        let tape = params.tape();
        let Psi { psi0, psi1, psi2 } = self.psi(params);
        let z = params.get(self.inducing);
        let (gram, m) = (self.kernel.gram(params, z), z.shape()[0]);
        let jitter = gram.diagonal(0).mean() * F::from_f64(self.jitter);
        let lower = (gram + jitter * identity(tape, m)).cholesky()?;
        let white = |x: Var<'t, F>| lower.solve_triangular(Triangle::Lower, false, x);
        let inner = white(white(psi2)?.transpose())?;
        let beta = (-params.get(self.log_noise)).exp();
        let factor = (inner * beta + identity(tape, m)).factor_cholesky()?;
        let cells = data.groups[0].cells(tape);
        let pulled = white(psi1.matmul_with(true, cells, false))?;
        Ok(Projected { lower, inner, factor, pulled, psi0, beta })
    }
}

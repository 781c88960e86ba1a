//! Priors of hyperparameters.

use super::kernel::Kernel;
use crate::params::{Bound, ParamId};
use pathscore_autodiff::{Scalar, Var};

/// Normal priors on the logarithms of hyperparameters, each with a mean and a standard deviation, for MAP instead of maximum
/// likelihood. Parameters without a prior have a flat one.
///
/// The density is that of the logarithms, in which the optimiser moves: in the hyperparameters themselves the maximum would lie
/// elsewhere, by the Jacobian.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::{Params, gp::{GpRegression, HyperPrior, KernelForm}};
/// let mut params = Params::<f64>::new();
/// let model = GpRegression::new(&mut params, &[KernelForm::Rbf], 1);
/// let prior = HyperPrior { log_length_scale: Some((0.0, 1.0)), ..HyperPrior::default() };
/// let tape = Tape::new();
/// let log_prior = model.log_prior(params.on(&tape), &prior);
/// assert!((log_prior.item() + 0.5 * std::f64::consts::TAU.ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HyperPrior {
    /// The prior of every $\ln s^2$.
    pub log_variance: Option<(f64, f64)>,
    /// The prior of every $\ln \ell_j$.
    pub log_length_scale: Option<(f64, f64)>,
    /// The prior of $\ln\sigma^2$.
    pub log_noise: Option<(f64, f64)>,
}

impl HyperPrior {
    /// $\sum_\theta \ln \mathcal N(\theta; m, s^2)$ over the parameters of a kernel and the noise, of shape `[]`.
    pub(super) fn log_prob<'t, F: Scalar>(
        &self,
        params: Bound<'t, F>,
        kernel: &Kernel,
        log_noise: ParamId,
    ) -> Var<'t, F> {
        let mut total = params.tape().number(F::ZERO);
        let mut add = |id: ParamId, prior: Option<(f64, f64)>| {
            let Some((mean, scale)) = prior else { return };
            let theta = params.get(id);
            let standard = (theta - F::from_f64(mean)) / F::from_f64(scale);
            let constant = (scale.ln() + 0.5 * std::f64::consts::TAU.ln()) * theta.size() as f64;
            let squares = standard.sum_squares(..) * F::from_f64(-0.5);
            total = total + squares - F::from_f64(constant);
        };
        for form in kernel.forms() {
            if let Some(id) = kernel.log_variance(form) {
                add(id, self.log_variance);
            }
            if let Some(id) = kernel.log_length_scale(form) {
                add(id, self.log_length_scale);
            }
        }
        add(log_noise, self.log_noise);
        total
    }
}

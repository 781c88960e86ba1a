//! The covariance functions of Gaussian processes on the command line.

use crate::program::usage_error::usage_error;
use clap::ValueEnum;
use pathscore::autodiff::Scalar;
use pathscore::models::Params;
use pathscore::models::gp::{Kernel, KernelForm};
use serde::{Deserialize, Serialize};

/// Covariance functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub(crate) enum KernelName {
    /// Radial basis function: infinitely smooth functions.
    Rbf,
    /// Matérn's with ν = ½: functions without a derivative.
    Matern12,
    /// Matérn's with ν = 3/2: functions with one derivative.
    Matern32,
    /// Matérn's with ν = 5/2: functions with two derivatives.
    Matern52,
    /// Linear functions.
    Linear,
}

/// The forms of a sum of covariance functions.
///
/// # Errors
/// If there are none, or one is there twice.
pub(crate) fn forms(names: &[KernelName]) -> anyhow::Result<Vec<KernelForm>> {
    let twice = (1..names.len()).any(|i| names[..i].contains(&names[i]));
    if names.is_empty() || twice {
        return Err(usage_error("--kernel must name at least one covariance, and each only once"));
    }
    let form = |name: &KernelName| match name {
        KernelName::Rbf => KernelForm::Rbf,
        KernelName::Matern12 => KernelForm::Matern12,
        KernelName::Matern32 => KernelForm::Matern32,
        KernelName::Matern52 => KernelForm::Matern52,
        KernelName::Linear => KernelForm::Linear,
    };
    Ok(names.iter().map(form).collect())
}

/// The effect of each dimension of a kernel on points that spread as far as `spread` says: in units of the length-scales, and of the
/// inverse standard deviations of the linear form.
pub(crate) fn effects<F: Scalar>(kernel: &Kernel, params: &Params<F>, spread: &[f64]) -> Vec<f64> {
    let mut effects = vec![0.0; kernel.dimensions()];
    for form in kernel.forms() {
        let (id, sign) = match kernel.log_length_scale(form) {
            Some(id) => (Some(id), -1.0),
            None => (kernel.log_variance(form).filter(|_| form == KernelForm::Linear), 0.5),
        };
        let logs = id.map_or(&[][..], |id| params.get(id));
        let each = effects.iter_mut().zip(logs).zip(spread);
        each.for_each(|((sum, log), spread)| *sum += spread * (sign * log.to_f64()).exp());
    }
    effects
}

/// The dimensions of a kernel in the order of their [`effects`], the largest first.
pub(crate) fn most_relevant<F: Scalar>(
    kernel: &Kernel,
    params: &Params<F>,
    spread: &[f64],
) -> Vec<usize> {
    let effects = effects(kernel, params, spread);
    let mut order: Vec<usize> = (0..effects.len()).collect();
    order.sort_by(|&a, &b| effects[b].total_cmp(&effects[a]));
    order
}

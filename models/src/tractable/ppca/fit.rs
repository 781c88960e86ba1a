//! The maximum of the likelihood, in closed form and by expectation maximisation, in double precision.

use crate::tractable::rows::{Rows, least_noise, scaled_identity};
use pathscore_autodiff::{Error, Scalar, Tape};

/// Eigenvalues must reproduce the trace and the squared norm of their matrix to this relative accuracy, far above the
/// rounding error of a symmetric eigenproblem and far below the error of wrong eigenvalues.
const EIGENVALUE_TOLERANCE: f64 = 1e-9;

/// The parameters of the model as numbers of double precision.
pub(super) struct Values {
    /// $W$, row by row, a row for each column of the data.
    pub(super) weights: Vec<f64>,
    /// $\mu$.
    pub(super) mean: Vec<f64>,
    /// $\sigma^2$.
    pub(super) noise: f64,
}

/// $\sigma^2$, but at least $\sqrt\epsilon$ of the mean variance of a column: the likelihood divides differences of
/// numbers of the size of that variance by $\sigma^2$, and below $\sqrt\epsilon$ fewer than half of their digits would be
/// left. Data that do not vary have the least number with a finite reciprocal.
pub(super) fn held<F: Scalar>(noise: f64, mean_variance: f64) -> f64 {
    let least = F::EPSILON.to_f64().sqrt() * mean_variance;
    noise.max(least).max(least_noise::<F>())
}

/// The eigenvalues of a sample covariance, rising, and its eigenvectors as columns.
pub(super) struct Spectrum {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<f64>,
}

/// The spectrum of the sample covariance.
pub(super) fn spectrum<F: Scalar>(data: &Rows<F>) -> Result<Spectrum, Error> {
    let (columns, covariance) = (data.mean.len(), data.covariance_times(None));
    let tape = Tape::new();
    let (values, vectors) = tape.constant(&covariance, [columns, columns]).eigh()?;
    let [values, vectors] = [values, vectors].map(|found| found.value().values().to_vec());
    let near = |a: f64, b: f64| (a - b).abs() <= EIGENVALUE_TOLERANCE * b.abs();
    let squares = |of: &[f64]| of.iter().map(|x| x * x).sum::<f64>();
    if !near(values.iter().sum(), data.trace()) || !near(squares(&values), squares(&covariance)) {
        return Err(Error::NotConverged { member: 0 });
    }
    Ok(Spectrum { values, vectors })
}

/// The parameters at the maximum of the likelihood for `columns` columns and `latents` latents, and the mean of
/// $\ln p(x)$ there.
pub(super) fn closed_form<F: Scalar>(
    x: &[F],
    rows: usize,
    columns: usize,
    latents: usize,
) -> Result<(Values, f64), Error> {
    let data = Rows::new("ppca", x, rows, columns);
    let Spectrum { values, vectors } = spectrum(&data)?;
    // Eigenvalues rise, so those of the latents are the last.
    let rest = columns - latents;
    let mean_variance = data.trace() / columns as f64;
    let noise = held::<F>(values[..rest].iter().sum::<f64>() / rest as f64, mean_variance);
    let mut weights = vec![0.0; columns * latents];
    for (row, out) in weights.chunks_exact_mut(latents).enumerate() {
        for (k, out) in out.iter_mut().enumerate() {
            let at = columns - 1 - k;
            *out = vectors[row * columns + at] * (values[at] - noise).max(0.0).sqrt();
        }
    }
    let kept = values[rest..].iter().map(|&value| value.max(noise));
    let log_det = kept.clone().map(f64::ln).sum::<f64>() + rest as f64 * noise.ln();
    let distance = values[..rest].iter().sum::<f64>() / noise
        + kept.zip(&values[rest..]).map(|(model, data)| data / model).sum::<f64>();
    let log_prob = mean_log_prob(columns, log_det, distance);
    Ok((Values { weights, mean: data.mean, noise }, log_prob))
}

/// $-\tfrac12 (D \ln 2\pi + \ln\det C + d)$ with the mean `distance` $d$ of $(x - \mu)^\top C^{-1} (x - \mu)$.
fn mean_log_prob(columns: usize, log_det: f64, distance: f64) -> f64 {
    -0.5 * (columns as f64 * std::f64::consts::TAU.ln() + log_det + distance)
}

/// The parameters after one step of expectation maximisation, and the mean of $\ln p(x)$ before it. If a system of
/// equations cannot be solved, because parameters are not finite, the mean is NaN and there is no step.
pub(super) fn em_step<F: Scalar>(
    Values { weights, mean, noise }: &Values,
    x: &[F],
    rows: usize,
) -> (Option<Values>, f64) {
    let (d, noise) = (mean.len(), *noise);
    let n = weights.len() / d;
    let data = Rows::new("ppca", x, rows, d);
    let tape = Tape::new();
    let w = tape.constant(weights, [d, n]);
    let sw = tape.constant(&data.covariance_times(Some((weights, n))), [d, n]);
    let identity = tape.constant(&scaled_identity(n, noise), [n, n]);
    let inner = w.matmul_with(true, w, false) + identity;
    let Ok(inner) = inner.factor_cholesky() else { return (None, f64::NAN) };
    // M⁻¹ Wᵀ S W, of shape [latents, latents].
    let ratio = inner.solve(w.matmul_with(true, sw, false));

    // The mean of the quadratic form is tr(C⁻¹ S) plus the contribution of the distance between the two means, both by
    // Woodbury's identity.
    let shift: Vec<f64> = data.mean.iter().zip(mean).map(|(new, old)| new - old).collect();
    let shift = tape.constant(&shift, [d, 1]);
    let pulled = inner.inverse_form(w.matmul_with(true, shift, false)).sum().item();
    let explained = ratio.trace().item() + pulled;
    let distance = (data.trace() + shift.sum_squares(..).item() - explained) / noise;
    let log_det = inner.log_det().item() + (d - n) as f64 * noise.ln();
    let log_prob = mean_log_prob(d, log_det, distance);

    // W̃ = SW (σ² I + M⁻¹ Wᵀ S W)⁻¹, as the solution of the transposed system.
    let Ok(system) = (ratio + identity).factor_lu() else { return (None, f64::NAN) };
    let new = system.solve_transposed(sw.transpose()).transpose();
    // tr(S W M⁻¹ W̃ᵀ) = tr(M⁻¹ W̃ᵀ S W).
    let kept = inner.solve(new.matmul_with(true, sw, false)).trace().item();
    let noise = held::<F>((data.trace() - kept) / d as f64, data.trace() / d as f64);
    let weights = new.value().values().to_vec();
    (Some(Values { weights, mean: data.mean, noise }), log_prob)
}

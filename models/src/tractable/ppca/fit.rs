//! The maximum of the likelihood, in closed form and by expectation maximisation, in double precision.

use crate::tractable::rows::{Rows, least_noise, scaled_identity};
use pathscore_autodiff::{CholeskyFactor, Error, Scalar, Tape, Var};

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

/// The exact posterior of all rows about the sample mean, as sums over them.
struct Expectation<'t> {
    /// $SW$ for the sample covariance $S$.
    sw: Var<'t, f64>,
    /// $\sigma^2 I$.
    identity: Var<'t, f64>,
    /// $M$.
    inner: CholeskyFactor<'t, f64>,
    /// $M^{-1} W^\top S W$, of shape `[latents, latents]`.
    ratio: Var<'t, f64>,
    /// The mean of $\ln p(x)$.
    log_prob: f64,
}

/// The posterior at some parameters; none if $M$ is not positive definite, because parameters are not finite.
fn expectation<'t, F: Scalar>(
    tape: &'t Tape<f64>,
    Values { weights, mean, noise }: &Values,
    data: &Rows<F>,
) -> Option<Expectation<'t>> {
    let (d, noise) = (mean.len(), *noise);
    let n = weights.len() / d;
    let w = tape.constant(weights, [d, n]);
    let sw = tape.constant(&data.covariance_times(Some((weights, n))), [d, n]);
    let identity = tape.constant(&scaled_identity(n, noise), [n, n]);
    let inner = w.matmul_with(true, w, false) + identity;
    let inner = inner.factor_cholesky().ok()?;
    let ratio = inner.solve(w.matmul_with(true, sw, false));

    // The mean of the quadratic form is tr(C⁻¹ S) plus the contribution of the distance between the two means, both by
    // Woodbury's identity.
    let shift: Vec<f64> = data.mean.iter().zip(mean).map(|(new, old)| new - old).collect();
    let shift = tape.constant(&shift, [d, 1]);
    let pulled = inner.inverse_form(w.matmul_with(true, shift, false)).sum().item();
    let explained = ratio.trace().item() + pulled;
    let distance = (data.trace() + shift.sum_squares(..).item() - explained) / noise;
    let log_det = inner.log_det().item() + (d - n) as f64 * noise.ln();
    Some(Expectation { sw, identity, inner, ratio, log_prob: mean_log_prob(d, log_det, distance) })
}

/// The parameters after one step of expectation maximisation, and the mean of $\ln p(x)$ before it. If a system of
/// equations cannot be solved, because parameters are not finite, the mean is NaN and there is no step.
pub(super) fn em_step<F: Scalar>(values: &Values, x: &[F], rows: usize) -> (Option<Values>, f64) {
    let d = values.mean.len();
    let (data, tape) = (Rows::new("ppca", x, rows, d), Tape::new());
    let Some(Expectation { sw, identity, inner, ratio, log_prob }) =
        expectation(&tape, values, &data)
    else {
        return (None, f64::NAN);
    };
    // W̃ = SW (σ² I + M⁻¹ Wᵀ S W)⁻¹, as the solution of the transposed system.
    let Ok(system) = (ratio + identity).factor_lu() else { return (None, f64::NAN) };
    let new = system.solve_transposed(sw.transpose()).transpose();
    // tr(S W M⁻¹ W̃ᵀ) = tr(M⁻¹ W̃ᵀ S W).
    let kept = inner.solve(new.matmul_with(true, sw, false)).trace().item();
    let noise = held::<F>((data.trace() - kept) / d as f64, data.trace() / d as f64);
    let weights = new.value().values().to_vec();
    (Some(Values { weights, mean: data.mean, noise }), log_prob)
}

/// The parameters after one step of variational expectation maximisation with the best factorised posterior, and the mean
/// of the ELBO before it; NaN and no step as in [`em_step`].
pub(super) fn factorised_step<F: Scalar>(
    values: &Values,
    x: &[F],
    rows: usize,
) -> (Option<Values>, f64) {
    let d = values.mean.len();
    let (data, tape) = (Rows::new("ppca", x, rows, d), Tape::new());
    let Some(Expectation { sw, inner, ratio, log_prob, .. }) = expectation(&tape, values, &data)
    else {
        return (None, f64::NAN);
    };
    let n = values.weights.len() / d;
    let w = tape.constant(&values.weights, [d, n]);
    let precisions = w.sum_squares(0) + values.noise;
    let kl = 0.5 * (precisions.ln().sum().item() - inner.log_det().item());
    // E x̃ẑᵀ = S W M⁻¹ and E zzᵀ = M⁻¹ Wᵀ S W M⁻¹ + diag(σ²/M_ii).
    let cross = inner.solve(sw.transpose()).transpose();
    let second = inner.solve(ratio.transpose()) + (tape.number(values.noise) / precisions).diag(0);
    let found = maximum::<F>(&data, cross, second).ok();
    (found.map(|(weights, noise)| Values { weights, mean: data.mean, noise }), log_prob - kl)
}

/// $W = A B^{-1}$ and $\sigma^2 = \tfrac1D \mathrm{tr}(S - A W^\top)$ for the centred moments $A = \tfrac1N \sum_n
/// \tilde x_n E[\tilde z_n]^\top$ and $B = \tfrac1N \sum_n E[\tilde z_n \tilde z_n^\top]$, which must be positive
/// definite.
fn maximum<F: Scalar>(
    data: &Rows<F>,
    cross: Var<'_, f64>,
    second: Var<'_, f64>,
) -> Result<(Vec<f64>, f64), Error> {
    let d = data.mean.len() as f64;
    let weights = second.factor_cholesky()?.solve(cross.transpose()).transpose();
    let noise = (data.trace() - (cross * weights).sum().item()) / d;
    Ok((weights.value().values().to_vec(), held::<F>(noise, data.trace() / d)))
}

/// The maximum of the expected log joint density over all parameters, for latents with the means `mean` of each row, one
/// after another, and the mean `second` of their second moments over the rows.
pub(super) fn from_moments<F: Scalar>(
    data: &Rows<F>,
    mean: &[f64],
    second: &[f64],
) -> Result<Values, Error> {
    let (d, n) = (data.mean.len(), mean.len() / data.rows);
    let mut centre = vec![0.0; n];
    for z in mean.chunks_exact(n) {
        centre.iter_mut().zip(z).for_each(|(sum, z)| *sum += z / data.rows as f64);
    }
    let mut cross = vec![0.0; d * n];
    data.each_block(&data.mean, |tape, centred, first| {
        let rows = centred.len() / d;
        let z = tape.constant(&mean[first * n..][..rows * n], [rows, n]);
        let z = z - tape.constant(&centre, [n]);
        let product = tape.constant(centred, [rows, d]).matmul_with(true, z, false);
        product.with(|p| cross.iter_mut().zip(p).for_each(|(sum, p)| *sum += p));
    });
    cross.iter_mut().for_each(|sum| *sum /= data.rows as f64);
    let tape = Tape::new();
    let of_means = tape.constant(&centre, [n, 1]);
    let second = tape.constant(second, [n, n]) - of_means.matmul_with(false, of_means, true);
    let (weights, noise) = maximum::<F>(data, tape.constant(&cross, [d, n]), second)?;
    // μ = x̄ − W z̄.
    let shift = weights.chunks_exact(n).map(|w| w.iter().zip(&centre).map(|(w, z)| w * z).sum());
    let mean = data.mean.iter().zip(shift).map(|(x, shift): (_, f64)| x - shift).collect();
    Ok(Values { weights, mean, noise })
}

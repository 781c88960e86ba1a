//! The maximum of the likelihood, in closed form and by expectation maximisation, in double precision.

use pathscore_autodiff::{Error, Scalar, Tape};

/// The number of rows that are centred and multiplied at a time, so that memory does not grow with the number of all
/// rows.
const BLOCK: usize = 256;

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

/// Rows of data, with the mean of each column and the trace of the sample covariance about it.
struct Rows<'a, F> {
    x: &'a [F],
    rows: usize,
    mean: Vec<f64>,
    trace: f64,
}

impl<'a, F: Scalar> Rows<'a, F> {
    fn new(x: &'a [F], rows: usize, columns: usize) -> Self {
        assert!(
            rows > 0 && x.len() == rows * columns,
            "ppca: {} values are not {rows} rows of {columns}, or there are no rows",
            x.len()
        );
        let mut mean = vec![0.0; columns];
        for row in x.chunks_exact(columns) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x.to_f64());
        }
        mean.iter_mut().for_each(|mean| *mean /= rows as f64);
        let squares = |row: &[F]| {
            row.iter().zip(&mean).map(|(x, mean)| (x.to_f64() - mean).powi(2)).sum::<f64>()
        };
        let trace = x.chunks_exact(columns).map(squares).sum::<f64>() / rows as f64;
        Self { x, rows, mean, trace }
    }

    /// $SA$ for the sample covariance $S = \tfrac1N \sum_n \tilde x_n \tilde x_n^\top$ and a matrix $A$ with `width`
    /// columns, or $S$ itself if there is no matrix. $S$ is not formed on the way to $SA$.
    fn covariance_times(&self, matrix: Option<(&[f64], usize)>) -> Vec<f64> {
        let columns = self.mean.len();
        let width = matrix.map_or(columns, |(_, width)| width);
        let mut sum = vec![0.0; columns * width];
        let mut tape = Tape::new();
        for block in self.x.chunks(BLOCK * columns) {
            let centred = tape.constant_with([block.len() / columns, columns], |out| {
                for (out, x) in out.chunks_exact_mut(columns).zip(block.chunks_exact(columns)) {
                    for ((out, x), mean) in out.iter_mut().zip(x).zip(&self.mean) {
                        *out = x.to_f64() - mean;
                    }
                }
            });
            let right = match matrix {
                Some((matrix, width)) => centred.matmul(tape.constant(matrix, [columns, width])),
                None => centred,
            };
            let product = centred.matmul_with(true, right, false);
            product.with(|p| sum.iter_mut().zip(p).for_each(|(sum, p)| *sum += p));
            tape.clear();
        }
        sum.iter_mut().for_each(|x| *x /= self.rows as f64);
        sum
    }

    /// $\sigma^2$, but at least $\sqrt\epsilon$ of the mean variance of a column: the likelihood divides differences of
    /// numbers of the size of that variance by $\sigma^2$, and below $\sqrt\epsilon$ fewer than half of their digits would be
    /// left. Data that do not vary have the least number with a finite reciprocal.
    fn held(&self, noise: f64) -> f64 {
        let least = F::EPSILON.to_f64().sqrt() * self.trace / self.mean.len() as f64;
        noise.max(least).max(least_noise::<F>())
    }
}

/// The least $\sigma^2$ of a precision, four times its least normal number: its logarithm may be rounded, and its
/// reciprocal is finite.
pub(super) fn least_noise<F: Scalar>() -> f64 {
    4.0 * if F::NAME == "f32" { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE }
}

/// The parameters at the maximum of the likelihood for `columns` columns and `latents` latents, and the mean of
/// $\ln p(x)$ there.
pub(super) fn closed_form<F: Scalar>(
    x: &[F],
    rows: usize,
    columns: usize,
    latents: usize,
) -> Result<(Values, f64), Error> {
    let data = Rows::new(x, rows, columns);
    let covariance = data.covariance_times(None);
    let tape = Tape::new();
    let (values, vectors) = tape.constant(&covariance, [columns, columns]).eigh()?;
    let values = values.value();
    let values = values.values();
    let near = |a: f64, b: f64| (a - b).abs() <= EIGENVALUE_TOLERANCE * b.abs();
    let squares = |of: &[f64]| of.iter().map(|x| x * x).sum::<f64>();
    if !near(values.iter().sum(), data.trace) || !near(squares(values), squares(&covariance)) {
        return Err(Error::NotConverged { member: 0 });
    }
    // Eigenvalues rise, so those of the latents are the last.
    let rest = columns - latents;
    let noise = data.held(values[..rest].iter().sum::<f64>() / rest as f64);
    let mut weights = vec![0.0; columns * latents];
    vectors.with(|vectors| {
        for (row, out) in weights.chunks_exact_mut(latents).enumerate() {
            for (k, out) in out.iter_mut().enumerate() {
                let at = columns - 1 - k;
                *out = vectors[row * columns + at] * (values[at] - noise).max(0.0).sqrt();
            }
        }
    });
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
    let data = Rows::new(x, rows, d);
    let tape = Tape::new();
    let w = tape.constant(weights, [d, n]);
    let sw = tape.constant(&data.covariance_times(Some((weights, n))), [d, n]);
    let scaled_identity = tape.constant_with([n, n], |out| {
        out.fill(0.0);
        out.iter_mut().step_by(n + 1).for_each(|x| *x = noise);
    });
    let inner = w.matmul_with(true, w, false) + scaled_identity;
    let Ok(inner) = inner.factor_cholesky() else { return (None, f64::NAN) };
    // M⁻¹ Wᵀ S W, of shape [latents, latents].
    let ratio = inner.solve(w.matmul_with(true, sw, false));

    // The mean of the quadratic form is tr(C⁻¹ S) plus the contribution of the distance between the two means, both by
    // Woodbury's identity.
    let shift: Vec<f64> = data.mean.iter().zip(mean).map(|(new, old)| new - old).collect();
    let shift = tape.constant(&shift, [d, 1]);
    let pulled = inner.inverse_form(w.matmul_with(true, shift, false)).sum().item();
    let explained = ratio.trace().item() + pulled;
    let distance = (data.trace + shift.sum_squares(..).item() - explained) / noise;
    let log_det = inner.log_det().item() + (d - n) as f64 * noise.ln();
    let log_prob = mean_log_prob(d, log_det, distance);

    // W̃ = SW (σ² I + M⁻¹ Wᵀ S W)⁻¹, as the solution of the transposed system.
    let Ok(system) = (ratio + scaled_identity).factor_lu() else { return (None, f64::NAN) };
    let new = system.solve_transposed(sw.transpose()).transpose();
    // tr(S W M⁻¹ W̃ᵀ) = tr(M⁻¹ W̃ᵀ S W).
    let kept = inner.solve(new.matmul_with(true, sw, false)).trace().item();
    let noise = data.held((data.trace - kept) / d as f64);
    let weights = new.value().values().to_vec();
    (Some(Values { weights, mean: data.mean, noise }), log_prob)
}

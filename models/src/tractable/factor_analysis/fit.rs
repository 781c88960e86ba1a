//! A step of expectation maximisation, in double precision.

use crate::tractable::rows::{Rows, scaled_identity};
use pathscore_autodiff::{Scalar, Tape};

/// The parameters of the model as numbers of double precision.
pub(super) struct Values {
    /// $W$, row by row, a row for each column of the data.
    pub(super) weights: Vec<f64>,
    /// $\mu$.
    pub(super) mean: Vec<f64>,
    /// The diagonal of $\Psi$.
    pub(super) noise: Vec<f64>,
}

/// The parameters after one step, and the mean of $\ln p(x)$ before it. If a system of equations cannot be solved, because
/// numbers are not finite, the mean is NaN and there is no step.
pub(super) fn em_step<F: Scalar>(
    Values { weights, mean, noise }: &Values,
    data: &Rows<F>,
    floor: f64,
) -> (Option<Values>, f64) {
    let d = mean.len();
    let n = weights.len() / d;
    let tape = Tape::new();
    let w = tape.constant(weights, [d, n]);
    let precision: Vec<f64> = noise.iter().map(|noise| 1.0 / noise).collect();
    let scaled = w * tape.constant(&precision, [d, 1]);
    let inner =
        w.matmul_with(true, scaled, false) + tape.constant(&scaled_identity(n, 1.0), [n, n]);
    let Ok(inner) = inner.factor_cholesky() else { return (None, f64::NAN) };
    // βᵀ = Ψ⁻¹ W M⁻¹, of shape [columns, latents]; M is symmetric.
    let beta = inner.solve(scaled.transpose()).transpose().value();
    let s_beta = tape.constant(&data.covariance_times(Some((beta.values(), n))), [d, n]);
    let beta = tape.constant(beta.values(), [d, n]);

    // C⁻¹ = Ψ⁻¹ − Ψ⁻¹Wβ by Woodbury's identity, so tr(C⁻¹S) = tr(Ψ⁻¹S) − tr(Ψ⁻¹W βS), and likewise for the contribution
    // of the distance between the two means.
    let shift: Vec<f64> = data.mean.iter().zip(mean).map(|(new, old)| new - old).collect();
    let along: f64 = {
        let shift = tape.constant(&shift, [d, 1]);
        inner.inverse_form(scaled.matmul_with(true, shift, false)).sum().item()
    };
    let squares = data.variances.iter().zip(&shift).zip(&precision);
    let whole: f64 = squares.map(|((s, shift), precision)| (s + shift * shift) * precision).sum();
    let explained = (scaled * s_beta).sum().item();
    let log_det = inner.log_det().item() + noise.iter().map(|x| x.ln()).sum::<f64>();
    let constant = d as f64 * std::f64::consts::TAU.ln();
    let log_prob = -0.5 * (constant + log_det + whole - explained - along);

    // E[zzᵀ] = M⁻¹ + βSβᵀ, and W̃ = Sβᵀ E[zzᵀ]⁻¹ as the solution of the transposed system.
    let second = inner.inverse() + beta.matmul_with(true, s_beta, false);
    // Rounding leaves a matrix that is not exactly symmetric.
    let second = (second + second.transpose()) * 0.5;
    let Ok(second) = second.factor_cholesky() else { return (None, f64::NAN) };
    let new = second.solve(s_beta.transpose()).transpose();
    let kept = (new * s_beta).sum_axis(-1).value();
    let least = data.floors(floor);
    let rest = data.variances.iter().zip(kept.values()).zip(&least);
    let noise = rest.map(|((whole, kept), least)| (whole - kept).max(*least)).collect();
    let weights = new.value().values().to_vec();
    (Some(Values { weights, mean: data.mean.clone(), noise }), log_prob)
}

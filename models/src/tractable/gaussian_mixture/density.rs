//! The density of a mixture, written once for both precisions and for parameters with and without derivatives.

use pathscore_autodiff::{Scalar, Triangle, Var};

/// The parameters of the model as numbers of double precision.
pub(super) struct Values {
    pub(super) logits: Vec<f64>,
    /// $\mu_k$, component by component.
    pub(super) mean: Vec<f64>,
    /// The logarithms of the diagonals of $L_k$, component by component.
    pub(super) log_scale: Vec<f64>,
    /// The numbers of $L_k$ below the diagonal, in whole matrices; none if covariances are diagonal.
    pub(super) lower: Option<Vec<f64>>,
}

/// The parameters of a mixture on a tape.
#[derive(Clone, Copy)]
pub(super) struct Density<'t, F> {
    pub(super) logits: Var<'t, F>,
    pub(super) mean: Var<'t, F>,
    pub(super) log_scale: Var<'t, F>,
    pub(super) lower: Option<Var<'t, F>>,
}

impl<'t, F: Scalar> Density<'t, F> {
    /// The Cholesky factors, of shape `[components, columns, columns]`.
    pub(super) fn scale_tril(self) -> Var<'t, F> {
        let diagonal = self.log_scale.exp().diag(0);
        self.lower.map_or(diagonal, |lower| lower.tril(-1) + diagonal)
    }

    /// $\ln\pi_k + \ln\mathcal N(x; \mu_k, L_k L_k^\top)$, from `[batch, columns]` to `[batch, components]`.
    pub(super) fn log_joint(self, x: Var<'t, F>) -> Var<'t, F> {
        let Self { logits, mean, log_scale, lower } = self;
        let shape = mean.shape();
        let (k, d, rows) = (shape[0], shape[1], x.shape()[0]);
        let distance = if lower.is_some() {
            // [components, columns, batch]: the systems of all rows are solved at once.
            let columns = x.transpose().reshape([1, d, rows]) - mean.reshape([k, d, 1]);
            let solved = self.scale_tril().solve_triangular(Triangle::Lower, false, columns);
            match solved {
                Ok(y) => y.sum_squares(-2).transpose(),
                // A scale has underflowed to zero.
                Err(_) => {
                    return (x.sum_axis(-1) * F::from_f64(f64::NAN)).reshape([rows, 1]) + logits;
                }
            }
        } else {
            ((x.reshape([rows, 1, d]) - mean) * (-log_scale).exp()).sum_squares(-1)
        };
        combine(logits, log_scale, distance)
    }
}

/// $\ln\pi_k - \sum_j \ln (L_k)_{jj} - \tfrac D2 \ln 2\pi - \tfrac12 d_k$ for squared distances $d$ of shape `[batch, components]`.
pub(super) fn combine<'t, F: Scalar>(
    logits: Var<'t, F>,
    log_scale: Var<'t, F>,
    distance: Var<'t, F>,
) -> Var<'t, F> {
    let constant = 0.5 * log_scale.shape()[1] as f64 * std::f64::consts::TAU.ln();
    let each = logits.log_softmax(-1) - log_scale.sum_axis(-1) - F::from_f64(constant);
    each - distance * F::from_f64(0.5)
}

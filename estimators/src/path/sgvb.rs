//! Stochastic gradient variational Bayes (Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014).

use crate::draw::{Path, PathWithKl};
use crate::estimator::{Columns, Cotangents, LogWeights};
use pathscore_autodiff::Scalar;

/// The reparameterised gradient of the ELBO, with the divergence estimated at the draws.
///
/// $z_k = g(\varepsilon_k, \varphi)$ makes $E_q f = E_\varepsilon f(g(\varepsilon, \varphi))$, whose gradient is the
/// mean of the total derivatives of $f_k$. Columns: $a = 1/K$, $b = -1/K$, path 1. It is unbiased wherever $f$ is
/// continuous in $z$, and the estimator of first choice for continuous latents.
#[doc(alias = "reparameterization")]
#[doc(alias = "reparameterization trick")]
#[doc(alias = "pathwise gradient")]
#[doc(alias = "stochastic gradient variational Bayes")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Sgvb;

/// [`Sgvb`] with $\mathrm{KL}(q \Vert p)$ in closed form, for pairs of distributions that have one.
///
/// The columns weight $\ln p(x \mid z_k)$ and the divergence: $a = 1/K$, $b = -1/K$, path 1. Its variance is usually
/// below that of the sampled form, but not near the optimum, where the two terms of the sampled form cancel draw by
/// draw.
#[derive(Clone, Copy, Debug, Default)]
pub struct SgvbKl;

/// Fills the columns with $a = 1/K$ and $b = -1/K$.
pub(super) fn equal_shares<F: Scalar>(w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
    let share = F::ONE / F::from_f64(w.draws() as f64);
    cotangents.fill(w, |_| |_| (share, -share));
}

impl Columns for Sgvb {
    type Draw = Path;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        equal_shares(w, cotangents);
    }
}

impl Columns for SgvbKl {
    type Draw = PathWithKl;

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        equal_shares(w, cotangents);
    }
}

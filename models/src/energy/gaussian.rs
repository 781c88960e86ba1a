//! The normal distribution as an energy whose normaliser is known, for tests of everything that does without it.

use super::{NormalBase, RealEnergy};
use crate::capability::Energy;
use crate::params::{Bound, Init, ParamId, Params};
use pathscore_autodiff::{Scalar, Var};
use rand::Rng;
use std::f64::consts::TAU;

/// A normal distribution of unknown mean and precision, as an energy:
///
/// $$E(x) = \tfrac12 (x - m)^\top \Lambda (x - m), \qquad \Lambda = LL^\top, \qquad
/// \ln Z = \tfrac D2 \ln 2\pi - \sum_i \ln L_{ii}$$
///
/// with a lower triangular $L$ whose diagonal is the exponential of a parameter, so that $\Lambda$ is always positive
/// definite. The energy does not contain $\ln Z$: it is the analytic case of models without a normaliser. Its gradient
/// in $x$ is $\Lambda (x - m)$, in $m$ the negative of that, and in $L$ it is $(x - m)(x - m)^\top L$.
///
/// The parameters are called `mean` ($m$), `log_diagonal` ($\ln L_{ii}$) and, for two columns or more, `below`, a
/// square matrix of which only the numbers below the diagonal are used.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::{GaussianEnergy, NormalBase};
/// use pathscore_models::{Energy, Params, seed};
/// let (mut params, rng) = (Params::<f64>::new(), &mut seed::rng(0, seed::Stream::Init, 0));
/// let model = GaussianEnergy::new(&mut params, NormalBase::new(vec![1.0], vec![0.5]), rng);
/// let tape = Tape::new();
/// let x = tape.constant(&[2.0], [1, 1]);
/// // At first it is its base, with the precision 1/0.5².
/// assert_eq!(model.energy(params.on(&tape), x).item(), 2.0);
/// assert_eq!(model.precision(&params), [4.0]);
/// assert!((model.log_partition(&params) - 0.5 * (0.25 * std::f64::consts::TAU).ln()).abs() < 1e-15);
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "normal")]
pub struct GaussianEnergy {
    base: NormalBase,
    mean: ParamId,
    log_diagonal: ParamId,
    below: Option<ParamId>,
}

impl GaussianEnergy {
    /// A model that equals its base at first.
    pub fn new<F: Scalar, R: Rng>(params: &mut Params<F>, base: NormalBase, rng: &mut R) -> Self {
        let n = base.columns();
        let zero = Init::Constant(0.0);
        let mean = params.add("mean", [n], zero, rng);
        let log_diagonal = params.add("log_diagonal", [n], zero, rng);
        let below = (n > 1).then(|| params.add("below", [n, n], zero, rng));
        let write = |to: &mut [F], from: &[f64], f: fn(f64) -> f64| {
            to.iter_mut().zip(from).for_each(|(to, &x)| *to = F::from_f64(f(x)));
        };
        write(params.get_mut(mean), base.mean(), |m| m);
        write(params.get_mut(log_diagonal), base.scale(), |s| -s.ln());
        Self { base, mean, log_diagonal, below }
    }

    /// The id of $m$.
    pub fn mean(&self) -> ParamId {
        self.mean
    }

    /// The id of $\ln L_{ii}$.
    pub fn log_diagonal(&self) -> ParamId {
        self.log_diagonal
    }

    /// The precision $\Lambda = LL^\top$, row by row.
    pub fn precision<F: Scalar>(&self, params: &Params<F>) -> Vec<f64> {
        let n = self.base.columns();
        let diagonal = params.get(self.log_diagonal);
        let factor = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => diagonal[i].to_f64().exp(),
            std::cmp::Ordering::Greater => {
                self.below.map_or(0.0, |below| params.get(below)[i * n + j].to_f64())
            }
        };
        let entry = |i, j| (0..n).map(|k| factor(i, k) * factor(j, k)).sum();
        (0..n * n).map(|at| entry(at / n, at % n)).collect()
    }

    /// $\ln Z = \frac D2 \ln 2\pi - \sum_i \ln L_{ii}$. Its derivative with respect to $\ln L_{ii}$ is $-1$.
    pub fn log_partition<F: Scalar>(&self, params: &Params<F>) -> f64 {
        params.get(self.log_diagonal).iter().map(|l| 0.5 * TAU.ln() - l.to_f64()).sum()
    }
}

impl<F: Scalar> Energy<F> for GaussianEnergy {
    fn energy<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let miss = x - params.get(self.mean);
        let along = miss * params.get(self.log_diagonal).exp();
        let rotated = match self.below {
            Some(below) => along + miss.matmul(params.get(below).tril(-1)),
            None => along,
        };
        rotated.sum_squares(-1) * F::from_f64(0.5)
    }
}

impl<F: Scalar> RealEnergy<F> for GaussianEnergy {
    fn base(&self) -> &NormalBase {
        &self.base
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::Grid;
    use crate::seed::{self, Stream};
    use pathscore_autodiff::Tape;

    /// A correlated normal, with numbers above the diagonal of `below`, which must have no effect.
    fn correlated() -> (GaussianEnergy, Params<f64>) {
        let (mut params, rng) = (Params::new(), &mut seed::rng(0, Stream::Init, 0));
        let base = NormalBase::new(vec![0.5, -1.0], vec![0.8, 1.25]);
        let model = GaussianEnergy::new(&mut params, base, rng);
        let below = model.below.expect("there are two columns");
        params.get_mut(below).copy_from_slice(&[7.0, 7.0, 0.6, 7.0]);
        (model, params)
    }

    #[test]
    fn the_energy_is_the_quadratic_form_of_the_precision_with_its_slope() {
        let (model, params) = correlated();
        let tape = Tape::new();
        let bound = params.on(&tape);
        let x = tape.leaf(&[1.5, 0.25], [1, 2]);
        let energy = model.energy(bound, x);
        let precision = model.precision(&params);
        let d = [1.0, 1.25];
        let along = [0, 1].map(|i| precision[2 * i] * d[0] + precision[2 * i + 1] * d[1]);
        // Some ten roundings of numbers near one.
        assert!((energy.item() - 0.5 * (d[0] * along[0] + d[1] * along[1])).abs() < 1e-14);
        let slope = energy.sum().backward().of(x);
        assert!(slope.values().iter().zip(along).all(|(a, b)| (a - b).abs() < 1e-14));
        assert!((precision[1] - 0.6 * 1.25).abs() < 1e-15 && precision[1] == precision[2]);
    }

    #[test]
    fn the_normaliser_and_the_divergence_are_those_of_a_grid() {
        let (model, params) = correlated();
        let grid = Grid::new(&[[-8.0, 9.0], [-13.0, 11.0]], 201);
        let log_z = model.log_partition(&params);
        assert!((grid.log_partition(&model, &params) - log_z).abs() < 1e-11);
        // KL of two normals with the same mean: ½ (tr ΛΣ − 2 − ln det ΛΣ).
        let log_p = |x: &[f64]| -0.5 * ((x[0] - 0.5).powi(2) + (x[1] + 1.0).powi(2));
        let precision = model.precision(&params);
        let log_det = 2.0 * ((1.0_f64 / 0.8).ln() + (1.0_f64 / 1.25).ln());
        let exact = 0.5 * (precision[0] + precision[3] - 2.0 - log_det);
        assert!((grid.kl(log_p, &model, &params) - exact).abs() < 1e-11);
    }
}

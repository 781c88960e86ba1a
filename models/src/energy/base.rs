//! The normal law around the data that an energy of real rows brings with it.

use crate::RandomSource;
use crate::capability::Energy;
use pathscore_autodiff::{Scalar, Tape, Var};
use std::f64::consts::TAU;
use std::sync::Arc;

/// A fixed normal law with independent columns, $\prod_i \mathcal N(x_i; \mu_i, \sigma_i^2)$.
///
/// An energy of real rows has one near the data. It is the noise of noise-contrastive estimation, the law from which
/// chains start, the known end of annealing, and its scales $\sigma_i$ are the units in which chains move. It has no
/// parameters that are learnt.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::energy::NormalBase;
/// let base = NormalBase::new(vec![1.0], vec![2.0]);
/// let tape = Tape::<f64>::new();
/// let log_prob = base.log_prob(tape.constant(&[3.0], [1, 1])).item();
/// assert!((log_prob + 0.5 + 0.5 * (4.0 * std::f64::consts::TAU).ln()).abs() < 1e-15);
/// assert_eq!(NormalBase::fit(&[0.0, 5.0, 2.0, 5.0], 2, 0.5), NormalBase::new(vec![1.0, 5.0], vec![1.0, 0.5]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NormalBase {
    mean: Arc<[f64]>,
    scale: Arc<[f64]>,
}

impl NormalBase {
    /// The law with these means and standard deviations.
    ///
    /// # Panics
    /// If there are no columns, if there is not one standard deviation for each mean, or if a number is not finite or a
    /// standard deviation not positive.
    pub fn new(mean: Vec<f64>, scale: Vec<f64>) -> Self {
        let (means, scales) = (mean.len(), scale.len());
        assert!(means > 0 && means == scales, "normal base: {means} means and {scales} scales");
        assert!(
            mean.iter().all(|m| m.is_finite()) && scale.iter().all(|s| s.is_finite() && *s > 0.0),
            "normal base: the means must be finite, and the scales finite and positive"
        );
        Self { mean: mean.into(), scale: scale.into() }
    }

    /// The standard normal law of so many columns.
    ///
    /// # Panics
    /// If there are no columns.
    pub fn standard(columns: usize) -> Self {
        Self::new(vec![0.0; columns], vec![1.0; columns])
    }

    /// The law with the means and standard deviations of the columns of a table, which lies row by row. A column that
    /// varies less than `floor` has this standard deviation instead, so that a constant column does no harm.
    ///
    /// # Panics
    /// If there are no rows or no columns, the numbers are no rows of so many columns, or one of them is not finite.
    pub fn fit(rows: &[f64], columns: usize, floor: f64) -> Self {
        let count = rows.len() / columns.max(1);
        assert!(count > 0 && rows.len() == count * columns, "normal base: no rows of {columns}");
        let column = |i: usize| rows.iter().skip(i).step_by(columns);
        let mean_of = |i| column(i).sum::<f64>() / count as f64;
        let mean: Vec<f64> = (0..columns).map(mean_of).collect();
        let scale = mean.iter().enumerate().map(|(i, mean)| {
            let squares = column(i).map(|x| (x - mean) * (x - mean)).sum::<f64>();
            (squares / count as f64).sqrt().max(floor)
        });
        let scale = scale.collect();
        Self::new(mean, scale)
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// $\mu_i$ of every column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// $\sigma_i$ of every column.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// $\ln \int e^{-\frac12 \Vert (x - \mu) / \sigma \Vert^2} dx = \frac D2 \ln 2\pi + \sum_i \ln\sigma_i$.
    pub fn log_partition(&self) -> f64 {
        self.scale.iter().map(|s| s.ln() + 0.5 * TAU.ln()).sum()
    }

    /// $(x - \mu) / \sigma$, column by column, for `x` of shape `[rows, columns]`.
    ///
    /// # Panics
    /// If `x` has another number of columns.
    #[track_caller]
    pub fn standardized<'t, F: Scalar>(&self, x: Var<'t, F>) -> Var<'t, F> {
        let constant = |numbers: &[f64], f: fn(f64) -> f64| {
            x.tape().constant_with([numbers.len()], |to| {
                to.iter_mut().zip(numbers).for_each(|(to, &x)| *to = F::from_f64(f(x)));
            })
        };
        (x - constant(&self.mean, |m| m)) * constant(&self.scale, |s| 1.0 / s)
    }

    /// $-\frac12 \Vert (x - \mu) / \sigma \Vert^2 - \frac D2 \ln 2\pi - \sum_i \ln\sigma_i$ for every row: from
    /// `[rows, columns]` to `[rows]`. Its derivative in $x$ is $-(x - \mu) / \sigma^2$.
    ///
    /// # Panics
    /// If `x` has another number of columns.
    #[track_caller]
    pub fn log_prob<'t, F: Scalar>(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.standardized(x).sum_squares(-1) * F::from_f64(-0.5) - F::from_f64(self.log_partition())
    }

    /// Independent rows of the law, as a constant of shape `[rows, columns]`.
    pub fn sample<'t, F: Scalar, R: RandomSource>(
        &self,
        tape: &'t Tape<F>,
        rows: usize,
        rng: &mut R,
    ) -> Var<'t, F> {
        let columns = self.columns();
        let constant = |numbers: &[f64]| {
            tape.constant_with([columns], |to| {
                to.iter_mut().zip(numbers).for_each(|(to, &x)| *to = F::from_f64(x));
            })
        };
        let eps = rng.normal_var(tape, [rows, columns].into());
        eps * constant(&self.scale) + constant(&self.mean)
    }
}

/// An energy of rows of real numbers, with a normal law near the data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an energy of real numbers with a normal base",
    label = "this model has no `base`",
    note = "score matching, noise-contrastive estimation and chains by Langevin or Hamiltonian dynamics are for \
            `RealEnergy`; energies of bits have Gibbs sweeps"
)]
pub trait RealEnergy<F: Scalar>: Energy<F> {
    /// The normal law near the data.
    fn base(&self) -> &NormalBase;
}

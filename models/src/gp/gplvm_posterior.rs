//! Predictions of a fitted Gaussian-process latent-variable model.

use super::gplvm_data::{GplvmData, Group};
use super::kernel::Kernel;
use crate::params::Bound;
use pathscore_autodiff::{Error, Scalar, Tape, Var};

/// A fitted [`Gplvm`](super::Gplvm) as a map from latents to rows: the posterior of its Gaussian processes given the data, with the
/// factorisations done. It belongs to the parameters that it was made with.
///
/// With $k_\ast = k(X, x_\ast)$ a cell of a new row is normal with the mean $\bar y_d + k_\ast^\top A^{-1} y_d$ and the variance $v = k(x_\ast,
/// x_\ast) - k_\ast^\top A^{-1} k_\ast + \sigma^2 + \text{jitter}$, which all columns with the same observed rows share.
#[derive(Clone, Debug)]
pub struct GplvmPosterior<'d, F> {
    kernel: Kernel,
    data: &'d GplvmData<F>,
    latents: Vec<F>,
    noise: F,
    groups: Vec<Solved<F>>,
}

/// A group of columns with its factorisation done.
#[derive(Clone, Debug)]
struct Solved<F> {
    /// The latents of the observed rows.
    latents: Vec<F>,
    /// $A^{-1}$.
    inverse: Vec<F>,
    /// $B = A^{-1} Y$, of shape `[observed rows, columns]`.
    weights: Vec<F>,
    /// $BB^\top$.
    products: Vec<F>,
}

/// A new row of data, with what its density needs of it computed once.
#[derive(Clone, Debug)]
pub struct GplvmTarget<F> {
    /// One for each group with an observed cell: the place of the group first.
    parts: Vec<(usize, Part<F>)>,
    nearest: Vec<usize>,
}

/// The part of a row in one group of columns.
#[derive(Clone, Debug)]
struct Part<F> {
    count: usize,
    /// $\Vert y \Vert^2$.
    square: F,
    /// $By$.
    pulled: Vec<F>,
    /// $BB^\top$ of the observed columns, if some are missing.
    products: Option<Vec<F>>,
}

fn dot<F: Scalar>(a: &[F], b: &[F]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

impl<'d, F: Scalar> GplvmPosterior<'d, F> {
    pub(super) fn new(
        kernel: &Kernel,
        data: &'d GplvmData<F>,
        latents: &[F],
        (covariance, noise): (Var<'_, F>, F),
    ) -> Result<Self, Error> {
        let dimensions = kernel.dimensions();
        let solved = |group: &Group<F>| {
            let factor = group.factor(covariance)?;
            let weights = factor.solve(group.cells(covariance.tape()));
            let numbers = |x: Var<'_, F>| x.value().values().to_vec();
            let row = |&i: &usize| latents[i * dimensions..(i + 1) * dimensions].to_vec();
            let of = group.rows.as_ref();
            Ok(Solved {
                latents: of.map_or(latents.to_vec(), |rows| rows.iter().flat_map(row).collect()),
                inverse: numbers(factor.inverse()),
                weights: numbers(weights),
                products: numbers(weights.matmul_with(false, weights, true)),
            })
        };
        let groups = data.groups.iter().map(solved).collect::<Result<_, Error>>()?;
        Ok(Self { kernel: kernel.clone(), data, latents: latents.to_vec(), noise, groups })
    }

    /// The number of dimensions of a latent.
    pub fn dimensions(&self) -> usize {
        self.kernel.dimensions()
    }

    /// The latent of a row of the data.
    ///
    /// # Panics
    /// If there is no such row.
    #[track_caller]
    pub fn latent(&self, row: usize) -> &[F] {
        &self.latents[row * self.dimensions()..(row + 1) * self.dimensions()]
    }

    /// The means of the cells of rows with the latents `[m, latents]`, of shape `[m, columns]`, with derivatives with respect to
    /// the latents. A column without an observed cell has the mean zero.
    ///
    /// # Panics
    /// If the latents do not have as many dimensions.
    #[track_caller]
    pub fn mean<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let tape = params.tape();
        let (rows, columns) = (x.shape()[0], self.data.columns());
        let means = tape.constant_with([columns], |out| {
            out.iter_mut().zip(self.data.means()).for_each(|(out, &mean)| *out = F::from_f64(mean));
        });
        let mut total = means.broadcast_to([rows, columns]);
        for (group, solved) in self.data.groups.iter().zip(&self.groups) {
            let d = group.columns.len();
            let (cross, n) = self.cross(params, solved, x);
            let found = cross.matmul(tape.constant(&solved.weights, [n, d]));
            let index: Vec<usize> = (0..rows).flat_map(|_| group.columns.iter().copied()).collect();
            total = total
                .scatter_add(-1, tape.indices(&index, [rows, d]), found)
                .expect("columns of a group are columns of the data");
        }
        total
    }

    /// The variances of the cells of rows with the latents `[m, latents]`, noise included, of shape `[m, columns]`, with derivatives
    /// with respect to the latents. Where rounding would make the variance of the function negative it is zero.
    ///
    /// # Panics
    /// If the latents do not have as many dimensions.
    #[track_caller]
    pub fn variance<'t>(&self, params: Bound<'t, F>, x: Var<'t, F>) -> Var<'t, F> {
        let tape = params.tape();
        let (rows, columns) = (x.shape()[0], self.data.columns());
        let prior = self.kernel.diagonal(params.detach(), x);
        let mut total = (prior + self.noise).reshape([rows, 1]).broadcast_to([rows, columns]);
        for (group, solved) in self.data.groups.iter().zip(&self.groups) {
            let d = group.columns.len();
            let (cross, n) = self.cross(params, solved, x);
            let known = cross.quadratic_form(tape.constant(&solved.inverse, [n, n]));
            let known = known.min(prior).reshape([rows, 1]).broadcast_to([rows, d]);
            let index: Vec<usize> = (0..rows).flat_map(|_| group.columns.iter().copied()).collect();
            total = total
                .scatter_add(-1, tape.indices(&index, [rows, d]), -known)
                .expect("columns of a group are columns of the data");
        }
        total
    }

    /// A new row, with NaN for a cell that is missing, prepared for [`GplvmPosterior::log_prob`]. It takes $O(ND)$ operations if no
    /// cell is missing, and $O(N^2 D)$ otherwise.
    ///
    /// # Panics
    /// If the row does not have as many columns as the data.
    #[track_caller]
    pub fn target(&self, y: &[F]) -> GplvmTarget<F> {
        let (found, columns) = (y.len(), self.data.columns());
        assert_eq!(found, columns, "gplvm: a row of {found} numbers for {columns} columns");
        let mut parts = Vec::new();
        let mut distances = vec![(0.0, 0.0); self.data.rows()];
        for (at, (group, solved)) in self.data.groups.iter().zip(&self.groups).enumerate() {
            let d = group.columns.len();
            let centred = |&column: &usize| y[column].to_f64() - self.data.means()[column];
            let all: Vec<f64> = group.columns.iter().map(centred).collect();
            let seen: Vec<usize> = (0..d).filter(|&j| !all[j].is_nan()).collect();
            if seen.is_empty() {
                continue;
            }
            for (i, row) in group.y.chunks_exact(d).enumerate() {
                let of = &mut distances[group.rows.as_ref().map_or(i, |rows| rows[i])];
                of.0 += seen.iter().map(|&j| (row[j].to_f64() - all[j]).powi(2)).sum::<f64>();
                of.1 += seen.len() as f64;
            }
            let pick = |row: &[F]| seen.iter().map(|&j| row[j]).collect::<Vec<F>>();
            let target: Vec<F> = seen.iter().map(|&j| F::from_f64(all[j])).collect();
            let rows: Vec<Vec<F>> = solved.weights.chunks_exact(d).map(pick).collect();
            let pulled = rows.iter().map(|row| F::from_f64(dot(row, &target))).collect();
            let products = (seen.len() < d).then(|| {
                let tape = Tape::new();
                let weights = tape.constant(&rows.concat(), [rows.len(), seen.len()]);
                weights.matmul_with(false, weights, true).value().values().to_vec()
            });
            let square = F::from_f64(dot(&target, &target));
            parts.push((at, Part { count: seen.len(), square, pulled, products }));
        }
        let mean = |&i: &usize| {
            let (sum, count) = distances[i];
            if count > 0.0 { sum / count } else { f64::INFINITY }
        };
        let mut nearest: Vec<usize> = (0..self.data.rows()).collect();
        nearest.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
        GplvmTarget { parts, nearest }
    }

    /// $\ln p(y_\ast \mid x_\ast)$ of the observed cells of a new row for each of the latents `[m, latents]`, of shape `[m]`:
    ///
    /// $$-\tfrac12 \sum_d \Bigl(\frac{(y_{\ast d} - \mu_d)^2}{v} + \ln v + \ln 2\pi\Bigr)$$
    ///
    /// with the mean $\mu$ and the variance $v$ of a cell. The derivatives are those of the normal density, through $\mu$ and $v$ to
    /// the latents; the model's parameters are constants. The sum of squares comes from products that are computed once, so that
    /// a value takes $O(N^2)$ operations for any number of columns. A row without an observed cell has the value zero.
    ///
    /// # Panics
    /// If the latents do not have as many dimensions.
    #[track_caller]
    pub fn log_prob<'t>(
        &self,
        params: Bound<'t, F>,
        target: &GplvmTarget<F>,
        x: Var<'t, F>,
    ) -> Var<'t, F> {
        let tape = params.tape();
        let rows = x.shape()[0];
        let prior = self.kernel.diagonal(params.detach(), x);
        let mut total = tape.constant_with([rows], |out| out.fill(F::ZERO));
        for (at, part) in &target.parts {
            let solved = &self.groups[*at];
            let (cross, n) = self.cross(params, solved, x);
            let known = cross.quadratic_form(tape.constant(&solved.inverse, [n, n]));
            let variance = (prior - known).relu() + self.noise;
            let products = part.products.as_ref().unwrap_or(&solved.products);
            let pulled = cross.matmul(tape.constant(&part.pulled, [n, 1])).reshape([rows]);
            let squares = cross.quadratic_form(tape.constant(products, [n, n]));
            let distance = squares - pulled * F::from_f64(2.0) + part.square;
            let log = variance.ln() + F::from_f64(std::f64::consts::TAU.ln());
            let count = F::from_f64(part.count as f64);
            total = total + (distance / variance + log * count) * F::from_f64(-0.5);
        }
        total
    }

    /// $k(x_\ast, X)$ for the observed rows of a group, of shape `[m, n]`, and $n$.
    fn cross<'t>(
        &self,
        params: Bound<'t, F>,
        solved: &Solved<F>,
        x: Var<'t, F>,
    ) -> (Var<'t, F>, usize) {
        let n = solved.latents.len() / self.dimensions();
        let latents = params.tape().constant(&solved.latents, [n, self.dimensions()]);
        (self.kernel.cross(params.detach(), x, latents), n)
    }
}

impl<F: Scalar> GplvmTarget<F> {
    /// The rows of the data in the order of their distance from the new row over the cells that both have, the nearest first. Their
    /// latents are starts for the latent of the new row.
    pub fn nearest(&self) -> &[usize] {
        &self.nearest
    }

    /// The number of observed cells in columns that the model has seen.
    pub fn observed(&self) -> usize {
        self.parts.iter().map(|(_, part)| part.count).sum()
    }
}

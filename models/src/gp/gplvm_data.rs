//! The data of a Gaussian-process latent-variable model, with what the likelihood needs of them computed once.

use pathscore_autodiff::{CholeskyFactor, Error, Scalar, Tape, Var};

/// Rows of data for a [`Gplvm`](super::Gplvm), every column less its mean, with NaN for a cell that is missing.
///
/// Columns are independent draws of one Gaussian process, so that those with the same observed rows share a factorisation: they
/// are grouped, and a group with at least as many columns as rows keeps only $YY^\top$ for the likelihood. Where nothing is
/// missing there is one group, and a value of the likelihood does not depend on the number of columns.
///
/// ```
/// use pathscore_models::gp::GplvmData;
/// let nan = f64::NAN;
/// let data = GplvmData::new(&[1.0, 2.0, nan, 3.0, 4.0, 5.0], 2, 3);
/// assert_eq!((data.rows(), data.columns(), data.groups()), (2, 3, 2));
/// assert_eq!(data.means(), [2.0, 3.0, 5.0]);
/// ```
#[derive(Clone, Debug)]
pub struct GplvmData<F> {
    rows: usize,
    columns: usize,
    means: Vec<f64>,
    pub(super) groups: Vec<Group<F>>,
}

/// Columns with the same observed rows.
#[derive(Clone, Debug)]
pub(super) struct Group<F> {
    /// The observed rows, if they are not all.
    pub(super) rows: Option<Vec<usize>>,
    pub(super) columns: Vec<usize>,
    /// The centred cells, of shape `[observed rows, columns]`.
    pub(super) y: Vec<F>,
    /// $YY^\top$, if there are at least as many columns as rows.
    products: Option<Vec<F>>,
}

impl<F: Scalar> GplvmData<F> {
    /// The `rows` rows of `y`, which lie one after another. The mean of a column is that of its observed cells, zero if it has none.
    ///
    /// # Panics
    /// If `y` does not hold `rows` rows, or if there are no rows or no columns.
    #[track_caller]
    pub fn new(y: &[F], rows: usize, columns: usize) -> Self {
        assert!(
            y.len() == rows * columns && !y.is_empty(),
            "gplvm: {} values are not {rows} rows of {columns}, or there are none",
            y.len()
        );
        let mut patterns: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
        let mut means = Vec::with_capacity(columns);
        for column in 0..columns {
            let cell = |row: &usize| y[row * columns + column].to_f64();
            let seen: Vec<usize> = (0..rows).filter(|row| !cell(row).is_nan()).collect();
            means.push(seen.iter().map(cell).sum::<f64>() / seen.len().max(1) as f64);
            if seen.is_empty() {
                continue;
            }
            match patterns.iter_mut().find(|(pattern, _)| *pattern == seen) {
                Some((_, group)) => group.push(column),
                None => patterns.push((seen, vec![column])),
            }
        }
        let tape = Tape::new();
        let group = |(seen, of): (Vec<usize>, Vec<usize>)| {
            let (n, d) = (seen.len(), of.len());
            let cell =
                |row: usize, column: usize| y[row * columns + column].to_f64() - means[column];
            let centred: Vec<f64> = seen
                .iter()
                .flat_map(|&row| of.iter().map(move |&column| cell(row, column)))
                .collect();
            let products = (d >= n).then(|| {
                let y = tape.constant(&centred, [n, d]);
                y.matmul_with(false, y, true).with(|p| p.iter().map(|&p| F::from_f64(p)).collect())
            });
            let y = centred.into_iter().map(F::from_f64).collect();
            Group { rows: (n < rows).then_some(seen), columns: of, y, products }
        };
        let groups = patterns.into_iter().map(group).collect();
        Self { rows, columns, means, groups }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of groups of columns with the same observed rows; columns without an observed cell are in none.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The mean of each column, which is subtracted from it.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// The number of observed cells.
    pub fn observed(&self) -> usize {
        self.groups.iter().map(|group| group.y.len()).sum()
    }

    /// The scores of the rows on the first `count` principal components, $\sqrt{\lambda_k} u_k$ with the largest eigenvalues
    /// $\lambda_k$ and eigenvectors $u_k$ of $YY^\top$, in which missing cells are zero; of shape `[rows, count]`, and zero beyond the
    /// number of rows.
    ///
    /// # Errors
    /// If the eigenvalues are not found.
    ///
    /// ```
    /// use pathscore_models::gp::GplvmData;
    /// // Rows along the direction (3, 4), at the distances -1, 0 and 1 from their mean.
    /// let data = GplvmData::new(&[0.4, 1.2, 1.0, 2.0, 1.6, 2.8], 3, 2);
    /// let scores = data.principal_components(1)?;
    /// assert!(scores.iter().zip([-1.0, 0.0, 1.0]).all(|(x, at)| (x.abs() - f64::abs(at)).abs() < 1e-7));
    /// # Ok::<(), pathscore_autodiff::Error>(())
    /// ```
    pub fn principal_components(&self, count: usize) -> Result<Vec<f64>, Error> {
        let (values, vectors) = self.spectrum()?;
        let n = self.rows;
        let score = |row: usize, k: usize| match n.checked_sub(k + 1) {
            Some(at) => values[at].max(0.0).sqrt() * vectors[row * n + at],
            None => 0.0,
        };
        Ok((0..n * count).map(|at| score(at / count, at % count)).collect())
    }

    /// The eigenvalues of $YY^\top$, rising, and its eigenvectors as columns.
    pub(super) fn spectrum(&self) -> Result<(Vec<f64>, Vec<f64>), Error> {
        let tape = Tape::new();
        let (values, vectors) = tape.constant(&self.products(), [self.rows, self.rows]).eigh()?;
        Ok((values.value().values().to_vec(), vectors.value().values().to_vec()))
    }

    /// $YY^\top$ over all columns, in which missing cells are zero.
    pub(super) fn products(&self) -> Vec<f64> {
        let tape = Tape::new();
        let mut total = vec![0.0; self.rows * self.rows];
        for group in &self.groups {
            let (n, d) = (group.rows(self.rows), group.columns.len());
            let y = tape.constant_with([n, d], |out| {
                out.iter_mut().zip(&group.y).for_each(|(out, y)| *out = y.to_f64());
            });
            let row = |i: usize| group.rows.as_ref().map_or(i, |rows| rows[i]);
            y.matmul_with(false, y, true).with(|products| {
                for (at, product) in products.iter().enumerate() {
                    total[row(at / n) * self.rows + row(at % n)] += product;
                }
            });
        }
        total
    }
}

impl<F: Scalar> Group<F> {
    /// The number of observed rows, of so many.
    pub(super) fn rows(&self, all: usize) -> usize {
        self.rows.as_ref().map_or(all, Vec::len)
    }

    /// The covariance of the observed rows, factored.
    pub(super) fn factor<'t>(
        &self,
        covariance: Var<'t, F>,
    ) -> Result<CholeskyFactor<'t, F>, Error> {
        let Some(rows) = &self.rows else { return covariance.factor_cholesky() };
        let index = covariance.tape().constant_with([rows.len()], |out| {
            out.iter_mut().zip(rows).for_each(|(out, &row)| *out = F::from_f64(row as f64));
        });
        covariance.index_select(0, index)?.index_select(1, index)?.factor_cholesky()
    }

    /// The cells on a tape.
    pub(super) fn cells<'t>(&self, tape: &'t Tape<F>) -> Var<'t, F> {
        let d = self.columns.len();
        tape.constant(&self.y, [self.y.len() / d, d])
    }

    /// $-\tfrac12 (\mathrm{tr}(K^{-1} YY^\top) + D \ln\det K + nD \ln 2\pi)$ of the group.
    pub(super) fn log_prob<'t>(&self, covariance: Var<'t, F>) -> Result<Var<'t, F>, Error> {
        let (factor, d) = (self.factor(covariance)?, self.columns.len());
        let trace = match &self.products {
            Some(products) => {
                let inverse = factor.inverse();
                (inverse * inverse.tape().constant(products, inverse.shape())).sum()
            }
            None => factor.inverse_form(self.cells(covariance.tape())).sum(),
        };
        let constant = F::from_f64(self.y.len() as f64 * std::f64::consts::TAU.ln());
        Ok((trace + factor.log_det() * F::from_f64(d as f64) + constant) * F::from_f64(-0.5))
    }
}

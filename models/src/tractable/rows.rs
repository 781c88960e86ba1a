//! Rows of data in double precision: their means, variances and products with the sample covariance.

use pathscore_autodiff::{Scalar, Tape};

/// The number of rows that are centred and multiplied at a time, so that memory does not grow with the number of all
/// rows.
pub(super) const BLOCK: usize = 256;

/// Rows of data, with the mean and the variance of each column.
pub(super) struct Rows<'a, F> {
    pub(super) x: &'a [F],
    pub(super) rows: usize,
    pub(super) mean: Vec<f64>,
    /// The variances about the means, with the divisor $N$.
    pub(super) variances: Vec<f64>,
}

impl<'a, F: Scalar> Rows<'a, F> {
    /// # Panics
    /// If `x` does not hold `rows` rows, or if there are no rows. The message begins with `model`.
    pub(super) fn new(model: &str, x: &'a [F], rows: usize, columns: usize) -> Self {
        assert!(
            rows > 0 && x.len() == rows * columns,
            "{model}: {} values are not {rows} rows of {columns}, or there are no rows",
            x.len()
        );
        let (mut mean, mut variances) = (vec![0.0; columns], vec![0.0; columns]);
        for row in x.chunks_exact(columns) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += x.to_f64());
        }
        mean.iter_mut().for_each(|mean| *mean /= rows as f64);
        for row in x.chunks_exact(columns) {
            for ((sum, x), mean) in variances.iter_mut().zip(row).zip(&mean) {
                *sum += (x.to_f64() - mean).powi(2);
            }
        }
        variances.iter_mut().for_each(|sum| *sum /= rows as f64);
        Self { x, rows, mean, variances }
    }

    /// The trace of the sample covariance.
    pub(super) fn trace(&self) -> f64 {
        self.variances.iter().sum()
    }

    /// The least variance of each column: `fraction` of the column's own. A column that does not vary, up to the
    /// precision of `F`, has none of its own; the mean variance of all columns stands for it. If no column varies, it is
    /// the least number with a finite reciprocal.
    pub(super) fn floors(&self, fraction: f64) -> Vec<f64> {
        let typical = self.trace() / self.variances.len() as f64;
        let varies = F::EPSILON.to_f64() * typical;
        let floor = |&variance: &f64| {
            let own = if variance > varies { variance } else { typical };
            (fraction * own).max(least_noise::<F>())
        };
        self.variances.iter().map(floor).collect()
    }

    /// Shows blocks of rows as variables of shape `[rows, columns]` on a tape that is cleared after each, every column
    /// less its number in `centre`; the number is the place of the block's first row.
    pub(super) fn each_block(
        &self,
        centre: &[f64],
        mut see: impl FnMut(&Tape<f64>, &[f64], usize),
    ) {
        let columns = centre.len();
        let mut tape = Tape::new();
        let mut centred = Vec::new();
        for (place, block) in self.x.chunks(BLOCK * columns).enumerate() {
            centred.clear();
            for row in block.chunks_exact(columns) {
                centred.extend(row.iter().zip(centre).map(|(x, centre)| x.to_f64() - centre));
            }
            see(&tape, &centred, place * BLOCK);
            tape.clear();
        }
    }

    /// $SA$ for the sample covariance $S = \tfrac1N \sum_n \tilde x_n \tilde x_n^\top$ and a matrix $A$ with `width`
    /// columns, or $S$ itself if there is no matrix. $S$ is not formed on the way to $SA$.
    pub(super) fn covariance_times(&self, matrix: Option<(&[f64], usize)>) -> Vec<f64> {
        let columns = self.mean.len();
        let width = matrix.map_or(columns, |(_, width)| width);
        let mut sum = vec![0.0; columns * width];
        self.each_block(&self.mean, |tape, centred, _| {
            let centred = tape.constant(centred, [centred.len() / columns, columns]);
            let right = match matrix {
                Some((matrix, width)) => centred.matmul(tape.constant(matrix, [columns, width])),
                None => centred,
            };
            let product = centred.matmul_with(true, right, false);
            product.with(|p| sum.iter_mut().zip(p).for_each(|(sum, p)| *sum += p));
        });
        sum.iter_mut().for_each(|x| *x /= self.rows as f64);
        sum
    }
}

/// The least variance of a precision, four times its least normal number: its logarithm may be rounded, and its
/// reciprocal is finite.
pub(super) fn least_noise<F: Scalar>() -> f64 {
    4.0 * if F::NAME == "f32" { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE }
}

/// The identity of $n$ rows times a number, row by row.
pub(super) fn scaled_identity(n: usize, scale: f64) -> Vec<f64> {
    let mut out = vec![0.0; n * n];
    out.iter_mut().step_by(n + 1).for_each(|x| *x = scale);
    out
}

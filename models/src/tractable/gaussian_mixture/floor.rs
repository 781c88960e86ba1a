//! The floor below which no covariance falls.

use super::density::Values;
use pathscore_autodiff::{Error, Tape};

/// A variance that lies above its floor by less than this fraction is at it: parameters are logarithms that may have been
/// rounded to single precision.
const SLACK: f64 = 1e-6;

/// Raises the covariances to their floors and returns the number of components that were there or below.
pub(super) fn hold(values: &mut Values, floors: &[f64]) -> usize {
    let d = floors.len();
    let mut held = 0;
    for (k, log_scale) in values.log_scale.chunks_exact_mut(d).enumerate() {
        let Some(lower) = &mut values.lower else {
            let mut at = false;
            for (log_scale, floor) in log_scale.iter_mut().zip(floors) {
                let least = 0.5 * floor.ln();
                at |= *log_scale <= least + SLACK;
                *log_scale = if *log_scale < least { least } else { *log_scale };
            }
            held += usize::from(at);
            continue;
        };
        let lower = &mut lower[k * d * d..(k + 1) * d * d];
        let covariance = product(log_scale, lower);
        if !covariance.iter().all(|x| x.is_finite()) || is_above(&covariance, floors, 1.0 + SLACK) {
            continue;
        }
        held += 1;
        if !is_above(&covariance, floors, 1.0 - SLACK)
            && let Ok(factor) = raised(&covariance, floors).and_then(|raised| cholesky(&raised, d))
        {
            split(&factor, log_scale, lower);
        }
    }
    held
}

/// The Cholesky factor of a covariance that is raised to its floors, $D^{1/2} U \max(\Lambda, 1) U^\top D^{1/2}$ with the
/// eigenvalues $\Lambda$ and eigenvectors $U$ of $D^{-1/2} S D^{-1/2}$. Among the covariances above the floor it has the largest
/// likelihood of data whose covariance is $S$.
pub(super) fn factor(covariance: &[f64], floors: &[f64]) -> Result<Vec<f64>, Error> {
    let d = floors.len();
    if is_above(covariance, floors, 1.0) {
        return cholesky(covariance, d);
    }
    cholesky(&raised(covariance, floors)?, d)
}

/// True if $S - c D$ is positive definite.
fn is_above(covariance: &[f64], floors: &[f64], times: f64) -> bool {
    let d = floors.len();
    let mut above = scaled(covariance, floors);
    above.iter_mut().step_by(d + 1).for_each(|x| *x -= times);
    Tape::new().constant(&above, [d, d]).factor_cholesky().is_ok()
}

/// $D^{-1/2} S D^{-1/2}$.
fn scaled(covariance: &[f64], floors: &[f64]) -> Vec<f64> {
    let roots: Vec<f64> = floors.iter().map(|floor| floor.sqrt()).collect();
    let rows = covariance.chunks_exact(floors.len()).zip(&roots);
    rows.flat_map(|(row, a)| row.iter().zip(&roots).map(move |(x, b)| x / a / b)).collect()
}

fn raised(covariance: &[f64], floors: &[f64]) -> Result<Vec<f64>, Error> {
    let d = floors.len();
    let tape = Tape::new();
    let (values, vectors) = tape.constant(&scaled(covariance, floors), [d, d]).eigh()?;
    let roots: Vec<f64> = floors.iter().map(|floor| floor.sqrt()).collect();
    let values = values.with(|x| x.iter().map(|x| x.max(1.0).sqrt()).collect::<Vec<_>>());
    let half = vectors * tape.constant(&values, [d]) * tape.constant(&roots, [d, 1]);
    Ok(half.matmul_with(false, half, true).value().values().to_vec())
}

fn cholesky(matrix: &[f64], d: usize) -> Result<Vec<f64>, Error> {
    Ok(Tape::new().constant(matrix, [d, d]).cholesky()?.value().values().to_vec())
}

/// $LL^\top$.
fn product(log_scale: &[f64], lower: &[f64]) -> Vec<f64> {
    let d = log_scale.len();
    let tape = Tape::new();
    let diagonal = tape.constant(log_scale, [d]).exp().diag(0);
    let factor = tape.constant(lower, [d, d]).tril(-1) + diagonal;
    factor.matmul_with(false, factor, true).value().values().to_vec()
}

/// Writes a factor as the logarithms of its diagonal and the numbers below it.
pub(super) fn split(factor: &[f64], log_scale: &mut [f64], lower: &mut [f64]) {
    let d = log_scale.len();
    for (i, row) in factor.chunks_exact(d).enumerate() {
        log_scale[i] = row[i].ln();
        lower[i * d..i * d + i].copy_from_slice(&row[..i]);
        lower[i * d + i..(i + 1) * d].fill(0.0);
    }
}

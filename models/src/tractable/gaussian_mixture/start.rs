//! The start of a mixture: k-means++ and a few sweeps of k-means.

use super::density::Values;
use crate::seed::uniform_below;
use crate::tractable::rows::Rows;
use pathscore_autodiff::Scalar;
use rand::Rng;

/// Sweeps of k-means after k-means++; what they leave is the work of the fit itself.
const SWEEPS: usize = 10;

/// The reason for which a mixture has no start.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A number is NaN or infinite.
    #[error("gaussian mixture: row {row}, column {column} (from 0) is {value}")]
    NotFinite {
        /// The row, from zero.
        row: usize,
        /// The column, from zero.
        column: usize,
        /// The number.
        value: f64,
    },
    /// All rows are equal, so that the likelihood has no maximum at any scale.
    #[error("gaussian mixture: all {rows} rows are equal, so their density has no width")]
    NoVariance {
        /// The number of rows.
        rows: usize,
    },
    /// Fewer rows than there are components are distinct.
    #[error(
        "gaussian mixture: only {distinct} rows are distinct, fewer than the {components} components"
    )]
    TooFewRows {
        /// The number of distinct rows.
        distinct: usize,
        /// The number of components.
        components: usize,
    },
}

/// Rows whose columns are divided by their standard deviations, so that no column outweighs the others by its unit.
struct Scaled {
    x: Vec<f64>,
    columns: usize,
}

impl Scaled {
    fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.x.chunks_exact(self.columns)
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.columns..(i + 1) * self.columns]
    }

    /// The smaller of `before` and the squared distance to `centre`, for every row.
    fn nearer(&self, centre: &[f64], before: &[f64]) -> Vec<f64> {
        let distance = self.rows().map(|row| squared_distance(row, centre));
        distance.zip(before).map(|(new, &old)| new.min(old)).collect()
    }
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Parameters near the data, with diagonal covariances.
pub(super) fn start<F: Scalar, R: Rng>(
    data: &Rows<F>,
    components: usize,
    floor: f64,
    rng: &mut R,
) -> Result<Values, StartError> {
    let (d, rows) = (data.mean.len(), data.rows);
    if let Some(i) = data.x.iter().position(|x| !x.to_f64().is_finite()) {
        let (row, column, value) = (i / d, i % d, data.x[i].to_f64());
        return Err(StartError::NotFinite { row, column, value });
    }
    if data.x.chunks_exact(d).all(|row| *row == data.x[..d]) {
        return Err(StartError::NoVariance { rows });
    }
    let least = data.floors(floor);
    let widths: Vec<f64> = least.iter().map(|least| (least / floor).sqrt()).collect();
    let scale = |(j, x): (usize, &F)| (x.to_f64() - data.mean[j]) / widths[j];
    let x = data.x.chunks_exact(d).flat_map(|row| row.iter().enumerate().map(scale)).collect();
    let scaled = Scaled { x, columns: d };

    let mut centres = plus_plus(&scaled, components, rng)?;
    let mut owners = nearest(&scaled, &centres);
    for _ in 0..SWEEPS {
        centroids(&scaled, &owners, &mut centres);
        let next = nearest(&scaled, &centres);
        if next == owners {
            break;
        }
        owners = next;
    }
    // The centres are those of the last clusters, whose numbers and widths are taken.
    let counts = centroids(&scaled, &owners, &mut centres);
    let mut within = vec![0.0; d];
    for (row, &owner) in scaled.rows().zip(&owners) {
        let centre = &centres[owner * d..(owner + 1) * d];
        for ((sum, x), centre) in within.iter_mut().zip(row).zip(centre) {
            *sum += (x - centre).powi(2) / rows as f64;
        }
    }
    let place = |(i, centre): (usize, &f64)| data.mean[i % d] + centre * widths[i % d];
    let width = |j: usize| 0.5 * (within[j] * widths[j].powi(2)).max(least[j]).ln();
    let log_scale: Vec<f64> = (0..d).map(width).collect();
    Ok(Values {
        // A cluster that lost its rows has half of one.
        logits: counts.iter().map(|count| (count.max(0.5) / rows as f64).ln()).collect(),
        mean: centres.iter().enumerate().map(place).collect(),
        log_scale: log_scale.repeat(components),
        lower: None,
    })
}

/// The centres of k-means++, one after another.
fn plus_plus<R: Rng>(
    data: &Scaled,
    components: usize,
    rng: &mut R,
) -> Result<Vec<f64>, StartError> {
    let rows = data.rows().len();
    let mut centres = data.row(uniform_below(rng, rows)).to_vec();
    let mut distances = data.nearer(&centres, &vec![f64::INFINITY; rows]);
    // As many draws as in scikit-learn, after a remark of Arthur and Vassilvitskii.
    let draws = 2 + (components as f64).ln() as usize;
    for distinct in 1..components {
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            return Err(StartError::TooFewRows { distinct, components });
        }
        let mut best: Option<(f64, usize, Vec<f64>)> = None;
        for _ in 0..draws {
            let row = proportional(&distances, f64::uniform(rng.next_u64()) * total);
            let next = data.nearer(data.row(row), &distances);
            let sum = next.iter().sum();
            if best.as_ref().is_none_or(|best| sum < best.0) {
                best = Some((sum, row, next));
            }
        }
        let (_, row, next) = best.expect("there are at least two draws");
        centres.extend_from_slice(data.row(row));
        distances = next;
    }
    Ok(centres)
}

/// The row in whose share of the sum `at` lies; never one without a share.
fn proportional(shares: &[f64], at: f64) -> usize {
    let mut sum = 0.0;
    let mut last = 0;
    for (i, &share) in shares.iter().enumerate().filter(|(_, share)| **share > 0.0) {
        sum += share;
        last = i;
        if at < sum {
            break;
        }
    }
    last
}

/// The nearest centre of every row, the first among equals.
fn nearest(data: &Scaled, centres: &[f64]) -> Vec<usize> {
    let owner = |row: &[f64]| {
        let distances = centres.chunks_exact(data.columns).map(|c| squared_distance(row, c));
        let first = (0, f64::INFINITY);
        distances.enumerate().fold(first, |best, next| if next.1 < best.1 { next } else { best }).0
    };
    data.rows().map(owner).collect()
}

/// Moves every centre to the mean of its rows, unless it has none, and returns their numbers.
fn centroids(data: &Scaled, owners: &[usize], centres: &mut [f64]) -> Vec<f64> {
    let d = data.columns;
    let (mut sums, mut counts) = (vec![0.0; centres.len()], vec![0.0; centres.len() / d]);
    for (row, &owner) in data.rows().zip(owners) {
        counts[owner] += 1.0;
        let sums = &mut sums[owner * d..(owner + 1) * d];
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
    let parts = centres.chunks_exact_mut(d).zip(sums.chunks_exact(d)).zip(&counts);
    for ((centre, sums), count) in parts.filter(|(_, count)| **count > 0.0) {
        centre.iter_mut().zip(sums).for_each(|(centre, sum)| *centre = sum / count);
    }
    counts
}

//! A step of expectation maximisation, in double precision.

use super::density::{self, Density, Values};
use super::floor;
use crate::tractable::rows::Rows;
use pathscore_autodiff::{Error, Scalar, Tape};

/// The weight of a component without rows, whose logarithm and reciprocal are finite.
const LEAST_WEIGHT: f64 = 1e-300;

/// The parameters after one step, and the mean of $\ln p(x)$ before it. If that is not finite, there is no step.
pub(super) fn em_step<F: Scalar>(
    now: &Values,
    data: &Rows<F>,
    floor: f64,
) -> (Option<Values>, f64) {
    let (responsibilities, log_prob) = e_step(now, data);
    if !log_prob.is_finite() {
        return (None, log_prob);
    }
    match m_step(now, data, &responsibilities, floor) {
        Ok(next) => (Some(next), log_prob),
        Err(_) => (None, f64::NAN),
    }
}

/// The responsibilities, row by row, and the mean of $\ln p(x)$.
fn e_step<F: Scalar>(now: &Values, data: &Rows<F>) -> (Vec<f64>, f64) {
    let (k, d) = (now.logits.len(), data.mean.len());
    let mut found = Vec::with_capacity(data.rows * k);
    let mut sum = 0.0;
    let precisions: Vec<f64> = now.log_scale.iter().map(|s| (-2.0 * s).exp()).collect();
    data.each_block(&vec![0.0; d], |tape, x, _| {
        let rows = x.len() / d;
        let logits = tape.constant(&now.logits, [k]);
        let log_scale = tape.constant(&now.log_scale, [k, d]);
        let joint = match &now.lower {
            Some(lower) => {
                let mean = tape.constant(&now.mean, [k, d]);
                let lower = Some(tape.constant(lower, [k, d, d]));
                let density = Density { logits, mean, log_scale, lower };
                density.log_joint(tape.constant(x, [rows, d]))
            }
            None => {
                let distance = distances(x, &now.mean, &precisions, d);
                density::combine(logits, log_scale, tape.constant(&distance, [rows, k]))
            }
        };
        sum += joint.log_sum_exp(-1).sum().item();
        joint.log_softmax(-1).exp().with(|r| found.extend_from_slice(r));
    });
    (found, sum / data.rows as f64)
}

/// $\sum_j (x_j - \mu_{kj})^2 / \sigma_{kj}^2$ for every row and component. One pass over the rows writes nothing else, where a
/// tape would hold $K$ numbers for each cell.
fn distances(x: &[f64], mean: &[f64], precisions: &[f64], d: usize) -> Vec<f64> {
    let of_row = |row| {
        let components = mean.chunks_exact(d).zip(precisions.chunks_exact(d));
        components.map(move |(mean, precisions): (&[f64], &[f64])| {
            let cells = mean.iter().zip(precisions).zip(row);
            cells.map(|((mean, precision), x): (_, &f64)| (x - mean) * (x - mean) * precision).sum()
        })
    };
    x.chunks_exact(d).flat_map(of_row).collect()
}

fn m_step<F: Scalar>(
    now: &Values,
    data: &Rows<F>,
    responsibilities: &[f64],
    floor: f64,
) -> Result<Values, Error> {
    let (k, d, rows) = (now.logits.len(), data.mean.len(), data.rows as f64);
    let count = |i: usize| responsibilities.iter().skip(i).step_by(k).sum::<f64>();
    let counts: Vec<f64> = (0..k).map(count).collect();
    // The parameters of a component without rows have no effect on the likelihood, and stay.
    let lost: Vec<bool> = counts.iter().map(|count| count / rows <= LEAST_WEIGHT).collect();
    let logits = counts.iter().map(|count| (count / rows).max(LEAST_WEIGHT).ln()).collect();

    let mut mean = vec![0.0; k * d];
    data.each_block(&data.mean, |tape, x, first| {
        let n = x.len() / d;
        let r = tape.constant(&responsibilities[first * k..(first + n) * k], [n, k]);
        let sums = r.matmul_with(true, tape.constant(x, [n, d]), false);
        sums.with(|sums| mean.iter_mut().zip(sums).for_each(|(to, x)| *to += x));
    });
    for (i, mean) in mean.chunks_exact_mut(d).enumerate() {
        for (j, mean) in mean.iter_mut().enumerate() {
            let kept = now.mean[i * d + j];
            *mean = if lost[i] { kept } else { data.mean[j] + *mean / counts[i] };
        }
    }

    let (least, mut log_scale) = (data.floors(floor), now.log_scale.clone());
    let Some(mut lower) = now.lower.clone() else {
        let variances = squares(data, responsibilities, &mean, &counts);
        for (i, log_scale) in log_scale.chunks_exact_mut(d).enumerate().filter(|(i, _)| !lost[*i]) {
            for ((to, variance), least) in log_scale.iter_mut().zip(&variances[i * d..]).zip(&least)
            {
                *to = 0.5 * variance.max(*least).ln();
            }
        }
        return Ok(Values { logits, mean, log_scale, lower: None });
    };
    let covariances = products(data, responsibilities, &mean, &counts);
    for i in (0..k).filter(|&i| !lost[i]) {
        let square = i * d * d..(i + 1) * d * d;
        let factor = floor::factor(&covariances[square.clone()], &least)?;
        floor::split(&factor, &mut log_scale[i * d..(i + 1) * d], &mut lower[square]);
    }
    Ok(Values { logits, mean, log_scale, lower: Some(lower) })
}

/// $\tfrac1{N_k} \sum_n r_{nk} (x_{nj} - \mu_{kj})^2$ for every component and column.
fn squares<F: Scalar>(
    data: &Rows<F>,
    responsibilities: &[f64],
    mean: &[f64],
    counts: &[f64],
) -> Vec<f64> {
    let (k, d) = (counts.len(), data.mean.len());
    let mut sums = vec![0.0; k * d];
    data.each_block(&vec![0.0; d], |_, x, first| {
        for (row, r) in x.chunks_exact(d).zip(responsibilities[first * k..].chunks_exact(k)) {
            let parts = sums.chunks_exact_mut(d).zip(mean.chunks_exact(d)).zip(r);
            // Most rows belong to one component.
            for ((sums, mean), &r) in parts.filter(|(_, r)| **r > 0.0) {
                for ((sum, x), mean) in sums.iter_mut().zip(row).zip(mean) {
                    *sum += r * (x - mean) * (x - mean);
                }
            }
        }
    });
    for (sums, count) in sums.chunks_exact_mut(d).zip(counts) {
        sums.iter_mut().for_each(|sum| *sum /= count.max(f64::MIN_POSITIVE));
    }
    sums
}

/// $\tfrac1{N_k} \sum_n r_{nk} (x_n - \mu_k)(x_n - \mu_k)^\top$ for every component.
fn products<F: Scalar>(
    data: &Rows<F>,
    responsibilities: &[f64],
    mean: &[f64],
    counts: &[f64],
) -> Vec<f64> {
    let (k, d) = (counts.len(), data.mean.len());
    let mut sums = vec![0.0; k * d * d];
    let mut scaled = Vec::new();
    data.each_block(&vec![0.0; d], |tape, x, first| {
        for (i, (sums, mean)) in sums.chunks_exact_mut(d * d).zip(mean.chunks_exact(d)).enumerate()
        {
            scaled.clear();
            for (row, r) in x.chunks_exact(d).zip(responsibilities[first * k..].chunks_exact(k)) {
                // Most rows belong to one component.
                if r[i] > 0.0 {
                    let root = r[i].sqrt();
                    scaled.extend(row.iter().zip(mean).map(|(x, mean)| root * (x - mean)));
                }
            }
            product_into(sums, tape, &scaled, d);
        }
    });
    for (sums, count) in sums.chunks_exact_mut(d * d).zip(counts) {
        sums.iter_mut().for_each(|sum| *sum /= count.max(f64::MIN_POSITIVE));
    }
    sums
}

/// Adds $A^\top A$ for the rows of $A$, if there are any.
fn product_into(sums: &mut [f64], tape: &Tape<f64>, rows: &[f64], d: usize) {
    if !rows.is_empty() {
        let rows = tape.constant(rows, [rows.len() / d, d]);
        let product = rows.matmul_with(true, rows, false);
        product.with(|p| sums.iter_mut().zip(p).for_each(|(sum, p)| *sum += p));
    }
}

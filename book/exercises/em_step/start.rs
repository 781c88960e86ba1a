//! Exercise of chapter 10: a step of EM.

use super::Mixture;

/// The mixture after one step of EM on the data `x`.
///
/// Task: the M step (the second half) is right. The E step is not: it gives every component the same chance
/// before it looks at x.
pub fn step(old: &Mixture, x: &[f64]) -> Mixture {
    // The responsibilities p(z = k | x).
    let responsibilities: Vec<[f64; 2]> = x
        .iter()
        .map(|&x| {
            let each = [0, 1].map(|k| old.density(k, x));
            each.map(|p| p / (each[0] + each[1]))
        })
        .collect();

    let sum = |k: usize, g: &dyn Fn(f64) -> f64| {
        responsibilities.iter().zip(x).map(|(r, &x)| r[k] * g(x)).sum::<f64>()
    };
    let counts = [0, 1].map(|k| sum(k, &|_| 1.0));
    let means = [0, 1].map(|k| sum(k, &|x| x) / counts[k]);
    let variances = [0, 1].map(|k| sum(k, &|x| (x - means[k]).powi(2)) / counts[k]);
    Mixture { weights: counts.map(|count| count / x.len() as f64), means, variances }
}

//! Solution of `em_step`.

use super::Mixture;

/// Bayes' rule: p(k|x) is p(k) p(x|k), divided by the sum over k.
pub fn step(old: &Mixture, x: &[f64]) -> Mixture {
    let responsibilities: Vec<[f64; 2]> = x
        .iter()
        .map(|&x| {
            let each = [0, 1].map(|k| old.weights[k] * old.density(k, x));
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

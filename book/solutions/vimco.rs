//! Solution of `vimco`.

use crate::log_mean_exp;

/// f_k contains −ln q(z_k|x), so that the second sum adds −w̃_k to the second column.
pub fn columns(f: &[f64]) -> Vec<[f64; 2]> {
    let bound = log_mean_exp(f);
    let column = |k: usize| {
        let others: Vec<f64> = (0..f.len()).filter(|&j| j != k).map(|j| f[j]).collect();
        let share = (f[k] - bound).exp() / f.len() as f64;
        [share, bound - log_mean_exp(&others) - share]
    };
    (0..f.len()).map(column).collect()
}

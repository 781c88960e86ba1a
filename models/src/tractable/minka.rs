//! Minka's choice of the number of principal components.

use pathscore_autodiff::Real;
use std::f64::consts::{LN_2, PI, TAU};

/// $\ln p(\text{data} \mid L)$ for every number of latents $L = 1, \dots, D - 1$ of probabilistic PCA, by Laplace's method
/// (Minka 2000), from the eigenvalues $\lambda_1 \ge \dots \ge \lambda_D$ of the sample covariance of `rows` $N$ rows, in any
/// order. The largest is the choice; terms that are the same for every $L$ are left out.
///
/// $$\ln p(L) = \ln p(U) - \tfrac N2 \sum_{i \le L} \ln\lambda_i - \tfrac N2 (D - L) \ln\hat v + \tfrac{m + L}2 \ln 2\pi
/// {} - \tfrac12 \ln |A| - \tfrac L2 \ln N$$
///
/// with the mean $\hat v$ of the eigenvalues beyond $L$, $m = DL - L(L+1)/2$, the uniform prior of an orthonormal frame,
/// $p(U) = 2^{-L} \prod_{i=1}^L \Gamma(\tfrac{D-i+1}2) \pi^{-(D-i+1)/2}$, and the curvature $|A| = \prod_{i=1}^L
/// \prod_{j>i} N (\tilde\lambda_j^{-1} - \tilde\lambda_i^{-1})(\lambda_i - \lambda_j)$, where $\tilde\lambda_j$ is
/// $\lambda_j$ for $j \le L$ and $\hat v$ beyond. Scaling the data adds a constant.
///
/// If $\lambda_i = \lambda_j$ for some $i \le L$ and $j > i$, the maximum is not isolated and Laplace's method has no answer: the value
/// is $-\infty$. So it is if $\lambda_L$ is zero. A mean $\hat v$ of zero, where the rows lie in a subspace, is taken for
/// $10^{-15} \lambda_1$.
///
/// # Panics
/// If there are fewer than two eigenvalues or no rows.
///
/// ```
/// use pathscore_models::tractable::minka_log_evidence;
/// let found = minka_log_evidence(&[9.0, 4.0, 1.02, 1.0, 0.98], 200);
/// assert!(found.iter().all(|evidence| *evidence <= found[1]), "two stand out: {found:?}");
/// ```
#[doc(alias = "mle")]
#[track_caller]
pub fn minka_log_evidence(eigenvalues: &[f64], rows: usize) -> Vec<f64> {
    let d = eigenvalues.len();
    assert!(d >= 2 && rows > 0, "minka: {d} eigenvalues of {rows} rows have no rank to choose");
    let mut falling: Vec<f64> = eigenvalues.iter().map(|x| x.max(0.0)).collect();
    falling.sort_by(|a, b| b.total_cmp(a));
    (1..d).map(|latents| log_evidence(&falling, latents, rows as f64)).collect()
}

/// One value, from eigenvalues that fall.
fn log_evidence(eigenvalues: &[f64], latents: usize, n: f64) -> f64 {
    let (d, l) = (eigenvalues.len() as f64, latents as f64);
    let (kept, rest) = eigenvalues.split_at(latents);
    if kept[latents - 1] <= 0.0 {
        return f64::NEG_INFINITY;
    }
    let noise = (rest.iter().sum::<f64>() / rest.len() as f64).max(1e-15 * kept[0]);
    let half = |i: usize| 0.5 * (d - i as f64);
    let frame: f64 = (0..latents).map(|i| Real::ln_gamma(half(i)) - half(i) * PI.ln()).sum();
    let log_prior = frame - l * LN_2;
    let log_fit = kept.iter().map(|x| x.ln()).sum::<f64>() + (d - l) * noise.ln();
    let m = d * l - 0.5 * l * (l + 1.0);
    let mut log_curvature = m * n.ln();
    for (i, &own) in kept.iter().enumerate() {
        for (j, &other) in eigenvalues.iter().enumerate().skip(i + 1) {
            let held = if j < latents { other } else { noise };
            let factor = (1.0 / held - 1.0 / own) * (own - other);
            if factor <= 0.0 {
                return f64::NEG_INFINITY;
            }
            log_curvature += factor.ln();
        }
    }
    log_prior - 0.5 * n * log_fit + 0.5 * (m + l) * TAU.ln()
        - 0.5 * log_curvature
        - 0.5 * l * n.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of `_assess_dimension` of scikit-learn 1.9.1.
    #[test]
    fn the_evidence_has_the_digits_of_another_program() {
        let cases: [(&[f64], usize, &[f64]); 2] = [
            (
                &[7.5, 3.2, 1.9, 1.15, 0.95, 0.7],
                120,
                &[
                    -273.082_802_531_739_05,
                    -255.321_029_012_135_57,
                    -250.755_633_727_516_14,
                    -253.187_969_065_275_84,
                    -255.357_720_715_418_62,
                ],
            ),
            (
                &[4.0, 2.0, 1.0, 0.5],
                8,
                &[-11.634_495_974_889_619, -13.304_984_193_015_278, -14.661_124_672_425_958],
            ),
        ];
        for (eigenvalues, rows, expected) in cases {
            for (a, b) in minka_log_evidence(eigenvalues, rows).iter().zip(expected) {
                // Sums of a few dozen numbers below 300.
                assert!((a - b).abs() < 1e-11, "{a} {b}");
            }
        }
    }

    #[test]
    fn equal_eigenvalues_and_empty_directions_have_no_evidence() {
        let found = minka_log_evidence(&[3.0, 2.0, 2.0, 1.0], 50);
        assert!(found[0].is_finite() && found[2].is_infinite() && found[1].is_infinite());
        let found = minka_log_evidence(&[3.0, 2.0, 0.0, 0.0], 50);
        assert!(found[1].is_finite() && found[1] > found[0]);
        assert_eq!(found[2], f64::NEG_INFINITY);
    }

    #[test]
    fn a_scale_adds_a_constant_and_the_order_does_not_matter() {
        let eigenvalues = [5.0, 2.5, 1.1, 0.9, 0.4];
        let found = minka_log_evidence(&eigenvalues, 70);
        let scaled = minka_log_evidence(&[9.0 * 0.4, 45.0, 9.9, 22.5, 8.1], 70);
        for (a, b) in found.iter().zip(&scaled) {
            // Half of 70 rows times five columns times ln 9.
            assert!((a - b - 175.0 * 9.0_f64.ln()).abs() < 1e-10, "{a} {b}");
        }
        // The least variance of empty directions is a fraction of the largest.
        let empty = |scale: f64| minka_log_evidence(&[4.0 * scale, scale, 0.0], 30)[1];
        assert!((empty(1.0) - empty(9.0) - 45.0 * 9.0_f64.ln()).abs() < 1e-9);
    }
}

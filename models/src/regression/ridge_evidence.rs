//! The evidence of a linear model as a function of the precisions of its weights and of its noise.

use nalgebra::{DMatrix, DVector};

/// The evidence $\ln p(y \mid \alpha, \beta)$ of $y = Xw + \varepsilon$ with $w \sim \mathcal N(0, I/\alpha)$ and $\varepsilon \sim \mathcal
/// N(0, I/\beta)$, for type-II maximum likelihood: the maximum over $\alpha$ and $\beta$ (MacKay 1992, "the evidence framework").
///
/// With the singular values $s_i$ of $X = USV^\top$, $c = U^\top y$ and the posterior mean $m = Vv$, $v_i = \beta s_i c_i/(\beta s_i^2 +
/// \alpha)$,
///
/// $$\ln p(y \mid \alpha, \beta) = \tfrac12 \Bigl[\sum_i \ln\frac{\alpha}{\alpha + \beta s_i^2} + n \ln\frac{\beta}{2\pi} - \beta
/// \Vert y - Xm \Vert^2 - \alpha \Vert m \Vert^2\Bigr].$$
///
/// One factorisation of $O(np^2)$ operations serves every $\alpha$ and $\beta$; an evaluation takes $O(p)$.
///
/// ```
/// use pathscore_models::regression::RidgeEvidence;
/// let x: Vec<f64> = (0..40).flat_map(|i| [(0.3 * f64::from(i)).sin(), (0.7 * f64::from(i)).cos()]).collect();
/// let noise = |i: usize| 0.1 * ((i * i * 7 % 13) as f64 / 6.0 - 1.0);
/// let y: Vec<f64> = x.chunks(2).enumerate().map(|(i, x)| 2.0 * x[0] - x[1] + noise(i)).collect();
/// let evidence = RidgeEvidence::new(&x, &y);
/// let best = evidence.maximum(1000);
/// assert!(best.converged);
/// // Both weights are determined by the data, and the noise is about 0.06.
/// assert!(best.effective_weights > 1.99 && (best.beta.powf(-0.5) - 0.06).abs() < 0.02);
/// let slopes = evidence.log_evidence_and_grad([best.alpha.ln(), best.beta.ln()]).1;
/// assert!(slopes.iter().all(|slope| slope.abs() < 1e-8));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "type-II maximum likelihood")]
#[doc(alias = "empirical Bayes")]
#[doc(alias = "evidence framework")]
pub struct RidgeEvidence {
    /// $s_i$.
    singular: DVector<f64>,
    /// $c_i$.
    answers: DVector<f64>,
    /// $V^\top$.
    right: DMatrix<f64>,
    /// The square of the part of $y$ that no weights explain.
    rest: f64,
    rows: usize,
}

/// The end of the fixed-point iteration of [`RidgeEvidence::maximum`].
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeMaximum {
    /// $\alpha$, the precision of the weights.
    pub alpha: f64,
    /// $\beta$, the precision of the noise.
    pub beta: f64,
    /// $\ln p(y \mid \alpha, \beta)$ there.
    pub log_evidence: f64,
    /// $\gamma = \sum_i \beta s_i^2/(\beta s_i^2 + \alpha)$, the number of weights that the data determine.
    pub effective_weights: f64,
    /// The posterior mean of the weights.
    pub weights: Vec<f64>,
    /// The number of iterations.
    pub iterations: usize,
    /// True if an iteration changed both precisions by less than $10^{-12}$ of themselves. Without any signal $\alpha$ grows for
    /// ever, and without noise $\beta$ does; the last finite numbers are kept. Residuals as small as rounding are no noise.
    pub converged: bool,
}

/// The sums that the evidence and its slopes are made of.
struct Sums {
    /// $\sum_i \ln(\alpha/(\alpha + \beta s_i^2))$.
    log_ratios: f64,
    gamma: f64,
    /// $\Vert m \Vert^2$.
    weights: f64,
    /// $\Vert y - Xm \Vert^2$.
    residual: f64,
}

impl RidgeEvidence {
    /// The evidence of rows.
    ///
    /// # Panics
    /// If there are no rows, if `x` does not hold as many numbers for each, or if a number is not finite.
    #[track_caller]
    pub fn new(x: &[f64], y: &[f64]) -> Self {
        let rows = y.len();
        assert!(
            rows > 0 && !x.is_empty() && x.len().is_multiple_of(rows),
            "regression: {} numbers are not {rows} rows",
            x.len()
        );
        assert!(x.iter().chain(y).all(|x| x.is_finite()), "regression: a number is not finite");
        let y = DVector::from_row_slice(y);
        let svd = DMatrix::from_row_slice(rows, x.len() / rows, x).svd(true, true);
        let (left, right) = svd.u.zip(svd.v_t).expect("both sides were asked for");
        let answers = left.tr_mul(&y);
        let rest = (&y - &left * &answers).norm_squared();
        Self { singular: svd.singular_values, answers, right, rest, rows }
    }

    fn sums(&self, alpha: f64, beta: f64) -> Sums {
        let mut sums = Sums { log_ratios: 0.0, gamma: 0.0, weights: 0.0, residual: self.rest };
        for (s, c) in self.singular.iter().zip(self.answers.iter()) {
            let precision = beta * s * s + alpha;
            sums.log_ratios -= (beta * s * s / alpha).ln_1p();
            sums.gamma += beta * s * s / precision;
            sums.weights += (beta * s * c / precision).powi(2);
            sums.residual += (alpha * c / precision).powi(2);
        }
        sums
    }

    /// $\ln p(y \mid \alpha, \beta)$ at $(\ln\alpha, \ln\beta)$, and its derivatives, $\tfrac12 (\gamma - \alpha \Vert m \Vert^2)$ by $\ln\alpha$
    /// and $\tfrac12 (n - \gamma - \beta \Vert y - Xm \Vert^2)$ by $\ln\beta$.
    pub fn log_evidence_and_grad(&self, [ln_alpha, ln_beta]: [f64; 2]) -> (f64, [f64; 2]) {
        let (alpha, beta, n) = (ln_alpha.exp(), ln_beta.exp(), self.rows as f64);
        let Sums { log_ratios, gamma, weights, residual } = self.sums(alpha, beta);
        let constant = n * (ln_beta - std::f64::consts::TAU.ln());
        let value = 0.5 * (log_ratios + constant - beta * residual - alpha * weights);
        (value, [0.5 * (gamma - alpha * weights), 0.5 * (n - gamma - beta * residual)])
    }

    /// The posterior mean of the weights.
    pub fn weights(&self, alpha: f64, beta: f64) -> Vec<f64> {
        let of_side = |s: f64, c: f64| beta * s * c / (beta * s * s + alpha);
        let turned = self.singular.zip_map(&self.answers, of_side);
        self.right.tr_mul(&turned).as_slice().to_vec()
    }

    /// The maximum of the evidence by MacKay's fixed point, from $\alpha$ and $\beta$ of one over the mean square of the answers:
    ///
    /// $$\alpha \leftarrow \frac{\gamma}{\Vert m \Vert^2}, \qquad \beta \leftarrow \frac{n - \gamma}{\Vert y - Xm \Vert^2}.$$
    ///
    /// At a fixed point both derivatives of the evidence are zero.
    pub fn maximum(&self, most_iterations: usize) -> RidgeMaximum {
        let n = self.rows as f64;
        let square = (self.answers.norm_squared() + self.rest) / n;
        // Answers that are all zero have no scale.
        let start = Some(1.0 / square).filter(|start| start.is_normal()).unwrap_or(1.0);
        let (mut alpha, mut beta) = (start, start);
        // The factorisation errs by about a unit of rounding of ‖y‖ for each row or column.
        let order = self.rows.max(self.right.ncols()) as f64;
        let rounding = (10.0 * f64::EPSILON * order).powi(2) * n * square;
        let (mut iterations, mut converged) = (0, false);
        while iterations < most_iterations && !converged {
            let Sums { gamma, weights, residual, .. } = self.sums(alpha, beta);
            let next = [gamma / weights, (n - gamma) / residual];
            let usable = next.iter().all(|precision| precision.is_finite() && *precision > 0.0);
            if !usable || residual <= rounding {
                break;
            }
            let near = |old: f64, new: f64| (new - old).abs() <= 1e-12 * old;
            converged = near(alpha, next[0]) && near(beta, next[1]);
            [alpha, beta] = next;
            iterations += 1;
        }
        let (log_evidence, _) = self.log_evidence_and_grad([alpha.ln(), beta.ln()]);
        let effective_weights = self.sums(alpha, beta).gamma;
        let weights = self.weights(alpha, beta);
        RidgeMaximum {
            alpha,
            beta,
            log_evidence,
            effective_weights,
            weights,
            iterations,
            converged,
        }
    }
}

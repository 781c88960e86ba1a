//! Bayesian logistic regression.

use nalgebra::{DMatrix, DVector};
use pathscore_autodiff::Real;

/// Bits with the log-odds $x^\top w$, $p(y = 1 \mid x, w) = \sigma(x^\top w)$, and independent normal weights, $w_j \sim \mathcal N(0, 1/\alpha_j)$.
///
/// The log joint density is concave in $w$:
///
/// $$\ln p(y, w) = \sum_i [y_i \eta_i - \ln(1 + e^{\eta_i})] - \tfrac12 \sum_j \alpha_j w_j^2 + \tfrac12 \sum_j \ln\frac{\alpha_j}{2\pi},
/// \qquad \eta = Xw.$$
///
/// Its gradient is $X^\top (y - \sigma(\eta)) - \alpha \odot w$ and its Hessian $-(X^\top \mathrm{diag}(\sigma(\eta)\sigma(-\eta)) X +
/// \mathrm{diag}(\alpha))$. The mode is the MAP estimate, and there Laplace's approximation is a normal ([`Laplace`]); the posterior itself is a target of
/// the samplers in `pathscore_estimators`, which implement their `LogDensity` for this type. Answers between zero and one count as weights of
/// both bits.
///
/// ```
/// use pathscore_models::regression::LogisticRegression;
/// let x = [1.0, -2.0, 1.0, -1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 3.0, 1.0, 0.0];
/// let model = LogisticRegression::new(&x, &[0.0, 0.0, 1.0, 0.0, 1.0, 1.0], &[0.1, 0.5]);
/// let laplace = model.laplace(50);
/// assert!(laplace.converged && laplace.mode[1] > 0.5);
/// // Farther away the answer is less certain than the mode alone would have it.
/// let row = [1.0, 4.0];
/// let log_odds = laplace.mode[0] + 4.0 * laplace.mode[1];
/// assert!(laplace.predict(&row) < 1.0 / (1.0 + (-log_odds).exp()) && laplace.predict(&row) > 0.8);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "classification")]
pub struct LogisticRegression {
    x: Vec<f64>,
    y: Vec<f64>,
    precisions: Vec<f64>,
}

/// Laplace's approximation: a normal at the mode with the curvature there.
#[derive(Clone, Debug)]
pub struct Laplace {
    /// The mode of the posterior, the MAP estimate.
    pub mode: Vec<f64>,
    /// $\ln p(y, w)$ at the mode.
    pub log_joint: f64,
    /// $\ln p(y) \approx \ln p(y, \hat w) + \tfrac p2 \ln 2\pi - \tfrac12 \ln\det H$ for $p$ weights. Its error is of the order $1/n$.
    pub log_evidence: f64,
    /// The largest component of the gradient at the mode.
    pub gradient: f64,
    /// The number of Newton steps.
    pub iterations: usize,
    /// True if the last Newton step was small beside the weights, and the gradient before it beside the terms of its sum. Numbers too large
    /// for the factorisation of $H$ end the iteration without convergence and with an evidence of NaN.
    pub converged: bool,
    /// An upper triangular $R$ with $H = R^\top R$, minus the Hessian.
    factor: DMatrix<f64>,
}

/// $\sigma(\eta)$, without overflow.
fn sigmoid(eta: f64) -> f64 {
    let odds = (-eta.abs()).exp();
    if eta < 0.0 { odds / (1.0 + odds) } else { 1.0 / (1.0 + odds) }
}

/// $y\eta - \ln(1 + e^\eta)$, of which no part is a difference of large numbers.
fn log_bit(y: f64, eta: f64) -> f64 {
    let wrong = if eta > 0.0 { (1.0 - y) * eta } else { -y * eta };
    -wrong - Real::softplus(-eta.abs())
}

/// $y - \sigma(\eta)$, with all digits where the answer is nearly certain.
fn error(y: f64, eta: f64) -> f64 {
    y * sigmoid(-eta) - (1.0 - y) * sigmoid(eta)
}

/// $(R^\top R)^{-1} g$; none if the factor is singular or a number not finite.
fn solve(factor: &DMatrix<f64>, g: &[f64]) -> Option<DVector<f64>> {
    let half = factor.tr_solve_upper_triangular(&DVector::from_row_slice(g))?;
    let step = factor.solve_upper_triangular(&half)?;
    Some(step).filter(|step| step.iter().all(|s| s.is_finite()))
}

impl LogisticRegression {
    /// The model of rows: `x` holds a row for each number of `y` and a column for each of the `precisions` $\alpha_j$.
    ///
    /// # Panics
    /// If the lengths do not fit, if there are no weights, if an answer is not in $[0, 1]$, a precision not positive, or a number of `x` not finite.
    #[track_caller]
    pub fn new(x: &[f64], y: &[f64], precisions: &[f64]) -> Self {
        let (n, p) = (y.len(), precisions.len());
        assert!(
            p > 0 && x.len() == n * p,
            "regression: {} numbers are not {n} rows of {p} columns",
            x.len()
        );
        let answer = y.iter().find(|y| !(0.0..=1.0).contains(*y));
        assert!(answer.is_none(), "regression: {} is no bit", answer.unwrap_or(&0.0));
        let bad = precisions.iter().find(|p| !(**p > 0.0 && p.is_finite()));
        assert!(bad.is_none(), "regression: {} is no precision", bad.unwrap_or(&0.0));
        assert!(x.iter().all(|x| x.is_finite()), "regression: a number is not finite");
        Self { x: x.to_vec(), y: y.to_vec(), precisions: precisions.to_vec() }
    }

    /// The number of weights.
    pub fn dim(&self) -> usize {
        self.precisions.len()
    }

    /// Calls `see` with each row, its answer and its log-odds.
    #[track_caller]
    fn each_row(&self, w: &[f64], mut see: impl FnMut(&[f64], f64, f64)) {
        let (found, p) = (w.len(), self.dim());
        assert!(found == p, "regression: {found} numbers for {p} weights");
        for (row, &y) in self.x.chunks_exact(p).zip(&self.y) {
            see(row, y, row.iter().zip(w).map(|(x, w)| x * w).sum());
        }
    }

    fn log_prior(&self, w: &[f64]) -> f64 {
        let of_weight =
            |(w, alpha): (&f64, &f64)| 0.5 * ((alpha / std::f64::consts::TAU).ln() - alpha * w * w);
        w.iter().zip(&self.precisions).map(of_weight).sum()
    }

    /// $\ln p(y, w)$.
    ///
    /// # Panics
    /// If `w` does not have a number for each weight.
    #[track_caller]
    pub fn log_joint(&self, w: &[f64]) -> f64 {
        let mut sum = 0.0;
        self.each_row(w, |_, y, eta| sum += log_bit(y, eta));
        sum + self.log_prior(w)
    }

    /// $\ln p(y, w)$, and its gradient into `grad`. It allocates nothing.
    ///
    /// # Panics
    /// If `w` or `grad` does not have a number for each weight.
    #[track_caller]
    pub fn log_joint_and_grad(&self, w: &[f64], grad: &mut [f64]) -> f64 {
        let (found, p) = (grad.len(), self.dim());
        assert!(found == p, "regression: a gradient of {found} numbers for {p} weights");
        grad.iter_mut().zip(w).zip(&self.precisions).for_each(|((g, w), a)| *g = -a * w);
        let mut sum = 0.0;
        self.each_row(w, |row, y, eta| {
            sum += log_bit(y, eta);
            let error = error(y, eta);
            grad.iter_mut().zip(row).for_each(|(g, x)| *g += error * x);
        });
        sum + self.log_prior(w)
    }

    /// An upper triangular $R$ with $R^\top R = H$, minus the Hessian of the log joint density: that of a QR factorisation of $[\sqrt W X;
    /// \sqrt\alpha]$, whose condition number is the square root of that of $H$. Columns are scaled, so that no square overflows.
    fn factor(&self, w: &[f64]) -> DMatrix<f64> {
        let (n, p) = (self.y.len(), self.dim());
        let mut system = DMatrix::zeros(n + p, p);
        let mut i = 0;
        self.each_row(w, |row, _, eta| {
            let root = sigmoid(eta).sqrt() * sigmoid(-eta).sqrt();
            row.iter().enumerate().for_each(|(j, x)| system[(i, j)] = root * x);
            i += 1;
        });
        self.precisions.iter().enumerate().for_each(|(j, a)| system[(n + j, j)] = a.sqrt());
        let scales: Vec<f64> = system.column_iter().map(|column| column.amax()).collect();
        system.column_iter_mut().zip(&scales).for_each(|(mut column, scale)| column /= *scale);
        let mut factor = system.qr().r();
        factor.column_iter_mut().zip(&scales).for_each(|(mut column, scale)| column *= *scale);
        factor
    }

    /// True if a Newton step is small beside the weights, or in standard deviations of the normal, and the gradient beside the sum of the
    /// magnitudes of its terms. The rise of the density alone does not tell: with a weak prior it is below rounding far from the mode.
    fn is_near(&self, w: &[f64], grad: &[f64], step: &DVector<f64>, factor: &DMatrix<f64>) -> bool {
        let mut terms: Vec<f64> =
            w.iter().zip(&self.precisions).map(|(w, a)| a * w.abs()).collect();
        self.each_row(w, |row, y, eta| {
            let error = error(y, eta).abs();
            terms.iter_mut().zip(row).for_each(|(term, x)| *term += error * x.abs());
        });
        // Newton's method squares the error: after one more step, rounding is left.
        let flat = grad.iter().zip(&terms).all(|(g, term)| g.abs() <= 1e-8 * term);
        let spread: Vec<f64> = factor.column_iter().map(|column| column.norm()).collect();
        let most =
            |v: &[f64]| v.iter().zip(&spread).fold(0.0, |most: f64, (v, d)| most.max(v.abs() * d));
        flat && most(step.as_slice()) <= (1e-8 * most(w)).max(1e-12)
    }

    /// The mode by Newton's method from zero, and the normal there. A step that lowers the density by more than rounding is halved, so that
    /// the method converges from anywhere: the density is strictly concave.
    pub fn laplace(&self, most_iterations: usize) -> Laplace {
        let p = self.dim();
        let (mut mode, mut grad) = (vec![0.0; p], vec![0.0; p]);
        let mut log_joint = self.log_joint_and_grad(&mode, &mut grad);
        let (mut iterations, mut converged) = (0, false);
        let (factor, regular) = loop {
            let factor = self.factor(&mode);
            let Some(step) = solve(&factor, &grad) else {
                converged = false;
                break (factor, false);
            };
            if converged || iterations == most_iterations {
                break (factor, true);
            }
            converged = self.is_near(&mode, &grad, &step, &factor);
            // Steps along a nearly flat density change it by less than rounding, up or down.
            let least = log_joint - 1e-14 * (1.0 + log_joint.abs());
            let mut length = 1.0;
            let next = loop {
                let next: Vec<f64> =
                    mode.iter().zip(step.iter()).map(|(w, s)| w + length * s).collect();
                let value = self.log_joint_and_grad(&next, &mut grad);
                if value >= least || length < 1e-10 {
                    break Some((next, value)).filter(|_| value >= least);
                }
                length *= 0.5;
            };
            iterations += 1;
            match next {
                Some(next) => (mode, log_joint) = next,
                None => {
                    log_joint = self.log_joint_and_grad(&mode, &mut grad);
                    break (factor, true);
                }
            }
        };
        let half_log_det: f64 = factor.diagonal().iter().map(|r| r.abs().ln()).sum();
        let log_evidence = log_joint + 0.5 * p as f64 * std::f64::consts::TAU.ln() - half_log_det;
        let log_evidence = if regular { log_evidence } else { f64::NAN };
        let gradient = grad.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        Laplace { mode, log_joint, log_evidence, gradient, iterations, converged, factor }
    }
}

impl Laplace {
    /// $H^{-1}$, the covariance of the normal, row by row.
    pub fn covariance(&self) -> Vec<f64> {
        let p = self.mode.len();
        let inverse = self.factor.solve_upper_triangular(&DMatrix::identity(p, p));
        let inverse = inverse.unwrap_or_else(|| DMatrix::from_element(p, p, f64::NAN));
        (&inverse * inverse.transpose()).as_slice().to_vec()
    }

    /// The probability of a one, $E \sigma(\eta)$ under the normal of $\eta = x^\top w$ with the mean $\mu$ and the variance $v$, by MacKay's formula (1992)
    /// $\sigma(\mu/\sqrt{1 + \pi v/8})$, which errs by less than 0.02.
    ///
    /// # Panics
    /// If `x` does not have a number for each weight.
    #[track_caller]
    pub fn predict(&self, x: &[f64]) -> f64 {
        let (found, p) = (x.len(), self.mode.len());
        assert!(found == p, "regression: a row of {found} numbers for {p} weights");
        let row = DVector::from_row_slice(x);
        let mean: f64 = x.iter().zip(&self.mode).map(|(x, w)| x * w).sum();
        let half = self.factor.tr_solve_upper_triangular(&row);
        let variance = half.map_or(f64::NAN, |half| half.norm_squared());
        sigmoid(mean / (1.0 + std::f64::consts::PI / 8.0 * variance).sqrt())
    }
}

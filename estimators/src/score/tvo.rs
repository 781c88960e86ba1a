//! The thermodynamic variational objective (Masrani, Le and Wood 2019).

use crate::draw::Score;
use crate::estimator::{Claim, Columns, Cotangents, LogWeights};
use crate::target::Target;
use pathscore_autodiff::Scalar;

/// The gradient of a Riemann sum of $\ln p(x) = \int_0^1 E_{\pi_\beta} f d\beta$ on the path
/// $\pi_\beta \propto q^{1 - \beta} p^{\beta}$ from $q$ to the posterior.
///
/// $$\sum_j \Delta_j E_{\pi_j} f, \qquad \nabla E_{\pi_\beta} f = E_{\pi_\beta} \nabla f +
///   \mathrm{Cov}(f, (1 - \beta) \nabla \ln q + \beta \nabla \ln p)$$
///
/// with the covariance under $\pi_\beta$, $0 = \beta_1 < \beta_2 < \dots$ and $\Delta_j$ the width to the next of them, or to one. The
/// expectations are over the draws with weights $\tilde w \propto w^\beta$. Columns, summed over $j$ with
/// $c_k = \tilde w_k (f_k - \sum_i \tilde w_i f_i)$: $a = \Delta (\tilde w_k + \beta c_k)$,
/// $b = \Delta ((1 - \beta) c_k - \tilde w_k)$, path 0. The sum is the lower, left one, which at one point is
/// the ELBO and grows to $\ln p(x)$ as the points fill the interval.
///
/// Ratios of sums of draws have a bias of $O(1/K)$, so this is biased at every finite $K$ and consistent as
/// $K$ grows. Prefer it where a bound between the ELBO and $\ln p(x)$ is wanted without a path or a
/// baseline, with $K$ in the tens.
#[doc(alias = "thermodynamic variational objective")]
#[derive(Clone, Debug, PartialEq)]
pub struct Tvo {
    /// $\beta_1 = 0, \beta_2, \dots$, rising and below one.
    pub betas: Vec<f64>,
}

impl Tvo {
    /// `points` points: zero, and the others with logarithms evenly spaced from that of `first` up to one,
    /// which is left out (the paper's choice, with `first` 0.025 or so).
    ///
    /// ```
    /// let tvo = pathscore_estimators::score::Tvo::log_spaced(3, 0.01);
    /// assert!(tvo.betas[0] == 0.0 && (tvo.betas[2] - 0.1).abs() < 1e-15);
    /// ```
    ///
    /// # Panics
    /// If there are no points, or `first` is not between zero and one.
    pub fn log_spaced(points: usize, first: f64) -> Self {
        assert!(
            points > 0 && first > 0.0 && first < 1.0,
            "{points} points, the first at {first}: there must be one point or more, and the first between 0 and 1"
        );
        let step = |i: usize| first.powf(1.0 - (i - 1) as f64 / (points - 1) as f64);
        Self { betas: (0..points).map(|i| if i == 0 { 0.0 } else { step(i) }).collect() }
    }

    /// Every $\beta_j$ and $\Delta_j$.
    fn steps<F: Scalar>(&self) -> impl Iterator<Item = (F, F)> {
        let ends = self.betas.iter().skip(1).chain(std::iter::once(&1.0));
        let numbers = |(&beta, &end)| (F::from_f64(beta), F::from_f64(end - beta));
        self.betas.iter().zip(ends).map(numbers)
    }
}

/// $\sum_k \tilde w_k f_k$; a draw without weight counts nothing, even if its $f$ is $-\infty$.
fn mean<F: Scalar>(w: &LogWeights<F>, share: impl Fn(usize) -> F, b: usize) -> F {
    let term = |k| if share(k) == F::ZERO { F::ZERO } else { share(k) * w.log_weight(k, b) };
    (0..w.draws()).map(term).sum()
}

impl Columns for Tvo {
    type Draw = Score;

    fn target(&self) -> Target {
        Target::LogLikelihood
    }

    fn claim(&self) -> Claim {
        Claim::Biased
    }

    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |_| |_| (F::ZERO, F::ZERO));
        for b in 0..w.batch() {
            for (beta, width) in self.steps::<F>() {
                let share = w.tempered(beta, b);
                let mean = mean(w, &share, b);
                for k in (0..w.draws()).filter(|&k| share(k) != F::ZERO) {
                    let covary = share(k) * (w.log_weight(k, b) - mean);
                    let at = k * w.batch() + b;
                    cotangents.log_joint[at] += width * (share(k) + beta * covary);
                    cotangents.log_q[at] += width * ((F::ONE - beta) * covary - share(k));
                }
            }
        }
    }

    fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
        let point = |(beta, width)| width * mean(w, w.tempered(beta, b), b);
        self.steps::<F>().map(point).sum()
    }
}

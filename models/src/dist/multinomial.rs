//! The multinomial distribution.

use super::edges::{impossible, off_counts};
use super::{Categorical, Distribution, Kl, Moments, Support, binomial, sample_shape, width};
use crate::RandomSource;
use pathscore_autodiff::{Real, Scalar, Var};

/// The numbers $x_c$ of times that each of $C$ classes is drawn in $n$ trials: $p(x) = \frac{n!}{\prod_c x_c!} \prod_c
/// p_c^{x_c}$.
///
/// The means are $np_c$, the variances $np_c(1 - p_c)$. The derivative of $\ln p(x)$ with respect to the logits is $x - np$.
/// A sample draws one class after another as a binomial variable given the classes before it.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Distribution, Multinomial};
/// let tape = Tape::new();
/// let trial = Categorical::from_probs(tape.leaf(&[0.5_f64, 0.25, 0.25], [3]))?;
/// let q = Multinomial::new(4, trial);
/// let p = q.log_prob(tape.constant(&[2.0, 1.0, 1.0], [3])).exp().item();
/// assert!((p - 12.0 / 64.0).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Multinomial<'t, F> {
    total: usize,
    trial: Categorical<'t, F>,
}

impl<'t, F: Scalar> Multinomial<'t, F> {
    /// The distribution of the counts of `total` trials.
    pub fn new(total: usize, trial: Categorical<'t, F>) -> Self {
        Self { total, trial }
    }

    /// The number of trials, $n$.
    pub fn total(self) -> usize {
        self.total
    }

    /// The distribution of a single trial.
    pub fn trial(self) -> Categorical<'t, F> {
        self.trial
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Multinomial<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let logits = self.trial.logits();
        let (classes, probs) = (width(logits), self.trial.detach().probs().value());
        logits.tape().constant_with(sample_shape(count, logits), |out| {
            let rows = probs.values().chunks_exact(classes).cycle();
            for (row, probs) in out.chunks_exact_mut(classes).zip(rows) {
                let (mut left, mut mass) = (self.total as f64, 1.0);
                for (c, (x, p)) in row.iter_mut().zip(probs).enumerate() {
                    let p = p.to_f64();
                    mass -= p;
                    // Given the classes before it, a class has the odds p to the mass behind it.
                    let last = c + 1 == classes || mass <= 0.0;
                    let odds = if last && p > 0.0 { f64::INFINITY } else { p.ln() - mass.ln() };
                    let drawn = binomial::draw(left, odds, rng);
                    *x = F::from_f64(drawn);
                    left -= drawn;
                }
            }
        })
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let n = self.total as f64;
        // A class that was never drawn is no factor, even if it is impossible.
        let terms = x.mul_no_nan(self.trial.log_probs()) - (x + F::ONE).ln_gamma();
        let log_prob = terms.sum_axis(-1) + F::from_f64(Real::ln_gamma(n + 1.0));
        let sum = (x.sum_axis(-1) - F::from_f64(n)).abs();
        impossible(off_counts(x).sum_axis(-1) + sum, log_prob)
    }

    fn detach(&self) -> Self {
        Self { total: self.total, trial: self.trial.detach() }
    }

    fn support(&self) -> Support {
        Support::CountVectors
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Multinomial<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        self.trial.mean() * F::from_f64(self.total as f64)
    }

    fn variance(&self) -> Var<'t, F> {
        self.trial.variance() * F::from_f64(self.total as f64)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Multinomial<'t, F> {
    /// $n$ times the divergence of a single trial.
    ///
    /// # Panics
    /// If the numbers of trials differ.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let [n, other] = [self.total, p.total];
        assert!(n == other, "Multinomial: counts of {n} and {other} trials have no divergence");
        self.trial.kl(&p.trial) * F::from_f64(n as f64)
    }
}

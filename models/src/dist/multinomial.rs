//! The multinomial distribution.

use super::edges::{impossible, off_counts};
use super::parameters::check;
use super::stirling::{any_large, divergence_or, ln_factorial_rest};
use super::{
    Categorical, Constraint, Distribution, Enumerable, Kl, Moments, ParameterError, Shapes,
    Support, binomial, sample_shape, unsqueeze, width,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

/// The numbers $x_c$ of times that each of $C$ classes is drawn in $n$ trials: $p(x) = \frac{n!}{\prod_c x_c!} \prod_c
/// p_c^{x_c}$.
///
/// The means are $np_c$, the variances $np_c(1 - p_c)$. The derivative of $\ln p(x)$ with respect to the logits is $x - np$.
/// A row that is no row of counts, or does not sum to $n$, has probability zero. A sample draws one class after another as
/// a binomial variable given the classes before it, in a time that does not grow with $n$. The entropy has no closed form.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Distribution, Multinomial};
/// let tape = Tape::new();
/// let trial = Categorical::from_probs(tape.leaf(&[0.5_f64, 0.25, 0.25], [3]))?;
/// let q = Multinomial::new(tape.number(4.0), trial)?;
/// let p = q.log_prob(tape.constant(&[2.0, 1.0, 1.0], [3])).exp().item();
/// assert!((p - 12.0 / 64.0).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Multinomial<'t, F> {
    /// The number of trials of each member of the batch.
    total: Var<'t, F>,
    trial: Categorical<'t, F>,
}

impl<'t, F: Scalar> Multinomial<'t, F> {
    /// The distribution of the counts of `total` trials: one number for all members of the batch, of shape `[]`, or numbers
    /// that broadcast against the batch of the trials.
    ///
    /// # Errors
    /// If a number of trials is no count.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new(total: Var<'t, F>, trial: Categorical<'t, F>) -> Result<Self, ParameterError> {
        check("Multinomial", &[("total", total, Constraint::Count)])?;
        Ok(Self::new_unchecked(total, trial))
    }

    /// [`Multinomial::new`] without a look at the numbers.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn new_unchecked(total: Var<'t, F>, trial: Categorical<'t, F>) -> Self {
        let logits = trial.logits();
        let shapes = Shapes::of(logits);
        let Some(batch) = Shape::broadcast(&total.shape(), &shapes.batch) else {
            let (total, batch) = (total.shape(), shapes.batch);
            panic!(
                "Multinomial: totals of shape {total} and trials of shape {batch} do not broadcast"
            );
        };
        if *batch == *shapes.batch {
            return Self { total: total.broadcast_to(batch), trial };
        }
        let whole: Shape = batch.iter().chain(&shapes.event[..]).copied().collect();
        let trial = Categorical::from_logits_unchecked(logits.broadcast_to(whole));
        Self { total: total.broadcast_to(batch), trial }
    }

    /// The numbers of trials, $n$, in the shape of the batch.
    pub fn total(self) -> Var<'t, F> {
        self.total
    }

    /// The log-probability without cancellation of large counts: with the means $m_c = np_c$, which sum to $n$ as the counts do, it is
    /// $r(n) + \sum_c \bigl(x_c\ln\frac{m_c}{x_c} + x_c - m_c - r(x_c)\bigr)$ with $r(x) = \ln x! - x\ln x + x$.
    fn large_log_prob(self, x: Var<'t, F>) -> Var<'t, F> {
        let (log_probs, total) = (self.trial.log_probs(), unsqueeze(self.total));
        // Not the exponential of the sum of two logarithms, whose rounding error is that of the larger one.
        let (log_mean, mean) = (log_probs + total.ln(), log_probs.exp() * total);
        let rest = ln_factorial_rest(x);
        let plain = x.mul_no_nan(log_mean) - x.xlogy(x) + x - mean;
        let terms = divergence_or(x, mean, mean - x, -rest, plain - rest);
        terms.sum_axis(-1) + ln_factorial_rest(self.total)
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
        let totals = self.total.value();
        logits.tape().constant_with(sample_shape(count, logits), |out| {
            let rows = probs.values().chunks_exact(classes).zip(totals.values()).cycle();
            for (row, (probs, total)) in out.chunks_exact_mut(classes).zip(rows) {
                let mut left = total.to_f64();
                // The mass behind each class is added from the end, so that it keeps its digits.
                let behind =
                    |c: usize| probs[c + 1..].iter().rev().map(|p| p.to_f64()).sum::<f64>();
                for (c, x) in row.iter_mut().enumerate() {
                    // Given the classes before it, a class has the odds p to the mass behind it.
                    let (p, rest) = (probs[c].to_f64(), behind(c));
                    let drawn = match rest > 0.0 || rest.is_nan() {
                        true => binomial::draw(left, p.ln() - rest.ln(), rng),
                        false => left,
                    };
                    *x = F::from_f64(drawn);
                    left -= drawn;
                }
            }
        })
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        let log_prob = if any_large(x) {
            self.large_log_prob(x)
        } else {
            // A class that was never drawn is no factor, even if it is impossible.
            let terms = x.mul_no_nan(self.trial.log_probs()) - (x + F::ONE).ln_gamma();
            terms.sum_axis(-1) + (self.total + F::ONE).ln_gamma()
        };
        let off = x.sum_axis(-1).not_equal(self.total);
        impossible(off_counts(x).sum_axis(-1) + off, log_prob)
    }

    fn detach(&self) -> Self {
        Self { total: self.total.detach(), trial: self.trial.detach() }
    }

    fn support(&self) -> Support {
        Support::CountVectors
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.trial.logits())
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Multinomial<'t, F> {
    fn mean(&self) -> Var<'t, F> {
        unsqueeze(self.total) * self.trial.mean()
    }

    fn variance(&self) -> Var<'t, F> {
        unsqueeze(self.total) * self.trial.variance()
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Multinomial<'t, F> {
    /// # Panics
    /// If the members of the batch have different numbers of trials, or if there are more than a million rows of counts.
    fn enumerate_support(&self) -> Var<'t, F> {
        let (logits, totals) = (self.trial.logits(), self.total.value());
        let classes = width(logits);
        let total = totals.values().first().map_or(0.0, |total| total.to_f64());
        assert!(
            totals.values().iter().all(|n| n.to_f64() == total),
            "Multinomial: members of a batch with different numbers of trials have no common support"
        );
        // There are n + C − 1 over n of them.
        let number = (1..classes).fold(1.0, |ways, c| ways * (total + c as f64) / c as f64);
        assert!(number < 1e6, "Multinomial: {number} rows of counts are too many to enumerate");
        let mut rows = vec![Vec::new()];
        for c in 0..classes {
            let extended = |row: Vec<u64>| {
                let left = total as u64 - row.iter().sum::<u64>();
                let first = if c + 1 == classes { left } else { 0 };
                (first..=left).map(move |x| row.iter().copied().chain([x]).collect::<Vec<u64>>())
            };
            rows = rows.into_iter().flat_map(extended).collect();
        }
        let members = logits.size() / classes.max(1);
        logits.tape().constant_with(sample_shape(rows.len(), logits), |out| {
            for (i, row) in out.chunks_exact_mut(classes.max(1)).enumerate() {
                for (out, &x) in row.iter_mut().zip(&rows[i / members]) {
                    *out = F::from_f64(x as f64);
                }
            }
        })
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Multinomial<'t, F> {
    /// $n$ times the divergence of a single trial where the numbers of trials agree, and $\infty$ where they differ, because
    /// then no row has a probability under both.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let equal = self.total.mul_no_nan(self.trial.kl(&p.trial));
        let differ = self.total.not_equal(p.total);
        impossible(differ, -equal) * -F::ONE
    }
}

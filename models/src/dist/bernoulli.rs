//! The Bernoulli distribution.

use super::{Bits, Coordinates, Distribution, Entropy, Enumerable, Kl, sample_shape, unsqueeze};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// Independent variables that are one with probability $\sigma(\eta)$ and zero otherwise, with `logits` $\eta$.
///
/// $\ln p(x) = \sum_j x_j\eta_j - \mathrm{softplus}(\eta_j)$, with derivative $x - \sigma(\eta)$; exact for
/// logits of any size.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Bernoulli, Kl};
/// let tape = Tape::new();
/// let logit = |p: f64| (p / (1.0 - p)).ln();
/// let q = Bernoulli::from_logits(tape.leaf(&[logit(0.4)], [1]));
/// let p = Bernoulli::from_logits(tape.leaf(&[logit(0.8)], [1]));
/// assert!((q.kl(&p).item() - (0.4 * 0.5_f64.ln() + 0.6 * 3_f64.ln())).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Bernoulli<'t, F> {
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> Bernoulli<'t, F> {
    /// The distribution whose log-odds of the value one are `logits`.
    pub fn from_logits(logits: Var<'t, F>) -> Self {
        Self { logits }
    }

    /// The logits, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    /// The mean, $\sigma(\eta)$.
    pub fn probs(self) -> Var<'t, F> {
        self.logits.sigmoid()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Bernoulli<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        rng.bernoulli_var(self.detach().probs(), sample_shape(count, self.logits))
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        x.bernoulli_log_prob(self.logits)
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.detach() }
    }
}

impl<'t, F: Scalar> Coordinates<'t, F> for Bernoulli<'t, F> {
    fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
        unsqueeze(x).bernoulli_log_prob(unsqueeze(self.logits))
    }
}

impl<'t, F: Scalar> Bits<'t, F> for Bernoulli<'t, F> {
    fn logits(&self) -> Var<'t, F> {
        self.logits
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Bernoulli<'t, F> {
    /// # Panics
    /// If an event has more than 20 bits, which is more than a million values.
    fn support(&self) -> Var<'t, F> {
        let bits = *self.logits.shape().last().expect("an event has an axis");
        support_of_bits(self.logits, bits)
    }
}

/// Every value of `bits` binary variables, for every member of the batch of a parameter: shape `[2^bits, …batch, bits]`.
/// Bit `j` of the number of a value is variable `j`.
///
/// # Panics
/// If there are more than 20 bits.
pub(crate) fn support_of_bits<F: Scalar>(parameter: Var<'_, F>, bits: usize) -> Var<'_, F> {
    assert!(bits <= 20, "support: an event of {bits} bits has too many values to enumerate");
    let mut shape = sample_shape(1 << bits, parameter);
    let last = shape.len() - 1;
    shape[last] = bits;
    let per_value = shape.size() >> bits;
    parameter.tape().constant_with(shape, |out| {
        for (i, bit) in out.iter_mut().enumerate() {
            let (value, place) = (i / per_value, i % bits);
            *bit = F::from_f64((value >> place & 1) as f64);
        }
    })
}

impl<'t, F: Scalar> Entropy<'t, F> for Bernoulli<'t, F> {
    /// $\sum \mathrm{softplus}(\eta) - \eta \sigma(\eta)$, written as two terms of the same sign.
    fn entropy(&self) -> Var<'t, F> {
        let eta = self.logits;
        let one = eta.sigmoid() * eta.log_sigmoid();
        let zero = (-eta).sigmoid() * (-eta).log_sigmoid();
        -(one + zero).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Bernoulli<'t, F> {
    /// $\sum p(\ln p - \ln p') + (1-p)(\ln(1-p) - \ln(1-p'))$ with every logarithm a log-sigmoid of a
    /// logit, so that saturated logits give neither NaN nor a vanished derivative.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let (q, p) = (self.logits, p.logits);
        let one = q.sigmoid() * (q.log_sigmoid() - p.log_sigmoid());
        let zero = (-q).sigmoid() * ((-q).log_sigmoid() - (-p).log_sigmoid());
        (one + zero).sum_axis(-1)
    }
}

//! The categorical distribution.

use super::{Distribution, Entropy, Enumerable, Kl, sample_shape};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// One of $C$ classes with probabilities $\mathrm{softmax}(\eta)$, with `logits` $\eta$; an event is
/// the one-hot row of the class.
///
/// $\ln p(x) = \sum_c x_c \ln\mathrm{softmax}(\eta)_c$, with derivative $x - \mathrm{softmax}(\eta)$.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Distribution, Entropy};
/// let tape = Tape::new();
/// let fair = Categorical::from_logits(tape.leaf(&[1e4_f64; 4], [4]));
/// assert!((fair.entropy().item() - 4_f64.ln()).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "one-hot")]
#[doc(alias = "OneHotCategorical")]
pub struct Categorical<'t, F> {
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> Categorical<'t, F> {
    /// The distribution whose unnormalised log-probabilities of the classes are `logits`.
    pub fn from_logits(logits: Var<'t, F>) -> Self {
        Self { logits }
    }

    /// The log-probabilities of the classes, $\ln\mathrm{softmax}(\eta)$.
    pub fn log_probs(self) -> Var<'t, F> {
        self.logits.log_softmax(-1)
    }

    /// The probabilities of the classes, $\mathrm{softmax}(\eta)$.
    pub fn probs(self) -> Var<'t, F> {
        self.log_probs().exp()
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Categorical<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        rng.categorical_var(self.detach().probs(), sample_shape(count, self.logits))
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        // A class that x does not select contributes nothing, even if its log-probability is −∞.
        let log_probs = self.log_probs();
        x.select(x * log_probs, x.detach() * F::ZERO).sum_axis(-1)
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.detach() }
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Categorical<'t, F> {
    fn support(&self) -> Var<'t, F> {
        let shape = self.logits.shape();
        let classes = *shape.last().expect("an event has an axis");
        let per_value = shape.size();
        self.logits.tape().constant_with(sample_shape(classes, self.logits), |out| {
            for (i, x) in out.iter_mut().enumerate() {
                *x = if i / per_value == i % classes { F::ONE } else { F::ZERO };
            }
        })
    }
}

impl<'t, F: Scalar> Entropy<'t, F> for Categorical<'t, F> {
    /// $-\sum_c p_c \ln p_c$.
    fn entropy(&self) -> Var<'t, F> {
        let log_probs = self.log_probs();
        -(log_probs.exp() * log_probs).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Categorical<'t, F> {
    /// $\sum_c p_c (\ln p_c - \ln p'_c)$.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let log_probs = self.log_probs();
        (log_probs.exp() * (log_probs - p.log_probs())).sum_axis(-1)
    }
}

//! The categorical distribution.

use super::edges::impossible;
use super::parameters::check;
use super::{
    Constraint, Distribution, Entropy, Enumerable, Kl, Moments, ParameterError, Shapes, Support,
    sample_shape, unsqueeze,
};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// One of $C$ classes with probabilities $\mathrm{softmax}(\eta)$, with `logits` $\eta$; an event is
/// the one-hot row of the class.
///
/// $\ln p(x) = \sum_c x_c \ln\mathrm{softmax}(\eta)_c$, with derivative $x - \mathrm{softmax}(\eta)$. A class whose logit
/// is $-\infty$ has probability zero. A row that is not one-hot has probability zero.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Entropy, Kl};
/// let tape = Tape::new();
/// let fair = Categorical::from_logits(tape.leaf(&[1e4_f64; 4], [4]))?;
/// assert!((fair.entropy().item() - 4_f64.ln()).abs() < 1e-12);
/// let (q, p) = (tape.leaf(&[0.5, 0.5, 0.0], [3]), tape.leaf(&[1.0, 2.0, 1.0], [3]));
/// let kl = Categorical::from_probs(q)?.kl(&Categorical::from_probs(p)?);
/// assert!((kl.item() - 0.5 * 2_f64.ln()).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "one-hot")]
pub struct Categorical<'t, F> {
    logits: Var<'t, F>,
}

impl<'t, F: Scalar> Categorical<'t, F> {
    /// The distribution whose unnormalised log-probabilities of the classes are `logits`. They may be $-\infty$, except in
    /// a whole row.
    ///
    /// # Errors
    /// If a logit is NaN or $\infty$, or if all logits of a row are $-\infty$.
    ///
    /// # Panics
    /// If `logits` has no axis.
    #[track_caller]
    pub fn from_logits(logits: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Categorical", &[("logits", logits, Constraint::LogWeights)])?;
        Ok(Self::from_logits_unchecked(logits))
    }

    /// [`Categorical::from_logits`] without a look at the numbers.
    ///
    /// # Panics
    /// If `logits` has no axis.
    #[track_caller]
    pub fn from_logits_unchecked(logits: Var<'t, F>) -> Self {
        assert!(!logits.shape().is_empty(), "Categorical: the classes need an axis");
        Self { logits }
    }

    /// The distribution whose probabilities of the classes are in proportion to `weights`.
    ///
    /// # Errors
    /// If a weight is negative or not finite, or if all weights of a row are zero.
    ///
    /// # Panics
    /// If `weights` has no axis.
    #[track_caller]
    pub fn from_probs(weights: Var<'t, F>) -> Result<Self, ParameterError> {
        check("Categorical", &[("weights", weights, Constraint::Weights)])?;
        Ok(Self::from_logits_unchecked(weights.ln()))
    }

    /// The logits, $\eta$.
    pub fn logits(self) -> Var<'t, F> {
        self.logits
    }

    /// The log-probabilities of the classes, $\ln\mathrm{softmax}(\eta)$.
    pub fn log_probs(self) -> Var<'t, F> {
        self.logits.log_softmax(-1)
    }

    /// The probabilities of the classes, $\mathrm{softmax}(\eta)$.
    pub fn probs(self) -> Var<'t, F> {
        self.log_probs().exp()
    }

    /// $\ln\sum_c e^{\eta_c}$.
    fn log_norm(self) -> Var<'t, F> {
        self.logits.log_sum_exp(-1)
    }

    /// The terms of the classes, with zero for those whose logit is $-\infty$.
    fn if_possible(self, terms: Var<'t, F>) -> Var<'t, F> {
        let never = self.logits.equal(self.logits.constant(f64::NEG_INFINITY));
        never.select(terms.constant(0.0), terms)
    }
}

impl<'t, F: Scalar> Distribution<'t, F> for Categorical<'t, F> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        rng.categorical_var(self.detach().probs(), sample_shape(count, self.logits))
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        // A class that x does not select contributes nothing, even if its log-probability is −∞.
        let log_probs = self.log_probs();
        let log_prob = x.select(x * log_probs, x.detach() * F::ZERO).sum_axis(-1);
        // A comparison with NaN is zero, so that a row with NaN keeps it.
        let off = |distance: Var<'t, F>| distance.abs().greater(distance.constant(0.0));
        let in_between = off(x * (-x + F::ONE)).sum_axis(-1);
        impossible(in_between + off(x.sum_axis(-1) - F::ONE), log_prob)
    }

    fn detach(&self) -> Self {
        Self { logits: self.logits.detach() }
    }

    fn support(&self) -> Support {
        Support::OneHot
    }

    fn shapes(&self) -> Shapes {
        Shapes::of(self.logits)
    }
}

impl<'t, F: Scalar> Moments<'t, F> for Categorical<'t, F> {
    /// The probabilities of the classes.
    fn mean(&self) -> Var<'t, F> {
        self.probs()
    }

    /// $p_c(1 - p_c)$.
    fn variance(&self) -> Var<'t, F> {
        let probs = self.probs();
        probs * (-probs + F::ONE)
    }
}

impl<'t, F: Scalar> Enumerable<'t, F> for Categorical<'t, F> {
    fn enumerate_support(&self) -> Var<'t, F> {
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
    /// $-\sum_c p_c \ln p_c$, where a class of probability zero adds nothing.
    fn entropy(&self) -> Var<'t, F> {
        let log_probs = self.log_probs();
        -(log_probs.exp() * self.if_possible(log_probs)).sum_axis(-1)
    }
}

impl<'t, F: Scalar> Kl<'t, F, Self> for Categorical<'t, F> {
    /// $\sum_c p_c (\ln p_c - \ln p'_c)$, where a class of probability zero in $q$ adds nothing.
    ///
    /// Because probabilities sum to one, it is the sum of $p'_c - p_c - p_c y_c$ with the logarithms $y_c = \ln(p'_c/p_c)$ of the ratios,
    /// which is $p_c(e^{y_c} - 1 - y_c)$: no term is negative, and no digits cancel where the two are close.
    fn kl(&self, p: &Self) -> Var<'t, F> {
        let (log_probs, others) = (self.log_probs(), p.log_probs());
        let probs = log_probs.exp();
        // Where the two are close, the logarithms of the ratios with the rounding of the logits alone, up to one number for
        // each row, which `near` takes off together with its derivative.
        let offset = unsqueeze((p.log_norm() - self.log_norm()).detach());
        let d = self.if_possible(p.logits - self.logits - offset);
        let apart = unsqueeze((-d.abs().less(d.constant(0.5)) + F::ONE).sum_axis(-1));
        let near = d - unsqueeze((probs * d.exp_m1()).sum_axis(-1).ln_1p());
        let y = apart.select(others - log_probs, near);
        let larger = others.exp() - probs * (y + F::ONE);
        let each = y.greater(y.constant(0.5)).select(larger, probs * y.exp_m1_less_x());
        let [never, of_p] =
            [self, p].map(|of| of.logits.equal(of.logits.constant(f64::NEG_INFINITY)));
        // A class that only p excludes, however small its probability in q.
        let each = of_p.select(each.constant(f64::INFINITY), each);
        never.select(others.exp(), each).sum_axis(-1)
    }
}

/// The field's name for a [`Categorical`] whose event is a one-hot row, as it is here.
pub type OneHotCategorical<'t, F> = Categorical<'t, F>;

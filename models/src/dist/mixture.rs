//! Mixtures of distributions of one kind.

use super::{Categorical, Distribution, Moments, Support, unsqueeze};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Shape, Var};

/// The mixture $p(x) = \sum_k w_k p_k(x)$ of $K$ distributions of one kind, which are the last batch axis of `components`.
///
/// The parameters of the components have the shape `[…, K, event]`, and the `weights` are a [`Categorical`] over
/// `[…, K]`. $\ln p(x) = \ln\sum_k e^{\ln w_k + \ln p_k(x)}$; the derivative with respect to $\ln p_k$ is the
/// responsibility $w_k p_k(x)/p(x)$. The mean is $\sum_k w_k m_k$, the variance $\sum_k w_k(v_k + (m_k - m)^2)$. A sample
/// chooses a component, so no derivative flows through it.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Categorical, Distribution, Mixture, Moments, Normal};
/// let tape = Tape::new();
/// // Two components for an event of one number.
/// let loc = tape.leaf(&[-1.0_f64, 3.0], [2, 1]);
/// let components = Normal::from_scale(loc, tape.leaf(&[1.0], [1]))?;
/// let weights = Categorical::from_probs(tape.leaf(&[0.75, 0.25], [2]))?;
/// let q = Mixture::new(weights, components);
/// assert_eq!((q.mean().item(), q.variance().item()), (0.0, 4.0));
/// let log_prob = q.log_prob(tape.constant(&[1.0], [1])).item();
/// assert!((log_prob - (-2.0 - 0.5 * std::f64::consts::TAU.ln())).abs() < 1e-15);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[doc(alias = "MixtureSameFamily")]
pub struct Mixture<'t, F, D> {
    weights: Categorical<'t, F>,
    components: D,
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Mixture<'t, F, D> {
    /// The mixture of `components` with these weights.
    pub fn new(weights: Categorical<'t, F>, components: D) -> Self {
        Self { weights, components }
    }

    /// The weights, a distribution over the numbers of the components.
    pub fn weights(&self) -> Categorical<'t, F> {
        self.weights
    }

    /// The components, along the last axis of their batch.
    pub fn components(&self) -> D {
        self.components
    }

    /// $\ln p(k \mid x)$ for every component: the logarithms of the responsibilities, of shape `[…, K]`.
    pub fn log_posterior(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.log_joint(x).log_softmax(-1)
    }

    /// $\ln w_k + \ln p_k(x)$.
    fn log_joint(&self, x: Var<'t, F>) -> Var<'t, F> {
        let shape = x.shape();
        assert!(!shape.is_empty(), "Mixture: an event needs an axis");
        let (lead, event) = shape.split_at(shape.len() - 1);
        let one: Shape = lead.iter().chain(&[1]).chain(event).copied().collect();
        self.components.log_prob(x.reshape(one)) + self.weights.log_probs()
    }
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Distribution<'t, F> for Mixture<'t, F, D> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        let each = self.components.sample(count, rng);
        let shape = each.shape();
        let members = Shape::from(&shape[1..shape.len() - 1]);
        let probs = self.weights.detach().probs().broadcast_to(members.clone());
        let choice =
            rng.categorical_var(probs, [count].iter().chain(&members[..]).copied().collect());
        // NaN weights choose nothing finite, and components that are not chosen add nothing.
        let chosen = unsqueeze(choice).select(each, each.constant(0.0)).sum_axis(-2);
        chosen + choice.sum_axis(-1).reshape(keep_last(&members, count)) * F::ZERO
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.log_joint(x).log_sum_exp(-1)
    }

    fn detach(&self) -> Self {
        Self { weights: self.weights.detach(), components: self.components.detach() }
    }

    fn support(&self) -> Support {
        self.components.support()
    }
}

/// The shape of one number for each sample of each member of the batch, with an axis of length one for the event.
fn keep_last(members: &[usize], count: usize) -> Shape {
    let batch = &members[..members.len() - 1];
    [count].iter().chain(batch).chain(&[1]).copied().collect()
}

impl<'t, F: Scalar, D: Moments<'t, F>> Moments<'t, F> for Mixture<'t, F, D> {
    fn mean(&self) -> Var<'t, F> {
        (unsqueeze(self.weights.probs()) * self.components.mean()).sum_axis(-2)
    }

    fn variance(&self) -> Var<'t, F> {
        let (weights, means) = (unsqueeze(self.weights.probs()), self.components.mean());
        let mean = (weights * means).sum_axis(-2);
        let shape = mean.shape();
        let (lead, event) = shape.split_at(shape.len() - 1);
        let one: Shape = lead.iter().chain(&[1]).chain(event).copied().collect();
        let spread = self.components.variance() + (means - mean.reshape(one)).square();
        (weights * spread).sum_axis(-2)
    }
}

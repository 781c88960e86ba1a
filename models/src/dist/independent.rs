//! Axes of a batch as axes of an event.

use super::shapes::{sum_last, with_event};
use super::{Distribution, Entropy, Kl, Moments, Reparam, Shapes, Support};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// The last `axes` axes of a batch of distributions as further axes of an event: `log_prob`, `entropy` and `kl` are summed
/// over them.
///
/// The last axis of the parameters of a distribution is part of an event anyway, so rows of independent numbers need no
/// wrapper. Matrices and images do: parameters of shape `[28, 28]` make 28 events of 28 numbers, and one image in an
/// `Independent` with one axis. So do events of a [`MultivariateNormal`](super::MultivariateNormal) or a
/// [`Categorical`](super::Categorical), of which several make one event.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Entropy, Independent, Normal};
/// let tape = Tape::new();
/// let rows = Normal::from_scale(tape.leaf(&[0.0_f64; 6], [2, 3]), tape.leaf(&[1.0], [1]))?;
/// let matrix = Independent::new(rows, 1);
/// let x = tape.constant(&[0.1, -0.3, 0.5, 0.7, -0.9, 1.1], [2, 3]);
/// assert_eq!(matrix.log_prob(x).item(), rows.log_prob(x).sum().item());
/// assert_eq!(matrix.entropy().item(), rows.entropy().sum().item());
/// assert_eq!(matrix.shapes().event[..], [2, 3]);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Independent<D> {
    base: D,
    axes: usize,
}

impl<D> Independent<D> {
    /// The distribution whose events have the last `axes` axes of the batch of `base` in front of their own.
    ///
    /// # Panics
    /// If the batch has fewer axes.
    #[track_caller]
    pub fn new<'t, F: Scalar>(base: D, axes: usize) -> Self
    where
        D: Distribution<'t, F>,
    {
        let batch = base.shapes().batch;
        assert!(
            axes <= batch.len(),
            "Independent: a batch of shape {batch} does not have {axes} axes"
        );
        Self { base, axes }
    }

    /// The distribution of the parts.
    pub fn base(self) -> D {
        self.base
    }

    /// The number of axes of the batch that belong to an event.
    pub fn axes(self) -> usize {
        self.axes
    }
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Distribution<'t, F> for Independent<D> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.base.sample(count, rng)
    }

    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        // Numbers that stand for all parts of an event count once for each part.
        let x = with_event(x, &self.shapes().event);
        sum_last(self.base.log_prob(x), self.axes)
    }

    fn sample_and_log_prob<R: RandomSource>(&self, count: usize, rng: &mut R) -> [Var<'t, F>; 2] {
        let [x, log_prob] = self.base.sample_and_log_prob(count, rng);
        [x, sum_last(log_prob, self.axes)]
    }

    fn detach(&self) -> Self {
        Self { base: self.base.detach(), ..*self }
    }

    fn support(&self) -> Support {
        self.base.support()
    }

    fn shapes(&self) -> Shapes {
        let parts = self.base.shapes();
        Shapes::split(&parts.whole(), parts.batch.len() - self.axes)
    }
}

impl<'t, F: Scalar, D: Reparam<'t, F>> Reparam<'t, F> for Independent<D> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.base.rsample(count, rng)
    }
}

impl<'t, F: Scalar, D: Moments<'t, F>> Moments<'t, F> for Independent<D> {
    fn mean(&self) -> Var<'t, F> {
        self.base.mean()
    }

    fn variance(&self) -> Var<'t, F> {
        self.base.variance()
    }
}

impl<'t, F: Scalar, D: Entropy<'t, F>> Entropy<'t, F> for Independent<D> {
    fn entropy(&self) -> Var<'t, F> {
        sum_last(self.base.entropy(), self.axes)
    }
}

impl<'t, F, D, P> Kl<'t, F, Independent<P>> for Independent<D>
where
    F: Scalar,
    D: Kl<'t, F, P>,
    P: Distribution<'t, F>,
{
    /// The sum of the divergences of the parts.
    ///
    /// # Panics
    /// If the events have different numbers of axes of a batch.
    fn kl(&self, p: &Independent<P>) -> Var<'t, F> {
        assert!(
            self.axes == p.axes,
            "Independent: events with {} and {} axes of a batch have no divergence",
            self.axes,
            p.axes
        );
        sum_last(self.base.kl(&p.base), self.axes)
    }
}

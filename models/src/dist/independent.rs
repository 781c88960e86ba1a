//! Batch axes that become axes of the event.

use super::{Distribution, Entropy, Kl, Reparam, Support};
use crate::RandomSource;
use pathscore_autodiff::{Scalar, Var};

/// A distribution whose last batch axes belong to the event: an event of shape `[event]` of a batch `[…, rows]` becomes
/// one of shape `[rows, event]` of the batch `[…]`.
///
/// Samples stay the same; `log_prob`, entropy and divergence are summed over the further axes.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Independent, Normal};
/// let tape = Tape::new();
/// let pixels = Normal::from_scale(tape.leaf(&[0.0_f64; 12], [2, 3, 2]), tape.leaf(&[1.0], [1]))?;
/// let image = Independent::new(pixels, 1);
/// let x = tape.constant(&[0.0; 12], [2, 3, 2]);
/// assert_eq!(pixels.log_prob(x).shape()[..], [2, 3]);
/// assert_eq!(image.log_prob(x).shape()[..], [2]);
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Independent<D> {
    base: D,
    axes: usize,
}

impl<D> Independent<D> {
    /// The distribution of `base` with its last `axes` batch axes in the event.
    pub fn new(base: D, axes: usize) -> Self {
        Self { base, axes }
    }

    /// The distribution of a single row.
    pub fn base(&self) -> &D {
        &self.base
    }

    #[track_caller]
    fn sum<'t, F: Scalar>(&self, mut each: Var<'t, F>) -> Var<'t, F> {
        for _ in 0..self.axes {
            each = each.sum_axis(-1);
        }
        each
    }
}

impl<'t, F: Scalar, D: Distribution<'t, F>> Distribution<'t, F> for Independent<D> {
    fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.base.sample(count, rng)
    }

    /// # Panics
    /// If the batch has fewer axes than the event takes.
    fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
        self.sum(self.base.log_prob(x))
    }

    fn detach(&self) -> Self {
        Self { base: self.base.detach(), axes: self.axes }
    }

    fn support(&self) -> Support {
        self.base.support()
    }
}

impl<'t, F: Scalar, D: Reparam<'t, F>> Reparam<'t, F> for Independent<D> {
    fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
        self.base.rsample(count, rng)
    }
}

impl<'t, F: Scalar, D: Entropy<'t, F>> Entropy<'t, F> for Independent<D> {
    fn entropy(&self) -> Var<'t, F> {
        self.sum(self.base.entropy())
    }
}

impl<'t, F: Scalar, D: Kl<'t, F, P>, P> Kl<'t, F, Independent<P>> for Independent<D> {
    /// # Panics
    /// If the two events have different numbers of axes.
    fn kl(&self, p: &Independent<P>) -> Var<'t, F> {
        assert!(
            self.axes == p.axes,
            "Independent: events with {} and {} further axes have no divergence",
            self.axes,
            p.axes
        );
        self.sum(self.base.kl(&p.base))
    }
}

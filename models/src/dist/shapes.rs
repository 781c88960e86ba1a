//! The shapes of batches and events.

use pathscore_autodiff::{Scalar, Shape, Var};

/// The shape of a batch of distributions and that of one event: a sample has the shape `[count, …batch, …event]`, its
/// log-density `[count, …batch]`.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Distribution, Normal};
/// let tape = Tape::new();
/// let q = Normal::from_scale(tape.leaf(&[0.0_f64; 6], [2, 3]), tape.leaf(&[1.0], [1]))?;
/// let shapes = q.shapes();
/// assert_eq!((&shapes.batch[..], &shapes.event[..]), (&[2][..], &[3][..]));
/// # Ok::<(), pathscore_models::dist::ParameterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shapes {
    /// The axes of the batch.
    pub batch: Shape,
    /// The axes of an event: usually one, none if an event is a single number.
    pub event: Shape,
}

impl Shapes {
    /// The first `batch` axes of a sample without its count belong to the batch, the others to the event.
    pub(super) fn split(sample: &[usize], batch: usize) -> Self {
        Self { batch: Shape::from(&sample[..batch]), event: Shape::from(&sample[batch..]) }
    }

    /// The shapes by the rule that the last axis of a parameter is an event, if it has an axis.
    pub(super) fn of<F: Scalar>(parameter: Var<'_, F>) -> Self {
        let shape = parameter.shape();
        Self::split(&shape, shape.len().saturating_sub(1))
    }

    /// The axes of the batch, then those of an event.
    pub fn whole(&self) -> Shape {
        self.batch.iter().chain(&self.event[..]).copied().collect()
    }
}

/// `x`, broadcast where it has fewer or shorter axes than an event.
#[track_caller]
pub(super) fn with_event<'t, F: Scalar>(x: Var<'t, F>, event: &[usize]) -> Var<'t, F> {
    let shape = x.shape();
    match Shape::broadcast(&shape, event) {
        Some(whole) if *whole == *shape => x,
        Some(whole) => x.broadcast_to(whole),
        None => panic!("a value of shape {shape} is no event of shape {}", Shape::from(event)),
    }
}

/// The sum over the last `axes` axes.
#[track_caller]
pub(super) fn sum_last<F: Scalar>(x: Var<'_, F>, axes: usize) -> Var<'_, F> {
    let shape = x.shape();
    let kept = shape.len() - axes;
    let merged: Shape =
        shape[..kept].iter().copied().chain([shape[kept..].iter().product()]).collect();
    if axes == 0 { x } else { x.reshape(merged).sum_axis(-1) }
}

/// Appends `axes` axes of length one.
pub(super) fn append_axes<F: Scalar>(x: Var<'_, F>, axes: usize) -> Var<'_, F> {
    if axes == 0 {
        return x;
    }
    x.reshape(x.shape().iter().copied().chain(std::iter::repeat_n(1, axes)).collect::<Shape>())
}

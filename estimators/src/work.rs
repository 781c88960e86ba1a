//! The memory of a gradient: tape, adjoints, columns, and values of the estimator's own types.

use crate::weights::Cotangents;
use pathscore_autodiff::{Grads, Scalar, Tape};
use std::any::Any;
use std::fmt;

/// The memory of one gradient, which the next gradient reuses.
///
/// An estimator keeps its own numbers here too: working memory in [`Work::scratch`], and numbers that last from step to
/// step and belong to this part of the batch, for example Markov chains, in [`Work::state`].
#[derive(Debug)]
pub struct Work<F> {
    /// The tape on which the model is recorded; the entries stay until the next gradient or [`Work::release`].
    pub tape: Tape<F>,
    /// The adjoints; those of the parameters come first.
    pub grads: Grads<F>,
    /// The statistics of the last estimate, as sums over the members of its batch, so that the sums of two parts
    /// of a batch add up to those of the whole; [`Estimator::observe`](crate::Estimator::observe) receives them.
    pub stats: Vec<f64>,
    /// Working memory of the estimator's own types.
    pub scratch: Scratch,
    /// Values that last from step to step.
    pub state: State,
    /// The number of parts that the batch is cut into, one of which this memory serves.
    pub parts: usize,
    /// An estimator that [defers](crate::Estimator::defers) may leave products for the gradients of weights within so many leading
    /// numbers undone. It is zero but in a training run, which adds the products up over the parts of the batch.
    pub(crate) leading: usize,
    /// $\ln p(x, z_k)$ of the draws, draws outermost.
    pub(crate) log_joint: Vec<F>,
    /// $\ln q(z_k \mid x)$ of the draws, draws outermost.
    pub(crate) log_q: Vec<F>,
    pub(crate) cotangents: Cotangents<F>,
}

impl<F: Scalar> Default for Work<F> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F: Scalar> Work<F> {
    /// Empty memory, for a batch in one part.
    pub fn new() -> Self {
        let (scratch, state) = Default::default();
        Self {
            tape: Tape::new(),
            grads: Grads::new(),
            stats: Vec::new(),
            scratch,
            state,
            parts: 1,
            leading: 0,
            log_joint: Vec::new(),
            log_q: Vec::new(),
            cotangents: Cotangents::default(),
        }
    }

    /// The gradient with respect to the first `len` parameters that the last estimate left.
    pub fn gradient(&self, len: usize) -> &[F] {
        self.grads.leading(len)
    }

    /// The value of type `T` in the working memory; see [`Scratch::of`].
    pub fn scratch<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        self.scratch.of()
    }

    /// The value of type `T` that lasts from step to step; see [`State::of`].
    pub fn state<T: ShardState>(&mut self) -> &mut T {
        self.state.of()
    }

    /// Ends the sharing of the parameters with the tape, so that an optimiser can change them in place.
    pub fn release(&mut self) {
        self.tape.clear();
        self.grads.finish();
    }
}

/// Working memory of any types: one value of each, made by `Default` when it is first asked for and reused
/// afterwards, so that a warm step allocates nothing.
///
/// ```
/// #[derive(Default)]
/// struct Differences(Vec<f64>);
/// let mut work = pathscore_estimators::Work::<f64>::new();
/// work.scratch::<Differences>().0.push(1.0);
/// assert_eq!(work.scratch::<Differences>().0, [1.0]);
/// // As a field, it can be borrowed beside the tape.
/// let pathscore_estimators::Work { tape, scratch, .. } = &mut work;
/// let Differences(numbers) = scratch.of();
/// assert_eq!(tape.constant(numbers, [1]).value().item(), 1.0);
/// ```
#[derive(Default)]
pub struct Scratch {
    values: Vec<Box<dyn Any + Send + Sync>>,
}

impl Scratch {
    /// The value of type `T`, as the last user left it.
    pub fn of<T: Default + Send + Sync + 'static>(&mut self) -> &mut T {
        let at = self.values.iter().position(|value| value.is::<T>()).unwrap_or_else(|| {
            self.values.push(Box::<T>::default());
            self.values.len() - 1
        });
        self.values[at].downcast_mut().expect("the position is that of a value of this type")
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch of {} types", self.values.len())
    }
}

/// A value that an estimator keeps from step to step for each part of a batch, and that a checkpoint holds.
pub trait ShardState: Default + Send + Sync + 'static {
    /// The numbers of a checkpoint.
    fn save(&self) -> Vec<f64>;

    /// Replaces the value by the numbers of a checkpoint.
    fn restore(&mut self, numbers: &[f64]);
}

/// Values that last from step to step, one of each type.
///
/// Restored numbers wait until their type is asked for: the first type asked for receives the first numbers, and
/// so on, in the order in which they were first asked for when they were saved.
///
/// ```
/// use pathscore_estimators::{ShardState, State};
/// #[derive(Default)]
/// struct Count(f64);
/// impl ShardState for Count {
///     fn save(&self) -> Vec<f64> {
///         vec![self.0]
///     }
///     fn restore(&mut self, numbers: &[f64]) {
///         self.0 = numbers[0];
///     }
/// }
/// let (mut state, mut resumed) = (State::default(), State::default());
/// state.of::<Count>().0 += 3.0;
/// resumed.restore(state.save());
/// assert_eq!(resumed.of::<Count>().0, 3.0);
/// ```
#[derive(Default)]
pub struct State {
    values: Vec<Entry>,
    /// The restored numbers of types that were not asked for yet, the next one last.
    waiting: Vec<Vec<f64>>,
}

struct Entry {
    value: Box<dyn Any + Send + Sync>,
    save: fn(&dyn Any) -> Vec<f64>,
}

impl State {
    /// The value of type `T`: as the last user left it, or restored, or by `Default`.
    pub fn of<T: ShardState>(&mut self) -> &mut T {
        let Self { values, waiting } = self;
        let at = values.iter().position(|entry| entry.value.is::<T>()).unwrap_or_else(|| {
            let mut value = T::default();
            if let Some(numbers) = waiting.pop() {
                value.restore(&numbers);
            }
            let save = |value: &dyn Any| value.downcast_ref::<T>().map_or(Vec::new(), T::save);
            values.push(Entry { value: Box::new(value), save });
            values.len() - 1
        });
        values[at].value.downcast_mut().expect("the position is that of a value of this type")
    }

    /// The numbers of every value, in the order in which they were first asked for.
    pub fn save(&self) -> Vec<Vec<f64>> {
        let values = self.values.iter().map(|Entry { value, save }| save(&**value));
        values.chain(self.waiting.iter().rev().cloned()).collect()
    }

    /// Replaces every value by the numbers of a checkpoint.
    pub fn restore(&mut self, numbers: Vec<Vec<f64>>) {
        self.values.clear();
        self.waiting = numbers;
        self.waiting.reverse();
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State of {} types, {} waiting", self.values.len(), self.waiting.len())
    }
}

//! The types that a tape is made of, in one file because they refer to one another: a record keeps the kernels
//! of its custom ops, a kernel is defined on variables, a variable points to its tape, and a tape holds a record.

use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::deltas::Deltas;
use crate::tape::node::{Id, Node};
use crate::tape::op::custom::CustomOp;
use std::cell::{Ref, RefCell, RefMut};
use std::fmt::{self, Debug};
use std::sync::Arc;

/// The list of all computations: variables are recorded on it and differentiated along it.
///
/// Values are computed as they are recorded. [`Tape::clear`] forgets them and keeps the memory, so
/// a training step that records the same work each time allocates nothing after the first step.
///
/// ```
/// use pathscore_autodiff::Tape;
/// let tape = Tape::new();
/// let x = tape.leaf(&[1.0_f64, 2.0, 3.0], [3]);
/// let y = (x * x).sum();
/// assert_eq!(y.item(), 14.0);
/// assert_eq!(y.backward().of(x).values(), [2.0, 4.0, 6.0]);
/// ```
#[derive(Debug)]
pub struct Tape<F> {
    pub(super) record: RefCell<Record<F>>,
}

impl<F> Default for Tape<F> {
    fn default() -> Self {
        Self { record: RefCell::default() }
    }
}

impl<F> Tape<F> {
    pub(crate) fn record(&self) -> Ref<'_, Record<F>> {
        self.record.borrow()
    }

    pub(crate) fn record_mut(&self) -> RefMut<'_, Record<F>> {
        self.record.borrow_mut()
    }

    /// The record without the check of the [`RefCell`]: as the tape is borrowed by this call alone, threads may share the result.
    pub(crate) fn record_exclusive(&mut self) -> &Record<F> {
        self.record.get_mut()
    }

    pub(crate) fn into_record(self) -> Record<F> {
        self.record.into_inner()
    }
}

/// One entry of a tape: a tensor, and the op and the arguments that it was computed from.
///
/// Two variables combine by broadcasting: axes are aligned at the last one, and axes of length one are repeated.
pub struct Var<'t, F> {
    pub(crate) tape: &'t Tape<F>,
    pub(crate) id: Id,
}

impl<F> Clone for Var<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Var<'_, F> {}

impl<F> Debug for Var<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var({})", self.id.0)
    }
}

impl<'t, F> Var<'t, F> {
    pub(crate) fn new(tape: &'t Tape<F>, id: Id) -> Self {
        Self { tape, id }
    }
}

/// The entries and their numbers. A [`Tape`] lends its record out; a [`Plan`](crate::Plan) keeps one.
#[derive(Debug)]
pub(crate) struct Record<F> {
    pub(crate) nodes: Vec<Node<F>>,
    pub(super) args: Vec<Id>,
    pub(super) dims: Vec<usize>,
    /// The arena. It is longer than `used`, because memory that was filled once is not zeroed again.
    pub(super) values: Vec<F>,
    pub(super) used: usize,
    /// The length of the adjoint arena.
    pub(crate) bars: usize,
    pub(super) shared: Vec<Arc<Vec<F>>>,
    /// The kernels of the custom ops and checkpointed segments of this record.
    pub(crate) custom: CustomKernels<F>,
    /// True if recording stops at the first number that is not finite.
    pub(crate) strict: bool,
}

impl<F> Default for Record<F> {
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            args: Vec::new(),
            dims: Vec::new(),
            values: Vec::new(),
            used: 0,
            bars: 0,
            shared: Vec::new(),
            custom: CustomKernels::default(),
            strict: false,
        }
    }
}

/// The kernels of the custom ops and checkpointed segments of one tape.
pub(crate) struct CustomKernels<F>(Vec<Arc<dyn Kernel<F> + Send + Sync>>);

impl<F> Default for CustomKernels<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F> Debug for CustomKernels<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomKernels({})", self.0.len())
    }
}

impl<F> CustomKernels<F> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    pub(crate) fn push(
        &mut self,
        name: &'static str,
        op: Arc<dyn Kernel<F> + Send + Sync>,
    ) -> CustomOp {
        self.0.push(op);
        CustomOp::new(name, self.0.len() - 1)
    }

    pub(crate) fn get(&self, op: CustomOp) -> &Arc<dyn Kernel<F> + Send + Sync> {
        &self.0[op.index()]
    }
}

/// The adjoints of the arguments of a kernel, lent one at a time.
pub(crate) trait Bars<F> {
    /// The adjoint of argument `arg`, to add to; `None` if it is not needed.
    fn of(&mut self, arg: usize) -> Option<&mut [F]>;

    /// The same adjoint, and true if it has been begun. If it has not, its contents are not defined and must be
    /// overwritten.
    fn begun(&mut self, arg: usize) -> Option<(&mut [F], bool)>;

    /// Working memory that the caller keeps between calls. Its contents are not defined.
    fn scratch(&mut self) -> &mut Vec<F>;

    /// Working memory that can outlast the call, for numbers of [`Bars::leave`].
    fn deltas(&mut self) -> &mut Deltas<F>;

    /// True if the product $x^\top \delta$ is to be left undone, where $x$ is argument `x` and the product a term of the adjoint of
    /// argument `weight`. Then $\delta$ lies among the [`Deltas`], if it has a place, or is the adjoint of the result.
    fn leave(&mut self, weight: usize, x: usize, delta: Option<usize>) -> bool;
}

/// The arguments of a kernel, its result, and the adjoint of the result.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a, F> {
    pub(crate) args: &'a [View<'a, F>],
    pub(crate) y: &'a [F],
    pub(crate) y_bar: &'a [F],
}

/// A fused kernel: the four functions that an op without a rule must have.
pub(crate) trait Kernel<F> {
    /// The shape of the result.
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error>;
    /// Writes the result.
    fn forward(&self, args: &[View<F>], y: &mut [F]);
    /// Adds to the adjoints of the arguments.
    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>);
    /// Records the definition of the kernel in elementary ops.
    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F>;
}

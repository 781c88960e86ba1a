//! The recording of inputs and of ops on a tape.

use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::engine::Scalar;
use crate::tape::node::{Id, Mark, Place};
use crate::tape::op::Op;
use crate::tape::record::{Tape, Var};
use crate::tape::storage::for_args;
use std::panic::Location;
use std::sync::Arc;

impl<F: Scalar> Tape<F> {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty tape that panics at the first NaN or infinity, forward and in a reverse sweep in numbers. The message
    /// names the entry that made it, its arguments, and the line that recorded it. It is slow, and meant for finding
    /// mistakes.
    ///
    /// Infinite constants are allowed. A gradient in variables ([`Var::grad`]) also computes the
    /// branches of a `select` that are not taken, and stops there too. A [`Plan`](crate::Plan) of the tape is as
    /// strict.
    ///
    /// ```should_panic
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::strict();
    /// let x = tape.leaf(&[1.0_f64, 0.0], [2]);
    /// let y = x.sqrt().sum(); // every number is finite so far,
    /// let grads = y.backward(); // but the slope of the root at 0 is not
    /// ```
    pub fn strict() -> Self {
        let tape = Self::new();
        tape.record_mut().strict = true;
        tape
    }

    /// A parameter: a copy of `values` with respect to which derivatives are computed.
    ///
    /// # Panics
    /// If the number of values is not the size of the shape.
    #[track_caller]
    pub fn leaf(&self, values: &[F], shape: impl Into<Shape>) -> Var<'_, F> {
        self.input(Op::Leaf, &shape.into(), values.len(), |to| to.copy_from_slice(values))
    }

    /// Data or noise: a copy of `values` with respect to which no derivatives are computed.
    ///
    /// # Panics
    /// If the number of values is not the size of the shape.
    #[track_caller]
    pub fn constant(&self, values: &[F], shape: impl Into<Shape>) -> Var<'_, F> {
        self.input(Op::Constant, &shape.into(), values.len(), |to| to.copy_from_slice(values))
    }

    /// A constant whose numbers are written in place by `fill`, which sees them in row order.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::<f32>::new();
    /// let ones = tape.constant_with([2, 2], |values| values.fill(1.0));
    /// assert_eq!(ones.sum().item(), 4.0);
    /// ```
    #[track_caller]
    pub fn constant_with(
        &self,
        shape: impl Into<Shape>,
        fill: impl FnOnce(&mut [F]),
    ) -> Var<'_, F> {
        let shape = shape.into();
        self.input(Op::Constant, &shape, shape.size(), fill)
    }

    #[track_caller]
    fn input(
        &self,
        op: Op<F>,
        shape: &Shape,
        len: usize,
        fill: impl FnOnce(&mut [F]),
    ) -> Var<'_, F> {
        let name = op.name();
        assert!(len == shape.size(), "{name}: {len} values do not fill the shape {shape}");
        let mut record = self.record_mut();
        let id = record.push(op, &[], shape, None, op == Op::Leaf, Location::caller());
        fill(record.values_mut(id).expect("an input was given a place in the arena"));
        record.stop_if_strict(id);
        Var::new(self, id)
    }

    /// One parameter per `(offset, shape)` of `layout`. All of them read `values` in place, without a copy.
    ///
    /// Their adjoints lie one behind the other in the same order, so [`Grads::leading`](crate::Grads::leading)
    /// of an otherwise empty tape is the gradient of the whole vector. Returns the first; the others
    /// follow it ([`Tape::var`]).
    ///
    /// # Panics
    /// If a tensor reaches past the end of `values`.
    #[track_caller]
    pub fn share<'a>(
        &self,
        values: &Arc<Vec<F>>,
        layout: impl Iterator<Item = (usize, &'a [usize])>,
    ) -> Id {
        let mut record = self.record_mut();
        let first = Id(record.nodes.len() as u32);
        let slab = record.share(values);
        for (at, dims) in layout {
            let len: usize = dims.iter().product();
            assert!(
                at + len <= values.len(),
                "share: a tensor reaches past the {} values",
                values.len()
            );
            let place = Some(Place::Shared { slab, at });
            let id = record.push(Op::Leaf, &[], dims, place, true, Location::caller());
            record.stop_if_strict(id);
        }
        first
    }

    /// The variable `offset` entries behind `id`.
    ///
    /// # Panics
    /// If the tape has no such entry.
    #[track_caller]
    pub fn var(&self, id: Id, offset: usize) -> Var<'_, F> {
        let at = id.index() + offset;
        assert!(at < self.len(), "var: entry {at} of a tape of {}", self.len());
        Var::new(self, Id(at as u32))
    }

    /// Records any op on any arguments, and returns an error where the methods of [`Var`] panic.
    ///
    /// `shape` is the shape of the result for the ops whose arguments do not determine it (reshape,
    /// broadcast, sum to, slice, pad), and is ignored by the others.
    ///
    /// # Errors
    /// If the shapes do not fit the op, an index is out of range, or a matrix cannot be factored.
    ///
    /// # Panics
    /// If an argument belongs to another tape, or the tape is strict and a number of the result is
    /// NaN or infinite.
    #[track_caller]
    pub fn apply<'t>(
        &'t self,
        op: Op<F>,
        args: &[Var<'t, F>],
        shape: Option<&[usize]>,
    ) -> Result<Var<'t, F>, Error> {
        if let Some(var) = self.apply_to_numbers(op, args) {
            return Ok(var);
        }
        let ids = for_args(args, |arg| arg.id);
        let mut record = self.record_mut();
        let id = record.apply(op, &ids, shape, Location::caller())?;
        record.stop_if_strict(id);
        Ok(Var::new(self, id))
    }

    /// Records an op whose result the caller has computed.
    #[track_caller]
    pub(crate) fn insert_with(
        &self,
        op: Op<F>,
        args: &[Id],
        dims: &[usize],
        fill: impl FnOnce(&mut [F]),
    ) -> Var<'_, F> {
        let mut record = self.record_mut();
        let id = record.insert(op, args, dims, Location::caller());
        fill(record.values_mut(id).expect("a result was given a place in the arena"));
        record.stop_if_strict(id);
        Var::new(self, id)
    }

    /// A shorter path of [`Tape::apply`] for elementwise ops on numbers; `None` for everything else.
    #[inline]
    #[track_caller]
    pub(crate) fn apply_to_numbers<'t>(
        &'t self,
        op: Op<F>,
        args: &[Var<'t, F>],
    ) -> Option<Var<'t, F>> {
        let here = |arg: &Var<F>| std::ptr::eq(arg.tape, self);
        assert!(args.iter().all(here), "{}: variables of two tapes meet", op.name());
        let ends = [args.first()?.id, args.last()?.id];
        let line = Location::caller();
        let mut record = self.record_mut();
        let id = record.apply_to_numbers(op, ends, args.len() as u32, line)?;
        record.stop_if_strict(id);
        Some(Var::new(self, id))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.record().nodes.len()
    }

    /// True if nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The present length of the tape, for [`Tape::rewind`].
    pub(crate) fn mark(&self) -> Mark {
        self.record().mark()
    }

    /// Forgets all entries after the mark. No variable that refers to them may be used again.
    pub(crate) fn rewind(&self, mark: Mark) {
        self.record_mut().rewind(mark);
    }

    /// The numbers after `count` steps from `start`, of which the tape keeps only the last ones: a constant. However many steps there
    /// are, the tape grows by a single variable, and no derivatives flow through them.
    ///
    /// A variable that a step has made may not be used after that step.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// let tape = Tape::<f64>::new();
    /// let half = tape.leaf(&[0.5], [1]);
    /// let x = tape.iterate(tape.constant(&[64.0, 32.0], [2]), 6, |x| x * half);
    /// assert_eq!(x.value().values(), [1.0, 0.5]);
    /// assert!(!x.is_tracked());
    /// let before = tape.bytes();
    /// let y = tape.iterate(x, 1000, |x| x.exp().ln() + half);
    /// assert!((y.value().values()[1] - 500.5).abs() < 1e-9);
    /// assert!(tape.bytes() < before + 500);
    /// ```
    #[track_caller]
    pub fn iterate<'t>(
        &'t self,
        start: Var<'t, F>,
        count: usize,
        mut step: impl FnMut(Var<'t, F>) -> Var<'t, F>,
    ) -> Var<'t, F> {
        let (mark, line) = (self.mark(), Location::caller());
        (0..count).fold(start.detach(), |at, _| {
            let id = step(at).id;
            Var::new(self, self.record_mut().condense(mark, id, line))
        })
    }

    /// The bytes of memory that the entries of the tape and their numbers take.
    pub fn bytes(&self) -> usize {
        self.record().bytes()
    }

    /// Forgets every entry and keeps the memory.
    pub fn clear(&mut self) {
        self.record.get_mut().clear();
    }
}

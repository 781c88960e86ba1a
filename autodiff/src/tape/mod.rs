//! The tape as data: it stores what was computed and does not know what ops mean.

pub(crate) mod finite;
pub(crate) mod op;
pub(crate) mod show;
pub(crate) mod table;
pub(crate) mod term;
pub(crate) mod var;

use crate::error::Error;
use crate::kernels::zip::View;
use crate::rules::{self, custom::Owned, numbers};
use crate::scalar::Scalar;
use crate::shape::Shape;
use op::Op;
use smallvec::SmallVec;
use std::cell::{Ref, RefCell};
use std::panic::Location;
use std::sync::Arc;
use var::Var;

/// The number of an entry on its tape, in recording order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(crate) u32);

impl Id {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Marks an entry without an adjoint.
pub(crate) const NO_BAR: usize = usize::MAX;

/// Where an entry's numbers lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the tape's own arena, from this position.
    Arena(usize),
    /// In a slab shared with the caller.
    Shared { slab: u32, at: usize },
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    fn of<T: Clone>(pool: &mut Vec<T>, items: &[T]) -> Self {
        let span = Self { start: pool.len() as u32, len: items.len() as u32 };
        pool.extend_from_slice(items);
        span
    }

    fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// One entry: its op, its arguments, its shape, where its value and its adjoint lie, who recorded it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<F> {
    pub(crate) op: Op<F>,
    args: Span,
    dims: Span,
    pub(crate) place: Place,
    pub(crate) len: usize,
    /// Where the adjoint lies in the adjoint arena, or [`NO_BAR`].
    pub(crate) bar: usize,
    /// The entry whose adjoint this one shares: itself, but for reshapes.
    pub(crate) home: Id,
    pub(crate) line: &'static Location<'static>,
}

/// The entries and their numbers: what [`Tape`] lends out and a [`Plan`](crate::Plan) keeps.
#[derive(Debug)]
pub(crate) struct Record<F> {
    pub(crate) nodes: Vec<Node<F>>,
    args: Vec<Id>,
    dims: Vec<usize>,
    /// Longer than `used`: what was filled once is not zeroed again.
    values: Vec<F>,
    used: usize,
    /// The length of the adjoint arena.
    pub(crate) bars: usize,
    shared: Vec<Arc<Vec<F>>>,
    /// The ops that only this record knows.
    pub(crate) own: Owned<F>,
    /// Whether it stops at the first number that is not finite.
    pub(crate) strict: bool,
}

/// How much of a record there is: where to return to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    nodes: usize,
    args: usize,
    dims: usize,
    used: usize,
    bars: usize,
    own: usize,
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
            own: Owned::default(),
            strict: false,
        }
    }
}

impl<F: Scalar> Record<F> {
    pub(crate) fn node(&self, id: Id) -> &Node<F> {
        &self.nodes[id.index()]
    }

    pub(crate) fn args(&self, id: Id) -> &[Id] {
        &self.args[self.node(id).args.range()]
    }

    pub(crate) fn dims(&self, id: Id) -> &[usize] {
        &self.dims[self.node(id).dims.range()]
    }

    pub(crate) fn values(&self, id: Id) -> &[F] {
        let node = self.node(id);
        locate(&self.values, &self.shared, node.place, node.len)
    }

    pub(crate) fn view(&self, id: Id) -> View<'_, F> {
        View { values: self.values(id), dims: self.dims(id) }
    }

    /// The numbers of all entries that have some of their own.
    pub(crate) fn arena(&self) -> &[F] {
        &self.values
    }

    pub(crate) fn arena_mut(&mut self) -> &mut [F] {
        &mut self.values
    }

    /// Gives a number a place in the arena behind all entries.
    pub(crate) fn keep_number(&mut self, number: F) -> usize {
        let at = self.make_room(1);
        self.values[at] = number;
        at
    }

    /// The first number of an entry that has one.
    #[inline]
    fn first(&self, id: Id) -> F {
        match self.node(id).place {
            Place::Arena(at) => self.values[at],
            Place::Shared { slab, at } => self.shared[slab as usize][at],
        }
    }

    /// The first and the last argument of an entry that has some; of one argument, both are it.
    #[inline]
    fn ends(&self, id: Id) -> [Id; 2] {
        let Span { start, len } = self.node(id).args;
        [self.args[start as usize], self.args[(start + len - 1) as usize]]
    }

    /// The numbers of an entry in the arena, to overwrite.
    pub(crate) fn values_mut(&mut self, id: Id) -> Option<&mut [F]> {
        let node = *self.node(id);
        match node.place {
            Place::Arena(at) => Some(&mut self.values[at..at + node.len]),
            Place::Shared { .. } => None,
        }
    }

    fn push(
        &mut self,
        op: Op<F>,
        args: &[Id],
        dims: &[usize],
        place: Option<Place>,
        tracked: bool,
        line: &'static Location<'static>,
    ) -> Id {
        let id = Id(u32::try_from(self.nodes.len()).expect("a tape holds fewer than 2^32 entries"));
        let len: usize = dims.iter().product();
        let alias = match op {
            Op::Reshape | Op::Detach => Some(*self.node(args[0])),
            _ => None,
        };
        let place = alias
            .map(|node| node.place)
            .or(place)
            .unwrap_or_else(|| Place::Arena(self.make_room(len)));
        let shares_bar = matches!(op, Op::Reshape);
        let (bar, home) = match alias {
            Some(node) if shares_bar => (node.bar, node.home),
            _ if tracked => {
                self.bars += len;
                (self.bars - len, id)
            }
            _ => (NO_BAR, id),
        };
        let args = Span::of(&mut self.args, args);
        let dims = Span::of(&mut self.dims, dims);
        self.nodes.push(Node { op, args, dims, place, len, bar, home, line });
        id
    }

    /// The position of `len` new places of the arena.
    #[inline]
    fn make_room(&mut self, len: usize) -> usize {
        let at = self.used;
        self.used += len;
        if self.values.len() < self.used {
            self.values.resize(self.used.next_power_of_two(), F::ZERO);
        }
        at
    }

    /// [`Record::apply`] of an elementwise op to numbers; `None` if it is something else. Of `count`
    /// arguments the first and the last are given.
    #[inline]
    fn apply_to_numbers(
        &mut self,
        op: Op<F>,
        [left, right]: [Id; 2],
        count: u32,
        line: &'static Location<'static>,
    ) -> Option<Id> {
        let (a, b) = (self.node(left), self.node(right));
        if a.dims.len != 0 || b.dims.len != 0 || !numbers::covers(&op) {
            return None;
        }
        let tracked = (a.bar != NO_BAR || b.bar != NO_BAR) && !rules::is_flat(op);
        let y = numbers::value(op, self.first(left), self.first(right));
        let id = Id(u32::try_from(self.nodes.len()).expect("a tape holds fewer than 2^32 entries"));
        let at = self.make_room(1);
        self.values[at] = y;
        let bar = if tracked { self.bars } else { NO_BAR };
        self.bars += usize::from(tracked);
        let span = Span { start: self.args.len() as u32, len: count };
        self.args.push(left);
        if count > 1 {
            self.args.push(right);
        }
        let (dims, place) = (Span { start: 0, len: 0 }, Place::Arena(at));
        self.nodes.push(Node { op, args: span, dims, place, len: 1, bar, home: id, line });
        Some(id)
    }

    /// Carries the adjoint of an elementwise op on numbers to its arguments: `gain(arg, amount)` adds to
    /// the adjoint of an entry. False if the entry is something else.
    #[inline(always)]
    pub(crate) fn pull_number(&self, id: Id, y_bar: F, mut gain: impl FnMut(Id, F)) -> bool {
        let node = self.node(id);
        if node.len != 1 || !numbers::covers(&node.op) {
            return false;
        }
        let args = self.ends(id);
        let (a, b, y) = (self.first(args[0]), self.first(args[1]), self.first(id));
        for (arg, &to) in args.iter().enumerate().take(node.args.len as usize) {
            if self.node(to).bar != NO_BAR {
                gain(to, y_bar.weigh(numbers::slope(node.op, arg, a, b, y)));
            }
        }
        true
    }

    /// Computes the value of an entry from those of its arguments.
    pub(crate) fn evaluate(&mut self, id: Id) -> Result<(), Error> {
        let node = &self.nodes[id.index()];
        if node.len == 1
            && numbers::covers(&node.op)
            && let Place::Arena(at) = node.place
        {
            // A result of one number has arguments of one number.
            let (op, [left, right]) = (node.op, self.ends(id));
            self.values[at] = numbers::value(op, self.first(left), self.first(right));
            return Ok(());
        }
        let node = *node;
        let at = match (node.op, node.place) {
            (Op::Leaf | Op::Constant | Op::Reshape | Op::Detach, _) | (_, Place::Shared { .. }) => {
                return Ok(());
            }
            (_, Place::Arena(at)) => at,
        };
        let (below, rest) = self.values.split_at_mut(at);
        let views: SmallVec<[View<F>; 4]> = self.args[node.args.range()]
            .iter()
            .map(|&arg| {
                let node = &self.nodes[arg.index()];
                View {
                    values: locate(below, &self.shared, node.place, node.len),
                    dims: &self.dims[node.dims.range()],
                }
            })
            .collect();
        let (dims, y) = (&self.dims[node.dims.range()], &mut rest[..node.len]);
        match node.op {
            Op::Custom(own) => {
                self.own.get(own).forward(&views, y);
                Ok(())
            }
            op => rules::forward(op, &views, dims, y),
        }
    }

    /// An entry whose value is yet to be written.
    pub(crate) fn insert(
        &mut self,
        op: Op<F>,
        args: &[Id],
        dims: &[usize],
        line: &'static Location<'static>,
    ) -> Id {
        let tracked = !rules::is_flat(op) && args.iter().any(|&arg| self.node(arg).bar != NO_BAR);
        self.push(op, args, dims, None, tracked, line)
    }

    pub(crate) fn apply(
        &mut self,
        op: Op<F>,
        args: &[Id],
        wanted: Option<&[usize]>,
        line: &'static Location<'static>,
    ) -> Result<Id, Error> {
        let dims = {
            let shapes: SmallVec<[&[usize]; 4]> = args.iter().map(|&arg| self.dims(arg)).collect();
            match op {
                Op::Custom(own) => self.own.get(own).shape(&shapes)?,
                op => rules::shape(op, &shapes, wanted)?,
            }
        };
        let id = self.insert(op, args, &dims, line);
        match self.evaluate(id) {
            Ok(()) => Ok(id),
            Err(error) => {
                self.nodes.pop();
                Err(error)
            }
        }
    }
}

fn locate<'a, F>(arena: &'a [F], shared: &'a [Arc<Vec<F>>], place: Place, len: usize) -> &'a [F] {
    match place {
        Place::Arena(at) => &arena[at..at + len],
        Place::Shared { slab, at } => &shared[slab as usize][at..at + len],
    }
}

/// The list of what was computed: variables are recorded on it and differentiated along it.
///
/// Values are computed as they are recorded. [`Tape::clear`] forgets them and keeps the memory, so
/// that a training step that records the same work each time allocates nothing after the first.
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
    record: RefCell<Record<F>>,
}

impl<F> Default for Tape<F> {
    fn default() -> Self {
        Self { record: RefCell::default() }
    }
}

impl<F: Scalar> Tape<F> {
    /// An empty tape.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn record(&self) -> Ref<'_, Record<F>> {
        self.record.borrow()
    }

    pub(crate) fn record_mut(&self) -> std::cell::RefMut<'_, Record<F>> {
        self.record.borrow_mut()
    }

    pub(crate) fn into_record(self) -> Record<F> {
        self.record.into_inner()
    }

    /// An empty tape that panics at the first number that is made NaN or infinite, forward and on the way back
    /// in numbers, and says which entry made it, from what, and which line recorded that. Slow: to find
    /// mistakes with.
    ///
    /// Infinite constants are taken as meant. A gradient in variables ([`Var::grad`]) also computes the
    /// branches of a `select` that are not taken, and stops there too. What a [`Plan`](crate::Plan) computes when
    /// it is run is not watched.
    ///
    /// ```should_panic
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::strict();
    /// let x = tape.leaf(&[1.0_f64, 0.0], [2]);
    /// let y = x.sqrt().sum(); // every number is finite so far,
    /// let grads = y.backward(); // but the slope of the root at 0 is not
    /// ```
    pub fn strict() -> Self {
        Self { record: RefCell::new(Record { strict: true, ..Record::default() }) }
    }

    /// A parameter: a copy of `values`, of which derivatives are wanted.
    ///
    /// # Panics
    /// If the number of values is not the size of the shape.
    #[track_caller]
    pub fn leaf(&self, values: &[F], shape: impl Into<Shape>) -> Var<'_, F> {
        self.input(Op::Leaf, &shape.into(), values.len(), |to| to.copy_from_slice(values))
    }

    /// Data or noise: a copy of `values`, of which no derivatives are computed.
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

    /// One parameter per `(offset, shape)` of `layout`, all reading `values` where they are, uncopied.
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
        let slab = record.shared.len() as u32;
        record.shared.push(Arc::clone(values));
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

    /// Records any op on any arguments: the one fallible door, for embedding.
    ///
    /// `shape` is the shape of the result for the ops whose arguments do not determine it (reshape,
    /// broadcast, sum to, slice, pad), and is ignored by the others.
    ///
    /// # Errors
    /// If the shapes do not fit the op, or a matrix cannot be factored.
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
        let ids: SmallVec<[Id; 4]> = args.iter().map(|arg| arg.id).collect();
        let mut record = self.record_mut();
        let id = record.apply(op, &ids, shape, Location::caller())?;
        record.stop_if_strict(id);
        Ok(Var::new(self, id))
    }

    /// Records an op whose result somebody else has computed.
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

    /// The short way of [`Tape::apply`], for elementwise ops on numbers; `None` for everything else.
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

    /// Whether nothing has been recorded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far the tape has come, for [`Tape::rewind`].
    pub(crate) fn mark(&self) -> Mark {
        let record = self.record();
        Mark {
            nodes: record.nodes.len(),
            args: record.args.len(),
            dims: record.dims.len(),
            used: record.used,
            bars: record.bars,
            own: record.own.len(),
        }
    }

    /// Forgets what was recorded since; nobody may hold on to it.
    pub(crate) fn rewind(&self, mark: Mark) {
        let mut record = self.record_mut();
        record.nodes.truncate(mark.nodes);
        record.args.truncate(mark.args);
        record.dims.truncate(mark.dims);
        record.used = mark.used;
        record.bars = mark.bars;
        record.own.truncate(mark.own);
    }

    /// The bytes of memory that its entries and their numbers take.
    pub fn bytes(&self) -> usize {
        let record = self.record();
        size_of_val(&record.nodes[..])
            + size_of_val(&record.args[..])
            + size_of_val(&record.dims[..])
            + record.used * size_of::<F>()
    }

    /// Forgets every entry and keeps the memory.
    pub fn clear(&mut self) {
        let record = self.record.get_mut();
        record.nodes.clear();
        record.args.clear();
        record.dims.clear();
        record.shared.clear();
        record.own.truncate(0);
        record.used = 0;
        record.bars = 0;
    }
}

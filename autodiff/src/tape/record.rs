//! The entries of a tape and their numbers.

use crate::error::Error;
use crate::kernels::aligned::{before_line, per_line};
use crate::kernels::zip::View;
use crate::rules::{self, custom::Owned, numbers};
use crate::scalar::Scalar;
use crate::tape::op::Op;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

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

/// The entries and their numbers: what a [`Tape`](crate::Tape) lends out and a [`Plan`](crate::Plan) keeps.
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
#[derive(Clone, Copy, Debug, Default)]
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
    /// Keeps numbers of the caller, and gives the number of their slab.
    pub(super) fn share(&mut self, values: &Arc<Vec<F>>) -> u32 {
        self.shared.push(Arc::clone(values));
        self.shared.len() as u32 - 1
    }

    /// How far the record has come.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            nodes: self.nodes.len(),
            args: self.args.len(),
            dims: self.dims.len(),
            used: self.used,
            bars: self.bars,
            own: self.own.len(),
        }
    }

    /// Forgets what came after.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.nodes.truncate(mark.nodes);
        self.args.truncate(mark.args);
        self.dims.truncate(mark.dims);
        self.used = mark.used;
        self.bars = mark.bars;
        self.own.truncate(mark.own);
    }

    /// Forgets everything and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.rewind(Mark::default());
        self.shared.clear();
    }

    /// The bytes of memory that the entries and their numbers take.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.nodes[..])
            + size_of_val(&self.args[..])
            + size_of_val(&self.dims[..])
            + self.used * size_of::<F>()
    }

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

    pub(super) fn push(
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
                if !matches!(op, Op::Leaf) && len >= per_line::<F>() {
                    self.bars = self.bars.next_multiple_of(per_line::<F>());
                }
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
        let most = if len < per_line::<F>() { 0 } else { per_line::<F>() - 1 };
        let end = self.used + most + len;
        if self.values.len() < end {
            self.values.resize(end.next_power_of_two(), F::ZERO);
        }
        let at = self.used + before_line(&self.values[self.used..]).min(most);
        self.used = at + len;
        at
    }

    /// [`Record::apply`] of an elementwise op to numbers; `None` if it is something else. Of `count`
    /// arguments the first and the last are given.
    #[inline]
    pub(super) fn apply_to_numbers(
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
        let y = F::value(op, self.first(left), self.first(right));
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
            self.values[at] = F::value(op, self.first(left), self.first(right));
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
            op => F::forward(op, &views, dims, y),
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
                op => F::shape(op, &shapes, wanted)?,
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

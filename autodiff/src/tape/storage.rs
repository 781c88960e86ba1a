//! The storage of entries and their numbers in a record.

use crate::kernels::aligned::{make_room, per_line};
use crate::kernels::float::Float;
use crate::kernels::zip::View;
use crate::tape::node::{Id, Mark, NO_BAR, Node, Place, Span};
use crate::tape::op::Op;
use crate::tape::record::Record;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl<F: Float> Record<F> {
    /// Keeps a slab of numbers that the caller shares, and returns the number of the slab.
    pub(super) fn share(&mut self, values: &Arc<Vec<F>>) -> u32 {
        self.shared.push(Arc::clone(values));
        self.shared.len() as u32 - 1
    }

    /// The present length of the record.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            nodes: self.nodes.len(),
            args: self.args.len(),
            dims: self.dims.len(),
            used: self.used,
            bars: self.bars,
            custom: self.custom.len(),
        }
    }

    /// Forgets all entries after the mark.
    pub(super) fn rewind(&mut self, mark: Mark) {
        self.nodes.truncate(mark.nodes);
        self.args.truncate(mark.args);
        self.dims.truncate(mark.dims);
        self.used = mark.used;
        self.bars = mark.bars;
        self.custom.truncate(mark.custom);
    }

    /// Forgets all entries after the mark but the numbers of one, which become a constant behind the mark.
    pub(super) fn condense(&mut self, mark: Mark, id: Id, line: &'static Location<'static>) -> Id {
        let node = *self.node(id);
        let dims: SmallVec<[usize; 4]> = self.dims(id).into();
        self.rewind(mark);
        // Numbers of the arena that were forgotten are still there, and never before their new place.
        let place = match node.place {
            Place::Arena(from) => {
                let to = self.make_room(node.len);
                self.values.copy_within(from..from + node.len, to);
                Place::Arena(to)
            }
            shared => shared,
        };
        self.push(Op::Constant, &[], &dims, Some(place), false, line)
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

    #[inline]
    pub(crate) fn node(&self, id: Id) -> &Node<F> {
        &self.nodes[id.index()]
    }

    #[inline]
    pub(crate) fn args(&self, id: Id) -> &[Id] {
        &self.args[self.node(id).args.range()]
    }

    #[inline]
    pub(crate) fn dims(&self, id: Id) -> &[usize] {
        &self.dims[self.node(id).dims.range()]
    }

    #[inline]
    pub(crate) fn values(&self, id: Id) -> &[F] {
        let node = self.node(id);
        locate(&self.values, &self.shared, node.place, node.len)
    }

    #[inline]
    pub(crate) fn view(&self, id: Id) -> View<'_, F> {
        View { values: self.values(id), dims: self.dims(id) }
    }

    /// The numbers of all entries that are not shared with the caller.
    #[inline]
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
    pub(super) fn first(&self, id: Id) -> F {
        match self.node(id).place {
            Place::Arena(at) => self.values[at],
            Place::Shared { slab, at } => self.shared[slab as usize][at],
        }
    }

    /// The first and the last argument of an entry that has arguments. A single argument is both.
    #[inline]
    pub(super) fn ends(&self, id: Id) -> [Id; 2] {
        let Span { start, len } = self.node(id).args;
        [self.args[start as usize], self.args[(start + len - 1) as usize]]
    }

    /// The numbers of an entry in the arena, to overwrite.
    #[inline]
    pub(crate) fn values_mut(&mut self, id: Id) -> Option<&mut [F]> {
        let node = *self.node(id);
        match node.place {
            Place::Arena(at) => Some(&mut self.values[at..at + node.len]),
            Place::Shared { .. } => None,
        }
    }

    #[inline]
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
    pub(super) fn make_room(&mut self, len: usize) -> usize {
        make_room(&mut self.values, &mut self.used, len)
    }
}

/// `f` of each argument of an op. It is a loop because the compiler does not always inline the iterator of `collect`,
/// which costs a tenth of the time of a tape of a few entries.
#[inline(always)]
pub(crate) fn for_args<A: Copy, T>(args: &[A], f: impl Fn(A) -> T) -> SmallVec<[T; 5]> {
    let mut all = SmallVec::new();
    for &arg in args {
        all.push(f(arg));
    }
    all
}

/// The numbers at a place.
#[inline]
pub(super) fn locate<'a, F>(
    arena: &'a [F],
    shared: &'a [Arc<Vec<F>>],
    place: Place,
    len: usize,
) -> &'a [F] {
    match place {
        Place::Arena(at) => &arena[at..at + len],
        Place::Shared { slab, at } => &shared[slab as usize][at..at + len],
    }
}

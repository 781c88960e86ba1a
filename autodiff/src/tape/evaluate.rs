//! The recording and the computation of entries.

use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::tape::engine::Scalar;
use crate::tape::node::{Id, NO_BAR, Node, Place, Span};
use crate::tape::numbers;
use crate::tape::op::Op;
use crate::tape::record::Record;
use crate::tape::storage::{for_args, locate};
use std::panic::Location;

impl<F: Scalar> Record<F> {
    /// [`Record::apply`] of an elementwise op to single numbers; `None` for any other op or argument. `left` and `right`
    /// are the first and the last of the `count` arguments.
    #[inline]
    pub(super) fn apply_to_numbers(
        &mut self,
        op: Op<F>,
        [left, right]: [Id; 2],
        count: u32,
        line: &'static Location<'static>,
    ) -> Option<Id> {
        let (a, b) = (self.node(left), self.node(right));
        if a.dims.len != 0 || b.dims.len != 0 || !numbers::is_elementwise(&op) {
            return None;
        }
        let tracked = (a.bar != NO_BAR || b.bar != NO_BAR) && !op.is_flat();
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
    /// the adjoint of an entry. Returns false, and adds nothing, if the entry is not such an op.
    #[inline(always)]
    pub(crate) fn pull_number(&self, id: Id, y_bar: F, mut gain: impl FnMut(Id, F)) -> bool {
        let node = self.node(id);
        if node.len != 1 || !numbers::is_elementwise(&node.op) {
            return false;
        }
        let args = self.ends(id);
        let (a, b, y) = (self.first(args[0]), self.first(args[1]), self.first(id));
        for (arg, &to) in args.iter().enumerate().take(node.args.len as usize) {
            if self.node(to).bar != NO_BAR {
                gain(to, y_bar.mul_no_nan(numbers::slope(node.op, arg, a, b, y)));
            }
        }
        true
    }

    /// Computes the value of an entry from those of its arguments.
    pub(crate) fn evaluate(&mut self, id: Id) -> Result<(), Error> {
        let node = &self.nodes[id.index()];
        if node.len == 1
            && numbers::is_elementwise(&node.op)
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
        let views = for_args(&self.args[node.args.range()], |arg| {
            let node = &self.nodes[arg.index()];
            View {
                values: locate(below, &self.shared, node.place, node.len),
                dims: &self.dims[node.dims.range()],
            }
        });
        let (dims, y) = (&self.dims[node.dims.range()], &mut rest[..node.len]);
        match node.op {
            Op::Custom(op) => {
                self.custom.get(op).forward(&views, y);
                Ok(())
            }
            op => F::forward(op, &views, dims, y),
        }
    }

    /// Records an entry and leaves its value to be written.
    pub(crate) fn insert(
        &mut self,
        op: Op<F>,
        args: &[Id],
        dims: &[usize],
        line: &'static Location<'static>,
    ) -> Id {
        let tracked = !op.is_flat() && args.iter().any(|&arg| self.node(arg).bar != NO_BAR);
        self.push(op, args, dims, None, tracked, line)
    }

    /// Records an op and computes its value.
    pub(crate) fn apply(
        &mut self,
        op: Op<F>,
        args: &[Id],
        wanted: Option<&[usize]>,
        line: &'static Location<'static>,
    ) -> Result<Id, Error> {
        let dims = {
            let shapes = for_args(args, |arg| self.dims(arg));
            match op {
                Op::Custom(op) => self.custom.get(op).shape(&shapes)?,
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

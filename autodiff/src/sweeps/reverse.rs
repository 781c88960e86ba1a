//! Reverse mode in numbers: every term is added directly to its adjoint.

use crate::kernels::map::map_slope;
use crate::kernels::walk::add_slice;
use crate::kernels::zip::{View, select_add, zip_slope};
use crate::rules::{index, matmul, moves, op};
use crate::sweeps::deferred::FEW;
use crate::tape::deltas::Deltas;
use crate::tape::engine::Scalar;
use crate::tape::grads::{Grads, Link, RowProduct, Undone, open, touch};
use crate::tape::node::{Id, NO_BAR, Node};
use crate::tape::op::Op;
use crate::tape::op::custom::CustomOp;
use crate::tape::op::moves::Move;
use crate::tape::record::{Bars, Kernel, Pass, Record, Tape, Var};
use crate::tape::storage::for_args;
use crate::tape::term::{Operand, Sink, Term};

/// Carries every begun adjoint of the first `end` entries to the arguments, from the last entry to the first.
pub(crate) fn sweep<F: Scalar>(
    record: &Record<F>,
    end: usize,
    gates: &[(Id, &[F])],
    grads: &mut Grads<F>,
) {
    (0..end).rev().for_each(|index| carry(record, Id(index as u32), gates, grads));
    for (index, node) in record.nodes.iter().enumerate() {
        if matches!(node.op, Op::Leaf) && !grads.undone.weighs(Id(index as u32)) {
            open(&mut grads.bars, &mut grads.begun, node);
        }
    }
}

/// Carries the adjoint of an entry, if it is begun, to the arguments.
#[inline]
pub(crate) fn carry<F: Scalar>(
    record: &Record<F>,
    id: Id,
    gates: &[(Id, &[F])],
    grads: &mut Grads<F>,
) {
    let node = record.node(id);
    // A reshape shares its argument's adjoint, so there is nothing to carry.
    if node.bar == NO_BAR || node.home != id || !grads.begun[id.index()] {
        return;
    }
    let Grads { bars, begun, scratch, links, undone, deltas } = grads;
    let (below, above) = bars.split_at_mut(node.bar);
    let number = record.pull_number(id, above.first().copied().unwrap_or(F::ZERO), |to, amount| {
        let to = record.node(to);
        let begun = std::mem::replace(&mut begun[to.home.index()], true);
        let bar = &mut below[to.bar];
        *bar = amount + if begun { *bar } else { F::ZERO };
    });
    let y_bar = &above[..node.len];
    if !number {
        links.clear();
        let entry = TermOperands { record, id, y_bar, links: &mut *links };
        let mut sink = EagerSink { entry, below, begun, scratch, gates, undone, deltas };
        let shapes = for_args(record.args(id), |arg| record.dims(arg));
        op::reverse(node.op, &shapes, &mut sink);
    }
    record.stop_if_strict_back(id, y_bar, |arg| {
        let node = record.node(arg);
        begun[node.home.index()].then(|| &below[node.bar..node.bar + node.len])
    });
}

/// Computes terms into the adjoints below that of the result.
struct EagerSink<'a, F> {
    entry: TermOperands<'a, F>,
    below: &'a mut [F],
    begun: &'a mut [bool],
    scratch: &'a mut Vec<F>,
    gates: &'a [(Id, &'a [F])],
    undone: &'a mut Undone,
    deltas: &'a mut Deltas<F>,
}

/// The operands of the terms of an entry.
struct TermOperands<'a, F> {
    record: &'a Record<F>,
    id: Id,
    y_bar: &'a [F],
    links: &'a mut Vec<Link>,
}

impl<'a, F: Scalar> TermOperands<'a, F> {
    fn arg(&self, arg: usize) -> View<'a, F> {
        self.record.view(self.record.args(self.id)[arg])
    }

    /// The numbers of an operand; `made` holds the numbers of the links.
    fn operand<'b>(&'b self, operand: Operand, made: &'b [F], zero: &'b F) -> View<'b, F> {
        match operand {
            Operand::Bar => View { values: self.y_bar, dims: self.record.dims(self.id) },
            Operand::Arg(arg) => self.arg(arg),
            Operand::Out => self.record.view(self.id),
            Operand::Link(link) => {
                let Link { at, shape } = &self.links[link];
                View { values: &made[*at..at + shape.size()], dims: shape }
            }
            Operand::Zero => View::number(zero),
        }
    }
}

impl<'a, F: Scalar> EagerSink<'a, F> {
    /// The entry of an argument, if it has an adjoint.
    fn tracked(&self, arg: usize) -> Option<&'a Node<F>> {
        let record = self.entry.record;
        let node = record.node(record.args(self.entry.id)[arg]);
        (node.bar != NO_BAR).then_some(node)
    }
}

impl<F: Scalar> Sink<F> for EagerSink<'_, F> {
    fn wants(&self, arg: usize) -> bool {
        self.tracked(arg).is_some()
    }

    fn link(&mut self, op: Op<F>, operands: &[Operand], shape: Option<&[usize]>) -> Operand {
        let (entry, zero) = (&self.entry, F::ZERO);
        let at = entry.links.last().map_or(0, |link| link.at + link.shape.size());
        let shape = {
            let dims = for_args(operands, |o| entry.operand(o, self.scratch, &zero).dims);
            op::shape(op, &dims, shape).expect("a rule names operands that fit")
        };
        let end = at + shape.size();
        if self.scratch.len() < end {
            self.scratch.resize(end.next_power_of_two(), F::ZERO);
        }
        let (made, rest) = self.scratch.split_at_mut(at);
        let views = for_args(operands, |o| entry.operand(o, made, &zero));
        match op {
            Op::Reshape => rest[..end - at].copy_from_slice(views[0].values),
            op => op::forward(op, &views, &shape, &mut rest[..end - at])
                .expect("ops that can fail have been computed in the forward pass"),
        }
        drop(views);
        self.entry.links.push(Link { at, shape });
        Operand::Link(self.entry.links.len() - 1)
    }

    fn add(&mut self, arg: usize, term: Term<F>) {
        let Some(node) = self.tracked(arg) else { return };
        // Ops that cannot add to an adjoint in place are computed as a link first.
        let term = match term {
            Term::Apply(op @ (Op::Map(_) | Op::Zip(_) | Op::ZipRight(..) | Op::Linalg(_)), on) => {
                Term::Operand(self.link(op, &on, None))
            }
            term => term,
        };
        let TermOperands { record, id, y_bar, .. } = self.entry;
        let (entry, gates, zero) = (&self.entry, self.gates, F::ZERO);
        let bar_dims = record.dims(record.args(id)[arg]);
        let operand = |operand| entry.operand(operand, self.scratch, &zero);
        if let Term::Apply(Op::MatMul { ta, tb }, on) = &term {
            let (bar, begun) = touch(self.below, self.begun, node);
            let sides = [operand(on[0]), operand(on[1])];
            return matmul::product(sides, [*ta, *tb], bar, bar_dims, begun);
        }
        let bar = open(self.below, self.begun, node);
        let (y, view) = (record.view(id), |arg| entry.arg(arg));
        match term {
            Term::Slope(side) => match record.node(id).op {
                Op::Map(f) => map_slope(f, view(0).values, y.values, y_bar, bar),
                Op::Zip(f) => zip_slope(f, side, [view(0), view(1)], y, y_bar, bar),
                Op::ZipLeft(f, c) => zip_slope(f, side, [View::number(&c), view(0)], y, y_bar, bar),
                Op::ZipRight(f, c) => {
                    zip_slope(f, side, [view(0), View::number(&c)], y, y_bar, bar)
                }
                op => unreachable!("{} has no slope", op.name()),
            },
            Term::Operand(on) => moves::add(Move::SumTo, operand(on), bar_dims, bar),
            Term::Gated => match gates.iter().find(|gate| gate.0 == id) {
                None => add_slice(y_bar, bar),
                Some((_, weights)) => {
                    let width = bar.len() / weights.len().max(1);
                    assert!(
                        width * weights.len() == bar.len(),
                        "pull: {} weights do not divide a gate of shape {:?} into rows",
                        weights.len(),
                        y.dims
                    );
                    for (i, &weight) in weights.iter().enumerate() {
                        let row = i * width..(i + 1) * width;
                        bar[row.clone()]
                            .iter_mut()
                            .zip(&y_bar[row])
                            .for_each(|(b, &y)| *b += weight * y);
                    }
                }
            },
            Term::Apply(op, on) => match op {
                Op::Reshape => add_slice(y_bar, bar),
                Op::Move(m) => moves::add(m, operand(on[0]), bar_dims, bar),
                Op::Index(i) => index::add(i, operand(on[0]), operand(on[1]), bar_dims, bar)
                    .expect("the indices were in range in the forward pass"),
                Op::Select => {
                    let on = [operand(on[0]), operand(on[1]), operand(on[2])];
                    select_add(on, y.dims, bar, bar_dims);
                }
                op => unreachable!("no rule names the term {}", op.name()),
            },
        }
    }

    fn kernel(&mut self, kernel: &dyn Kernel<F>) {
        let TermOperands { record, id, y_bar, .. } = self.entry;
        let args = for_args(record.args(id), |arg| record.view(arg));
        kernel.reverse(Pass { args: &args, y: record.values(id), y_bar }, self);
    }

    fn custom(&mut self, op: CustomOp) {
        self.kernel(&**self.entry.record.custom.get(op));
    }
}

impl<F: Scalar> Bars<F> for EagerSink<'_, F> {
    fn of(&mut self, arg: usize) -> Option<&mut [F]> {
        self.tracked(arg).map(|node| open(self.below, self.begun, node))
    }

    fn begun(&mut self, arg: usize) -> Option<(&mut [F], bool)> {
        self.tracked(arg).map(|node| touch(self.below, self.begun, node))
    }

    fn scratch(&mut self) -> &mut Vec<F> {
        self.scratch
    }

    fn deltas(&mut self) -> &mut Deltas<F> {
        self.deltas
    }

    fn leave(&mut self, weight: usize, x: usize, delta: Option<usize>) -> bool {
        // A short step of a plain sweep would notice the rest.
        if self.undone.leading == 0 {
            return false;
        }
        let TermOperands { record, id, .. } = self.entry;
        let args = record.args(id);
        let (weight, x) = (args[weight], args[x]);
        let node = record.node(weight);
        // No weight is empty here, and its columns are those of δ.
        let leaves = node.len > 0
            && matches!(node.op, Op::Leaf)
            && record.node(id).len <= FEW * record.dims(weight)[1]
            && node.bar.checked_add(node.len).is_some_and(|end| end <= self.undone.leading);
        if leaves {
            self.undone.products.push(RowProduct { weight, x, y: id, delta });
        }
        leaves
    }
}

impl<'t, F: Scalar> Var<'t, F> {
    /// The derivatives of this number with respect to all entries that it was computed from, as numbers.
    ///
    /// # Panics
    /// If the variable does not hold exactly one number; see [`Tape::pull`] for others.
    #[track_caller]
    pub fn backward(self) -> Grads<F> {
        let len = self.size();
        assert!(len == 1, "backward: {} holds {len} numbers; seed them with pull", self.shape());
        self.tape.pull(&[(self, &[F::ONE])])
    }
}

impl<F: Scalar> Tape<F> {
    /// The vector-Jacobian product $\sum_i \langle \text{seed}_i, \partial v_i \rangle$ of any variables at once: the
    /// adjoints of all entries that they were computed from.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 2.0], [2]);
    /// let (y, z) = (x * x, x.exp());
    /// let grads = tape.pull(&[(y, &[1.0, 0.0]), (z, &[0.0, 1.0])]);
    /// assert_eq!(grads.of(x).values(), [2.0, 2_f64.exp()]);
    /// ```
    ///
    /// # Panics
    /// If a seed and its variable differ in size.
    #[doc(alias = "vjp")]
    #[doc(alias = "pullback")]
    #[track_caller]
    pub fn pull(&self, seeds: &[(Var<'_, F>, &[F])]) -> Grads<F> {
        let mut grads = Grads::new();
        self.pull_into(seeds, &[], &mut grads);
        grads
    }

    /// [`Tape::pull`] into memory that is reused, with weights for gates: the adjoint that flows
    /// back through a gate is multiplied by its weights, one weight for each row of the gate's last axis.
    ///
    /// # Panics
    /// If a seed and its variable differ in size, or the number of weights of a gate does not divide the number of its
    /// elements.
    #[track_caller]
    pub fn pull_into<'s>(
        &self,
        seeds: &[(Var<'_, F>, &'s [F])],
        gates: &[(Var<'_, F>, &'s [F])],
        grads: &mut Grads<F>,
    ) {
        self.pull_deferred(seeds, gates, 0, grads);
    }
}

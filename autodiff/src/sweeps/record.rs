//! Reverse mode in variables: the terms are recorded as ordinary entries, so the gradient has a gradient.

use crate::numbers::shape::Shape;
use crate::sweeps::lengths;
use crate::sweeps::reach::Reach;
use crate::tape::engine::Scalar;
use crate::tape::node::Id;
use crate::tape::op::Op;
use crate::tape::op::custom::CustomOp;
use crate::tape::record::Kernel;
use crate::tape::record::Tape;
use crate::tape::record::Var;
use crate::tape::term::{Operand, Sink, Term};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Adjoints by the entry to which they belong.
type Bars<'t, F> = BTreeMap<Id, Var<'t, F>>;

impl<'t, F: Scalar> Var<'t, F> {
    /// The derivatives of the sum of this variable with respect to `xs`, as variables on the same tape:
    /// they can be differentiated again, to any order.
    ///
    /// `xs` may be any entries, also constants and intermediate results. The derivative with respect to an entry that this
    /// variable does not depend on is zero.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[2.0_f64], []);
    /// let y = x * x * x;
    /// let slope = y.grad(&[x])[0];
    /// let curvature = slope.grad(&[x])[0];
    /// assert_eq!((slope.item(), curvature.item()), (12.0, 12.0));
    /// ```
    ///
    /// # Panics
    /// If it depends on `xs` through a custom op without a definition (see [`Tape::custom`]).
    #[track_caller]
    pub fn grad(self, xs: &[Self]) -> Vec<Self> {
        let tape = self.tape;
        let keep: Vec<Id> = xs.iter().map(|x| x.id).collect();
        let reach = Reach::of(&tape.record(), &keep);
        let mut sweep = Sweep { tape, keep, reach, bars: Bars::new(), found: Bars::new() };
        if sweep.reach.contains(self.id) {
            sweep.bars.insert(self.id, tape.number(F::ONE).broadcast_to(self.shape()));
        }
        sweep.run(self.id, Id(0));
        let zero = |x: &Self| tape.number(F::ZERO).broadcast_to(x.shape());
        xs.iter().map(|x| sweep.found.get(&x.id).copied().unwrap_or_else(|| zero(x))).collect()
    }
}

/// One reverse sweep.
struct Sweep<'t, F> {
    tape: &'t Tape<F>,
    /// The entries whose adjoints are wanted, what depends on them, and the adjoints of those passed.
    keep: Vec<Id>,
    reach: Reach,
    bars: Bars<'t, F>,
    found: Bars<'t, F>,
}

impl<'t, F: Scalar> Sweep<'t, F> {
    fn gain(&mut self, to: Id, gain: Var<'t, F>) {
        self.bars.entry(to).and_modify(|sum| *sum = *sum + gain).or_insert(gain);
    }

    /// Carries the adjoints back from `from` to the entries at and above `until`.
    fn run(&mut self, from: Id, until: Id) {
        while let Some((&id, &bar)) = self.bars.range(until..=from).next_back() {
            self.bars.remove(&id);
            if self.keep.contains(&id) {
                self.found.insert(id, bar);
            }
            if let Some(length) = lengths::squared(Var::new(self.tape, id), &self.keep) {
                for (to, gain) in lengths::gains(length, bar) {
                    if self.reach.contains(to) {
                        self.gain(to, gain);
                    }
                }
                continue;
            }
            let args = Var::new(self.tape, id).arguments();
            let op = self.tape.record().node(id).op;
            let recorder = TermRecorder::new(op, Var::new(self.tape, id), &args, bar);
            reverse(op, &args, &mut RecordingSink { recorder, sweep: self });
        }
    }
}

/// Records the definition of the op of an entry, applied to its arguments; `None` if the op is elementary.
pub(crate) fn define<'t, F: Scalar>(y: Var<'t, F>) -> Option<Var<'t, F>> {
    let (op, args) = (y.tape.record().node(y.id).op, y.arguments());
    match op {
        Op::Fused(kernel) => Some(F::define(kernel, &args)),
        Op::Custom(op) => {
            let kernel = Arc::clone(y.tape.record().custom.get(op));
            Some(kernel.define(&args))
        }
        _ => None,
    }
}

/// Names the terms of an op on these arguments to a sink.
pub(crate) fn reverse<F: Scalar>(op: Op<F>, args: &[Var<'_, F>], sink: &mut dyn Sink<F>) {
    let shapes: SmallVec<[Shape; 5]> = args.iter().map(|arg| arg.shape()).collect();
    let dims: SmallVec<[&[usize]; 5]> = shapes.iter().map(|shape| &shape[..]).collect();
    F::reverse(op, &dims, sink);
}

/// Records the terms of an op as entries: the op, its result and arguments, and the variable that takes the place of the
/// result's adjoint.
pub(crate) struct TermRecorder<'a, 't, F> {
    pub(crate) op: Op<F>,
    pub(crate) y: Var<'t, F>,
    pub(crate) args: &'a [Var<'t, F>],
    pub(crate) bar: Var<'t, F>,
    /// The links of a chain so far.
    links: SmallVec<[Var<'t, F>; 5]>,
}

impl<'a, 't, F: Scalar> TermRecorder<'a, 't, F> {
    pub(crate) fn new(op: Op<F>, y: Var<'t, F>, args: &'a [Var<'t, F>], bar: Var<'t, F>) -> Self {
        Self { op, y, args, bar, links: SmallVec::new() }
    }

    /// Records a link of a chain.
    pub(crate) fn link(
        &mut self,
        op: Op<F>,
        named: &[Operand],
        shape: Option<&[usize]>,
    ) -> Operand {
        let link = self.bar.record(op, &self.operands(named), shape);
        self.links.push(link);
        Operand::Link(self.links.len() - 1)
    }

    /// The operands of a term.
    pub(crate) fn operands(&self, named: &[Operand]) -> SmallVec<[Var<'t, F>; 3]> {
        let var = |operand: &Operand| match *operand {
            Operand::Bar => self.bar,
            Operand::Arg(arg) => self.args[arg],
            Operand::Out => self.y,
            Operand::Link(link) => self.links[link],
            Operand::Zero => self.bar.constant(0.0),
        };
        named.iter().map(var).collect()
    }

    /// Records a term, summed or broadcast to the shape of the adjoint that gains it.
    pub(crate) fn record(&self, term: Term<F>, shape: &Shape) -> Var<'t, F> {
        let Self { y, args, bar, .. } = *self;
        let gain = match term {
            Term::Gated => bar,
            Term::Operand(operand) => self.operands(&[operand])[0],
            Term::Slope(side) => {
                let number = |c: F| y.tape.number(c);
                let slope = match self.op {
                    Op::Map(f) => f.slope(args[0], y),
                    Op::Zip(f) => f.slope(side, args[0], args[1], y),
                    Op::ZipLeft(f, c) => f.slope(side, number(c), args[0], y),
                    Op::ZipRight(f, c) => f.slope(side, args[0], number(c), y),
                    op => unreachable!("{} has no slope", op.name()),
                };
                bar.mul_no_nan(slope)
            }
            Term::Apply(op, operands) => {
                let own = matches!(op, Op::Reshape | Op::Move(_) | Op::Index(_));
                bar.record(op, &self.operands(&operands), own.then_some(&shape[..]))
            }
        };
        // The adjoint of an argument that was broadcast is summed, and that of one that was summed is broadcast.
        match gain.shape() {
            same if same == *shape => gain,
            small if Shape::broadcast(&small, shape).as_ref() == Some(shape) => {
                gain.broadcast_to(shape)
            }
            _ => gain.sum_to(shape),
        }
    }
}

/// Records terms as entries.
struct RecordingSink<'a, 's, 't, F> {
    recorder: TermRecorder<'a, 't, F>,
    sweep: &'s mut Sweep<'t, F>,
}

impl<F: Scalar> Sink<F> for RecordingSink<'_, '_, '_, F> {
    fn add(&mut self, arg: usize, term: Term<F>) {
        let to = self.recorder.args[arg];
        if self.sweep.reach.contains(to.id) {
            let gain = self.recorder.record(term, &to.shape());
            self.sweep.gain(to.id, gain);
        }
    }

    fn wants(&self, arg: usize) -> bool {
        self.sweep.reach.contains(self.recorder.args[arg].id)
    }

    fn link(&mut self, op: Op<F>, operands: &[Operand], shape: Option<&[usize]>) -> Operand {
        self.recorder.link(op, operands, shape)
    }

    fn kernel(&mut self, kernel: &dyn Kernel<F>) {
        let start = Id(self.sweep.tape.len() as u32);
        let definition = kernel.define(self.recorder.args);
        self.sweep.reach.extend(&self.sweep.tape.record());
        // For some shapes the definition is one of the arguments itself, which the sweep reaches later.
        if self.sweep.reach.contains(definition.id) {
            self.sweep.gain(definition.id, self.recorder.bar);
        }
        if definition.id >= start {
            self.sweep.run(definition.id, start);
        }
    }

    fn custom(&mut self, op: CustomOp) {
        let kernel = Arc::clone(self.sweep.tape.record().custom.get(op));
        self.kernel(&*kernel);
    }
}

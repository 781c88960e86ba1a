//! Forward mode in variables: the tangent of every entry, by the rules of reverse mode.
//!
//! A rule names what an argument's adjoint gains, $\bar x \mathrel{+}= T\bar y$ with $T$ linear. Then the tangent of
//! the result is $\dot y = \sum T^\top \dot x$, and $T^\top$ needs no second rule. For an elementwise op $T$ is a
//! factor and its own transpose. Otherwise the term is an op applied to $\bar y$, and the rule of *that* op names
//! $T^\top$. The forward sweep therefore reads the rules twice.
//!
//! A term at the end of a chain is recorded with an adjoint of zero, and $T^\top \dot x$ is the derivative of
//! $\langle T\bar y, \dot x \rangle$ with respect to $\bar y$.

use crate::numbers::shape::Shape;
use crate::sweeps::reach::Reach;
use crate::sweeps::record::{TermRecorder, reverse};
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

impl<'t, F: Scalar> Var<'t, F> {
    /// The Jacobian-vector product $\dot y = \sum_i \frac{\partial y}{\partial x_i} \dot x_i$: the derivative of this
    /// variable when each of `xs` moves along its direction. It is a variable on the same tape and can be differentiated
    /// again. It costs a small multiple of the computation of this variable, for any number of elements.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 2.0, 3.0], [3]);
    /// let along = tape.constant(&[1.0, 0.0, -1.0], [3]);
    /// let y = x * x;
    /// assert_eq!(y.jvp(&[x], &[along]).value().values(), [2.0, 0.0, -6.0]);
    /// ```
    ///
    /// # Panics
    /// If the shape of a direction is not that of its variable, or a custom op on the way has no definition.
    #[doc(alias = "pushforward")]
    #[track_caller]
    pub fn jvp(self, xs: &[Self], directions: &[Self]) -> Self {
        push("jvp", &[self], xs, directions)[0]
    }

    /// The Hessian-vector product $\sum_j \frac{\partial^2 y}{\partial x_i \partial x_j} \dot x_j$ of the sum $y$ of this
    /// variable: the derivative of its gradient along a direction, for each of `xs` (forward over reverse). It costs a
    /// small multiple of the gradient and does not compute the matrix of second derivatives.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 2.0], [2]);
    /// let along = tape.constant(&[1.0, 1.0], [2]);
    /// let y = x * x * x;
    /// assert_eq!(y.hvp(&[x], &[along])[0].value().values(), [6.0, 12.0]);
    /// ```
    ///
    /// # Panics
    /// If the shape of a direction is not that of its variable, or a custom op on the way has no definition.
    #[track_caller]
    pub fn hvp(self, xs: &[Self], directions: &[Self]) -> Vec<Self> {
        push("hvp", &self.grad(xs), xs, directions)
    }
}

/// The tangents of `ys` when `xs` move along `directions`.
#[track_caller]
fn push<'t, F: Scalar>(
    name: &str,
    ys: &[Var<'t, F>],
    xs: &[Var<'t, F>],
    directions: &[Var<'t, F>],
) -> Vec<Var<'t, F>> {
    let (many, few) = (xs.len(), directions.len());
    assert!(many == few, "{name}: {few} directions for {many} variables");
    for (x, direction) in xs.iter().zip(directions) {
        let (to, from) = (x.shape(), direction.shape());
        assert!(to == from, "{name}: a direction of shape {from} for a variable of shape {to}");
    }
    let Some(tape) = ys.first().map(|y| y.tape) else { return Vec::new() };
    let chosen: SmallVec<[Id; 5]> = xs.iter().map(|x| x.id).collect();
    let reach = Reach::of(&tape.record(), &chosen);
    let mut sweep = Sweep { tape, tangents: BTreeMap::new() };
    xs.iter().zip(directions).for_each(|(x, &direction)| sweep.gain(x.id, direction));
    for id in ancestors(tape, ys).into_iter().filter(|&id| reach.contains(id)) {
        sweep.carry(id);
    }
    ys.iter()
        .map(|y| match sweep.tangents.get(&y.id) {
            Some(&tangent) => tangent,
            None => tape.number(F::ZERO).broadcast_to(y.shape()),
        })
        .collect()
}

/// The entries that `ys` were computed from and `ys` themselves, in recording order.
fn ancestors<F: Scalar>(tape: &Tape<F>, ys: &[Var<'_, F>]) -> Vec<Id> {
    let record = tape.record();
    let mut needed = vec![false; ys.iter().map(|y| y.id.index() + 1).max().unwrap_or(0)];
    ys.iter().for_each(|y| needed[y.id.index()] = true);
    for index in (0..needed.len()).rev() {
        if needed[index] {
            record.args(Id(index as u32)).iter().for_each(|arg| needed[arg.index()] = true);
        }
    }
    (0..needed.len()).filter(|&index| needed[index]).map(|index| Id(index as u32)).collect()
}

/// One forward sweep: the tangents so far.
struct Sweep<'t, F> {
    tape: &'t Tape<F>,
    tangents: BTreeMap<Id, Var<'t, F>>,
}

impl<'t, F: Scalar> Sweep<'t, F> {
    fn gain(&mut self, to: Id, tangent: Var<'t, F>) {
        self.tangents.entry(to).and_modify(|sum| *sum = *sum + tangent).or_insert(tangent);
    }

    /// Carries the tangents of an entry's arguments to the entry.
    fn carry(&mut self, id: Id) {
        let y = Var::new(self.tape, id);
        let (op, args) = (self.tape.record().node(id).op, y.arguments());
        let moves = args.iter().any(|arg| self.tangents.contains_key(&arg.id));
        if moves && !op.is_flat() {
            reverse(op, &args, &mut ForwardSink { op, y, args: &args, chain: None, sweep: self });
        }
    }
}

/// Reads the transposes of terms. Where the adjoint of an argument would gain $T\bar y$, the tangent of the result gains
/// $T^\top \dot x$.
struct ForwardSink<'a, 'p, 't, F> {
    op: Op<F>,
    y: Var<'t, F>,
    args: &'a [Var<'t, F>],
    /// The chain so far, if there is one.
    chain: Option<TermRecorder<'a, 't, F>>,
    sweep: &'p mut Sweep<'t, F>,
}

impl<F: Scalar> Sink<F> for ForwardSink<'_, '_, '_, F> {
    fn add(&mut self, arg: usize, term: Term<F>) {
        let Some(&tangent) = self.sweep.tangents.get(&self.args[arg].id) else { return };
        let Self { op, y, args, .. } = *self;
        if let Some(chain) = &self.chain {
            let gain = chain.record(term, &args[arg].shape());
            let transposed = (gain * tangent).sum().grad(&[chain.bar])[0];
            return self.sweep.gain(y.id, transposed);
        }
        match term {
            Term::Operand(_) => unreachable!("a term that is an operand ends a chain"),
            Term::Slope(_) | Term::Gated => {
                let recorder = TermRecorder::new(op, y, args, tangent);
                self.sweep.gain(y.id, recorder.record(term, &y.shape()));
            }
            Term::Apply(term, named) => {
                // The result takes the place of its adjoint: the term is linear in it, so only its shape is read.
                let operands = TermRecorder::new(op, y, args, y).operands(&named);
                let recorder = TermRecorder::new(term, y, &operands, tangent);
                let shape = y.shape();
                let mut transposed = Transpose { recorder, named: &named, shape, sum: None };
                reverse(term, &operands, &mut transposed);
                if let Some(gain) = transposed.sum {
                    self.sweep.gain(y.id, gain);
                }
            }
        }
    }

    fn wants(&self, arg: usize) -> bool {
        self.sweep.tangents.contains_key(&self.args[arg].id)
    }

    fn link(&mut self, op: Op<F>, operands: &[Operand], shape: Option<&[usize]>) -> Operand {
        let Self { op: own, y, args, .. } = *self;
        let zero = || y.constant(0.0).broadcast_to(y.shape());
        self.chain
            .get_or_insert_with(|| TermRecorder::new(own, y, args, zero()))
            .link(op, operands, shape)
    }

    fn kernel(&mut self, kernel: &dyn Kernel<F>) {
        let tape = self.sweep.tape;
        let start = tape.len() as u32;
        let definition = kernel.define(self.args);
        (start..tape.len() as u32).for_each(|entry| self.sweep.carry(Id(entry)));
        if let Some(&tangent) = self.sweep.tangents.get(&definition.id) {
            self.sweep.gain(self.y.id, tangent);
        }
    }

    fn custom(&mut self, op: CustomOp) {
        let kernel = Arc::clone(self.sweep.tape.record().custom.get(op));
        self.kernel(&*kernel);
    }
}

/// Reads the rule of the op of a term $T\bar y$, and records only the terms that lead to $\bar y$: these are $T^\top$.
struct Transpose<'a, 't, F> {
    recorder: TermRecorder<'a, 't, F>,
    named: &'a [Operand],
    /// The shape of $\bar y$.
    shape: Shape,
    sum: Option<Var<'t, F>>,
}

impl<F: Scalar> Sink<F> for Transpose<'_, '_, F> {
    fn add(&mut self, arg: usize, term: Term<F>) {
        if self.named[arg] == Operand::Bar {
            let gain = self.recorder.record(term, &self.shape);
            self.sum = Some(self.sum.map_or(gain, |sum| sum + gain));
        }
    }

    fn wants(&self, arg: usize) -> bool {
        self.named[arg] == Operand::Bar
    }

    fn link(&mut self, _: Op<F>, _: &[Operand], _: Option<&[usize]>) -> Operand {
        unreachable!("{} is no term", self.recorder.op.name());
    }

    fn kernel(&mut self, _: &dyn Kernel<F>) {
        unreachable!("{} is no term", self.recorder.op.name());
    }

    fn custom(&mut self, op: CustomOp) {
        unreachable!("{} is no term", op.name());
    }
}

//! Mutation tests: rules made wrong on purpose, all of which the checker must notice.
//!
//! While a mutant is current, the terms that the rules name are changed on their way to the sink, the same for
//! all sinks; the reverse function of a kernel is changed through its arguments. Mutants that do not change the
//! gradient (a factor of one, two sides that are the same) are not wrong and do not count.

mod cases;

use crate::check::{self, Options};
use crate::kernels::zip::View;
use crate::numbers::error::Error;
use crate::numbers::shape::Shape;
use crate::tape::deltas::Deltas;
use crate::tape::op::Op;
use crate::tape::op::custom::CustomOp;
use crate::tape::op::linalg::Linalg;
use crate::tape::op::moves::Move;
use crate::tape::record::Var;
use crate::tape::record::{Bars, Kernel, Pass};
use crate::tape::term::{Operand, Sink, Term};
use crate::{Scalar, Tape};
use cases::{Case, cases};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One way in which a rule can be wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mutant {
    /// The term of this number is left out, or the adjoint of this argument of a kernel.
    Forget(usize),
    /// The term of this number is named twice.
    Twice(usize),
    /// The first term goes to the last argument, and the other way round.
    Astray,
    /// The derivative by the other argument.
    OtherSide,
    /// The derivative is left out.
    NoSlope,
    /// The operands in reverse.
    Swapped,
    /// The first or the second factor of a product transposed once more.
    Transposed(usize),
    /// A move is shifted by one position, permutes differently, or is left out.
    Displaced,
    /// The adjoint of a kernel's result with the other sign.
    Negated,
}

impl Mutant {
    const ALL: [Self; 13] = [
        Self::Forget(0),
        Self::Forget(1),
        Self::Forget(2),
        Self::Twice(0),
        Self::Twice(1),
        Self::Astray,
        Self::OtherSide,
        Self::NoSlope,
        Self::Swapped,
        Self::Transposed(0),
        Self::Transposed(1),
        Self::Displaced,
        Self::Negated,
    ];
}

thread_local! {
    /// The mutant that is current, and the name of the op whose rule is wrong.
    static CURRENT: Cell<Option<(Mutant, &'static str)>> = const { Cell::new(None) };
}

/// The mutant of an op, if its rule is wrong now.
pub(super) fn of<F: Scalar>(op: Op<F>) -> Option<Mutant> {
    CURRENT.get().filter(|current| current.1 == op.name()).map(|current| current.0)
}

/// Changes terms and passes them on.
pub(super) struct Wrong<'a, F> {
    pub(super) mutant: Mutant,
    pub(super) op: Op<F>,
    pub(super) sink: &'a mut dyn Sink<F>,
    pub(super) count: usize,
}

impl<F: Scalar> Wrong<'_, F> {
    fn changed(&self, term: Term<F>) -> Term<F> {
        match (self.mutant, term) {
            (Mutant::OtherSide, Term::Slope(side)) if matches!(self.op, Op::Zip(_)) => {
                Term::Slope(1 - side)
            }
            (Mutant::NoSlope, Term::Slope(_)) => Term::Gated,
            (Mutant::Swapped, Term::Apply(op, mut operands)) => {
                // A mask stays in front of its branches.
                let first = usize::from(op == Op::Select);
                operands[first..].reverse();
                Term::Apply(op, operands)
            }
            (Mutant::Transposed(which), Term::Apply(Op::MatMul { ta, tb }, operands)) => {
                let op = Op::MatMul { ta: ta != (which == 0), tb: tb != (which == 1) };
                Term::Apply(op, operands)
            }
            (Mutant::Displaced, Term::Apply(Op::Move(m), operands)) => {
                Term::Apply(displaced(m), operands)
            }
            (Mutant::Displaced, Term::Apply(Op::Index(i), operands)) => {
                Term::Apply(Op::Index(i.adjoint()), operands)
            }
            (Mutant::Transposed(0), Term::Apply(Op::Linalg(op), operands)) => {
                Term::Apply(Op::Linalg(transposed(op)), operands)
            }
            (_, term) => term,
        }
    }
}

fn transposed(op: Linalg) -> Linalg {
    match op {
        Linalg::Solve { by, transposed } => Linalg::Solve { by, transposed: !transposed },
        Linalg::SolveTriangular { upper, transposed } => {
            Linalg::SolveTriangular { upper, transposed: !transposed }
        }
        op => op,
    }
}

fn displaced<F>(m: Move) -> Op<F> {
    match m {
        Move::Slice { axis, start: 0 } => Op::Move(Move::Slice { axis, start: 1 }),
        Move::Slice { axis, start } => Op::Move(Move::Slice { axis, start: start - 1 }),
        Move::Pad { axis, start: 0 } => Op::Move(Move::Pad { axis, start: 1 }),
        Move::Pad { axis, start } => Op::Move(Move::Pad { axis, start: start - 1 }),
        Move::Permute { order } => {
            let mut other = order;
            other.swap(0, 1);
            Op::Move(Move::Permute { order: other })
        }
        _ => Op::Reshape,
    }
}

impl<F: Scalar> Sink<F> for Wrong<'_, F> {
    fn add(&mut self, arg: usize, term: Term<F>) {
        let number = self.count;
        self.count += 1;
        let arg = match self.mutant {
            Mutant::Astray => 1 - arg.min(1),
            _ => arg,
        };
        let term = self.changed(term);
        if self.mutant == Mutant::Twice(number) {
            self.sink.add(arg, term.clone());
        }
        if self.mutant != Mutant::Forget(number) {
            self.sink.add(arg, term);
        }
    }

    fn wants(&self, arg: usize) -> bool {
        self.sink.wants(arg)
    }

    fn link(&mut self, op: Op<F>, operands: &[Operand], shape: Option<&[usize]>) -> Operand {
        match self.changed(Term::Apply(op, operands.into())) {
            Term::Apply(op, operands) => self.sink.link(op, &operands, shape),
            _ => unreachable!("what is applied stays applied"),
        }
    }

    fn kernel(&mut self, kernel: &dyn Kernel<F>) {
        self.sink.kernel(&WrongKernel { mutant: self.mutant, kernel });
    }

    fn custom(&mut self, op: CustomOp) {
        self.sink.custom(op);
    }
}

struct WrongKernel<'a, F> {
    mutant: Mutant,
    kernel: &'a dyn Kernel<F>,
}

impl<F: Scalar> Kernel<F> for WrongKernel<'_, F> {
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, Error> {
        self.kernel.shape(args)
    }

    fn forward(&self, args: &[View<F>], y: &mut [F]) {
        self.kernel.forward(args, y);
    }

    fn reverse(&self, pass: Pass<F>, bars: &mut dyn Bars<F>) {
        let factor = match self.mutant {
            Mutant::Negated => -F::ONE,
            Mutant::Twice(0) => F::from_f64(2.0),
            _ => F::ONE,
        };
        let y_bar: Vec<F> = pass.y_bar.iter().map(|&y_bar| factor * y_bar).collect();
        let forgotten = match self.mutant {
            Mutant::Forget(arg) => Some(arg),
            _ => None,
        };
        let pass = Pass { y_bar: &y_bar, ..pass };
        self.kernel.reverse(pass, &mut SomeBars { bars, forgotten });
    }

    fn define<'t>(&self, args: &[Var<'t, F>]) -> Var<'t, F> {
        self.kernel.define(args)
    }
}

struct SomeBars<'a, F> {
    bars: &'a mut dyn Bars<F>,
    forgotten: Option<usize>,
}

impl<F> Bars<F> for SomeBars<'_, F> {
    fn of(&mut self, arg: usize) -> Option<&mut [F]> {
        if self.forgotten == Some(arg) { None } else { self.bars.of(arg) }
    }

    fn begun(&mut self, arg: usize) -> Option<(&mut [F], bool)> {
        if self.forgotten == Some(arg) { None } else { self.bars.begun(arg) }
    }

    fn scratch(&mut self) -> &mut Vec<F> {
        self.bars.scratch()
    }

    fn deltas(&mut self) -> &mut Deltas<F> {
        self.bars.deltas()
    }

    fn leave(&mut self, _: usize, _: usize, _: Option<usize>) -> bool {
        false
    }
}

/// The function, shifted and squared. It is not linear, so a misplaced number shows.
fn squared<'t>(case: &Case, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    ((case.function)(x) + 0.3).square()
}

/// The gradient in numbers and the one in variables; `None` if that panics.
fn gradients(case: &Case) -> Option<Vec<f64>> {
    let both = || {
        let tape = Tape::new();
        let xs: Vec<Var<f64>> = case.at.iter().map(|x| tape.leaf(x.values(), x.shape())).collect();
        let y = squared(case, &xs).sum();
        let (numbers, recorded) = (y.backward(), y.grad(&xs));
        let numbers = xs.iter().map(|&x| numbers.of(x));
        let recorded = recorded.iter().map(|slope| slope.value());
        numbers.chain(recorded).flat_map(|slope| slope.values().to_vec()).collect()
    };
    catch_unwind(AssertUnwindSafe(both)).ok()
}

fn same(a: &[f64], b: &[f64]) -> bool {
    // Up to another order of rounding.
    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(1.0))
}

#[test]
fn every_wrong_rule_is_caught() {
    let mut made: BTreeMap<&str, usize> = BTreeMap::new();
    let mut survivors = Vec::new();
    for case in cases() {
        let right = gradients(&case).expect("a right rule");
        let options = Options { order: 1, ..Options::of::<f64>() };
        let check = || check::gradient(|x| squared(&case, x), &case.at, options);
        check().unwrap_or_else(|wrong| panic!("{} as it is: {wrong}", case.op));
        for mutant in Mutant::ALL {
            CURRENT.set(Some((mutant, case.op.name())));
            let wrong = !gradients(&case).is_some_and(|found| same(&found, &right));
            // A panic counts as caught.
            let caught = catch_unwind(AssertUnwindSafe(|| check().is_err())).unwrap_or(true);
            CURRENT.set(None);
            if wrong {
                *made.entry(case.family).or_default() += 1;
            }
            if wrong && !caught {
                survivors.push(format!("{} {mutant:?}", case.op));
            }
        }
    }
    assert!(survivors.is_empty(), "not caught: {survivors:?}");
    let families: Vec<&str> = made.keys().copied().collect();
    let all = [
        "beta", "concat", "fold", "fused", "gate", "index", "linalg", "map", "matmul", "move",
        "reshape", "select", "zip",
    ];
    assert_eq!(families, all);
    // Each family was wrong in at least two ways.
    assert!(made.values().all(|&mutants| mutants >= 2), "{made:?}");
}

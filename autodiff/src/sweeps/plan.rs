//! Replay: a frozen tape computes its outputs from new inputs without being recorded again.
//!
//! Freezing plans the work once. Entries that no output needs are left out, and entries that depend on no input keep
//! their values. The reverse sweep is planned when some outputs are first pulled, and kept.

pub(crate) mod run;

use crate::numbers::error::Error;
use crate::tape::engine::Scalar;
use crate::tape::grads::Grads;
use crate::tape::node::{Id, NO_BAR};
use crate::tape::op::Op;
use crate::tape::program::{Instruction, Program, Step};
use crate::tape::record::{Record, Tape};
use std::ops::Range;

/// A tape that is recorded once and replayed with new inputs, with the same bits as a new recording.
///
/// Elementwise ops over equally many numbers that follow one another are computed together as a fused run: tile by tile,
/// so that the result of one op is in the cache when the next op reads it. Ops on single numbers run as one short program.
///
/// ```
/// use pathscore_autodiff::{Grads, Tape};
/// let tape = Tape::new();
/// let x = tape.leaf(&[1.0_f64], []);
/// let y = (x.exp() * x).square() + 1.0;
/// let (x, y) = (x.id(), y.id());
/// let mut plan = tape.plan(&[x], &[y]);
/// plan.set(x, &[2.0]);
/// plan.run().unwrap();
/// let product = 2.0 * 2_f64.exp();
/// assert_eq!(plan.value(y), [product * product + 1.0]);
/// let mut grads = Grads::new();
/// plan.pull_into(&[(y, &[1.0])], &mut grads);
/// assert!((grads.leading(1)[0] - 2.0 * product * 3.0 * 2_f64.exp()).abs() < 1e-12 * product * product);
/// ```
#[derive(Debug)]
pub struct Plan<F> {
    record: Record<F>,
    /// The instruction of each elementwise entry that a fused run can compute.
    instructions: Vec<Option<Instruction>>,
    inputs: Vec<bool>,
    /// The entries that outputs are computed from.
    needed: Vec<bool>,
    forward: Program,
    back: Option<Back>,
}

/// The planned reverse sweep from some outputs.
#[derive(Debug)]
struct Back {
    from: Vec<Id>,
    program: Program,
    /// For each fused run, in the order of the program, the adjoints that it begins.
    fresh: Vec<Vec<Range<usize>>>,
    /// For each entry, true if a fused run begins its adjoint.
    begun: Vec<bool>,
    /// The leaves that nothing reaches.
    idle: Vec<Range<usize>>,
}

impl<F: Scalar> Tape<F> {
    /// Turns the tape into a plan in which every leaf and constant is an input and every entry an output.
    pub fn freeze(self) -> Plan<F> {
        let all: Vec<Id> = (0..self.len()).map(|index| Id(index as u32)).collect();
        let record = self.record();
        let input = |&id: &Id| matches!(record.node(id).op, Op::Leaf | Op::Constant);
        let inputs: Vec<Id> = all.iter().copied().filter(input).collect();
        drop(record);
        self.plan(&inputs, &all)
    }

    /// Turns the tape into a plan that computes `outputs` from `inputs`. All other inputs keep their values. Shared
    /// parameters stay shared.
    pub fn plan(self, inputs: &[Id], outputs: &[Id]) -> Plan<F> {
        let mut record = self.into_record();
        let count = record.nodes.len();
        let marked = |ids: &[Id]| {
            let mut marks = vec![false; count];
            ids.iter().for_each(|id| marks[id.index()] = true);
            marks
        };
        let (inputs, mut needed) = (marked(inputs), marked(outputs));
        for index in (0..count).rev() {
            if needed[index] {
                record.args(Id(index as u32)).iter().for_each(|arg| needed[arg.index()] = true);
            }
        }
        let mut moves = inputs.clone();
        for index in 0..count {
            moves[index] |= record.args(Id(index as u32)).iter().any(|arg| moves[arg.index()]);
        }
        // A strict tape checks every entry as it is computed.
        let instructions: Vec<_> = if record.strict {
            vec![None; count]
        } else {
            (0..count).map(|index| Instruction::of(&mut record, Id(index as u32))).collect()
        };
        let ids = (0..count).filter(|&index| needed[index] && moves[index]);
        let forward = Program::new(&record, &instructions, ids);
        Plan { record, instructions, inputs, needed, forward, back: None }
    }
}

impl<F: Scalar> Plan<F> {
    /// Sets the numbers of an input. The next [`Plan::run`] computes the entries that depend on it.
    ///
    /// # Panics
    /// If `id` is not an input with numbers of its own, or the sizes differ.
    #[track_caller]
    pub fn set(&mut self, id: Id, values: &[F]) {
        match self.record.values_mut(id) {
            Some(to) if self.inputs[id.index()] => {
                assert!(to.len() == values.len(), "set: {} numbers for {}", values.len(), to.len());
                to.copy_from_slice(values);
                self.record.stop_if_strict(id);
            }
            _ => panic!("set: entry {} is not an input of its own", id.index()),
        }
    }

    /// Computes the outputs from the inputs.
    ///
    /// # Errors
    /// If a matrix cannot be factored, or an index is out of range.
    ///
    /// # Panics
    /// If the tape was strict and a number becomes NaN or infinite.
    pub fn run(&mut self) -> Result<(), Error> {
        for step in &self.forward.steps {
            match step {
                Step::Entry(id) => {
                    self.record.evaluate(*id)?;
                    self.record.stop_if_strict(*id);
                }
                Step::Run { code, len } => {
                    F::run(&self.forward.code[code.clone()], *len, self.record.arena_mut());
                }
            }
        }
        Ok(())
    }

    /// The numbers of an input, of an output, or of an entry that outputs are computed from.
    ///
    /// # Panics
    /// If the entry is none of these, because it is not computed.
    #[track_caller]
    pub fn value(&self, id: Id) -> &[F] {
        self.expect_needed("value", id);
        self.record.values(id)
    }

    /// The adjoints of all entries that the seeded entries are computed from.
    ///
    /// # Panics
    /// If a seeded entry is not computed, or differs in size from its seed.
    #[track_caller]
    pub fn pull_into(&mut self, seeds: &[(Id, &[F])], grads: &mut Grads<F>) {
        let known = self.back.as_ref().is_some_and(|back| {
            back.from.len() == seeds.len() && back.from.iter().zip(seeds).all(|(a, b)| *a == b.0)
        });
        if !known {
            seeds.iter().for_each(|seed| self.expect_needed("pull", seed.0));
            let from = seeds.iter().map(|seed| seed.0).collect();
            self.back = Some(Back::new(&self.record, &self.instructions, from));
        }
        let (record, back) = (&self.record, self.back.as_ref().expect("it was just planned"));
        grads.begin(record);
        grads.begun.copy_from_slice(&back.begun);
        grads.seed(record, seeds);
        let Program { steps, code } = &back.program;
        let mut fresh = back.fresh.iter().rev();
        for step in steps.iter().rev() {
            match step {
                Step::Entry(id) => {
                    F::carry(record, *id, grads);
                    // Adjoints that count as begun must hold numbers, even where the rule named no term.
                    record.args(*id).iter().for_each(|&arg| grads.open(record, arg));
                }
                Step::Run { code: part, len } => {
                    let fresh = fresh.next().expect("there is a list for each fused run");
                    let code = &code[part.clone()];
                    F::run_back(code, fresh, *len, record.arena(), &mut grads.bars);
                }
            }
        }
        back.idle.iter().for_each(|range| grads.bars[range.clone()].fill(F::ZERO));
    }

    #[track_caller]
    fn expect_needed(&self, op: &str, id: Id) {
        let index = id.index();
        assert!(self.needed[index], "{op}: no output of this plan is computed from entry {index}");
    }
}

impl Back {
    fn new<F: Scalar>(
        record: &Record<F>,
        instructions: &[Option<Instruction>],
        from: Vec<Id>,
    ) -> Self {
        let tracked = |id: Id| record.node(id).bar != NO_BAR;
        let home = |id: Id| record.node(id).home;
        let mut reached = vec![false; record.nodes.len()];
        let seeds = from.iter().copied().filter(|&id| tracked(id));
        seeds.for_each(|id| reached[home(id).index()] = true);
        let seeded = reached.clone();
        for index in (0..reached.len()).rev() {
            if reached[index] {
                let args = record.args(Id(index as u32)).iter().filter(|&&arg| tracked(arg));
                args.for_each(|&arg| reached[home(arg).index()] = true);
            }
        }
        let ids = (0..reached.len()).filter(|&index| reached[index]);
        let program = Program::new(record, instructions, ids);
        let (mut fresh, mut begun) = (Vec::new(), vec![false; reached.len()]);
        let mut touched = seeded;
        let range = |id: Id| record.node(id).bar..record.node(id).bar + record.node(id).len;
        for step in program.steps.iter().rev() {
            match step {
                Step::Entry(id) => {
                    let args = record.args(*id).iter().filter(|&&arg| tracked(arg));
                    args.for_each(|&arg| touched[home(arg).index()] = true);
                }
                Step::Run { code, len } => {
                    let mut first = Vec::new();
                    for instruction in &program.code[code.clone()] {
                        for &arg in record.args(instruction.id) {
                            let arg = home(arg);
                            if tracked(arg) && !std::mem::replace(&mut touched[arg.index()], true) {
                                begun[arg.index()] = true;
                                first.push(range(arg));
                            }
                        }
                    }
                    // Numbers lie side by side, and a fused run of numbers is a single tile.
                    first.sort_by_key(|range| range.start);
                    first.dedup_by(|next, last| {
                        let joins = *len == 1 && last.end == next.start;
                        if joins {
                            last.end = next.end;
                        }
                        joins
                    });
                    fresh.push(first);
                }
            }
        }
        fresh.reverse();
        let leaf = |&index: &usize| record.nodes[index].op == Op::Leaf && !touched[index];
        let idle = (0..reached.len()).filter(leaf).map(|index| range(Id(index as u32))).collect();
        Self { from, program, fresh, begun, idle }
    }
}

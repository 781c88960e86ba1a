//! Again with new inputs: a recorded tape, frozen, computes without being recorded anew.

use crate::scalar::Scalar;
use crate::sweeps::reverse::{Grads, pull};
use crate::tape::op::Op;
use crate::tape::{Id, Record, Tape};

/// A tape that is recorded once and replayed with new inputs.
///
/// ```
/// use pathscore_autodiff::{Grads, Tape};
/// let tape = Tape::new();
/// let x = tape.leaf(&[1.0_f64], []);
/// let y = x.exp() * x;
/// let (x, y) = (x.id(), y.id());
/// let mut plan = tape.freeze();
/// plan.set(x, &[2.0]);
/// plan.run().unwrap();
/// assert_eq!(plan.value(y), [2.0 * 2_f64.exp()]);
/// let mut grads = Grads::new();
/// plan.pull_into(&[(y, &[1.0])], &mut grads);
/// assert_eq!(grads.leading(1), [3.0 * 2_f64.exp()]);
/// ```
#[derive(Debug)]
pub struct Plan<F> {
    record: Record<F>,
}

impl<F: Scalar> Tape<F> {
    /// Turns the tape into a plan. Shared parameters stay shared.
    pub fn freeze(self) -> Plan<F> {
        Plan { record: self.into_record() }
    }
}

impl<F: Scalar> Plan<F> {
    /// Gives an input new numbers; what depends on it is computed by the next [`Plan::run`].
    ///
    /// # Panics
    /// If `id` is not a leaf or constant with numbers of its own, or holds another number of them.
    #[track_caller]
    pub fn set(&mut self, id: Id, values: &[F]) {
        let input = matches!(self.record.node(id).op, Op::Leaf | Op::Constant);
        match self.record.values_mut(id) {
            Some(to) if input => {
                assert!(to.len() == values.len(), "set: {} numbers for {}", values.len(), to.len());
                to.copy_from_slice(values);
            }
            _ => panic!("set: entry {} is not an input of its own", id.index()),
        }
    }

    /// Computes every entry anew, in order.
    ///
    /// # Errors
    /// If a matrix cannot be factored.
    pub fn run(&mut self) -> Result<(), crate::Error> {
        (0..self.record.nodes.len()).try_for_each(|index| self.record.evaluate(Id(index as u32)))
    }

    /// The numbers of an entry.
    pub fn value(&self, id: Id) -> &[F] {
        self.record.values(id)
    }

    /// The adjoints of everything the seeded entries were computed from.
    pub fn pull_into(&self, seeds: &[(Id, &[F])], grads: &mut Grads<F>) {
        pull(&self.record, seeds, &[], grads);
    }
}

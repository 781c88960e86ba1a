//! The search for the first number that is not finite although its arguments are.

use crate::kernels::float::Float;
use crate::numbers::real::Real;
use crate::tape::node::Id;
use crate::tape::op::Op;
use crate::tape::record::{Record, Tape};
use std::fmt::{self, Display};

/// The first entry of a tape that made a NaN or an infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// The entry.
    pub id: Id,
    /// The name of its op.
    pub op: String,
    /// The position of the number in the entry.
    pub at: usize,
    /// The number, as text.
    pub value: String,
    /// The extremes of the arguments, as text.
    pub inputs: Vec<String>,
    /// The file and line that recorded the entry.
    pub line: String,
}

impl Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, op, at, value, inputs, line } = self;
        write!(f, "entry {} ({op}) is {value} at position {at}, recorded at {line}", id.0)?;
        match inputs.as_slice() {
            [] => Ok(()),
            inputs => write!(f, ", from {}", inputs.join("; ")),
        }
    }
}

impl<F: Float> Tape<F> {
    /// The entry that first made a NaN or an infinity, if any did: its result holds a NaN and none of its
    /// arguments does, or an infinity and all of its arguments are finite. Infinite constants are
    /// allowed, and named only if there is no other entry to name.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 0.0], [2]);
    /// let mask = tape.constant(&[0.0, f64::NEG_INFINITY], [2]);
    /// let _ = (x + mask).exp() + x.ln();
    /// let found = tape.first_non_finite().unwrap();
    /// assert_eq!((found.op.as_str(), found.at), ("ln", 1));
    /// assert!(found.inputs[0].ends_with("in [0, 1]"));
    /// ```
    pub fn first_non_finite(&self) -> Option<NonFinite> {
        let record = self.record();
        let ids = || (0..record.nodes.len()).map(|index| Id(index as u32));
        let made = ids().find_map(|id| Some((id, record.makes_non_finite(id)?)));
        let infinite = |id| record.values(id).iter().position(|x| !x.is_finite());
        let (id, at) = made.or_else(|| ids().find_map(|id| Some((id, infinite(id)?))))?;
        Some(record.non_finite(id, at))
    }
}

impl<F: Float> Record<F> {
    /// The position of a number of the entry that is not finite though its arguments are.
    fn makes_non_finite(&self, id: Id) -> Option<usize> {
        let values = self.values(id);
        let first = values.iter().position(|x| !x.is_finite())?;
        let nan = |x: &F| x.to_f64().is_nan();
        let given = |is: &dyn Fn(&F) -> bool| {
            self.args(id).iter().any(|&arg| self.values(arg).iter().any(is))
        };
        match values.iter().position(nan) {
            Some(at) if !given(&nan) => Some(at),
            _ if self.node(id).op == Op::Constant || given(&|x| !x.is_finite()) => None,
            _ => Some(first),
        }
    }

    fn non_finite(&self, id: Id, at: usize) -> NonFinite {
        let node = self.node(id);
        NonFinite {
            id,
            op: node.op.name().to_string(),
            at,
            value: self.values(id)[at].to_string(),
            inputs: self.args(id).iter().map(|&arg| self.describe(arg)).collect(),
            line: format!("{}:{}", node.line.file(), node.line.line()),
        }
    }

    /// An entry and the range of its numbers.
    fn describe(&self, id: Id) -> String {
        match range(self.values(id)) {
            Some([low, high]) => format!("entry {} in [{low}, {high}]", id.0),
            None => format!("entry {}, which is empty", id.0),
        }
    }

    /// Panics if the record is strict and the entry makes a number that is not finite.
    #[inline]
    #[track_caller]
    pub(crate) fn stop_if_strict(&self, id: Id) {
        if self.strict
            && let Some(at) = self.makes_non_finite(id)
        {
            panic!("{}", self.non_finite(id, at));
        }
    }

    /// Panics if the record is strict and the entry, of adjoint `y_bar`, has carried a number that is not
    /// finite back to an argument. `bar` gives the adjoint of an argument, if it has one.
    #[inline]
    #[track_caller]
    pub(crate) fn stop_if_strict_back<'a>(
        &self,
        id: Id,
        y_bar: &[F],
        bar: impl Fn(Id) -> Option<&'a [F]>,
    ) {
        if !self.strict {
            return;
        }
        for &arg in self.args(id) {
            let bar = bar(arg).unwrap_or(&[]);
            let Some(at) = bar.iter().position(|x| !x.is_finite()) else { continue };
            let node = self.node(id);
            let from = range(y_bar).map_or(String::new(), |[a, b]| format!(" in [{a}, {b}]"));
            panic!(
                "back through entry {} ({}), recorded at {}:{}: \
                 the adjoint of entry {} becomes {} at \
                 position {at}, from an adjoint{from} and {}",
                id.0,
                node.op.name(),
                node.line.file(),
                node.line.line(),
                arg.0,
                bar[at],
                self.args(id).iter().map(|&arg| self.describe(arg)).collect::<Vec<_>>().join("; "),
            );
        }
    }
}

/// The smallest and the largest of some numbers; NaN if one of them is.
fn range<F: Float>(values: &[F]) -> Option<[F; 2]> {
    let low = values.iter().copied().reduce(Real::min)?;
    let high = values.iter().copied().reduce(Real::max)?;
    Some([low, high])
}

//! A tape in words and as a drawing, and the first place where it went wrong.

use crate::scalar::Scalar;
use crate::tape::{Id, Record, Tape};
use std::fmt::{self, Display, Write};

/// The first entry of a tape that holds a NaN or an infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonFinite {
    /// The entry.
    pub id: Id,
    /// Its op.
    pub op: String,
    /// The position of the offending number in it.
    pub at: usize,
    /// The number, as text.
    pub value: String,
    /// The same position or the extremes of the arguments, as text.
    pub inputs: Vec<String>,
    /// The file and line that recorded it.
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

impl<F: Scalar> Tape<F> {
    /// The first entry that holds a NaN or an infinity, if any does.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[1.0_f64, 0.0], [2]);
    /// let _ = x.ln().sum();
    /// let found = tape.first_non_finite().unwrap();
    /// assert_eq!((found.op.as_str(), found.at), ("ln", 1));
    /// ```
    pub fn first_non_finite(&self) -> Option<NonFinite> {
        let record = self.record();
        (0..record.nodes.len()).map(|index| Id(index as u32)).find_map(|id| {
            let values = record.values(id);
            let at = values.iter().position(|x| !x.is_finite())?;
            let inputs = record.args(id).iter().map(|&arg| range(&record, arg)).collect();
            let node = record.node(id);
            Some(NonFinite {
                id,
                op: node.op.name().to_string(),
                at,
                value: values[at].to_string(),
                inputs,
                line: format!("{}:{}", node.line.file(), node.line.line()),
            })
        })
    }

    /// The tape as a drawing in the DOT language: entries as boxes, arguments as arrows.
    pub fn to_dot(&self) -> String {
        let record = self.record();
        let mut dot = String::from("digraph tape {\n  rankdir=LR; node [shape=box];\n");
        for index in 0..record.nodes.len() {
            let id = Id(index as u32);
            // Writing to a string cannot fail.
            let _ = writeln!(
                dot,
                "  n{index} [label=\"{index} {} {:?}\"];",
                record.node(id).op,
                record.dims(id)
            );
            for arg in record.args(id) {
                let _ = writeln!(dot, "  n{} -> n{index};", arg.0);
            }
        }
        dot.push_str("}\n");
        dot
    }
}

/// An entry and the range of its numbers.
fn range<F: Scalar>(record: &Record<F>, id: Id) -> String {
    let values = record.values(id);
    let low = values.iter().copied().reduce(crate::Real::min);
    let high = values.iter().copied().reduce(crate::Real::max);
    match (low, high) {
        (Some(low), Some(high)) => format!("entry {} in [{low}, {high}]", id.0),
        _ => format!("entry {}, which is empty", id.0),
    }
}

/// One line an entry: number, op, arguments, shape, the first of its values.
impl<F: Scalar> Display for Tape<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record();
        for index in 0..record.nodes.len() {
            let id = Id(index as u32);
            let args: Vec<u32> = record.args(id).iter().map(|arg| arg.0).collect();
            let values = record.values(id);
            let dots = if values.len() > 4 { " …" } else { "" };
            let shown = values.iter().take(4).map(|x| format!("{x}")).collect::<Vec<_>>().join(" ");
            writeln!(
                f,
                "{index:>4} {} {args:?} {:?} = {shown}{dots}",
                record.node(id).op,
                record.dims(id)
            )?;
        }
        Ok(())
    }
}

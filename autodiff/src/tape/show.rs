//! A tape as text and as a drawing.

use crate::kernels::float::Float;
use crate::tape::node::Id;
use crate::tape::record::Tape;
use std::fmt::{self, Display, Write};

impl<F: Float> Tape<F> {
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

/// Prints a line for each entry: number, op, arguments, shape, and its first values.
impl<F: Float> Display for Tape<F> {
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

//! The entries that a derivative passes through.

use crate::tape::engine::Scalar;
use crate::tape::node::Id;
use crate::tape::record::Record;

/// The entries that depend on some chosen entries. A derivative with respect to the chosen entries passes through no
/// others.
pub(crate) struct Reach {
    depends: Vec<bool>,
}

impl Reach {
    pub(crate) fn of<F: Scalar>(record: &Record<F>, chosen: &[Id]) -> Self {
        let mut depends = vec![false; chosen.iter().map(|id| id.index() + 1).max().unwrap_or(0)];
        chosen.iter().for_each(|id| depends[id.index()] = true);
        (0..depends.len())
            .for_each(|index| depends[index] |= inherits(record, Id(index as u32), &depends));
        let mut reach = Self { depends };
        reach.extend(record);
        reach
    }

    /// Adds the entries that were recorded since.
    pub(crate) fn extend<F: Scalar>(&mut self, record: &Record<F>) {
        for index in self.depends.len()..record.nodes.len() {
            self.depends.push(inherits(record, Id(index as u32), &self.depends));
        }
    }

    pub(crate) fn contains(&self, id: Id) -> bool {
        self.depends.get(id.index()) == Some(&true)
    }
}

/// True if an argument of the entry depends on a chosen entry, and the op propagates derivatives.
fn inherits<F: Scalar>(record: &Record<F>, id: Id, depends: &[bool]) -> bool {
    !record.node(id).op.is_flat() && record.args(id).iter().any(|arg| depends[arg.index()])
}

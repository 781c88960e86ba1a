//! Ops that only one tape knows.

/// A custom op or a checkpoint: its name, and its position among those of its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomOp {
    name: &'static str,
    at: u32,
}

impl CustomOp {
    pub(crate) fn new(name: &'static str, at: usize) -> Self {
        Self { name, at: at as u32 }
    }

    /// The position among those of its tape.
    pub(crate) fn index(self) -> usize {
        self.at as usize
    }

    /// The name of the op.
    pub fn name(self) -> &'static str {
        self.name
    }
}

//! Custom ops and checkpointed segments, whose kernels belong to one tape.

/// A custom op or a checkpointed segment: its name, and the position of its kernel among those of the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustomOp {
    name: &'static str,
    at: u32,
}

impl CustomOp {
    pub(crate) fn new(name: &'static str, at: usize) -> Self {
        Self { name, at: at as u32 }
    }

    /// The position of the kernel among those of the tape.
    pub(crate) fn index(self) -> usize {
        self.at as usize
    }

    /// The name of the op.
    pub fn name(self) -> &'static str {
        self.name
    }
}

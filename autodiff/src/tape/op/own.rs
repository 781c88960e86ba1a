//! Ops that only one tape knows.

/// An op of a user's own: its name, and its place among those of its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    name: &'static str,
    at: u32,
}

impl Own {
    pub(crate) fn new(name: &'static str, at: usize) -> Self {
        Self { name, at: at as u32 }
    }

    /// Its place among those of its tape.
    pub(crate) fn index(self) -> usize {
        self.at as usize
    }

    /// The name that the op gives itself.
    pub fn name(self) -> &'static str {
        self.name
    }
}

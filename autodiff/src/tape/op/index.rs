//! Ops on numbers and indices.

/// Ops on numbers and indices. The indices have as many axes as the numbers; along every axis but one
/// they have the same length or are broadcast from length one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Index {
    /// $y_{i j k} = x_{i n(i, j, k) k}$ along one axis. Adjoint: [`Index::ScatterAdd`].
    Gather {
        /// The axis that the indices point into.
        axis: u8,
    },
    /// $y_{i n k} = \sum_{j : n(i, j, k) = n} x_{i j k}$ along one axis. Adjoint: [`Index::Gather`].
    ScatterAdd {
        /// The axis that the indices point into.
        axis: u8,
    },
}

impl Index {
    /// The op's name, as in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gather { .. } => "gather",
            Self::ScatterAdd { .. } => "scatter_add",
        }
    }

    /// The axis that the indices point into.
    pub(crate) fn axis(self) -> usize {
        match self {
            Self::Gather { axis } | Self::ScatterAdd { axis } => usize::from(axis),
        }
    }

    /// The op that carries adjoints back.
    pub(crate) fn adjoint(self) -> Self {
        match self {
            Self::Gather { axis } => Self::ScatterAdd { axis },
            Self::ScatterAdd { axis } => Self::Gather { axis },
        }
    }
}

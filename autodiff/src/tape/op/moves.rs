//! Moves: the same numbers in other places.

/// A linear map that moves numbers to other places; each has another as its adjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Move {
    /// Repeats along broadcast axes. Adjoint: [`Move::SumTo`].
    Broadcast,
    /// Sums along the axes along which [`Move::Broadcast`] repeats. Adjoint: [`Move::Broadcast`].
    SumTo,
    /// Result axis `i` is argument axis `order[i]`. Adjoint: the inverse permutation.
    Permute {
        /// The axes of the argument in their new order; entries past the rank are ignored.
        order: [u8; 8],
    },
    /// The positions from `start` along one axis, as many as the result has. Adjoint: [`Move::Pad`].
    Slice {
        /// The axis that is cut.
        axis: u8,
        /// The first position kept.
        start: u32,
    },
    /// Zeros around the argument along one axis. Adjoint: [`Move::Slice`].
    Pad {
        /// The axis that grows.
        axis: u8,
        /// The position in the result at which the argument begins.
        start: u32,
    },
    /// The numbers of the last axis along a diagonal of the last two of the result, zeros around them.
    /// Adjoint: [`Move::Diagonal`].
    Diag {
        /// The number of the diagonal above the main one, negative below it.
        above: i32,
    },
    /// A diagonal of the last two axes. Adjoint: [`Move::Diag`].
    Diagonal {
        /// The number of the diagonal above the main one, negative below it.
        above: i32,
    },
    /// The last two axes on and below a diagonal, zeros above. Its own adjoint.
    Tril {
        /// The number of the diagonal above the main one, negative below it.
        above: i32,
    },
    /// The last two axes on and above a diagonal, zeros below. Its own adjoint.
    Triu {
        /// The number of the diagonal above the main one, negative below it.
        above: i32,
    },
    /// The positions of one axis in reverse. Its own adjoint.
    Flip {
        /// The axis that is reversed.
        axis: u8,
    },
}

impl Move {
    /// The exchange of the last two of `rank` axes.
    pub(crate) fn transposition(rank: usize) -> Self {
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        order.swap(rank - 2, rank - 1);
        Self::Permute { order }
    }

    /// The name of the move, as in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Broadcast => "broadcast",
            Self::SumTo => "sum_to",
            Self::Permute { .. } => "permute",
            Self::Slice { .. } => "slice",
            Self::Pad { .. } => "pad",
            Self::Diag { .. } => "diag",
            Self::Diagonal { .. } => "diagonal",
            Self::Tril { .. } => "tril",
            Self::Triu { .. } => "triu",
            Self::Flip { .. } => "flip",
        }
    }
}

//! What an entry of a tape can be: data, so that it prints, replays and is differentiated again.

use crate::rules::beta::Beta;
use crate::rules::custom::Own;
use crate::rules::fused::Fused;
use crate::rules::index::Index;
use crate::rules::linalg::Linalg;
use crate::tape::table::{Binary, Unary};
use std::fmt::{self, Display};

/// The kind of a tape entry.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op<F> {
    /// A parameter: it has an adjoint.
    Leaf,
    /// Data or noise: nothing is computed for it on the way back.
    Constant,
    /// $f(x)$, elementwise.
    Map(Unary),
    /// $f(a, b)$, elementwise and broadcasting.
    Zip(Binary),
    /// $f(c, x)$ with a constant number $c$.
    ZipLeft(Binary, F),
    /// $f(x, c)$ with a constant number $c$.
    ZipRight(Binary, F),
    /// The second argument where the first is not zero, else the third.
    Select,
    /// The same numbers in other places.
    Move(Move),
    /// Numbers picked out or put down by indices, the second argument.
    Index(Index),
    /// The arguments one behind the other along an axis.
    Concat {
        /// The axis along which they stand.
        axis: u8,
    },
    /// The same numbers under another shape; costs nothing.
    Reshape,
    /// The same numbers without a derivative; costs nothing.
    Detach,
    /// The identity, whose adjoint can be weighted when the gradient is pulled.
    Gate,
    /// $ab$ of the last two axes, either argument transposed first; leading axes broadcast.
    MatMul {
        /// Whether the first argument is transposed.
        ta: bool,
        /// Whether the second argument is transposed.
        tb: bool,
    },
    /// A factorisation of the last two axes, or what is computed from one.
    Linalg(Linalg),
    /// The incomplete beta function, elementwise on three arguments.
    Beta(Beta),
    /// A kernel that does the work of several ops at once.
    Fused(Fused),
    /// An op that only its tape knows: see [`Tape::custom`](crate::Tape::custom) and
    /// [`Tape::checkpoint`](crate::Tape::checkpoint).
    Custom(Own),
}

/// A linear map that moves numbers to other places; each has another as its adjoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Move {
    /// Repeats along stretched axes. Adjoint: [`Move::SumTo`].
    Broadcast,
    /// Sums along the axes that [`Move::Broadcast`] stretches.
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
        /// Where the argument begins in the result.
        start: u32,
    },
    /// The numbers of the last axis along a diagonal of the last two of the result, zeros around them.
    /// Adjoint: [`Move::Diagonal`].
    Diag {
        /// How far the diagonal lies above the main one.
        above: i32,
    },
    /// A diagonal of the last two axes. Adjoint: [`Move::Diag`].
    Diagonal {
        /// How far the diagonal lies above the main one.
        above: i32,
    },
    /// The last two axes on and below a diagonal, zeros above. Its own adjoint.
    Tril {
        /// How far the diagonal lies above the main one.
        above: i32,
    },
    /// The last two axes on and above a diagonal, zeros below. Its own adjoint.
    Triu {
        /// How far the diagonal lies above the main one.
        above: i32,
    },
    /// The positions of one axis in reverse. Its own adjoint.
    Flip {
        /// The axis that is reversed.
        axis: u8,
    },
}

impl<F: Copy> Op<F> {
    /// The op's name, as in messages and drawings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Constant => "constant",
            Self::Map(f) => f.name(),
            Self::Zip(f) | Self::ZipLeft(f, _) | Self::ZipRight(f, _) => f.name(),
            Self::Select => "select",
            Self::Move(m) => m.name(),
            Self::Concat { .. } => "concat",
            Self::Reshape => "reshape",
            Self::Detach => "detach",
            Self::Gate => "gate",
            Self::MatMul { .. } => "matmul",
            Self::Index(i) => i.name(),
            Self::Linalg(l) => l.name(),
            Self::Beta(f) => f.name(),
            Self::Fused(f) => f.name(),
            Self::Custom(op) => op.name(),
        }
    }
}

impl Move {
    /// The last two of `rank` axes exchanged.
    pub(crate) fn transposition(rank: usize) -> Self {
        let mut order = [0, 1, 2, 3, 4, 5, 6, 7];
        order.swap(rank - 2, rank - 1);
        Self::Permute { order }
    }

    fn name(self) -> &'static str {
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

impl<F: Copy + Display> Display for Op<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ZipLeft(op, c) => write!(f, "{}({c}, ·)", op.name()),
            Self::ZipRight(op, c) => write!(f, "{}(·, {c})", op.name()),
            Self::MatMul { ta, tb } => {
                let mark = |t| if t { "ᵀ" } else { "" };
                write!(f, "matmul(a{}, b{})", mark(ta), mark(tb))
            }
            Self::Concat { axis } => write!(f, "concat axis {axis}"),
            Self::Move(Move::Slice { axis, start }) => write!(f, "slice axis {axis} from {start}"),
            Self::Move(Move::Pad { axis, start }) => write!(f, "pad axis {axis} from {start}"),
            Self::Move(Move::Flip { axis }) => write!(f, "flip axis {axis}"),
            op => f.write_str(op.name()),
        }
    }
}

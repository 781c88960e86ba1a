//! The kinds of entries of a tape. An op is data, so a tape prints, replays and is differentiated again.

pub(crate) mod beta;
pub(crate) mod custom;
pub(crate) mod fused;
pub(crate) mod index;
pub(crate) mod linalg;
pub(crate) mod moves;

use crate::numbers::ops::{Binary, Unary};
use crate::tape::op::beta::Beta;
use crate::tape::op::custom::CustomOp;
use crate::tape::op::fused::Fused;
use crate::tape::op::index::Index;
use crate::tape::op::linalg::Linalg;
use crate::tape::op::moves::Move;
use std::fmt::{self, Display};

/// The kind of a tape entry.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op<F> {
    /// A parameter, which has an adjoint.
    Leaf,
    /// Data or noise, which has no adjoint.
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
    /// Numbers gathered or scattered by indices, which are the second argument.
    Index(Index),
    /// The concatenation of the arguments along an axis.
    Concat {
        /// The axis of concatenation.
        axis: u8,
    },
    /// The same numbers under another shape; costs nothing.
    Reshape,
    /// The same numbers without a derivative; costs nothing.
    Detach,
    /// The identity, whose adjoint can be weighted when a gradient is pulled.
    Gate,
    /// $ab$ of the last two axes, either argument transposed first; leading axes broadcast.
    MatMul {
        /// True if the first argument is transposed.
        ta: bool,
        /// True if the second argument is transposed.
        tb: bool,
    },
    /// A factorisation of the last two axes, or a result that is computed from one.
    Linalg(Linalg),
    /// The incomplete beta function, elementwise on three arguments.
    Beta(Beta),
    /// A kernel that does the work of several ops at once.
    Fused(Fused),
    /// A custom op ([`Tape::custom`](crate::Tape::custom)) or a checkpointed segment
    /// ([`Tape::checkpoint`](crate::Tape::checkpoint)), whose kernel belongs to one tape.
    Custom(CustomOp),
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

    /// True if nothing is propagated through the op.
    pub(crate) fn is_flat(self) -> bool {
        match self {
            Self::Constant | Self::Detach => true,
            Self::Map(f) => f.is_flat(),
            Self::Zip(f) | Self::ZipLeft(f, _) | Self::ZipRight(f, _) => f.is_flat(),
            Self::Linalg(op) => op.is_flat(),
            _ => false,
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

//! Reverse-mode automatic differentiation on a tape of data.
//!
//! Five words carry the whole crate:
//!
//! * a **tape** ([`Tape`]) is the list of what was computed, in order;
//! * a **variable** ([`Var`]) is one entry of it: a tensor and how it came about;
//! * an **op** ([`Op`]) is the kind of an entry, a small piece of data, never a closure;
//! * a **term** is what one argument of an op gains when the result's adjoint is known;
//! * a **sink** reads terms: one sink computes them (numbers), another records them (variables),
//!   so that the gradient can be differentiated again.
//!
//! By hand: of $y = x^2 + \sin x$ the derivative is $2x + \cos x$, the second $2 - \sin x$. By tape:
//!
//! ```
//! use pathscore_autodiff::Tape;
//! let tape = Tape::new();
//! let x = tape.leaf(&[0.5_f64], []);
//! let y = x * x + x.sin();
//! let first = y.grad(&[x])[0];
//! let second = first.grad(&[x])[0];
//! assert!((first.item() - (1.0 + 0.5_f64.cos())).abs() < 1e-15);
//! assert!((second.item() - (2.0 - 0.5_f64.sin())).abs() < 1e-15);
//! ```
//!
//! [`Var::grad`] records; [`Var::backward`] computes numbers only and is the one to train with.

pub mod check;
mod dual;
mod error;
mod kernels;
mod rules;
mod scalar;
mod shape;
mod sweeps;
mod tape;
mod tensor;

/// Loops over slices in the widest vectors of the processor, with the same bits for every width.
pub mod vector {
    pub use crate::kernels::simd::dispatch;
    pub use crate::kernels::sum::{sum, sum_by};
}

pub use dual::Dual;
pub use error::Error;
pub use kernels::zip::View;
pub use rules::custom::{Adjoints, Custom, Own};
pub use rules::fused::{Activation, Fused};
pub use rules::index::Index;
pub use rules::linalg::{By, Linalg};
pub use scalar::{Real, Scalar};
pub use shape::Shape;
pub use sweeps::plan::Plan;
pub use sweeps::reverse::Grads;
pub use tape::finite::NonFinite;
pub use tape::op::{Move, Op};
pub use tape::table::{Binary, Unary};
pub use tape::var::{CholeskyFactor, LuFactor, Triangle};
pub use tape::{Id, Tape, var::Var};
pub use tensor::Tensor;

//! Reverse-mode automatic differentiation on a tape of data: from nothing, in one sitting.
//!
//! # One derivative by hand
//!
//! Let $y = x^2 \sin x$, and let us ask for $\mathrm dy/\mathrm dx$ at $x = 2$. A computer does one small thing after another,
//! so we write the formula as it does, a line for each result:
//!
//! | entry | computed | value at $x = 2$ |
//! |---|---|---|
//! | $v_0$ | $x$ | $2$ |
//! | $v_1$ | $v_0 \cdot v_0$ | $4$ |
//! | $v_2$ | $\sin v_0$ | $0.909$ |
//! | $v_3$ | $v_1 \cdot v_2$ | $3.637$ |
//!
//! Now ask of every line: *if this number were a little larger, by how much would $y$ be larger?* That number is
//! called the **adjoint** of the line, $\bar v_i = \partial y / \partial v_i$. For the last line the answer is one. For the others
//! we go back, from the last line to the first, and at each line hand its adjoint on to what it was computed
//! from, times the slope of the one small thing it did:
//!
//! | line | hands on | so far |
//! |---|---|---|
//! | $v_3 = v_1 v_2$ | $\bar v_1 \mathrel{+}= \bar v_3 v_2$ and $\bar v_2 \mathrel{+}= \bar v_3 v_1$ | $\bar v_1 = 0.909$, $\bar v_2 = 4$ |
//! | $v_2 = \sin v_0$ | $\bar v_0 \mathrel{+}= \bar v_2 \cos v_0$ | $\bar v_0 = 4 \cdot (-0.416) = -1.665$ |
//! | $v_1 = v_0 v_0$ | $\bar v_0 \mathrel{+}= \bar v_1 v_0$, twice | $\bar v_0 = -1.665 + 2 \cdot 0.909 \cdot 2 = 1.973$ |
//!
//! And $\bar v_0$ is the derivative: $2x \sin x + x^2 \cos x$ at $2$ is $1.973$. Nothing was done but multiply and add, each
//! line was visited once, and had there been a million inputs, the same walk would have found the adjoint of
//! each. That is reverse mode, whole.
//!
//! # Five words
//!
//! * A **tape** ([`Tape`]) is the list of what was computed, in order: the first table.
//! * A **variable** ([`Var`]) is one line of it: its numbers (a whole tensor of them) and how they came about.
//! * An **op** ([`Op`]) is the kind of a line, *multiply* or *sine*: a small piece of data, so that a tape can be printed,
//!   computed again ([`Plan`]), and differentiated in more ways than one.
//! * A **term** is one of the things handed on in the second table: what one argument of an op gains when the
//!   adjoint of the result is known. The rule of an op is the list of its terms, and computes nothing.
//! * A **sink** reads terms. One sink computes them in numbers; another records them as lines on the same tape.
//!
//! # The same by tape
//!
//! ```
//! use pathscore_autodiff::Tape;
//! let tape = Tape::new();
//! let x = tape.leaf(&[2.0_f64], []);
//! let y = x * x * x.sin();
//! print!("{tape}");
//! # assert!(tape.to_string().starts_with("   0 leaf [] [] = 2\n   1 mul [0, 0] [] = 4\n   2 sin [0] [] = 0.909"));
//! let grads = y.backward();
//! let by_hand = 2.0 * 2.0 * 2_f64.sin() + 4.0 * 2_f64.cos();
//! assert!((grads.of(x).item() - by_hand).abs() < 1e-15);
//! ```
//!
//! It prints the first table (number, op, arguments, shape, values):
//!
//! ```text
//!    0 leaf [] [] = 2
//!    1 mul [0, 0] [] = 4
//!    2 sin [0] [] = 0.9092974268256817
//!    3 mul [1, 2] [] = 3.637189707302727
//! ```
//!
//! A [`leaf`](Tape::leaf) is an input of which derivatives are wanted, a [`constant`](Tape::constant) one of which they are
//! not. [`Var::backward`] is the walk of the second table, in numbers; it is what to train with.
//!
//! # The second derivative
//!
//! The second table is a computation like the first. [`Var::grad`] writes it on the tape, line by line, and what
//! it returns is a variable: so it has a derivative too. By hand the derivative of $2x \sin x + x^2 \cos x$ is
//! $2 \sin x + 4x \cos x - x^2 \sin x$.
//!
//! ```
//! # use pathscore_autodiff::Tape;
//! let tape = Tape::new();
//! let x = tape.leaf(&[2.0_f64], []);
//! let y = x * x * x.sin();
//! let first = y.grad(&[x])[0];
//! let second = first.grad(&[x])[0];
//! let by_hand = 2.0 * 2_f64.sin() + 8.0 * 2_f64.cos() - 4.0 * 2_f64.sin();
//! assert!((second.item() - by_hand).abs() < 1e-14);
//! ```
//!
//! # Many numbers at once
//!
//! A line may hold a vector or a matrix; its op is then done to each number, and shapes that differ stretch as
//! far as they can (axes are aligned at the last one; length one repeats). Its adjoint has its shape. Least
//! squares with one step of gradient descent:
//!
//! ```
//! use pathscore_autodiff::Tape;
//! let tape = Tape::new();
//! let weight = tape.leaf(&[0.0_f64, 0.0], [2, 1]);
//! let x = tape.constant(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], [3, 2]);
//! let y = tape.constant(&[2.0, -1.0, 1.0], [3, 1]);
//! let loss = (x.matmul(weight) - y).square().sum();
//! let slope = loss.backward().of(weight);
//! assert_eq!(slope.values(), [-6.0, 0.0]); // 2 xᵀ(xw − y)
//! ```
//!
//! # Where to read on
//!
//! | for | see |
//! |---|---|
//! | what can be computed | the methods of [`Var`]; each states its formula, its derivative and its edges |
//! | other ways along a tape | [`Tape::pull`] (any seeds), [`Var::jvp`] (forward), [`Var::hvp`], [`Var::jacobian`], [`Var::hessian`], [`Var::per_sample`] |
//! | stopping or weighting a derivative | [`Var::detach`], [`Var::gate`] |
//! | the same work many times | [`Tape::clear`] keeps the memory; a [`Plan`] is recorded once and replayed |
//! | long chains | [`Tape::checkpoint`] |
//! | an op of your own | [`Tape::custom`] |
//! | is it right? | [`check`] |
//! | where did the NaN come from? | [`Tape::first_non_finite`], [`Tape::strict`], [`Tape::to_dot`] |

pub mod check;
mod kernels;
mod numbers;
mod rules;
mod sweeps;
mod tape;

/// Loops over slices in the widest vectors of the processor, with the same bits for every width.
pub mod vector {
    pub use crate::kernels::aligned::Aligned;
    pub use crate::kernels::random::lanes::Lanes;
    pub use crate::kernels::simd::dispatch;
    pub use crate::kernels::sum::{sum, sum_by};
}

pub use kernels::float::Float;
pub use kernels::zip::View;
pub use numbers::dual::Dual;
pub use numbers::error::Error;
pub use numbers::ops::{Binary, Unary};
pub use numbers::real::Real;
pub use numbers::shape::Shape;
pub use numbers::tensor::Tensor;
pub use rules::custom::{Adjoints, Custom};
pub use sweeps::plan::Plan;
pub use tape::engine::Scalar;
pub use tape::finite::NonFinite;
pub use tape::grads::Grads;
pub use tape::node::Id;
pub use tape::op::Op;
pub use tape::op::beta::Beta;
pub use tape::op::fused::{Activation, Fused};
pub use tape::op::index::Index;
pub use tape::op::linalg::{By, Linalg};
pub use tape::op::moves::Move;
pub use tape::op::own::Own;
pub use tape::record::{Tape, Var};
pub use tape::var::{Axes, CholeskyFactor, LuFactor, Norm, Triangle};

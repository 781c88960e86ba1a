//! Reverse-mode automatic differentiation on a tape of data, explained from the beginning.
//!
//! # One derivative by hand
//!
//! Let $y = x^2 \sin x$. We want $\mathrm dy/\mathrm dx$ at $x = 2$. A computer performs one small operation after another,
//! so we write the formula in the same way, with a line for each result:
//!
//! | entry | computed | value at $x = 2$ |
//! |---|---|---|
//! | $v_0$ | $x$ | $2$ |
//! | $v_1$ | $v_0 \cdot v_0$ | $4$ |
//! | $v_2$ | $\sin v_0$ | $0.909$ |
//! | $v_3$ | $v_1 \cdot v_2$ | $3.637$ |
//!
//! Now ask of every line: *if this number were a little larger, by how much would $y$ be larger?* The answer is
//! called the **adjoint** of the line, $\bar v_i = \partial y / \partial v_i$. The adjoint of the last line is one. For the
//! others we go from the last line to the first. Each line adds to the adjoints of its arguments: its own adjoint times the
//! derivative of its operation.
//!
//! | line | adds | so far |
//! |---|---|---|
//! | $v_3 = v_1 v_2$ | $\bar v_1 \mathrel{+}= \bar v_3 v_2$ and $\bar v_2 \mathrel{+}= \bar v_3 v_1$ | $\bar v_1 = 0.909$, $\bar v_2 = 4$ |
//! | $v_2 = \sin v_0$ | $\bar v_0 \mathrel{+}= \bar v_2 \cos v_0$ | $\bar v_0 = 4 \cdot (-0.416) = -1.665$ |
//! | $v_1 = v_0 v_0$ | $\bar v_0 \mathrel{+}= \bar v_1 v_0$, twice | $\bar v_0 = -1.665 + 2 \cdot 0.909 \cdot 2 = 1.973$ |
//!
//! The derivative is $\bar v_0$: indeed $2x \sin x + x^2 \cos x$ at $2$ is $1.973$. The computation only multiplies and
//! adds, and it visits each line once. With a million inputs, the same sweep would find the adjoint of each of them. This is
//! all of reverse mode.
//!
//! # Five words
//!
//! * A **tape** ([`Tape`]) is the list of all computations in order: the first table.
//! * A **variable** ([`Var`]) is one line of it: its numbers (a whole tensor), and the op and the arguments that they were
//!   computed from.
//! * An **op** ([`Op`]) is the kind of a line, *multiply* or *sine*: a small piece of data, so that a tape can be printed,
//!   computed again ([`Plan`]), and differentiated in more ways than one.
//! * A **term** is one addition in the second table: the amount that the adjoint of one argument gains from the
//!   adjoint of the result. The rule of an op is the list of its terms, and computes nothing.
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
//! A [`leaf`](Tape::leaf) is an input with respect to which derivatives are computed; a [`constant`](Tape::constant) is an
//! input without derivatives. [`Var::backward`] computes the second table in numbers; use it for training.
//!
//! # The second derivative
//!
//! The second table is a computation like the first. [`Var::grad`] records it on the tape line by line and returns a
//! variable, so the derivative has a derivative too. By hand the derivative of $2x \sin x + x^2 \cos x$ is
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
//! A line may hold a vector or a matrix. An elementwise op is then applied to each number, and shapes that differ
//! are broadcast: axes are aligned at the last one, and axes of length one are repeated. The adjoint of a line has the
//! shape of the line. An example is the gradient of least squares:
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
//! | the operations | the methods of [`Var`]; each states its formula, its derivative and its edge cases |
//! | other derivatives | [`Tape::pull`] (any seeds), [`Var::jvp`] (forward), [`Var::hvp`], [`Var::jacobian`], [`Var::hessian`], [`Var::per_sample`] |
//! | stopping or weighting a derivative | [`Var::detach`], [`Var::gate`] |
//! | the same work many times | [`Tape::clear`] keeps the memory; a [`Plan`] is recorded once and replayed |
//! | plain functions of numbers | [`NumberTape`], some nanoseconds for an operation |
//! | long chains | [`Tape::checkpoint`] |
//! | custom ops | [`Tape::custom`] |
//! | checking derivatives | [`check`] |
//! | finding the origin of a NaN | [`Tape::first_non_finite`], [`Tape::strict`], [`Tape::to_dot`] |

#![deny(missing_docs, unsafe_code)]

// The code of the README is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod check;
mod kernels;
mod modules;
mod numbers;
mod rules;
mod sweeps;
mod tape;

/// Loops over slices in the widest vectors of the processor. The bits are the same for every width, which the environment variable
/// `PATHSCORE_SIMD` can narrow (see [`width`](vector::width)), except those of a [`Kernel`](vector::Kernel) that fuses products.
pub mod vector {
    pub use crate::kernels::aligned::Aligned;
    pub use crate::kernels::level::{Kernel, multiply_add, width};
    pub use crate::kernels::random::lanes::Lanes;
    pub use crate::kernels::simd::{dispatch, dispatch_kernel};
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
pub use sweeps::deferred::{Deferred, Weight};
pub use sweeps::plan::Plan;
pub use tape::engine::Scalar;
pub use tape::finite::NonFinite;
pub use tape::grads::Grads;
pub use tape::node::Id;
pub use tape::number_tape::{Number, NumberTape};
pub use tape::op::Op;
pub use tape::op::beta::Beta;
pub use tape::op::custom::CustomOp;
pub use tape::op::fused::{Activation, Fused};
pub use tape::op::index::Index;
pub use tape::op::linalg::{By, Linalg};
pub use tape::op::moves::Move;
pub use tape::record::{Tape, Var};
pub use tape::var::{Axes, CholeskyFactor, LuFactor, Norm, Triangle};

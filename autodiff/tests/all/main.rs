//! All tests from outside, in one program: each program of tests compiles the engine for itself.

mod check;
mod finite;
mod linalg;
mod messages;
mod ops;
mod properties;
mod reductions;
mod transforms;

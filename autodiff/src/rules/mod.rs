//! The rules: shapes, values and derivatives of ops.
//!
//! The derivative of an op is a list of terms that the adjoints of its arguments gain. A rule names the terms and computes
//! nothing; the sweeps read them.

mod beta;
mod checkpoint;
pub(crate) mod custom;
pub(crate) mod fused;
pub(crate) mod index;
mod linalg;
pub(crate) mod matmul;
pub(crate) mod moves;
#[cfg(test)]
mod mutants;
pub(crate) mod op;
#[cfg(test)]
mod tests;

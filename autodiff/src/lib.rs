//! Tape-based automatic differentiation.
mod kernels;

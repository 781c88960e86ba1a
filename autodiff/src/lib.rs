//! Tape-based automatic differentiation.

//! The ground floor: numbers and what describes tensors of them. Nothing here computes on slices.

pub(crate) mod binary;
pub(crate) mod difference;
pub(crate) mod dual;
pub(crate) mod error;
pub(crate) mod ops;
pub(crate) mod real;
pub(crate) mod shape;
pub(crate) mod table;
pub(crate) mod tensor;
pub(crate) mod unary;

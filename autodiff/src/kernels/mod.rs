//! Slices in, slices out: nothing here knows of a tape.

pub(crate) mod gemm;
pub(crate) mod map;
pub(crate) mod random;
pub(crate) mod simd;
// The rows that call the rest of these functions follow.
#[allow(dead_code)]
pub(crate) mod special;
pub(crate) mod sum;
pub(crate) mod walk;
pub(crate) mod zip;

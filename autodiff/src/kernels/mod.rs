//! Numeric loops over slices: what runs under the operations of the tape.
#![allow(dead_code, unreachable_pub, reason = "the operations on the tape are the callers")]

pub(crate) mod random;
pub(crate) mod simd;
pub(crate) mod special;

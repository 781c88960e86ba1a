//! Computations on slices of numbers. Nothing here knows of a tape.

pub(crate) mod aligned;
mod bits;
pub(crate) mod element;
pub(crate) mod float;
pub(crate) mod fold;
pub(crate) mod gemm;
pub(crate) mod level;
pub(crate) mod linalg;
pub(crate) mod map;
mod packing;
pub(crate) mod random;
pub(crate) mod simd;
pub(crate) mod special;
pub(crate) mod sum;
mod tables;
mod thin;
mod tile;
#[cfg(target_arch = "x86_64")]
mod vectors;
pub(crate) mod walk;
pub(crate) mod zip;

/// Makes working memory at least `len` long and keeps its contents.
pub(crate) fn grow<F: Copy + Default>(buffer: &mut Vec<F>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, F::default());
    }
}

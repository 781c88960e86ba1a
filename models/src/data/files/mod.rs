//! The formats of files: compressed or plain bytes, MNIST's IDX, the header of NumPy arrays.

pub(super) mod idx;
pub(super) mod input;
pub(super) mod npy_header;

pub use idx::{read_idx, read_idx_labels};

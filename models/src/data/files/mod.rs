//! Readers of files: MNIST's IDX format, tables of text, NumPy arrays.

pub(super) mod csv;
mod idx;
mod input;
pub(super) mod mnist;
pub(super) mod npy;
mod npy_header;

pub use csv::read_csv;
pub use idx::{read_idx, read_idx_labels};
pub use npy::read_npy;

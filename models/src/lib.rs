//! Models.
pub mod data;

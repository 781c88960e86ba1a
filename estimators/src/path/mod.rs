//! Estimators along the path of a sample.

mod sgvb;

pub use sgvb::{Sgvb, SgvbKl};

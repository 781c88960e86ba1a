//! Estimators that are neither columns of numbers along a path nor through a score: coupled draws.

mod antithetic;
mod measure;

pub use antithetic::{Arm, DisArm};
pub use measure::MeasureValued;

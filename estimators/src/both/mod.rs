//! Estimators that are neither columns of numbers along a path nor through a score: coupled draws.

mod antithetic;

pub use antithetic::{Arm, DisArm};

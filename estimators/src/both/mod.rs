//! Estimators that use both the path and the score, or neither: coupled draws, control variates along the path,
//! relaxed bits, sums over one bit at a time, and differences of two means.

mod antithetic;
mod concrete;
mod local;
mod many;
mod measure;
mod noise;
mod per_node;
mod rebar;
mod relax;
mod strategy;

pub use antithetic::{Arm, Coupling, DisArm, Pair};
pub use concrete::{Concrete, StraightThrough};
pub use local::LocalExpectation;
pub use many::Many;
pub use measure::MeasureValued;
pub use per_node::PerNode;
pub use rebar::Rebar;
pub use relax::Relax;
pub use strategy::{Choice, Strategy, Unfit};

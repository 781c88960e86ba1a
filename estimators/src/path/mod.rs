//! Estimators along the path of a sample.

mod dreg;
mod iwae;
mod renyi;
mod sgvb;
mod stl;

pub use dreg::Dreg;
pub use iwae::Iwae;
pub use renyi::Renyi;
pub use sgvb::{Sgvb, SgvbKl};
pub use stl::StickingTheLanding;

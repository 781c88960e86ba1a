//! Networks: a few parameter ids each.

mod linear;
mod masked;
mod mlp;

pub use linear::Linear;
pub(crate) use masked::apply;
pub use masked::{BoundMaskedMlp, Mask, MaskedMlp};
pub use mlp::Mlp;

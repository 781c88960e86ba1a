//! Networks: a few parameter ids each.

mod linear;
mod mlp;

pub use linear::Linear;
pub use mlp::Mlp;

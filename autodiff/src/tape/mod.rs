//! The tape as data: it stores what was computed, and does not know what ops mean.

pub(crate) mod deltas;
pub(crate) mod engine;
mod evaluate;
pub(crate) mod finite;
pub(crate) mod grads;
pub(crate) mod node;
pub(crate) mod number_tape;
pub(crate) mod numbers;
pub(crate) mod op;
pub(crate) mod program;
pub(crate) mod record;
mod recording;
mod show;
pub(crate) mod storage;
pub(crate) mod term;
pub(crate) mod var;

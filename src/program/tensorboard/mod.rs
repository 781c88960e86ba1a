//! The numbers of a run as files that TensorBoard reads.

mod event;
mod tfrecord;
mod writer;

pub(crate) use writer::{Events, prepare};

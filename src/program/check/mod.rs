//! `check`: proofs of every estimator on every problem that it fits, of samplers of bits, and of the wrong estimators of the zoo.

mod args;
mod command;
mod method;
mod samplers;
mod zoo;

pub(crate) use args::CheckArgs;
pub(crate) use command::check;

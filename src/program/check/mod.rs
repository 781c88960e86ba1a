//! `check`: proofs of every estimator on every problem that it fits, and of the wrong estimators of the zoo.

mod args;
mod command;
mod method;
mod zoo;

pub(crate) use args::CheckArgs;
pub(crate) use command::check;

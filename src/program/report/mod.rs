//! `report`: one page about a run, which needs no other file.

mod args;
mod base64;
mod command;
mod meaning;
mod numbers;
mod page;
mod pictures;

pub(crate) use args::ReportArgs;
pub(crate) use command::report;

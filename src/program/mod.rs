//! The program: commands, kinds of models, runs, tables and charts.

pub(crate) mod args;
pub(crate) mod bench;
pub(crate) mod catalogue;
pub(crate) mod chart;
pub(crate) mod check;
pub(crate) mod choice;
mod command_line;
pub(crate) mod compare;
pub(crate) mod criteria;
pub(crate) mod distinct;
pub(crate) mod files;
pub(crate) mod gallery;
pub(crate) mod interrupt;
pub(crate) mod kinds;
pub(crate) mod likelihood;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod picture;
pub(crate) mod printable;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod suggestion;
pub(crate) mod table;
pub(crate) mod threads;
pub(crate) mod usage_error;
pub(crate) mod width;

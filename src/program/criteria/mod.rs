//! `criteria`: the criteria of energy models on one machine whose states can all be summed: the exact bias of each, and the
//! likelihood that each reaches on an equal budget.

mod args;
mod bias;
mod command;
mod counted;
mod problem;
mod reach;
mod rows;

pub(crate) use args::CriteriaArgs;
pub(crate) use command::criteria;

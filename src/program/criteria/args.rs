//! The options of `criteria`.

use crate::program::table::Format;
use crate::program::usage_error::usage_error;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// The machines on which criteria are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Machine {
    /// Nine visible and twelve hidden bits, on the fourteen pictures of bars or stripes of 3 × 3 pixels.
    Bars,
    /// Four visible and three hidden bits at known parameters, on three rows.
    RbmSmall,
}

/// Options of `criteria`.
#[derive(Args, Debug)]
pub(crate) struct CriteriaArgs {
    /// The machine and its data.
    #[arg(long, value_enum, default_value = "bars", value_name = "NAME")]
    pub(crate) model: Machine,

    /// The energies that each criterion may evaluate in training, those of chains and flipped rows included, at least
    /// 10000.
    #[arg(long, default_value_t = 3_000_000, value_name = "N")]
    pub(crate) budget: u64,

    /// The estimates over which the bias of a criterion is averaged that cannot be listed, at least 100.
    #[arg(long, default_value_t = 4000, value_name = "N")]
    pub(crate) draws: usize,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The folder for the picture, as SVG and PNG: how far ln p(x) is from the best possible, against the energies that were
    /// evaluated.
    #[arg(long, default_value = "runs/criteria", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

impl CriteriaArgs {
    /// Refuses numbers that are out of their range.
    ///
    /// # Errors
    /// If one of them is.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.budget < 10_000 {
            let budget = self.budget;
            return Err(usage_error(format!("--budget is {budget}; it must be at least 10000")));
        }
        if self.draws < 100 {
            return Err(usage_error(format!("--draws is {}; it must be at least 100", self.draws)));
        }
        Ok(())
    }
}

//! The options of `check`.

use crate::program::table::Format;
use clap::Args;

/// Options of `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// The problem [default: all]; `list` names them.
    #[arg(long, value_name = "NAME")]
    pub(crate) problem: Option<String>,

    /// The estimators, separated by commas [default: all that fit]; `list` names them, those of pathscore as forms.
    #[arg(long, value_name = "A,B")]
    pub(crate) estimators: Option<Vec<String>>,

    /// Certify only the samplers of bits, by their exact transition matrices; without a problem or names of estimators, the table has
    /// them behind the estimators.
    #[arg(long, conflicts_with_all = ["problem", "estimators", "zoo"])]
    pub(crate) samplers: bool,

    /// Examine estimators that are known to be wrong instead, and print the evidence against each.
    #[arg(long, conflicts_with_all = ["problem", "estimators"])]
    pub(crate) zoo: bool,

    /// The largest number of gradients drawn from an estimator whose mean cannot be enumerated, at least 20.
    #[arg(long, default_value_t = 8_192_000, value_name = "N")]
    pub(crate) draws: usize,

    /// The bias that draws must be able to detect before they call an estimator unbiased, as a fraction of the norm of the
    /// gradient.
    #[arg(long, default_value_t = 0.05, value_name = "R")]
    pub(crate) resolution: f64,

    /// The longest time of each proof in seconds, with the exact gradient and the diagnosis; a proof without a verdict by
    /// then is inconclusive [default: no limit].
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,

    /// The seed from which every random number is derived.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) seed: u64,

    /// The number of threads; without --seconds results do not depend on it [default: all].
    #[arg(long, value_name = "T")]
    pub(crate) threads: Option<usize>,

    /// The format of the result.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) format: Format,
}

//! The options of `report`.

use clap::Args;
use std::path::PathBuf;

/// Options of `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// The folder of the run.
    pub(crate) run: PathBuf,

    /// The page to write [default: report.html in the folder of the run].
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: Option<PathBuf>,
}

//! The kinds of data sources: one file and one row for each.

mod glyphs;
mod kind;

pub use kind::SourceKind;

pathscore_autodiff::modules! {
    /// Every kind of data source.
    pub static SOURCES: &[&SourceKind] = {
        digits: SOURCE;
        bars: SOURCE;
        friedman: SOURCE;
        mixture: SOURCE;
        rings: SOURCE;
        #[cfg(feature = "files")] mnist: SOURCE;
        #[cfg(feature = "files")] csv: SOURCE;
        #[cfg(feature = "files")] npy: SOURCE;
    }
}

pub(super) use kind::{Load, Missing};

#[cfg(feature = "files")]
pub use self::csv::read_csv;
pub use bars::{bars, bars_patterns};
pub use digits::{SIDE, digit, digits};
pub use friedman::friedman;
pub use mixture::{mixture, mixture_log_density};
#[cfg(feature = "files")]
pub use npy::{read_npy, to_npy};
pub use rings::{rings, rings_log_density};

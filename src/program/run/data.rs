//! The data of a run.

use super::settings::Settings;
use pathscore::models::data::Split;

/// The data of a run, split and binarised by its settings.
///
/// # Errors
/// If they cannot be read or do not fit the settings.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<Split> {
    let seed = settings.run.seed;
    Ok(settings.source()?.load(seed)?.prepare(settings.binarize()?, seed)?)
}

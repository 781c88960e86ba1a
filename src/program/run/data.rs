//! The data of a run.

use super::memory;
use super::settings::Settings;
use crate::program::kinds::{KINDS, kind_of};
use crate::program::usage_error::usage_error;
use pathscore::models::data::Split;
use std::path::Path;

/// The data of a run, split and binarised by its settings. Cells may be missing if the kind can fit such rows.
///
/// # Errors
/// If they cannot be read or do not fit the settings, if the model of the settings would not fit into memory with them, or if cells are missing for a kind that needs all.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<Split> {
    let (seed, source) = (settings.run.seed, settings.source()?);
    let kind = kind_of(&settings.run.kind)?;
    let is_file = || source.path().is_some_and(Path::is_file);
    let split = match kind.takes_missing() {
        true => source.load_incomplete(seed)?,
        // A pipe is read once.
        false => source.load(seed).map_err(|error| {
            match is_file().then(|| source.load_incomplete(seed)) {
                Some(Ok(_)) => {
                    let others = KINDS.iter().filter(|kind| kind.takes_missing());
                    let others: Vec<&str> = others.map(|kind| kind.about().name).collect();
                    usage_error(format!(
                        "{error}; {} needs every cell, and cells may be missing for {}",
                        settings.run.kind,
                        others.join(", ")
                    ))
                }
                _ => error.into(),
            }
        })?,
    };
    memory::check(settings, &split)?;
    Ok(split.prepare(settings.binarize()?, seed)?)
}

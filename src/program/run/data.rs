//! The data of a run.

use super::memory;
use super::settings::Settings;
use crate::program::kinds::{KINDS, kind_of};
use crate::program::usage_error::usage_error;
use pathscore::models::data::{Source, Split, Table};
use std::path::Path;

/// The data of a run, split and binarised by its settings. Cells may be missing if the kind can fit such rows.
///
/// # Errors
/// If they cannot be read or do not fit the settings, if the model of the settings would not fit into memory with them, or if cells are missing for a kind that needs all.
pub(crate) fn load(settings: &Settings) -> anyhow::Result<Split> {
    let split = read(settings, &settings.source()?)?;
    memory::check(settings, &split)?;
    let split = if settings.data.standardize { split.standardize() } else { split };
    Ok(split.prepare(settings.binarize()?, settings.run.seed)?)
}

/// Other data for the model of these settings: with `--standardize` they are scaled as those of the run are, by the means and
/// standard deviations of its training rows.
///
/// # Errors
/// If they cannot be read or do not fit the settings, or if cells are missing for a kind that needs all.
pub(crate) fn load_like(settings: &Settings, source: &Source) -> anyhow::Result<Split> {
    let mut split = read(settings, source)?;
    if settings.data.standardize {
        let own = read(settings, &settings.source()?)?.train;
        // Other columns are refused by their number.
        if own.columns() == split.train.columns() {
            split = split.standardize_like(&own);
        }
    }
    Ok(split.prepare(settings.binarize()?, settings.run.seed)?)
}

/// The data of a source as they are, split by the seed.
fn read(settings: &Settings, source: &Source) -> anyhow::Result<Split> {
    let seed = settings.run.seed;
    let kind = kind_of(&settings.run.kind)?;
    let is_file = || source.path().is_some_and(Path::is_file);
    Ok(match kind.takes_missing().is_some() {
        true => source.load_incomplete(seed)?,
        // A pipe is read once.
        false => source.load(seed).map_err(|error| {
            match is_file().then(|| source.load_incomplete(seed)) {
                Some(Ok(_)) => {
                    let others = KINDS.iter().filter_map(|kind| {
                        Some(format!("{} {}", kind.about().name, kind.takes_missing()?))
                    });
                    let others: Vec<String> = others.collect();
                    usage_error(format!(
                        "{error}; {} needs every cell, and cells may be missing for {}",
                        settings.run.kind,
                        others.join(", ")
                    ))
                }
                _ => error.into(),
            }
        })?,
    })
}

/// Standard deviations that differ by more than this factor are worth a word.
const FAR: f64 = 100.0;

/// A word about columns of very different sizes, unless the kind or the settings bring them to one scale. Columns that do not vary
/// have no size.
pub(crate) fn word_about_scales(
    settings: &Settings,
    table: &Table,
) -> anyhow::Result<Option<String>> {
    let scaled = settings.data.standardize || kind_of(&settings.run.kind)?.scales_columns();
    let mut sizes = table.standard_deviation();
    sizes.retain(|size| *size > 0.0);
    let (least, most) =
        sizes.iter().fold((f64::INFINITY, 0.0_f64), |(a, b), &size| (a.min(size), b.max(size)));
    let far = table.image().is_none() && !scaled && most > FAR * least;
    Ok(far.then(|| {
        format!(
            "the standard deviations of the columns differ by a factor of {:.0}: --standardize brings them to one scale",
            most / least
        )
    }))
}

//! The rows of data that `encode` and `reconstruct` see.

use super::data;
use super::saved::Saved;
use super::settings::{at_least_one, rows_of};
use crate::program::usage_error::usage_error;
use clap::{Args, ValueEnum};
use pathscore::models::data::{Source, Split, Table};

/// A part of the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All rows, in the order of a csv or npy file; of other data the training rows first.
    #[default]
    All,
    /// The training rows, in the order in which the seed has shuffled them.
    Train,
    /// The test rows, those that `evaluate` measures.
    Test,
}

/// The choice of rows.
#[derive(Args, Debug)]
pub(crate) struct RowsArgs {
    /// Other data with the same columns, in the forms that `train` takes [default: the data of the run].
    #[arg(long, value_name = "SOURCE")]
    pub(crate) data: Option<String>,

    /// The rows of the data.
    #[arg(long, value_enum, default_value_t, value_name = "PART")]
    pub(crate) part: Part,

    /// The number of rows, from the first on [default: all].
    #[arg(long, value_name = "N")]
    pub(crate) rows: Option<usize>,
}

impl RowsArgs {
    /// # Errors
    /// If no rows are asked for.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        at_least_one("--rows", self.rows.unwrap_or(1) as u64)
    }

    /// The data of the run and those that are named.
    ///
    /// # Errors
    /// If they are no sources.
    pub(crate) fn sources(&self, saved: &Saved) -> anyhow::Result<Vec<Source>> {
        let named = self.data.iter().map(|word| Ok(word.parse()?));
        [Ok(saved.settings.source()?)].into_iter().chain(named).collect()
    }

    /// The rows as the model sees them: scaled and binarised as in training, grey values that training draws anew at each visit as
    /// they are.
    ///
    /// # Errors
    /// If other data cannot be read, or do not fit the run.
    pub(crate) fn of(&self, saved: &Saved) -> anyhow::Result<Table> {
        let settings = &saved.settings;
        let (other, source);
        let split: &Split = match &self.data {
            None => {
                source = settings.source()?;
                &saved.split
            }
            Some(word) => {
                source = word.parse::<Source>()?;
                other = data::load_like(settings, &source)?;
                check_columns(&source, &other.train, &saved.split.train)?;
                // The kind refuses values that it does not describe, as in training.
                let mut like = settings.clone();
                like.data.source = source.to_string();
                saved.kind()?.open(&like, &other)?;
                &other
            }
        };
        let table = match self.part {
            Part::All => source.rows(split, settings.run.seed)?,
            Part::Train => split.train.clone(),
            Part::Test => split.test.clone(),
        };
        let rows = rows_of("--rows", self.rows, table.len())?;
        Ok(table.take(0..rows))
    }
}

/// Refuses other columns than those of the run, by their number or by their names where both have names.
fn check_columns(source: &Source, others: &Table, own: &Table) -> anyhow::Result<()> {
    let columns = [own, others].map(Table::columns);
    if columns[0] != columns[1] {
        return Err(usage_error(format!(
            "--data {source}: its rows have {} columns, and those of the run have {}",
            columns[1], columns[0]
        )));
    }
    let (Some(own), Some(others)) = (own.column_names(), others.column_names()) else {
        return Ok(());
    };
    match own.iter().zip(others).enumerate().find(|(_, (own, other))| own != other) {
        None => Ok(()),
        Some((i, (own, other))) => Err(usage_error(format!(
            "--data {source}: its column {} is `{other}`, and that of the run is `{own}`",
            i + 1
        ))),
    }
}

//! Rows of named values in three formats.

use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::distinct::distinct;
use super::super::printable::printable;
use super::super::width::{filled, of_output};
use super::columns::Table;

/// The format in which results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// An array of objects.
    Json,
    /// A line of names, then comma-separated values.
    Csv,
}

/// Prints rows of named values; the names of the first row name the columns.
pub(crate) fn print(
    rows: &[impl Serialize],
    format: Format,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match format {
        Format::Table => write!(out, "{}", table(rows)?)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, rows)?;
            writeln!(out)?;
        }
        Format::Csv => csv(&objects(rows)?, out)?,
    }
    Ok(())
}

/// A text for people, in lines as wide as a table.
pub(crate) fn paragraph(text: &str) -> String {
    filled(text, of_output())
}

/// A number for people: four significant digits, without an exponent from 0.0001 to ten million.
pub(crate) fn figure(x: f64) -> String {
    significant(x, 4)
}

/// A number as by [`figure`], with `digits` significant digits.
pub(crate) fn significant(x: f64, digits: usize) -> String {
    let after = digits.saturating_sub(1);
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return if x.is_nan() { "NaN" } else { ["∞", "-∞"][usize::from(x < 0.0)] }.into();
    }
    // Rounding first, because 9.9996 has one digit more after it.
    let rounded = format!("{x:.after$e}");
    let exponent: i32 = rounded.split_once('e').map_or(0, |(_, e)| e.parse().unwrap_or(0));
    match exponent {
        -4..7 => format!("{x:.*}", (after as i32 - exponent).max(0) as usize),
        _ => rounded,
    }
}

/// The rows as a table: numbers by [`figure`], missing ones as a dash.
///
/// If it is too wide, columns that are the same in every row move into its caption.
fn table(rows: &[impl Serialize]) -> anyhow::Result<Table> {
    let objects = objects(rows)?;
    let names = names(&objects);
    let mut table = Table {
        caption: String::new(),
        headers: names.iter().map(|name| name.replace('_', " ")).collect(),
        rows: objects
            .iter()
            .map(|row| names.iter().map(|name| cell(row.get(*name))).collect())
            .collect(),
    };
    table.move_constant_columns_to_caption();
    Ok(table)
}

/// The rows as objects, which keep the order of their fields.
pub(crate) fn objects(rows: &[impl Serialize]) -> anyhow::Result<Vec<Map<String, Value>>> {
    rows.iter()
        .map(|row| match serde_json::to_value(row).context("a row could not be written")? {
            Value::Object(fields) => Ok(fields),
            other => anyhow::bail!("a row must have named values, and this has none: {other}"),
        })
        .collect()
}

/// Every name that occurs, in the order of first appearance.
fn names(rows: &[Map<String, Value>]) -> Vec<&str> {
    distinct(rows.iter().flat_map(Map::keys).map(String::as_str))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Number(x)) if !x.is_f64() => x.to_string(),
        Some(Value::Number(x)) => figure(x.as_f64().unwrap_or(f64::NAN)),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.into(),
        Some(nested) => nested.to_string(),
    }
}

/// The rows in the format of RFC 4180: quotes around text with a comma, a quote or a line break, quotes doubled.
/// Numbers are written in full, and a missing one is empty.
fn csv(rows: &[Map<String, Value>], out: &mut impl Write) -> io::Result<()> {
    let names = names(rows);
    let field = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_string()
        }
    };
    let line = |cells: Vec<String>| cells.join(",");
    if !names.is_empty() {
        writeln!(out, "{}", line(names.iter().map(|name| field(name)).collect()))?;
    }
    for row in rows {
        let cells = names.iter().map(|name| match row.get(*name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => field(text),
            Some(other) => field(&other.to_string()),
        });
        writeln!(out, "{}", line(cells.collect()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Row {
        estimator: &'static str,
        z: f64,
        draws: u64,
        seconds_per_draw: Option<f64>,
    }

    fn rows() -> Vec<Row> {
        vec![
            Row {
                estimator: "sgvb, σ²", z: -1.25, draws: 100_000, seconds_per_draw: Some(3.2e-6)
            },
            Row { estimator: "the \"exact\" one", z: f64::NAN, draws: 1, seconds_per_draw: None },
        ]
    }

    fn printed(format: Format) -> String {
        let mut out = Vec::new();
        print(&rows(), format, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn figures_have_four_significant_digits() {
        for (x, text) in [
            (0.0, "0"),
            (-104.23456, "-104.2"),
            (9.99996, "10.00"),
            (1.0, "1.000"),
            (0.000123456, "0.0001235"),
            (3.21e-6, "3.210e-6"),
            (123_456.0, "123456"),
            (1.5e9, "1.500e9"),
            (f64::NEG_INFINITY, "-∞"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(figure(x), text);
        }
    }

    #[test]
    fn a_table_aligns_numbers_right_and_text_left() {
        let expected = "\
estimator             z   draws  seconds per draw
───────────────  ──────  ──────  ────────────────
sgvb, σ²         -1.250  100000          3.200e-6
the \"exact\" one       –       1                 –
";
        assert_eq!(printed(Format::Table), expected);
    }

    #[test]
    fn json_is_an_array_that_keeps_names_and_order() {
        let text = printed(Format::Json);
        let rows: Vec<Map<String, Value>> = serde_json::from_str(&text).unwrap();
        assert_eq!(
            rows[0].keys().collect::<Vec<_>>(),
            ["estimator", "z", "draws", "seconds_per_draw"]
        );
        assert_eq!(rows[1]["z"], Value::Null);
    }

    #[test]
    fn csv_quotes_commas_and_quotes() {
        let expected = "\
estimator,z,draws,seconds_per_draw
\"sgvb, σ²\",-1.25,100000,3.2e-6
\"the \"\"exact\"\" one\",,1,
";
        assert_eq!(printed(Format::Csv), expected);
    }

    #[test]
    fn rows_without_names_are_refused() {
        assert!(print(&[1, 2], Format::Csv, &mut Vec::new()).is_err());
        let none: [Row; 0] = [];
        print(&none, Format::Table, &mut Vec::new()).unwrap();
    }
}

//! Rows for people and for programs: an aligned table, JSON, or CSV.

use std::io::{self, Write};

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr;

/// The widest table that still stands in an ordinary terminal beside nothing else.
const WIDTH: usize = 100;
/// Spaces between two columns.
const GUTTER: usize = 2;
/// No column of text is squeezed below this width.
const NARROWEST: usize = 10;

/// How results are printed.
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
        Format::Table => write!(out, "{}", Table::of(rows)?)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, rows)?;
            writeln!(out)?;
        }
        Format::Csv => csv(&objects(rows)?, out)?,
    }
    Ok(())
}

/// A number for people: four significant digits, whole numbers below ten million whole, powers of
/// ten only where the zeros would have to be counted.
pub(crate) fn figure(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return if x.is_nan() { "NaN" } else { ["∞", "-∞"][usize::from(x < 0.0)] }.into();
    }
    // Rounding first, because 9.9996 has one digit more after it.
    let rounded = format!("{x:.3e}");
    let exponent: i32 = rounded.split_once('e').map_or(0, |(_, e)| e.parse().unwrap_or(0));
    match exponent {
        -4..7 => format!("{x:.*}", (3 - exponent).max(0) as usize),
        _ => rounded,
    }
}

/// Headers and cells, written with aligned columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// The names of the columns.
    pub(crate) headers: Vec<String>,
    /// The cells, row by row.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of the rows' values: numbers by [`figure`], missing ones as a dash.
    pub(crate) fn of(rows: &[impl Serialize]) -> anyhow::Result<Table> {
        let objects = objects(rows)?;
        let names = names(&objects);
        Ok(Table {
            headers: names.iter().map(|name| name.replace('_', " ")).collect(),
            rows: objects
                .iter()
                .map(|row| names.iter().map(|name| cell(row.get(name))).collect())
                .collect(),
        })
    }

    /// Whether a column holds numbers only, and so stands on the right.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(|cell| is_number(cell))
    }

    /// The width of each column: its widest cell, text squeezed until the table fits.
    fn widths(&self) -> Vec<usize> {
        let columns = 0..self.headers.len();
        let widest = |column: usize| {
            let cells = self.rows.iter().filter_map(move |row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        let longest_word = |column: usize| {
            self.headers[column].split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = columns
            .clone()
            .map(|column| widest(column).max(self.headers[column].width()))
            .collect();
        let room = WIDTH.saturating_sub(GUTTER * widths.len().saturating_sub(1));
        // Long headers break first, then the widest text gives way.
        if widths.iter().sum::<usize>() > room {
            widths =
                columns.clone().map(|column| widest(column).max(longest_word(column))).collect();
        }
        let least = |column: usize| longest_word(column).max(NARROWEST);
        while widths.iter().sum::<usize>() > room {
            let squeezable = columns
                .clone()
                .filter(|&column| !self.is_numeric(column) && widths[column] > least(column));
            match squeezable.max_by_key(|&column| widths[column]) {
                Some(column) => widths[column] -= 1,
                None => break,
            }
        }
        widths
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths = self.widths();
        let numeric: Vec<bool> = (0..widths.len()).map(|column| self.is_numeric(column)).collect();
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        for row in [&self.headers, &rule].into_iter().chain(&self.rows) {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(cell, &width)| wrap(cell, width)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            // A broken header stands on the rule, a broken cell hangs from its first line.
            let sunk =
                |lines: usize| if std::ptr::eq(row, &self.headers) { height - lines } else { 0 };
            for i in 0..height {
                let mut line = String::new();
                for (column, lines) in cells.iter().enumerate() {
                    let text = i.checked_sub(sunk(lines.len())).and_then(|i| lines.get(i));
                    let text = text.map_or("", String::as_str);
                    let space = " ".repeat(widths[column].saturating_sub(text.width()));
                    let gutter = if column == 0 { "" } else { "  " };
                    let (left, right) =
                        if numeric[column] { (&*space, text) } else { (text, &*space) };
                    line.push_str(&format!("{gutter}{left}{right}"));
                }
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        Ok(())
    }
}

/// A text in lines of at most this width, broken at spaces, within a word only if it must be.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut line = lines.pop().unwrap_or_default();
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        } else if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.width() + letter.to_string().width() > width.max(1) {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
        lines.push(line);
    }
    lines
}

fn is_number(cell: &str) -> bool {
    matches!(cell, "–" | "∞" | "-∞" | "NaN") || cell.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The rows as objects, which keep the order of their fields.
fn objects(rows: &[impl Serialize]) -> anyhow::Result<Vec<Map<String, Value>>> {
    rows.iter()
        .map(|row| match serde_json::to_value(row).context("a row could not be written")? {
            Value::Object(fields) => Ok(fields),
            other => anyhow::bail!("a row must have named values, and this has none: {other}"),
        })
        .collect()
}

/// Every name that occurs, in the order of first appearance.
fn names(rows: &[Map<String, Value>]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in rows.iter().flat_map(Map::keys) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "–".into(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(x)) if !x.is_f64() => x.to_string(),
        Some(Value::Number(x)) => figure(x.as_f64().unwrap_or(f64::NAN)),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.into(),
        Some(nested) => nested.to_string(),
    }
}

/// RFC 4180: quotes around what holds a comma, a quote or a line break, quotes doubled; a number
/// is written in full and a missing one is empty.
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
        let cells = names.iter().map(|name| match row.get(name) {
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
    fn a_wide_table_is_squeezed_into_a_hundred_columns() {
        let text = "words that go on and on ".repeat(8);
        let table = Table {
            headers: ["name", "what it is", "a long header", "n"].map(String::from).to_vec(),
            rows: vec![["leave-one-out", &text, &text, "17"].map(String::from).to_vec()],
        };
        let lines: Vec<String> = table.to_string().lines().map(String::from).collect();
        assert!(lines.iter().all(|line| line.width() <= WIDTH), "{table}");
        assert!(
            lines[2].starts_with("leave-one-out  words") && lines[2].ends_with("17"),
            "{table}"
        );
        assert!(lines[3].starts_with("               "), "{table}");
    }

    #[test]
    fn rows_without_names_are_refused() {
        assert!(print(&[1, 2], Format::Csv, &mut Vec::new()).is_err());
        let none: [Row; 0] = [];
        print(&none, Format::Table, &mut Vec::new()).unwrap();
    }
}

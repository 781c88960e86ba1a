//! Aligned columns that fit beside each other.

use crate::program::width::{filled, of_output};
use unicode_width::UnicodeWidthStr;

/// Spaces between two columns.
const GUTTER: usize = 2;
/// A table loses no column if it has so few.
const FEWEST: usize = 4;
/// No column of text is squeezed below this width.
const NARROWEST: usize = 10;

/// Headers and cells, written with aligned columns: numbers to the right, text to the left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    /// A line above the table; empty for none.
    pub(crate) caption: String,
    /// The names of the columns.
    pub(crate) headers: Vec<String>,
    /// The cells, row by row.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Table {
    /// Moves columns that are the same in every row into the caption, from the left, until the table fits.
    pub(crate) fn move_constant_columns_to_caption(&mut self) {
        let mut column = 0;
        while column < self.headers.len() && !fits(&self.least_widths(), GUTTER) {
            let mut cells = self.rows.iter().map(|row| row.get(column));
            let first = cells.next().flatten().cloned();
            let Some(cell) = first.filter(|_| self.rows.len() > 1) else { return };
            if cells.any(|other| other != Some(&cell)) {
                column += 1;
                continue;
            }
            let separator = if self.caption.is_empty() { "" } else { " · " };
            self.caption += &format!("{separator}{}: {cell}", self.headers.remove(column));
            for row in &mut self.rows {
                row.remove(column);
            }
        }
    }

    /// True if a column holds numbers only, which are aligned to the right.
    fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.cells(column).peekable();
        cells.peek().is_some() && cells.all(|cell| is_number(cell))
    }

    /// The width of each column, its widest cell, and the spaces between columns. If the table is too wide, long headers are broken
    /// first, then text between words; then columns stand closer, and at last text is broken within words.
    fn widths(&self) -> (Vec<usize>, usize) {
        let widths = |header: fn(&str) -> usize| -> Vec<usize> {
            let widest = |column| self.cells(column).map(|cell| cell.width()).max().unwrap_or(0);
            let headers = self.headers.iter().enumerate();
            headers.map(|(column, name)| header(name).max(widest(column))).collect()
        };
        let whole = widths(UnicodeWidthStr::width);
        if fits(&whole, GUTTER) {
            return (whole, GUTTER);
        }
        let mut widths = widths(longest_word);
        let within_words = self.headers.iter().map(|name| longest_word(name).max(NARROWEST));
        for (least, gutter) in
            [(self.least_widths(), GUTTER), (self.least_widths(), 1), (within_words.collect(), 1)]
        {
            while !fits(&widths, gutter) {
                let squeezable = (0..widths.len())
                    .filter(|&column| !self.is_numeric(column) && widths[column] > least[column]);
                match squeezable.max_by_key(|&column| widths[column]) {
                    Some(column) => widths[column] -= 1,
                    None => break,
                }
            }
            if fits(&widths, gutter) {
                return (widths, gutter);
            }
        }
        (widths, 1)
    }

    /// The table without its last columns, as many as it must lose so that no word is broken, and their names. Four columns stay.
    fn narrowed(&self) -> (Self, Vec<String>) {
        let (mut narrow, mut lost) = (self.clone(), Vec::new());
        while narrow.headers.len() > FEWEST && !fits(&narrow.least_widths(), 1) {
            lost.extend(narrow.headers.pop());
            narrow.rows.iter_mut().for_each(|row| row.truncate(narrow.headers.len()));
        }
        lost.reverse();
        (narrow, lost)
    }

    /// The least width of each column that breaks no word.
    fn least_widths(&self) -> Vec<usize> {
        let headers = self.headers.iter().enumerate();
        headers
            .map(|(column, header)| {
                self.cells(column).chain([header]).map(|cell| longest_word(cell)).max().unwrap_or(0)
            })
            .collect()
    }

    fn cells(&self, column: usize) -> impl Iterator<Item = &String> {
        self.rows.iter().filter_map(move |row| row.get(column))
    }
}

/// True if columns of these widths fit beside each other.
fn fits(widths: &[usize], gutter: usize) -> bool {
    widths.iter().sum::<usize>() + gutter * widths.len().saturating_sub(1) <= of_output()
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.caption.is_empty() {
            writeln!(f, "{}\n", self.caption)?;
        }
        let (table, lost) = self.narrowed();
        table.write(f)?;
        if lost.is_empty() {
            return Ok(());
        }
        let lost = lost.join(", ");
        let words = format!("(no room for: {lost}; a wider terminal or --format csv shows them)");
        writeln!(f, "{}", filled(&words, of_output()))
    }
}

impl Table {
    fn write(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (widths, space_between) = self.widths();
        let numeric: Vec<bool> = (0..widths.len()).map(|column| self.is_numeric(column)).collect();
        let rule: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
        for row in [&self.headers, &rule].into_iter().chain(&self.rows) {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(cell, &width)| wrap(cell, width)).collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(0);
            // A header of several lines ends at the rule, a cell of several lines begins with the row.
            let sunk =
                |lines: usize| if std::ptr::eq(row, &self.headers) { height - lines } else { 0 };
            for i in 0..height {
                let mut line = String::new();
                for (column, lines) in cells.iter().enumerate() {
                    let text = i.checked_sub(sunk(lines.len())).and_then(|i| lines.get(i));
                    let text = text.map_or("", String::as_str);
                    let space = " ".repeat(widths[column].saturating_sub(text.width()));
                    let gutter = " ".repeat(if column == 0 { 0 } else { space_between });
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

/// A text in lines of at most `width` letters, broken at spaces, and within a word if the word is wider.
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

fn longest_word(text: &str) -> usize {
    text.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0)
}

fn is_number(cell: &str) -> bool {
    matches!(cell, "–" | "∞" | "-∞" | "NaN") || cell.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_table_is_squeezed_into_a_hundred_columns() {
        let text = "words that go on and on ".repeat(8);
        let table = Table {
            caption: String::new(),
            headers: ["name", "what it is", "a long header", "n"].map(String::from).to_vec(),
            rows: vec![["leave-one-out", &text, &text, "17"].map(String::from).to_vec()],
        };
        let lines: Vec<String> = table.to_string().lines().map(String::from).collect();
        assert!(lines.iter().all(|line| line.width() <= of_output()), "{table}");
        assert!(
            lines[2].starts_with("leave-one-out  words") && lines[2].ends_with("17"),
            "{table}"
        );
        assert!(lines[3].starts_with("               "), "{table}");
    }

    #[test]
    fn a_table_loses_columns_before_its_words_are_broken() {
        let cells = |letter: &str| vec![letter.repeat(23); 5];
        let table = Table { caption: String::new(), headers: cells("h"), rows: vec![cells("c")] };
        let text = table.to_string();
        assert!(text.contains(&format!("{0}  {0}", "c".repeat(23))), "{text}");
        assert!(text.contains("(no room for: hhh"), "{text}");
        assert!(text.lines().all(|line| line.width() <= of_output()), "{text}");
    }

    #[test]
    fn a_table_that_is_too_wide_moves_constant_columns_to_its_caption() {
        let long = "a-name-that-does-not-break-anywhere-and-takes-half-the-width";
        let row = |estimator: &str, draws: &str, z: &str| {
            [long, estimator, draws, z].map(String::from).to_vec()
        };
        let mut table = Table {
            caption: String::new(),
            headers: ["problem", "estimator", "draws", "z"].map(String::from).to_vec(),
            rows: vec![row(long, "7", "1"), row("other", "7", "2")],
        };
        table.move_constant_columns_to_caption();
        assert_eq!(table.caption, format!("problem: {long}"));
        assert_eq!(table.headers, ["estimator", "draws", "z"]);
        let text = table.to_string();
        assert!(text.starts_with(&format!("problem: {long}\n\nestimator")), "{text}");
        assert!(text.lines().all(|line| line.width() <= of_output()), "{text}");
    }
}

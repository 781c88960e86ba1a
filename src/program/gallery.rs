//! Rows of data as pictures: sheets of grey pictures if the rows are pictures, and else charts of the columns of a table.

use super::chart::{MOST_COLUMNS, Series, column_panels, heat_map, line_panels, marginals};
use super::picture::{LONGEST_SIDE, LONGEST_STRIP, Sheet};
use super::table::figure;
use pathscore::models::data::Table;

/// The draws of a model that are shown: as pictures, and as rows of a table.
const PICTURES: usize = 64;
const ROWS: usize = 500;
/// The pictures that are shown above their reconstructions.
const RECONSTRUCTED: usize = 39;
/// Pairs of pictures side by side.
const PAIRS_ACROSS: usize = 13;
/// The most rows and columns of a heat map.
const MOST_CELLS: usize = 40;

/// The words about rows that a model has drawn, for [`Gallery::samples`].
pub(crate) const DRAWS: &str = "draws of the model";
pub(crate) const MEANS: &str = "means of x given draws of the latents, without noise";
pub(crate) const EXPECTED: &str = "means of x given the states of chains, without noise";
pub(crate) const DENOISED: &str = "ends of chains, their noise removed";

/// The names of the columns of a table, or their numbers.
pub(crate) fn column_names(table: &Table) -> Vec<String> {
    let numbers = || (1..=table.columns()).map(|i| format!("column {i}")).collect();
    table.column_names().map_or_else(numbers, <[String]>::to_vec)
}

/// A title that says on a line of its own if only the first of many columns are drawn.
pub(crate) fn of_columns(title: &str, most: usize, columns: usize) -> String {
    match columns > most {
        true => format!("{title}\nthe first {most} of {columns} columns"),
        false => title.into(),
    }
}

/// Draws rows that look like those of one table.
pub(crate) struct Gallery<'a> {
    data: &'a Table,
    /// The word for the rows.
    rows: &'static str,
    /// The numbers that are black and white.
    low: f32,
    high: f32,
    /// Rows and columns of one picture, of which a row of numbers that is no image is one line.
    shape: (usize, usize),
    /// Numbers, down and across, whose mean is one value of a picture; more than one where a picture would be too large.
    block: (usize, usize),
}

impl<'a> Gallery<'a> {
    pub(crate) fn new(data: &'a Table) -> Self {
        let (low, high) = if data.in_unit_interval() { (0.0, 1.0) } else { ends(data.values()) };
        let shape = data.image().unwrap_or((1, data.columns()));
        let longest = if data.image().is_some() { LONGEST_SIDE } else { LONGEST_STRIP };
        let size = |side: usize| side.div_ceil(longest).max(1);
        let block = (size(shape.0), size(shape.1));
        Self { data, rows: "test rows", low, high, shape, block }
    }

    /// The same of rows that are no test rows.
    pub(crate) fn of(self, rows: &'static str) -> Self {
        Self { rows, ..self }
    }

    /// The table whose rows are drawn.
    pub(crate) fn data(&self) -> &'a Table {
        self.data
    }

    /// A sheet with so many pictures in a row; rows that are no images are strips one below the other.
    pub(crate) fn sheet(&self, columns: usize) -> Sheet {
        let (height, width) = self.small();
        match self.data.image() {
            Some(_) => Sheet::of_pictures((height, width), columns),
            None => Sheet::of_strips(width),
        }
    }

    /// The rows and columns of a picture whose blocks are single values.
    fn small(&self) -> (usize, usize) {
        (self.shape.0.div_ceil(self.block.0), self.shape.1.div_ceil(self.block.1))
    }

    /// The pictures with the mean of each block in place of its values.
    fn means(&self, values: Vec<f32>) -> Vec<f32> {
        if self.block == (1, 1) {
            return values;
        }
        let ((height, width), (rows, columns)) = (self.shape, self.small());
        let ends = |at: usize, size: usize, end: usize| at * size..((at + 1) * size).min(end);
        let mean = |picture: &[f32], row: usize, column: usize| {
            let (mut sum, mut count) = (0.0, 0.0);
            for i in ends(row, self.block.0, height) {
                for j in ends(column, self.block.1, width) {
                    sum += picture[i * width + j];
                    count += 1.0;
                }
            }
            sum / count
        };
        let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        let pictures = values.chunks_exact(height * width);
        let all = pictures.flat_map(|picture| {
            places.clone().map(move |(row, column)| mean(picture, row, column))
        });
        all.collect()
    }

    /// Rows, flat, as a grid of so many pictures in a row below some words.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn grid(
        &self,
        rows: &[f32],
        columns: usize,
        words: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let (pictures, count) = (self.grey(rows), rows.len() / self.data.columns());
        self.sheet(columns).filling(count.div_ceil(columns.max(1))).grid(&pictures).captioned(words)
    }

    /// [`Gallery::grid`] with a name at the left of each row of pictures.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn grid_of(
        &self,
        rows: &[f32],
        columns: usize,
        names: &[String],
        words: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let sheet = self.sheet(columns).filling(names.len());
        let row = sheet.shape.0 * sheet.scale.0 + sheet.gap;
        sheet.grid(&self.grey(rows)).with_row_names(names, (sheet.gap, row))?.captioned(words)
    }

    /// [`Gallery::sheet_of`] with a few words in the corner of each picture.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn labelled(
        &self,
        rows: &[f32],
        labels: &[String],
        words: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let (columns, down) = wide(rows.len() / self.data.columns());
        let sheet = self.sheet(columns).filling(down);
        sheet.grid_with_labels(&self.grey(rows), labels)?.captioned(words)
    }

    /// [`Gallery::grid`] with a line about the columns that are `given`, in the pictures that have a number of at least `from` in their row;
    /// without a line, if none are given or the pictures are not drawn value by value.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn completed(
        &self,
        rows: &[f32],
        columns: usize,
        (given, from): (Option<&[bool]>, usize),
        words: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let Some(given) = given.filter(|_| self.block == (1, 1)) else {
            return self.grid(rows, columns, words);
        };
        let down = (rows.len() / self.data.columns()).div_ceil(columns);
        let sheet = self.sheet(columns).filling(down);
        let canvas = sheet.grid_with_border(&self.grey(rows), given, |i| i % columns >= from);
        canvas.captioned(&format!("{words} (line: border of the hidden part)"))
    }

    /// Rows, flat, as about twice as many pictures in a row as rows, below some words.
    ///
    /// # Errors
    /// If the words cannot be drawn.
    pub(crate) fn sheet_of(&self, rows: &[f32], words: &str) -> anyhow::Result<Vec<u8>> {
        self.grid(rows, wide(rows.len() / self.data.columns()).0, words)
    }

    /// The number of draws that [`Gallery::samples`] shows well.
    pub(crate) fn shown(&self) -> usize {
        if self.data.image().is_some() { PICTURES } else { ROWS }
    }

    /// Draws of a model, flat, with words about them: pictures, or beside the data dots in the plane of two columns or the densities of more.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn samples(&self, draws: &[f32], words: &str) -> anyhow::Result<Vec<u8>> {
        if self.data.image().is_some() {
            return self.sheet_of(draws, words);
        }
        let rows = [(self.rows, self.data.values()), ("samples", draws)];
        let names = column_names(self.data);
        // Rows of a table have the noise of the model, unless an energy has none to give.
        let words = if words == MEANS { DRAWS } else { words };
        let of = self.first(ROWS);
        let title = format!("{of}, and samples: {words}");
        // Two columns are a plane.
        let title =
            if names.len() > 2 { of_columns(&title, MOST_COLUMNS, names.len()) } else { title };
        line_panels(&marginals(&names, rows), &title)
    }

    /// The words about the first rows of the data.
    pub(crate) fn first(&self, count: usize) -> String {
        let scale = if self.data.is_standardized() { ", standardised" } else { "" };
        match count < self.data.len() {
            true => format!("the first {count} of {} {}{scale}", self.data.len(), self.rows),
            false => format!("{}{scale}", self.rows),
        }
    }

    /// The number of rows of the data that [`Gallery::reconstructions`] shows well, at most all.
    pub(crate) fn reconstructed(&self) -> usize {
        let most = if self.data.image().is_some() { RECONSTRUCTED } else { ROWS };
        most.min(self.data.len())
    }

    /// The first rows of the data and their reconstructions, as many as there are of these: pictures above each other, or for each
    /// column of a table the values against their reconstructions, where good ones lie on the diagonal.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn reconstructions(&self, reconstructions: &[f32]) -> anyhow::Result<Vec<u8>> {
        let of = self.first(reconstructions.len() / self.data.columns());
        let words = format!("{of}, their reconstructions below them");
        self.beside_rows(reconstructions, (&words, None), "reconstruction")
    }

    /// The same for rows whose first columns are given, and whose other columns the model has drawn.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn completions(&self, completions: &[f32]) -> anyhow::Result<Vec<u8>> {
        let words = "rows above; below, the half above the line is given and the rest is drawn";
        let columns = self.data.columns();
        let given: Vec<bool> = (0..columns).map(|column| column < columns / 2).collect();
        self.beside_rows(completions, (words, Some(&given)), "completion")
    }

    fn beside_rows(
        &self,
        others: &[f32],
        (words, given): (&str, Option<&[bool]>),
        axis: &'static str,
    ) -> anyhow::Result<Vec<u8>> {
        let data = &self.data.values()[..others.len()];
        if self.data.image().is_some() {
            let rows = (others.len() / self.data.columns()).div_ceil(PAIRS_ACROSS);
            let sheet = self.sheet(PAIRS_ACROSS).filling_with_pairs(rows);
            let given = given.filter(|_| self.block == (1, 1));
            let pairs = sheet.pairs(&self.grey(data), &self.grey(others), given);
            return pairs.captioned(words);
        }
        let (names, columns) = (column_names(self.data), self.data.columns());
        let mut panels = column_panels(&names, ["value", axis], true, |column| {
            let pairs = data.iter().zip(others).skip(column).step_by(columns);
            let points = pairs.map(|(&x, &y)| (f64::from(x), f64::from(y))).collect();
            vec![Series { name: "rows".into(), points }]
        });
        panels.iter_mut().for_each(|panel| panel.diagonal = true);
        let of = self.first(others.len() / columns);
        let comma = if self.data.is_standardized() { "," } else { "" };
        let title = format!("{of}{comma} and their {axis}s (dashed: equal)");
        line_panels(&panels, &of_columns(&title, MOST_COLUMNS, columns))
    }

    /// Rows whose numbers have no unit (weights, loadings). As pictures, so many side by side, each goes from black through grey at zero
    /// to white, by its own largest number; for a table they are the lines of a heat map, which are called `name` 1, 2, ….
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn weights(
        &self,
        rows: &[f32],
        across: usize,
        [name, title]: [&str; 2],
    ) -> anyhow::Result<Vec<u8>> {
        if self.data.image().is_none() {
            let lines = rows.len() / self.data.columns();
            let names: Vec<String> = (1..=lines).map(|i| format!("{name} {i}")).collect();
            return self.heat_map(rows, &names, title);
        }
        let largest = |row: &[f32]| row.iter().fold(f32::MIN_POSITIVE, |top, x| top.max(x.abs()));
        let row = |row: &[f32]| -> Vec<f32> {
            let top = largest(row);
            row.iter().map(|x| 0.5 + 0.5 * x / top).collect()
        };
        let each = rows.chunks(self.data.columns());
        let (least, most) = ends(&each.clone().map(largest).collect::<Vec<_>>());
        let words = format!(
            "{title}\neach: black −m, grey 0, white m, with its own largest size m, from {} to {}",
            figure(f64::from(least)),
            figure(f64::from(most))
        );
        let down = each.len().div_ceil(across.max(1));
        let pictures: Vec<f32> = each.flat_map(row).collect();
        self.sheet(across).filling(down).grid(&self.means(pictures)).captioned(&words)
    }

    /// Rows of numbers for the columns of a table, as a heat map; of many, the first.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn heat_map(
        &self,
        rows: &[f32],
        names: &[String],
        title: &str,
    ) -> anyhow::Result<Vec<u8>> {
        let (columns, shown) = (self.data.columns(), self.data.columns().min(MOST_CELLS));
        let names = &names[..names.len().min(MOST_CELLS)];
        let lines = rows.chunks_exact(columns).take(names.len());
        let cells: Vec<f32> = lines.flat_map(|row| &row[..shown]).copied().collect();
        let title = of_columns(title, MOST_CELLS, columns);
        heat_map(&cells, [names, &column_names(self.data)[..shown]], &title)
    }

    /// Numbers for the columns of the data, row by row, divided by the standard deviations of the columns; a constant column has
    /// zeros.
    pub(crate) fn in_deviations(&self, rows: &[f32]) -> Vec<f32> {
        let deviations = self.data.standard_deviation();
        let each = rows.iter().zip(deviations.iter().cycle());
        each.map(|(x, &of)| if of > 0.0 { (f64::from(*x) / of) as f32 } else { 0.0 }).collect()
    }

    /// The values of pictures of data from 0 (black) to 1 (white).
    pub(crate) fn grey(&self, x: &[f32]) -> Vec<f32> {
        let width = (self.high - self.low).max(f32::MIN_POSITIVE);
        self.means(x.iter().map(|x| (x - self.low) / width).collect())
    }
}

/// Pictures side by side and rows of them, so that so many square pictures fill a screen, which is nearly twice as wide as high.
pub(crate) fn wide(count: usize) -> (usize, usize) {
    let columns = ((2 * count) as f64).sqrt().round().max(1.0) as usize;
    (columns, count.div_ceil(columns))
}

/// The smallest and the largest number.
fn ends(x: &[f32]) -> (f32, f32) {
    let fold = |f: fn(f32, f32) -> f32, from| x.iter().copied().fold(from, f);
    (fold(f32::min, f32::INFINITY), fold(f32::max, f32::NEG_INFINITY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_picture_becomes_the_means_of_its_blocks() {
        let values: Vec<f32> = (0..2 * 5000).map(|i| (i % 2) as f32).collect();
        let tall = Table::new(values.clone(), 5000).unwrap().with_image(5000, 1).unwrap();
        let gallery = Gallery::new(&tall);
        let small = gallery.grey(&values);
        assert_eq!((gallery.small(), small.len()), ((500, 1), 2 * 500));
        assert!(small.iter().all(|&x| x == 0.5), "blocks of ten are half black");
        assert!(!gallery.sheet_of(&values, "values").unwrap().is_empty());
    }
}

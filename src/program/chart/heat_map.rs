//! A matrix as coloured cells whose rows and columns have names.

use super::drawing::{LABEL, TICK, longest, map_png, panel_width, range, shortened, titled};
use kuva::plot::ColorMap;
use kuva::prelude::{Heatmap, Layout, Plot};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use std::sync::Arc;

/// The size of a cell, and the room around all, in pixels.
const CELL: (f64, f64) = (54.0, 30.0);
const ROOM: (f64, f64) = (70.0, 110.0);
/// The longest name of a row or a column, in pixels.
const NAME: f64 = 220.0;

/// A matrix, row by row, as a PNG: coloured cells with their numbers, and the names of rows and columns.
///
/// # Errors
/// If the picture cannot be drawn.
///
/// # Panics
/// If the numbers do not fill the rows and columns.
pub(crate) fn heat_map(
    matrix: &[f32],
    [rows, columns]: [&[String]; 2],
    title: &str,
) -> anyhow::Result<Vec<u8>> {
    map_png(&scene(matrix, [rows, columns], title))
}

fn scene(matrix: &[f32], [rows, columns]: [&[String]; 2], title: &str) -> Scene {
    let (count, cells) = (matrix.len(), rows.len() * columns.len());
    assert_eq!(count, cells, "heat map: {count} numbers for {cells} cells");
    // The chart library counts rows from below.
    let lines = matrix.chunks_exact(columns.len().max(1)).rev();
    let data: Vec<Vec<f64>> =
        lines.map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
    let ends = range(matrix.iter().map(|&x| f64::from(x))).unwrap_or((0.0, 1.0));
    let colours = ColorMap::Custom(Arc::new(move |place| colour(place, ends)));
    let cells = Heatmap::new().with_data(data).with_values().with_color_map(colours);
    let plots = vec![Plot::Heatmap(cells)];
    let names = |of: &[String]| of.iter().map(|name| shortened(name, NAME, TICK)).collect();
    let (columns, rows): (Vec<String>, Vec<String>) = (names(columns), names(rows));
    let longest = |of: &[String]| longest(of.iter().map(String::as_str), TICK);
    // The names of columns are turned by an eighth.
    let (beside, below) = (longest(&rows), longest(&columns) / f64::sqrt(2.0));
    let layout = Layout::auto_from_plots(&plots)
        .with_tick_size(TICK)
        .with_label_size(LABEL)
        .with_body_size(TICK - 2)
        .with_y_categories(rows.iter().rev().cloned().collect())
        .with_x_tick_rotate(-45.0);
    let width = CELL.0 * columns.len() as f64 + ROOM.0 + beside.max(below);
    let height = CELL.1 * rows.len() as f64 + ROOM.1 + below;
    let mut layout = layout.with_x_categories(columns);
    // Every cell has its number.
    layout.show_colorbar = false;
    let figure = Figure::new(1, 1)
        .with_cell_size(panel_width(width, 1, 0.0, title), height)
        .with_plots(vec![plots])
        .with_layouts(vec![layout]);
    titled(figure, title)
}

/// The colour of a number at a place between the least, at 0, and the greatest, at 1: white at zero, blue below it and orange above it,
/// so pale that black figures can be read on it.
fn colour(place: f64, (low, high): (f64, f64)) -> String {
    let farthest = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
    let number = (low + place * (high - low)) / farthest;
    let full = if number < 0.0 { [86.0, 180.0, 233.0] } else { [240.0, 150.0, 30.0] };
    let [red, green, blue] = full.map(|part: f64| (255.0 + number.abs() * (part - 255.0)) as u8);
    format!("rgb({red},{green},{blue})")
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    #[test]
    fn zero_is_white_wherever_it_lies() {
        assert_eq!(colour(0.25, (-1.0, 3.0)), "rgb(255,255,255)");
        assert_eq!(colour(1.0, (-1.0, 3.0)), "rgb(240,150,30)");
        assert_eq!(colour(0.0, (-3.0, -1.0)), "rgb(86,180,233)");
        assert_eq!(colour(0.5, (0.0, 0.0)), "rgb(255,255,255)");
    }

    #[test]
    fn a_heat_map_names_its_rows_and_columns() {
        let names =
            |kind: &str, n: usize| (0..n).map(|i| format!("{kind} {i}")).collect::<Vec<_>>();
        let (rows, columns) = (names("unit", 5), names("column", 3));
        let matrix: Vec<f32> = (0..15).map(|i| i as f32).collect();
        let scene = scene(&matrix, [&rows, &columns], "weights");
        picture(&scene, "heat-map.png");
        let text = svg(&scene);
        for word in rows.iter().chain(&columns) {
            assert!(text.contains(word.as_str()), "{word} is missing");
        }
    }

    #[test]
    #[should_panic(expected = "5 numbers for 6 cells")]
    fn a_matrix_fills_its_cells() {
        scene(&[0.0; 5], [&vec![String::new(); 2], &vec![String::new(); 3]], "");
    }
}

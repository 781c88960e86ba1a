//! Rows of a table beside rows of a model.

use super::curve::Series;
use super::drawing::range;
use super::lines::{LinePanel, column_panels};

/// The most rows that are drawn, as many as a gallery shows, and the bins of a density.
const ROWS: usize = 500;
const BINS: usize = 24;

/// Two sets of rows, each with its name: dots in the plane of two columns, or else the density of each of the first columns.
pub(crate) fn marginals(names: &[String], rows: [(&str, &[f32]); 2]) -> Vec<LinePanel> {
    let columns = names.len();
    let of_column = |rows: &[f32], column: usize| -> Vec<f64> {
        rows.iter().skip(column).step_by(columns).take(ROWS).map(|&x| f64::from(x)).collect()
    };
    if columns == 2 {
        let series = rows.map(|(name, rows)| {
            let points = of_column(rows, 0).into_iter().zip(of_column(rows, 1)).collect();
            Series { name: name.into(), points }
        });
        let title = format!("{} and {}", names[0], names[1]);
        let labels = [names[0].clone(), names[1].clone()];
        return vec![LinePanel {
            title,
            labels,
            series: series.to_vec(),
            marks: true,
            diagonal: false,
            holds: Vec::new(),
        }];
    }
    let mut panels = column_panels(names, ["value", "density"], false, |column| {
        let numbers = rows.map(|(_, rows)| {
            // A value that is missing has no place in a density.
            let mut numbers = of_column(rows, column);
            numbers.retain(|x| x.is_finite());
            numbers
        });
        let ends = range(numbers.iter().flatten().copied()).unwrap_or((0.0, 1.0));
        let named = rows.iter().zip(&numbers);
        let series = named.map(|((name, _), numbers)| Series {
            name: (*name).into(),
            points: density(numbers, ends),
        });
        series.collect()
    });
    panels.iter_mut().for_each(|panel| panel.holds = vec![0.0]);
    panels
}

/// The outline of a histogram of numbers over a range, scaled to a density.
fn density(numbers: &[f64], (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    let width = ((high - low) / BINS as f64).max(f64::MIN_POSITIVE);
    let mut counts = [0.0; BINS];
    for x in numbers {
        counts[(((x - low) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let height = |count: f64| count / (numbers.len() as f64 * width);
    let step = |(bin, count): (usize, &f64)| {
        let ends = [bin, bin + 1].map(|edge| low + edge as f64 * width);
        ends.map(|x| (x, height(*count)))
    };
    counts.iter().enumerate().flat_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_of_a_histogram_has_an_area_of_one() {
        let numbers: Vec<f64> = (0..100).map(|i| f64::from(i * i) / 100.0).collect();
        let outline = density(&numbers, (0.0, 99.0));
        let area: f64 =
            outline.chunks_exact(2).map(|step| (step[1].0 - step[0].0) * step[0].1).sum();
        // A hundred numbers are counted and divided.
        assert!((area - 1.0).abs() < 1e-12, "{area}");
        assert!(density(&[2.0; 5], (2.0, 2.0)).iter().all(|point| !point.1.is_nan()));
    }

    #[test]
    fn two_columns_are_dots_and_three_are_densities() {
        let names = ["a", "b", "c"].map(String::from);
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let dots = marginals(&names[..2], [("data", &rows), ("draws", &rows[2..])]);
        assert_eq!(dots.len(), 1);
        assert!(dots[0].marks && dots[0].series[1].points == [(3.0, 4.0), (5.0, 6.0)]);
        let densities = marginals(&names, [("data", &rows), ("draws", &rows)]);
        assert_eq!(densities.iter().map(|panel| &panel.title[..]).collect::<Vec<_>>(), names);
        assert!(densities.iter().all(|panel| !panel.marks && panel.series.len() == 2));
    }
}

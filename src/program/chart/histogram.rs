//! Numbers in a range, counted in equal bins.

use super::drawing::{COLOURS, png, tick_step};
use kuva::prelude::{Histogram, Layout, Plot};
use kuva::render::render::{Scene, render_multiple};

/// The number of bins.
const BINS: usize = 40;

/// A histogram of numbers over a range as a PNG; those outside of it are left out.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn histogram(
    numbers: &[f64],
    range: (f64, f64),
    [x_label, y_label]: [&str; 2],
    title: &str,
) -> anyhow::Result<Vec<u8>> {
    png(&scene(numbers, range, [x_label, y_label], title))
}

fn scene(
    numbers: &[f64],
    (low, high): (f64, f64),
    [x_label, y_label]: [&str; 2],
    title: &str,
) -> Scene {
    let counts = counts(numbers, (low, high));
    let top = counts.iter().copied().fold(1.0, f64::max);
    let edges = (0..=BINS).map(|i| low + (high - low) * i as f64 / BINS as f64).collect();
    let plots = vec![Plot::Histogram(Histogram::from_bins(edges, counts).with_color(COLOURS[0]))];
    let layout = Layout::auto_from_plots(&plots)
        .with_width(640.0)
        .with_height(400.0)
        .with_title(title)
        .with_x_label(x_label)
        .with_y_label(y_label)
        .with_x_axis_min(low)
        .with_x_axis_max(high)
        .with_y_axis_min(0.0)
        .with_y_axis_max(1.05 * top)
        // Counts are whole numbers.
        .with_y_tick_step(tick_step(top, 6.0).max(1.0))
        .with_grid_line_width(0.6);
    render_multiple(plots, layout)
}

/// The numbers in each bin; the last bin holds its upper edge too.
fn counts(numbers: &[f64], (low, high): (f64, f64)) -> Vec<f64> {
    let mut counts = vec![0.0; BINS];
    for x in numbers.iter().filter(|x| (low..=high).contains(*x)) {
        let bin = ((x - low) / (high - low) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += 1.0;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::super::drawing::picture;
    use super::*;

    #[test]
    fn every_number_inside_the_range_is_in_one_bin() {
        let counts = counts(&[0.0, 0.024, 0.025, 0.5, 1.0, 1.1, -0.1, f64::NAN], (0.0, 1.0));
        assert_eq!(counts.iter().sum::<f64>(), 5.0);
        assert_eq!((counts[0], counts[1], counts[20], counts[BINS - 1]), (2.0, 1.0, 1.0, 1.0));
    }

    #[test]
    fn a_histogram_names_its_axes() {
        let numbers: Vec<f64> = (0..200).map(|i| (f64::from(i) / 200.0).powi(2)).collect();
        let scene = scene(&numbers, (0.0, 1.0), ["the numbers", "their count"], "squares");
        picture(&scene, "histogram.png");
        let text = super::super::drawing::svg(&scene);
        for word in ["the numbers", "their count", "squares"] {
            assert!(text.contains(word), "{word} is missing");
        }
    }
}

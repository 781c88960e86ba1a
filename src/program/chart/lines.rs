//! Panels of lines or marks on linear axes, as for the columns of a table.

use super::curve::Series;
use super::drawing::{
    COLOURS, LABEL, LETTER, PANEL_TITLE, TICK, decimals, in_legend, panel_width, png, range,
    shortened, tick_step, titled,
};
use crate::program::distinct::distinct;
use kuva::prelude::{Layout, LinePlot, Plot, ScatterPlot, TickFormat};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use std::sync::Arc;

/// Panels side by side.
const ACROSS: usize = 4;
/// The size of each of many panels in pixels, and the ticks that fit below it.
const PANEL: (f64, f64) = (310.0, 280.0);
const MOST_TICKS: f64 = 5.0;

/// The most columns of a table that are drawn.
pub(crate) const MOST_COLUMNS: usize = 12;

/// One panel.
#[derive(Clone, Debug)]
pub(crate) struct LinePanel {
    pub(crate) title: String,
    /// The labels of the horizontal and the vertical axis.
    pub(crate) labels: [String; 2],
    pub(crate) series: Vec<Series>,
    /// True if the points of a series are marks without a line.
    pub(crate) marks: bool,
    /// True if both axes have the same range, with a dashed line where their numbers are equal.
    pub(crate) diagonal: bool,
    /// Heights that the vertical axis holds beside those of the points.
    pub(crate) holds: Vec<f64>,
}

/// A panel for each of the first columns of a table with these names; `series` makes those of a column.
pub(crate) fn column_panels(
    names: &[String],
    labels: [&str; 2],
    marks: bool,
    series: impl Fn(usize) -> Vec<Series>,
) -> Vec<LinePanel> {
    let panel = |(column, title): (usize, &String)| LinePanel {
        title: title.clone(),
        labels: labels.map(String::from),
        series: series(column),
        marks,
        diagonal: false,
        holds: Vec::new(),
    };
    names.iter().take(MOST_COLUMNS).enumerate().map(panel).collect()
}

/// Panels in rows of four with one legend, as a PNG; a series has the same colour in all panels.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn line_panels(panels: &[LinePanel], title: &str) -> anyhow::Result<Vec<u8>> {
    png(&scene(panels, title))
}

fn scene(panels: &[LinePanel], title: &str) -> Scene {
    let names = panels.iter().flat_map(|panel| &panel.series).map(|series| series.name.as_str());
    let names = distinct(names);
    let colour =
        |name: &str| COLOURS[names.iter().position(|n| *n == name).unwrap_or(0) % COLOURS.len()];
    let across = panels.len().clamp(1, ACROSS);
    // Few panels are as large as a screen.
    let (width, height) = match panels.len() {
        0 | 1 => (760.0, 440.0),
        2 => (440.0, 400.0),
        _ => PANEL,
    };
    let width = panel_width(width, across, 0.0, title);
    let figure = Figure::new(panels.len().div_ceil(across).max(1), across)
        .with_cell_size(width, height)
        .with_plots(panels.iter().map(|panel| panel.drawn(colour)).collect())
        .with_layouts(panels.iter().map(|panel| panel.layout(width, height)).collect())
        .with_shared_legend_bottom();
    titled(figure, title)
}

impl LinePanel {
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let all = self.series.iter().flat_map(|series| &series.points);
        all.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
    }

    fn drawn(&self, colour: impl Fn(&str) -> &'static str) -> Vec<Plot> {
        let drawn = self.series.iter().map(|Series { name, points }| {
            let points = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite());
            if self.marks {
                let marks = ScatterPlot::new().with_data(points).with_color(colour(name));
                return Plot::Scatter(marks.with_size(2.5).with_legend(in_legend(name)));
            }
            let line = LinePlot::new().with_data(points).with_color(colour(name));
            Plot::Line(line.with_stroke_width(1.6).with_legend(in_legend(name)))
        });
        let (low, high) = self.ranges().0;
        let equal = LinePlot::new().with_data([(low, low), (high, high)]).with_color(COLOURS[6]);
        let equal = Plot::Line(equal.with_stroke_width(1.2).with_dashed());
        self.diagonal.then_some(equal).into_iter().chain(drawn).collect()
    }

    /// The ranges of the horizontal and of the vertical axis.
    fn ranges(&self) -> ((f64, f64), (f64, f64)) {
        let across = range(self.points().map(|point| point.0));
        let heights = self.points().map(|point| point.1);
        let up = range(heights.chain(self.holds.iter().copied()));
        if self.diagonal {
            let both = padded(range([across, up].into_iter().flatten().flat_map(|(a, b)| [a, b])));
            return (both, both);
        }
        (padded(across), padded(up))
    }

    /// The axes and words of a panel of this size, whose long names are shortened.
    fn layout(&self, width: f64, height: f64) -> Layout {
        let (across, up) = self.ranges();
        let most = (MOST_TICKS * width / PANEL.0).min(2.0 * MOST_TICKS);
        // Fewer ticks, if their figures are long.
        let letters = |step: f64| decimals(across.0, step).len() as f64 / step;
        let room = 0.5 * width / (LETTER * f64::from(TICK) * (across.1 - across.0));
        let steps = [most, 0.6 * most].map(|most| tick_step(across.1 - across.0, most));
        let step = if letters(steps[0]) > room { steps[1] } else { steps[0] };
        let layout = Layout::new(across, up)
            .with_title(shortened(&self.title, 0.9 * width, PANEL_TITLE))
            .with_title_size(PANEL_TITLE)
            .with_x_label(shortened(&self.labels[0], 0.75 * width, LABEL))
            .with_y_label(shortened(&self.labels[1], 0.65 * height, LABEL))
            .with_label_size(LABEL)
            .with_tick_size(TICK)
            .with_body_size(TICK)
            .with_x_tick_step(step)
            .with_x_tick_format(TickFormat::Custom(Arc::new(move |x| decimals(x, step))))
            .with_x_axis_min(across.0)
            .with_x_axis_max(across.1)
            .with_y_axis_min(up.0)
            .with_y_axis_max(up.1)
            .with_grid_line_width(0.6);
        // Dots in the plane of two columns keep their distances, unless the columns have different units.
        let ratio = (up.1 - up.0) / (across.1 - across.0);
        let alike = (0.25..=4.0).contains(&ratio);
        match self.marks && !self.diagonal && alike {
            true => layout.with_equal_aspect(),
            false => layout,
        }
    }
}

/// A range with a little room on both sides.
fn padded(range: Option<(f64, f64)>) -> (f64, f64) {
    let (low, high) = range.unwrap_or((0.0, 1.0));
    let side = if high > low { 0.04 * (high - low) } else { 0.5 };
    (low - side, high + side)
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    fn panel(title: &str, marks: bool) -> LinePanel {
        let wave =
            |shift: f64| (0..30).map(move |i| (f64::from(i), (0.3 * f64::from(i) + shift).sin()));
        let series =
            |name: &str, shift| Series { name: name.into(), points: wave(shift).collect() };
        let series = vec![series("data", 0.0), series("samples", 0.4)];
        LinePanel {
            title: title.into(),
            labels: ["time", "height"].map(String::from),
            series,
            marks,
            diagonal: false,
            holds: Vec::new(),
        }
    }

    #[test]
    fn every_panel_and_series_has_its_name() {
        let names = ["one", "two", "three", "four", "five"];
        let panels: Vec<LinePanel> = names.iter().map(|name| panel(name, *name == "two")).collect();
        let scene = scene(&panels, "five waves");
        picture(&scene, "line-panels.png");
        let text = svg(&scene);
        for word in names.iter().chain(&["data", "samples", "time", "height", "five waves"]) {
            assert!(text.contains(word), "{word} is missing");
        }
    }

    #[test]
    fn a_diagonal_has_axes_of_one_range() {
        let points = vec![(0.0, 4.0), (1.0, 4.5), (9.0, f64::NAN)];
        let series = vec![Series { name: "rows".into(), points }];
        let panel = LinePanel { series, diagonal: true, ..panel("x1", true) };
        let (across, up) = panel.ranges();
        assert!(across == up && across.0 < 0.0 && up.1 > 4.5, "{across:?} {up:?}");
        let scene = scene(&[panel], "rows and their reconstructions (dashed: equal)");
        assert_eq!(svg(&scene).matches("stroke-dasharray").count(), 1);
        picture(&scene, "diagonal.png");
    }

    #[test]
    fn an_axis_holds_further_heights() {
        let panel = LinePanel { holds: vec![-9.0, 9.0], ..panel("x1", false) };
        let (_, up) = panel.ranges();
        assert!(up.0 < -9.0 && up.1 > 9.0, "{up:?}");
    }

    #[test]
    fn a_panel_without_finite_points_is_drawn_empty() {
        let nothing = Series { name: "nothing".into(), points: vec![(0.0, f64::NAN)] };
        let panel = LinePanel { series: vec![nothing], ..panel("empty", false) };
        assert!(svg(&scene(&[panel], "nothing")).contains("<svg"));
        assert!(svg(&scene(&[], "nothing")).contains("<svg"));
    }
}

//! Training curves.

use super::drawing::{COLOURS, TITLE, decimals, longest, panel_width, range, svg, tick_step};
use kuva::prelude::{BandPlot, Layout, LinePlot, Plot, ScatterPlot, TickFormat};
use kuva::render::figure::Figure;
use kuva::render::render::{Scene, render_multiple};
use std::sync::Arc;

/// A line of more points is drawn as means of neighbours with a band of one standard deviation.
const MOST_POINTS: usize = 300;
/// The points of a line of fewer are marked one by one.
const FEW_POINTS: usize = 40;
/// The first part of a run, left out of the height: it is so steep that the rest would look flat. Of a line of fewer points it would be
/// less than one.
const STEEP: f64 = 0.1;
const STEEP_POINTS: usize = 10;

/// A line of a chart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    /// The name in the legend.
    pub(crate) name: String,
    /// The points from left to right; those that are not finite are left out.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves over a run, as SVG; a series has the label of the vertical axis at its place in `labels`, and series of one label share a
/// panel, so that each quantity has an axis of its own.
///
/// The vertical axis covers the curves after the first tenth of the run: the steep beginning is cut off, and the label of the
/// horizontal axis says so; a late collapse is not cut off.
pub(crate) fn curve_svg(series: &[Series], x_label: &str, labels: &[&str], title: &str) -> String {
    svg(&curve(series, x_label, labels, title))
}

/// The size of a picture of one panel, and of each panel of several, in pixels.
const ALONE: (f64, f64) = (800.0, 450.0);
const BESIDE: (f64, f64) = (480.0, 460.0);
/// The size of labels in pixels: these pictures are smaller than others.
const LABELS: u32 = 15;
/// The most letters in a line of a label.
const WRAP: usize = 46;
/// The most steps between ticks, of the two axes.
const TICKS: (f64, f64) = (7.0, 8.0);

fn curve(series: &[Series], x_label: &str, labels: &[&str], title: &str) -> Scene {
    let drawn: Vec<usize> =
        (0..series.len()).filter(|&i| !finite(&series[i].points).is_empty()).collect();
    let panels: Vec<&[usize]> = drawn.chunk_by(|&i, &j| labels.get(i) == labels.get(j)).collect();
    let panel = |of: &[usize]| {
        let label = of.first().and_then(|&i| labels.get(i)).copied().unwrap_or_default();
        panel(series, of, [x_label, label])
    };
    if panels.len() < 2 {
        let (plots, layout) = panel(panels.first().copied().unwrap_or_default());
        let layout = layout.with_width(ALONE.0).with_height(ALONE.1).with_title(title);
        let names = drawn.iter().map(|&i| series[i].name.as_str());
        let width = 40.0 + longest(names, LABELS);
        return render_multiple(plots, layout.with_legend_box(false).with_legend_width(width));
    }
    let (plots, layouts): (Vec<_>, Vec<_>) = panels.iter().map(|of| panel(of)).unzip();
    // The chart library places a label by ticks of its own, whose figures are shorter: it goes above the panel.
    let named = layouts.into_iter().zip(&panels).map(|(layout, of)| {
        let names: Vec<&str> = of.iter().map(|&i| series[i].name.as_str()).collect();
        let label = of.first().and_then(|&i| labels.get(i)).copied().unwrap_or_default();
        let title = format!("{}: {label}", names.join(", "));
        let layout = layout.with_y_label("").with_title(title).with_title_size(16);
        let mut layout = layout.with_title_wrap(WRAP);
        layout.show_legend = names.len() > 1;
        layout
    });
    Figure::new(1, panels.len())
        .with_title(title)
        .with_title_size(TITLE)
        .with_cell_size(panel_width(BESIDE.0, panels.len(), 0.0, title), BESIDE.1)
        .with_layouts(named.collect())
        .with_plots(plots)
        .render()
}

/// Some of the series in one panel.
fn panel(series: &[Series], of: &[usize], [x_label, y_label]: [&str; 2]) -> (Vec<Plot>, Layout) {
    let shown: Vec<&Series> = of.iter().map(|&i| &series[i]).collect();
    let window = Window::of(&shown);
    let (mut plots, mut start, mut has_band) = (Vec::new(), None, false);
    for &i in of {
        let Series { name, points } = &series[i];
        let colour = COLOURS[i % COLOURS.len()];
        let points = Smooth::of(&finite(points));
        start = window.enters(&points.line).into_iter().chain(start).reduce(f64::max);
        let plot = LinePlot::new().with_color(colour).with_stroke_width(2.0);
        let plot = plot.with_data(window.cut(&points.line)).with_legend(name.as_str());
        plots.push(Plot::Line(plot));
        if points.deviation.iter().any(|&d| d > 0.0) {
            plots.push(band(&points, &window, colour));
            let seen = 0.01 * (window.top - window.bottom);
            has_band |= points.deviation.iter().any(|&d| d > seen);
        }
        if points.line.len() < FEW_POINTS {
            let inside = points.line.into_iter().filter(|&(_, y)| window.holds(y));
            let dots = ScatterPlot::new().with_color(colour).with_size(3.0).with_data(inside);
            plots.push(Plot::Scatter(dots));
        }
    }
    // Bands are drawn behind all lines.
    plots.sort_by_key(|plot| !matches!(plot, Plot::Band(_)));
    let notes = [
        start.map(|x| format!("before {x_label} {x:.0}, not all lies in the picture")),
        has_band.then(|| format!("means of several {x_label}s, band: standard deviation")),
    ];
    let notes: Vec<String> = notes.into_iter().flatten().collect();
    let x_label = match notes.is_empty() {
        true => x_label.into(),
        false => format!("{x_label} ({})", notes.join("; ")),
    };
    // Steps are counted in whole numbers.
    let across = tick_step(window.right - window.left, TICKS.0).max(1.0);
    let up = tick_step(window.top - window.bottom, TICKS.1);
    let format = |step: f64| TickFormat::Custom(Arc::new(move |x| decimals(x, step)));
    let layout = Layout::auto_from_plots(&plots)
        .with_x_label(x_label)
        .with_x_label_wrap(WRAP)
        .with_y_label(y_label)
        .with_label_size(LABELS)
        .with_tick_size(LABELS - 1)
        .with_body_size(LABELS - 1)
        .with_y_label_wrap(WRAP)
        .with_x_axis_min(window.left)
        .with_x_axis_max(window.right)
        .with_y_axis_min(window.bottom)
        .with_y_axis_max(window.top)
        .with_x_tick_step(across)
        .with_x_tick_format(format(across))
        .with_y_tick_step(up)
        .with_y_tick_format(format(up))
        .with_grid_line_width(0.6);
    (plots, layout)
}

fn band(points: &Smooth, window: &Window, colour: &str) -> Plot {
    let edge = |side| points.edge(side).map(|y| y.clamp(window.bottom, window.top));
    let (lower, upper): (Vec<f64>, Vec<f64>) = edge(-1.0).zip(edge(1.0)).unzip();
    let x: Vec<f64> = points.line.iter().map(|&(x, _)| x).collect();
    Plot::Band(BandPlot::new(x, lower, upper).with_color(colour).with_opacity(0.2))
}

fn finite(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
}

/// A line of few points, with the standard deviation of the original points that each replaces.
struct Smooth {
    line: Vec<(f64, f64)>,
    deviation: Vec<f64>,
}

impl Smooth {
    fn of(points: &[(f64, f64)]) -> Smooth {
        if points.len() <= MOST_POINTS {
            return Smooth { line: points.to_vec(), deviation: vec![0.0; points.len()] };
        }
        let bucket = points.len().div_ceil(MOST_POINTS / 2);
        let (line, deviation) = points
            .chunks(bucket)
            .map(|chunk| {
                let mean = |f: &dyn Fn(&(f64, f64)) -> f64| {
                    chunk.iter().map(f).sum::<f64>() / chunk.len() as f64
                };
                let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
                ((x, y), mean(&|p| (p.1 - y).powi(2)).sqrt())
            })
            .unzip();
        Smooth { line, deviation }
    }

    /// The line lowered (`side` −1) or raised (1) by its deviation.
    fn edge(&self, side: f64) -> impl Iterator<Item = f64> {
        self.line.iter().zip(&self.deviation).map(move |(&(_, y), d)| y + side * d)
    }
}

/// The ranges of the two axes.
#[derive(Clone, Debug, PartialEq)]
struct Window {
    left: f64,
    right: f64,
    bottom: f64,
    top: f64,
}

impl Window {
    fn of(series: &[&Series]) -> Window {
        let lines: Vec<_> = series.iter().map(|s| Smooth::of(&finite(&s.points))).collect();
        let x = lines.iter().flat_map(|line| &line.line).map(|&(x, _)| x);
        let (left, right) = range(x).unwrap_or((0.0, 1.0));
        let heights = |from: f64| {
            range(lines.iter().flat_map(|line| {
                let later = line.line.iter().map(move |&(x, _)| x >= from);
                let edges = later.zip(line.edge(-1.0).zip(line.edge(1.0)));
                edges.filter(|&(later, _)| later).flat_map(|(_, (low, high))| [low, high])
            }))
        };
        let (low, high) = heights(left).unwrap_or((0.0, 1.0));
        let (bottom, top) = heights(left + STEEP * (right - left)).unwrap_or((low, high));
        // Nothing is cut off from few points, or if the rest would grow by less than a factor of two.
        let few = lines.iter().all(|line| line.line.len() < STEEP_POINTS);
        let little = few || high - low < 2.0 * (top - bottom);
        let (bottom, top) = if little || top <= bottom { (low, high) } else { (bottom, top) };
        let margin = if top > bottom { 0.06 * (top - bottom) } else { 0.5 };
        // The first and the last mark lie wholly inside.
        let side = if right > left { 0.012 * (right - left) } else { 0.5 };
        Window {
            left: left - side,
            right: right + side,
            bottom: bottom - margin,
            top: top + margin,
        }
    }

    fn holds(&self, y: f64) -> bool {
        (self.bottom..=self.top).contains(&y)
    }

    /// The place of the first point inside the window of a line that begins outside.
    fn enters(&self, line: &[(f64, f64)]) -> Option<f64> {
        let first = line.iter().position(|&(_, y)| self.holds(y))?;
        (first > 0).then(|| line[first].0)
    }

    /// A line from its first point inside the window on, clamped to it.
    fn cut(&self, line: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let Some(first) = line.iter().position(|&(_, y)| self.holds(y)) else {
            return Vec::new();
        };
        let mut cut = Vec::with_capacity(line.len() - first + 1);
        if let Some(&(x0, y0)) = first.checked_sub(1).and_then(|before| line.get(before)) {
            let (x1, y1) = line[first];
            let edge = if y0 < self.bottom { self.bottom } else { self.top };
            cut.push((x0 + (x1 - x0) * (edge - y0) / (y1 - y0), edge));
        }
        cut.extend(line[first..].iter().map(|&(x, y)| (x, y.clamp(self.bottom, self.top))));
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawing::picture;
    use super::*;

    fn series(name: &str, points: impl Iterator<Item = (f64, f64)>) -> Series {
        Series { name: name.into(), points: points.collect() }
    }

    /// A bound that rises as bounds do, with noise that needs no seed.
    fn training() -> Vec<Series> {
        let bound = |t: f64| -100.0 - 440.0 * (-t / 60.0).exp() - 40.0 * (-t / 2500.0).exp();
        let noise = |t: f64| 6.0 * ((t * 12.9898).sin() * 43_758.547).fract();
        let steps = (0..12_000).map(f64::from);
        vec![
            series("train", steps.map(|t| (t, bound(t) + noise(t)))),
            series("test", (0..=20).map(|e| f64::from(e) * 600.0).map(|t| (t, bound(t) - 2.0))),
        ]
    }

    #[test]
    fn the_flattening_is_visible() {
        let curves = training();
        let window = Window::of(&curves.iter().collect::<Vec<_>>());
        assert!(window.bottom > -140.0 && window.top < -90.0, "{window:?}");
        let scene = curve(&curves, "step", &["bound, nats"; 2], "vae on digits");
        let text = svg(&scene);
        // The label has several lines.
        assert!(text.contains("step (before step ") && text.contains(", not all lies"));
        picture(&scene, "curve.png");
    }

    #[test]
    fn a_late_collapse_stays_in_the_picture() {
        let mut curves = training();
        curves[1].points.push((12_000.0, -900.0));
        assert!(Window::of(&curves.iter().collect::<Vec<_>>()).bottom < -900.0);
        let scene = curve(&curves, "step", &["bound, nats"; 2], "a collapse");
        assert!(!svg(&scene).contains("not all lies"), "nothing is cut off");
        picture(&scene, "collapse.png");
    }

    #[test]
    fn nothing_is_cut_off_from_few_points() {
        let few = series("test", [(1.0, -900.0), (2.0, -3.0), (3.0, -2.9)].into_iter());
        assert!(Window::of(&[&few]).bottom < -900.0);
    }

    #[test]
    fn a_line_begins_where_it_enters_the_window() {
        let window = Window { left: 0.0, right: 3.0, bottom: 0.0, top: 1.0 };
        let line = [(0.0, -9.0), (1.0, -1.0), (2.0, 1.0), (3.0, 0.5)];
        assert_eq!(window.cut(&line), [(1.5, 0.0), (2.0, 1.0), (3.0, 0.5)]);
    }

    #[test]
    fn few_points_and_none_are_drawn_too() {
        let few = [series("train", [(1.0, -3.0), (2.0, f64::NAN)].into_iter())];
        assert!(curve_svg(&few, "step", &["bound"], "one point").contains("<svg"));
        picture(&curve(&few, "step", &["bound"], "one point"), "one-point.png");
        assert!(curve_svg(&[], "step", &[], "nothing").contains("<svg"));
    }

    #[test]
    fn the_names_are_in_the_legend() {
        let text = curve_svg(&training(), "step", &["bound, nats"; 2], "digits & bars");
        for name in [">train<", ">test<", ">bound, nats<", "digits &amp; bars"] {
            assert!(text.contains(name), "{name} is missing");
        }
    }

    #[test]
    fn two_quantities_have_an_axis_each_and_one_quantity_has_one() {
        let curves = training();
        let labels =
            ["criterion, which is maximised", "free energy, test less training rows (nats)"];
        let scene = curve(&curves, "step", &labels, "rbm on bars");
        let text = svg(&scene);
        // The second title has two lines.
        for label in
            ["train: criterion, which is maximised", "test: free energy, test less training rows"]
        {
            assert_eq!(text.matches(label).count(), 1, "{label}");
        }
        assert_eq!(text.matches(">step").count(), 2, "two horizontal axes");
        picture(&scene, "two-quantities.png");
        let one = curve_svg(&curves, "step", &["nats"; 2], "rbm on bars");
        assert_eq!((one.matches(">nats<").count(), one.matches(">step").count()), (1, 1));
        // A quantity that was never measured has no empty panel.
        let alone = curve_svg(&[curves[0].clone(), Series::default()], "step", &labels, "");
        assert!(alone.contains(labels[0]) && !alone.contains(labels[1]));
    }

    #[test]
    fn no_two_ticks_have_the_same_number() {
        let near = (1..10).map(|t| (f64::from(t), -2.8421 - 3e-4 / f64::from(t)));
        let text = curve_svg(&[series("training", near)], "step", &["log p(x) (nats)"], "gmm");
        let numbers: Vec<&str> =
            text.split("</text>").filter_map(|t| t.rsplit('>').next()).collect();
        let ticks: Vec<&str> = numbers.into_iter().filter(|t| t.starts_with("-2.84")).collect();
        assert!(ticks.len() > 2, "{ticks:?}");
        assert!(ticks.windows(2).all(|pair| pair[0] != pair[1]), "{ticks:?}");
        let scene =
            curve(&[series("training", (1..3).map(|t| (f64::from(t), 0.0)))], "step", &[""], "");
        assert!(!svg(&scene).contains(">1.5<"), "a step is a whole number");
    }
}

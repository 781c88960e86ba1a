//! A regression as a picture: a function with its band among observations, and predictions against observations.

use super::drawing::{COLOURS, png, range};
use kuva::prelude::{BandPlot, Layout, LinePlot, Plot, ScatterPlot};
use kuva::render::render::{Scene, render_multiple};

/// The most points with error bars in a picture: of more, bars hide each other.
const MOST_POINTS: usize = 200;

/// A function along one input, with the standard deviations of new observations, and observations.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    pub(crate) x: Vec<f64>,
    pub(crate) mean: Vec<f64>,
    pub(crate) deviation: Vec<f64>,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A function with a band of two standard deviations on both sides, and the observations, as a PNG; `names` are those of the two
/// axes.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn fit_band(fit: &Fit, title: &str, names: &[String; 2]) -> anyhow::Result<Vec<u8>> {
    png(&fit_scene(fit, title, names))
}

fn fit_scene(fit: &Fit, title: &str, names: &[String; 2]) -> Scene {
    let edge = |side: f64| {
        let each = fit.mean.iter().zip(&fit.deviation);
        each.map(|(mean, deviation)| mean + side * deviation).collect::<Vec<f64>>()
    };
    let (lower, upper) = (edge(-2.0), edge(2.0));
    let heights = lower.iter().chain(&upper).copied().chain(fit.points.iter().map(|point| point.1));
    let heights = range(heights.filter(|y| y.is_finite()));
    let band = BandPlot::new(fit.x.clone(), lower, upper).with_color(COLOURS[0]).with_opacity(0.2);
    let line = fit.x.iter().copied().zip(fit.mean.iter().copied());
    let line = LinePlot::new().with_data(line).with_color(COLOURS[0]).with_stroke_width(2.0);
    let points = ScatterPlot::new().with_data(fit.points.iter().copied());
    let plots = vec![
        Plot::Band(band),
        Plot::Scatter(points.with_color(COLOURS[1]).with_size(2.5)),
        Plot::Line(line),
    ];
    framed(plots, range(fit.x.iter().copied()), heights, title, [&names[0], &names[1]])
}

/// Predictions with two standard deviations across, and observations upwards, as a PNG: good ones lie about the diagonal. A point is
/// a mean, a standard deviation and an observation; at most 200 are drawn, the first ones.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn observed_and_predicted(points: &[[f64; 3]], name: &str) -> anyhow::Result<Vec<u8>> {
    png(&observed_scene(points, name))
}

fn observed_scene(points: &[[f64; 3]], name: &str) -> Scene {
    let shown = &points[..points.len().min(MOST_POINTS)];
    let widths = range(shown.iter().flat_map(|[mean, sd, _]| [mean - 2.0 * sd, mean + 2.0 * sd]));
    let heights = range(shown.iter().map(|point| point[2]));
    let (low, high) =
        widths.zip(heights).map_or((0.0, 1.0), |((a, b), (c, d))| (a.min(c), b.max(d)));
    let diagonal = LinePlot::new().with_data([(low, low), (high, high)]);
    let marks = ScatterPlot::new().with_data(shown.iter().map(|[mean, _, y]| (*mean, *y)));
    let bars = marks.with_x_err(shown.iter().map(|[_, sd, _]| 2.0 * sd).collect::<Vec<f64>>());
    let plots = vec![
        Plot::Scatter(bars.with_color(COLOURS[0]).with_size(3.0)),
        Plot::Line(diagonal.with_color(COLOURS[6]).with_stroke_width(1.0).with_dashed()),
    ];
    let of = match shown.len() < points.len() {
        true => format!("the first {} of {} test rows", shown.len(), points.len()),
        false => "test rows".into(),
    };
    let title = format!("Predictions for {of} ± 2 SD (dashed: equal)");
    let label = format!("{name}, predicted");
    let ends = Some((low, high));
    framed(plots, ends, ends, &title, [&label, &format!("{name}, observed")])
}

/// Plots in a frame with a little room on all sides.
fn framed(
    plots: Vec<Plot>,
    across: Option<(f64, f64)>,
    up: Option<(f64, f64)>,
    title: &str,
    [x_label, y_label]: [&str; 2],
) -> Scene {
    let room = |ends: Option<(f64, f64)>| {
        let (low, high) = ends.unwrap_or((0.0, 1.0));
        let side = if high > low { 0.04 * (high - low) } else { 1.0 };
        (low - side, high + side)
    };
    let ((left, right), (bottom, top)) = (room(across), room(up));
    let layout = Layout::new((left, right), (bottom, top))
        .with_width(760.0)
        .with_height(480.0)
        .with_title(title)
        .with_x_label(x_label)
        .with_y_label(y_label)
        .with_x_axis_min(left)
        .with_x_axis_max(right)
        .with_y_axis_min(bottom)
        .with_y_axis_max(top)
        .with_grid_line_width(0.6);
    render_multiple(plots, layout)
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    #[test]
    fn a_fit_has_its_names_and_its_band() {
        let x: Vec<f64> = (0..50).map(|i| 0.2 * f64::from(i)).collect();
        let fit = Fit {
            mean: x.iter().map(|x| x.sin()).collect(),
            deviation: x.iter().map(|x| 0.1 + 0.02 * x).collect(),
            points: x.iter().map(|x| (*x, x.sin() + 0.1 * (9.0 * x).cos())).collect(),
            x,
        };
        let scene = fit_scene(&fit, "a sine", &["time".into(), "height".into()]);
        let text = svg(&scene);
        assert!([">a sine<", ">time<", ">height<"].iter().all(|name| text.contains(name)));
        picture(&scene, "fit.png");
        let points: Vec<[f64; 3]> = fit.points.iter().map(|&(x, y)| [x.sin(), 0.1, y]).collect();
        let scene = observed_scene(&points, "height");
        let text = svg(&scene);
        assert!(text.contains(">height, predicted<") && text.contains("for test rows ± 2 SD"));
        let many = observed_scene(&vec![[0.0, 1.0, 0.0]; MOST_POINTS + 1], "height");
        assert!(svg(&many).contains("for the first 200 of 201 test rows"));
        picture(&scene, "predictions.png");
    }

    #[test]
    fn nothing_and_a_single_point_are_harmless() {
        let none = Fit { x: vec![], mean: vec![], deviation: vec![], points: vec![] };
        assert!(svg(&fit_scene(&none, "", &Default::default())).contains("<svg"));
        assert!(svg(&observed_scene(&[], "y")).contains("<svg"));
        assert!(svg(&observed_scene(&[[1.0, 0.0, 1.0]], "y")).contains("<svg"));
    }
}

//! Positive numbers against a parameter: closed forms as lines, measurements as marks.

use std::sync::Arc;

use kuva::plot::{LineStyle, MarkerShape};
use kuva::prelude::{Layout, LinePlot, Plot, ScatterPlot, TickFormat};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

use super::drawing::{COLOURS, range};
use super::panel::power_of_ten;
use crate::program::distinct::distinct;

/// Numbers below this one are zero but for rounding, and zero has no place on a logarithmic axis.
const ROUNDING: f64 = 1e-20;

/// One curve of a panel.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve {
    /// The name in the legend.
    pub(crate) name: String,
    /// The closed form, from left to right; empty if there is none.
    pub(crate) line: Vec<(f64, f64)>,
    /// The measurements.
    pub(crate) points: Vec<(f64, f64)>,
}

/// The scale of the parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Axis {
    /// A linear axis.
    Linear,
    /// A logarithmic axis with ticks at powers of two.
    Log2,
    /// A logarithmic axis with ticks at powers of ten.
    Log10,
}

/// The style of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Style {
    colour: &'static str,
    /// A pattern of dashes and gaps; empty for a line without gaps.
    dashes: &'static str,
    mark: MarkerShape,
}

/// Dashes and marks of the first curves, as many as there are colours, of the next ones, and so on.
const TURNS: [(&str, MarkerShape); 3] =
    [("", MarkerShape::Circle), ("6 3", MarkerShape::Triangle), ("2 2", MarkerShape::Square)];

impl Style {
    /// The style of a curve of so many.
    fn of(number: usize) -> Self {
        let (dashes, mark) = TURNS[number / COLOURS.len() % TURNS.len()];
        Self { colour: COLOURS[number % COLOURS.len()], dashes, mark }
    }
}

/// Curves over one parameter, on a logarithmic axis.
#[derive(Clone, Debug)]
pub(crate) struct CurvePanel {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) axis: Axis,
    pub(crate) curves: Vec<Curve>,
}

/// Panels side by side with one legend; a curve has the same style in all panels.
///
/// The height is that of the measurements: a line that falls to zero leaves the picture below.
pub(crate) fn curve_panels(panels: &[CurvePanel], title: &str) -> Scene {
    let curves = panels.iter().flat_map(|panel| &panel.curves);
    let names = distinct(curves.map(|curve| curve.name.as_str()));
    let style = |name: &str| Style::of(names.iter().position(|n| *n == name).unwrap_or(0));
    Figure::new(1, panels.len().max(1))
        .with_title(title)
        .with_title_size(18)
        .with_cell_size(430.0, 380.0)
        .with_plots(panels.iter().map(|panel| panel.drawn(style)).collect())
        .with_layouts(panels.iter().map(CurvePanel::layout).collect())
        .with_shared_legend_bottom()
        .render()
}

impl CurvePanel {
    /// A point in the coordinates of the axes, if it has a place there.
    fn place(&self, (x, y): (f64, f64)) -> Option<(f64, f64)> {
        let x = match self.axis {
            Axis::Linear => x,
            Axis::Log2 => x.log2(),
            Axis::Log10 => x.log10(),
        };
        // The logarithms are drawn on a linear axis: the chart library's own log axis ends at 1e-10.
        let y = if y > ROUNDING { y.log10() } else { f64::NEG_INFINITY };
        (x.is_finite() && y.is_finite()).then_some((x, y))
    }

    fn placed(&self) -> impl Iterator<Item = (f64, f64)> {
        let points = self
            .curves
            .iter()
            .flat_map(|curve| if curve.points.is_empty() { &curve.line } else { &curve.points });
        points.filter_map(|&point| self.place(point))
    }

    /// Whole decades about the measurements.
    fn heights(&self) -> (f64, f64) {
        let (low, high) = range(self.placed().map(|(_, y)| y)).unwrap_or((-1.0, 0.0));
        let low = (low - 0.05).floor();
        (low, (high + 0.05).ceil().max(low + 1.0))
    }

    fn widths(&self) -> (f64, f64) {
        let (left, right) = range(self.placed().map(|(x, _)| x)).unwrap_or((0.0, 1.0));
        let side = if right > left { 0.03 * (right - left) } else { 0.5 };
        (left - side, right + side)
    }

    /// The line of a curve, cut into the pieces that lie inside the panel.
    fn pieces(&self, curve: &Curve) -> Vec<Vec<(f64, f64)>> {
        let (bottom, top) = self.heights();
        let inside = |&(_, y): &(f64, f64)| (bottom..=top).contains(&y);
        let line: Vec<_> = curve.line.iter().map(|&p| self.place(p).filter(inside)).collect();
        let pieces = line.split(Option::is_none).filter(|piece| piece.len() > 1);
        pieces.map(|piece| piece.iter().copied().flatten().collect()).collect()
    }

    fn drawn(&self, style: impl Fn(&str) -> Style) -> Vec<Plot> {
        let mut plots = Vec::new();
        for curve in &self.curves {
            let Style { colour, dashes, mark } = style(&curve.name);
            let stroke = |data: Vec<(f64, f64)>, width: f64| {
                let line = LinePlot::new().with_data(data).with_color(colour);
                let line = line.with_stroke_width(width);
                match dashes {
                    "" => line,
                    _ => line.with_line_style(LineStyle::Custom(dashes.into())),
                }
            };
            for piece in self.pieces(curve) {
                plots.push(Plot::Line(stroke(piece, 1.6)));
            }
            let points: Vec<_> = curve.points.iter().filter_map(|&p| self.place(p)).collect();
            if curve.line.is_empty() {
                plots.push(Plot::Line(stroke(points.clone(), 1.2)));
            }
            let marks = ScatterPlot::new().with_data(points).with_color(colour).with_marker(mark);
            plots.push(Plot::Scatter(marks.with_size(3.5).with_legend(curve.name.as_str())));
        }
        plots
    }

    fn layout(&self) -> Layout {
        let ((left, right), (bottom, top)) = (self.widths(), self.heights());
        let layout = Layout::new((left, right), (bottom, top))
            .with_title(self.title.as_str())
            .with_title_size(14)
            .with_x_label(self.x_label.as_str())
            .with_y_label(self.y_label.as_str())
            .with_label_size(12)
            .with_tick_size(11)
            .with_y_tick_step(((top - bottom) / 6.0).ceil())
            .with_y_tick_format(TickFormat::Custom(Arc::new(power_of_ten)))
            .with_x_axis_min(left)
            .with_x_axis_max(right)
            .with_y_axis_min(bottom)
            .with_y_axis_max(top)
            .with_grid_line_width(0.6);
        match self.axis {
            Axis::Linear => layout.with_x_tick_step(1.0),
            Axis::Log2 => {
                let whole = |x: f64| format!("{:.0}", x.exp2());
                layout.with_x_tick_step(1.0).with_x_tick_format(TickFormat::Custom(Arc::new(whole)))
            }
            Axis::Log10 => layout
                .with_x_tick_step(1.0)
                .with_x_tick_format(TickFormat::Custom(Arc::new(power_of_ten))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    fn panel(axis: Axis) -> CurvePanel {
        let grid = |n: i32| (1..=n).map(move |i| f64::from(i) * 6.0 / f64::from(n));
        let x = move |i: f64| if axis == Axis::Log2 { i.exp2() } else { i };
        let curve = |name: &str, f: fn(f64) -> f64| Curve {
            name: name.into(),
            line: grid(60).map(|i| (x(i), f(i))).collect(),
            points: grid(12).map(|i| (x(i), 1.03 * f(i))).collect(),
        };
        CurvePanel {
            title: "a panel".into(),
            x_label: "θ".into(),
            y_label: "variance".into(),
            axis,
            curves: vec![
                curve("falls", |i| (-i).exp()),
                curve("touches zero", |i| (i - 3.0).powi(2)),
            ],
        }
    }

    #[test]
    fn panels_share_one_legend_and_name_their_axes() {
        let scene = curve_panels(&[panel(Axis::Linear), panel(Axis::Log2)], "two panels");
        let text = svg(&scene);
        assert_eq!(text.matches(">falls<").count(), 1);
        for name in ["touches zero", ">variance<", ">θ<", ">64<", "10⁻¹"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&scene, "curves.png");
    }

    #[test]
    fn twenty_curves_have_different_styles() {
        let styles: Vec<Style> = (0..20).map(Style::of).collect();
        for (i, style) in styles.iter().enumerate() {
            assert!(
                !styles[..i].contains(style),
                "curve {i} has the style of an earlier one: {style:?}"
            );
        }
        let curve = |i: usize| Curve {
            name: format!("curve {i}"),
            line: Vec::new(),
            points: [1e4, 1e5, 1e6].map(|x| (x, (i + 1) as f64 / x)).to_vec(),
        };
        let curves = (0..13).map(curve).collect();
        let scene = curve_panels(&[CurvePanel { curves, ..panel(Axis::Log10) }], "thirteen curves");
        assert!(svg(&scene).contains("stroke-dasharray=\"6 3\""));
        picture(&scene, "thirteen-curves.png");
    }

    #[test]
    fn a_line_that_touches_zero_is_cut_there() {
        let panel = panel(Axis::Linear);
        assert_eq!(panel.pieces(&panel.curves[0]).len(), 1);
        assert_eq!(panel.pieces(&panel.curves[1]).len(), 2);
    }

    #[test]
    fn nothing_at_all_is_harmless() {
        assert!(svg(&curve_panels(&[], "nothing")).contains("<svg"));
        let empty = CurvePanel { curves: vec![Curve::default()], ..panel(Axis::Linear) };
        assert!(svg(&curve_panels(&[empty], "nothing")).contains("<svg"));
    }
}

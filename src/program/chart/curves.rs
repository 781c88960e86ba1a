//! Positive numbers against a parameter: closed forms as lines, measurements as marks.

use std::sync::Arc;

use kuva::plot::{LegendPosition, LineStyle, MarkerShape};
use kuva::prelude::{Layout, LinePlot, Plot, ScatterPlot, TickFormat};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

use super::drawing::{
    COLOURS, LABEL, PANEL_TITLE, TICK, TITLE, in_legend, longest, panel_width, range, titled,
};
use super::panel::{decade_label, decade_lines, decade_step, multiples, power_of_ten};
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
    /// The measurements. One that is not finite, or not positive, is a gap, over which no line is drawn.
    pub(crate) points: Vec<(f64, f64)>,
    /// The lower and the upper end of the bar of each measurement; empty if there are no bars.
    pub(crate) bars: Vec<(f64, f64)>,
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

/// The size of each of several panels, in pixels.
const SIZE: (f64, f64) = (430.0, 380.0);
/// The most curves in a panel of [`curves_apart`]: more lie over each other.
const MOST_CURVES: usize = 6;
/// The width of all its panels together, and the height, nearly those of a screen.
const APART: (f64, f64) = (1560.0, 830.0);
/// Curves that lie so near to each other everywhere, as a share of the height of the panel, look like one.
const NEAR: f64 = 0.005;
/// The distance between the marks of two curves with bars at one place, as a share of the width: bars that lie over each other could not
/// be told apart.
const ASIDE: f64 = 0.012;
/// The most ticks on the vertical axis.
const MOST_TICKS: f64 = 8.0;
/// The letters in a line of a panel's title.
const WRAP: usize = 36;

/// Panels side by side with one legend; a curve has the same style in all panels.
///
/// The height is that of the measurements: a line that falls to zero leaves the picture below. Curves that coincide are named in the
/// title of their panel, and drawn with marks of different sizes and dashes.
pub(crate) fn curve_panels(panels: &[CurvePanel], title: &str) -> Scene {
    let curves = panels.iter().flat_map(|panel| &panel.curves);
    let names = distinct(curves.map(|curve| curve.name.as_str()));
    let style = |name: &str| Style::of(names.iter().position(|n| *n == name).unwrap_or(0));
    let frames = panels.iter().map(CurvePanel::frame);
    let drawn = panels.iter().zip(frames.clone());
    let layouts = panels.iter().zip(frames).map(|(panel, frame)| panel.layout(frame));
    let figure = Figure::new(1, panels.len().max(1))
        .with_cell_size(panel_width(SIZE.0, panels.len(), 0.0, title), SIZE.1)
        .with_plots(drawn.map(|(panel, frame)| panel.drawn(frame, style)).collect())
        .with_layouts(layouts.collect())
        .with_shared_legend_bottom();
    titled(figure, title)
}

/// The curves of one panel in as many panels as leave at most six in each, with the same axes, and a legend in each.
pub(crate) fn curves_apart(panel: &CurvePanel, title: &str) -> Scene {
    let count = panel.curves.len().div_ceil(MOST_CURVES).max(1);
    let each = panel.curves.len().div_ceil(count).max(1);
    let parts: Vec<CurvePanel> = panel
        .curves
        .chunks(each)
        .enumerate()
        .map(|(i, curves)| CurvePanel {
            title: format!("{} {} to {}", panel.title, i * each + 1, i * each + curves.len()),
            curves: curves.to_vec(),
            ..panel.clone()
        })
        .collect();
    let frame = panel.frame();
    let drawn = parts.iter().map(|part| {
        let place = |name: &str| part.curves.iter().position(|curve| curve.name == name);
        part.drawn(frame, |name| Style::of(place(name).unwrap_or(0)))
    });
    let layouts = parts.iter().map(|part| {
        let layout = part.layout(frame).with_legend_position(LegendPosition::InsideBottomLeft);
        let mut layout =
            layout.with_label_size(TITLE).with_tick_size(PANEL_TITLE).with_body_size(PANEL_TITLE);
        let width = longest(part.curves.iter().map(|curve| curve.name.as_str()), PANEL_TITLE);
        layout = layout.with_title_size(PANEL_TITLE).with_legend_width(50.0 + width);
        layout.show_legend = true;
        layout
    });
    let figure = Figure::new(1, count)
        .with_cell_size(APART.0 / count as f64, APART.1)
        .with_plots(drawn.collect())
        .with_layouts(layouts.collect());
    titled(figure, title)
}

/// The ranges of the axes of a panel, in their coordinates.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    across: (f64, f64),
    up: (f64, f64),
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
        let points = self.curves.iter().flat_map(|curve| curve.points.iter().chain(&curve.line));
        // A measurement without a place on the vertical axis has one on the horizontal axis.
        let places = points.filter_map(|&(x, _)| self.place((x, 1.0)));
        let (left, right) = range(places.map(|(x, _)| x)).unwrap_or((0.0, 1.0));
        let side = if right > left { 0.04 * (right - left) } else { 0.5 };
        (left - side, right + side)
    }

    fn frame(&self) -> Frame {
        Frame { across: self.widths(), up: self.heights() }
    }

    /// Points as pieces without a gap that lie inside the panel.
    fn pieces(&self, points: &[(f64, f64)], frame: Frame) -> Vec<Vec<(f64, f64)>> {
        let inside = |&(_, y): &(f64, f64)| (frame.up.0..=frame.up.1).contains(&y);
        let line: Vec<_> = points.iter().map(|&p| self.place(p).filter(inside)).collect();
        let pieces = line.split(Option::is_none).filter(|piece| piece.len() > 1);
        pieces.map(|piece| piece.iter().copied().flatten().collect()).collect()
    }

    /// Curves that look like one wherever both were measured, at least two in a group, by their places.
    fn coincident(&self, frame: Frame) -> Vec<Vec<usize>> {
        let near = NEAR * (frame.up.1 - frame.up.0);
        let same = |a: &Curve, b: &Curve| {
            let at = |x: f64| b.points.iter().find(move |point| point.0 == x);
            let common: Vec<_> = a
                .points
                .iter()
                .filter_map(|&a| Some([a, *at(a.0)?].map(|p| self.place(p))))
                .collect();
            let close = |pair: &[Option<(f64, f64)>; 2]| match pair {
                [Some(a), Some(b)] => (a.1 - b.1).abs() <= near,
                [a, b] => a == b,
            };
            // Curves that were measured at other places are others.
            let shorter = a.points.len().min(b.points.len());
            let seen = common.iter().filter(|pair| pair[0].is_some()).count();
            seen > 1 && common.len() == shorter && common.iter().all(close)
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (i, curve) in self.curves.iter().enumerate() {
            match groups.iter_mut().find(|group| same(&self.curves[group[0]], curve)) {
                Some(group) => group.push(i),
                None => groups.push(vec![i]),
            }
        }
        groups.retain(|group| group.len() > 1);
        groups
    }

    fn drawn(&self, frame: Frame, style: impl Fn(&str) -> Style) -> Vec<Plot> {
        let mut plots = self.grid(frame);
        let groups = self.coincident(frame);
        for (i, curve) in self.curves.iter().enumerate() {
            let Style { colour, dashes, mark } = style(&curve.name);
            // Of curves that coincide, each lies on the one before it with smaller marks, and with gaps in its line.
            let on = groups.iter().find_map(|group| group.iter().position(|&other| other == i));
            let on = if curve.bars.is_empty() { on.unwrap_or(0) } else { 0 };
            let aside = self.aside(i, frame);
            let moved = |points: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
                points.into_iter().map(|(x, y)| (x + aside, y)).collect()
            };
            let dashes = if on > 0 && dashes.is_empty() { "4 6" } else { dashes };
            let below = aside == 0.0 && groups.iter().any(|group| group[0] == i);
            let size = if below { 6.0 } else { 3.5 / (1.0 + 0.5 * on as f64) };
            let stroke = |data: Vec<(f64, f64)>, width: f64| {
                let line = LinePlot::new().with_data(data).with_color(colour);
                let line = line.with_stroke_width(width);
                match dashes {
                    "" => line,
                    _ => line.with_line_style(LineStyle::Custom(dashes.into())),
                }
            };
            for piece in self.pieces(&curve.line, frame) {
                plots.push(Plot::Line(stroke(piece, 1.6)));
            }
            if curve.line.is_empty() {
                let pieces = self.pieces(&curve.points, frame).into_iter();
                plots.extend(pieces.map(|piece| Plot::Line(stroke(moved(piece), 1.2))));
            }
            plots.extend(self.bars(curve, frame).map(|bar| {
                let bar = LinePlot::new().with_data(moved(bar.to_vec())).with_color(colour);
                Plot::Line(bar.with_stroke_width(1.0))
            }));
            let points = moved(curve.points.iter().filter_map(|&p| self.place(p)).collect());
            let marks = ScatterPlot::new().with_data(points).with_color(colour).with_marker(mark);
            plots.push(Plot::Scatter(marks.with_size(size).with_legend(in_legend(&curve.name))));
        }
        plots
    }

    /// The distance by which the marks of a curve with bars stand aside of their place.
    fn aside(&self, curve: usize, Frame { across: (left, right), .. }: Frame) -> f64 {
        match self.curves[curve].bars.is_empty() {
            true => 0.0,
            false => {
                let middle = 0.5 * (self.curves.len() - 1) as f64;
                ASIDE * (curve as f64 - middle) * (right - left)
            }
        }
    }

    /// The bars of a curve, as far as they lie inside the panel.
    fn bars(
        &self,
        curve: &Curve,
        Frame { up: (bottom, top), .. }: Frame,
    ) -> impl Iterator<Item = [(f64, f64); 2]> {
        let ends = curve.points.iter().zip(&curve.bars);
        let bar = move |(&point, &(low, high)): (&(f64, f64), &(f64, f64))| {
            let (x, _) = self.place(point)?;
            let at =
                |y: f64| self.place((point.0, y)).map_or(bottom, |(_, y)| y.clamp(bottom, top));
            Some([(x, at(low)), (x, at(high))])
        };
        ends.filter_map(bar)
    }

    /// Pale lines at round numbers.
    fn grid(&self, Frame { across, up }: Frame) -> Vec<Plot> {
        let pale = |ends: [(f64, f64); 2]| {
            let line = LinePlot::new().with_data(ends);
            Plot::Line(line.with_color("#DDDDDD").with_stroke_width(0.6))
        };
        let upright = multiples(1.0, across).into_iter().map(|x| [(x, up.0), (x, up.1)]);
        let level =
            decade_lines(up, MOST_TICKS).into_iter().map(|y| [(across.0, y), (across.1, y)]);
        upright.chain(level).map(pale).collect()
    }

    /// The title with the names of the curves that coincide.
    fn named(&self, frame: Frame) -> String {
        let names = |group: Vec<usize>| {
            let names = group.into_iter().map(|i| self.curves[i].name.as_str());
            names.collect::<Vec<_>>().join(" ≈ ")
        };
        let same: Vec<String> = self.coincident(frame).into_iter().map(names).collect();
        match same.is_empty() {
            true => self.title.clone(),
            false => format!("{} ({})", self.title, same.join("; ")),
        }
    }

    fn layout(&self, frame: Frame) -> Layout {
        let Frame { across: (left, right), up: (bottom, top) } = frame;
        let layout = Layout::new((left, right), (bottom, top))
            .with_title(self.named(frame))
            .with_title_size(PANEL_TITLE)
            .with_title_wrap(WRAP)
            .with_x_label(self.x_label.as_str())
            .with_y_label(self.y_label.as_str())
            .with_label_size(LABEL)
            .with_tick_size(TICK)
            .with_body_size(TICK)
            .with_tick_length(0.0)
            .with_show_grid(false)
            .with_x_tick_step(1.0)
            .with_y_tick_step(decade_step((bottom, top), MOST_TICKS))
            .with_y_tick_format(TickFormat::Custom(Arc::new(decade_label)))
            .with_x_axis_min(left)
            .with_x_axis_max(right)
            .with_y_axis_min(bottom)
            .with_y_axis_max(top);
        match self.axis {
            Axis::Linear => layout,
            Axis::Log2 => {
                let whole = |x: f64| format!("{:.0}", x.exp2());
                layout.with_x_tick_format(TickFormat::Custom(Arc::new(whole)))
            }
            Axis::Log10 => layout.with_x_tick_format(TickFormat::Custom(Arc::new(power_of_ten))),
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
            ..Curve::default()
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
            ..Curve::default()
        };
        let curves = (0..13).map(curve).collect();
        let thirteen = CurvePanel { curves, ..panel(Axis::Log10) };
        let scene = curve_panels(std::slice::from_ref(&thirteen), "thirteen curves");
        assert!(svg(&scene).contains("stroke-dasharray=\"6 3\""));
        // Five, five and three curves in panels of the same axes, on a sheet that is as wide as a screen.
        let scene = curves_apart(&thirteen, "thirteen curves");
        picture(&scene, "thirteen-curves.png");
        let text = svg(&scene);
        assert_eq!(text.matches(">variance<").count(), 3);
        assert!((0..13).all(|i| text.matches(&format!(">curve {i}<")).count() == 1));
        let shape = scene.width / scene.height;
        assert!((1.6..2.0).contains(&shape), "{shape}");
    }

    #[test]
    fn a_line_that_touches_zero_is_cut_there() {
        let panel = panel(Axis::Linear);
        assert_eq!(panel.pieces(&panel.curves[0].line, panel.frame()).len(), 1);
        assert_eq!(panel.pieces(&panel.curves[1].line, panel.frame()).len(), 2);
    }

    /// Curves of measurements at 1, 2, 4, ….
    fn measured(curves: &[(&str, &[f64])]) -> CurvePanel {
        let curve = |(name, numbers): &(&str, &[f64])| Curve {
            name: (*name).into(),
            points: numbers.iter().enumerate().map(|(i, &y)| ((1 << i) as f64, y)).collect(),
            bars: numbers.iter().map(|y| (0.5 * y, 1.5 * y)).collect(),
            ..Curve::default()
        };
        CurvePanel { curves: curves.iter().map(curve).collect(), ..panel(Axis::Log2) }
    }

    #[test]
    fn no_line_is_drawn_over_a_gap() {
        let panel = measured(&[("a", &[0.5, 0.4, 0.0, 0.3, f64::NAN, 0.2])]);
        let pieces = panel.pieces(&panel.curves[0].points, panel.frame());
        assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), [2], "one piece of two points");
        assert_eq!(panel.bars(&panel.curves[0], panel.frame()).count(), 4);
        picture(&curve_panels(&[panel], "gaps and bars"), "gaps.png");
    }

    #[test]
    fn curves_that_coincide_are_named_and_all_seen() {
        let same: &[f64] = &[0.5, 0.4, 0.0, 0.3];
        let other: &[f64] = &[0.5, 0.4, 0.2, 0.3];
        let panel = measured(&[("a", same), ("b", &[0.1; 4]), ("c", same), ("d", other)]);
        let frame = panel.frame();
        assert_eq!(panel.coincident(frame), [vec![0, 2]]);
        // With bars they stand side by side, in the order of the legend and about their place.
        let aside = [0, 1, 2, 3].map(|curve| panel.aside(curve, frame));
        assert!(aside.windows(2).all(|pair| pair[0] < pair[1]), "{aside:?}");
        assert!(aside.iter().sum::<f64>().abs() < 1e-12);
        let scene = curve_panels(std::slice::from_ref(&panel), "two of four coincide");
        assert!(svg(&scene).contains("a panel (a ≈ c)"));
        picture(&scene, "coincident-bars.png");
        // Without bars the second has smaller marks and a line with gaps.
        let bare = |curve: &Curve| Curve { bars: Vec::new(), ..curve.clone() };
        let curves = panel.curves.iter().map(bare).collect();
        let scene = curve_panels(&[CurvePanel { curves, ..panel }], "two of four coincide");
        assert!(svg(&scene).contains("stroke-dasharray=\"4 6\""));
        picture(&scene, "coincident.png");
    }

    #[test]
    fn nothing_at_all_is_harmless() {
        assert!(svg(&curve_panels(&[], "nothing")).contains("<svg"));
        let empty = CurvePanel { curves: vec![Curve::default()], ..panel(Axis::Linear) };
        assert!(svg(&curve_panels(&[empty], "nothing")).contains("<svg"));
    }
}

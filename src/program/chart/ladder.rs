//! The evidence ladder: distances of estimates from the exact value, on an axis that is logarithmic to both sides.

use super::drawing::{COLOURS, LABEL, TICK, longest, range, titled};
use super::panel::{EXACT, dot};
use kuva::prelude::{Layout, LinePlot, Plot, TickFormat};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use std::sync::Arc;

/// Distances below this one are drawn linearly, in nats.
const LINEAR: f64 = 1e-3;
/// The height of a rung in pixels.
const HEIGHT: f64 = 34.0;

/// One estimate.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rung {
    pub(crate) name: String,
    /// The estimate less the exact value, and its standard error.
    pub(crate) gap: f64,
    pub(crate) error: f64,
    /// True for the exact value itself.
    pub(crate) exact: bool,
}

/// The place of a distance on the axis: the sign times the decades above [`LINEAR`].
fn place(gap: f64) -> f64 {
    gap.signum() * (1.0 + gap.abs() / LINEAR).log10()
}

/// The label of a tick at a whole number of decades.
fn label(decades: f64) -> String {
    let sign = if decades < 0.0 { "−" } else { "+" };
    match decades.abs().round() {
        0.0 => "exact".into(),
        n => format!("{sign}{}", 10_f64.powf(n) * LINEAR),
    }
}

/// A rung for each estimate, the first at the bottom, with a bar of two standard errors to both sides.
pub(crate) fn ladder(rungs: &[Rung], title: &str) -> Scene {
    let ends = rungs
        .iter()
        .flat_map(|rung| [-2.0, 0.0, 2.0].map(|factor| place(rung.gap + factor * rung.error)));
    let (low, high) = range(ends.filter(|x| x.is_finite())).unwrap_or((-1.0, 1.0));
    let (low, high) = ((low - 0.2).floor().min(-1.0), (high + 0.2).ceil().max(1.0));
    let top = rungs.len() as f64 + 0.5;
    let upright = |x: f64, colour: &str, width: f64| {
        let line = LinePlot::new().with_data([(x, 0.5), (x, top)]);
        Plot::Line(line.with_color(colour).with_stroke_width(width))
    };
    let mut plots: Vec<Plot> =
        (low as i32..=high as i32).map(|x| upright(f64::from(x), "#DDDDDD", 0.6)).collect();
    plots.push(upright(0.0, EXACT, 1.4));
    for (i, rung) in rungs.iter().enumerate() {
        let (line, colour) = ((i + 1) as f64, if rung.exact { 6 } else { i % 6 });
        let [left, at, right] =
            [-2.0, 0.0, 2.0].map(|factor| place(rung.gap + factor * rung.error).clamp(low, high));
        if !at.is_finite() {
            continue;
        }
        let bar = LinePlot::new().with_data([(left, line), (right, line)]);
        plots.push(Plot::Line(bar.with_color(EXACT).with_stroke_width(1.2)));
        plots.push(dot(at, 0.0, line, COLOURS[colour % COLOURS.len()]));
    }
    let widest = longest(rungs.iter().map(|rung| rung.name.as_str()), TICK);
    let layout = Layout::new((low, high), (0.5, top))
        .with_x_label("estimate less ln p(x), nats (decades to both sides; bars: ± 2 SE)")
        .with_label_size(LABEL)
        .with_tick_size(TICK)
        .with_x_tick_step(1.0)
        .with_x_tick_format(TickFormat::Custom(Arc::new(label)))
        .with_y_categories(rungs.iter().map(|rung| rung.name.clone()).collect())
        .with_x_axis_min(low)
        .with_x_axis_max(high)
        .with_y_axis_min(0.5)
        .with_y_axis_max(top);
    let figure = Figure::new(1, 1)
        .with_cell_size(640.0 + widest, 110.0 + HEIGHT * rungs.len().max(3) as f64)
        .with_plots(vec![plots])
        .with_layouts(vec![layout]);
    titled(figure, title)
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    #[test]
    fn rungs_have_names_and_the_axis_has_both_sides() {
        let rung =
            |name: &str, gap, error| Rung { name: name.into(), gap, error, exact: gap == 0.0 };
        let rungs = [
            rung("prior Monte Carlo", -42.0, 3.0),
            rung("ELBO", -0.8, 0.05),
            rung("exact", 0.0, 0.0),
            rung("AIS backward", 0.03, 0.02),
            rung("never", f64::NEG_INFINITY, f64::NAN),
        ];
        let scene = ladder(&rungs, "a ladder");
        let text = svg(&scene);
        for name in ["prior Monte Carlo", "AIS backward", ">exact<", ">−10<", ">+0.1<"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&scene, "ladder.png");
    }

    #[test]
    fn the_axis_keeps_the_order_and_has_its_zero_at_the_exact_value() {
        let gaps = [-1e3, -0.1, -1e-4, 0.0, 1e-4, 0.1, 1e3];
        assert!(gaps.windows(2).all(|pair| place(pair[0]) < place(pair[1])));
        assert_eq!((place(0.0), place(9e-3)), (0.0, 1.0));
        assert_eq!([-2.0, 0.0, 3.0].map(label), ["−0.1", "exact", "+1"]);
    }
}

//! Estimators against the truth: their means with error bars, and what their variance costs.

use std::sync::Arc;

use kuva::prelude::{
    Layout, LinePlot, Plot, ReferenceLine, ScatterPlot, TextAnnotation, TickFormat,
};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use unicode_width::UnicodeWidthStr;

use super::{COLOURS, range, svg};

/// Panels of components: two rows of three leave each readable.
const MOST_COMPONENTS: usize = 6;
/// Panels side by side.
const COLUMNS: usize = 3;
/// The height of one estimator's line in a panel, in pixels.
const LINE: f64 = 26.0;

/// One estimator on one component of the gradient.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    /// The estimator's name.
    pub(crate) estimator: String,
    /// The component's name.
    pub(crate) component: String,
    /// The exact gradient.
    pub(crate) exact: f64,
    /// The mean of the draws.
    pub(crate) mean: f64,
    /// The standard error of that mean.
    pub(crate) standard_error: f64,
    /// The variance of one draw.
    pub(crate) variance: f64,
    /// The time of one draw (of all components together).
    pub(crate) seconds_per_draw: f64,
}

/// One panel per component with each estimator's mean, its error bar of two standard errors and
/// the truth as a line; below them the variance, the time, and their product, on log axes.
///
/// Of more than six components the six with the largest exact gradient are drawn; the variance is
/// summed over all.
pub(crate) fn compare_svg(bars: &[Bar], title: &str) -> String {
    svg(&compare(bars, title))
}

fn compare(bars: &[Bar], title: &str) -> Scene {
    let estimators = distinct(bars.iter().map(|bar| bar.estimator.as_str()));
    let all = distinct(bars.iter().map(|bar| bar.component.as_str()));
    let shown = largest(bars, &all);
    let title = match shown.len() {
        n if n == all.len() => title.to_string(),
        n => format!("{title}: {n} of {} components, those of the largest gradient", all.len()),
    };

    let mut panels: Vec<Panel> = Vec::new();
    for component in &shown {
        panels.push(Panel::of_component(bars, &estimators, component));
    }
    // The costs stand in a row of their own.
    panels.resize_with(panels.len().next_multiple_of(COLUMNS), Panel::default);
    let variance = |of: &[&Bar]| of.iter().map(|bar| bar.variance).sum::<f64>();
    let seconds =
        |of: &[&Bar]| of.iter().map(|bar| bar.seconds_per_draw).sum::<f64>() / of.len() as f64;
    let sum = if all.len() > 1 { "Σ " } else { "" };
    let cost = |title: &str, label: &str, f: &dyn Fn(&[&Bar]) -> f64| {
        let of = |name: &&str| bars.iter().filter(|b| b.estimator == *name).collect::<Vec<_>>();
        let values: Vec<f64> = estimators.iter().map(|name| f(&of(name))).collect();
        Panel::of_cost(&values, title, label)
    };
    panels.push(cost("variance of one draw", &format!("{sum}σ²"), &variance));
    panels.push(cost("time of one draw", "seconds", &seconds));
    let product = |of: &[&Bar]| variance(of) * seconds(of);
    panels.push(cost("variance × time", &format!("{sum}σ² × seconds"), &product));

    let rows = panels.len() / COLUMNS;
    let height = 100.0 + LINE * estimators.len().max(3) as f64;
    // Only the first column carries the estimators' names; a letter is some seven pixels wide.
    let names = 10.0 + 7.2 * estimators.iter().map(|name| name.width()).max().unwrap_or(0) as f64;
    let mut plots = Vec::new();
    let mut layouts = Vec::new();
    for (i, panel) in panels.into_iter().enumerate() {
        let labels = estimators.iter().rev().map(|name| if i % COLUMNS == 0 { name } else { "" });
        layouts.push(panel.layout(labels.map(String::from).collect()));
        plots.push(if panel.lines == 0 { Vec::new() } else { panel.drawn() });
    }
    Figure::new(rows, COLUMNS)
        .with_title(title)
        .with_title_size(18)
        .with_cell_size(270.0, height)
        .with_col_width(0, 270.0 + names)
        .with_plots(plots)
        .with_layouts(layouts)
        .render()
}

/// One panel: a line for each estimator, the first on top.
#[derive(Default)]
struct Panel {
    plots: Vec<Plot>,
    title: String,
    label: String,
    range: (f64, f64),
    lines: usize,
    truth: Option<f64>,
    decades: bool,
    words: Vec<TextAnnotation>,
}

impl Panel {
    fn of_component(bars: &[Bar], estimators: &[&str], component: &str) -> Panel {
        let lines = estimators.len();
        let mut ends = Vec::new();
        let mut truth = None;
        let (mut plots, mut broken) = (Vec::new(), Vec::new());
        for bar in bars.iter().filter(|bar| bar.component == component) {
            let Some(i) = estimators.iter().position(|name| *name == bar.estimator) else {
                continue;
            };
            let half = 2.0 * bar.standard_error;
            if bar.exact.is_finite() {
                truth = Some(bar.exact);
                ends.push(bar.exact);
            }
            if bar.mean.is_finite() && half.is_finite() {
                ends.extend([bar.mean - half, bar.mean + half]);
                plots.push(dot(bar.mean, half, (lines - i) as f64, i));
            } else {
                broken.push(lines - i);
            }
        }
        let (low, high) = range(ends.into_iter()).unwrap_or((0.0, 1.0));
        let margin = if high > low { 0.08 * (high - low) } else { 0.1 * high.abs().max(1e-3) };
        let range = (low - margin, high + margin);
        Panel {
            plots,
            title: format!("∇ {component}"),
            label: "mean ± 2 standard errors".into(),
            range,
            lines,
            truth,
            words: broken.into_iter().map(|line| word("not finite", line, range)).collect(),
            ..Panel::default()
        }
    }

    /// Values on a logarithmic axis; what is zero or not finite is said in words.
    fn of_cost(values: &[f64], title: &str, label: &str) -> Panel {
        // The logarithms are drawn on a linear axis: the chart library's own log axis ends at 1e-10.
        let logs = values.iter().map(|x| x.log10()).filter(|x| x.is_finite());
        let (low, high) = range(logs).unwrap_or((-1.0, 0.0));
        let low = (low - 0.05).floor();
        let high = (high + 0.05).ceil().max(low + 1.0);
        let lines = values.len();
        let mut plots = Vec::new();
        let mut words = Vec::new();
        for (i, &x) in values.iter().enumerate() {
            if x > 0.0 && x.is_finite() {
                plots.push(dot(x.log10(), 0.0, (lines - i) as f64, i));
            } else {
                let text = if x == 0.0 { "zero" } else { "not finite" };
                words.push(word(text, lines - i, (low, high)));
            }
        }
        Panel {
            plots,
            title: title.into(),
            label: label.into(),
            range: (low, high),
            lines,
            decades: true,
            words,
            ..Panel::default()
        }
    }

    fn layout(&self, labels: Vec<String>) -> Layout {
        let lines = self.height();
        let step = self.step();
        let mut layout = Layout::new(self.range, lines)
            .with_title(self.title.as_str())
            .with_title_size(14)
            .with_x_label(self.label.as_str())
            .with_label_size(12)
            .with_tick_size(11)
            .with_x_tick_step(step)
            .with_x_tick_format(TickFormat::Custom(if self.decades {
                Arc::new(power_of_ten)
            } else {
                Arc::new(move |x| decimals(x, step))
            }))
            .with_y_categories(labels)
            .with_x_axis_min(self.range.0)
            .with_x_axis_max(self.range.1)
            .with_y_axis_min(lines.0)
            .with_y_axis_max(lines.1);
        if let Some(truth) = self.truth {
            let line = ReferenceLine::vertical(truth).with_color("#222222").with_label("exact");
            layout = layout.with_reference_line(line.with_dasharray("5 3"));
        }
        self.words.iter().cloned().fold(layout, Layout::with_annotation)
    }

    /// Above the first line there is room for a word beside the truth.
    fn height(&self) -> (f64, f64) {
        (0.5, self.lines as f64 + 1.0)
    }

    /// The marks upon a pale line at each tick, which the chart library leaves out beside names.
    fn drawn(self) -> Vec<Plot> {
        let (step, (bottom, top)) = (self.step(), self.height());
        let ticks = (1..).map(|i| step * ((self.range.0 / step).floor() + f64::from(i)));
        let pale = |x| {
            let line = LinePlot::new().with_data([(x, bottom), (x, top)]);
            Plot::Line(line.with_color("#DDDDDD").with_stroke_width(0.6))
        };
        let grid = ticks.take_while(|&x| x <= self.range.1).map(pale);
        grid.chain(self.plots).collect()
    }

    /// The distance of two ticks: 1, 2 or 5 times a power of ten, whole decades for decades.
    fn step(&self) -> f64 {
        let least = (self.range.1 - self.range.0) / 4.0;
        if self.decades {
            return least.ceil();
        }
        let ten = 10f64.powf(least.log10().floor());
        [1.0, 2.0, 5.0].map(|m| m * ten).into_iter().find(|&s| s >= least).unwrap_or(10.0 * ten)
    }
}

/// A word at the left end of an estimator's line, in place of a mark.
fn word(text: &str, line: usize, (low, high): (f64, f64)) -> TextAnnotation {
    // The chart library centres the text above its anchor: it goes right by half its width and
    // down by half its height.
    let x = low + (high - low) * (0.03 + 0.013 * text.len() as f64);
    TextAnnotation::new(text, x, line as f64 - 0.35).with_font_size(11).with_color("#555555")
}

/// An estimator's mark on its line, with a bar to both sides.
fn dot(x: f64, half: f64, line: f64, estimator: usize) -> Plot {
    let mark = ScatterPlot::new().with_data([(x, line)]).with_size(4.5);
    let mark = mark.with_color(COLOURS[estimator % COLOURS.len()]);
    Plot::Scatter(if half > 0.0 { mark.with_x_err([half]) } else { mark })
}

/// A number with as many decimals as the step between ticks has.
fn decimals(x: f64, step: f64) -> String {
    let places = (-step.log10().floor()).max(0.0) as usize;
    if places > 6 { format!("{x:.2e}") } else { format!("{:.places$}", x + 0.0) }
}

/// 10 with a raised exponent.
fn power_of_ten(exponent: f64) -> String {
    let digits = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];
    let raised = |letter: char| match letter.to_digit(10) {
        Some(digit) => digits[digit as usize],
        None => "⁻",
    };
    format!("10{}", format!("{exponent:.0}").chars().map(raised).collect::<String>())
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// The components of the largest exact gradient, in their own order.
fn largest<'a>(bars: &[Bar], components: &[&'a str]) -> Vec<&'a str> {
    let size = |component: &str| {
        let of = bars.iter().filter(|bar| bar.component == component);
        of.map(|bar| bar.exact.abs()).fold(0.0, f64::max)
    };
    let mut order: Vec<usize> = (0..components.len()).collect();
    order.sort_by(|&a, &b| size(components[b]).total_cmp(&size(components[a])));
    order.truncate(MOST_COMPONENTS);
    order.sort_unstable();
    order.into_iter().map(|i| components[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::super::picture;
    use super::*;

    /// Bars like those of a small discrete model, with fixed z-scores.
    fn bars(components: usize) -> Vec<Bar> {
        let estimators = [
            ("enumeration", 0.0, 2e-5),
            ("reinforce", 4.0, 1.1e-6),
            ("reinforce, running mean", 0.9, 1.2e-6),
            ("reinforce, leave-one-out", 0.35, 4.3e-6),
            ("straight-through", 0.02, 1.0e-6),
        ];
        let mut bars = Vec::new();
        for c in 0..components {
            let exact = 0.3 * ((c as f64) * 1.7).cos();
            for (i, (estimator, variance, seconds)) in estimators.into_iter().enumerate() {
                let standard_error = f64::sqrt(variance / 1e5);
                let z = if i == 4 { 30.0 } else { ((c * 5 + i) as f64 * 2.3).sin() * 1.5 };
                bars.push(Bar {
                    estimator: estimator.into(),
                    component: format!("encoder.b[{c}]"),
                    exact,
                    mean: exact + z * standard_error,
                    standard_error,
                    variance,
                    seconds_per_draw: seconds,
                });
            }
        }
        bars
    }

    #[test]
    fn every_estimator_and_component_is_drawn() {
        let text = compare_svg(&bars(6), "dvae-4x3");
        for name in ["∇ encoder.b[5]", "reinforce, leave-one-out", "σ²", "exact", "10⁻⁵"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&compare(&bars(6), "dvae-4x3"), "compare.png");
    }

    #[test]
    fn of_many_components_the_largest_are_drawn_and_counted() {
        let text = compare_svg(&bars(40), "dvae");
        assert!(text.contains("6 of 40 components"));
        assert_eq!(text.matches("∇ encoder").count(), 6);
    }

    #[test]
    fn what_is_not_finite_and_no_bars_at_all_are_harmless() {
        let mut broken = bars(1);
        broken[1] = Bar { mean: f64::NAN, variance: f64::INFINITY, ..broken[1].clone() };
        assert!(compare_svg(&broken, "broken").contains("not finite"));
        picture(&compare(&broken, "one component, one estimator broken"), "broken.png");
        picture(&compare(&bars(4), "four components"), "four.png");
        assert!(compare_svg(&[], "nothing").contains("<svg"));
    }

    #[test]
    fn exponents_are_raised() {
        assert_eq!(power_of_ten(-12.0), "10⁻¹²");
    }
}

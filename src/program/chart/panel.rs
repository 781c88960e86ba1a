//! One panel of a comparison: estimators on lines, a number on the axis.

use std::sync::Arc;

use kuva::prelude::{
    Layout, LinePlot, Plot, ReferenceLine, ScatterPlot, TextAnnotation, TickFormat,
};

use super::violin::{Cloud, violin};
use super::{Bar, COLOURS, range};

/// One panel: a line for each estimator, the first on top.
#[derive(Default)]
pub(super) struct Panel {
    plots: Vec<Plot>,
    title: String,
    label: String,
    range: (f64, f64),
    pub(super) lines: usize,
    truth: Option<f64>,
    decades: bool,
    words: Vec<TextAnnotation>,
}

impl Panel {
    pub(super) fn of_component(bars: &[Bar], estimators: &[&str], component: &str) -> Panel {
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

    /// The draws of one component, each estimator's as a violin, within the middle 98 % of all of them.
    pub(super) fn of_draws(clouds: &[&Cloud], estimators: &[&str]) -> Panel {
        let lines = estimators.len();
        let mut all: Vec<f64> = clouds.iter().flat_map(|cloud| &cloud.draws).copied().collect();
        all.retain(|draw| draw.is_finite());
        all.sort_by(f64::total_cmp);
        let truth = clouds.first().map(|cloud| cloud.exact);
        let from = |share: f64| all.get((share * all.len().saturating_sub(1) as f64) as usize);
        let ends = [from(0.01), from(0.99)].into_iter().flatten().copied().chain(truth);
        let (low, high) = range(ends).unwrap_or((0.0, 1.0));
        let margin = if high > low { 0.04 * (high - low) } else { 0.1 * high.abs().max(1e-3) };
        let range = (low - margin, high + margin);
        let mut plots = Vec::new();
        for cloud in clouds {
            let at = estimators.iter().position(|name| *name == cloud.estimator);
            let Some(i) = at else { continue };
            plots.push(violin(&cloud.draws, (lines - i) as f64, range, COLOURS[i % COLOURS.len()]));
            let mean = cloud.draws.iter().sum::<f64>() / cloud.draws.len() as f64;
            if (range.0..=range.1).contains(&mean) {
                plots.push(dot(mean, 0.0, (lines - i) as f64, i));
            }
        }
        Panel {
            plots,
            title: clouds.first().map_or(String::new(), |cloud| format!("∇ {}", cloud.component)),
            label: "one draw of the gradient".into(),
            range,
            lines,
            truth,
            ..Panel::default()
        }
    }

    /// Values on a logarithmic axis; what is zero or not finite is said in words.
    pub(super) fn of_cost(values: &[f64], title: &str, label: &str) -> Panel {
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

    pub(super) fn layout(&self, labels: Vec<String>) -> Layout {
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
            let line = ReferenceLine::vertical(truth).with_color("#222222").with_label("truth");
            layout = layout.with_reference_line(line.with_dasharray("5 3"));
        }
        self.words.iter().cloned().fold(layout, Layout::with_annotation)
    }

    /// Above the first line there is room for a word beside the truth.
    fn height(&self) -> (f64, f64) {
        (0.5, self.lines as f64 + 1.0)
    }

    /// The marks upon a pale line at each tick, which the chart library leaves out beside names.
    pub(super) fn drawn(self) -> Vec<Plot> {
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
pub(super) fn power_of_ten(exponent: f64) -> String {
    let digits = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"];
    let raised = |letter: char| match letter.to_digit(10) {
        Some(digit) => digits[digit as usize],
        None => "⁻",
    };
    format!("10{}", format!("{exponent:.0}").chars().map(raised).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_raised() {
        assert_eq!(power_of_ten(-12.0), "10⁻¹²");
    }
}

//! A panel with a line for each estimator and a number on the horizontal axis.

use std::sync::Arc;

use kuva::prelude::{Layout, LinePlot, Plot, ScatterPlot, TextAnnotation, TickFormat};

use super::drawing::{LABEL, PANEL_TITLE, TICK, decimals, range, tick_step};

/// Ticks that fit beside each other on the horizontal axis.
const MOST_TICKS: f64 = 5.0;
/// The size of a word in place of a mark, in pixels.
const WORD: u32 = 14;

/// The distance of ticks on a logarithmic axis of few decades. The logarithms of 2 and 5 are 0.301 and 0.699, which are tenths but for less
/// than a pixel; other tenths have no label.
const FINE: f64 = 0.1;

/// The colour of exact gradients.
pub(super) const EXACT: &str = "#222222";

/// One panel: a line for each estimator, the first on top.
#[derive(Default)]
pub(super) struct Panel {
    pub(super) plots: Vec<Plot>,
    pub(super) title: String,
    pub(super) label: String,
    pub(super) range: (f64, f64),
    pub(super) lines: usize,
    /// The exact gradient of each line, from the first estimator on; those that are not finite are not drawn.
    pub(super) exact: Vec<f64>,
    pub(super) decades: bool,
    pub(super) words: Vec<TextAnnotation>,
}

impl Panel {
    /// Values on a logarithmic axis, each in its colour; a word stands for a value that is zero or not finite.
    pub(super) fn of_cost(values: &[f64], colours: &[&str], title: &str, label: &str) -> Panel {
        // The logarithms are drawn on a linear axis: the chart library's own log axis ends at 1e-10.
        let logs = values.iter().map(|x| x.log10()).filter(|x| x.is_finite());
        let (low, high) = range(logs).unwrap_or((-1.0, 0.0));
        // A dot is about a seventh of a decade wide.
        let low = (low - 0.15).floor();
        let high = (high + 0.15).ceil().max(low + 1.0);
        let lines = values.len();
        let mut plots = Vec::new();
        let mut words = Vec::new();
        for (i, &x) in values.iter().enumerate() {
            if x > 0.0 && x.is_finite() {
                plots.push(dot(x.log10(), 0.0, (lines - i) as f64, colours[i]));
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
        let layout = Layout::new(self.range, lines)
            .with_title(self.title.as_str())
            .with_title_size(PANEL_TITLE)
            .with_x_label(self.label.as_str())
            .with_label_size(LABEL)
            .with_tick_size(TICK)
            .with_x_tick_step(step)
            .with_x_tick_format(TickFormat::Custom(if self.decades {
                Arc::new(decade_label)
            } else {
                Arc::new(move |x| decimals(x, step))
            }))
            .with_tick_length(if step == FINE { 0.0 } else { 5.0 })
            .with_y_categories(labels)
            .with_x_axis_min(self.range.0)
            .with_x_axis_max(self.range.1)
            .with_y_axis_min(lines.0)
            .with_y_axis_max(lines.1);
        self.words.iter().cloned().fold(layout, Layout::with_annotation)
    }

    fn height(&self) -> (f64, f64) {
        (0.5, self.lines as f64 + 0.5)
    }

    /// Dashed vertical lines at the exact gradients. One line runs through the rows of all estimators of a target, since
    /// they share its exact gradient.
    fn exact_lines(&self) -> Vec<Plot> {
        let mut plots = Vec::new();
        let mut top = self.lines as f64 + 0.5;
        for shared in self.exact.chunk_by(|a, b| a == b) {
            let bottom = top - shared.len() as f64;
            if shared[0].is_finite() {
                let line = LinePlot::new().with_data([(shared[0], bottom), (shared[0], top)]);
                plots.push(Plot::Line(line.with_color(EXACT).with_stroke_width(1.0).with_dashed()));
            }
            top = bottom;
        }
        plots
    }

    /// A pale line at each tick, which the chart library leaves out beside names, then exact gradients, then the marks.
    pub(super) fn drawn(self) -> Vec<Plot> {
        let (bottom, top) = self.height();
        let pale = |x| {
            let line = LinePlot::new().with_data([(x, bottom), (x, top)]);
            Plot::Line(line.with_color("#DDDDDD").with_stroke_width(0.6))
        };
        let lines = match self.decades {
            true => decade_lines(self.range, MOST_TICKS),
            false => multiples(self.step(), self.range),
        };
        let grid = lines.into_iter().map(pale);
        let exact = self.exact_lines();
        grid.chain(exact).chain(self.plots).collect()
    }

    /// The distance of two ticks: 1, 2 or 5 times a power of ten; on a logarithmic axis that of [`decade_step`].
    fn step(&self) -> f64 {
        match self.decades {
            true => decade_step(self.range, MOST_TICKS),
            false => tick_step(self.range.1 - self.range.0, MOST_TICKS),
        }
    }
}

/// A word at the left end of an estimator's line, instead of a mark.
pub(super) fn word(text: &str, line: usize, (low, high): (f64, f64)) -> TextAnnotation {
    // The chart library centres the text above its anchor: it goes right by half its width and
    // down by half its height.
    let x = low + (high - low) * (0.03 + 0.02 * text.len() as f64);
    TextAnnotation::new(text, x, line as f64 - 0.35).with_font_size(WORD).with_color("#555555")
}

/// A word at the right end of an estimator's line.
pub(super) fn word_at_right(text: &str, line: usize, (low, high): (f64, f64)) -> TextAnnotation {
    let x = high - (high - low) * (0.02 + 0.022 * text.len() as f64);
    TextAnnotation::new(text, x, line as f64 - 0.35).with_font_size(WORD).with_color("#333333")
}

/// An estimator's mark on its line, with a bar to both sides.
pub(super) fn dot(x: f64, half: f64, line: f64, colour: &str) -> Plot {
    let mark = ScatterPlot::new().with_data([(x, line)]).with_size(4.5).with_color(colour);
    Plot::Scatter(if half > 0.0 { mark.with_x_err([half]) } else { mark })
}

/// The distance of ticks on a logarithmic axis over so many decades, at most so many: tenths of a decade on a single one, where whole decades would give two
/// ticks.
pub(super) fn decade_step((low, high): (f64, f64), most: f64) -> f64 {
    if high - low < 2.0 { FINE } else { ((high - low) / most).ceil() }
}

/// The label of a tick on a logarithmic axis: 1, 2 or 5 times a power of ten, or none.
pub(super) fn decade_label(exponent: f64) -> String {
    let whole = exponent.floor();
    let times = |digit: f64| match whole as i32 {
        // Numbers that are as short without a power.
        -1..=1 => format!("{}", (digit * 10_f64.powf(whole) * 10.0).round() / 10.0),
        _ => format!("{digit}·{}", power_of_ten(whole)),
    };
    match (10.0 * (exponent - whole)).round() as u32 {
        0 => power_of_ten(whole),
        3 => times(2.0),
        7 => times(5.0),
        10 => power_of_ten(whole + 1.0),
        _ => String::new(),
    }
}

/// The pale lines of a logarithmic axis: at its ticks, and on one of few decades at 1, 2, …, 9 times every power of ten.
pub(super) fn decade_lines((low, high): (f64, f64), most: f64) -> Vec<f64> {
    let step = decade_step((low, high), most);
    if step != FINE {
        return multiples(step, (low, high));
    }
    let within = |decade: i32| (1..10).map(move |i| f64::from(decade) + f64::from(i).log10());
    let all = (low.floor() as i32..=high.floor() as i32).flat_map(within);
    all.filter(|x| (low..=high).contains(x)).collect()
}

/// The multiples of a step in a range.
pub(super) fn multiples(step: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let all = (0..).map(|i| step * ((low / step).ceil() + f64::from(i)));
    all.take_while(|&x| x <= high).collect()
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

    #[test]
    fn a_logarithmic_axis_of_one_decade_has_four_labels() {
        let ticks = multiples(decade_step((-6.0, -5.0), 4.0), (-6.0, -5.0));
        let labels: Vec<String> =
            ticks.into_iter().map(decade_label).filter(|label| !label.is_empty()).collect();
        assert_eq!(labels, ["10⁻⁶", "2·10⁻⁶", "5·10⁻⁶", "10⁻⁵"]);
        // The label stands within a thousandth of a decade and a half of the number that it names.
        assert!((2_f64.log10() - 0.3).abs() < 1.5e-3 && (5_f64.log10() - 0.7).abs() < 1.5e-3);
        assert_eq!(decade_lines((0.0, 1.0), 4.0).len(), 10);
        assert_eq!(decade_lines((-3.0, 5.0), 4.0), [-2.0, 0.0, 2.0, 4.0]);
    }
}

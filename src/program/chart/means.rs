//! Estimators against the truth: their means with error bars, and what their variance costs.

use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use unicode_width::UnicodeWidthStr;

use super::panel::Panel;

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
    /// The exact gradient, or what stands for it.
    pub(crate) exact: f64,
    /// The mean of the draws.
    pub(crate) mean: f64,
    /// The standard error of that mean.
    pub(crate) standard_error: f64,
    /// The variance of one draw (of all components together).
    pub(crate) variance: f64,
    /// The time of one draw (of all components together).
    pub(crate) seconds_per_draw: f64,
}

/// One panel per component with each estimator's mean, its error bar of two standard errors and
/// the truth as a line; below them the variance, the time, and their product, on log axes.
///
/// Of more than six components the six with the largest exact gradient are drawn.
pub(crate) fn compare(bars: &[Bar], title: &str) -> Scene {
    let estimators = distinct(bars.iter().map(|bar| bar.estimator.as_str()));
    let all = distinct(bars.iter().map(|bar| bar.component.as_str()));
    let size = |name: &&str| {
        let of = bars.iter().filter(|bar| bar.component == *name);
        of.map(|bar| bar.exact.abs()).fold(0.0, f64::max)
    };
    let sizes: Vec<f64> = all.iter().map(size).collect();
    let shown: Vec<&str> = largest(&sizes, MOST_COMPONENTS).into_iter().map(|i| all[i]).collect();
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
    // Every bar of an estimator has the same.
    let variance = |of: &[&Bar]| of.first().map_or(f64::NAN, |bar| bar.variance);
    let seconds = |of: &[&Bar]| of.first().map_or(f64::NAN, |bar| bar.seconds_per_draw);
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
    // Only the first column carries the estimators' names.
    let names = names_width(&estimators);
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

/// The pixels that the longest name takes: a letter is some seven wide.
pub(super) fn names_width(names: &[&str]) -> f64 {
    10.0 + 7.2 * names.iter().map(|name| name.width()).max().unwrap_or(0) as f64
}

pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

/// Where the largest sizes are, in their own order.
pub(super) fn largest(sizes: &[f64], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
    order.truncate(most);
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::super::{picture, svg};
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
        let text = svg(&compare(&bars(6), "dvae-4x3"));
        for name in ["∇ encoder.b[5]", "reinforce, leave-one-out", "σ²", "truth", "10⁻⁵"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&compare(&bars(6), "dvae-4x3"), "compare.png");
    }

    #[test]
    fn of_many_components_the_largest_are_drawn_and_counted() {
        let text = svg(&compare(&bars(40), "dvae"));
        assert!(text.contains("6 of 40 components"));
        assert_eq!(text.matches("∇ encoder").count(), 6);
    }

    #[test]
    fn what_is_not_finite_and_no_bars_at_all_are_harmless() {
        let mut broken = bars(1);
        broken[1] = Bar { mean: f64::NAN, variance: f64::INFINITY, ..broken[1].clone() };
        assert!(svg(&compare(&broken, "broken")).contains("not finite"));
        picture(&compare(&broken, "one component, one estimator broken"), "broken.png");
        picture(&compare(&bars(4), "four components"), "four.png");
        assert!(svg(&compare(&[], "nothing")).contains("<svg"));
    }
}

//! Means of gradients with their errors beside the exact gradient, and the cost of their variance.

use super::drawing::{panel_width, range, titled};
use super::estimators::{Estimators, Named, largest};
use super::panel::{Panel, dot, word};
use crate::program::distinct::distinct;
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

/// Panels of components; those of the cost stand below them.
const MOST_COMPONENTS: usize = 3;
/// The least width of all panels in a row, in pixels.
const WIDTH: f64 = 960.0;
/// The height of the lines of a panel in pixels, so that a page is as wide as a screen for any number of lines.
const HEIGHT: f64 = 230.0;
/// The least and the largest height of one estimator's line.
const LINE: (f64, f64) = (20.0, 60.0);

/// The estimate of one component of the gradient by one estimator.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    /// The name of the estimator.
    pub(crate) estimator: String,
    /// The name of the quantity whose gradient is estimated.
    pub(crate) target: String,
    /// The claim of the estimator.
    pub(crate) claim: String,
    /// True if the draws contradict the claim.
    pub(crate) refuted: bool,
    /// The name of the component.
    pub(crate) component: String,
    /// The exact gradient of the target, or a reference for it.
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

/// One panel for each component with the mean of each estimator, its error bar of two standard errors and the exact
/// gradient of its target as a dashed line; below them the variance, the time, and their product, on log axes.
///
/// Estimators of one target stand together, and the colour is that of the claim. Of more than three components the three with the
/// largest errors are drawn, where estimators differ.
///
/// `dashed` is the word for the dashed line.
pub(crate) fn means(estimates: &[Estimate], title: &str, dashed: &str) -> Scene {
    let estimators = Estimators::new(estimates.iter().map(Estimate::named));
    let all = distinct(estimates.iter().map(|one| one.component.as_str()));
    let size = |name: &&str| {
        let of = estimates.iter().filter(|one| one.component == *name);
        of.map(|one| (one.mean - one.exact).abs() + one.standard_error).fold(0.0, f64::max)
    };
    let sizes: Vec<f64> = all.iter().map(size).collect();
    let shown: Vec<&str> = largest(&sizes, MOST_COMPONENTS).into_iter().map(|i| all[i]).collect();
    let about = match shown.len() {
        n if n == all.len() => String::new(),
        n => format!("{n} of {} components, those with the largest errors", all.len()),
    };

    let mut panels: Vec<Panel> = Vec::new();
    for component in &shown {
        panels.push(component_panel(estimates, &estimators, [component, dashed]));
    }
    // The variance and the time are the same for all components of an estimator.
    let variance = |of: Option<&Estimate>| of.map_or(f64::NAN, |one| one.variance);
    let microseconds =
        |of: Option<&Estimate>| of.map_or(f64::NAN, |one| 1e6 * one.seconds_per_draw);
    let sum = if all.len() > 1 { "Σ " } else { "" };
    let cost = |title: &str, label: &str, f: &dyn Fn(Option<&Estimate>) -> f64| {
        let of = |name: &&str| estimates.iter().find(|one| one.estimator == *name);
        let values: Vec<f64> = estimators.names.iter().map(|name| f(of(name))).collect();
        Panel::of_cost(&values, &estimators.colours, title, label)
    };
    panels.push(cost("variance of one draw", &format!("{sum}σ²"), &variance));
    panels.push(cost("time of one draw", "µs", &microseconds));
    let product = |of: Option<&Estimate>| variance(of) * microseconds(of);
    panels.push(cost("variance × time", &format!("{sum}σ² × µs"), &product));

    let mut plots = Vec::new();
    let mut layouts = Vec::new();
    let columns = panels.len().div_ceil(2);
    for (i, panel) in panels.into_iter().enumerate() {
        layouts.push(panel.layout(estimators.axis(i % columns == 0)));
        plots.push(panel.drawn());
    }
    let title = estimators.title(title, &about);
    let width = panel_width(WIDTH / columns.max(1) as f64, columns, estimators.width(), &title);
    let lines = estimators.len().max(3) as f64;
    let figure = Figure::new(2, columns)
        .with_cell_size(width, 100.0 + lines * (HEIGHT / lines).clamp(LINE.0, LINE.1))
        .with_col_width(0, width + estimators.width())
        .with_plots(plots)
        .with_layouts(layouts);
    titled(figure, &title)
}

impl Estimate {
    fn named(&self) -> Named<'_> {
        Named {
            estimator: &self.estimator,
            target: &self.target,
            claim: &self.claim,
            refuted: self.refuted,
        }
    }
}

/// The panel of one component.
fn component_panel(
    estimates: &[Estimate],
    estimators: &Estimators,
    [component, dashed]: [&str; 2],
) -> Panel {
    let lines = estimators.len();
    let mut ends = Vec::new();
    let mut exact = vec![f64::NAN; lines];
    let (mut plots, mut broken) = (Vec::new(), Vec::new());
    for one in estimates.iter().filter(|one| one.component == component) {
        let Some(i) = estimators.place(&one.estimator) else { continue };
        let half = 2.0 * one.standard_error;
        exact[i] = one.exact;
        if one.exact.is_finite() {
            ends.push(one.exact);
        }
        if one.mean.is_finite() && half.is_finite() {
            ends.extend([one.mean - half, one.mean + half]);
            plots.push(dot(one.mean, half, (lines - i) as f64, estimators.colours[i]));
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
        label: format!("mean ± 2 SE (dashed: {dashed})"),
        range,
        lines,
        exact,
        words: broken.into_iter().map(|line| word("not finite", line, range)).collect(),
        ..Panel::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::super::panel::EXACT;
    use super::*;
    use kuva::render::color::Color;
    use kuva::render::render::Primitive;

    /// Estimates like those of a small discrete model, with fixed z-scores.
    fn estimates(components: usize) -> Vec<Estimate> {
        let estimators = [
            ("enumeration", 0.0, 2e-5),
            ("reinforce", 4.0, 1.1e-6),
            ("reinforce, running mean", 0.9, 1.2e-6),
            ("reinforce, leave-one-out", 0.35, 4.3e-6),
            ("straight-through", 0.02, 1.0e-6),
        ];
        let mut estimates = Vec::new();
        for c in 0..components {
            let exact = 0.3 * ((c as f64) * 1.7).cos();
            for (i, (estimator, variance, seconds)) in estimators.into_iter().enumerate() {
                let standard_error = f64::sqrt(variance / 1e5);
                let z = if i == 4 { 30.0 } else { ((c * 5 + i) as f64 * 2.3).sin() * 1.5 };
                estimates.push(Estimate {
                    refuted: false,
                    estimator: estimator.into(),
                    target: "ELBO".into(),
                    claim: ["exact", "unbiased", "biased"][i.min(1) + usize::from(i == 4)].into(),
                    component: format!("encoder.b[{c}]"),
                    exact,
                    mean: exact + z * standard_error,
                    standard_error,
                    variance,
                    seconds_per_draw: seconds,
                });
            }
        }
        estimates
    }

    #[test]
    fn every_estimator_and_component_is_drawn() {
        let text = svg(&means(&estimates(3), "dvae-4x3", "exact"));
        for name in ["∇ encoder.b[2]", "reinforce, leave-one-out", "σ²", "(dashed: exact)", ">µs<"]
        {
            assert!(text.contains(name), "{name} is missing");
        }
        assert!(text.contains(">claims to be exact (green), unbiased (blue), biased (orange)<"));
        let estimated = svg(&means(&estimates(3), "run", "reference"));
        assert!(estimated.contains("(dashed: reference)") && !estimated.contains("dashed: exact"));
        picture(&means(&estimates(6), "dvae-4x3", "exact"), "means.png");
    }

    #[test]
    fn of_many_components_those_with_the_largest_errors_are_drawn_and_counted() {
        let text = svg(&means(&estimates(40), "dvae", "exact"));
        assert!(text.contains("3 of 40 components, those with the largest errors"));
        assert_eq!(text.matches("∇ encoder").count(), 3);
    }

    #[test]
    fn what_is_not_finite_and_no_bars_at_all_are_harmless() {
        let mut broken = estimates(1);
        broken[1] = Estimate { mean: f64::NAN, variance: f64::INFINITY, ..broken[1].clone() };
        assert!(svg(&means(&broken, "broken", "exact")).contains("not finite"));
        picture(&means(&broken, "one component, one estimator broken", "exact"), "broken.png");
        picture(&means(&estimates(4), "four components", "exact"), "four.png");
        assert!(svg(&means(&[], "nothing", "exact")).contains("<svg"));
    }

    /// The dashed lines of exact gradients in a scene, each `[x, top, bottom]`.
    fn exact_lines(scene: &Scene) -> Vec<[f64; 3]> {
        let line = |element: &Primitive| match element {
            Primitive::PolyLine { points, stroke, .. } if *stroke == Color::from(EXACT) => {
                Some([points[0].0, points[1].1, points[0].1])
            }
            _ => None,
        };
        scene.elements.iter().filter_map(line).collect()
    }

    /// The centres of all marks in a scene.
    fn marks(scene: &Scene) -> Vec<[f64; 2]> {
        let centres = |element: &Primitive| match element {
            Primitive::Circle { cx, cy, .. } => vec![[*cx, *cy]],
            Primitive::CircleBatch { cx, cy, .. } => {
                cx.iter().zip(cy).map(|(&x, &y)| [x, y]).collect()
            }
            _ => Vec::new(),
        };
        scene.elements.iter().flat_map(centres).collect()
    }

    #[test]
    fn every_exact_estimator_lies_on_the_line_of_its_own_target() {
        let estimate = |estimator: &str, target: &str, exact: f64| Estimate {
            refuted: false,
            estimator: estimator.into(),
            target: target.into(),
            claim: "exact".into(),
            component: "phi".into(),
            exact,
            mean: exact,
            standard_error: 0.0,
            // Nothing but the component's panel has marks at finite places.
            variance: f64::NAN,
            seconds_per_draw: f64::NAN,
        };
        // Two targets in turn: each line goes through the estimators of its own target.
        let scene = means(
            &[
                estimate("enumeration", "ELBO", 1.0),
                estimate("vimco", "L_K", 2.0),
                estimate("local", "ELBO", 1.0),
                estimate("self-normalised", "ln p", 3.0),
                estimate("disarm-bound", "L_K", 2.0),
            ],
            "exact estimators of three targets",
            "exact",
        );
        let (lines, marks) = (exact_lines(&scene), marks(&scene));
        assert_eq!((lines.len(), marks.len()), (3, 5));
        for [x, y] in marks {
            let on = lines.iter().find(|[_, top, bottom]| (*top..=*bottom).contains(&y));
            let [line, ..] = on.expect("every mark has a line at its height");
            // Both are placed by the same axis, so they agree to rounding.
            assert!((line - x).abs() < 1e-6, "a mark at {x} beside the line at {line}");
        }
        picture(&scene, "targets.png");
    }
}

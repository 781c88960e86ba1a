//! Draws of gradients, those of each estimator as a violin about its line.

use super::drawing::{panel_width, range, titled};
use super::estimators::{Estimators, Named, largest};
use super::panel::{Panel, dot, word_at_right};
use crate::program::distinct::distinct;
use kuva::prelude::{BandPlot, LinePlot, Plot};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

/// The number of panels, side by side.
const MOST_COMPONENTS: usize = 3;
/// The least width of a panel, in pixels.
const WIDTH: f64 = 300.0;
/// The height of the lines of a panel in pixels, so that a page is as wide as a screen for any number of lines.
const HEIGHT: f64 = 440.0;
/// The least and the largest height of one estimator's line.
const LINE: (f64, f64) = (34.0, 90.0);
/// Half the height of a violin, in lines.
const HALF: f64 = 0.42;
/// The cells of the density over the width of a panel: about two pixels each.
const CELLS: usize = 160;

/// The room beside the violins for shares of draws outside, as a part of their width.
const ASIDE: f64 = 0.34;

/// The most values that draws can take to be drawn value by value.
const MOST_ATOMS: usize = 12;

/// The draws of one component of the gradient by one estimator.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    /// The estimator's name.
    pub(crate) estimator: String,
    /// The name of the quantity whose gradient is estimated.
    pub(crate) target: String,
    /// The claim of the estimator.
    pub(crate) claim: String,
    /// The component's name.
    pub(crate) component: String,
    /// The exact gradient of the target, or a reference for it.
    pub(crate) exact: f64,
    /// The draws.
    pub(crate) draws: Vec<f64>,
    /// True if the draws contradict the claim.
    pub(crate) refuted: bool,
}

/// A violin and the mean of the draws of each estimator, with the exact gradient of its target as a dashed line, for
/// the components whose draws differ most from it.
///
/// A violin is as high as its own draws are dense; all violins of a panel share one axis, so the width is the noise. Where draws of an
/// estimator lie outside the panel, its line tells how many. `dashed` is the word for the dashed line.
pub(crate) fn violins(all: &[Draws], title: &str, dashed: &str) -> Scene {
    let estimators = Estimators::new(all.iter().map(|one| Named {
        estimator: &one.estimator,
        target: &one.target,
        claim: &one.claim,
        refuted: one.refuted,
    }));
    let components = distinct(all.iter().map(|one| one.component.as_str()));
    let of =
        |name: &str| -> Vec<&Draws> { all.iter().filter(|one| one.component == name).collect() };
    let noise = |one: &&Draws| {
        let squares = one.draws.iter().map(|draw| (draw - one.exact).powi(2));
        squares.sum::<f64>() / one.draws.len().max(1) as f64
    };
    let noisiest = |name: &&str| of(name).iter().map(noise).fold(0.0, f64::max);
    let sizes: Vec<f64> = components.iter().map(noisiest).collect();
    let about = match components.len() {
        few if few <= MOST_COMPONENTS => String::new(),
        all => format!("{MOST_COMPONENTS} of {all} components, those with the most noise"),
    };
    let (mut plots, mut layouts, mut cut) = (Vec::new(), Vec::new(), false);
    for (i, component) in largest(&sizes, MOST_COMPONENTS).into_iter().enumerate() {
        let panel = component_panel(&of(components[component]), &estimators, dashed);
        cut |= !panel.words.is_empty();
        layouts.push(panel.layout(estimators.axis(i == 0)));
        plots.push(panel.drawn());
    }
    let outside = if cut { "%: draws not shown" } else { "" };
    let about = [about.as_str(), outside].into_iter().filter(|words| !words.is_empty());
    let title = estimators.title(title, &about.collect::<Vec<_>>().join("; "));
    let width = panel_width(WIDTH, plots.len(), estimators.width(), &title);
    let lines = estimators.len().max(3) as f64;
    let figure = Figure::new(1, plots.len().max(1))
        .with_cell_size(width, 100.0 + lines * (HEIGHT / lines).clamp(LINE.0, LINE.1))
        .with_col_width(0, width + estimators.width())
        .with_plots(plots)
        .with_layouts(layouts);
    titled(figure, &title)
}

/// The panel of one component, as wide as the middle 98 % of all its draws and its exact gradients.
fn component_panel(of: &[&Draws], estimators: &Estimators, dashed: &str) -> Panel {
    let lines = estimators.len();
    let mut all: Vec<f64> = of.iter().flat_map(|one| &one.draws).copied().collect();
    all.retain(|draw| draw.is_finite());
    all.sort_by(f64::total_cmp);
    let from = |share: f64| all.get((share * all.len().saturating_sub(1) as f64) as usize);
    let middle = [from(0.01), from(0.99)].into_iter().flatten().copied();
    let known = of.iter().map(|one| one.exact).filter(|exact| exact.is_finite());
    let (low, high) = range(middle.chain(known)).unwrap_or((0.0, 1.0));
    let margin = if high > low { 0.04 * (high - low) } else { 0.1 * high.abs().max(1e-3) };
    let inner = (low - margin, high + margin);
    let outside = of.iter().any(|one| outside(&one.draws, inner).is_some());
    // Shares of draws outside stand beside the violins.
    let range = (inner.0, if outside { inner.1 + ASIDE * (inner.1 - inner.0) } else { inner.1 });
    let (mut plots, mut exact) = (Vec::new(), vec![f64::NAN; lines]);
    if outside {
        let end = [(inner.1, 0.5), (inner.1, lines as f64 + 0.5)];
        let end = LinePlot::new().with_data(end).with_color("#999999").with_stroke_width(1.0);
        plots.push(Plot::Line(end));
    }
    let mut words = Vec::new();
    for one in of {
        let Some(i) = estimators.place(&one.estimator) else { continue };
        exact[i] = one.exact;
        plots.extend(violin(&one.draws, (lines - i) as f64, inner, estimators.colours[i]));
        let share = self::outside(&one.draws, inner);
        words.extend(share.map(|share| word_at_right(&share, lines - i, range)));
        let mean = one.draws.iter().sum::<f64>() / one.draws.len() as f64;
        if (inner.0..=inner.1).contains(&mean) {
            plots.push(dot(mean, 0.0, (lines - i) as f64, estimators.colours[i]));
        }
    }
    Panel {
        plots,
        title: of.first().map_or(String::new(), |one| format!("∇ {}", one.component)),
        label: format!("gradient (dashed: {dashed})"),
        words,
        range,
        lines,
        exact,
        ..Panel::default()
    }
}

/// The share of draws that lie outside a range in percent, if there are any; draws that are not finite lie outside.
fn outside(draws: &[f64], (low, high): (f64, f64)) -> Option<String> {
    let count = draws.iter().filter(|draw| !(low..=high).contains(*draw)).count();
    let percent = 100.0 * count as f64 / draws.len().max(1) as f64;
    match count {
        0 => None,
        _ if percent < 1.0 => Some(format!("{percent:.1} %")),
        _ => Some(format!("{percent:.0} %")),
    }
}

/// The density of draws, to both sides of a line, scaled to its own highest point; a bar for each value, if there are few.
fn violin(draws: &[f64], line: f64, (low, high): (f64, f64), colour: &str) -> Vec<Plot> {
    let cell = (high - low) / CELLS as f64;
    let band = |x: Vec<f64>, height: Vec<f64>| {
        let edge = |side: f64| height.iter().map(|h| line + side * HALF * h).collect::<Vec<_>>();
        Plot::Band(BandPlot::new(x, edge(-1.0), edge(1.0)).with_color(colour).with_opacity(0.45))
    };
    if let Some(atoms) = atoms(draws, cell) {
        let top = atoms.iter().fold(1, |top, atom| atom.1.max(top)) as f64;
        let inside = atoms.into_iter().filter(|atom| (low..=high).contains(&atom.0));
        let bar = |(value, count): (f64, usize)| {
            band(vec![value - cell, value + cell], vec![count as f64 / top; 2])
        };
        return inside.map(bar).collect();
    }
    let density = smoothed(&counts(draws, low, cell));
    let top = density.iter().fold(f64::MIN_POSITIVE, |top, &d| f64::max(top, d));
    // Empty cells are not drawn, so a narrow violin does not trail a line.
    let shown = |&(_, height): &(f64, f64)| height > 0.004;
    let centre = |i: usize| low + cell * (i as f64 + 0.5);
    let points = density.iter().enumerate().map(|(i, d)| (centre(i), d / top));
    let (x, height): (Vec<f64>, Vec<f64>) = points.filter(shown).unzip();
    vec![band(x, height)]
}

/// The values of draws and how often each was drawn, if there are few of them; values closer than `near` are one.
fn atoms(draws: &[f64], near: f64) -> Option<Vec<(f64, usize)>> {
    let mut sorted: Vec<f64> = draws.iter().copied().filter(|draw| draw.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut atoms: Vec<(f64, usize)> = Vec::new();
    for draw in sorted {
        let known = atoms.len();
        match atoms.last_mut() {
            Some((value, count)) if draw - *value < near * 1e-6 => *count += 1,
            _ if known == MOST_ATOMS => return None,
            _ => atoms.push((draw, 1)),
        }
    }
    Some(atoms)
}

fn counts(draws: &[f64], low: f64, cell: f64) -> Vec<f64> {
    let mut counts = vec![0.0; CELLS];
    for draw in draws.iter().filter(|draw| draw.is_finite()) {
        let at = ((draw - low) / cell).floor();
        if (0.0..CELLS as f64).contains(&at) {
            counts[at as usize] += 1.0;
        }
    }
    counts
}

/// Counts smoothed by a normal kernel of Silverman's width, 0.9 min(deviation, interquartile range / 1.34) n^(−1/5), and at
/// least half a cell.
fn smoothed(counts: &[f64]) -> Vec<f64> {
    let total = counts.iter().sum::<f64>().max(1.0);
    let moment = |f: &dyn Fn(f64) -> f64| {
        counts.iter().enumerate().map(|(i, c)| c * f(i as f64)).sum::<f64>() / total
    };
    let mean = moment(&|i| i);
    let deviation = moment(&|i| (i - mean).powi(2)).sqrt();
    let quantile = |share: f64| {
        let below = counts.iter().scan(0.0, |sum, c| {
            *sum += c;
            Some(*sum)
        });
        below.take_while(|&sum| sum < share * total).count() as f64
    };
    let spread = deviation.min((quantile(0.75) - quantile(0.25)) / 1.34);
    let width = (0.9 * spread * total.powf(-0.2)).max(0.5);
    let kernel = |away: f64| (-0.5 * (away / width).powi(2)).exp();
    let at = |i: usize| {
        counts.iter().enumerate().map(|(j, c)| c * kernel(i as f64 - j as f64)).sum::<f64>()
    };
    (0..counts.len()).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    /// Draws with a mean of 0.3 and four different spreads, two of them discrete.
    fn draws() -> Vec<Draws> {
        let normal = |i: usize| {
            let u = |n: usize| ((n as f64 * 0.754_877_666).fract() + 1e-3).min(1.0);
            (-2.0 * u(i).ln()).sqrt() * (std::f64::consts::TAU * u(i * 7 + 1)).cos()
        };
        let of = |estimator: &str, f: &dyn Fn(usize) -> f64| Draws {
            refuted: false,
            estimator: estimator.into(),
            target: "ELBO".into(),
            claim: "unbiased".into(),
            component: "phi".into(),
            exact: 0.3,
            draws: (0..800).map(f).collect(),
        };
        vec![
            of("enumeration", &|_| 0.3),
            of("reinforce-none", &|i| 0.3 + 2.0 * normal(i)),
            of("vimco", &|i| 0.3 + 0.3 * normal(i)),
            of("two values", &|i| if i % 2 == 0 { -0.5 } else { 1.1 }),
        ]
    }

    #[test]
    fn every_estimator_has_its_violin_beside_the_exact_gradient() {
        let scene = violins(&draws(), "phi at 0.3", "exact");
        let text = svg(&scene);
        for name in ["enumeration", "two values", "∇ phi", "dashed: exact"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&scene, "violins.png");
    }

    #[test]
    fn every_line_tells_its_own_share_of_draws_outside() {
        assert_eq!(outside(&[0.0, 0.5, 2.0, f64::NAN], (0.0, 1.0)).as_deref(), Some("50 %"));
        assert_eq!(outside(&[0.5; 4], (0.0, 1.0)), None);
        let mut few = vec![0.5; 999];
        few.push(9.0);
        assert_eq!(outside(&few, (0.0, 1.0)).as_deref(), Some("0.1 %"));
        // One per cent of the draws on each side lie outside, all of them those of the noisiest estimator.
        let text = svg(&violins(&draws(), "phi at 0.3", "reference"));
        assert_eq!(text.matches(" %<").count(), 1, "one of four estimators has draws outside");
        assert!(
            text.contains("dashed: reference")
                && text.contains("%: draws not shown")
                && !text.contains("exact")
        );
    }

    #[test]
    fn a_density_keeps_its_place_and_its_two_hills() {
        let draws: Vec<f64> = (0..100).map(|i| if i < 50 { 0.25 } else { 0.75 }).collect();
        let density = smoothed(&counts(&draws, 0.0, 1.0 / CELLS as f64));
        let (quarter, half) = (CELLS / 4, CELLS / 2);
        assert!(density[quarter] > 2.0 * density[half], "{} {}", density[quarter], density[half]);
        assert!((density[quarter] - density[3 * quarter]).abs() < 0.05 * density[quarter]);
    }

    #[test]
    fn few_values_are_counted_and_many_are_not() {
        let found = atoms(&[1.0, -0.5, 1.0, f64::NAN, 1.0 + 1e-12], 0.01);
        assert_eq!(found, Some(vec![(-0.5, 1), (1.0, 3)]));
        let many: Vec<f64> = (0..=MOST_ATOMS).map(|i| i as f64).collect();
        assert_eq!(atoms(&many, 0.01), None);
        assert_eq!(violin(&[1.0, -0.5, 1.0], 1.0, (-1.0, 2.0), "#000000").len(), 2);
    }

    #[test]
    fn what_is_not_finite_and_no_draws_at_all_are_harmless() {
        let mut broken = draws();
        broken[1].draws = vec![f64::NAN, f64::INFINITY];
        broken[2].draws.clear();
        assert!(svg(&violins(&broken, "broken", "exact")).contains("<svg"));
        assert!(svg(&violins(&[], "nothing", "exact")).contains("<svg"));
    }
}

//! Draws of gradients, each estimator's as a violin about its line.

use kuva::prelude::{BandPlot, Plot};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

use super::compare::{distinct, largest, names_width};
use super::panel::Panel;

/// Panels, side by side.
const MOST_COMPONENTS: usize = 3;
/// The height of one estimator's line, in pixels.
const LINE: f64 = 34.0;
/// Half the height of a violin, in lines.
const HALF: f64 = 0.42;
/// Cells over the width of a panel: about two pixels each.
const CELLS: usize = 160;

/// Draws of one component of the gradient.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    /// The estimator's name.
    pub(crate) estimator: String,
    /// The component's name.
    pub(crate) component: String,
    /// The exact gradient, or what stands for it.
    pub(crate) exact: f64,
    /// The draws.
    pub(crate) draws: Vec<f64>,
}

/// A violin and the mean of each estimator's draws, with the truth as a line, for the components whose
/// draws differ most from it.
///
/// A violin is as high as its own draws are dense; all violins of a panel share one axis, so the width
/// is the noise.
pub(crate) fn violins(clouds: &[Cloud], title: &str) -> Scene {
    let estimators = distinct(clouds.iter().map(|cloud| cloud.estimator.as_str()));
    let all = distinct(clouds.iter().map(|cloud| cloud.component.as_str()));
    let of = |name: &str| -> Vec<&Cloud> {
        clouds.iter().filter(|cloud| cloud.component == name).collect()
    };
    let noise = |cloud: &&Cloud| {
        let squares = cloud.draws.iter().map(|draw| (draw - cloud.exact).powi(2));
        squares.sum::<f64>() / cloud.draws.len().max(1) as f64
    };
    let noisiest = |name: &&str| of(name).iter().map(noise).fold(0.0, f64::max);
    let sizes: Vec<f64> = all.iter().map(noisiest).collect();
    let mut plots = Vec::new();
    let mut layouts = Vec::new();
    for (i, component) in largest(&sizes, MOST_COMPONENTS).into_iter().enumerate() {
        let panel = Panel::of_draws(&of(all[component]), &estimators);
        let labels = estimators.iter().rev().map(|name| if i == 0 { name } else { "" });
        layouts.push(panel.layout(labels.map(String::from).collect()));
        plots.push(panel.drawn());
    }
    Figure::new(1, plots.len().max(1))
        .with_title(title)
        .with_title_size(18)
        .with_cell_size(300.0, 100.0 + LINE * estimators.len().max(3) as f64)
        .with_col_width(0, 300.0 + names_width(&estimators))
        .with_plots(plots)
        .with_layouts(layouts)
        .render()
}

/// The density of draws, to both sides of a line, scaled to its own highest point.
pub(super) fn violin(draws: &[f64], line: f64, (low, high): (f64, f64), colour: &str) -> Plot {
    let cell = (high - low) / CELLS as f64;
    let density = smoothed(&counts(draws, low, cell));
    let top = density.iter().fold(f64::MIN_POSITIVE, |top, &d| f64::max(top, d));
    // Where nothing is, nothing is drawn, so a narrow violin does not trail a line.
    let shown = |&(_, height): &(f64, f64)| height > 0.004;
    let centre = |i: usize| low + cell * (i as f64 + 0.5);
    let points = density.iter().enumerate().map(|(i, d)| (centre(i), d / top));
    let (x, height): (Vec<f64>, Vec<f64>) = points.filter(shown).unzip();
    let edge = |side: f64| height.iter().map(|h| line + side * HALF * h).collect::<Vec<_>>();
    Plot::Band(BandPlot::new(x, edge(-1.0), edge(1.0)).with_color(colour).with_opacity(0.45))
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

/// By a normal kernel of Silverman's width, 0.9 min(deviation, interquartile range / 1.34) n^(−1/5), and at
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
    use super::super::{picture, svg};
    use super::*;

    /// Draws with a mean of 0.3 and four different spreads, two of them discrete.
    fn clouds() -> Vec<Cloud> {
        let normal = |i: usize| {
            let u = |n: usize| ((n as f64 * 0.754_877_666).fract() + 1e-3).min(1.0);
            (-2.0 * u(i).ln()).sqrt() * (std::f64::consts::TAU * u(i * 7 + 1)).cos()
        };
        let cloud = |estimator: &str, f: &dyn Fn(usize) -> f64| Cloud {
            estimator: estimator.into(),
            component: "phi".into(),
            exact: 0.3,
            draws: (0..800).map(f).collect(),
        };
        vec![
            cloud("enumeration", &|_| 0.3),
            cloud("reinforce-none", &|i| 0.3 + 2.0 * normal(i)),
            cloud("vimco", &|i| 0.3 + 0.3 * normal(i)),
            cloud("two values", &|i| if i % 2 == 0 { -0.5 } else { 1.1 }),
        ]
    }

    #[test]
    fn every_estimator_has_its_violin_and_the_truth_is_named() {
        let scene = violins(&clouds(), "phi at 0.3");
        let text = svg(&scene);
        for name in ["enumeration", "two values", "∇ phi", "truth", "one draw of the gradient"] {
            assert!(text.contains(name), "{name} is missing");
        }
        picture(&scene, "violins.png");
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
    fn what_is_not_finite_and_no_draws_at_all_are_harmless() {
        let mut broken = clouds();
        broken[1].draws = vec![f64::NAN, f64::INFINITY];
        broken[2].draws.clear();
        assert!(svg(&violins(&broken, "broken")).contains("<svg"));
        assert!(svg(&violins(&[], "nothing")).contains("<svg"));
    }
}

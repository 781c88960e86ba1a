//! Draws from three distributions in one plane: a prior, a posterior and its approximation.

use super::drawing::{TICK, in_legend, png, range, titled};
use kuva::prelude::{Layout, Plot, ScatterPlot};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;

/// The colours of the prior, of the posterior and of the approximation.
const COLOURS: [&str; 3] = ["#999999", "#0072B2", "#D55E00"];
/// The size of a panel, in pixels.
const PANEL: (f64, f64) = (560.0, 520.0);

/// A name and some draws.
pub(crate) type Cloud<'a> = (&'a str, &'a [[f64; 2]]);

/// A prior, a posterior and its approximation as clouds of points, as a PNG: all three in the left panel, the last two alone in
/// the right one. Both axes of a panel have the same scale; points that are not finite are left out.
///
/// # Errors
/// If the picture cannot be drawn.
pub(crate) fn clouds(clouds: [Cloud; 3], axes: [&str; 2], title: &str) -> anyhow::Result<Vec<u8>> {
    png(&scene(clouds, axes, title))
}

fn scene(clouds: [Cloud; 3], axes: [&str; 2], title: &str) -> Scene {
    let all: Vec<(Cloud, &str)> = clouds.into_iter().zip(COLOURS).collect();
    let panels = [&all[..], &all[1..]];
    let figure = Figure::new(1, 2)
        .with_cell_size(PANEL.0, PANEL.1)
        .with_plots(panels.map(|of| of.iter().map(drawn).collect()).into())
        .with_layouts(vec![
            layout(panels[0], axes, "with the prior"),
            layout(panels[1], axes, "near the posterior"),
        ])
        .with_shared_legend_bottom();
    titled(figure, title)
}

fn drawn(&((name, draws), colour): &(Cloud, &str)) -> Plot {
    let finite = draws.iter().filter(|point| point.iter().all(|x| x.is_finite()));
    let dots = ScatterPlot::new().with_data(finite.map(|&[x, y]| (x, y)));
    Plot::Scatter(
        dots.with_color(colour)
            .with_size(3.0)
            .with_marker_opacity(0.55)
            .with_legend(in_legend(name)),
    )
}

fn layout(of: &[(Cloud, &str)], axes: [&str; 2], title: &str) -> Layout {
    let side = |axis: usize| {
        let draws = of.iter().flat_map(|((_, draws), _)| draws.iter());
        let finite = draws.map(|point| point[axis]).filter(|x| x.is_finite());
        let (low, high) = range(finite).unwrap_or((-1.0, 1.0));
        let side = if high > low { 0.05 * (high - low) } else { 1.0 };
        (low - side, high + side)
    };
    Layout::new(side(0), side(1))
        .with_equal_aspect()
        .with_title(title)
        .with_title_size(17)
        .with_x_label(axes[0])
        .with_y_label(if axes[1].is_empty() { "(there is one latent)" } else { axes[1] })
        .with_label_size(16)
        .with_tick_size(TICK)
        .with_body_size(TICK)
        .with_grid_line_width(0.6)
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    #[test]
    fn all_clouds_are_drawn_and_the_prior_only_on_the_left() {
        let spiral = |scale: f64, at: f64| -> Vec<[f64; 2]> {
            let point = |i: i32| {
                let (t, r) = (0.9 * f64::from(i), scale * f64::from(i).sqrt() / 20.0);
                [at + r * t.cos(), at - r * t.sin()]
            };
            (0..400).map(point).collect()
        };
        let [prior, mut exact, q] = [spiral(2.0, 0.0), spiral(0.4, 0.7), spiral(0.3, 0.72)];
        exact.push([f64::NAN, 0.0]);
        let clouds = [("prior", &prior[..]), ("posterior", &exact[..]), ("q", &q[..])];
        let found = scene(clouds, ["latent 1", "latent 2"], "one row");
        let text = svg(&found);
        for part in
            ["one row", "with the prior", "near the posterior", "latent 2", ">prior<", ">q<"]
        {
            assert!(text.contains(part), "{part} is missing");
        }
        let count = |colour: &str| text.to_lowercase().matches(&colour.to_lowercase()).count();
        let [grey, blue, orange] = COLOURS.map(count);
        // Twice 400 points against once, and a mark in the legend.
        assert!(blue > grey && blue.abs_diff(orange) <= 1, "{grey} {blue} {orange}");
        picture(&found, "clouds.png");
        let none: &[[f64; 2]] = &[];
        assert!(
            svg(&scene([("a", none), ("b", none), ("c", none)], ["x", "y"], "")).contains("<svg")
        );
    }
}

//! Densities in a plane beside each other, as maps of their logarithms.

use super::drawing::{TICK, decimals, map_png, range};
use kuva::plot::ColorMap;
use kuva::prelude::{Heatmap, Layout, Plot};
use kuva::render::figure::Figure;
use kuva::render::render::Scene;
use std::sync::Arc;

/// The depth that a map shows below the highest point of all maps, in nats: a density 3000 times lower.
const DEPTH: f64 = 8.0;
/// The size of a panel, in pixels.
const PANEL: (f64, f64) = (520.0, 480.0);

/// A title and the logarithms of a density on a square of points, the first coordinate fastest.
type Map<'a> = (&'a str, Vec<f64>);

/// The logarithms of densities on one rectangle as a PNG, side by side and with the same colours: bright where a density is
/// high, and equally dark wherever it is eight nats or more below the highest point.
///
/// # Errors
/// If the picture cannot be drawn.
///
/// # Panics
/// If a map does not have a square of points.
pub(crate) fn density_maps(
    maps: &[Map],
    sides: [[f64; 2]; 2],
    names: [&str; 2],
) -> anyhow::Result<Vec<u8>> {
    map_png(&scene(maps, sides, names))
}

fn scene(maps: &[Map], [across, up]: [[f64; 2]; 2], [x, y]: [&str; 2]) -> Scene {
    let finite = maps.iter().flat_map(|(_, values)| values).copied().filter(|v| v.is_finite());
    let top = finite.fold(f64::NEG_INFINITY, f64::max);
    let drawn = |(_, values): &Map| {
        let points = values.len().isqrt();
        assert!(points * points == values.len(), "density maps: {} points", values.len());
        let shown = |value: &f64| {
            if value.is_finite() { value.clamp(top - DEPTH, top) } else { top - DEPTH }
        };
        let rows: Vec<Vec<f64>> =
            values.chunks_exact(points.max(1)).map(|row| row.iter().map(shown).collect()).collect();
        let colours = colours(&rows, top);
        let map = Heatmap::new().with_data(rows).with_cell_size(1.0).with_color_map(colours);
        vec![Plot::Heatmap(map.with_x_range(across[0], across[1]).with_y_range(up[0], up[1]))]
    };
    let layout = |(title, _): &Map| {
        Layout::new((across[0], across[1]), (up[0], up[1]))
            .with_title(*title)
            .with_title_size(17)
            .with_x_label(x)
            .with_y_label(y)
            .with_label_size(16)
            .with_tick_size(TICK)
            .with_x_axis_min(across[0])
            .with_x_axis_max(across[1])
            .with_y_axis_min(up[0])
            .with_y_axis_max(up[1])
    };
    let colours = match top.is_finite() {
        true => format!(
            "ln p(x): yellow {}, the highest; violet {} or less (nats)",
            decimals(top, 0.1),
            decimals(top - DEPTH, 0.1)
        ),
        false => "no density is finite".into(),
    };
    Figure::new(1, maps.len().max(1))
        .with_title(colours)
        .with_title_size(20)
        .with_cell_size(PANEL.0, PANEL.1)
        .with_plots(maps.iter().map(drawn).collect())
        .with_layouts(maps.iter().map(layout).collect())
        .render()
}

/// The colours of a map. The chart library gives the least and the greatest number of each map the ends of a scale; here the ends are
/// those of all maps.
fn colours(rows: &[Vec<f64>], top: f64) -> ColorMap {
    let (low, high) = range(rows.iter().flatten().copied()).unwrap_or((top, top));
    let colour = move |t: f64| {
        let value = low + t * (high - low);
        ColorMap::Viridis.map(((value - top) / DEPTH + 1.0).clamp(0.0, 1.0))
    };
    ColorMap::Custom(Arc::new(colour))
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;

    #[test]
    fn maps_have_their_titles_and_axes() {
        let at = |i: usize| (i as f64 / 20.0) - 1.0;
        let map = |steep: f64| -> Vec<f64> {
            let value = |i: usize| -steep * (at(i % 41) - 0.5).powi(2) - 9.0 * at(i / 41).powi(2);
            (0..41 * 41).map(value).collect()
        };
        let scene = scene(
            &[("the model", map(4.0)), ("the truth", map(20.0))],
            [[-1.0, 1.0], [-1.0, 1.0]],
            ["x1", "x2"],
        );
        let text = svg(&scene);
        assert!([">the model<", ">the truth<", ">x1<", ">x2<"].iter().all(|s| text.contains(s)));
        assert!(text.contains(">ln p(x): yellow 0.0, the highest; violet -8.0 or less (nats)<"));
        picture(&scene, "density-maps.png");
    }

    #[test]
    fn maps_share_their_colours_and_no_cell_has_another() {
        let colours = |top: f64, of: f64| {
            let ColorMap::Custom(colour) = colours(&[vec![of; 9]], top) else {
                panic!("the colours are those of all maps")
            };
            colour(0.0)
        };
        assert_eq!(colours(2.0, 2.0), ColorMap::Viridis.map(1.0));
        assert_eq!(colours(2.0, 2.0 - DEPTH), ColorMap::Viridis.map(0.0));
        // A low map beside a high one is dark in every cell.
        let maps = [("low", vec![-20.0; 9]), ("high", vec![0.0; 9])];
        let text = svg(&scene(&maps, [[0.0, 1.0]; 2], ["", ""]));
        let bright = text.matches(&ColorMap::Viridis.map(1.0)).count();
        assert_eq!(bright, text.matches(&ColorMap::Viridis.map(0.0)).count(), "{text}");
    }

    #[test]
    fn a_density_without_a_finite_number_is_dark() {
        let scene = scene(&[("", vec![f64::NEG_INFINITY; 4])], [[0.0, 1.0]; 2], ["", ""]);
        assert!(!svg(&scene).is_empty());
    }
}

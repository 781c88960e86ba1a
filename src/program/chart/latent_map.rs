//! Rows of data at their places in a plane of two latents, coloured by their labels.

use super::drawing::{TITLE, png, range};
use kuva::plot::legend::{LegendEntry, LegendShape};
use kuva::prelude::{Layout, Plot, ScatterPlot, TextAnnotation};
use kuva::render::render::{Scene, render_multiple};

/// Ten colours of different hue or lightness, those of Tableau 10, of which plotting libraries take their default.
const TEN: [&str; 10] = [
    "#1F77B4", "#FF7F0E", "#2CA02C", "#D62728", "#9467BD", "#8C564B", "#E377C2", "#7F7F7F",
    "#BCBD22", "#17BECF",
];
/// The colour of the labels beyond the tenth.
const OTHERS: &str = "#C8C8C8";
/// Points of so many rows or fewer are drawn large.
const FEW_POINTS: usize = 300;
/// The size of a picture, in pixels.
const SIZE: (f64, f64) = (780.0, 680.0);
/// The lengths of the two axes in such a picture, nearly.
const AXES: (f64, f64) = (630.0, 565.0);
/// The height of the letters that name a group of points, in pixels.
const LETTERS: u32 = 20;
/// The radius of the disk behind them, in pixels.
const DISK: f64 = 12.0;

/// Rows at their two coordinates as a PNG, each in the colour of its label; without labels, all in one colour.
///
/// `words` are the title and the names of both axes. Both axes have the same scale, so that distances in the picture are those of the plane;
/// without a name of the second axis there is one latent, and the rows lie one above the other. The label of a group also stands at the
/// medians of its points, or at that of its points with room that is nearest to them. Of more than ten labels, the ten most frequent have colours of their own. Each
/// point is drawn over those before it; points that are not finite are left out.
///
/// # Errors
/// If the picture cannot be drawn.
///
/// # Panics
/// If there is not one label for each point.
pub(crate) fn latent_map(
    points: &[[f64; 2]],
    labels: Option<&[u32]>,
    words: [&str; 3],
) -> anyhow::Result<Vec<u8>> {
    png(&scene(points, labels, words))
}

fn scene(
    points: &[[f64; 2]],
    labels: Option<&[u32]>,
    [title, across_is, up_is]: [&str; 3],
) -> Scene {
    if let Some(labels) = labels {
        let (labels, points) = (labels.len(), points.len());
        assert_eq!(labels, points, "latent map: {labels} labels for {points} points");
    }
    let groups = labels.map_or(Vec::new(), most_frequent);
    let colour = |i: usize| match labels {
        None => TEN[0],
        Some(labels) => colour_of(&groups, labels[i]),
    };
    let plane = !up_is.is_empty();
    let line: Vec<[f64; 2]>;
    let points = match plane {
        true => points,
        false => {
            line = points.iter().enumerate().map(|(i, point)| [point[0], (i + 1) as f64]).collect();
            &line
        }
    };
    let finite = |&i: &usize| points[i].iter().all(|x| x.is_finite());
    let shown: Vec<usize> = (0..points.len()).filter(finite).collect();
    let at = |axis: usize| {
        let (low, high) = range(shown.iter().map(|&i| points[i][axis])).unwrap_or((-1.0, 1.0));
        let side = if high > low { 0.04 * (high - low) } else { 1.0 };
        (low - side, high + side)
    };
    let (across, up) = (at(0), at(1));
    let radius = if shown.len() > FEW_POINTS { 2.6 } else { 4.5 };
    let dots = ScatterPlot::new()
        .with_data(shown.iter().map(|&i| (points[i][0], points[i][1])))
        .with_colors(shown.iter().map(|&i| colour(i)))
        .with_color(TEN[0])
        .with_size(radius)
        .with_marker_opacity(0.75);
    let mut plots = vec![Plot::Scatter(dots)];
    let layout = Layout::new(across, up)
        .with_width(SIZE.0)
        .with_height(SIZE.1)
        .with_title(title)
        .with_title_size(TITLE)
        .with_x_label(across_is)
        .with_y_label(if plane { up_is } else { "row" })
        .with_label_size(19)
        .with_tick_size(15)
        .with_body_size(18)
        .with_grid_line_width(0.6);
    let layout = if plane { layout.with_equal_aspect() } else { layout };
    let Some(labels) = labels else { return render_multiple(plots, layout) };

    let mut entries: Vec<LegendEntry> =
        groups.iter().map(|label| entry(&label.to_string(), colour_of(&groups, *label))).collect();
    if shown.iter().any(|&i| !groups.contains(&labels[i])) {
        entries.push(entry("others", OTHERS));
    }
    // The library sets letters above their anchor, and these are to be centred in their disk.
    let (wide, high) = ((across.1 - across.0) / AXES.0, (up.1 - up.0) / AXES.1);
    let pixel = if plane { [wide.max(high); 2] } else { [wide, high] };
    let lower = 0.8 * f64::from(LETTERS) * pixel[1];
    let mut named: Vec<[f64; 2]> = Vec::new();
    let mut layout =
        layout.with_legend_box(false).with_legend_title("label").with_legend_entries(entries);
    for label in &groups {
        let of: Vec<usize> = shown.iter().copied().filter(|&i| labels[i] == *label).collect();
        let Some(centre) = medians(points, &of) else { continue };
        let apart = |[x, y]: [f64; 2], other: &[f64; 2]| {
            ((x - other[0]) / pixel[0]).hypot((y - other[1]) / pixel[1])
        };
        let far = |at: &[f64; 2]| named.iter().all(|other| apart(*at, other) > 2.0 * DISK);
        // The nearest point of the group to its centre that has room.
        let places = [centre].into_iter().chain(of.iter().map(|&i| points[i])).filter(far);
        let nearest = places.min_by(|a, b| apart(*a, &centre).total_cmp(&apart(*b, &centre)));
        let Some([x, y]) = nearest else { continue };
        named.push([x, y]);
        let disk = ScatterPlot::new().with_data([(x, y)]).with_size(DISK).with_marker_opacity(0.85);
        plots.push(Plot::Scatter(disk.with_color("#FFFFFF")));
        let name = TextAnnotation::new(label.to_string(), x, y - lower).with_font_size(LETTERS);
        layout = layout.with_annotation(name);
    }
    render_multiple(plots, layout)
}

fn entry(label: &str, colour: &str) -> LegendEntry {
    LegendEntry {
        label: label.into(),
        color: colour.into(),
        shape: LegendShape::Circle,
        dasharray: None,
    }
}

fn colour_of(groups: &[u32], label: u32) -> &'static str {
    groups.iter().position(|&group| group == label).map_or(OTHERS, |place| TEN[place])
}

/// The labels that have colours, in rising order: at most ten, the most frequent, and of equally frequent ones the smallest.
fn most_frequent(labels: &[u32]) -> Vec<u32> {
    let mut counts = std::collections::BTreeMap::new();
    labels.iter().for_each(|label| *counts.entry(*label).or_insert(0_usize) += 1);
    let mut found: Vec<(u32, usize)> = counts.into_iter().collect();
    found.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut found: Vec<u32> = found.into_iter().take(TEN.len()).map(|pair| pair.0).collect();
    found.sort_unstable();
    found
}

/// The median of each coordinate.
fn medians(points: &[[f64; 2]], of: &[usize]) -> Option<[f64; 2]> {
    let median = |axis: usize| {
        let mut all: Vec<f64> = of.iter().map(|&i| points[i][axis]).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    Some([median(0)?, median(1)?])
}

#[cfg(test)]
mod tests {
    use super::super::drawing::{picture, svg};
    use super::*;
    use kuva::render::color::Color;
    use kuva::render::render::Primitive;

    /// Groups of points on spirals about their own centres.
    fn groups(count: u32, each: usize) -> (Vec<[f64; 2]>, Vec<u32>) {
        let (mut points, mut labels) = (Vec::new(), Vec::new());
        for i in 0..each {
            for label in 0..count {
                let turn = std::f64::consts::TAU * f64::from(label) / f64::from(count);
                let (t, r) = (0.7 * i as f64, 0.12 * (i as f64).sqrt());
                points.push([3.0 * turn.cos() + r * t.cos(), 3.0 * turn.sin() + r * t.sin()]);
                labels.push(label);
            }
        }
        (points, labels)
    }

    /// The colour of every point that is drawn.
    fn colours(scene: &Scene) -> Vec<Color> {
        let of = |element: &Primitive| match element {
            Primitive::Circle { fill, .. } => vec![fill.clone()],
            Primitive::CircleBatch { cx, fill, .. } => vec![fill.clone(); cx.len()],
            _ => Vec::new(),
        };
        scene.elements.iter().flat_map(of).collect()
    }

    #[test]
    fn every_label_has_a_colour_and_a_line_of_the_legend() {
        let (points, labels) = groups(10, 60);
        let map = scene(&points, Some(&labels), ["ten groups", "first", "second"]);
        let found = colours(&map);
        for (label, colour) in TEN.iter().enumerate() {
            let count = found.iter().filter(|one| **one == Color::from(*colour)).count();
            // Sixty points and the mark in the legend.
            assert_eq!(count, 61, "label {label}: {colour}");
        }
        let text = svg(&map);
        assert!(!text.contains("others"));
        for part in ["ten groups", ">first<", ">second<", ">label<", ">9<"] {
            assert!(text.contains(part), "{part} is missing");
        }
        picture(&map, "latent-map-ten.png");
    }

    #[test]
    fn without_labels_there_is_one_colour_and_no_legend() {
        let (points, _) = groups(4, 40);
        let map = scene(&points, None, ["no labels", "first", "second"]);
        assert_eq!(colours(&map), vec![Color::from(TEN[0]); 160]);
        assert!(!svg(&map).contains(">label<"));
        picture(&map, "latent-map-plain.png");
    }

    #[test]
    fn the_most_frequent_of_many_labels_have_colours() {
        let (mut points, mut labels) = groups(14, 10);
        // The last label is the most frequent one.
        for i in 0..5 {
            points.push([f64::from(i), 0.0]);
            labels.push(13);
        }
        assert_eq!(most_frequent(&labels), [0, 1, 2, 3, 4, 5, 6, 7, 8, 13]);
        let map = scene(&points, Some(&labels), ["fourteen groups", "first", "second"]);
        let grey = colours(&map).iter().filter(|one| **one == Color::from(OTHERS)).count();
        // Four groups of ten, and the mark in the legend.
        assert_eq!(grey, 41);
        picture(&map, "latent-map-many.png");
    }

    #[test]
    fn labels_at_one_place_are_written_once_and_one_latent_has_rows_above_each_other() {
        let (mut points, labels) = groups(3, 30);
        let named = |points: &[[f64; 2]], up: &str| {
            let map = scene(points, Some(&labels), ["groups", "first", up]);
            let white = Color::from("#FFFFFF");
            colours(&map).iter().filter(|one| **one == white).count()
        };
        assert_eq!(named(&points, "second"), 3);
        points.iter_mut().for_each(|point| *point = [0.01 * point[0], 0.0]);
        points[0] = [9.0, 9.0];
        assert_eq!(named(&points, "second"), 1);
        let line = scene(&points, None, ["one latent", "first", ""]);
        assert!(svg(&line).contains(">row<"));
        picture(&line, "latent-line.png");
    }

    #[test]
    fn points_that_are_not_finite_are_left_out_and_equal_ones_are_harmless() {
        let points = [[0.0, f64::NAN], [1.0, 1.0], [f64::INFINITY, 0.0], [1.0, 1.0]];
        assert_eq!(colours(&scene(&points, None, ["two remain", "first", "second"])).len(), 2);
        for points in [&points[1..2], &points[..1], &[]] {
            let bytes =
                latent_map(points, Some(&vec![3; points.len()]), ["few", "first", "second"])
                    .unwrap();
            assert_eq!(bytes[..4], *b"\x89PNG");
        }
    }

    #[test]
    #[should_panic(expected = "latent map: 1 labels for 2 points")]
    fn a_label_for_each_point_is_needed() {
        scene(&[[0.0, 0.0], [1.0, 1.0]], Some(&[1]), [""; 3]);
    }
}

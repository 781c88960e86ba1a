//! Scenes as files, and the colours and numbers that all charts share.

use super::dark;
use crate::program::files::write_atomically;
use kuva::render::figure::Figure;
use kuva::render::render::{Primitive, Scene, TextAnchor};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

/// Okabe and Ito's colours, which colour-blind readers can tell apart (yellow is too pale here).
pub(super) const COLOURS: [&str; 7] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666"];

/// The beginning of the names that kuva gives to clip paths.
const CLIP: &str = "kuva-clip-";

/// A scene as SVG.
pub(super) fn svg(scene: &Scene) -> String {
    let drawn = |scene: &Scene| numbered(&kuva::backend::svg::SvgBackend.render_scene(scene));
    if dark::is_asked() { drawn(&dark::dark(scene)) } else { drawn(scene) }
}

/// A drawing whose clip paths are numbered from 0. Kuva counts those of a process, so the same drawing would differ from file to
/// file.
fn numbered(svg: &str) -> String {
    let mut parts = svg.split(CLIP);
    let mut text = parts.next().unwrap_or_default().to_string();
    let mut known: Vec<&str> = Vec::new();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let at = known.iter().position(|one| *one == number).unwrap_or_else(|| {
            known.push(number);
            known.len() - 1
        });
        text += &format!("{CLIP}{at}{rest}");
    }
    text
}

/// A scene as PNG.
pub(super) fn png(scene: &Scene) -> anyhow::Result<Vec<u8>> {
    if dark::is_asked() { map_png(&dark::dark(scene)) } else { map_png(scene) }
}

/// A map whose colours stand for numbers as PNG: dark on light whatever is asked for.
pub(super) fn map_png(scene: &Scene) -> anyhow::Result<Vec<u8>> {
    kuva::backend::png::PngBackend::new().render_scene(scene).map_err(anyhow::Error::msg)
}

/// Writes a chart as `NAME.svg` and `NAME.png` into a folder.
pub(crate) fn write_chart(dir: &Path, name: &str, scene: &Scene) -> anyhow::Result<()> {
    write_atomically(dir.join(format!("{name}.svg")), svg(scene).as_bytes())?;
    write_atomically(dir.join(format!("{name}.png")), &png(scene)?)
}

/// The size of titles, of the titles and labels of panels, and of the figures at ticks and the names of rows, in pixels: a picture is about
/// 1300 wide, and is read on half of it, too.
pub(super) const TITLE: u32 = 22;
pub(super) const PANEL_TITLE: u32 = 19;
pub(super) const LABEL: u32 = 17;
pub(super) const TICK: u32 = 16;

/// The width of a letter as a share of its height, nearly.
pub(super) const LETTER: f64 = 0.58;

/// A space that stays at the end of words.
const SPACE: char = '\u{a0}';

/// A figure below a title of one line or several.
pub(super) fn titled(figure: Figure, title: &str) -> Scene {
    let lines = title.lines().count();
    if lines < 2 {
        return trimmed(figure.with_title(title).with_title_size(TITLE).render());
    }
    // The chart library writes one line: a title without letters makes the room, and the lines are set into it.
    let mut scene = figure.with_title(" ").with_title_size(TITLE * lines as u32).render();
    let line = |(i, words): (usize, &str)| Primitive::Text {
        x: scene.width / 2.0,
        y: 1.3 * f64::from(TITLE) * (i + 1) as f64,
        content: words.into(),
        size: TITLE,
        anchor: TextAnchor::Middle,
        rotate: None,
        bold: false,
        color: None,
    };
    let set: Vec<Primitive> = title.lines().enumerate().map(line).collect();
    scene.elements.extend(set);
    trimmed(scene)
}

/// The scene without the spaces of [`in_legend`], when all is in its place.
fn trimmed(mut scene: Scene) -> Scene {
    for element in &mut scene.elements {
        if let Primitive::Text { content, .. } = element {
            content.truncate(content.trim_end_matches(SPACE).len());
        }
    }
    scene
}

/// The width of each of so many panels side by side, at least `least`, that leaves room for a title above them, where `labels` is the
/// width of the labels beside them.
pub(super) fn panel_width(least: f64, panels: usize, labels: f64, title: &str) -> f64 {
    least.max((longest(title.lines(), TITLE) - labels) / panels.max(1) as f64)
}

/// The width of the longest of some words, nearly, with letters of a size, in pixels.
pub(super) fn longest<'a>(words: impl IntoIterator<Item = &'a str>, size: u32) -> f64 {
    let letters = words.into_iter().map(|words| words.width()).max().unwrap_or(0);
    LETTER * f64::from(size) * letters as f64
}

/// Words that take at most so many pixels with letters of a size: of longer ones the beginning and the end.
///
/// The ends of names differ as often as their beginnings do.
pub(super) fn shortened(words: &str, width: f64, size: u32) -> String {
    let most = ((width / (LETTER * f64::from(size))) as usize).max(5);
    let letters: Vec<char> = words.chars().collect();
    if words.width() <= most {
        return words.into();
    }
    let (first, last) = (most / 2, (most - 1) / 2);
    let part = |letters: &[char]| letters.iter().collect::<String>();
    format!("{}…{}", part(&letters[..first]).trim_end(), part(&letters[letters.len() - last..]))
}

/// The name of a series in a legend below all panels, whose letters are [`TICK`] high. The chart library makes a frame for letters of 12 pixels;
/// spaces behind the name widen it.
pub(super) fn in_legend(name: &str) -> String {
    let lacking = LETTER * (f64::from(TICK) - 12.0) * name.width() as f64;
    let space = 0.32 * 12.0;
    format!("{name}{}", SPACE.to_string().repeat((lacking / space).ceil() as usize))
}

/// The least and the largest of some values.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, x| {
        let (low, high) = range.unwrap_or((x, x));
        Some((f64::min(low, x), f64::max(high, x)))
    })
}

/// The distance of two ticks on an axis of this width, with at most so many between its ends: 1, 2 or 5 times a power of ten.
pub(super) fn tick_step(width: f64, most: f64) -> f64 {
    let least = width / most;
    let ten = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].map(|m| m * ten).into_iter().find(|&s| s >= least).unwrap_or(10.0 * ten)
}

/// A number with as many decimals as the step between ticks has, so that two ticks differ; with a power of ten if it is small.
pub(super) fn decimals(x: f64, step: f64) -> String {
    let last = step.log10().floor();
    let places = (-last).max(0.0) as usize;
    match places > 6 {
        true if x.abs() < 0.5 * step => "0".into(),
        true if x.abs() < 1e-3 => {
            let digits = (x.abs().log10().floor() - last).max(0.0) as usize;
            format!("{x:.digits$e}")
        }
        _ => format!("{:.places$}", x + 0.0),
    }
}

/// Writes a chart as a PNG into the folder that PATHSCORE_PICTURES names, so that a reader of the tests can look at it.
#[cfg(test)]
pub(super) fn picture(scene: &Scene, name: &str) {
    if let Some(folder) = std::env::var_os("PATHSCORE_PICTURES") {
        std::fs::write(Path::new(&folder).join(name), png(scene).unwrap()).unwrap();
    }
}

#[cfg(test)]
mod tests {
    use super::{decimals, numbered};

    #[test]
    fn two_ticks_never_have_one_label() {
        for (from, step) in [(-1.79, 2e-9), (0.0, 1e-9), (1e5, 5e4), (-0.4, 0.1), (3e-8, 1e-10)] {
            let labels: Vec<String> =
                (0..6).map(|i| decimals(from + step * f64::from(i), step)).collect();
            assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{labels:?}");
        }
        assert_eq!([decimals(-0.0, 0.5), decimals(2e-9, 1e-9)], ["0.0", "2e-9"]);
    }

    #[test]
    fn clip_paths_are_numbered_within_their_drawing() {
        let text = numbered("<a id=\"kuva-clip-17\"/><a id=\"kuva-clip-3\"/>url(#kuva-clip-17)");
        assert_eq!(text, "<a id=\"kuva-clip-0\"/><a id=\"kuva-clip-1\"/>url(#kuva-clip-0)");
        assert_eq!(numbered("<svg/>"), "<svg/>");
    }
}

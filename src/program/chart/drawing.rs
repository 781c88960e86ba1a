//! Scenes as files, and the colours and numbers that all charts share.

use crate::program::files::write_atomically;
use kuva::render::render::Scene;
use std::path::Path;

/// Okabe and Ito's colours, which colour-blind readers can tell apart (yellow is too pale here).
pub(super) const COLOURS: [&str; 7] =
    ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666"];

/// A scene as SVG.
pub(super) fn svg(scene: &Scene) -> String {
    kuva::backend::svg::SvgBackend.render_scene(scene)
}

/// A scene as PNG.
pub(super) fn png(scene: &Scene) -> anyhow::Result<Vec<u8>> {
    kuva::backend::png::PngBackend::new().render_scene(scene).map_err(anyhow::Error::msg)
}

/// Writes a chart as `NAME.svg` and `NAME.png` into a folder.
pub(crate) fn write_chart(dir: &Path, name: &str, scene: &Scene) -> anyhow::Result<()> {
    write_atomically(dir.join(format!("{name}.svg")), svg(scene).as_bytes())?;
    write_atomically(dir.join(format!("{name}.png")), &png(scene)?)
}

/// The least and the largest of some values.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, x| {
        let (low, high) = range.unwrap_or((x, x));
        Some((f64::min(low, x), f64::max(high, x)))
    })
}

/// Writes a chart as a PNG into the folder that PATHSCORE_PICTURES names, so that a reader of the tests can look at it.
#[cfg(test)]
pub(super) fn picture(scene: &Scene, name: &str) {
    if let Some(folder) = std::env::var_os("PATHSCORE_PICTURES") {
        std::fs::write(Path::new(&folder).join(name), png(scene).unwrap()).unwrap();
    }
}

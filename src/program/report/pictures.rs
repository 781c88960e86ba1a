//! The pictures in the folder of a run.

use super::base64::base64;
use super::meaning;
use crate::program::files::read;
use crate::program::run::folder::CURVE;
use anyhow::Context;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The most bytes of pictures that stand inside a page; a browser opens so many at once.
const MOST_BYTES: u64 = 20 << 20;

/// The forms of pictures, the better one last.
const FORMS: [(&str, &str); 2] = [("png", "image/png"), ("svg", "image/svg+xml")];

/// A picture of a page.
pub(super) struct Picture {
    pub(super) name: String,
    /// The picture itself as a URL, or the way to it from the folder of the page.
    pub(super) url: String,
    /// True if the picture stands inside the page.
    pub(super) inside: bool,
    pub(super) meaning: &'static str,
}

impl Picture {
    /// A drawing that stands in no file.
    pub(super) fn drawn(name: &str, svg: &str) -> Self {
        Self::new(name.into(), inside(FORMS[1].1, svg.as_bytes()), true)
    }

    fn new(name: String, url: String, inside: bool) -> Self {
        let other = "A picture that no training of this run has written.";
        let meaning = meaning::picture(&name).unwrap_or(other);
        Self { name, url, inside, meaning }
    }
}

/// The pictures of a folder but those that were `drawn` anew: the curve first, the others by their names, and of a drawing in two
/// forms the better. Those that are too large in all stay outside; `page` is the folder of the page.
///
/// # Errors
/// If the folder or a picture cannot be read.
pub(super) fn pictures(
    dir: &Path,
    page: &Path,
    mut drawn: Vec<Picture>,
) -> anyhow::Result<Vec<Picture>> {
    let failed = |path: &Path| format!("{} could not be read", path.display());
    let mut files: BTreeMap<(bool, String), (usize, PathBuf)> = BTreeMap::new();
    for entry in fs::read_dir(dir).with_context(|| failed(dir))? {
        let entry = entry.with_context(|| failed(dir))?;
        let path = entry.path();
        let (name, end) = (path.file_stem().unwrap_or_default(), path.extension());
        let form = FORMS.iter().position(|form| end.is_some_and(|end| end == form.0));
        let Some(form) = form.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) else {
            continue;
        };
        let name = name.to_string_lossy().into_owned();
        let is_curve = path.file_name().is_some_and(|file| file == CURVE);
        if drawn.iter().any(|one| path.file_name().is_some_and(|file| *file == *one.name)) {
            continue;
        }
        let better = files.get(&(!is_curve, name.clone())).is_none_or(|known| known.0 < form);
        if better {
            files.insert((!is_curve, name), (form, path));
        }
    }
    let mut room = MOST_BYTES;
    for (form, path) in files.into_values() {
        let size = fs::metadata(&path).with_context(|| failed(&path))?.len();
        let url = match room.checked_sub(size) {
            Some(left) => {
                room = left;
                inside(FORMS[form].1, &read(&path).with_context(|| failed(&path))?)
            }
            None => way(page, &path).with_context(|| failed(&path))?,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = url.starts_with("data:");
        drawn.push(Picture::new(name, url, inside));
    }
    Ok(drawn)
}

fn inside(form: &str, bytes: &[u8]) -> String {
    format!("data:{form};base64,{}", base64(bytes))
}

/// The way from a folder to a file as a relative URL.
fn way(from: &Path, file: &Path) -> std::io::Result<String> {
    let (from, file) = (from.canonicalize()?, file.canonicalize()?);
    let same = from.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(same).map(|_| "..".to_string());
    let down = file.components().skip(same);
    let down = down.map(|part| percent(&part.as_os_str().to_string_lossy()));
    // Without it a name with a colon would be read as a scheme.
    let here = [".".to_string()].into_iter();
    Ok(here.chain(up).chain(down).collect::<Vec<_>>().join("/"))
}

/// A name as a part of a URL.
fn percent(name: &str) -> String {
    let letter = |byte: u8| match byte {
        b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::files::test_folder as folder;

    #[test]
    fn the_curve_stands_first_and_svg_before_png() {
        let folder = folder("order");
        for name in ["zoo.png", "a.png", "a.svg", "curve.svg", "b.txt", "b.png.tmp"] {
            fs::write(folder.join(name), name).unwrap();
        }
        fs::create_dir(folder.join("c.png")).unwrap();
        let found = pictures(&folder, &folder, Vec::new()).unwrap();
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["curve.svg", "a.svg", "zoo.png"]);
        assert_eq!(found[1].url, "data:image/svg+xml;base64,YS5zdmc=");
        let found = pictures(&folder, &folder, vec![Picture::drawn(CURVE, "<svg/>")]).unwrap();
        assert_eq!(found.len(), 3, "what was drawn takes the place of the file");
        assert_eq!(found[0].url, "data:image/svg+xml;base64,PHN2Zy8+");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn pictures_that_are_too_large_stay_outside() {
        let folder = folder("large");
        let (run, page) = (folder.join("a run"), folder.join("pages"));
        fs::create_dir(&run).unwrap();
        fs::create_dir(&page).unwrap();
        let large = fs::File::create(run.join("la\"rge.png")).unwrap();
        large.set_len(MOST_BYTES).unwrap();
        fs::write(run.join("curve.svg"), "<svg/>").unwrap();
        let found = pictures(&run, &page, Vec::new()).unwrap();
        assert!(found[0].inside && !found[1].inside);
        assert_eq!(found[1].url, "./../a%20run/la%22rge.png");
        let found = pictures(&run, &run, Vec::new()).unwrap();
        assert_eq!(found[1].url, "./la%22rge.png");
        fs::remove_dir_all(folder).unwrap();
    }
}

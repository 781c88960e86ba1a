//! `report`: reads a run and writes the page about it.

use super::args::ReportArgs;
use super::numbers::Numbers;
use super::page::{Content, page};
use super::pictures::{Picture, pictures};
use crate::program::files::{folder_of, write_atomically};
use crate::program::gallery::column_names;
use crate::program::progress::say;
use crate::program::run::folder::{CURVE, METRICS, REPORT};
use crate::program::run::log::lines;
use crate::program::run::saved::Saved;
use crate::program::run::summary::{curve, is_written};
use crate::program::usage_error::usage_error;
use std::path::{Path, PathBuf};

/// Writes one page about a run.
pub(crate) fn report(args: &ReportArgs) -> anyhow::Result<()> {
    let out = args.out.clone().unwrap_or_else(|| args.run.join(REPORT));
    if out.extension().is_none_or(|end| end != "html") {
        let out = out.display();
        return Err(usage_error(format!("--out is {out}; its name must end in .html")));
    }
    let saved = Saved::read(&args.run)?;
    let fitting = saved.open()?;
    let about = saved.kind()?.about();
    let (dir, settings) = (&args.run, &saved.settings);
    let steps = fitting.taken();
    let ended = is_written(dir, steps);
    let drawn = match ended || lines(&dir.join(METRICS)).is_empty() {
        true => Vec::new(),
        // The one in the folder, if there is one, is that of a shorter run.
        false => vec![Picture::drawn(CURVE, &curve(about.name, settings, dir, &*fitting))],
    };
    let folder = folder_of(&out);
    let pictures = match folder.is_dir() {
        true => pictures(dir, folder, drawn)?,
        // The page cannot be written, and the message says so.
        false => Vec::new(),
    };
    let train = &saved.split.train;
    let content = Content {
        about,
        folder: name(dir),
        run: dir,
        settings,
        method: fitting.words(),
        steps,
        ended,
        needs_annealing: fitting.needs_annealing(),
        rows: [train.len(), saved.split.test.len()],
        columns: train.column_names().map_or(Vec::new(), |_| column_names(train)),
        image: train.image(),
        width: train.columns(),
        numbers: if ended { Numbers::of_summary(dir)? } else { Numbers::of_metrics(dir) },
        pictures: &pictures,
    };
    write_atomically(&out, page(&content)?.as_bytes())?;
    let s = if pictures.len() == 1 { "" } else { "s" };
    say(&format!("wrote {} with {} picture{s}", out.display(), pictures.len()));
    Ok(())
}

/// The name of a folder, also of one that is given as `.`.
fn name(dir: &Path) -> String {
    let whole = dir.canonicalize().unwrap_or_else(|_| PathBuf::from(dir));
    whole.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned()
}

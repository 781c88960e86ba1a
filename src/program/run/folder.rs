//! The folder of a run and the names of the files in it.

use super::checkpoint::Checkpoint;
use super::lock::Lock;
use super::settings::{self, Settings};
use crate::program::files::{
    check_output, clear_leftovers, folder_of, sync_folder, write_atomically,
};
use crate::program::usage_error::{usage_error, words};
use anyhow::Context;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The state of the run.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The numbers of the run, one JSON object a line.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// The results at the end of the run.
pub(crate) const SUMMARY: &str = "summary.json";
/// The state at which a run could not go on, beside the last checkpoint before it.
pub(crate) const FAILED: &str = "failed.safetensors";
/// The training curve.
pub(crate) const CURVE: &str = "curve.svg";

/// The page that `report` writes, which tells nothing of another run in the same folder.
pub(crate) const REPORT: &str = "report.html";

/// The files of a run beside its pictures.
const OURS: [&str; 6] = [settings::FILE, CHECKPOINT, METRICS, SUMMARY, FAILED, CURVE];

/// The folder in which a pair of settings and checkpoint waits to replace the pair of the run, both or neither. It counts as
/// soon as the checkpoint is in it.
const NEXT: &str = ".next";

/// Replaces settings and checkpoint of the run in a folder; with `metrics` empty ones, and nothing is left of an earlier run,
/// whose pictures have names of `pictures`.
///
/// # Errors
/// If a file cannot be written; until the new checkpoint is safely on the disk the earlier run stays as it was.
pub(crate) fn replace(
    dir: &Path,
    settings: &str,
    checkpoint: &Checkpoint,
    metrics: bool,
    pictures: &[&str],
) -> anyhow::Result<()> {
    let next = dir.join(NEXT);
    fs::create_dir(&next).with_context(|| format!("{} could not be made", next.display()))?;
    if metrics {
        write_atomically(next.join(METRICS), b"")?;
    }
    write_atomically(next.join(settings::FILE), settings.as_bytes())?;
    checkpoint.write(&next.join(CHECKPOINT))?;
    complete(dir, pictures)
}

/// Ends a replacement that was cut off: it is completed if its checkpoint is there, and forgotten if not.
///
/// # Errors
/// If a file cannot be moved or removed.
pub(crate) fn complete(dir: &Path, pictures: &[&str]) -> anyhow::Result<()> {
    let next = dir.join(NEXT);
    if !next.is_dir() {
        return Ok(());
    }
    clear_leftovers(&next)?;
    let remove = |path: PathBuf| match fs::remove_file(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.with_context(|| format!("{} could not be removed", path.display())),
    };
    let files = [METRICS, settings::FILE, CHECKPOINT];
    if is_replaced(dir) {
        if next.join(METRICS).exists() {
            let results = [SUMMARY, CURVE, FAILED, REPORT].into_iter();
            let mut results = results.chain(pictures.iter().copied());
            results.try_for_each(|name| remove(dir.join(name)))?;
        }
        for name in files.into_iter().filter(|name| next.join(name).exists()) {
            let to = dir.join(name);
            fs::rename(next.join(name), &to)
                .with_context(|| format!("{} could not be replaced", to.display()))?;
        }
        sync_folder(dir)?;
    }
    files.into_iter().try_for_each(|name| remove(next.join(name)))?;
    fs::remove_dir(&next).with_context(|| format!("{} could not be removed", next.display()))
}

/// [`complete`] of a replacement that another process has left, if it is whole.
///
/// # Errors
/// If its checkpoint and its settings cannot be read or do not belong together; then nothing is changed.
pub(crate) fn complete_found(dir: &Path, pictures: &[&str]) -> anyhow::Result<()> {
    if is_replaced(dir) {
        let next = dir.join(NEXT);
        // The checkpoint is moved last: settings that are not beside it are in the run's folder already.
        let moved = !next.join(settings::FILE).exists();
        let settings = || Settings::read(if moved { dir } else { &next });
        let whole = || Checkpoint::read(&next.join(CHECKPOINT))?.check_settings(&settings()?);
        whole().map_err(|error| {
            usage_error(format!(
                "{}; the run in {} stays as it was, and counts again when the folder {} is removed",
                words(&error),
                dir.display(),
                next.display()
            ))
        })?;
    }
    complete(dir, pictures)
}

/// Refuses the name of a file of the run in its folder as the place of another output.
///
/// # Errors
/// If there is a run in the folder of `path`, and one of its files has this name.
pub(crate) fn check_foreign(path: &Path, pictures: &[&str]) -> anyhow::Result<()> {
    let dir = folder_of(path);
    let name = path.file_name().unwrap_or_default();
    match holds_run(dir) && OURS.iter().chain(pictures).any(|ours| name == *ours) {
        true => Err(usage_error(format!("{} is a file of the run in its folder", path.display()))),
        false => Ok(()),
    }
}

/// True if a replacement of the run in a folder was cut off before it was complete.
pub(crate) fn is_replaced(dir: &Path) -> bool {
    dir.join(NEXT).join(CHECKPOINT).exists()
}

/// Refuses a folder in which something other than a file has the name of a file of a run.
///
/// # Errors
/// The message names it.
pub(crate) fn check(dir: &Path, pictures: &[&str]) -> anyhow::Result<()> {
    let next = dir.join(NEXT);
    if fs::symlink_metadata(&next).is_ok_and(|metadata| !metadata.is_dir()) {
        return Err(usage_error(format!("{}: this is no folder of the program", next.display())));
    }
    OURS.iter().chain(pictures).try_for_each(|name| check_output(&dir.join(name)))
}

/// True if there is a run in a folder, or the replacement of one.
pub(crate) fn holds_run(dir: &Path) -> bool {
    dir.join(settings::FILE).exists() || is_replaced(dir)
}

/// Makes and locks the folder of a new run: `out`, or else the first free one of `runs/KIND-1`, `runs/KIND-2`, …
///
/// `pictures` are the names of the pictures that a run may write. With `force` there may be an earlier run, which stays until
/// [`replace`] has the first checkpoint of the new one.
///
/// # Errors
/// If there is a run in the folder and `force` is not given, if another process writes into it, or if it cannot be made.
pub(crate) fn create(
    out: Option<&Path>,
    force: bool,
    kind: &str,
    pictures: &[&str],
) -> anyhow::Result<(PathBuf, Lock)> {
    let failed =
        |dir: &Path, error: std::io::Error| usage_error(format!("{}: {error}", dir.display()));
    let Some(dir) = out else {
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(|error| failed(runs, error))?;
        for number in 1.. {
            let dir = runs.join(format!("{kind}-{number}"));
            match fs::create_dir(&dir) {
                Ok(()) => return Lock::take(&dir).map(|lock| (dir, lock)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&dir, error)),
            }
        }
        unreachable!("there is always a next number");
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    check(dir, pictures)?;
    let lock = Lock::take(dir)?;
    let mut ours = OURS.iter().chain(pictures);
    if !force && (is_replaced(dir) || ours.any(|name| dir.join(name).exists())) {
        return Err(usage_error(format!(
            "{}: there is a run in this folder; --force replaces it, --resume continues it",
            dir.display()
        )));
    }
    complete_found(dir, pictures)?;
    Ok((dir.to_path_buf(), lock))
}

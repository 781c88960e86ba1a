//! The folder of a run and the names of the files in it.

use super::settings;
use crate::program::usage_error::usage_error;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The state of the run.
pub(crate) const CHECKPOINT: &str = "checkpoint.safetensors";
/// The numbers of the run, one JSON object a line.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// The results at the end of the run.
pub(crate) const SUMMARY: &str = "summary.json";
/// The training curve.
pub(crate) const CURVE: &str = "curve.svg";

/// Makes the folder of a new run: `out`, or else the first free one of `runs/KIND-1`, `runs/KIND-2`, …
///
/// `pictures` are the names of the pictures that a run may write; with `force` they and the other files of an earlier
/// run are removed.
///
/// # Errors
/// If there is a run in the folder and `force` is not given, or the folder cannot be made.
pub(crate) fn create(
    out: Option<&Path>,
    force: bool,
    kind: &str,
    pictures: &[&str],
) -> anyhow::Result<PathBuf> {
    let failed =
        |dir: &Path, error: std::io::Error| usage_error(format!("{}: {error}", dir.display()));
    let Some(dir) = out else {
        let runs = Path::new("runs");
        fs::create_dir_all(runs).map_err(|error| failed(runs, error))?;
        for number in 1.. {
            let dir = runs.join(format!("{kind}-{number}"));
            match fs::create_dir(&dir) {
                Ok(()) => return Ok(dir),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(&dir, error)),
            }
        }
        unreachable!("there is always a next number");
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let ours = [settings::FILE, CHECKPOINT, METRICS, SUMMARY, CURVE];
    let there: Vec<PathBuf> = ours
        .iter()
        .chain(pictures)
        .map(|name| dir.join(name))
        .filter(|path| path.exists())
        .collect();
    if !there.is_empty() && !force {
        return Err(usage_error(format!(
            "{}: there is a run in this folder; --force replaces it, --resume continues it",
            dir.display()
        )));
    }
    for path in there {
        fs::remove_file(&path).map_err(|error| failed(&path, error))?;
    }
    Ok(dir.to_path_buf())
}

//! The files of events in a folder.

use super::event::{scalars, start, version};
use super::tfrecord::record;
use crate::program::usage_error::usage_error;
use anyhow::Context;
use serde_json::{Map, Value};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The beginning of the name of every file of events, by which TensorBoard knows them.
const NAME: &str = "events.out.tfevents.";
/// The most files that begin within one second.
const MOST: u32 = 1000;

/// Makes the folder of `--tensorboard`; `further` is true of a run that may add to the events of an earlier one.
///
/// # Errors
/// If it cannot be made, or if it holds events already and no more may be added.
pub(crate) fn prepare(dir: &Path, further: bool) -> anyhow::Result<()> {
    let wrong = |what: &dyn std::fmt::Display| {
        usage_error(format!("--tensorboard {}: {what}", dir.display()))
    };
    if dir.exists() && !dir.is_dir() {
        return Err(wrong(&"it is a file, and a folder is wanted, which is made if it is missing"));
    }
    fs::create_dir_all(dir).map_err(|error| wrong(&error))?;
    let entries = fs::read_dir(dir).map_err(|error| wrong(&error))?;
    let mut names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
    match names.find(|name| name.to_string_lossy().starts_with(NAME)) {
        Some(name) if !further => Err(wrong(&format!(
            "{} is a file of events of an earlier run; choose another folder, or show this run in its place by --force",
            name.to_string_lossy()
        ))),
        _ => Ok(()),
    }
}

/// A file of events that is being written.
pub(crate) struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Begins a further file in a folder, whose events replace all earlier ones after a step. (TensorBoard's fast loader replaces those of
    /// steps that are written again, and keeps the last point of a run that had ended before it was continued.)
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn begin(dir: &Path, step: u64) -> anyhow::Result<Self> {
        let now = seconds();
        let (path, file) = further_file(dir, now as u64)?;
        let mut events = Self { path, file };
        events.write(&[record(&version(now)), record(&start(now, step + 1))].concat())?;
        Ok(events)
    }

    /// Adds the numbers of a line of metrics, all but its step, in one write.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn append(&mut self, step: u64, line: &Map<String, Value>) -> anyhow::Result<()> {
        let numbers = line.iter().filter(|(key, _)| *key != "step");
        let numbers = numbers.filter_map(|(key, value)| Some((key.as_str(), value.as_f64()?)));
        self.write(&record(&scalars(seconds(), step, numbers)))
    }

    fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.flush());
        written.with_context(|| format!("{} could not be extended", self.path.display()))
    }
}

/// A new file whose name has the seconds, and behind them a number if there is such a file already.
fn further_file(dir: &Path, seconds: u64) -> anyhow::Result<(PathBuf, File)> {
    let mut number = 0;
    loop {
        let end = if number == 0 { String::new() } else { format!(".{number}") };
        let path = dir.join(format!("{NAME}{seconds:010}.pathscore{end}"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && number < MOST => number += 1,
            Err(error) => {
                let text = format!("{} could not be written", path.display());
                return Err(anyhow::Error::new(error).context(text));
            }
        }
    }
}

/// The seconds since 1970.
fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::files::test_folder;

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let dir = test_folder("events");
        prepare(&dir, false).unwrap();
        for end in ["", ".1", ".2"] {
            let (path, _) = further_file(&dir, 1_700_000_000).unwrap();
            let name = format!("events.out.tfevents.1700000000.pathscore{end}");
            assert_eq!(path, dir.join(name));
        }
        prepare(&dir, true).unwrap();
        let text = prepare(&dir, false).unwrap_err().to_string();
        assert!(text.contains("an earlier run") && text.contains("--force"), "{text}");
        assert!(prepare(&dir.join("events.out.tfevents.1700000000.pathscore"), true).is_err());
        fs::remove_dir_all(dir).unwrap();
    }
}

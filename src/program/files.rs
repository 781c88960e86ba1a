//! Files that are never half written: atomic replacement, and a log of JSON lines.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

/// The end of every temporary name, by which leftovers of a killed run are known.
const TEMPORARY: &str = ".pathscore-tmp";

/// Replaces the content of a file by `bytes`: a reader sees the old content or the new, and never a part of it.
///
/// The bytes reach the disk before the name does, so a power cut keeps the promise too.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> anyhow::Result<()> {
    let path = path.as_ref();
    replace(path, |file| file.write_all(bytes))
        .with_context(|| format!("{} could not be written", path.display()))
}

/// Removes the temporary files that a killed run left in a folder, and returns their number.
///
/// One run writes into one folder: call it before the first write, when all leftovers are stale.
pub(crate) fn clear_leftovers(dir: impl AsRef<Path>) -> anyhow::Result<usize> {
    let dir = dir.as_ref();
    let failed = || format!("{} could not be cleared of temporary files", dir.display());
    let mut removed = 0;
    for entry in fs::read_dir(dir).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(TEMPORARY) {
            fs::remove_file(entry.path()).with_context(failed)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// A file of JSON values, one a line, to which lines are added.
pub(crate) struct JsonLines {
    path: PathBuf,
    file: File,
}

impl JsonLines {
    /// Opens the file for appending and makes it when it is not there.
    pub(crate) fn open(path: impl AsRef<Path>) -> anyhow::Result<JsonLines> {
        let path = path.as_ref().to_path_buf();
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| format!("{} could not be opened", path.display()))?;
        Ok(JsonLines { path, file })
    }

    /// Adds one line, in one write, so that a kill tears at most the last line.
    pub(crate) fn append(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        let failed = || format!("{} could not be extended", self.path.display());
        let mut line = serde_json::to_vec(value).with_context(failed)?;
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.flush()).with_context(failed)
    }
}

/// Keeps the leading lines that are whole JSON and satisfy `keep`, and returns their number.
///
/// In this way a resumed run drops the lines that were logged after its checkpoint, and a torn last line. A missing
/// file counts as a file without lines.
pub(crate) fn keep_lines_while(
    path: impl AsRef<Path>,
    keep: impl Fn(&Value) -> bool,
) -> anyhow::Result<usize> {
    let path = path.as_ref();
    let old = match fs::read(path) {
        Ok(old) => old,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(e).with_context(|| format!("{} could not be read", path.display())),
    };
    let mut kept = Vec::with_capacity(old.len());
    let mut lines = 0;
    for line in old.split_inclusive(|&byte| byte == b'\n') {
        // Without its newline the line may be the beginning of a longer one.
        let whole = line.ends_with(b"\n");
        if !whole || !serde_json::from_slice(line).is_ok_and(|value| keep(&value)) {
            break;
        }
        kept.extend_from_slice(line);
        lines += 1;
    }
    if kept.len() < old.len() {
        write_atomically(path, &kept)?;
    }
    Ok(lines)
}

/// The lines of a file that are whole JSON; none if there is no file.
pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Writes a temporary file, flushes it, renames it and flushes the folder; after an error the temporary file is
/// removed.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io::Error::other("this is not a file's name"))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}{TEMPORARY}", std::process::id()));
    let temporary = folder.join(temporary);

    let outcome = File::create(&temporary).and_then(|mut file| {
        write(&mut file)?;
        file.flush()?;
        file.sync_all()?;
        drop(file);
        fs::rename(&temporary, path)
    });
    if outcome.is_err() {
        // The first error is the one to report; a leftover is cleared at the next start.
        let _ = fs::remove_file(&temporary);
    }
    outcome?;
    sync_folder(folder)
}

/// Makes a rename durable; only Unix lets a folder be opened for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An empty folder of this test's own.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("pathscore-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_is_made_and_replaced() {
        let folder = folder("replaced");
        let path = folder.join("a.txt");
        write_atomically(&path, b"first, and longer").unwrap();
        write_atomically(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_failing_write_leaves_the_old_content() {
        let folder = folder("failing");
        let path = folder.join("a.txt");
        write_atomically(&path, b"old").unwrap();
        let outcome = replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(outcome.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_message_names_the_path() {
        let folder = folder("message");
        let path = folder.join("missing").join("a.txt");
        let message = write_atomically(&path, b"").unwrap_err().to_string();
        assert!(message.contains("missing") && message.contains("a.txt"), "{message}");
        let onto_folder = write_atomically(&folder, b"").unwrap_err().to_string();
        assert!(onto_folder.contains("could not be written"), "{onto_folder}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn leftovers_go_and_everything_else_stays() {
        let folder = folder("leftovers");
        fs::write(folder.join(".a.txt.17.pathscore-tmp"), "torn").unwrap();
        fs::write(folder.join("a.txt"), "whole").unwrap();
        assert_eq!(clear_leftovers(&folder).unwrap(), 1);
        assert_eq!(fs::read_to_string(folder.join("a.txt")).unwrap(), "whole");
        assert!(clear_leftovers(folder.join("missing")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn lines_past_the_checkpoint_and_a_torn_line_are_dropped() {
        let folder = folder("lines");
        let path = folder.join("metrics.jsonl");
        let until = |last: u64| move |value: &Value| value["step"].as_u64().unwrap() <= last;
        assert_eq!(keep_lines_while(&path, until(9)).unwrap(), 0);

        let mut log = JsonLines::open(&path).unwrap();
        for step in 1..=4 {
            log.append(&json!({ "step": step })).unwrap();
        }
        log.file.write_all(b"{\"step\":5").unwrap();
        assert_eq!(keep_lines_while(&path, until(9)).unwrap(), 4);
        assert_eq!(keep_lines_while(&path, until(2)).unwrap(), 2);

        JsonLines::open(&path).unwrap().append(&json!({ "step": 3 })).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n");
        fs::remove_dir_all(folder).unwrap();
    }
}

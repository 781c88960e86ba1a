//! Files that are never half written: atomic replacement.

use std::ffi::OsString;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::usage_error::usage_error;
use anyhow::Context;

/// The end of every temporary name, by which leftovers of a killed run are known.
const TEMPORARY: &str = ".pathscore-tmp";

/// The age at which a temporary file is nobody's: a file is written in much less.
const STALE: Duration = Duration::from_secs(600);

/// Replaces the content of a file by `bytes`: a reader sees the old content or the new, and never a part of it.
///
/// The bytes reach the disk before the name does, so a power cut keeps the promise too.
pub(crate) fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> anyhow::Result<()> {
    let path = path.as_ref();
    check_output(path)?;
    replace(path, |file| file.write_all(bytes)).map_err(|error| {
        let text = format!("{} could not be written", path.display());
        match error.kind() {
            // No place for the output: the request is at fault, and not the disk.
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                usage_error(format!("{text}: permission denied"))
            }
            _ => anyhow::Error::new(error).context(text),
        }
    })
}

/// The content of a file. A pipe or a device, which may have no end, is not read.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(io::Error::other("this is no file")),
    }
}

/// Refuses an output that would take the place of something other than a regular file.
///
/// # Errors
/// If there is a symbolic link, a folder, a device or a pipe of that name, or if its folder is missing.
pub(crate) fn check_output(path: &Path) -> anyhow::Result<()> {
    if path.parent().is_some_and(|dir| !dir.as_os_str().is_empty() && !dir.is_dir()) {
        let path = path.display();
        return Err(usage_error(format!("{path} could not be written: there is no such folder")));
    }
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    let kind = match metadata.file_type() {
        kind if kind.is_file() => return Ok(()),
        kind if kind.is_symlink() => "a symbolic link",
        kind if kind.is_dir() => "a folder",
        _ => "a device or a pipe",
    };
    let path = path.display();
    Err(usage_error(format!(
        "{path} could not be written: it is {kind}, and a file takes the place of files only"
    )))
}

/// Makes the folder of a command's outputs, which other commands may write into at the same time. Temporary files that are
/// so old that their writer was killed are removed.
///
/// # Errors
/// If the folder cannot be made or cleared.
pub(crate) fn make_output_folder(dir: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(dir).map_err(|error| usage_error(format!("{}: {error}", dir.display())))?;
    remove_temporaries(dir, STALE).map(|_| ())
}

/// Removes the temporary files that a killed run left in a folder, and returns their number.
///
/// One run writes into one folder: call it before the first write, when all leftovers are stale.
pub(crate) fn clear_leftovers(dir: impl AsRef<Path>) -> anyhow::Result<usize> {
    remove_temporaries(dir.as_ref(), Duration::ZERO)
}

/// Removes the temporary files of at least some age from a folder, and returns their number.
fn remove_temporaries(dir: &Path, age: Duration) -> anyhow::Result<usize> {
    let failed = || format!("{} could not be cleared of temporary files", dir.display());
    let mut removed = 0;
    for entry in fs::read_dir(dir).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let old = || -> io::Result<bool> {
            let age_of = SystemTime::now().duration_since(entry.metadata()?.modified()?);
            Ok(age_of.unwrap_or_default() >= age)
        };
        if name.starts_with('.') && name.ends_with(TEMPORARY) && old().with_context(failed)? {
            fs::remove_file(entry.path()).with_context(failed)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Writes a temporary file, flushes it, renames it and flushes the folder; after an error the temporary file is
/// removed.
fn replace(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    let name = path.file_name().ok_or_else(|| io::Error::other("this is not a file's name"))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    // The keys of the hasher are random, so nobody can know the name beforehand and put a link there.
    let random = RandomState::new().hash_one(std::process::id());
    temporary.push(format!(".{random:016x}{TEMPORARY}"));
    let temporary = folder.join(temporary);

    let outcome = File::create_new(&temporary).and_then(|mut file| {
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

/// The folder in which a file is, or will be.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes a rename durable; only Unix lets a folder be opened for that.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// An empty folder of a test's own.
#[cfg(test)]
pub(crate) fn test_folder(name: &str) -> std::path::PathBuf {
    let folder = std::env::temp_dir().join(format!("pathscore-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[cfg(test)]
mod tests {
    use super::test_folder as folder;
    use super::*;

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

    #[cfg(unix)]
    #[test]
    fn an_output_takes_the_place_of_files_only() {
        let folder = folder("special");
        let (target, link, pipe) =
            (folder.join("target"), folder.join("link"), folder.join("pipe"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let device = Path::new("/dev/null");
        for (path, words) in [
            (&*link, "a symbolic link"),
            (&pipe, "a device or a pipe"),
            (device, "a device or a pipe"),
            (&folder, "a folder"),
        ] {
            let text = write_atomically(path, b"lost").unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
        assert_eq!(fs::read(&target).unwrap(), b"kept");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "no temporary file is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_files_are_read() {
        assert!(read(Path::new("/dev/zero")).is_err());
        assert!(read(&std::env::temp_dir()).is_err());
        let folder = folder("read");
        fs::write(folder.join("a"), "b").unwrap();
        assert_eq!(read(&folder.join("a")).unwrap(), b"b");
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
        // Another command's, which may be at work.
        make_output_folder(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
        assert_eq!(clear_leftovers(&folder).unwrap(), 1);
        assert_eq!(fs::read_to_string(folder.join("a.txt")).unwrap(), "whole");
        // One whose writer was killed an hour ago.
        let stale = fs::File::create(folder.join(".b.svg.18.pathscore-tmp")).unwrap();
        stale.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        make_output_folder(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(clear_leftovers(folder.join("missing")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}

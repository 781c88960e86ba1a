//! The lock of a run folder: one process writes into it.

use crate::program::files::check_output;
use crate::program::usage_error::usage_error;
use anyhow::Context;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name of the file that is locked. It stays in the folder: a file that is removed while another process opens it would be
/// locked twice.
const FILE: &str = ".lock";

/// The most looks for the text of a lock, and the time between two of them.
const LOOKS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

/// A lock that ends with the process that holds it, however that ends: the system keeps it, and the file only tells who it is.
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Locks a folder.
    ///
    /// # Errors
    /// If another process holds the lock; the message names it.
    pub(crate) fn take(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join(FILE);
        let failed = || format!("{} could not be locked", path.display());
        check_output(&path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&path).with_context(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(usage_error(format!("{}: {}", dir.display(), holder(written(&path)))));
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
        }
        let now = since_epoch();
        let text = format!("{} {}", std::process::id(), now.as_secs());
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).with_context(failed)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A text that stays behind harms nobody, since it counts only beside a lock.
        let _ = self.file.set_len(0);
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The process in the text of a lock, and the second since which it holds it.
fn process(text: &str) -> Option<(u32, u64)> {
    let (pid, since) = text.split_once(' ')?;
    Some((pid.parse().ok()?, since.parse().ok()?))
}

/// The process that holds a lock. One that has just taken it needs a moment to write its text.
fn written(path: &Path) -> Option<(u32, u64)> {
    (0..LOOKS).find_map(|look| {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        let mut text = String::new();
        File::open(path).ok()?.take(100).read_to_string(&mut text).ok()?;
        process(&text)
    })
}

/// The sentence about the process that holds a lock.
fn holder(process: Option<(u32, u64)>) -> String {
    match process {
        Some((pid, since)) => {
            let seconds = since_epoch().as_secs().saturating_sub(since);
            format!("process {pid} writes this run, since {} ({seconds} s ago)", utc(since))
        }
        None => "another process writes this run".to_string(),
    }
}

/// A time as the calendar tells it in UTC.
fn utc(seconds: u64) -> String {
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) && year < 9999 {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (day, hour, minute, second) = (days + 1, second / 3600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(utc(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(utc(1_767_225_599), "2025-12-31 23:59:59 UTC");
        assert!(utc(u64::MAX).starts_with("9999-"));
    }

    #[test]
    fn a_holder_is_named_if_its_text_is_whole() {
        let words = holder(process("17 0"));
        assert!(words.starts_with("process 17 writes this run, since 1970-01-01"), "{words}");
        for text in ["", "17", "17 x", "x 17", "\u{1b}[31m 5"] {
            assert_eq!(holder(process(text)), "another process writes this run");
        }
    }
}

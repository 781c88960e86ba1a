//! The program in a folder of a test's own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder of this test's own, removed at the end.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        // Memory, where there is a folder of it: nothing here has to outlive the machine.
        let memory = PathBuf::from("/dev/shm");
        let all = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let dir = all.join(format!("pathscore-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The program as the tests have built it, or the one that `PATHSCORE_PROGRAM` names.
pub(crate) fn program(args: &[&str]) -> Command {
    let built = env!("CARGO_BIN_EXE_pathscore");
    let mut command = Command::new(std::env::var("PATHSCORE_PROGRAM").as_deref().unwrap_or(built));
    command.args(args).stdin(Stdio::null()).env_remove("COLUMNS");
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

pub(crate) fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asserts exit code 2 and one line that holds every one of `parts`.
pub(crate) fn refuse(args: &[&str], parts: &[&str]) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{args:?}: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{args:?}: {stderr} does not hold {part}");
    }
}

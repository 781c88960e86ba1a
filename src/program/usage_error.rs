//! Which failures are the caller's: exit code 2 for what was asked or given, 1 for what went wrong.

use pathscore::models::data::DataError;
use std::fmt::{self, Display};

/// Something in the request or in a file given that cannot be used.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A stop that was asked for: not a failure, but not the end of the work either.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Claims that did not hold: what was asked has been done, and this is its outcome.
#[derive(Debug)]
pub(crate) struct Refuted(pub(crate) String);

impl Display for Refuted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refuted {}

/// The shell's exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;

/// An error that says so.
pub(crate) fn usage_error(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(UsageError(message.into()))
}

/// The exit code of a failure.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let given = |e: &(dyn std::error::Error + 'static)| e.is::<UsageError>() || e.is::<DataError>();
    match () {
        () if error.is::<Interrupted>() => INTERRUPTED,
        () if error.chain().any(given) => 2,
        () => 1,
    }
}

/// Whether whoever read the results has stopped reading, which is no failure.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    };
    error.chain().any(|e| kind(e) == Some(std::io::ErrorKind::BrokenPipe))
}

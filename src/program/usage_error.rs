//! Errors by their exit codes: 2 for a request or a file that cannot be used, 1 for other failures, 128 and the
//! number of a signal for an interrupted run.

use pathscore::models::data::DataError;
use std::fmt::{self, Display};

/// Something in the request or in a given file that cannot be used.
#[derive(Debug)]
pub(crate) struct UsageError(pub(crate) String);

impl Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// A stop on request: no failure, but the work is not finished.
#[derive(Debug)]
pub(crate) struct Interrupted {
    pub(crate) message: String,
    /// The shell's exit code of a program that the signal ended.
    pub(crate) code: u8,
}

impl Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Interrupted {}

/// Claims that did not hold: the check was done, and this is its outcome.
#[derive(Debug)]
pub(crate) struct Refuted(pub(crate) String);

impl Display for Refuted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refuted {}

/// A [`UsageError`] with this message.
pub(crate) fn usage_error(message: impl Into<String>) -> anyhow::Error {
    anyhow::Error::new(UsageError(message.into()))
}

/// The message of a failure with its causes, each said once.
pub(crate) fn words(error: &anyhow::Error) -> String {
    let mut words = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !words.contains(&cause) {
            words += &format!(": {cause}");
        }
    }
    words
}

/// The exit code of a failure.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    let given = |e: &(dyn std::error::Error + 'static)| e.is::<UsageError>() || e.is::<DataError>();
    match error.downcast_ref::<Interrupted>() {
        Some(stopped) => stopped.code,
        None if error.chain().any(given) => 2,
        None => 1,
    }
}

/// True if the reader of the results has closed the pipe, which is no failure.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    };
    error.chain().any(|e| kind(e) == Some(std::io::ErrorKind::BrokenPipe))
}

/// Refuses a number of draws that is too small for a standard error.
///
/// # Errors
/// If there are fewer than twenty.
pub(crate) fn enough_draws(draws: usize) -> anyhow::Result<()> {
    if draws < 20 {
        let words = "a standard error from fewer than 20 draws is itself off by more than a sixth";
        return Err(usage_error(format!("--draws {draws}: {words}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = DataError::Io { path: "a".into(), source: refused };
        let error = Err::<(), _>(error).context("the data").unwrap_err();
        assert_eq!(words(&error), "the data: a: cannot be read: permission denied");
        assert_eq!(exit_code(&error), 2);
    }
}

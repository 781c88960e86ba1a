//! Errors in data.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// A byte of the (unpacked) file, counted from 0.
    Byte(u64),
    /// A line, counted from 1.
    Line(u64),
    /// A line and a column of a table of text, both counted from 1.
    Cell {
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: usize,
    },
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Byte(byte) => write!(f, "byte {byte}"),
            Position::Line(line) => write!(f, "line {line}"),
            Position::Cell { line, column } => write!(f, "line {line}, column {column}"),
        }
    }
}

/// The reason why data could not be loaded. The message of each is a sentence with the file, the position, the
/// expectation and the finding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The word names no source.
    #[error("unknown data source `{word}`: the choices are {choices}")]
    UnknownSource {
        /// The word as it was given.
        word: String,
        /// The words that name a source.
        choices: String,
    },
    /// The word names no binarization.
    #[error("unknown binarization `{word}`: the choices are {choices}")]
    UnknownBinarize {
        /// The word as it was given.
        word: String,
        /// The words that name a binarization.
        choices: String,
    },
    /// There is nothing at the path.
    #[error("{}: there is no such file or folder", path.display())]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A folder has no file with one of the expected names.
    #[error("{}: the folder has no {what}: it needs one of {names}", path.display())]
    NotInFolder {
        /// The folder.
        path: PathBuf,
        /// The kind of file that was looked for, in words.
        what: &'static str,
        /// The accepted names.
        names: String,
    },
    /// The path is a folder where a file is needed.
    #[error("{}: expected a file, found a folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused to open or read the file.
    #[error("{}: cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A gzip file ends before its end mark.
    #[error(
        "{}: the gzip stream is cut off: it ends after {unpacked} unpacked bytes, before its end mark",
        path.display()
    )]
    GzipCut {
        /// The file.
        path: PathBuf,
        /// The number of bytes unpacked before the end.
        unpacked: u64,
    },
    /// A gzip file is damaged.
    #[error("{}: the gzip stream is damaged after {unpacked} unpacked bytes: {source}", path.display())]
    GzipDamaged {
        /// The file.
        path: PathBuf,
        /// The number of bytes unpacked before the damage was found.
        unpacked: u64,
        /// The error of the decoder.
        source: io::Error,
    },
    /// The content violates the format.
    #[error("{}, {at}: expected {expected}, found {found}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The position in the file.
        at: Position,
        /// The content that the format demands there.
        expected: String,
        /// The content that is there.
        found: String,
    },
    /// The header declares more data than the file has.
    #[error(
        "{}: declares {shape} = {declared} bytes of data but the file ends after {found}",
        path.display()
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// The sizes as the header gives them, followed by the number of bytes of a value if that is not 1.
        shape: String,
        /// The product of the sizes, in bytes.
        declared: u64,
        /// The number of bytes of data in the file.
        found: u64,
    },
    /// The file continues after the data that its header declares.
    #[error(
        "{}: declares {shape} = {declared} bytes of data but the file goes on after them",
        path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The sizes as the header gives them, followed by the number of bytes of a value if that is not 1.
        shape: String,
        /// The product of the sizes, in bytes.
        declared: u64,
    },
    /// The file would not fit into memory.
    #[error("{}: holds {shape} values, more than the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The sizes as the header gives them.
        shape: String,
        /// The largest number of values that is read.
        limit: u64,
    },
    /// The file has too few rows for a training and a test part.
    #[error("{}: expected at least {needed} rows, found {found}", path.display())]
    TooFewRows {
        /// The file.
        path: PathBuf,
        /// The smallest sufficient number of rows.
        needed: usize,
        /// The number of rows in the file.
        found: usize,
    },
    /// Two files that belong together have different counts.
    #[error(
        "{} has {found} {what} but {} has {expected}: they must agree",
        path.display(), other.display()
    )]
    Mismatch {
        /// The file with the wrong count.
        path: PathBuf,
        /// The file it belongs to.
        other: PathBuf,
        /// The things that were counted, in words.
        what: &'static str,
        /// The count in `other`.
        expected: usize,
        /// The count in `path`.
        found: usize,
    },
    /// Sizes given for a table do not fit its values.
    #[error("table: {0}")]
    Table(String),
    /// A table holds a value that is not a probability.
    #[error("{what} needs values in [0, 1] but row {row}, column {column} (from 0) is {value}")]
    OutsideUnit {
        /// The operation that needs probabilities.
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// The column, from 0.
        column: usize,
        /// The value.
        value: f32,
    },
    /// A batch must have between 1 and n rows.
    #[error("a batch of {batch} rows cannot be drawn from {n} rows")]
    Batch {
        /// The number of rows of the batch.
        batch: usize,
        /// The number of rows in the table.
        n: usize,
    },
}

#[cfg(feature = "files")]
impl DataError {
    pub(crate) fn io(path: &std::path::Path, source: io::Error) -> DataError {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => DataError::NotFound { path },
            io::ErrorKind::IsADirectory => DataError::Folder { path },
            _ => DataError::Io { path, source },
        }
    }

    pub(crate) fn content(
        path: &std::path::Path,
        at: Position,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> DataError {
        let (path, expected, mut found) = (path.to_path_buf(), expected.into(), found.into());
        // The content of a damaged file may be as long as the file.
        if let Some((end, _)) = found.char_indices().nth(80) {
            found.truncate(end);
            found.push('…');
        }
        DataError::Content { path, at, expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_message_names_file_place_expectation_and_finding() {
        let at = Position::Cell { line: 3, column: 2 };
        let error = DataError::content(Path::new("a.csv"), at, "a number", "`x`");
        assert_eq!(error.to_string(), "a.csv, line 3, column 2: expected a number, found `x`");
        let error = DataError::content(Path::new("a"), at, "a number", "é".repeat(1000));
        assert!(error.to_string().ends_with(&("é".repeat(80) + "…")));
    }

    #[test]
    fn errors_of_the_operating_system_are_told_by_their_kind() {
        for (kind, end) in [
            (io::ErrorKind::NotFound, "there is no such file or folder"),
            (io::ErrorKind::IsADirectory, "expected a file, found a folder"),
            (io::ErrorKind::PermissionDenied, "permission denied"),
        ] {
            let text = DataError::io(Path::new("a/b"), kind.into()).to_string();
            assert!(text.starts_with("a/b") && text.ends_with(end), "{text}");
        }
    }
}

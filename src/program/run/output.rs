//! Rows of numbers as files: pictures, text or arrays, by the end of the name.

use super::folder::check_foreign;
use crate::program::files::check_output;
use crate::program::kinds::pictures;
use crate::program::usage_error::usage_error;
use pathscore::models::data::{Source, to_npy};
use std::fmt::Display;
use std::path::Path;

/// The form of an output, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Form {
    Picture,
    Csv,
    Npy,
}

impl Form {
    /// The form of an output that may be written.
    ///
    /// # Errors
    /// If the name has another end, or something is in its place that no output replaces: no file, or a file of a run.
    pub(crate) fn of_output(out: &Path) -> anyhow::Result<Self> {
        check_output(out)?;
        check_foreign(out, &pictures())?;
        Self::of(out)
    }

    /// # Errors
    /// If the name has another end.
    fn of(out: &Path) -> anyhow::Result<Self> {
        match out.extension().and_then(|end| end.to_str()) {
            Some("png") => Ok(Self::Picture),
            Some("csv") => Ok(Self::Csv),
            Some("npy") => Ok(Self::Npy),
            _ => Err(usage_error(format!(
                "--out is {}; its name must end in .png, for a picture, in .csv, for rows of numbers below the names of their \
                 columns, or in .npy, for an array of NumPy",
                out.display()
            ))),
        }
    }
}

/// Refuses an output that would take the place of the data that are read.
///
/// # Errors
/// If a source is read from the file `out`.
pub(crate) fn check_no_input(out: &Path, sources: &[Source]) -> anyhow::Result<()> {
    let place = |path: &Path| path.canonicalize().ok();
    let same = |source: &&Source| {
        source.path().is_some_and(|path| place(path).is_some() && place(path) == place(out))
    };
    match sources.iter().find(same) {
        None => Ok(()),
        Some(source) => Err(usage_error(format!(
            "--out {}: it is the file of the data {source}, which it would replace",
            out.display()
        ))),
    }
}

/// Rows of numbers below the names of their columns, as `csv:PATH` reads them; with labels in a last column.
pub(crate) fn csv<T: Display>(names: &[String], rows: &[T], labels: Option<&[u8]>) -> Vec<u8> {
    let quoted = |name: &String| format!("\"{}\"", name.replace('"', "\"\""));
    let mut text = names.iter().map(quoted).collect::<Vec<_>>().join(",");
    text += if labels.is_some() { ",label\n" } else { "\n" };
    for (i, row) in rows.chunks_exact(names.len()).enumerate() {
        text += &row.iter().map(T::to_string).collect::<Vec<_>>().join(",");
        if let Some(labels) = labels {
            text += &format!(",{}", labels[i]);
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// Rows of numbers as `npy:PATH` reads them: an array with a size for the rows, and the sizes of an image or one for the columns.
pub(crate) fn npy(rows: &[f64], columns: usize, image: Option<(usize, usize)>) -> Vec<u8> {
    let count = rows.len() / columns;
    match image {
        Some((height, width)) => to_npy(rows, &[count, height, width]),
        None => to_npy(rows, &[count, columns]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_name_is_the_form() {
        for (name, form) in [("a.png", Form::Picture), ("b/c.csv", Form::Csv), ("d.npy", Form::Npy)]
        {
            assert_eq!(Form::of(Path::new(name)).unwrap(), form);
        }
        for name in ["a", "a.jpg", ".png", "a.PNG", "a.npz", ""] {
            let text = Form::of(Path::new(name)).unwrap_err().to_string();
            assert!([".png", ".csv", ".npy"].iter().all(|end| text.contains(end)), "{text}");
        }
    }

    #[test]
    fn text_has_names_numbers_and_labels() {
        let names = ["a".to_string(), "the \"b\"".to_string()];
        let text =
            |labels| String::from_utf8(csv(&names, &[0.1, 2.0, -3e-9, 4.5], labels)).unwrap();
        assert_eq!(text(None), "\"a\",\"the \"\"b\"\"\"\n0.1,2\n-0.000000003,4.5\n");
        assert_eq!(text(Some(&[7, 0])).lines().last(), Some("-0.000000003,4.5,0"));
    }
}

//! The files of MNIST: a folder of four, or images with labels beside them.

use std::path::{Path, PathBuf};

use super::kind::{Load, SourceKind};
use crate::data::files::idx::{read_idx, read_idx_labels};
use crate::data::split::sixth;
use crate::data::{DataError, Position, Split, Table};

pub(in crate::data) const SOURCE: SourceKind = SourceKind {
    usage: "idx:PATH",
    about: "a folder with the four files of MNIST, or one IDX file of bytes; gzip or not",
    grey: true,
    shuffled: false,
    log_density: None,
    load: Load::Read(|path, _, _| load(path)),
};

/// Adds the labels of a file, which must hold one label for each row.
fn labelled(table: Table, images: &Path, labels: &Path) -> Result<Table, DataError> {
    let values = read_idx_labels(labels)?;
    if values.len() != table.len() {
        return Err(DataError::Mismatch {
            path: labels.to_path_buf(),
            other: images.to_path_buf(),
            what: "labels or images",
            expected: table.len(),
            found: values.len(),
        });
    }
    table.with_labels(values)
}

/// Refuses a label of a test row that no training row has.
fn known_classes(train: &Table, test: &Table, path: &Path) -> Result<(), DataError> {
    let (train, test) = (train.labels().unwrap_or_default(), test.labels().unwrap_or_default());
    let mut known = [false; 256];
    train.iter().for_each(|&label| known[usize::from(label)] = true);
    match test.iter().position(|&label| !known[usize::from(label)]) {
        None => Ok(()),
        Some(row) => {
            // The labels follow four bytes of the magic number and four of the size.
            let at = Position::Byte(8 + row as u64);
            Err(DataError::content(path, at, "a label of a training row", test[row].to_string()))
        }
    }
}

/// The file of a part in the folder, under the first of its usual names that exists.
fn find(folder: &Path, part: &str, labels: bool) -> Result<PathBuf, DataError> {
    let (kind, sizes) = if labels { ("labels", 1) } else { ("images", 3) };
    let ends = [("-", ""), (".", ""), ("-", ".gz"), (".", ".gz")];
    let names = ends.map(|(dot, gz)| format!("{part}-{kind}{dot}idx{sizes}-ubyte{gz}"));
    let there = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    there.ok_or_else(|| DataError::NotInFolder {
        path: folder.to_path_buf(),
        what: if labels { "file of labels" } else { "file of images" },
        names: names.join(", "),
    })
}

/// Loads a folder with the four files of MNIST, or one file of images, whose last sixth becomes the
/// test part.
fn load(path: &Path) -> Result<Split, DataError> {
    if path.is_dir() { folder(path) } else { file(path) }
}

fn folder(path: &Path) -> Result<Split, DataError> {
    let part = |name| {
        let images = find(path, name, false)?;
        let table = read_idx(&images)?;
        if table.is_empty() {
            return Err(DataError::TooFewRows { path: images, needed: 1, found: 0 });
        }
        Ok((table, images))
    };
    let (mut train, train_images) = part("train")?;
    let (mut test, test_images) = part("t10k")?;
    if train.columns() != test.columns() || train.image() != test.image() {
        return Err(DataError::Mismatch {
            path: test_images,
            other: train_images,
            what: "values in a row (or another shape)",
            expected: train.columns(),
            found: test.columns(),
        });
    }
    // If only one part has labels, a file is probably missing, so this is an error.
    let labels = (find(path, "train", true), find(path, "t10k", true));
    let labels_note = match labels {
        (Err(_), Err(_)) => "no labels",
        (train_labels, test_labels) => {
            train = labelled(train, &train_images, &train_labels?)?;
            let test_labels = test_labels?;
            test = labelled(test, &test_images, &test_labels)?;
            known_classes(&train, &test, &test_labels)?;
            "labels"
        }
    };
    let description = format!(
        "idx: {}: {} training and {} test rows as the files divide them, {labels_note}",
        path.display(),
        train.len(),
        test.len()
    );
    Ok(Split { train, test, description })
}

fn file(path: &Path) -> Result<Split, DataError> {
    let mut table = read_idx(path)?;
    let n = table.len();
    if n < 2 {
        return Err(DataError::TooFewRows { path: path.to_path_buf(), needed: 2, found: n });
    }
    let labels = beside(path);
    if let Some(labels) = &labels {
        table = labelled(table, path, labels)?;
    }
    let test = sixth(n);
    let (train, test) = table.split_at(n - test);
    let labels = labels.map_or("no labels".into(), |l| format!("labels from {}", l.display()));
    let description = format!(
        "idx: {}: the first {} rows train, the last sixth ({} rows) tests, not shuffled, {labels}",
        path.display(),
        train.len(),
        test.len()
    );
    Ok(Split { train, test, description })
}

/// The file of labels in the same folder as a file of images, under MNIST's name for it, if it exists.
fn beside(images: &Path) -> Option<PathBuf> {
    let name = images.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    let stem = name.strip_suffix("idx3-ubyte")?;
    let labels = format!("{}idx1-ubyte", stem.replace("images", "labels"));
    let both = [images.with_file_name(&labels), images.with_file_name(labels + ".gz")];
    both.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::idx::tests::idx;
    use crate::data::files::input::scratch::{Scratch, gzip};

    #[test]
    fn a_folder_without_images_says_which_names_would_do() {
        let scratch = Scratch::new();
        let text = load(scratch.path()).unwrap_err().to_string();
        assert!(text.contains("it needs one of train-images-idx3-ubyte, train-images.idx3-ubyte"));
    }

    #[test]
    fn the_four_files_of_a_folder_make_a_split() {
        let scratch = Scratch::new();
        scratch.file("train-images.idx3-ubyte", &idx(&[3, 1, 2], &[7; 6]));
        scratch.file("t10k-images-idx3-ubyte.gz", &gzip(&idx(&[2, 1, 2], &[8; 4])));
        let split = load(scratch.path()).unwrap();
        assert_eq!((split.train.len(), split.test.len(), split.train.labels()), (3, 2, None));
        scratch.file("train-labels-idx1-ubyte", &idx(&[3], &[1, 2, 3]));
        assert!(matches!(load(scratch.path()), Err(DataError::NotInFolder { .. })));
        scratch.file("t10k-labels.idx1-ubyte", &idx(&[2], &[3, 1]));
        let split = load(scratch.path()).unwrap();
        assert_eq!(split.test.labels(), Some(&[3, 1][..]));
        scratch.file("t10k-labels.idx1-ubyte", &idx(&[2], &[3, 200]));
        let text = load(scratch.path()).unwrap_err().to_string();
        assert!(text.ends_with("byte 9: expected a label of a training row, found 200"), "{text}");
        scratch.file("t10k-labels.idx1-ubyte", &idx(&[3], &[4, 5, 6]));
        let text = load(scratch.path()).unwrap_err().to_string();
        assert!(text.contains("has 3 labels"), "{text}");
        scratch.file("t10k-images-idx3-ubyte", &idx(&[2, 2, 1], &[8; 4]));
        assert!(matches!(load(scratch.path()), Err(DataError::Mismatch { .. })));
    }

    #[test]
    fn the_last_sixth_of_one_file_tests() {
        let scratch = Scratch::new();
        let data: Vec<u8> = (0..14).collect();
        let path = scratch.file("my-images-idx3-ubyte", &idx(&[14, 1, 1], &data));
        scratch.file("my-labels-idx1-ubyte", &idx(&[14], &data));
        let split = load(&path).unwrap();
        assert_eq!(split.test.labels(), Some(&[12, 13][..]));
        assert_eq!((split.train.len(), split.test.len()), (12, 2));
        let one = scratch.file("one", &idx(&[1, 1], &[0]));
        assert!(matches!(load(&one), Err(DataError::TooFewRows { .. })));
    }

    #[test]
    fn parts_of_one_folder_have_rows_of_the_same_length_and_shape() {
        let scratch = Scratch::new();
        scratch.file("train-images-idx3-ubyte", &idx(&[2, 2, 3], &[7; 12]));
        for (sizes, fits) in
            [([1, 2, 3], true), ([1, 3, 2], false), ([1, 2, 4], false), ([1, 1, 6], false)]
        {
            let bytes = vec![8; sizes.iter().product::<u32>() as usize];
            scratch.file("t10k-images-idx3-ubyte", &idx(&sizes, &bytes));
            let found = load(scratch.path());
            assert_eq!(found.is_ok(), fits, "{sizes:?}");
            let Err(error) = found else { continue };
            let text = error.to_string().replace(&scratch.path().display().to_string(), "x");
            let expected = format!(
                "x/t10k-images-idx3-ubyte has {} values in a row (or another shape) but \
                 x/train-images-idx3-ubyte has 6: they must agree",
                sizes[1] * sizes[2]
            );
            assert_eq!(text, expected);
        }
        // Rows without an image have only a length.
        scratch.file("t10k-images-idx3-ubyte", &idx(&[1, 6], &[8; 6]));
        assert!(matches!(load(scratch.path()), Err(DataError::Mismatch { .. })));
        scratch.file("t10k-images-idx3-ubyte", &idx(&[0, 2, 3], &[]));
        assert!(load(scratch.path()).is_err());
    }

    #[test]
    fn two_rows_of_one_file_are_enough_and_labels_are_not_needed() {
        let scratch = Scratch::new();
        let path = scratch.file("rows.gz", &gzip(&idx(&[2, 1, 1], &[0, 255])));
        let split = load(&path).unwrap();
        assert_eq!((split.train.values(), split.test.values()), (&[0.0][..], &[1.0][..]));
        let start = format!("idx: {}: the first 1 rows train, the last sixth", path.display());
        assert!(split.description.starts_with(&start), "{}", split.description);
        assert!(split.description.ends_with("(1 rows) tests, not shuffled, no labels"));
        let path = scratch.file("a-images-idx3-ubyte.gz", &gzip(&idx(&[2, 1, 1], &[0, 255])));
        let labels = scratch.file("a-labels-idx1-ubyte.gz", &gzip(&idx(&[2], &[3, 4])));
        let split = load(&path).unwrap();
        assert_eq!((split.train.labels(), split.test.labels()), (Some(&[3][..]), Some(&[4][..])));
        assert!(split.description.ends_with(&format!("labels from {}", labels.display())));
    }
}

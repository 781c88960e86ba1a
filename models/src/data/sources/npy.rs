//! NPY, the array format of NumPy, versions 1, 2 and 3: `\x93NUMPY`, two bytes of version, the
//! length of the header (u16, from version 2 on u32, little-endian), the header as a Python
//! dictionary, then the values.

use std::path::Path;

use super::csv::holes;
use super::kind::{Load, Missing, SourceKind};
use crate::data::files::input::Input;
use crate::data::files::npy_header::{Fault, Header};
use crate::data::split::shuffled;
use crate::data::{DataError, Position, Split, Table};

pub(in crate::data) const SOURCE: SourceKind = SourceKind {
    usage: "npy:PATH",
    about: "a NumPy array of 1 to 3 sizes, type <f4, <f8 or |u1",
    grey: false,
    shuffled: true,
    log_density: None,
    load: Load::Read(load),
};

/// The longest header that is read. NumPy itself refuses headers of more than 10,000 bytes by default.
const MAX_HEADER: usize = 1 << 16;

/// Reads an NPY array with one size as rows of one value, one with two sizes as rows, and one with three sizes as images, in C or in Fortran
/// order. Values of type `<f4` are kept, `<f8`
/// are rounded to the nearest f32, and `|u1` are divided by 255.
///
/// # Errors
/// If the file cannot be read, is of another type, is shorter or longer than it declares,
/// or holds a value that is not finite.
pub fn read_npy(path: &Path) -> Result<Table, DataError> {
    read(path, Missing::Refused).map(|(table, _)| table)
}

fn load(path: &Path, seed: u64, missing: Missing) -> Result<Split, DataError> {
    let (table, note) = read(path, missing)?;
    let holes = holes(&table);
    shuffled(table, path, seed, &format!("npy: {} ({note}{holes})", path.display()))
}

fn read(path: &Path, missing: Missing) -> Result<(Table, &'static str), DataError> {
    let mut input = Input::open(path)?;
    let start = input.header(8, "NPY magic number and version")?;
    let wrong = |byte: u64, expected: &str, found: String| {
        Err(DataError::content(path, Position::Byte(byte), expected, found))
    };
    if start[..6] != *b"\x93NUMPY" {
        // The text of another file may be a secret.
        return wrong(0, "\\x93NUMPY, the start of an NPY file", "another start".into());
    }
    let length = match start[6] {
        1 => input.header(2, "header length")?,
        2 | 3 => input.header(4, "header length")?,
        version => return wrong(6, "version 1, 2 or 3", version.to_string()),
    };
    let length = length.iter().rev().fold(0, |n, &byte| n << 8 | usize::from(byte));
    let begin = input.at();
    if length > MAX_HEADER {
        let expected = format!("a header of at most {MAX_HEADER} bytes");
        return wrong(8, &expected, length.to_string());
    }
    let text = input.header(length, "header")?;
    let header = Header::parse(&text).map_err(|Fault { at, expected, found }| {
        DataError::content(path, Position::Byte(begin + at as u64), expected, found)
    })?;
    let sizes = &header.shape;
    if !(1..=3).contains(&sizes.len()) || sizes[1..].contains(&0) {
        let found = format!("shape {sizes:?}");
        return wrong(begin, "a shape of 1 to 3 sizes, none but the first 0", found);
    }

    let data = input.at();
    let (values, width, note) = match header.descr.as_str() {
        "<f4" => {
            let f4 = |x: &[u8]| f32::from_le_bytes(x.try_into().expect("4 bytes a value"));
            (input.values(sizes, 4, f4)?, 4, "f4 as it is")
        }
        "<f8" => {
            let f8 = |x: &[u8]| f64::from_le_bytes(x.try_into().expect("8 bytes a value")) as f32;
            (input.values(sizes, 8, f8)?, 8, "f8 rounded to f4")
        }
        "|u1" => (input.values(sizes, 1, |x| f32::from(x[0]) / 255.0)?, 1, "u1 divided by 255"),
        other => return wrong(begin, "type <f4, <f8 or |u1", other.into()),
    };
    let wrong_number = |x: &f32| !(x.is_finite() || missing == Missing::Kept && x.is_nan());
    if let Some(i) = values.iter().position(wrong_number) {
        let byte = data + (i * width) as u64;
        return wrong(byte, "a number finite as f4", values[i].to_string());
    }
    let Some(columns) = sizes[1..].iter().try_fold(1u64, |n, &size| n.checked_mul(size)) else {
        return wrong(begin, "a row that fits into memory", format!("shape {sizes:?}"));
    };
    let values = if header.fortran { rows_first(&values, sizes) } else { values };
    let table = Table::incomplete(values, columns as usize)?;
    let table = match sizes[1..] {
        [height, width] => table.with_image(height as usize, width as usize)?,
        _ => table,
    };
    Ok((table, note))
}

/// The bytes of an NPY file, version 1.0: numbers of type `<f8` in C order, with these sizes.
///
/// ```
/// # use pathscore_models::data::{read_npy, to_npy};
/// let path = std::env::temp_dir().join(format!("pathscore-to-npy-{}", std::process::id()));
/// std::fs::write(&path, to_npy(&[0.5, 1.5, 2.5, 3.5, 4.5, 5.5], &[2, 3]))?;
/// let table = read_npy(&path)?;
/// assert_eq!((table.columns(), table.row(1)), (3, &[3.5, 4.5, 5.5][..]));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// If the product of the sizes is not the number of values.
#[track_caller]
pub fn to_npy(values: &[f64], sizes: &[usize]) -> Vec<u8> {
    let count: usize = sizes.iter().product();
    assert_eq!(count, values.len(), "npy: {} values do not fill sizes {sizes:?}", values.len());
    let header = Header::write("<f8", sizes);
    let mut bytes = [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes()].concat();
    bytes.reserve(header.len() + 8 * values.len());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

/// Values whose first index runs fastest, in the order in which the last one does.
fn rows_first(values: &[f32], sizes: &[u64]) -> Vec<f32> {
    let size = |i: usize| sizes.get(i).map_or(1, |&size| size as usize);
    let (rows, height, width) = (size(0), size(1), size(2));
    let place = |at: usize| {
        let (row, i, j) = (at / (height * width), at / width % height, at % width);
        row + rows * (i + height * j)
    };
    (0..values.len()).map(|at| values[place(at)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::input::scratch::{Scratch, gzip};

    fn npy(version: u8, dictionary: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let length = dictionary.len() as u32;
        bytes.extend(&length.to_le_bytes()[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(dictionary.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn dictionary(descr: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}      \n")
    }

    fn attempt(bytes: &[u8]) -> Result<Table, String> {
        let scratch = Scratch::new();
        let path = scratch.file("x", bytes);
        read_npy(&path).map_err(|e| e.to_string().replace(&path.display().to_string(), "x"))
    }

    fn refusal(bytes: &[u8]) -> String {
        attempt(bytes).unwrap_err()
    }

    #[test]
    fn every_version_and_type_comes_back() {
        let f4: Vec<u8> = [0f32, 0.25, -3.0, 1e9].iter().flat_map(|x| x.to_le_bytes()).collect();
        let f8: Vec<u8> = [0f64, 0.25, -3.0, 1e9].iter().flat_map(|x| x.to_le_bytes()).collect();
        for version in 1..=3 {
            let table = attempt(&npy(version, &dictionary("<f4", "(2, 2)"), &f4)).unwrap();
            assert_eq!(table.values(), [0.0, 0.25, -3.0, 1e9]);
            assert!(!table.in_unit_interval());
            assert_eq!(attempt(&npy(version, &dictionary("<f8", "(2, 2)"), &f8)), Ok(table));
        }
        let bytes = npy(1, &dictionary("|u1", "(1, 2, 2)"), &[0, 255, 51, 0]);
        let table = attempt(&bytes).unwrap();
        assert_eq!((table.values(), table.image()), (&[0.0, 1.0, 0.2, 0.0][..], Some((2, 2))));
        assert_eq!(attempt(&gzip(&bytes)), Ok(table));
    }

    #[test]
    fn what_is_written_is_read() {
        let values = [0.25, -3.0, 1e9, f64::from(f32::MIN_POSITIVE), 0.0, 7.0];
        let narrow = values.map(|x| x as f32);
        for (sizes, columns, image) in [
            (&[6][..], 1, None),
            (&[2, 3], 3, None),
            (&[1, 6], 6, None),
            (&[1, 2, 3], 6, Some((2, 3))),
        ] {
            let bytes = to_npy(&values, sizes);
            // NumPy's own files begin their values at a multiple of 64 bytes.
            assert_eq!((bytes.len() - 8 * values.len()) % 64, 0);
            let table = attempt(&bytes).unwrap();
            assert_eq!((table.columns(), table.image()), (columns, image), "{sizes:?}");
            assert_eq!(table.values(), narrow);
        }
        // The bytes that numpy.save writes for numpy.zeros((1, 2)).
        let expected = [
            &b"\x93NUMPY\x01\x00\x76\x00"[..],
            b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }",
            &[b' '; 58],
            b"\n",
            &[0; 16],
        ];
        assert_eq!(to_npy(&[0.0; 2], &[1, 2]), expected.concat());
    }

    #[test]
    fn headers_that_are_short_or_wrong_say_where() {
        assert!(refusal(b"").contains("byte 0: expected 8 bytes of NPY magic"));
        assert!(refusal(b"NUMPY...").contains("byte 0: expected \\x93NUMPY"));
        assert!(refusal(b"\x93NUMPY\x04\x00aaaa").contains("byte 6: expected version 1, 2 or 3"));
        assert!(refusal(b"\x93NUMPY\x01\x00\x10\x00{").contains("16 bytes of header"));
        let text = refusal(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{");
        assert_eq!(text, "x, byte 8: expected a header of at most 65536 bytes, found 4294967295");
        assert!(refusal(&npy(1, "{'descr': 3}", b"")).contains("byte 20: expected a string"));
        assert!(refusal(&npy(1, "{'a': 3}", b"")).contains("expected the key descr"));
        assert!(refusal(&npy(1, "{'descr': '<f4'}", b"")).contains("found fewer"));
        let text = refusal(&npy(1, &(dictionary("<f4", "(1, 1)") + "}"), &[0; 4]));
        assert!(text.ends_with("expected the end of the header, found `}`"), "{text}");
        assert!(refusal(&npy(1, "{'shape': (1, -2)}", b"")).contains("a size below 2^64"));
        for shape in ["()", "(1, 1, 2, 2)", "(2, 0)"] {
            let text = refusal(&npy(1, &dictionary("<f4", shape), &[0; 16]));
            assert!(text.contains("expected a shape of 1 to 3 sizes"), "{text}");
        }
        let text = refusal(&npy(1, &dictionary(">f4", "(1, 1)"), &[0; 4]));
        assert!(text.ends_with("expected type <f4, <f8 or |u1, found >f4"), "{text}");
    }

    #[test]
    fn sizes_that_lie_are_refused_at_once() {
        let text = refusal(&npy(1, &dictionary("<f4", "(3, 5)"), &[0; 7]));
        assert_eq!(text, "x: declares 3 x 5 x 4 = 60 bytes of data but the file ends after 7");
        let text = refusal(&npy(1, &dictionary("|u1", "(3, 1)"), &[0; 7]));
        assert_eq!(text, "x: declares 3 x 1 = 3 bytes of data but the file goes on after them");
        let huge = format!("({0}, {0}, {0})", u64::MAX);
        let text = refusal(&npy(1, &dictionary("<f4", &huge), &[0; 7]));
        assert!(text.contains("values, more than the limit of 134217728"), "{text}");
        let huge = format!("(0, {0}, {0})", u64::MAX);
        assert!(!refusal(&npy(1, &dictionary("<f4", &huge), &[])).is_empty());
        let text = refusal(&npy(1, &dictionary("<f4", "(100000, 1000)"), &[0; 7]));
        assert!(text.ends_with("ends after 7"), "{text}");
    }

    #[test]
    fn fortran_order_and_one_size_are_read() {
        let read = |shape: &str, fortran: bool, bytes: &[u8]| {
            let order = if fortran { "True" } else { "False" };
            let text = dictionary("|u1", shape).replace("False", order);
            let table = attempt(&npy(1, &text, bytes)).unwrap();
            let bytes: Vec<u8> = table.values().iter().map(|x| (x * 255.0).round() as u8).collect();
            (bytes, table.columns(), table.image())
        };
        // np.asfortranarray(np.arange(6).reshape(2, 3)) lies in memory as 0 3 1 4 2 5.
        let rows = read("(2, 3)", true, &[0, 3, 1, 4, 2, 5]);
        assert_eq!(rows, (vec![0, 1, 2, 3, 4, 5], 3, None));
        // np.arange(12).reshape(2, 2, 3): the first index runs fastest, then the second.
        let images = read("(2, 2, 3)", true, &[0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11]);
        assert_eq!(images, ((0..12).collect(), 6, Some((2, 3))));
        for fortran in [false, true] {
            assert_eq!(read("(3,)", fortran, &[7, 8, 9]), (vec![7, 8, 9], 1, None));
        }
    }

    #[test]
    fn values_that_are_not_finite_say_where() {
        let header = dictionary("<f8", "(1, 2)");
        for bad in [f64::NAN, f64::INFINITY, 1e300] {
            let data: Vec<u8> = [0.0, bad].iter().flat_map(|x| x.to_le_bytes()).collect();
            let text = refusal(&npy(1, &header, &data));
            let byte = 10 + header.len() + 8;
            assert!(text.starts_with(&format!("x, byte {byte}: expected a number finite")));
        }
    }

    #[test]
    fn a_nan_is_a_missing_cell_where_they_are_asked_for() {
        let scratch = Scratch::new();
        let data = |x: f32| {
            [1.0, x, 3.0, 4.0].iter().flat_map(|x: &f32| x.to_le_bytes()).collect::<Vec<_>>()
        };
        let file = |x| npy(1, &dictionary("<f4", "(2, 2)"), &data(x));
        let path = scratch.file("x", &file(f32::NAN));
        assert_eq!(read(&path, Missing::Kept).unwrap().0.missing(), 1);
        assert!(read(&path, Missing::Refused).is_err());
        assert!(read(&scratch.file("y", &file(f32::INFINITY)), Missing::Kept).is_err());
    }

    #[test]
    fn a_folder_is_no_file_and_a_cut_gzip_is_no_array() {
        let scratch = Scratch::new();
        assert!(matches!(load(scratch.path(), 0, Missing::Refused), Err(DataError::Folder { .. })));
        let packed = gzip(&npy(1, &dictionary("|u1", "(2, 2)"), &[1; 4]));
        assert!(refusal(&packed[..packed.len() - 9]).contains("the gzip stream is cut off"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes: Vec<u8>, head in 0..3usize) {
            match head {
                0 => {}
                1 => bytes = [&b"\x93NUMPY\x01\x00\x20\x00"[..], &bytes].concat(),
                _ => bytes = npy(1, &format!("{{{}", String::from_utf8_lossy(&bytes)), &bytes),
            }
            let _ = attempt(&bytes);
        }
    }
}

//! Tables of numbers as text, separated by commas.

use std::io::{self, Read};
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Terminator, Trim};

use super::kind::{Load, Missing, SourceKind};
use crate::data::files::input::{Input, MAX_VALUES};
use crate::data::split::shuffled;
use crate::data::{DataError, Position, Split, Table};

pub(in crate::data) const SOURCE: SourceKind = SourceKind {
    usage: "csv:PATH",
    about: "rows of numbers, with or without header line and a column `label`",
    grey: false,
    shuffled: true,
    log_density: None,
    load: Load::Read(load),
};

/// The bytes with which some programs begin a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The longest line that is read, since a line is in memory as a whole.
const MAX_LINE: usize = 1 << 24;

/// A file without lines that are too long. Every line ends with \n, also where a file has \r or \r\n.
struct ShortLines {
    input: Input,
    /// The bytes of the line so far.
    length: usize,
    /// True if the last byte was \r.
    returned: bool,
}

impl ShortLines {
    /// Moves the bytes of whole lines to the front of a buffer, each \r and \r\n as \n; returns their number.
    fn end_lines(&mut self, bytes: &mut [u8]) -> usize {
        let mut n = 0;
        for i in 0..bytes.len() {
            let byte = bytes[i];
            if !(byte == b'\n' && self.returned) {
                bytes[n] = if byte == b'\r' { b'\n' } else { byte };
                n += 1;
            }
            self.returned = byte == b'\r';
        }
        n
    }
}

impl Read for ShortLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = loop {
            let read = self.input.read(buffer)?;
            let n = self.end_lines(&mut buffer[..read]);
            // A second half of \r\n alone is no end of the file.
            if n > 0 || read == 0 {
                break n;
            }
        };
        self.length = match buffer[..n].iter().rposition(|&byte| byte == b'\n') {
            Some(end) => n - end - 1,
            None => self.length + n,
        };
        match self.length > MAX_LINE {
            true => Err(io::Error::other(format!("it has a line of more than {MAX_LINE} bytes"))),
            false => Ok(n),
        }
    }
}

/// Reads rows of numbers separated by commas. A first line that is not all numbers is a header with the names of the columns; a column that it calls
/// `label` holds the labels, whole numbers 0…255. Empty lines are skipped. A header that consists of numbers cannot be
/// told from data and is read as a row. Gzip is unpacked, and a byte-order mark is passed over.
///
/// Values are kept as they are. [`Table::in_unit_interval`] is true if they can be probabilities.
///
/// # Errors
/// If the file cannot be read, if lines differ in length, or if a field is not a finite number.
pub fn read_csv(path: &Path) -> Result<Table, DataError> {
    read(path, Missing::Refused).map(|(table, _)| table)
}

fn load(path: &Path, seed: u64, missing: Missing) -> Result<Split, DataError> {
    let (table, note) = read(path, missing)?;
    let holes = holes(&table);
    shuffled(table, path, seed, &format!("csv: {} ({note}{holes})", path.display()))
}

/// The number of missing cells in words, if there are any.
pub(super) fn holes(table: &Table) -> String {
    match table.missing() {
        0 => String::new(),
        missing => format!(", {missing} of {} cells missing", table.values().len()),
    }
}

fn read(path: &Path, missing: Missing) -> Result<(Table, &'static str), DataError> {
    // Lines end with \n alone, and the last line gets an end too. Then the line of the record just read is the reader's line minus
    // one. The record's own position is wrong after empty lines.
    let mut input = Input::open(path)?;
    input.skip(BYTE_ORDER_MARK)?;
    let input = ShortLines { input, length: 0, returned: false }.chain(&b"\n"[..]);
    let mut builder = ReaderBuilder::new();
    builder.has_headers(false).flexible(true).trim(Trim::All).terminator(Terminator::Any(b'\n'));
    let mut reader = builder.from_reader(input);
    let mut record = ByteRecord::new();
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    let (mut fields, mut label, mut header) = (0, None, None);
    let mut first = true;
    let hole = |field: &[u8]| missing == Missing::Kept && matches!(field, b"" | b"NA" | b"NaN");

    loop {
        let more = match reader.read_byte_record(&mut record) {
            Ok(more) => more,
            Err(error) => {
                // Only reading can fail: fields are bytes and lines may differ in length.
                let error = match error.into_kind() {
                    csv::ErrorKind::Io(error) => error,
                    other => std::io::Error::other(format!("{other:?}")),
                };
                return Err(reader.get_ref().get_ref().0.input.fail(error));
            }
        };
        if !more {
            break;
        }
        if record.len() == 1 && record[0].is_empty() {
            continue;
        }
        let line = reader.position().line() - 1;
        if first {
            first = false;
            fields = record.len();
            let other = [(b';', "semicolons"), (b'\t', "tabs")];
            let other = other.into_iter().find(|(byte, _)| record[0].contains(byte));
            if let (1, Some((_, found))) = (fields, other) {
                let expected = "fields separated by commas";
                return Err(DataError::content(path, Position::Line(line), expected, found));
            }
            if record.iter().any(|field| number(field).is_none() && !hole(field)) {
                label = find_label(path, line, &record)?;
                header = Some(names(&record, label));
                if fields == usize::from(label.is_some()) {
                    let at = Position::Line(line);
                    let expected = "a column beside `label`";
                    return Err(DataError::content(path, at, expected, "no other"));
                }
                continue;
            }
        }
        if record.len() != fields {
            let (expected, found) = (format!("{fields} fields"), record.len().to_string());
            return Err(DataError::content(path, Position::Line(line), expected, found));
        }
        for (i, field) in record.iter().enumerate() {
            let wrong = |expected| {
                let at = Position::Cell { line, column: i + 1 };
                DataError::content(path, at, expected, shown(field, &record))
            };
            let x = number(field).filter(|x| x.is_finite());
            if label == Some(i) {
                let whole = x.filter(|x| (0.0..=255.0).contains(x) && x.fract() == 0.0);
                let whole = whole.ok_or_else(|| wrong("a label, a whole number 0 to 255"))?;
                labels.push(whole as u8);
            } else if hole(field) {
                values.push(f32::NAN);
            } else {
                values.push(x.ok_or_else(|| wrong("a finite number"))?);
            }
        }
        if values.len() as u64 > MAX_VALUES {
            let (path, shape) = (path.to_path_buf(), values.len().to_string());
            return Err(DataError::TooLarge { path, shape, limit: MAX_VALUES });
        }
    }

    let columns = fields - usize::from(label.is_some());
    if values.is_empty() && labels.is_empty() {
        let (expected, found) = ("a row of numbers", "the end of the file");
        let last = Position::Line(reader.position().line() - 1);
        return Err(DataError::content(path, last, expected, found));
    }
    let table = Table::incomplete(values, columns)?;
    let note = match (&header, label) {
        (None, _) => "no header line, no labels",
        (Some(_), None) => "a header line, no labels",
        (Some(_), Some(_)) => "a header line, labels",
    };
    let table = match header {
        Some(names) => table.with_column_names(names)?,
        None => table,
    };
    Ok((if label.is_some() { table.with_labels(labels)? } else { table }, note))
}

/// A field as a message shows it. A line without any number is no data, and may be a secret of another file: its text is not shown.
fn shown(field: &[u8], record: &ByteRecord) -> String {
    match field.is_empty() || record.iter().any(|field| number(field).is_some()) {
        true => format!("`{}`", String::from_utf8_lossy(field)),
        false => format!("a text of {} bytes, in a line without numbers", field.len()),
    }
}

fn number(field: &[u8]) -> Option<f32> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// The names of the columns beside the labels.
fn names(header: &ByteRecord, label: Option<usize>) -> Vec<String> {
    let columns = header.iter().enumerate().filter(|(i, _)| label != Some(*i));
    columns.map(|(_, name)| String::from_utf8_lossy(name).into_owned()).collect()
}

fn find_label(path: &Path, line: u64, header: &ByteRecord) -> Result<Option<usize>, DataError> {
    let mut places = (0..header.len()).filter(|&i| &header[i] == b"label");
    let label = places.next();
    match places.next() {
        None => Ok(label),
        Some(i) => {
            let at = Position::Cell { line, column: i + 1 };
            Err(DataError::content(path, at, "one column `label`", "a second"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::files::input::scratch::{Scratch, gzip};

    #[test]
    fn missing_cells_are_kept_where_they_are_asked_for() {
        let scratch = Scratch::new();
        let text = "a,label,b\n1,3,\nNA,4,2.5\n,5,NaN\n";
        let path = scratch.file("x", text.as_bytes());
        let (table, _) = read(&path, Missing::Kept).unwrap();
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let nan = f32::NAN;
        assert_eq!(bits(table.values()), bits(&[1.0, nan, nan, 2.5, nan, nan]));
        assert_eq!((table.missing(), table.labels()), (4, Some(&[3, 4, 5][..])));
        assert!(refusal(text).contains("expected a finite number, found ``"));
        // A hole in the first line makes it no header.
        let path = scratch.file("y", b"1,\n2,3\n");
        assert_eq!(read(&path, Missing::Kept).unwrap().0.len(), 2);
        let split = load(&path, 0, Missing::Kept).unwrap();
        assert!(
            split.description.contains("no labels, 1 of 4 cells missing"),
            "{}",
            split.description
        );
        // Other words and infinity stay errors, and so does a label that is missing.
        for text in ["1,2\n3,x\n", "1,2\n3,inf\n", "a,label\n1,\n"] {
            assert!(read(&scratch.file("z", text.as_bytes()), Missing::Kept).is_err(), "{text}");
        }
    }

    fn attempt(bytes: &[u8]) -> Result<Table, String> {
        let scratch = Scratch::new();
        let path = scratch.file("x", bytes);
        read_csv(&path).map_err(|e| e.to_string().replace(&path.display().to_string(), "x"))
    }

    fn refusal(text: &str) -> String {
        attempt(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn numbers_come_back_with_or_without_header_and_labels() {
        let plain = attempt(b"0,0.5\n1, 1e-1\n").unwrap();
        assert_eq!((plain.values(), plain.columns()), (&[0.0, 0.5, 1.0, 0.1][..], 2));
        assert!(plain.in_unit_interval() && plain.labels().is_none());
        let names = vec!["a".to_string(), "b".to_string()];
        let named = plain.clone().with_column_names(names).unwrap();
        assert_eq!(attempt(b"a,b\r\n0,0.5\r\n1,0.1"), Ok(named.clone()));
        assert_eq!(attempt(b"a,b\r0,0.5\r1,0.1\r"), Ok(named.clone()));
        assert_eq!(attempt(&gzip(b"0,0.5\n\n1,0.1\n\n")), Ok(plain.clone()));
        assert_eq!(attempt(b"\r\n\"a\",\"b\"\r\n0,0.5\r\n\r\n1,0.1\r\n"), Ok(named.clone()));
        let labelled = attempt(b"\"a\",label,b\n0,7,0.5\n1,255,0.1\n").unwrap();
        assert_eq!(labelled, named.with_labels(vec![7, 255]).unwrap());
        assert!(!attempt(b"-3\n200\n").unwrap().in_unit_interval());
    }

    #[test]
    fn fields_that_are_no_finite_number_say_where() {
        for bad in ["x", "NaN", "inf", "-inf", "1e60", ""] {
            for end in ["\n", "\r\n", "\r"] {
                let text = refusal(&["a,b", "1,2", &format!("3,{bad}"), "4,5", ""].join(end));
                let expected =
                    format!("x, line 3, column 2: expected a finite number, found `{bad}`");
                assert_eq!(text, expected);
            }
        }
        let text = refusal("1,NaN\n");
        assert_eq!(text, "x, line 1, column 2: expected a finite number, found `NaN`");
        for text in ["1,2\n\n\n1,x\n", "1,2\r\n\r\n\r\n1,x", "\n\n1,2\n1,x\n3,4"] {
            let text = refusal(text);
            assert_eq!(text, "x, line 4, column 2: expected a finite number, found `x`");
        }
        assert!(attempt(b"a,b\n1,\xff\n").unwrap_err().contains("line 2, column 2"));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_first_row() {
        let plain = attempt(b"0,0.5\n1,0.1\n").unwrap();
        assert_eq!(attempt(b"\xef\xbb\xbf0,0.5\n1,0.1\n"), Ok(plain.clone()));
        assert_eq!(attempt(&gzip(b"\xef\xbb\xbf0,0.5\n1,0.1\n")), Ok(plain));
        let labelled = attempt(b"\xef\xbb\xbflabel,a\n1,2\n").unwrap();
        assert_eq!((labelled.labels(), labelled.columns()), (Some(&[1][..]), 1));
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let text = attempt(&vec![b'1'; MAX_LINE + 2]).unwrap_err();
        assert!(text.ends_with("it has a line of more than 16777216 bytes"), "{text}");
    }

    #[test]
    fn ragged_lines_say_where() {
        assert_eq!(refusal("1,2\n3,4\n5\n"), "x, line 3: expected 2 fields, found 1");
        assert_eq!(refusal("a,b\r\n3,4,5\r\n"), "x, line 2: expected 2 fields, found 3");
    }

    #[test]
    fn labels_are_whole_numbers_below_256_in_one_column() {
        for bad in ["256", "-1", "0.5", "a"] {
            let text = refusal(&format!("v,label\n1,{bad}\n"));
            assert!(text.starts_with("x, line 2, column 2: expected a label"), "{text}");
        }
        assert!(
            refusal("label,a,label\n1,2,3\n").contains("line 1, column 3: expected one column")
        );
        assert!(refusal("label\n1\n").contains("expected a column beside `label`"));
    }

    #[test]
    fn other_separators_are_named() {
        for (text, found) in [("1;2\n3;4\n", "semicolons"), ("a\tb\n1\t2\n", "tabs")] {
            let expected = format!("x, line 1: expected fields separated by commas, found {found}");
            assert_eq!(refusal(text), expected);
        }
        assert!(attempt(b"a;b,c\n1,2\n").is_ok());
    }

    #[test]
    fn files_without_rows_are_refused() {
        for (text, line) in [("", 1), ("\n\n", 3), ("a,b\n", 2), ("a,b", 1)] {
            let expected = "expected a row of numbers, found the end of the file";
            assert_eq!(refusal(text), format!("x, line {line}: {expected}"));
        }
        let scratch = Scratch::new();
        assert!(matches!(load(scratch.path(), 0, Missing::Refused), Err(DataError::Folder { .. })));
        let one = load(&scratch.file("one.csv", b"1,2\n"), 0, Missing::Refused).unwrap();
        assert_eq!((one.train.values(), one.test.values()), (&[1.0, 2.0][..], &[1.0, 2.0][..]));
        assert!(one.description.ends_with("the only row is training and test part"));
        let packed = gzip(b"1,2\n3,4\n5,6\n");
        assert!(
            attempt(&packed[..packed.len() - 5]).unwrap_err().contains("gzip stream is cut off")
        );
    }

    #[test]
    fn the_split_is_shuffled_by_the_seed_and_loses_no_row() {
        let scratch = Scratch::new();
        let text: String = (0..13).map(|i| format!("{i}\n")).collect();
        let path = scratch.file("rows.csv", text.as_bytes());
        let (a, b, c) = (
            load(&path, 1, Missing::Refused).unwrap(),
            load(&path, 1, Missing::Refused).unwrap(),
            load(&path, 2, Missing::Refused).unwrap(),
        );
        assert_eq!(a.train, b.train);
        assert_ne!(a.train, c.train);
        assert_eq!((a.train.len(), a.test.len()), (11, 2));
        let mut rows = [a.train.values(), a.test.values()].concat();
        rows.sort_by(f32::total_cmp);
        assert_eq!(rows, (0..13).map(|i| i as f32).collect::<Vec<_>>());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = attempt(&bytes);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[0-9a,.\"\r\nlabel-]{0,60}") {
            let _ = attempt(text.as_bytes());
        }
    }
}

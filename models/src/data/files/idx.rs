//! IDX, the format of MNIST: two zero bytes, a type code (8 for bytes), the number of sizes, each
//! size as a big-endian u32, then the values, the last index running fastest.

use std::path::Path;

use super::input::Input;
use crate::data::{DataError, Position, Table};

/// Reads an IDX file of bytes as a table of value / 255. A file with three sizes holds images, a file with two sizes
/// plain rows. Gzip is unpacked.
///
/// # Errors
/// If the file cannot be read, is not of this form, or is shorter or longer than it declares.
pub fn read_idx(path: &Path) -> Result<Table, DataError> {
    let mut input = Input::open(path)?;
    let sizes = header(&mut input, &[2, 3])?;
    let values = input.values(&sizes, 1, |x| f32::from(x[0]) / 255.0)?;
    let columns: u64 = sizes[1..].iter().product();
    if columns == 0 {
        let found = format!("{sizes:?}");
        return Err(DataError::content(path, Position::Byte(4), "sizes above 0", found));
    }
    // Every size is a u32, and the product is bounded because all values have been read. Without any row, the product
    // of the other sizes alone may overflow.
    let table = Table::new(values, columns as usize)?;
    match sizes[1..] {
        [height, width] => table.with_image(height as usize, width as usize),
        _ => Ok(table),
    }
}

/// Reads an IDX file with one size as labels. Gzip is unpacked.
///
/// # Errors
/// If the file cannot be read, is not of this form, or is shorter or longer than it declares.
pub fn read_idx_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    let mut input = Input::open(path)?;
    let sizes = header(&mut input, &[1])?;
    input.values(&sizes, 1, |x| x[0])
}

fn header(input: &mut Input, dimensions: &[u8]) -> Result<Vec<u64>, DataError> {
    let magic = input.header(4, "IDX magic number")?;
    let wrong = |byte, expected: String, found: String| {
        Err(DataError::content(input.path(), Position::Byte(byte), expected, found))
    };
    if magic[..2] != [0, 0] {
        let found = format!("{:02x} {:02x}", magic[0], magic[1]);
        return wrong(0, "00 00, the start of an IDX file".into(), found);
    }
    if magic[2] != 8 {
        return wrong(2, "type code 08 (bytes)".into(), format!("{:02x}", magic[2]));
    }
    if !dimensions.contains(&magic[3]) {
        let choices = dimensions.iter().map(u8::to_string).collect::<Vec<_>>().join(" or ");
        return wrong(3, format!("{choices} dimensions"), magic[3].to_string());
    }
    let sizes = input.header(4 * usize::from(magic[3]), "IDX sizes")?;
    let (sizes, _) = sizes.as_chunks();
    Ok(sizes.iter().map(|&size| u64::from(u32::from_be_bytes(size))).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::input::scratch::{Scratch, gzip};
    use super::*;

    pub(crate) fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, sizes.len() as u8];
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        let scratch = Scratch::new();
        let text = read_idx(&scratch.file("x", bytes)).unwrap_err().to_string();
        text.replace(&scratch.path().join("x").display().to_string(), "x")
    }

    #[test]
    fn images_come_back_whether_packed_or_not() {
        let scratch = Scratch::new();
        let bytes = idx(&[2, 1, 3], &[0, 51, 255, 255, 0, 102]);
        let plain = read_idx(&scratch.file("plain.gz", &bytes)).unwrap();
        let packed = read_idx(&scratch.file("packed", &gzip(&bytes))).unwrap();
        assert_eq!(plain, packed);
        assert_eq!(plain.values(), [0.0, 0.2, 1.0, 1.0, 0.0, 0.4]);
        assert_eq!((plain.len(), plain.image()), (2, Some((1, 3))));
        let rows = read_idx(&scratch.file("rows", &idx(&[3, 2], &[9; 6]))).unwrap();
        assert_eq!((rows.len(), rows.columns(), rows.image()), (3, 2, None));
    }

    #[test]
    fn headers_that_are_short_or_wrong_say_where() {
        let short = "x, byte 0: expected 4 bytes of IDX magic number, found the end of the file";
        assert_eq!(refusal(&[]), format!("{short} after 0"));
        assert_eq!(refusal(&[0, 0, 8]), format!("{short} after 3"));
        let text = refusal(&idx(&[2, 2, 2], &[])[..9]);
        let sizes = "x, byte 4: expected 12 bytes of IDX sizes, found the end of the file after 5";
        assert_eq!(text, sizes);
        let text = refusal(b"PK\x08\x03aaaaaaaaaaaaaaa");
        assert_eq!(text, "x, byte 0: expected 00 00, the start of an IDX file, found 50 4b");
        let text = refusal(&[0, 0, 13, 3, 0, 0, 0, 0]);
        assert_eq!(text, "x, byte 2: expected type code 08 (bytes), found 0d");
        let text = refusal(&idx(&[1, 1, 1, 1], &[0]));
        assert_eq!(text, "x, byte 3: expected 2 or 3 dimensions, found 4");
        assert!(refusal(&idx(&[1, 0, 1], &[])).contains("expected sizes above 0, found [1, 0, 1]"));
    }

    #[test]
    fn sizes_that_lie_are_refused() {
        let short =
            "x: declares 60000 x 28 x 28 = 47040000 bytes of data but the file ends after 9";
        assert_eq!(refusal(&idx(&[60000, 28, 28], &[1; 9])), short);
        let long = "x: declares 1 x 2 x 2 = 4 bytes of data but the file goes on after them";
        assert_eq!(refusal(&idx(&[1, 2, 2], &[1; 5])), long);
    }

    #[test]
    fn huge_sizes_are_refused_at_once() {
        let m = u32::MAX;
        let text = refusal(&idx(&[m, m, m], &[1; 9]));
        assert!(text.contains("4294967295 x 4294967295 x 4294967295 values, more than"), "{text}");
        // This size is below the limit, and memory still follows the data and not the header.
        assert!(refusal(&idx(&[1 << 17, 1 << 10], &[1; 9])).contains("ends after 9"));
        // There are no rows, and the size of a row would overflow.
        assert!(!refusal(&idx(&[0, m, m], &[1])).is_empty());
    }

    #[test]
    fn gzip_that_is_cut_or_damaged_says_so() {
        let data: Vec<u8> = (0..4000u32).map(|i| (i * i / 7) as u8).collect();
        let packed = gzip(&idx(&[4, 1000], &data));
        for n in [2, 5, packed.len() / 2, packed.len() - 1] {
            let text = refusal(&packed[..n]);
            assert!(text.contains("the gzip stream is cut off: it ends after "), "{n}: {text}");
        }
        let mut damaged = packed.clone();
        let sum = packed.len() - 6;
        damaged[sum] ^= 1;
        assert!(refusal(&damaged).contains("the gzip stream is damaged"), "{}", refusal(&damaged));
    }

    #[test]
    fn a_folder_or_nothing_is_no_file() {
        let scratch = Scratch::new();
        let text = read_idx(scratch.path()).unwrap_err().to_string();
        assert!(text.ends_with("expected a file, found a folder"), "{text}");
        let text = read_idx(&scratch.path().join("none")).unwrap_err().to_string();
        assert!(text.ends_with("there is no such file or folder"), "{text}");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(mut bytes: Vec<u8>, start in 0..3usize) {
            // Random bytes rarely begin with a valid header, so some of them are given one.
            let head: &[u8] = [&[][..], &[0, 0, 8, 2], &[0, 0, 8, 3, 0, 0, 0]][start];
            bytes.splice(..0, head.iter().copied());
            let scratch = Scratch::new();
            let _ = read_idx(&scratch.file("x", &bytes));
            let _ = read_idx_labels(&scratch.file("y", &gzip(&bytes)));
        }
    }
}

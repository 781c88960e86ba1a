//! Bounded reading of files whose headers cannot be trusted.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::data::{DataError, Position};

/// The largest number of values that is read from one file: 512 MiB as f32, of which a run holds three copies.
pub(crate) const MAX_VALUES: u64 = 1 << 27;

/// The most unpacked bytes for each packed byte, and the number of bytes that are always unpacked. Black and white pictures are packed a
/// hundredfold; nothing but a file that is made to fill memory is packed a thousandfold.
const MAX_RATIO: u64 = 200;
const FREE_BYTES: u64 = 1 << 24;

/// The largest number of bytes that is unpacked from one file: [`MAX_VALUES`] values of 8 bytes, and a header.
const MAX_BYTES: u64 = 8 * MAX_VALUES + (1 << 20);

/// A file that is read from its beginning, and unpacked if it begins with the bytes of gzip (1f 8b, RFC 1952).
///
/// Memory is allocated as data arrive, never by the sizes in a header.
pub(crate) struct Input {
    path: PathBuf,
    reader: Box<dyn Read>,
    gzip: bool,
    at: u64,
    /// The largest number of bytes that is read.
    limit: u64,
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buffer)?;
        self.at += n as u64;
        if self.at > self.limit {
            return Err(io::Error::other(match self.limit {
                MAX_BYTES => format!("it is longer than the limit of {MAX_BYTES} bytes"),
                limit => format!(
                    "it unpacks to more than {limit} bytes, the limit of {MAX_RATIO} times its size and {FREE_BYTES} bytes"
                ),
            }));
        }
        Ok(n)
    }
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Input, DataError> {
        let fail = |error| DataError::io(path, error);
        let metadata = fs::metadata(path).map_err(fail)?;
        if metadata.is_dir() {
            return Err(DataError::Folder { path: path.to_path_buf() });
        }
        let mut file = File::open(path).map_err(fail)?;
        let mut start = Vec::with_capacity(2);
        file.by_ref().take(2).read_to_end(&mut start).map_err(fail)?;
        let gzip = start == [0x1f, 0x8b];
        let whole = BufReader::with_capacity(1 << 16, Cursor::new(start).chain(file));
        let reader: Box<dyn Read> =
            if gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
        let limit = match gzip && metadata.is_file() {
            true => {
                MAX_BYTES.min(metadata.len().saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES))
            }
            false => MAX_BYTES,
        };
        Ok(Input { path: path.to_path_buf(), reader, gzip, at: 0, limit })
    }

    /// Passes over the bytes `mark` if the file begins with them.
    pub(crate) fn skip(&mut self, mark: &'static [u8]) -> Result<(), DataError> {
        let mut start = vec![0; mark.len()];
        let filled = self.fill(&mut start)?;
        if filled < mark.len() || start != mark {
            start.truncate(filled);
            let rest = std::mem::replace(&mut self.reader, Box::new(io::empty()));
            self.reader = Box::new(Cursor::new(start).chain(rest));
            self.at = 0;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// Translates the error of a failed read.
    pub(crate) fn fail(&self, source: io::Error) -> DataError {
        let (path, unpacked) = (self.path.clone(), self.at);
        match source.kind() {
            io::ErrorKind::UnexpectedEof if self.gzip => DataError::GzipCut { path, unpacked },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData if self.gzip => {
                DataError::GzipDamaged { path, unpacked, source }
            }
            _ => DataError::io(&path, source),
        }
    }

    /// Fills the buffer until it is full or the file ends, and returns the number of bytes read.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, DataError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(filled)
    }

    /// Reads the next `n` bytes of a header; `what` describes them in the error if the file ends before.
    pub(crate) fn header(&mut self, n: usize, what: &str) -> Result<Vec<u8>, DataError> {
        let at = Position::Byte(self.at);
        let mut bytes = vec![0; n];
        let filled = self.fill(&mut bytes)?;
        if filled < n {
            let expected = format!("{n} bytes of {what}");
            let found = format!("the end of the file after {filled}");
            return Err(DataError::content(&self.path, at, expected, found));
        }
        Ok(bytes)
    }

    /// Reads as many values of `width` bytes as the product of `sizes`, which must end with the file.
    pub(crate) fn values<T>(
        &mut self,
        sizes: &[u64],
        width: usize,
        convert: impl Fn(&[u8]) -> T,
    ) -> Result<Vec<T>, DataError> {
        let path = self.path.clone();
        let mut shape = sizes.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        let product = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size));
        let Some(count) = product.filter(|&n| n <= MAX_VALUES) else {
            return Err(DataError::TooLarge { path, shape, limit: MAX_VALUES });
        };
        if width > 1 {
            shape += &format!(" x {width}");
        }
        let declared = count * width as u64;
        // A file that is packed too much is refused before the first value.
        if declared > self.limit {
            let source = io::Error::other(format!(
                "it declares {declared} bytes, more than the limit of {MAX_RATIO} times its size and {FREE_BYTES} bytes"
            ));
            return Err(DataError::io(&path, source));
        }

        let mut values = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        let mut left = declared;
        while left > 0 {
            let want = left.min(buffer.len() as u64) as usize;
            let got = self.fill(&mut buffer[..want])?;
            left -= got as u64;
            if got < want {
                let found = declared - left;
                return Err(DataError::TooShort { path, shape, declared, found });
            }
            values.extend(buffer[..want].chunks_exact(width).map(&convert));
        }
        // Reading to the end also makes gzip verify its checksum.
        if self.fill(&mut buffer[..1])? > 0 {
            return Err(DataError::TooLong { path, shape, declared });
        }
        Ok(values)
    }
}

#[cfg(test)]
pub(crate) mod scratch {
    //! Small files for tests.

    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicU64, Ordering};

    use flate2::{Compression, write::GzEncoder};

    /// A folder of its own that is removed when dropped.
    pub(crate) struct Scratch(PathBuf);

    impl Scratch {
        pub(crate) fn new() -> Scratch {
            static NEXT: AtomicU64 = AtomicU64::new(0);
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("pathscore-data-{}-{n}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            std::fs::create_dir_all(&folder).unwrap();
            Scratch(folder)
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }

        pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream without end, `at` bytes of which were read already.
    fn endless(at: u64) -> Input {
        Input {
            path: "x".into(),
            reader: Box::new(io::repeat(7)),
            gzip: false,
            at,
            limit: MAX_BYTES,
        }
    }

    #[test]
    fn the_largest_array_with_the_largest_header_is_read_and_much_more_is_not() {
        // The header of a NumPy array has at most 12 + 65536 bytes.
        let largest = 8 * MAX_VALUES + 12 + 65_536;
        let mut input = endless(largest - 1);
        assert_eq!(input.header(1, "data").unwrap(), [7]);
        assert_eq!(input.at(), largest);
        let mut input = endless(MAX_BYTES - 1);
        assert!(input.header(1, "data").is_ok() && input.header(1, "data").is_err());
        let text = endless(9 * MAX_VALUES).header(1, "data").unwrap_err().to_string();
        assert!(text.ends_with(&format!("longer than the limit of {MAX_BYTES} bytes")), "{text}");
    }

    #[test]
    fn a_stream_that_unpacks_to_much_more_than_its_size_is_refused() {
        let scratch = scratch::Scratch::new();
        let read = |bytes: &[u8]| {
            let mut input = Input::open(&scratch.file("x", bytes)).unwrap();
            io::copy(&mut input, &mut io::sink()).map_err(|error| error.to_string())
        };
        let zeros = vec![0; 40 << 20];
        assert_eq!(read(&scratch::gzip(&zeros[..16 << 20])), Ok(16 << 20));
        let text = read(&scratch::gzip(&zeros)).unwrap_err();
        assert!(text.contains("200 times its size"), "{text}");
        // As much as pictures of a few strokes: one byte in a hundred.
        let strokes: Vec<u8> =
            (0..40u32 << 20).map(|i| u8::from(i * 7 % 101 == 0) * (i >> 9) as u8).collect();
        assert_eq!(read(&scratch::gzip(&strokes)), Ok(40 << 20));
    }

    #[test]
    fn a_mark_is_passed_over_if_it_is_there() {
        let scratch = scratch::Scratch::new();
        for (bytes, rest) in
            [(&b"abcd"[..], &b"d"[..]), (b"abd", b"abd"), (b"ab", b"ab"), (b"", b"")]
        {
            let mut input = Input::open(&scratch.file("x", bytes)).unwrap();
            input.skip(b"abc").unwrap();
            let mut found = Vec::new();
            input.read_to_end(&mut found).unwrap();
            assert_eq!(found, rest);
        }
    }

    #[test]
    fn values_are_converted_in_order_up_to_the_limit() {
        let input = |bytes: &[u8]| Input {
            path: "x".into(),
            reader: Box::new(Cursor::new(bytes.to_vec())),
            gzip: false,
            at: 0,
            limit: MAX_BYTES,
        };
        let word = |bytes: &[u8]| u16::from_le_bytes([bytes[0], bytes[1]]);
        // More than one buffer of 65536 bytes.
        let words: Vec<u16> = (0..40_000).collect();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        assert_eq!(input(&bytes).values(&[200, 200], 2, word).unwrap(), words);
        let text = |found: Result<Vec<u16>, DataError>| found.unwrap_err().to_string();
        let found = text(input(&bytes[1..]).values(&[200, 200], 2, word));
        let start = "x: declares 200 x 200 x 2 = 80000 bytes of data but the file";
        assert_eq!(found, format!("{start} ends after 79999"));
        let found = text(input(&bytes).values(&[199, 200], 2, word));
        let start = "x: declares 199 x 200 x 2 = 79600 bytes of data but the file";
        assert_eq!(found, format!("{start} goes on after them"));
        let found = text(input(&bytes).values(&[MAX_VALUES], 2, word));
        assert!(found.ends_with("ends after 80000"), "{found}");
        let found = text(input(&bytes).values(&[MAX_VALUES + 1], 2, word));
        assert_eq!(found, "x: holds 134217729 values, more than the limit of 134217728");
        assert!(input(&[]).values(&[3, 0], 2, word).unwrap().is_empty());
    }
}

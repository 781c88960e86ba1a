//! The header of an NPY file, a dictionary as Python writes it.

/// The dictionary at the start of a file.
pub(crate) struct Header {
    pub(crate) descr: String,
    pub(crate) fortran: bool,
    pub(crate) shape: Vec<u64>,
}

/// An error in the dictionary, with the position of its byte.
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) expected: String,
    pub(crate) found: String,
}

/// The bytes before the header of version 1.0: magic, version and length.
const BEFORE: usize = 10;

impl Header {
    /// The dictionary of an array in C order as NumPy writes it, with blanks so that the values behind it begin at a multiple of 64
    /// bytes.
    pub(crate) fn write(descr: &str, shape: &[usize]) -> String {
        // A tuple of one size ends with a comma.
        let sizes = match shape {
            [only] => format!("{only},"),
            _ => shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        };
        let mut text =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
        let length = (BEFORE + text.len() + 1).next_multiple_of(64) - BEFORE;
        text += &" ".repeat(length - text.len() - 1);
        text + "\n"
    }

    /// Reads `{'descr': …, 'fortran_order': …, 'shape': …}`, the keys in any order.
    pub(crate) fn parse(text: &[u8]) -> Result<Header, Fault> {
        let mut cursor = Cursor { text, at: 0 };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        cursor.expect(b'{')?;
        while !cursor.accept(b'}') {
            let key = cursor.string()?;
            cursor.expect(b':')?;
            match key.as_str() {
                "descr" => descr = Some(cursor.string()?),
                "fortran_order" => fortran = Some(cursor.boolean()?),
                "shape" => shape = Some(cursor.tuple()?),
                _ => return cursor.fault("the key descr, fortran_order or shape", key),
            }
            if !cursor.accept(b',') {
                cursor.expect(b'}')?;
                break;
            }
        }
        cursor.blanks();
        if cursor.at < text.len() {
            return cursor.unexpected("the end of the header");
        }
        match (descr, fortran, shape) {
            (Some(descr), Some(fortran), Some(shape)) => Ok(Header { descr, fortran, shape }),
            _ => cursor.fault("the keys descr, fortran_order and shape", "fewer"),
        }
    }
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn fault<T>(&self, expected: &str, found: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.at, expected: expected.into(), found: found.into() })
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Fault> {
        let rest = &self.text[self.at..];
        let end = rest.len().min(12);
        match end {
            0 => self.fault(expected, "the end of the header"),
            _ => self.fault(expected, format!("`{}`", rest[..end].escape_ascii())),
        }
    }

    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        self.blanks();
        let there = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.accept(byte) { Ok(()) } else { self.unexpected(&format!("`{}`", byte as char)) }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.blanks();
        let quote = match self.text.get(self.at) {
            Some(&quote @ (b'\'' | b'"')) => quote,
            _ => return self.unexpected("a string"),
        };
        let rest = &self.text[self.at + 1..];
        let Some(end) = rest.iter().position(|&byte| byte == quote) else {
            return self.unexpected("a string with an end");
        };
        self.at += end + 2;
        Ok(rest[..end].escape_ascii().to_string())
    }

    fn boolean(&mut self) -> Result<bool, Fault> {
        self.blanks();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.unexpected("True or False")
    }

    fn tuple(&mut self) -> Result<Vec<u64>, Fault> {
        let mut sizes = Vec::new();
        self.expect(b'(')?;
        while !self.accept(b')') {
            sizes.push(self.number()?);
            if !self.accept(b',') {
                self.expect(b')')?;
                break;
            }
        }
        Ok(sizes)
    }

    fn number(&mut self) -> Result<u64, Fault> {
        self.blanks();
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        match str::from_utf8(&rest[..digits]).ok().and_then(|text| text.parse().ok()) {
            Some(number) => {
                self.at += digits;
                Ok(number)
            }
            None => self.unexpected("a size below 2^64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_whatever_its_order_and_its_blanks() {
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 20), }  \n",
            "{\"shape\":(3,20),'fortran_order':False,'descr':\"<f4\"}",
            " { 'shape' : ( 3 , 20 , ) , 'descr' : '<f4' , 'fortran_order' : False } ",
        ] {
            let header = Header::parse(text.as_bytes()).ok().expect("the header is complete");
            assert_eq!((header.descr.as_str(), header.fortran), ("<f4", false), "{text}");
            assert_eq!(header.shape, [3, 20], "{text}");
        }
        let text = "{'descr': '|u1', 'fortran_order': True, 'shape': ()}";
        let header = Header::parse(text.as_bytes()).ok().expect("the header is complete");
        assert!(header.fortran && header.shape.is_empty());
    }

    #[test]
    fn what_is_written_is_parsed() {
        for shape in [&[][..], &[3], &[3, 20], &[3, 20, usize::MAX]] {
            let text = Header::write("<f8", shape);
            assert!((BEFORE + text.len()).is_multiple_of(64) && text.ends_with('\n'), "{text}");
            let header = Header::parse(text.as_bytes()).ok().expect("the header is complete");
            assert_eq!((header.descr.as_str(), header.fortran), ("<f8", false));
            let found: Vec<usize> = header.shape.iter().map(|&size| size as usize).collect();
            assert_eq!(found, shape);
        }
    }

    #[test]
    fn faults_have_the_position_of_their_byte() {
        for (text, at, expected, found) in [
            ("", 0, "`{`", "the end of the header"),
            ("x", 0, "`{`", "`x`"),
            ("{", 1, "a string", "the end of the header"),
            ("{'descr", 1, "a string with an end", "`\\'descr`"),
            ("{'descr' 3", 9, "`:`", "`3`"),
            ("{'descr': <f4}", 10, "a string", "`<f4}`"),
            ("{'descr': '<f4' 'x'}", 16, "`}`", "`\\'x\\'}`"),
            ("{'a': 3}", 5, "the key descr, fortran_order or shape", "a"),
            ("{'fortran_order': 0}", 18, "True or False", "`0}`"),
            ("{'shape': 3}", 10, "`(`", "`3}`"),
            ("{'shape': (3 4)}", 13, "`)`", "`4)}`"),
            ("{'shape': (-3)}", 11, "a size below 2^64", "`-3)}`"),
            ("{'shape': (18446744073709551616)}", 11, "a size below 2^64", "`184467440737`"),
            ("{'descr': 'a'} 0123456789abcdef", 15, "the end of the header", "`0123456789ab`"),
            ("{'descr': 'a'}  ", 16, "the keys descr, fortran_order and shape", "fewer"),
        ] {
            let fault = Header::parse(text.as_bytes()).err().expect("the header is not valid");
            assert_eq!(
                (fault.at, &fault.expected[..], &fault.found[..]),
                (at, expected, found),
                "{text}"
            );
        }
    }
}

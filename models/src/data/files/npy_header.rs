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

impl Header {
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

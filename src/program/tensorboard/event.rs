//! Events of TensorBoard in the encoding of protocol buffers: `Event { 1: double wall_time, 2: int64 step, 3: string file_version,
//! 5: Summary summary, 7: SessionLog session_log }` with `Summary { 1: repeated Value { 1: string tag, 2: float simple_value } }` and
//! `SessionLog { 1: enum status }`.

/// The version of the format, the first event of every file.
const VERSION: &str = "brain.Event:2";
/// The status of a session that starts.
const START: u64 = 1;

/// The types of fields in the encoding.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED_32: u64 = 5;

/// The event at the beginning of a file.
pub(super) fn version(wall_time: f64) -> Vec<u8> {
    Message::default().double(1, wall_time).bytes(3, VERSION.as_bytes()).0
}

/// The start of a session: readers forget the events of earlier files from this step on.
pub(super) fn start(wall_time: f64, step: u64) -> Vec<u8> {
    let session = Message::default().integer(1, START);
    Message::default().double(1, wall_time).integer(2, step).bytes(7, &session.0).0
}

/// Numbers with their tags after a step.
pub(super) fn scalars<'a>(
    wall_time: f64,
    step: u64,
    numbers: impl Iterator<Item = (&'a str, f64)>,
) -> Vec<u8> {
    let value = |summary: Message, (tag, number): (&str, f64)| {
        let value = Message::default().bytes(1, tag.as_bytes()).float(2, number as f32);
        summary.bytes(1, &value.0)
    };
    let summary = numbers.fold(Message::default(), value);
    Message::default().double(1, wall_time).integer(2, step).bytes(5, &summary.0).0
}

/// A message with the fields so far.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(mut self, mut number: u64) -> Self {
        while number >= 1 << 7 {
            self.0.push(number as u8 | 1 << 7);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    fn key(self, field: u64, kind: u64) -> Self {
        self.varint(field << 3 | kind)
    }

    fn integer(self, field: u64, number: u64) -> Self {
        self.key(field, VARINT).varint(number)
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let Self(before) = self.key(field, LENGTH).varint(bytes.len() as u64);
        Self([&before, bytes].concat())
    }

    fn double(self, field: u64, number: f64) -> Self {
        let Self(before) = self.key(field, FIXED_64);
        Self([&before[..], &number.to_le_bytes()].concat())
    }

    fn float(self, field: u64, number: f32) -> Self {
        let Self(before) = self.key(field, FIXED_32);
        Self([&before[..], &number.to_le_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_have_the_bytes_of_protocol_buffers() {
        // As Event(...).SerializeToString() of the tensorboard package writes them.
        let double = [0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
        let expected = [&[0x09][..], &double, b"\x1a\x0dbrain.Event:2"].concat();
        assert_eq!(version(1.5), expected);
        let expected = [&[0x09][..], &double, b"\x10\xac\x02\x3a\x02\x08\x01"].concat();
        assert_eq!(start(1.5, 300), expected);
        let values =
            b"\x0a\x0a\x0a\x03a/b\x15\x00\x00\x00\x3f\x0a\x08\x0a\x01c\x15\x00\x00\x80\xbf";
        let expected = [&[0x09][..], &double, b"\x10\x01\x2a\x16", values].concat();
        assert_eq!(scalars(1.5, 1, [("a/b", 0.5), ("c", -1.0)].into_iter()), expected);
    }
}

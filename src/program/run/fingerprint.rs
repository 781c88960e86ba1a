//! Checksums, by which a file and a table are known again.

use pathscore::models::data::{Split, Table};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// A number that tells bytes from other bytes: each word is a bijection of the state, so a change of a single word never goes
/// unseen, and other changes with a probability of $2^{-64}$. It is no protection from forgery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checksum(u64);

impl Checksum {
    /// The checksum of bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::default().with(bytes)
    }

    /// The checksum of what was seen so far, followed by more bytes.
    pub(crate) fn with(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let all = words.iter().fold(self, |sum, &word| sum.word(u64::from_le_bytes(word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        all.word(u64::from_le_bytes(last)).word(bytes.len() as u64)
    }

    /// The multiplier is that of SplitMix64 (Steele, Lea and Flood 2014).
    fn word(self, word: u64) -> Self {
        let mixed = (self.0 ^ word).wrapping_add(1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        Self(mixed ^ mixed >> 29)
    }

    fn with_table(self, table: &Table) -> Self {
        let values = table.values().chunks(2);
        let numbers = values.fold(self, |sum, pair| {
            let bits = |i: usize| pair.get(i).map_or(0, |x| u64::from(x.to_bits()));
            sum.word(bits(0) | bits(1) << 32)
        });
        let labelled = numbers.with(table.labels().unwrap_or_default());
        let (height, width) = table.image().unwrap_or((0, 0));
        let names = table.column_names().unwrap_or_default();
        let named = names.iter().fold(labelled, |sum, name| sum.with(name.as_bytes()));
        named.word(names.len() as u64).word(height as u64).word(width as u64)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let found = u64::from_str_radix(&text, 16).map(Self).map_err(de::Error::custom)?;
        // A checksum is written in one way only.
        match found.to_string() == text {
            true => Ok(found),
            false => Err(de::Error::custom(format!("the checksum is not {found}"))),
        }
    }
}

/// The data of a run, by which they are known again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fingerprint {
    /// The rows of the training part.
    train: usize,
    /// The rows of the test part.
    test: usize,
    columns: usize,
    checksum: Checksum,
}

impl Fingerprint {
    pub(crate) fn of(split: &Split) -> Self {
        let Split { train, test, .. } = split;
        let checksum = Checksum::default().with_table(train).with_table(test);
        Self { train: train.len(), test: test.len(), columns: train.columns(), checksum }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { train, test, columns, checksum } = self;
        write!(f, "{train} training and {test} test rows of {columns} columns, checksum {checksum}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_bit_and_length_changes_the_checksum() {
        let bytes: Vec<u8> = (0..37).collect();
        let sum = Checksum::of(&bytes);
        for at in 0..8 * bytes.len() {
            let mut other = bytes.clone();
            other[at / 8] ^= 1 << (at % 8);
            assert_ne!(Checksum::of(&other), sum, "bit {at}");
        }
        assert_ne!(Checksum::of(&[0; 8]), Checksum::of(&[0; 9]));
        assert_ne!(Checksum::of(b"ab").with(b"c"), Checksum::of(b"a").with(b"bc"));
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(serde_json::from_str::<Checksum>(&text).unwrap(), sum);
        for other in ["\"00000000000000AB\"", "\"ab\"", "\"+0000000000000ab\""] {
            assert!(serde_json::from_str::<Checksum>(other).is_err(), "{other}");
        }
    }

    #[test]
    fn other_numbers_labels_and_shapes_are_other_data() {
        let table = |x: f32| Table::new(vec![0.0, 1.0, x, 0.5], 2).unwrap();
        let split = |train, test| Split { train, test, description: String::new() };
        let of = |train, test| Fingerprint::of(&split(train, test));
        let one = of(table(0.25), table(0.5));
        assert_eq!(one, of(table(0.25), table(0.5)));
        assert_ne!(one, of(table(0.5), table(0.25)));
        assert_ne!(one, of(table(0.25).with_labels(vec![1, 2]).unwrap(), table(0.5)));
        let tall = Table::new(vec![0.0, 1.0, 0.25, 0.5], 1).unwrap();
        assert_ne!(one, of(tall, table(0.5)));
        // A column by its name, and neighbours in a picture, decide what is fitted.
        let named =
            |names: [&str; 2]| table(0.25).with_column_names(names.map(String::from).to_vec());
        assert_ne!(
            of(named(["a", "b"]).unwrap(), table(0.5)),
            of(named(["b", "a"]).unwrap(), table(0.5))
        );
        assert_ne!(
            of(named(["a", "b"]).unwrap(), table(0.5)),
            of(named(["ab", ""]).unwrap(), table(0.5))
        );
        assert_ne!(one, of(named(["a", "b"]).unwrap(), table(0.5)));
        let image = |height, width| table(0.25).with_image(height, width).unwrap();
        assert_ne!(of(image(1, 2), table(0.5)), of(image(2, 1), table(0.5)));
    }
}

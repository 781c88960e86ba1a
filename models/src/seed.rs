//! Random draws that are a pure function of a seed, a stream and an index.

use pathscore_autodiff::vector::Lanes;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The purpose of a generator. Two streams of one seed share no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stream {
    /// Generated digits.
    Digits = 1,
    /// Bars and stripes.
    Bars = 2,
    /// The split into parts.
    Shuffle = 3,
    /// The order of an epoch.
    Batches = 4,
    /// A binarisation that is drawn once.
    Binarize = 5,
    /// The two parts of a split.
    Parts = 6,
    /// Initial parameters.
    Init = 7,
    /// A training step.
    Step = 8,
    /// A part of a step's batch.
    Shard = 9,
    /// An evaluation.
    Evaluate = 10,
    /// Samples from a model.
    Sample = 11,
    /// Samples of a gradient estimator.
    Estimate = 12,
    /// Gradients and samples for diagnostics, which do not affect training.
    Diagnose = 13,
    /// Friedman's regression.
    Friedman = 14,
    /// Normals on a circle.
    Mixture = 15,
    /// Two rings.
    Rings = 16,
}

/// The output of SplitMix64 (Steele, Lea & Flood 2014) from the state `seed` after `index + 1` steps.
fn mix(seed: u64, index: u64) -> u64 {
    let mut z = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A new seed for item `index` of a stream.
///
/// ```
/// use pathscore_models::seed::{Stream, derive};
/// assert_ne!(derive(0, Stream::Step, 1), derive(1, Stream::Step, 0));
/// ```
pub fn derive(seed: u64, stream: Stream, index: u64) -> u64 {
    // Seed and index are mixed in two rounds. With a single round, which is linear in (seed, index) before its
    // finalizer, item 1 of one seed would be item 0 of another.
    mix(mix(mix(seed, stream as u64), 0), index)
}

/// The generator of item `index` of a stream, independent of every other item.
pub fn rng(seed: u64, stream: Stream, index: u64) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(derive(seed, stream, index))
}

/// A generator for item `index` of a stream that draws many numbers at a time, in vector registers.
pub fn lanes(seed: u64, stream: Stream, index: u64) -> Lanes {
    Lanes::new(derive(seed, stream, index))
}

/// A uniform draw from [0, 1) in steps of 2⁻²⁴, every one of which f32 holds exactly.
pub(crate) fn uniform_f32<R: Rng + ?Sized>(rng: &mut R) -> f32 {
    (rng.next_u64() >> 40) as f32 * (1.0 / (1 << 24) as f32)
}

/// A uniform draw from 0..n by multiplication; the bias is below n / 2⁶⁴.
pub(crate) fn uniform_below<R: Rng + ?Sized>(rng: &mut R, n: usize) -> usize {
    ((u128::from(rng.next_u64()) * n as u128) >> 64) as usize
}

/// Shuffles by the method of Fisher and Yates.
pub(crate) fn shuffle<R: Rng + ?Sized>(rng: &mut R, items: &mut [usize]) {
    for i in (1..items.len()).rev() {
        items.swap(i, uniform_below(rng, i + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_streams_and_seeds_share_no_generator() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..20 {
            for stream in [Stream::Digits, Stream::Bars, Stream::Shuffle, Stream::Batches] {
                for index in 0..50 {
                    assert!(seen.insert(derive(seed, stream, index)));
                }
            }
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item_once() {
        let mut items: Vec<usize> = (0..100).collect();
        shuffle(&mut rng(1, Stream::Shuffle, 0), &mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }

    /// The outputs of SplitMix64 from the state zero, as the authors of xoshiro print them.
    #[test]
    fn the_mixer_is_splitmix64() {
        let expected = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!([0, 1, 2].map(|index| mix(0, index)), expected);
        // A state that has made two steps already.
        let state = 2_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert_eq!(mix(state, 0), expected[2]);
    }

    /// A generator that returns one word over and over.
    struct Same(u64);

    impl rand::rand_core::TryRng for Same {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok((self.0 >> 32) as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(self.0 as u8);
            Ok(())
        }
    }

    #[test]
    fn words_become_numbers_by_their_leading_bits() {
        for (word, of_unit, below_ten) in [
            (0, 0.0, 0),
            (1 << 63, 0.5, 5),
            (1 << 40, 1.0 / 16_777_216.0, 0),
            ((1 << 40) - 1, 0.0, 0),
            (u64::MAX, 1.0 - 1.0 / 16_777_216.0, 9),
            (3 << 62, 0.75, 7),
        ] {
            assert_eq!(uniform_f32(&mut Same(word)), of_unit);
            assert_eq!(uniform_below(&mut Same(word), 10), below_ten);
        }
        // With the largest word every item stays; with zero the first one moves along to the end.
        for (word, expected) in [(u64::MAX, [0, 1, 2, 3]), (0, [1, 2, 3, 0])] {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut Same(word), &mut items);
            assert_eq!(items, expected);
        }
    }
}

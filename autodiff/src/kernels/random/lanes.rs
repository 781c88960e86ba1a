//! Random words made by vector instructions, from generators side by side.

use crate::kernels::simd::dispatch;
use rand::TryRng;
use std::convert::Infallible;

/// The number of generators: more than a vector holds, so that the loop over lanes stays a loop and becomes vector code.
const LANES: usize = 32;
/// The bytes of one word from each lane.
const BYTES: usize = 8 * LANES;

/// Thirty-two generators xoshiro256++ (Blackman and Vigna 2021) that take turns, so that their words are
/// made by vector instructions.
///
/// A seed sets the lanes by SplitMix64, word by word. The words come in the same order, and are the same on
/// every machine, whether they are asked for one by one or many at a time.
///
/// ```
/// use pathscore_autodiff::vector::Lanes;
/// use rand::Rng;
/// let mut bytes = [0; 24];
/// Lanes::new(7).fill_bytes(&mut bytes);
/// let mut words = Lanes::new(7);
/// assert_eq!(bytes[..8], words.next_u64().to_le_bytes());
/// assert_eq!(bytes[8..16], words.next_u64().to_le_bytes());
/// ```
#[derive(Clone, Debug)]
pub struct Lanes {
    /// The four words of each lane, lanes innermost.
    state: [[u64; LANES]; 4],
    /// The last words that were made, and the number of their bytes that were taken.
    made: [u8; BYTES],
    taken: usize,
}

impl Lanes {
    /// The generator of a seed.
    pub fn new(mut seed: u64) -> Self {
        let mut state = [[0; LANES]; 4];
        for word in state.as_flattened_mut() {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word = z ^ (z >> 31);
        }
        Self { state, made: [0; BYTES], taken: BYTES }
    }

    /// Fills with whole rounds, a word from each lane.
    fn rounds(&mut self, out: &mut [[u8; BYTES]]) {
        let state = &mut self.state;
        dispatch(
            #[inline(always)]
            || {
                let [mut s0, mut s1, mut s2, mut s3] = *state;
                for out in out {
                    let (out, _) = out.as_chunks_mut::<8>();
                    for l in 0..LANES {
                        let word = s0[l].wrapping_add(s3[l]).rotate_left(23).wrapping_add(s0[l]);
                        out[l] = word.to_le_bytes();
                        let (c, d) = (s2[l] ^ s0[l], s3[l] ^ s1[l]);
                        s2[l] = c ^ (s1[l] << 17);
                        s3[l] = d.rotate_left(45);
                        s1[l] ^= c;
                        s0[l] ^= d;
                    }
                }
                *state = [s0, s1, s2, s3];
            },
        );
    }

    /// The next bytes of the present round, as many as are left and fit; if none is left, a new round is made.
    fn rest(&mut self, out: &mut [u8]) -> usize {
        if self.taken == BYTES {
            let mut made = [[0; BYTES]];
            self.rounds(&mut made);
            (self.made, self.taken) = (made[0], 0);
        }
        let len = out.len().min(BYTES - self.taken);
        out[..len].copy_from_slice(&self.made[self.taken..self.taken + len]);
        // Only whole words are taken; the rest of a word is lost.
        self.taken += len.next_multiple_of(8);
        len
    }
}

impl TryRng for Lanes {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.rest(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let begun = if self.taken < BYTES { self.rest(out) } else { 0 };
        let (rounds, last) = out[begun..].as_chunks_mut();
        self.rounds(rounds);
        if !last.is_empty() {
            self.rest(last);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::level::{Level, at_level};
    use rand::Rng;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::SeedableRng;

    #[test]
    fn every_lane_is_the_generator_of_its_state() {
        let mut lanes = Lanes::new(3);
        let mut alone: Vec<_> = (0..LANES)
            .map(|l| {
                let mut seed = [0; 32];
                for (word, state) in seed.as_chunks_mut::<8>().0.iter_mut().zip(lanes.state) {
                    *word = state[l].to_le_bytes();
                }
                Xoshiro256PlusPlus::from_seed(seed)
            })
            .collect();
        for _ in 0..100 {
            for rng in &mut alone {
                assert_eq!(lanes.next_u64(), rng.next_u64());
            }
        }
    }

    #[test]
    fn words_are_the_same_however_they_are_asked_for() {
        let mut one_by_one = Lanes::new(5);
        let words: Vec<[u8; 8]> = (0..700).map(|_| one_by_one.next_u64().to_le_bytes()).collect();
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, || {
                let (mut rng, mut at) = (Lanes::new(5), 0);
                for count in [0, 1, 8, 31, 64, 7, 9, 200, 5, 256, 1, 100] {
                    let mut out = vec![[0; 8]; count];
                    rng.fill_bytes(out.as_flattened_mut());
                    assert_eq!(out, words[at..at + count]);
                    at += count;
                }
            });
        }
    }

    #[test]
    fn part_of_a_word_is_the_beginning_of_it() {
        let (mut whole, mut part) = (Lanes::new(5), Lanes::new(5));
        let mut out = [0; 3];
        part.fill_bytes(&mut out);
        assert_eq!(out, whole.next_u64().to_le_bytes()[..3]);
        assert_eq!(part.next_u64(), whole.next_u64());
    }
}

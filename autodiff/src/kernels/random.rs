//! Random numbers by the slice: uniform and standard normal.
//!
//! Both take whole 64-bit words from the generator in a fixed order, a block at a time, and turn them
//! into numbers by loops that give the same bits at every vector width, so a seed means the same
//! numbers on every machine. Nothing is kept between calls, so the two halves of a slice, filled one after
//! the other, need not be what the whole slice would have been.

pub(crate) mod lanes;

use super::simd::dispatch;
use super::special::Special;
use rand::Rng;

/// Normal numbers made together; half of them from the cosine, half from the sine.
const BLOCK: usize = 256;
const PAIRS: usize = BLOCK / 2;

/// What a real type takes from random words.
pub(crate) trait Sample: Special {
    /// Uniform on $[0, 1)$ from the top bits of a word, as many as the precision has.
    fn uniform(word: u64) -> Self;
    /// The words of one Box–Muller pair.
    const WORDS: usize;
    /// The two uniforms of one Box–Muller pair from its words; the first is in the middle of its cell of
    /// $(0, 1)$ or at its upper end, so that it can stand under a logarithm.
    fn pair(words: &[[u8; 8]]) -> (Self, Self);
}

impl Sample for f32 {
    #[inline(always)]
    fn uniform(word: u64) -> Self {
        (word >> 40) as u32 as i32 as f32 * (1.0 / 16_777_216.0)
    }

    const WORDS: usize = 1;

    #[inline(always)]
    fn pair(words: &[[u8; 8]]) -> (Self, Self) {
        // 32 + 32 bits of one word. Rounding a half-integer over 2³² gives up to 1 and, near
        // 0, a finer grid than 24 bits: the tail of the normal reaches to 6.7.
        let word = u64::from_le_bytes(words[0]);
        let radius = ((word >> 32) as u32 as f64 + 0.5) * (1.0 / 4_294_967_296.0);
        (radius as f32, (word as u32 >> 8) as i32 as f32 * (1.0 / 16_777_216.0))
    }
}

impl Sample for f64 {
    #[inline(always)]
    fn uniform(word: u64) -> Self {
        (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    const WORDS: usize = 2;

    #[inline(always)]
    fn pair(words: &[[u8; 8]]) -> (Self, Self) {
        let [radius, angle] = [words[0], words[1]].map(u64::from_le_bytes);
        let radius = ((radius >> 11) as f64 + 1.0) * (1.0 / 9_007_199_254_740_992.0);
        (radius, Self::uniform(angle))
    }
}

/// Fills with independent uniform numbers of $[0, 1)$, one word of `rng` each: 24 random bits in
/// single precision, 53 in double.
pub(crate) fn fill_uniform<F: Sample, R: Rng>(out: &mut [F], rng: &mut R) {
    let mut words = [[0; 8]; BLOCK];
    for block in out.chunks_mut(BLOCK) {
        let words = &mut words[..block.len()];
        rng.fill_bytes(words.as_flattened_mut());
        dispatch(
            #[inline(always)]
            || {
                for (u, &word) in block.iter_mut().zip(&*words) {
                    *u = F::uniform(u64::from_le_bytes(word));
                }
            },
        );
    }
}

/// Fills with independent standard normal numbers, in blocks of [`BLOCK`].
///
/// Box and Muller (1958): with $u$ and $v$ uniform, $\sqrt{-2 \ln u}\,(\cos 2πv, \sin 2πv)$ are
/// two independent normals. The words of a block are drawn first, one for a pair in single
/// precision and two in double; then a loop without branches makes the cosines, which come
/// first in the block, and the sines. A last short block draws only the pairs that it needs.
pub(crate) fn fill_normal<F: Sample, R: Rng>(out: &mut [F], rng: &mut R) {
    let (mut words, mut sines) = ([[0; 8]; BLOCK], [F::narrow(0.0); PAIRS]);
    for block in out.chunks_mut(BLOCK) {
        let (first, second) = block.split_at_mut(block.len().div_ceil(2));
        let words = &mut words[..F::WORDS * first.len()];
        rng.fill_bytes(words.as_flattened_mut());
        box_muller(words, first, &mut sines);
        second.copy_from_slice(&sines[..second.len()]);
    }
}

/// The block's formula: a cosine, to be kept, and a sine of every pair.
fn box_muller<F: Sample>(words: &[[u8; 8]], cosines: &mut [F], sines: &mut [F; PAIRS]) {
    dispatch(
        #[inline(always)]
        || {
            let pairs = cosines.iter_mut().zip(sines).zip(words.chunks_exact(F::WORDS));
            for ((x, y), words) in pairs {
                let (u, v) = F::pair(words);
                let radius = (F::narrow(-2.0) * u.ln_normal()).sqrt();
                let (cos, sin) = v.circle();
                *x = radius * cos;
                *y = radius * sin;
            }
        },
    );
}

#[cfg(test)]
mod tests;

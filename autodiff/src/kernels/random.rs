//! Random numbers by the slice: uniform and standard normal.
//!
//! Both take whole 64-bit words from the generator in a fixed order, a block at a time, and turn them
//! into numbers by loops that give the same bits at every vector width, so a seed means the same
//! numbers on every machine. Normals in double precision are the exception: their polynomials are fused
//! where the processor can, which saves a quarter of the time, so there a seed means the same numbers to a
//! few units in the last place. Nothing is kept between calls, so the two halves of a slice, filled one after
//! the other, need not be what the whole slice would have been.

pub(crate) mod lanes;

use super::level::Kernel;
use super::simd::{dispatch, dispatch_kernel};
use super::special::Special;
use rand::Rng;

/// The number of normals that are made together: half of them are cosines, half are sines.
const BLOCK: usize = 512;

/// A random word for each pair of a block, from the beginning of a cache line on, for the reason of [`Aligned`](super::aligned::Aligned).
#[repr(align(64))]
struct Words([[u8; 8]; BLOCK / 2]);

/// The conversion of random words to numbers of one precision.
pub(crate) trait Sample: Special {
    /// Uniform on $[0, 1)$ from the top bits of a word, as many as the precision has.
    fn uniform(word: u64) -> Self;
    /// The words of one Box–Muller pair: one for both, or one for the radius and one for the angle.
    const WORDS: usize;
    /// Uniform on $(0, 1]$, so that its logarithm is finite.
    fn positive_uniform(word: u64) -> Self;
    /// The point at the distance `radius` from 0 in a uniform direction.
    ///
    /// Two bits of the word choose the quarter of the circle, and others the angle within it.
    fn point<const FMA: bool>(radius: Self, word: u64) -> (Self, Self);
}

impl Sample for f32 {
    #[inline(always)]
    fn uniform(word: u64) -> Self {
        (word >> 40) as u32 as i32 as f32 * (1.0 / 16_777_216.0)
    }

    const WORDS: usize = 1;

    #[inline(always)]
    fn positive_uniform(word: u64) -> Self {
        // The upper half over 2³², in the low bits of a number from 2²⁰ on. Rounding a half-integer over 2³²
        // gives up to 1 and, near 0, a finer grid than 24 bits: the tail of the normal reaches to 6.7.
        let shifted = f64::from_bits((word >> 32) | 0x4130_0000_0000_0000);
        (shifted - (1_048_576.0 - 0.5 / 4_294_967_296.0)) as f32
    }

    #[inline(always)]
    fn point<const FMA: bool>(radius: Self, word: u64) -> (Self, Self) {
        let word = word as u32;
        let (cos, sin) =
            (f32::from_bits((word & 0x007f_ffff) | 0x3f80_0000) - 1.5).cos_sin_half_pi::<FMA>();
        let radius = f32::from_bits(radius.to_bits() ^ (word & 1 << 31));
        let (x, y) = if word & 1 << 30 == 0 { (cos, sin) } else { (-sin, cos) };
        (radius * x, radius * y)
    }
}

/// Uniform on $[1, 2)$ from the lower 52 bits of a word.
#[inline(always)]
fn one_to_two(word: u64) -> f64 {
    f64::from_bits((word & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000)
}

impl Sample for f64 {
    #[inline(always)]
    fn uniform(word: u64) -> Self {
        (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    const WORDS: usize = 2;

    #[inline(always)]
    fn positive_uniform(word: u64) -> Self {
        // At least 2⁻⁵²: the tail of the normal reaches to 8.49.
        2.0 - one_to_two(word)
    }

    #[inline(always)]
    fn point<const FMA: bool>(radius: Self, word: u64) -> (Self, Self) {
        let (cos, sin) = (one_to_two(word) - 1.5).cos_sin_half_pi::<FMA>();
        let radius = f64::from_bits(radius.to_bits() ^ (word & 1 << 63));
        let (x, y) = if word & 1 << 62 == 0 { (cos, sin) } else { (-sin, cos) };
        (radius * x, radius * y)
    }
}

/// Fills `out` with independent uniform numbers in $[0, 1)$, one word of `rng` for each: 24 random bits in
/// single precision, 53 in double.
pub(crate) fn fill_uniform<F: Sample, R: Rng>(out: &mut [F], rng: &mut R) {
    let Words(words) = &mut Words([[0; 8]; BLOCK / 2]);
    for block in out.chunks_mut(words.len()) {
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

/// Fills `out` with independent standard normal numbers, in blocks of [`BLOCK`].
///
/// Box and Muller (1958): with $u$ and $v$ uniform, $\sqrt{-2 \ln u} (\cos 2πv, \sin 2πv)$ are
/// two independent normals. The words of a block are one for a pair in single precision and two in double, those of the
/// radii before those of the angles. The cosines come first in the block, then the sines. A last short block draws only
/// the pairs that it needs.
pub(crate) fn fill_normal<F: Sample, R: Rng>(out: &mut [F], rng: &mut R) {
    let Words(words) = &mut Words([[0; 8]; BLOCK / 2]);
    for block in out.chunks_mut(BLOCK) {
        let pairs = block.len().div_ceil(2);
        let (cosines, sines) = block.split_at_mut(pairs);
        dispatch_kernel(BoxMuller { words: &mut words[..pairs], cosines, sines, rng });
    }
}

/// The block's formula: a cosine and a sine of every pair, or of the last pair only the cosine.
struct BoxMuller<'a, F, R> {
    words: &'a mut [[u8; 8]],
    cosines: &'a mut [F],
    sines: &'a mut [F],
    rng: &'a mut R,
}

impl<F: Sample, R: Rng> Kernel for BoxMuller<'_, F, R> {
    /// Two loops take a tenth less time than one where nothing is fused, and the same time where products are.
    #[inline(always)]
    fn run<const FMA: bool, const BYTES: usize>(self) {
        let Self { words, cosines, sines, rng } = self;
        rng.fill_bytes(words.as_flattened_mut());
        for (square, &word) in cosines.iter_mut().zip(&*words) {
            *square = F::positive_uniform(u64::from_le_bytes(word)).minus_two_ln::<FMA>();
        }
        if F::WORDS == 2 {
            // The words of the angles take the place of those of the radii: half the memory to clear.
            rng.fill_bytes(words.as_flattened_mut());
        }
        let (cosines, last) = cosines.split_at_mut(sines.len());
        for ((x, y), &word) in cosines.iter_mut().zip(sines).zip(&*words) {
            (*x, *y) = F::point::<FMA>(x.sqrt(), u64::from_le_bytes(word));
        }
        // The last of an odd number of values uses only the cosine of its pair.
        if let ([x], [.., word]) = (last, &*words) {
            (*x, _) = F::point::<FMA>(x.sqrt(), u64::from_le_bytes(*word));
        }
    }
}

#[cfg(test)]
mod tests;

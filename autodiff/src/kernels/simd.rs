//! Choosing the processor's vector instructions at run time.
//!
//! A loop over slices whose body is branch-free scalar code is turned into vector code by the
//! compiler, as wide as the instruction set it may assume. [`dispatch`] compiles its argument
//! three times, for the baseline, for AVX2 and for AVX-512, and runs the widest version that the
//! processor has. The closure must be `#[inline(always)]`, and so must all that it calls, since
//! only what is inlined inherits the instruction set:
//!
//! ```text
//! dispatch(#[inline(always)] || for (y, x) in out.iter_mut().zip(x) { *y = x.exp() });
//! ```
//!
//! Write a `for` loop and not `for_each` or `fold`, which are functions that the compiler inlines
//! only while the body is short.
//!
//! The design decision: every level gives the same bits. Nothing here fuses a product with a
//! sum, and the compiler may not do so by itself, so an elementwise loop rounds each operation
//! in the same way whatever the width, and a seed gives the same numbers on every machine. A
//! fused product would buy a few per cent of speed and lose that. Matrix products and normal numbers in
//! double precision are the exceptions ([`multiply`], [`dispatch_kernel`]): fusing doubles the speed of the ones and saves a quarter of
//! the time of the others, so their last bits depend on whether the processor can, and on nothing else.
//!
//! [`multiply`] and [`deal_out`] do not leave the vectors to the compiler, which does not keep the sums of a large tile in
//! registers; each has a twin of plain loops with the same bits, and tests compare the two.
#![allow(unsafe_code)]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "one level only"))]

use super::element::Element;
#[cfg(target_arch = "x86_64")]
use super::level::Level;
use super::level::{Kernel, Registers, chosen, registers};
use super::packing;
#[cfg(target_arch = "x86_64")]
use super::tile::Onto;
use super::tile::{self, Lines, Tile, end};
#[cfg(target_arch = "x86_64")]
use std::{any::TypeId, arch::x86_64::*};

/// Runs `work` compiled for the widest instruction set of this processor.
///
/// The closure must be `#[inline(always)]`, or it is compiled for the baseline only.
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    match chosen() {
        // SAFETY: `chosen` is at most `widest`, which has seen avx512f, avx512vl, avx512bw,
        // avx512dq, avx2 and fma on this processor before it says Avx512.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { with_avx512(work) },
        // SAFETY: likewise avx2 and fma before it says Avx2.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { with_avx2(work) },
        _ => work(),
    }
}

/// Runs `work` compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Runs `work` compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Runs `work` compiled for the widest instruction set of this processor, as [`dispatch`] does.
#[inline]
pub(crate) fn dispatch_kernel(work: impl Kernel) {
    match chosen() {
        // SAFETY: as in `dispatch`.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { kernel_avx512(work) },
        // SAFETY: as in `dispatch`.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { kernel_avx2(work) },
        _ => work.run::<false, 16>(),
    }
}

/// [`Kernel::run`] compiled for AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn kernel_avx512(work: impl Kernel) {
    work.run::<true, 64>();
}

/// [`Kernel::run`] compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn kernel_avx2(work: impl Kernel) {
    work.run::<true, 32>();
}

/// Computes a tile that fits the [`registers`], in vectors if there are any: the twin of [`tile::multiply`].
///
/// # Panics
/// If it does not fit, or does not lie in its slices.
#[inline]
pub(crate) fn multiply<F: Element>(tile: Tile<'_, F>) {
    tile.check();
    let Registers { lanes, height, .. } = registers::<F>();
    assert!(tile.height <= height && tile.width <= 2 * lanes, "tile: too large");
    if let Some((copy, line)) = &tile.copy {
        let whole = tile.width.next_multiple_of(lanes);
        assert!(*line >= whole && copy.len() >= tile.depth * line, "tile: no room for vectors");
    }
    // SAFETY: the tile lies in its slices and is not larger than the registers, and a copy has room for whole vectors.
    if let Err(tile) = unsafe { in_vectors(tile) } {
        tile::multiply::<F, false>(tile);
    }
}

/// Copies the first `depth` numbers of `count` lines side by side, in vectors if there are any: the twin of
/// [`packing::deal_out`]. The new lines have room for whole vectors.
///
/// # Panics
/// If the lines do not lie in their slices.
pub(crate) fn deal_out<F: Element>(x: Lines<'_, F>, sizes: [usize; 2], to: (&mut [F], usize)) {
    let Registers { lanes, .. } = registers::<F>();
    let [count, depth] = sizes;
    assert!(count > 0 && depth > 0 && end(count, x.1, depth) <= x.0.len(), "lines: too short");
    let whole = count.checked_next_multiple_of(lanes).expect("lines: too many");
    assert!(to.1 >= whole && end(depth, to.1, whole) <= to.0.len(), "lines: no room");
    let squares = Squares(x, sizes, to);
    // SAFETY: the lines lie in their slice and are as long as a vector, and there is room for whole vectors.
    let left = if depth < lanes { Err(squares) } else { unsafe { in_vectors(squares) } };
    if let Err(Squares(x, sizes, to)) = left {
        packing::deal_out(x, sizes, to);
    }
}

/// Lines, their number and length, and the lines that they are dealt out to.
struct Squares<'a, F>(Lines<'a, F>, [usize; 2], (&'a mut [F], usize));

/// Does a job in the vectors of the level in use, or returns it if there are none.
///
/// # Safety
/// The job's own obligations.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn in_vectors<J: Job>(job: J) -> Result<(), J> {
    let is = |number: TypeId| TypeId::of::<J::Number>() == number;
    let (single, double) = (is(TypeId::of::<f32>()), is(TypeId::of::<f64>()));
    // SAFETY: that of this function. `chosen` is at most `widest`, which has seen the instructions on this processor, and the
    // numbers are those of the vectors.
    unsafe {
        match chosen() {
            Level::Avx512 if single => on_avx512::<__m512, J>(job),
            Level::Avx512 if double => on_avx512::<__m512d, J>(job),
            Level::Avx2 if single => on_avx2::<__m256, J>(job),
            Level::Avx2 if double => on_avx2::<__m256d, J>(job),
            _ => return Err(job),
        }
    }
    Ok(())
}

/// Returns the job: there are no vectors.
///
/// # Safety
/// None.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn in_vectors<J>(job: J) -> Result<(), J> {
    Err(job)
}

/// Work in vector registers.
#[cfg(target_arch = "x86_64")]
trait Job: Sized {
    type Number: 'static;
    /// # Safety
    /// The instructions of the vector, whose number is that of the job, and the job's own obligations.
    unsafe fn run<V: Vector>(self);
}

/// A job compiled for AVX-512.
///
/// # Safety
/// The obligations of [`Job::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
unsafe fn on_avx512<V: Vector, J: Job>(job: J) {
    // SAFETY: that of this function.
    unsafe { job.run::<V>() }
}

/// A job compiled for AVX2.
///
/// # Safety
/// The obligations of [`Job::run`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn on_avx2<V: Vector, J: Job>(job: J) {
    // SAFETY: that of this function.
    unsafe { job.run::<V>() }
}

/// A vector register.
///
/// # Safety
/// All of its functions need a processor with its instructions, and pointers to as many numbers as they read or write.
#[cfg(target_arch = "x86_64")]
trait Vector: Copy {
    type Number: Copy + Default;
    type Mask: Copy;
    /// The numbers of a vector.
    const LANES: usize;
    /// The numbers of a piece of 128 bits.
    const PIECE: usize;
    unsafe fn splat(x: Self::Number) -> Self;
    unsafe fn load(from: *const Self::Number) -> Self;
    unsafe fn store(self, to: *mut Self::Number);
    /// `self * b + c`, rounded once.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    unsafe fn add(self, b: Self) -> Self;
    /// The mask of the first numbers, from one to all of them.
    unsafe fn mask(count: usize) -> Self::Mask;
    /// The first numbers, and zeros; memory beyond them is not read.
    unsafe fn load_first(from: *const Self::Number, mask: Self::Mask) -> Self;
    /// Stores the first numbers; memory beyond them is not written.
    unsafe fn store_first(self, to: *mut Self::Number, mask: Self::Mask);
    /// Pieces from several places, side by side.
    unsafe fn pieces(at: impl Fn(usize) -> *const Self::Number) -> Self;
    /// Transposes the squares that the pieces of as many vectors form; with pieces of two numbers the last two stay.
    unsafe fn turn(rows: [Self; 4]) -> [Self; 4];
    /// [`rows`] as a function of its own: in one with other heights the compiler would not keep the sums in registers.
    unsafe fn rows<const R: usize, const N: usize>(tile: Pointers<Self::Number>);
}

/// Writes [`Vector`] for registers: their number, mask and sizes, the instructions, and what is not one instruction.
#[cfg(target_arch = "x86_64")]
macro_rules! vectors {
    ($(
        $register:ident $number:ident $mask:ident $lanes:literal $piece:literal $features:literal
        $splat:ident $load:ident $store:ident $mul_add:ident $add:ident $store_first:ident
        mask($count:ident) { $to_mask:expr }
        load_first($from:ident, $first:ident) { $load_first:expr }
        pieces($at:ident) { $($pieces:tt)* }
        turn($a:ident, $b:ident, $c:ident, $d:ident) { $($turn:tt)* }
    )*) => {
        $(impl Vector for $register {
            type Number = $number;
            type Mask = $mask;
            const LANES: usize = $lanes;
            const PIECE: usize = $piece;
            #[inline(always)]
            unsafe fn splat(x: $number) -> Self {
                // SAFETY: that of the trait.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: that of the trait.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: that of the trait.
                unsafe { $store(to, self) }
            }
            #[inline(always)]
            unsafe fn mul_add(self, b: Self, c: Self) -> Self {
                // SAFETY: that of the trait.
                unsafe { $mul_add(self, b, c) }
            }
            #[inline(always)]
            unsafe fn add(self, b: Self) -> Self {
                // SAFETY: that of the trait.
                unsafe { $add(self, b) }
            }
            #[inline(always)]
            #[allow(unused_unsafe, reason = "the mask of some registers is a number")]
            unsafe fn mask($count: usize) -> $mask {
                // SAFETY: that of the trait.
                unsafe { $to_mask }
            }
            #[inline(always)]
            unsafe fn load_first($from: *const $number, $first: $mask) -> Self {
                // SAFETY: that of the trait.
                unsafe { $load_first }
            }
            #[inline(always)]
            unsafe fn store_first(self, to: *mut $number, mask: $mask) {
                // SAFETY: that of the trait.
                unsafe { $store_first(to, mask, self) }
            }
            #[inline(always)]
            unsafe fn pieces($at: impl Fn(usize) -> *const $number) -> Self {
                // SAFETY: that of the trait.
                unsafe { $($pieces)* }
            }
            #[inline(always)]
            unsafe fn turn([$a, $b, $c, $d]: [Self; 4]) -> [Self; 4] {
                // SAFETY: that of the trait.
                unsafe { $($turn)* }
            }
            #[target_feature(enable = $features)]
            unsafe fn rows<const R: usize, const N: usize>(tile: Pointers<$number>) {
                // SAFETY: that of the trait.
                unsafe { rows::<Self, R, N>(tile) }
            }
        })*
    };
}

#[cfg(target_arch = "x86_64")]
vectors! {
    __m512 f32 __mmask16 16 4 "avx512f"
    _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_fmadd_ps _mm512_add_ps _mm512_mask_storeu_ps
    mask(count) { ((1_u32 << count) - 1) as __mmask16 }
    load_first(from, mask) { _mm512_maskz_loadu_ps(mask, from) }
    pieces(at) {
        let x = _mm512_castps128_ps512(_mm_loadu_ps(at(0)));
        let x = _mm512_insertf32x4::<1>(x, _mm_loadu_ps(at(1)));
        let x = _mm512_insertf32x4::<2>(x, _mm_loadu_ps(at(2)));
        _mm512_insertf32x4::<3>(x, _mm_loadu_ps(at(3)))
    }
    turn(a, b, c, d) {
        let (e, f) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (g, h) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        let (i, j) = (_mm512_shuffle_ps::<0x44>(e, f), _mm512_shuffle_ps::<0xEE>(e, f));
        [i, j, _mm512_shuffle_ps::<0x44>(g, h), _mm512_shuffle_ps::<0xEE>(g, h)]
    }

    __m512d f64 __mmask8 8 2 "avx512f"
    _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_fmadd_pd _mm512_add_pd _mm512_mask_storeu_pd
    mask(count) { ((1_u32 << count) - 1) as __mmask8 }
    load_first(from, mask) { _mm512_maskz_loadu_pd(mask, from) }
    pieces(at) {
        let x = _mm512_castpd128_pd512(_mm_loadu_pd(at(0)));
        let x = _mm512_insertf64x2::<1>(x, _mm_loadu_pd(at(1)));
        let x = _mm512_insertf64x2::<2>(x, _mm_loadu_pd(at(2)));
        _mm512_insertf64x2::<3>(x, _mm_loadu_pd(at(3)))
    }
    turn(a, b, c, d) { [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b), c, d] }

    __m256 f32 __m256i 8 4 "avx2,fma"
    _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_fmadd_ps _mm256_add_ps _mm256_maskstore_ps
    mask(count) {
        _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
    }
    load_first(from, mask) { _mm256_maskload_ps(from, mask) }
    pieces(at) {
        let x = _mm256_castps128_ps256(_mm_loadu_ps(at(0)));
        _mm256_insertf128_ps::<1>(x, _mm_loadu_ps(at(1)))
    }
    turn(a, b, c, d) {
        let (e, f) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (g, h) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        let (i, j) = (_mm256_shuffle_ps::<0x44>(e, f), _mm256_shuffle_ps::<0xEE>(e, f));
        [i, j, _mm256_shuffle_ps::<0x44>(g, h), _mm256_shuffle_ps::<0xEE>(g, h)]
    }

    __m256d f64 __m256i 4 2 "avx2,fma"
    _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_fmadd_pd _mm256_add_pd _mm256_maskstore_pd
    mask(count) {
        _mm256_cmpgt_epi64(_mm256_set1_epi64x(count as i64), _mm256_setr_epi64x(0, 1, 2, 3))
    }
    load_first(from, mask) { _mm256_maskload_pd(from, mask) }
    pieces(at) {
        let x = _mm256_castpd128_pd256(_mm_loadu_pd(at(0)));
        _mm256_insertf128_pd::<1>(x, _mm_loadu_pd(at(1)))
    }
    turn(a, b, c, d) { [_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b), c, d] }
}

/// A tile by pointers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Pointers<N> {
    width: usize,
    depth: usize,
    a: (*const N, usize),
    b: (*const N, usize),
    copy: Option<(*mut N, usize)>,
    c: (*mut N, usize),
    onto: Option<(*const N, usize)>,
}

#[cfg(target_arch = "x86_64")]
impl<F: Element> Job for Tile<'_, F> {
    type Number = F;

    /// Its obligations: the tile lies in its slices and is not larger than the registers, and the lines of a copy have room for
    /// whole vectors.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self { height, width, depth, a, b, copy, c, onto } = self;
        let c = (c.0.as_mut_ptr().cast::<V::Number>(), c.1);
        let onto = match onto {
            Onto::Nothing => None,
            Onto::C => Some((c.0.cast_const(), c.1)),
            Onto::Row(row) => Some((row.as_ptr().cast(), 0)),
        };
        let (a, b) = ((a.0.as_ptr().cast(), a.1), (b.0.as_ptr().cast(), b.1));
        let copy = copy.map(|(copy, line)| (copy.as_mut_ptr().cast(), line));
        let t = Pointers { width, depth, a, b, copy, c, onto };
        // SAFETY: that of this function.
        unsafe {
            match (height, width.div_ceil(V::LANES)) {
                (1, 1) => V::rows::<1, 1>(t),
                (1, 2) => V::rows::<1, 2>(t),
                (2, 1) => V::rows::<2, 1>(t),
                (2, 2) => V::rows::<2, 2>(t),
                (3, 1) => V::rows::<3, 1>(t),
                (3, 2) => V::rows::<3, 2>(t),
                (4, 1) => V::rows::<4, 1>(t),
                (4, 2) => V::rows::<4, 2>(t),
                (5, 1) => V::rows::<5, 1>(t),
                (5, 2) => V::rows::<5, 2>(t),
                (6, 1) => V::rows::<6, 1>(t),
                (6, 2) => V::rows::<6, 2>(t),
                (7, 1) => V::rows::<7, 1>(t),
                (7, 2) => V::rows::<7, 2>(t),
                (8, 1) => V::rows::<8, 1>(t),
                (8, 2) => V::rows::<8, 2>(t),
                (9, 1) => V::rows::<9, 1>(t),
                (9, 2) => V::rows::<9, 2>(t),
                (10, 1) => V::rows::<10, 1>(t),
                (10, 2) => V::rows::<10, 2>(t),
                (11, 1) => V::rows::<11, 1>(t),
                (11, 2) => V::rows::<11, 2>(t),
                (12, 1) => V::rows::<12, 1>(t),
                (12, 2) => V::rows::<12, 2>(t),
                (13, 1) => V::rows::<13, 1>(t),
                (13, 2) => V::rows::<13, 2>(t),
                (14, 1) => V::rows::<14, 1>(t),
                (14, 2) => V::rows::<14, 2>(t),
                _ => unreachable!("the tile fits the registers"),
            }
        }
    }
}

/// R rows of N vectors, of which the last may be a part.
///
/// # Safety
/// The vector's instructions, a tile that lies in its slices, and a copy whose lines have room for N vectors.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "loops of known length, which become registers")]
unsafe fn rows<V: Vector, const R: usize, const N: usize>(t: Pointers<V::Number>) {
    // So many lines ahead B is fetched where it is read in memory, which the processor does not foresee.
    const AHEAD: usize = 8;
    let Pointers { width, depth, a: (mut a, a_step), b: (mut b, b_step), c: (c, c_step), .. } = t;
    let (mut copy, copy_step) = t.copy.unwrap_or((std::ptr::null_mut(), 0));
    // SAFETY: that of this function.
    unsafe {
        let mask = V::mask(width - (N - 1) * V::LANES);
        let mut sums = [[V::splat(V::Number::default()); N]; R];
        for _ in 0..depth {
            let line = line::<V, N>(b, mask);
            if b_step > N * V::LANES {
                for j in 0..N {
                    let ahead = b.wrapping_add(AHEAD * b_step + j * V::LANES);
                    _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                }
            }
            if !copy.is_null() {
                for j in 0..N {
                    line[j].store(copy.add(j * V::LANES));
                }
                copy = copy.wrapping_add(copy_step);
            }
            for i in 0..R {
                let a = V::splat(*a.add(i));
                for j in 0..N {
                    sums[i][j] = a.mul_add(line[j], sums[i][j]);
                }
            }
            (a, b) = (a.wrapping_add(a_step), b.wrapping_add(b_step));
        }
        for i in 0..R {
            if let Some((row, step)) = t.onto {
                let line = line::<V, N>(row.add(i * step), mask);
                for j in 0..N {
                    sums[i][j] = line[j].add(sums[i][j]);
                }
            }
            let to = c.add(i * c_step);
            for j in 0..N - 1 {
                sums[i][j].store(to.add(j * V::LANES));
            }
            sums[i][N - 1].store_first(to.add((N - 1) * V::LANES), mask);
        }
    }
}

/// N vectors side by side, of the last one the first numbers.
///
/// # Safety
/// The vector's instructions, and so many numbers.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(clippy::needless_range_loop, reason = "loops of known length, which become registers")]
unsafe fn line<V: Vector, const N: usize>(from: *const V::Number, mask: V::Mask) -> [V; N] {
    // SAFETY: that of this function.
    unsafe {
        let mut line = [V::load_first(from.add((N - 1) * V::LANES), mask); N];
        for j in 0..N - 1 {
            line[j] = V::load(from.add(j * V::LANES));
        }
        line
    }
}

#[cfg(target_arch = "x86_64")]
impl<F: Element> Job for Squares<'_, F> {
    type Number = F;

    /// Squares of as many lines as a vector has numbers, turned in registers; the last square of lines repeats the last
    /// line, and the last square of numbers begins earlier.
    ///
    /// Its obligations: there is a line, the lines lie in their slice and are as long as a vector, and the new lines have room
    /// for whole vectors.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Self((x, stride), [count, depth], (to, line)) = self;
        let (x, to) = (x.as_ptr().cast::<V::Number>(), to.as_mut_ptr().cast::<V::Number>());
        for q in (0..count).step_by(V::LANES) {
            let last = V::LANES.min(count - q) - 1;
            for block in 0..depth.div_ceil(V::LANES) {
                let p = (block * V::LANES).min(depth - V::LANES);
                for piece in (0..V::LANES).step_by(V::PIECE) {
                    // SAFETY: that of this function.
                    unsafe {
                        let row = |i: usize| {
                            V::pieces(|group| {
                                let row = (group * V::PIECE + i % V::PIECE).min(last);
                                x.add((q + row) * stride + p + piece)
                            })
                        };
                        let columns = V::turn([row(0), row(1), row(2), row(3)]);
                        for (c, column) in columns.into_iter().enumerate().take(V::PIECE) {
                            column.store(to.add((p + piece + c) * line + q));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::float::Float;
    use super::super::level::{Level, at_level};
    use super::super::tile::Onto;
    use super::*;

    /// Numbers between −1 and 1 without a pattern.
    fn numbers<F: Float>(len: usize, seed: u64) -> Vec<F> {
        let mixed = |i: u64| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (seed << 40);
        let bits = |i| mixed(i).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (0..len as u64).map(|i| F::from_f64((bits(i) >> 40) as f64 / 8_388_608.0 - 1.0)).collect()
    }

    /// Computes a tile by both twins; C and the copy have margins that must stay as they are.
    fn tiles<F: Float>([height, width, depth]: [usize; 3], pad: usize, onto: usize, copies: bool) {
        let lanes = registers::<F>().lanes;
        let line = width.next_multiple_of(lanes);
        let steps = [height + pad, width + 2 * pad, width + 3 * pad, line + pad];
        // As short as may be: nothing beyond the last line is read.
        let a = numbers::<F>((depth - 1) * steps[0] + height, 1);
        let b = numbers::<F>((depth - 1) * steps[1] + width, 2);
        let row = numbers::<F>(width, 3);
        let compute = |twin: bool| {
            let mut c = numbers::<F>((height - 1) * steps[2] + width + 5, 4);
            let mut copy = numbers::<F>(depth * steps[3], 5);
            let onto = [Onto::Nothing, Onto::C, Onto::Row(&row)][onto];
            let to = copies.then_some((&mut copy[..], steps[3]));
            let (a, b) = ((&a[..], steps[0]), (&b[..], steps[1]));
            let whole = &mut c[..(height - 1) * steps[2] + width];
            let tile = Tile { height, width, depth, a, b, copy: to, c: (whole, steps[2]), onto };
            match twin {
                true if chosen() == Level::Baseline => tile::multiply::<F, false>(tile),
                true => tile::multiply::<F, true>(tile),
                false => multiply(tile),
            }
            // The numbers of a copy beyond the columns and within its vectors are not defined.
            for line_ in copy.chunks_mut(steps[3]) {
                line_[width..line].fill(F::ZERO);
            }
            let bits = |x: &F| x.to_f64().to_bits();
            (c.iter().map(bits).collect::<Vec<_>>(), copy.iter().map(bits).collect::<Vec<_>>())
        };
        let case = (F::NAME, chosen(), [height, width, depth], pad, onto, copies);
        assert_eq!(compute(false), compute(true), "{case:?}");
    }

    #[test]
    fn tiles_in_vectors_have_the_bits_of_plain_loops() {
        fn of<F: Float>() {
            let Registers { height, .. } = registers::<F>();
            let width = registers::<F>().width();
            for rows in 1..=height {
                for columns in 1..=width {
                    let depth = [1, 2, 17][(rows + columns) % 3];
                    let mixed = rows * 7 + columns * 3;
                    tiles::<F>([rows, columns, depth], mixed % 4, mixed % 3, mixed % 2 == 0);
                }
            }
        }
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, of::<f32>);
            at_level(level, of::<f64>);
        }
    }

    #[test]
    fn lines_dealt_out_in_vectors_are_those_of_plain_loops() {
        fn of<F: Float>() {
            let lanes = registers::<F>().lanes;
            for count in 1..=2 * lanes + 1 {
                for depth in 1..=2 * lanes + 3 {
                    let (stride, line) =
                        (depth + count % 3, count.next_multiple_of(lanes) + depth % 2);
                    let x = numbers::<F>((count - 1) * stride + depth, 6);
                    let [mut found, mut expected] =
                        [7, 7].map(|seed| numbers::<F>(depth * line, seed));
                    deal_out((&x, stride), [count, depth], (&mut found, line));
                    packing::deal_out((&x, stride), [count, depth], (&mut expected, line));
                    for (p, (found, expected)) in
                        found.chunks(line).zip(expected.chunks(line)).enumerate()
                    {
                        let whole = count.next_multiple_of(lanes);
                        let case = (F::NAME, chosen(), count, depth, p);
                        assert_eq!(found[..count], expected[..count], "{case:?}");
                        // Whole vectors are written, and nothing beyond them.
                        assert_eq!(found[whole..], expected[whole..], "{case:?}");
                    }
                }
            }
        }
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            at_level(level, of::<f32>);
            at_level(level, of::<f64>);
        }
    }

    #[test]
    fn a_tile_that_does_not_lie_in_its_slices_is_refused() {
        let numbers = [1.0_f32; 64];
        let refused =
            |[height, width, depth]: [usize; 3], a: usize, b: usize, c: usize, copy: usize| {
                std::panic::catch_unwind(|| {
                    let (mut c, mut copy) = (vec![0.0; c], vec![0.0; copy]);
                    let (a, b) = ((&numbers[..a], height), (&numbers[..b], width));
                    let copy = (!copy.is_empty()).then_some((&mut copy[..], width));
                    let (onto, c) = (Onto::Nothing, (&mut c[..], width));
                    multiply(Tile { height, width, depth, a, b, copy, c, onto });
                })
                .is_err()
            };
        assert!(!refused([2, 4, 3], 6, 12, 8, 0));
        assert!(refused([2, 4, 3], 5, 12, 8, 0), "A");
        assert!(refused([2, 4, 3], 6, 11, 8, 0), "B");
        assert!(refused([2, 4, 3], 6, 12, 7, 0), "C");
        assert!(refused([2, 4, 3], 6, 12, 8, 11), "the copy");
        assert!(refused([2, 4, 0], 6, 12, 8, 0), "no step");
        let far = |steps: [usize; 4], onto: &[f32]| {
            std::panic::catch_unwind(|| {
                let (mut c, mut copy) = ([0.0; 64], [0.0; 64]);
                let (a, b) = ((&numbers[..], steps[0]), (&numbers[..], steps[1]));
                let (copy, c) = (Some((&mut copy[..], steps[3])), (&mut c[..], steps[2]));
                let onto = Onto::Row(onto);
                multiply(Tile { height: 2, width: 1, depth: 2, a, b, copy, c, onto });
            })
            .is_err()
        };
        assert!(!far([2, 1, 1, 16], &[1.0]));
        for i in 0..4 {
            for step in [usize::MAX, 1 << 63, 1 << 60] {
                let mut steps = [2, 1, 1, 16];
                steps[i] = step;
                assert!(far(steps, &[1.0]), "step {step} of {i}");
            }
        }
        assert!(far([2, 1, 1, 16], &[]), "the row");
        assert!(refused([registers::<f32>().height + 1, 1, 1], 60, 60, 60, 0), "too high");
        assert!(refused([1, registers::<f32>().width() + 1, 1], 60, 60, 60, 0), "too wide");
        let dealt = |count: usize, depth: usize, x: usize, to: usize, line: usize| {
            let mut to = vec![0.0_f32; to];
            let work = std::panic::AssertUnwindSafe(|| {
                deal_out((&numbers[..x], depth), [count, depth], (&mut to, line));
            });
            std::panic::catch_unwind(work).is_err()
        };
        assert!(!dealt(2, 16, 32, 256, 16));
        assert!(dealt(2, 16, 31, 256, 16), "numbers");
        assert!(dealt(2, 16, 32, 16, 1), "room");
        assert!(dealt(2, 17, 34, 64, 1 << 60), "far lines");
    }

    #[test]
    fn the_lines_of_narrow_vectors_are_those_that_the_plain_twin_is_fast_for() {
        at_level(Level::Baseline, || {
            let sizes = |registers: Registers| (registers.line(), registers.width());
            assert_eq!(sizes(registers::<f32>()), (8, 8));
            assert_eq!(sizes(registers::<f64>()), (6, 4));
        });
        // A last line of A that is no whole one is not dropped.
        let (a, b, mut c) = ([1.0_f32; 13], [1.0_f32; 16], [0.0_f32; 40]);
        let (height, width, depth, copy, onto) = (5, 8, 2, None, Onto::Nothing);
        let (a, b) = ((&a[..], 8), (&b[..], 8));
        tile::multiply::<f32, false>(Tile {
            height,
            width,
            depth,
            a,
            b,
            copy,
            c: (&mut c, 8),
            onto,
        });
        assert_eq!(c, [2.0; 40]);
    }

    #[test]
    fn the_result_of_the_work_comes_back() {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            let sum = at_level(level, || {
                dispatch(
                    #[inline(always)]
                    || (1..=10).sum::<i32>(),
                )
            });
            assert_eq!(sum, 55);
        }
    }
}

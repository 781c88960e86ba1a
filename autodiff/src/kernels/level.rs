//! The instruction sets of the processor, and which of them is in use.
//!
//! The environment variable `PATHSCORE_SIMD`, read once, holds a program to narrower vectors: `portable`, `avx2`, or `avx512`,
//! which is the default. A test runs itself at every level in this way and compares the bits. Another value is a panic.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "one level only"))]

use super::element::Element;
use std::sync::atomic::{AtomicU8, Ordering};

/// Instruction sets that a loop is compiled for, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Level {
    /// The target's baseline: 128 bits on x86-64.
    Baseline = 1,
    /// 256 bits.
    Avx2 = 2,
    /// 512 bits, and twice as many registers.
    Avx512 = 3,
}

/// The level in use, or 0 before anyone has asked.
static DETECTED: AtomicU8 = AtomicU8::new(0);

/// The widest level of this processor that `PATHSCORE_SIMD` permits.
#[inline]
pub(crate) fn widest() -> Level {
    match DETECTED.load(Ordering::Relaxed) {
        3 => Level::Avx512,
        2 => Level::Avx2,
        1 => Level::Baseline,
        _ => {
            // Of two threads that detect, the first decides: the environment may change between them, and vectors rely on one
            // answer.
            let level = detect().min(permitted());
            let stored =
                DETECTED.compare_exchange(0, level as u8, Ordering::Relaxed, Ordering::Relaxed);
            if stored.is_ok() { level } else { widest() }
        }
    }
}

/// The width of the vectors in use, in bits: 128, 256 or 512. It is that of the processor, or less by the environment variable
/// `PATHSCORE_SIMD`, which may be `portable`, `avx2` or `avx512`.
///
/// ```
/// assert!([128, 256, 512].contains(&pathscore_autodiff::vector::width()));
/// ```
///
/// # Panics
/// If the environment variable has another value.
pub fn width() -> usize {
    match widest() {
        Level::Baseline => 128,
        Level::Avx2 => 256,
        Level::Avx512 => 512,
    }
}

/// The level that the environment variable names.
#[cold]
fn permitted() -> Level {
    match std::env::var_os("PATHSCORE_SIMD") {
        None => Level::Avx512,
        Some(name) => named(&name.to_string_lossy()),
    }
}

/// The level of a name.
fn named(name: &str) -> Level {
    match name {
        "portable" => Level::Baseline,
        "avx2" => Level::Avx2,
        "avx512" => Level::Avx512,
        _ => panic!("PATHSCORE_SIMD is {name:?}, but may be portable, avx2 or avx512"),
    }
}

#[cfg(target_arch = "x86_64")]
#[cold]
fn detect() -> Level {
    let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq");
    match (avx2, avx512) {
        (true, true) => Level::Avx512,
        (true, false) => Level::Avx2,
        _ => Level::Baseline,
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[cold]
fn detect() -> Level {
    Level::Baseline
}

/// The level in use.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn chosen() -> Level {
    widest()
}

#[cfg(test)]
thread_local! {
    static CEILING: std::cell::Cell<Level> = const { std::cell::Cell::new(Level::Avx512) };
}

/// The level in use: what a test permits.
#[cfg(test)]
pub(crate) fn chosen() -> Level {
    widest().min(CEILING.get())
}

/// Runs `work` with every [`dispatch`] on this thread held to `level` or to what the processor
/// has, whichever is narrower.
#[cfg(test)]
pub(crate) fn at_level<R>(level: Level, work: impl FnOnce() -> R) -> R {
    struct Restore(Level);
    impl Drop for Restore {
        fn drop(&mut self) {
            CEILING.set(self.0);
        }
    }
    let _restore = Restore(CEILING.replace(level));
    work()
}

/// Work that knows at compile time the width of the vectors and whether products can be fused.
///
/// It serves computations whose last bits may depend on whether products are fused. Elementwise loops use
/// [`dispatch`](super::simd::dispatch), whose bits do not. [`dispatch_kernel`](super::simd::dispatch_kernel) runs it.
///
/// ```
/// use pathscore_autodiff::vector::{Kernel, dispatch_kernel, multiply_add};
///
/// /// $y_i ← y_i + a x_i$.
/// struct AddMultiple<'a>(&'a mut [f64], f64, &'a [f64]);
///
/// impl Kernel for AddMultiple<'_> {
///     #[inline(always)]
///     fn run<const FMA: bool, const BYTES: usize>(self) {
///         let Self(y, a, x) = self;
///         for (y, &x) in y.iter_mut().zip(x) {
///             *y = multiply_add::<FMA, f64>(a, x, *y);
///         }
///     }
/// }
///
/// let mut y = [1.0, 2.0];
/// dispatch_kernel(AddMultiple(&mut y, 3.0, &[4.0, 5.0]));
/// assert_eq!(y, [13.0, 17.0]);
/// ```
pub trait Kernel {
    /// Does the work, with fused products if `FMA`, on vectors of `BYTES` bytes. The function must be
    /// `#[inline(always)]`, as must all that it calls.
    fn run<const FMA: bool, const BYTES: usize>(self);
}

/// $ab + c$, rounded once if `FMA`, as a [`Kernel`] is told it, and else twice. For `f32` and `f64`.
#[inline(always)]
pub fn multiply_add<const FMA: bool, F: Element>(a: F, b: F, c: F) -> F {
    a.multiply_add::<FMA>(b, c)
}

/// Work on slices that [`simd`](super::simd) does in vectors, described by its sizes and slices.
pub(crate) trait Job: Sized {
    type Number: Element;
    /// Checks all that the vectors rely on: that everything lies in its slices and fits the [`registers`] in use. The safety of
    /// memory rests on it, although no unsafe block stands beside it.
    ///
    /// # Panics
    /// If it does not.
    fn check(&self);
    /// Does the work by plain code: the twin of the vectors, with the same bits but for fused products, which it has none of.
    fn plain(self);
}

/// The tile that fills the registers of a level: two vectors wide, and so high that its sums, a line of B and a number
/// of A fit.
#[derive(Clone, Copy)]
pub(crate) struct Registers {
    /// The numbers of a vector.
    pub(crate) lanes: usize,
    /// The most rows of a tile.
    pub(crate) height: usize,
    /// True if a tile reads lines in memory as fast as packed ones, and takes time in proportion to its height, from four rows on.
    pub(crate) in_place: bool,
}

impl Registers {
    /// The most columns of a tile.
    pub(crate) fn width(self) -> usize {
        2 * self.lanes
    }

    /// The length of a packed line of A: the height in whole vectors.
    pub(crate) fn line(self) -> usize {
        self.height.next_multiple_of(self.lanes)
    }
}

/// The rows of a tile for which sixteen registers have room.
pub(crate) const HEIGHT: usize = 6;
/// The same for 32 registers: the most rows of a tile at any level.
pub(crate) const HIGHEST: usize = 14;

/// The registers in use.
pub(crate) fn registers<F>() -> Registers {
    let (bytes, height) = match chosen() {
        Level::Avx512 => (64, HIGHEST),
        Level::Avx2 => (32, HEIGHT),
        Level::Baseline => (16, HEIGHT),
    };
    Registers { lanes: bytes / size_of::<F>(), height, in_place: bytes > 16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_holds_inside_and_is_lifted_after() {
        let before = chosen();
        assert_eq!(at_level(Level::Baseline, chosen), Level::Baseline);
        assert!(at_level(Level::Avx2, chosen) <= Level::Avx2);
        assert_eq!(chosen(), before);
    }

    #[test]
    fn a_level_has_a_name() {
        let levels = ["portable", "avx2", "avx512"].map(named);
        assert_eq!(levels, [Level::Baseline, Level::Avx2, Level::Avx512]);
        let message = std::panic::catch_unwind(|| named("sse")).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert_eq!(message, "PATHSCORE_SIMD is \"sse\", but may be portable, avx2 or avx512");
    }
}

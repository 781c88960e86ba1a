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
//! double precision are the exceptions ([`dispatch_kernel`]): fusing doubles the speed of the ones and saves a quarter of
//! the time of the others, so their last bits depend on whether the processor can, and on nothing else.
//!
//! The environment variable `PATHSCORE_SIMD`, read once, holds a program to narrower vectors: `portable`, `avx2`, or `avx512`,
//! which is the default. A test runs itself at every level in this way and compares the bits. Another value is a panic.
#![allow(unsafe_code)]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "one level only"))]

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
            let level = detect().min(permitted());
            // Two threads may both detect; they store the same answer.
            DETECTED.store(level as u8, Ordering::Relaxed);
            level
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

/// Runs `work` compiled for the widest instruction set of this processor.
///
/// The closure must be `#[inline(always)]`, or it is compiled for the baseline only.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    match chosen() {
        // SAFETY: `chosen` is at most `widest`, which has seen avx512f, avx512vl, avx512bw,
        // avx512dq, avx2 and fma on this processor before it says Avx512.
        Level::Avx512 => unsafe { with_avx512(work) },
        // SAFETY: likewise avx2 and fma before it says Avx2.
        Level::Avx2 => unsafe { with_avx2(work) },
        Level::Baseline => work(),
    }
}

/// Runs `work`: there is one level only.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
fn with_avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Work that knows at compile time the width of the vectors and whether products can be fused.
///
/// It serves computations that may round differently from level to level, such as a matrix product,
/// whose blocking follows the registers and whose sums are worth fusing.
pub(crate) trait Kernel {
    /// Does the work, with fused products if `FMA`, on vectors of `BYTES` bytes. The function must be
    /// `#[inline(always)]`, as must all that it calls.
    fn run<const FMA: bool, const BYTES: usize>(self);
}

/// Runs `work` compiled for the widest instruction set of this processor, as [`dispatch`] does.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn dispatch_kernel(work: impl Kernel) {
    match chosen() {
        // SAFETY: `chosen` is at most `widest`, which has seen avx512f, avx512vl, avx512bw,
        // avx512dq, avx2 and fma on this processor before it says Avx512.
        Level::Avx512 => unsafe { kernel_avx512(work) },
        // SAFETY: likewise avx2 and fma before it says Avx2.
        Level::Avx2 => unsafe { kernel_avx2(work) },
        Level::Baseline => work.run::<false, 16>(),
    }
}

/// Runs `work`: there is one level only.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn dispatch_kernel(work: impl Kernel) {
    work.run::<false, 16>();
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

#[cfg(not(test))]
#[inline(always)]
fn chosen() -> Level {
    widest()
}

#[cfg(test)]
thread_local! {
    static CEILING: std::cell::Cell<Level> = const { std::cell::Cell::new(Level::Avx512) };
}

#[cfg(test)]
fn chosen() -> Level {
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

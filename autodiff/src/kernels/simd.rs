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
//! fused product would buy a few per cent of speed and lose that. Matrix products, normal numbers in
//! double precision and the loops of Monte Carlo gradients are the exceptions ([`Tile`](super::tile::Tile), [`dispatch_kernel`]):
//! fusing doubles the speed of the first and saves a quarter of the time of the second, so their last bits depend on whether the
//! processor can, and on nothing else.
//!
//! [`compute`] does tiles, transposes, tables and rows of tables in vectors by hand, because the compiler does not keep the sums
//! of a large tile in registers. Each job has a plain twin, and tests compare the two.
#![allow(unsafe_code)]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "one level only"))]

use super::level::{Kernel, chosen};

/// Runs `work` compiled for the widest instruction set of this processor.
///
/// The closure must be `#[inline(always)]`, or it is compiled for the baseline only.
#[inline]
pub fn dispatch<R>(work: impl FnOnce() -> R) -> R {
    match chosen() {
        // SAFETY: `chosen` is at most `widest`, which has seen avx512f, avx512vl, avx512bw,
        // avx512dq, avx2 and fma on this processor before it says Avx512.
        #[cfg(target_arch = "x86_64")]
        super::level::Level::Avx512 => unsafe { with_avx512(work) },
        // SAFETY: likewise avx2 and fma before it says Avx2.
        #[cfg(target_arch = "x86_64")]
        super::level::Level::Avx2 => unsafe { with_avx2(work) },
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

/// Runs `work` compiled for the widest instruction set of this processor, as [`dispatch`] does, and tells it whether products can be
/// fused. Its bits may depend on that, and on nothing else.
#[inline]
pub fn dispatch_kernel(work: impl Kernel) {
    match chosen() {
        // SAFETY: as in `dispatch`.
        #[cfg(target_arch = "x86_64")]
        super::level::Level::Avx512 => unsafe {
            with_avx512(
                #[inline(always)]
                || work.run::<true, 64>(),
            )
        },
        // SAFETY: as in `dispatch`.
        #[cfg(target_arch = "x86_64")]
        super::level::Level::Avx2 => unsafe {
            with_avx2(
                #[inline(always)]
                || work.run::<true, 32>(),
            )
        },
        _ => work.run::<false, 16>(),
    }
}

/// Does a job in the vectors of the level in use, or by its plain code if there are none.
///
/// # Panics
/// If the job does not pass its check.
#[inline]
pub(crate) fn compute<J: InVectors>(job: J) {
    job.check();
    // SAFETY: the job has passed its check.
    if let Err(job) = unsafe { in_vectors(job) } {
        job.plain();
    }
}

/// Returns the job: there are no vectors.
///
/// # Safety
/// None.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn in_vectors<J>(job: J) -> Result<(), J> {
    Err(job)
}

#[cfg(not(target_arch = "x86_64"))]
use super::level::Job as InVectors;
#[cfg(target_arch = "x86_64")]
use x86::{InVectors, in_vectors};

/// Jobs in the vector registers of x86-64.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::element::Element;
    use super::super::level::{HIGHEST, Job, Level, chosen};
    use super::super::packing::DealOut;
    use super::super::tables::{self, GROUP, LINES, Rows, Start, Tables, WORD};
    use super::super::tile::{ROWS_PER_POINTER, Tile, TilePointers};
    use super::super::vectors::vectors;
    use std::{any::TypeId, arch::x86_64::*};

    /// Does a job in vectors, or returns it if there are none for its numbers.
    ///
    /// # Safety
    /// The job passes its check.
    #[inline(always)]
    pub(super) unsafe fn in_vectors<J: InVectors>(job: J) -> Result<(), J> {
        let is = |number: TypeId| TypeId::of::<J::Number>() == number;
        let (single, double) = (is(TypeId::of::<f32>()), is(TypeId::of::<f64>()));
        // SAFETY: that of this function. `chosen` is at most `widest`, which has seen the instructions on this processor, and the
        // level that the check saw: it does not change on a thread. The numbers are those of the vectors.
        unsafe {
            match chosen() {
                Level::Avx512 if single => __m512::on(job),
                Level::Avx512 if double => __m512d::on(job),
                Level::Avx2 if single => __m256::on(job),
                Level::Avx2 if double => __m256d::on(job),
                _ => return Err(job),
            }
        }
        Ok(())
    }

    /// A job that can be done in vectors.
    pub(crate) trait InVectors: Job {
        /// # Safety
        /// The vector is that of the level in use, on which the check relies, its number is that of the job, and the job has passed
        /// its check.
        unsafe fn run<V: Vector>(self);
    }

    /// A function for every height and for one vector and two. Called by its place, none is inlined: in one function with others
    /// the compiler would not keep the sums in registers.
    type ByHeight<T> = [[unsafe fn(T); 2]; HIGHEST];

    /// The table of a function of a vector.
    macro_rules! heights {
        ($function:ident $($height:literal)*) => {
            [$([Self::$function::<$height, 1>, Self::$function::<$height, 2>]),*]
        };
    }

    /// A vector register.
    ///
    /// # Safety
    /// All of its functions need a processor with its instructions, and pointers to as many numbers as they read or write.
    pub(crate) trait Vector: Copy {
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
        /// Transposes the squares that the pieces of as many vectors form; with pieces of two numbers the last two stay.
        unsafe fn turn(rows: [Self; 4]) -> [Self; 4];
        /// Transposes the square of the pieces of as many vectors; with two pieces in a vector the last two stay.
        unsafe fn turn_pieces(rows: [Self; 4]) -> [Self; 4];
        /// [`InVectors::run`] with the instructions of the vector.
        unsafe fn on<J: InVectors>(job: J);
        /// [`rows`] by their number.
        const ROWS: ByHeight<TilePointers<Self::Number>> =
            heights!(rows 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        /// [`lookup`] by the number of rows.
        const LOOKUP: ByHeight<RowPointers<Self::Number>> =
            heights!(lookup 1 2 3 4 5 6 7 8 9 10 11 12 13 14);
        /// [`rows`] with the instructions of the vector.
        unsafe fn rows<const R: usize, const N: usize>(tile: TilePointers<Self::Number>);
        /// [`lookup`] with the instructions of the vector.
        unsafe fn lookup<const R: usize, const N: usize>(rows: RowPointers<Self::Number>);
    }

    /// Writes [`Vector`] for registers: their number, mask and sizes, the instructions, and what is not one instruction.
    macro_rules! vector_impls {
        ($(
            $register:ident $number:ident $mask:ident $lanes:literal $piece:literal $features:literal
            $splat:ident $load:ident $store:ident $mul_add:ident $add:ident $store_first:ident
            mask($count:ident) { $to_mask:expr }
            load_first($from:ident, $first:ident) { $load_first:expr }
            turn_pieces($e:ident, $f:ident, $g:ident, $h:ident) { $($turn_pieces:tt)* }
            turn($a:ident, $b:ident, $c:ident, $d:ident) { $($turn:tt)* }
        )*) => {
            $(#[allow(unsafe_op_in_unsafe_fn, reason = "every function is one instruction or a few, as unsafe as it is")]
            impl Vector for $register {
                type Number = $number;
                type Mask = $mask;
                const LANES: usize = $lanes;
                const PIECE: usize = $piece;
                #[inline(always)] unsafe fn splat(x: $number) -> Self { $splat(x) }
                #[inline(always)] unsafe fn load(from: *const $number) -> Self { $load(from) }
                #[inline(always)] unsafe fn store(self, to: *mut $number) { $store(to, self) }
                #[inline(always)] unsafe fn mul_add(self, b: Self, c: Self) -> Self { $mul_add(self, b, c) }
                #[inline(always)] unsafe fn add(self, b: Self) -> Self { $add(self, b) }
                #[inline(always)] unsafe fn mask($count: usize) -> $mask { $to_mask }
                #[inline(always)] unsafe fn load_first($from: *const $number, $first: $mask) -> Self { $load_first }
                #[inline(always)] unsafe fn store_first(self, to: *mut $number, mask: $mask) { $store_first(to, mask, self) }
                #[inline(always)] unsafe fn turn_pieces([$e, $f, $g, $h]: [Self; 4]) -> [Self; 4] { $($turn_pieces)* }
                #[inline(always)] unsafe fn turn([$a, $b, $c, $d]: [Self; 4]) -> [Self; 4] { $($turn)* }
                #[target_feature(enable = $features)] unsafe fn on<J: InVectors>(job: J) { job.run::<Self>() }
                #[target_feature(enable = $features)] unsafe fn rows<const R: usize, const N: usize>(tile: TilePointers<$number>) { rows::<Self, R, N>(tile) }
                #[target_feature(enable = $features)] unsafe fn lookup<const R: usize, const N: usize>(rows: RowPointers<$number>) { lookup::<Self, R, N>(rows) }
            })*
        };
    }

    vectors!(vector_impls);

    impl<F: Element> InVectors for Tile<'_, F> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let (height, vectors) = (self.height, self.width.div_ceil(V::LANES));
            let tile = self.pointers::<V::Number>(V::LANES);
            // SAFETY: the check has seen `height` rows of A and of C and `width` columns of B and of C in their slices, and whole
            // vectors in the copy. The function is that of so many rows and vectors.
            unsafe {
                V::ROWS[height - 1][vectors - 1](tile);
            }
        }
    }

    /// The most numbers of a vector.
    const MOST_LANES: usize = 16;

    /// So many lines ahead B is fetched where it is read in memory, which the processor does not foresee.
    const AHEAD: usize = 8;

    /// R rows of N vectors, of which the last may be a part.
    ///
    /// # Safety
    /// The vector's instructions, a tile of R rows and N vectors, of the last of which `last` numbers lie in its slices, and a copy
    /// whose lines have room for N vectors.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "loops of known length, which become registers")]
    unsafe fn rows<V: Vector, const R: usize, const N: usize>(t: TilePointers<V::Number>) {
        let TilePointers {
            last,
            depth,
            a: (mut a, [a_row, a_step]),
            b: (mut b, b_step),
            c: (c, c_step),
            ..
        } = t;
        let (mut copy, copy_step) = t.copy.unwrap_or((std::ptr::null_mut(), 0));
        // SAFETY: that of this function.
        unsafe {
            let mask = V::mask(last);
            let mut sums = [[V::splat(V::Number::default()); N]; R];
            for _ in 0..depth {
                let line = line::<V, N>(b, mask);
                if b_step > N * V::LANES {
                    for j in 0..N {
                        let ahead =
                            b.wrapping_add(AHEAD.wrapping_mul(b_step)).wrapping_add(j * V::LANES);
                        _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                    }
                }
                if !copy.is_null() {
                    for j in 0..N {
                        line[j].store(copy.add(j * V::LANES));
                    }
                    copy = copy.wrapping_add(copy_step);
                }
                for (g, a) in a.iter_mut().enumerate() {
                    for i in 0..ROWS_PER_POINTER {
                        if g * ROWS_PER_POINTER + i < R {
                            let a = V::splat(*a.add(i * a_row));
                            for j in 0..N {
                                let sum = &mut sums[g * ROWS_PER_POINTER + i][j];
                                *sum = a.mul_add(line[j], *sum);
                            }
                        }
                    }
                    *a = a.wrapping_add(a_step);
                }
                b = b.wrapping_add(b_step);
            }
            for i in 0..R {
                if let Some((row, step)) = t.onto {
                    let line = line::<V, N>(row.add(i * step), mask);
                    for j in 0..N {
                        sums[i][j] = line[j].add(sums[i][j]);
                    }
                }
                store::<V, N>(sums[i], c.add(i * c_step), mask);
            }
        }
    }

    /// N vectors side by side, of the last one the first numbers.
    ///
    /// # Safety
    /// The vector's instructions, and so many numbers.
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

    impl<F: Element> InVectors for DealOut<'_, F> {
        /// Squares of as many lines as a vector has numbers, turned in registers; the last square of lines repeats the last
        /// line, and the last square of numbers begins earlier. Lines shorter than a vector are left to the plain code.
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            if self.sizes[1] < V::LANES {
                return self.plain();
            }
            let Self { lines: (x, stride), sizes: [count, depth], to: (to, line) } = self;
            let (x, to) = (x.as_ptr().cast::<V::Number>(), to.as_mut_ptr().cast::<V::Number>());
            for q in (0..count).step_by(V::LANES) {
                let last = V::LANES.min(count - q) - 1;
                for block in 0..depth.div_ceil(V::LANES) {
                    let p = (block * V::LANES).min(depth - V::LANES);
                    // SAFETY: that of this function: `p + LANES` numbers of a line lie in it, and new lines have room for whole vectors.
                    unsafe {
                        let columns = square::<V>(|i| x.add((q + i.min(last)) * stride + p));
                        for (c, column) in columns.into_iter().enumerate().take(V::LANES) {
                            column.store(to.add((p + c) * line + q));
                        }
                    }
                }
            }
        }
    }

    /// The columns of a square of as many lines as a vector has numbers.
    ///
    /// # Safety
    /// The vector's instructions, and lines of a vector.
    #[inline(always)]
    unsafe fn square<V: Vector>(line: impl Fn(usize) -> *const V::Number) -> [V; MOST_LANES] {
        // SAFETY: that of this function.
        unsafe {
            let (zero, count) = (V::splat(V::Number::default()), V::LANES / V::PIECE);
            let mut turned = [[zero; 4]; 4];
            for (g, turned) in turned.iter_mut().enumerate().take(count) {
                for (i, row) in turned.iter_mut().enumerate().take(V::PIECE) {
                    *row = V::load(line(g * V::PIECE + i));
                }
                *turned = V::turn(*turned);
            }
            let mut columns = [zero; MOST_LANES];
            for c in 0..V::PIECE {
                let pieces = V::turn_pieces(std::array::from_fn(|g| turned[g][c]));
                for (q, piece) in pieces.into_iter().enumerate().take(count) {
                    columns[q * V::PIECE + c] = piece;
                }
            }
            columns
        }
    }

    impl<F: Element> InVectors for Tables<'_, F> {
        /// All whole tables; the plain code writes the last one if it has fewer lines.
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let Self { width, depth, lines: (lines, stride), .. } = self;
            let whole = depth / GROUP;
            for j in (0..width).step_by(V::LANES) {
                let from = lines.as_ptr().cast::<V::Number>().wrapping_add(j);
                let to = self.tables.as_mut_ptr().cast::<V::Number>().wrapping_add(j);
                // SAFETY: that of this function: lines and tables lie in their slices, and a line of a table has two vectors.
                unsafe {
                    let mask = V::mask(V::LANES.min(width - j));
                    for g in 0..whole {
                        let four = std::array::from_fn(|p| {
                            let line = from.add((g * GROUP + p) * stride);
                            let ahead = line.wrapping_add(AHEAD.wrapping_mul(stride));
                            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
                            V::load_first(line, mask)
                        });
                        write(to.add(g * LINES * 2 * V::LANES), four);
                    }
                }
            }
            if let Some(last) = self.after(whole) {
                tables::write(last);
            }
        }
    }

    /// Writes a vector of all lines of a table, whose lines are two vectors long, from those of four lines.
    ///
    /// # Safety
    /// The vector's instructions, and room for a table.
    #[inline(always)]
    unsafe fn write<V: Vector>(table: *mut V::Number, four: [V; GROUP]) {
        // SAFETY: that of this function.
        unsafe {
            let mut sums = [V::splat(V::Number::default()); LINES];
            for p in 0..GROUP {
                sums[1 << p] = four[p];
                for s in 1..1 << p {
                    sums[(1 << p) + s] = sums[s].add(four[p]);
                }
            }
            for (s, sum) in sums.into_iter().enumerate() {
                sum.store(table.add(s * 2 * V::LANES));
            }
        }
    }

    /// Rows and tables by pointers.
    #[derive(Clone, Copy)]
    pub(crate) struct RowPointers<N> {
        /// The numbers of the last vector.
        last: usize,
        count: usize,
        codes: (*const u8, usize),
        tables: *const N,
        c: (*mut N, usize),
        start: Option<(*const N, usize)>,
    }

    impl<F: Element> InVectors for Rows<'_, F> {
        #[inline(always)]
        unsafe fn run<V: Vector>(self) {
            let c = (self.c.0.as_mut_ptr().cast::<V::Number>(), self.c.1);
            let start = match self.start {
                Start::Nothing => None,
                Start::Present => Some((c.0.cast_const(), c.1)),
                Start::Lines((lines, step)) => Some((lines.as_ptr().cast(), step)),
            };
            let tables = self.tables.as_ptr().cast();
            let (vectors, last) = (self.width.div_ceil(V::LANES), (self.width - 1) % V::LANES + 1);
            for (i, height, codes) in self.panels() {
                let c = (c.0.wrapping_add(i * c.1), c.1);
                let start = start.map(|(from, step)| (from.wrapping_add(i * step), step));
                let codes = (codes.as_ptr(), self.code_line());
                let rows = RowPointers { last, count: self.count, codes, tables, c, start };
                // SAFETY: the check has seen the rows and the tables; `panels` slices the codes, whose lines are whole words and whose
                // values `Codes::new` has checked.
                unsafe {
                    V::LOOKUP[height - 1][vectors - 1](rows);
                }
            }
        }
    }

    /// R rows of N vectors, of which the last may be a part, with the lines of tables that codes choose.
    ///
    /// # Safety
    /// The vector's instructions; rows of C and rows to begin with that lie in their slices; so many tables, and for each a line of
    /// codes in whole words, R of which are the distances of lines in units of eight bytes.
    #[inline(always)]
    #[allow(clippy::needless_range_loop, reason = "loops of known length, which become registers")]
    unsafe fn lookup<V: Vector, const R: usize, const N: usize>(rows: RowPointers<V::Number>) {
        let RowPointers {
            last,
            count,
            codes: (mut codes, code_line),
            mut tables,
            c: (c, step),
            start,
        } = rows;
        // SAFETY: that of this function.
        unsafe {
            let mask = V::mask(last);
            let mut sums = [[V::splat(V::Number::default()); N]; R];
            if let Some((row, step)) = start {
                for i in 0..R {
                    sums[i] = line::<V, N>(row.add(i * step), mask);
                }
            }
            for _ in 0..count {
                // Reading a code alone would take as long as a vector of a line.
                let word =
                    |i: usize| u64::from_le(codes.add(i * WORD).cast::<u64>().read_unaligned());
                let words = [word(0), word(R.div_ceil(WORD) - 1)];
                for i in 0..R {
                    let code = words[i / WORD] >> (8 * (i % WORD)) & 0xff;
                    // The unit of a code is eight bytes.
                    let chosen = tables.byte_add(8 * code as usize);
                    for j in 0..N {
                        sums[i][j] = sums[i][j].add(V::load(chosen.add(j * V::LANES)));
                    }
                }
                codes = codes.wrapping_add(code_line);
                tables = tables.wrapping_add(LINES * 2 * V::LANES);
            }
            for i in 0..R {
                store::<V, N>(sums[i], c.add(i * step), mask);
            }
        }
    }

    /// Stores N vectors side by side, of the last one the first numbers.
    ///
    /// # Safety
    /// The vector's instructions, and room for so many numbers.
    #[inline(always)]
    unsafe fn store<V: Vector, const N: usize>(line: [V; N], to: *mut V::Number, mask: V::Mask) {
        // SAFETY: that of this function.
        unsafe {
            for (j, vector) in line.iter().enumerate().take(N - 1) {
                vector.store(to.add(j * V::LANES));
            }
            line[N - 1].store_first(to.add((N - 1) * V::LANES), mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::float::Float;
    use super::super::level::{Level, Registers, at_level, registers};
    use super::super::packing::{self, DealOut};
    use super::super::tables::{
        self, Codes, GROUP, LINES, Panels, Rows, Start, Tables, line, unit,
    };
    use super::super::tile::{self, Onto, Tile};
    use super::*;

    fn at_every_level(works: [fn(); 2]) {
        for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
            works.iter().for_each(|work| at_level(level, work));
        }
    }

    /// Numbers between −1 and 1 without a pattern.
    fn numbers<F: Float>(len: usize, seed: u64) -> Vec<F> {
        let mixed = |i: u64| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (seed << 40);
        let bits = |i| mixed(i).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (0..len as u64).map(|i| F::from_f64((bits(i) >> 40) as f64 / 8_388_608.0 - 1.0)).collect()
    }

    /// Computes a tile by both twins; C and the copy have margins that must stay as they are.
    fn tiles<F: Float>(
        [height, width, depth]: [usize; 3],
        pad: usize,
        onto: usize,
        flags: [bool; 2],
    ) {
        let [copies, a_by_rows] = flags;
        let (lines, len) = if a_by_rows { (height, depth) } else { (depth, height) };
        let lanes = registers::<F>().lanes;
        let line = width.next_multiple_of(lanes);
        let steps = [len + pad, width + 2 * pad, width + 3 * pad, line + pad];
        // As short as may be: nothing beyond the last line is read.
        let a = numbers::<F>((lines - 1) * steps[0] + len, 1);
        let b = numbers::<F>((depth - 1) * steps[1] + width, 2);
        let row = numbers::<F>(width, 3);
        let compute = |twin: bool| {
            let mut all = numbers::<F>((height - 1) * steps[2] + width + 5, 4);
            let mut lines = numbers::<F>(depth * steps[3], 5);
            let onto = [Onto::Nothing, Onto::C, Onto::Row(&row)][onto];
            let copy = copies.then_some((&mut lines[..], steps[3]));
            let (a, b) = ((&a[..], steps[0]), (&b[..], steps[1]));
            let c = (&mut all[..(height - 1) * steps[2] + width], steps[2]);
            let tile = Tile { height, width, depth, a, a_by_rows, b, copy, c, onto };
            match twin {
                true if chosen() == Level::Baseline => tile::multiply::<F, false>(tile),
                true => tile::multiply::<F, true>(tile),
                false => compute(tile),
            }
            // The numbers of a copy beyond the columns and within its vectors are not defined.
            for copied in lines.chunks_mut(steps[3]) {
                copied[width..line].fill(F::ZERO);
            }
            let bits = |x: &F| x.to_f64().to_bits();
            (all.iter().map(bits).collect::<Vec<_>>(), lines.iter().map(bits).collect::<Vec<_>>())
        };
        let case = (F::NAME, chosen(), [height, width, depth], pad, onto, flags);
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
                    let flags = [mixed / 4 % 2 == 0, mixed / 8 % 2 == 0];
                    tiles::<F>([rows, columns, depth], mixed % 4, mixed % 3, flags);
                }
            }
        }
        at_every_level([of::<f32>, of::<f64>]);
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
                    let (lines, sizes) = ((&x[..], stride), [count, depth]);
                    compute(DealOut { lines, sizes, to: (&mut found, line) });
                    packing::deal_out(DealOut { lines, sizes, to: (&mut expected, line) });
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
        at_every_level([of::<f32>, of::<f64>]);
    }

    /// Writes the tables of a matrix by both twins, and compares the lines within the columns.
    fn tables_of<F: Float>([width, depth]: [usize; 2], pad: usize) -> Vec<F> {
        let (line, stride) = (line::<F>(), width + pad);
        let numbers = numbers::<F>((depth - 1) * stride + width, 8);
        let len = depth.div_ceil(GROUP) * LINES * line;
        let [mut found, mut expected] = [vec![F::ZERO; len], vec![F::ZERO; len]];
        let lines = (&numbers[..], stride);
        compute(Tables { width, depth, lines, tables: &mut found });
        tables::write(Tables { width, depth, lines, tables: &mut expected });
        for (at, (found, expected)) in found.chunks(line).zip(expected.chunks(line)).enumerate() {
            let bits =
                |x: &[F]| x[..width].iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>();
            let case = (F::NAME, chosen(), width, depth, at);
            assert_eq!(bits(found), bits(expected), "{case:?}");
        }
        found
    }

    #[test]
    fn tables_in_vectors_have_the_bits_of_plain_loops() {
        fn of<F: Float>() {
            for width in 1..=registers::<F>().width() {
                for depth in 1..=10 {
                    tables_of::<F>([width, depth], (width + depth) % 3);
                }
            }
        }
        at_every_level([of::<f32>, of::<f64>]);
    }

    #[test]
    fn lines_chosen_in_vectors_have_the_bits_of_plain_loops() {
        fn of<F: Float>() {
            let Registers { height, .. } = registers::<F>();
            let (line, unit) = (line::<F>(), unit::<F>());
            for rows in 1..=2 * height + 1 {
                for width in 1..=line {
                    let (groups, first, count) = (5, rows % 3, 1 + width % 3);
                    let tables = tables_of::<F>([width, count * GROUP], 1);
                    let panels = Panels::new(rows, height, groups);
                    let codes: Vec<u8> =
                        (0..panels.codes()).map(|i| (i * i / 3 % LINES) as u8 * unit).collect();
                    let codes = Codes::new(panels, &codes, unit);
                    let pad = (rows + width) % 3;
                    let lines = numbers::<F>(rows * line, 9);
                    let compute_by = |plain: bool| {
                        let mut c = numbers::<F>((rows - 1) * (line + pad) + width, 10);
                        let start = [
                            Start::Nothing,
                            Start::Present,
                            Start::Lines((&lines, line)),
                            Start::Lines((&lines, 0)),
                        ][(rows + width) % 4];
                        let to = (&mut c[..], line + pad);
                        let (codes, tables) = (&codes, &tables);
                        let rows = Rows { codes, first, count, width, tables, c: to, start };
                        if plain {
                            tables::add(rows)
                        } else {
                            compute(rows)
                        }
                        c.iter().map(|x| x.to_f64().to_bits()).collect::<Vec<_>>()
                    };
                    let case = (F::NAME, chosen(), rows, width);
                    assert_eq!(compute_by(false), compute_by(true), "{case:?}");
                }
            }
        }
        at_every_level([of::<f32>, of::<f64>]);
    }

    #[test]
    fn tables_and_rows_that_do_not_lie_in_their_slices_are_refused() {
        at_every_level([refuse_tables, refuse_rows]);
    }

    fn refused(work: impl Fn()) -> bool {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err()
    }

    fn refuse_tables() {
        let (line, numbers) = (line::<f32>(), [1.0_f32; 64]);
        let written = |[width, depth]: [usize; 2], stride, len, room| {
            refused(|| {
                let (mut tables, lines) = (vec![0.0; room], (&numbers[..len], stride));
                compute(Tables { width, depth, lines, tables: &mut tables });
            })
        };
        let room = 2 * LINES * line;
        assert!(!written([2, 8], 3, 23, room));
        assert!(written([2, 8], 3, 22, room), "the lines");
        assert!(written([2, 8], 3, 23, room - 1), "room");
        assert!(written([line + 1, 1], 1, 64, room), "the width");
        assert!(written([2, 8], usize::MAX, 23, room), "far lines");
        assert!(written([0, 8], 3, 23, room), "no columns");
        assert!(written([2, 0], 3, 23, room), "no lines");
    }

    fn refuse_rows() {
        let Registers { height, .. } = registers::<f32>();
        let (line, unit, numbers) = (line::<f32>(), unit::<f32>(), [1.0_f32; 64]);
        let (panels, table) = (Panels::new(3, height, 2), [1.0_f32; 8192]);
        let added = |first, count, [width, tables, len, step]: [usize; 4], start: usize, code| {
            refused(|| {
                let mut codes = vec![0; panels.codes()];
                codes[2] = code;
                let codes = &Codes::new(panels, &codes, unit);
                let mut c = vec![0.0; len];
                let start = Start::Lines((&numbers[..start], 0));
                let (tables, c) = (&table[..tables], (&mut c[..], step));
                compute(Rows { codes, first, count, width, tables, c, start });
            })
        };
        let one = LINES * line;
        assert!(!added(1, 1, [2, one, 8, 3], 2, 15 * unit));
        assert!(added(1, 1, [2, one, 8, 3], 2, 15 * unit + 1), "a code between lines");
        if let Some(beyond) = unit.checked_mul(16) {
            assert!(added(1, 1, [2, one, 8, 3], 2, beyond), "a code beyond");
        }
        assert!(added(1, 2, [2, 2 * one, 8, 3], 2, 0), "codes");
        assert!(added(0, 2, [2, 2 * one - 1, 8, 3], 2, 0), "tables");
        assert!(added(1, 1, [2, one, 7, 3], 2, 0), "C");
        assert!(added(1, 1, [2, one, 8, usize::MAX], 2, 0), "far rows");
        assert!(added(1, 1, [2, one, 8, 3], 1, 0), "the start");
        assert!(added(1, 1, [line + 1, one, 200, line + 1], 64, 0), "the width");
        let zeros = |panels: Panels, unit: u8| {
            refused(|| {
                let (mut c, codes) = (vec![0.0_f32; 60], vec![0; panels.codes()]);
                let codes = &Codes::new(panels, &codes, unit);
                let (c, start, tables) = ((&mut c[..], 3), Start::Nothing, &table[..]);
                compute(Rows { codes, first: 0, count: 2, width: 2, tables, c, start });
            })
        };
        assert!(!zeros(panels, unit));
        assert!(zeros(Panels::new(height + 1, height + 1, 2), unit), "too high");
        assert!(zeros(panels, unit / 2) && zeros(panels, unit * 2), "the unit of other lines");
        assert!(zeros(panels, 3), "no unit");
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
                    compute(Tile { height, width, depth, a, a_by_rows: false, b, copy, c, onto });
                })
                .is_err()
            };
        assert!(!refused([2, 4, 3], 6, 12, 8, 0));
        assert!(refused([2, 4, 3], 5, 12, 8, 0), "A");
        assert!(refused([2, 4, 3], 6, 11, 8, 0), "B");
        assert!(refused([2, 4, 3], 6, 12, 7, 0), "C");
        assert!(refused([2, 4, 3], 6, 12, 8, 11), "the copy");
        assert!(refused([2, 4, 0], 6, 12, 8, 0), "no step");
        let rows = |len: usize, step: usize| {
            std::panic::catch_unwind(|| {
                let (mut c, copy, onto) = ([0.0; 8], None, Onto::Nothing);
                let (a, b, c) = ((&numbers[..len], step), (&numbers[..], 4), (&mut c[..], 4));
                compute(Tile {
                    height: 2,
                    width: 4,
                    depth: 3,
                    a,
                    a_by_rows: true,
                    b,
                    copy,
                    c,
                    onto,
                });
            })
            .is_err()
        };
        assert!(!rows(8, 5));
        assert!(rows(7, 5), "rows of A");
        assert!(rows(8, usize::MAX) && rows(8, 1 << 63), "far rows of A");
        let far = |steps: [usize; 4], onto: &[f32]| {
            std::panic::catch_unwind(|| {
                let (mut c, mut copy) = ([0.0; 64], [0.0; 64]);
                let (a, b) = ((&numbers[..], steps[0]), (&numbers[..], steps[1]));
                let (copy, c) = (Some((&mut copy[..], steps[3])), (&mut c[..], steps[2]));
                let onto = Onto::Row(onto);
                compute(Tile {
                    height: 2,
                    width: 1,
                    depth: 2,
                    a,
                    a_by_rows: false,
                    b,
                    copy,
                    c,
                    onto,
                });
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
                let (lines, sizes) = ((&numbers[..x], depth), [count, depth]);
                compute(DealOut { lines, sizes, to: (&mut to, line) });
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
            a_by_rows: false,
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

//! One tile of a product: some rows and columns of C = A B, summed over k in registers.
//!
//! [`multiply`] is plain code. It is the twin of the wide vectors in [`simd`](super::simd), the same sums in the same order,
//! and serves where there are none: the compiler turns packed lines into vectors of 128 bits. The vectors are handed the same tile by
//! pointers, [`TilePointers`].

use super::element::Element;
#[cfg(target_arch = "x86_64")]
use super::level::HIGHEST;
use super::level::{HEIGHT, Job, registers};

/// The matrix that a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Onto<'a, F> {
    Nothing,
    /// The present contents of C.
    C,
    /// The same row for every row of C.
    Row(&'a [F]),
}

/// Lines of numbers, and the distance between their beginnings.
pub(crate) type Lines<'a, F> = (&'a [F], usize);

/// The end of the last of `count` lines of `line` numbers whose beginnings are `step` apart; too large a number if there is no such
/// place.
#[inline(always)]
pub(crate) fn end(count: usize, step: usize, line: usize) -> usize {
    (count - 1).saturating_mul(step).saturating_add(line)
}

/// The first row of each panel, if `rows` are shared out among `count` panels whose heights differ by one at most.
#[inline(always)]
pub(crate) fn tops(rows: usize, count: usize) -> impl Fn(usize) -> usize + Copy {
    let (height, higher) = (rows / count, rows % count);
    move |panel| panel * height + panel.min(higher)
}

/// The sums over `depth` lines of A and B: $C_{ij} = \sum_p A_{ip} B_{pj}$, plus what they are added to.
pub(crate) struct Tile<'a, F> {
    /// The rows of C, which are not more than there are registers for.
    pub(crate) height: usize,
    /// The columns of C: up to two vectors.
    pub(crate) width: usize,
    pub(crate) depth: usize,
    /// A in lines: its columns, with a number for each row of C, or its rows, with a number for each line of B.
    pub(crate) a: Lines<'a, F>,
    /// True if the lines of A are its rows.
    pub(crate) a_by_rows: bool,
    /// Lines with a number for each column of C.
    pub(crate) b: Lines<'a, F>,
    /// Where the lines of B are copied to on the way, side by side, for the tiles below. Numbers beyond the columns of C
    /// are not defined.
    pub(crate) copy: Option<(&'a mut [F], usize)>,
    /// The rows of C.
    pub(crate) c: (&'a mut [F], usize),
    pub(crate) onto: Onto<'a, F>,
}

impl<F> Tile<'_, F> {
    /// Checks that the tile lies in its slices.
    ///
    /// # Panics
    /// If it does not.
    #[inline(always)]
    fn check_slices(&self) {
        let Self { height, width, depth, a, b, .. } = *self;
        assert!(height > 0 && width > 0 && depth > 0, "tile: empty");
        let end_of_a =
            if self.a_by_rows { end(height, a.1, depth) } else { end(depth, a.1, height) };
        assert!(end_of_a <= a.0.len(), "tile: A is too short");
        assert!(end(depth, b.1, width) <= b.0.len(), "tile: B is too short");
        assert!(end(height, self.c.1, width) <= self.c.0.len(), "tile: C is too short");
        if let Some((copy, line)) = &self.copy {
            assert!(end(depth, *line, width) <= copy.len(), "tile: no room for the copy");
        }
        if let Onto::Row(row) = self.onto {
            assert!(row.len() >= width, "tile: the row is too short");
        }
    }
}

/// The rows of A that are read from one pointer. If all were, the compiler would compute each address from the one before it, and
/// that takes as long as the products. The processor adds one, two or four steps to a pointer by itself.
#[cfg(target_arch = "x86_64")]
pub(crate) const ROWS_PER_POINTER: usize = 5;

/// A tile by pointers, for vectors.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct TilePointers<N> {
    /// The numbers of the last vector of a row.
    pub(crate) last: usize,
    pub(crate) depth: usize,
    /// Pointers to every [`ROWS_PER_POINTER`]th row of A, from the first on, the distance between rows and that between the numbers
    /// of a row.
    pub(crate) a: ([*const N; HIGHEST.div_ceil(ROWS_PER_POINTER)], [usize; 2]),
    pub(crate) b: (*const N, usize),
    pub(crate) copy: Option<(*mut N, usize)>,
    pub(crate) c: (*mut N, usize),
    pub(crate) onto: Option<(*const N, usize)>,
}

#[cfg(target_arch = "x86_64")]
impl<F> Tile<'_, F> {
    /// The tile by pointers, for vectors of `lanes` numbers. `N` must be `F`.
    #[inline(always)]
    pub(crate) fn pointers<N>(self, lanes: usize) -> TilePointers<N> {
        let Self {
            width, depth, a: (a, a_step), a_by_rows, b: (b, b_step), c: (c, c_step), ..
        } = self;
        let (first, c) = (a.as_ptr().cast::<N>(), c.as_mut_ptr().cast::<N>());
        let [row, step] = if a_by_rows { [a_step, 1] } else { [1, a_step] };
        let pointer = |g: usize| first.wrapping_add((g * ROWS_PER_POINTER).wrapping_mul(row));
        TilePointers {
            last: (width - 1) % lanes + 1,
            depth,
            a: (std::array::from_fn(pointer), [row, step]),
            b: (b.as_ptr().cast(), b_step),
            copy: self.copy.map(|(copy, line)| (copy.as_mut_ptr().cast(), line)),
            c: (c, c_step),
            onto: match self.onto {
                Onto::Nothing => None,
                Onto::C => Some((c.cast_const(), c_step)),
                Onto::Row(row) => Some((row.as_ptr().cast(), 0)),
            },
        }
    }
}

impl<F: Element> Job for Tile<'_, F> {
    type Number = F;

    /// The tile lies in its slices and is not larger than the registers, and a copy has room for whole vectors.
    #[inline(always)]
    fn check(&self) {
        self.check_slices();
        let registers = registers::<F>();
        let fits = self.height <= registers.height && self.width <= registers.width();
        assert!(fits, "tile: too large");
        if let Some((copy, line)) = &self.copy {
            let whole = self.width.next_multiple_of(registers.lanes);
            let room = *line >= whole && copy.len() >= self.depth * line;
            assert!(room, "tile: no room for vectors");
        }
    }

    fn plain(self) {
        multiply::<F, false>(self);
    }
}

impl<F: Element> Tile<'_, F> {
    /// Adds the sums of a row, of which there are W as a rule, to that of C.
    #[inline(always)]
    fn store<const W: usize>(&mut self, i: usize, sums: &[F]) {
        let row = &mut self.c.0[i * self.c.1..][..self.width];
        match self.onto {
            // A copy of known length needs no call.
            Onto::Nothing => match (<&mut [F; W]>::try_from(&mut *row), sums.first_chunk()) {
                (Ok(row), Some(sums)) => *row = *sums,
                _ => row.copy_from_slice(&sums[..self.width]),
            },
            Onto::C => row.iter_mut().zip(sums).for_each(|(c, &sum)| *c = *c + sum),
            Onto::Row(first) => {
                for ((c, &sum), &first) in row.iter_mut().zip(sums).zip(first) {
                    *c = first + sum;
                }
            }
        }
    }
}

/// Computes a tile. It is fast if the lines are packed, those of A in whole vectors of 128 bits, those of B in two, and if
/// there are [`HEIGHT`] rows and two vectors at most.
pub(crate) fn multiply<F: Element, const FMA: bool>(mut tile: Tile<'_, F>) {
    tile.check_slices();
    let packed = match size_of::<F>() {
        4 => in_registers::<F, FMA, 8, 8>(&mut tile),
        _ => in_registers::<F, FMA, 6, 4>(&mut tile),
    };
    if packed {
        return;
    }
    let Tile { height, width, depth, a, b, .. } = tile;
    if let Some((copy, line)) = &mut tile.copy {
        for (p, to) in copy.chunks_mut(*line).enumerate().take(depth) {
            to[..width].copy_from_slice(&b.0[p * b.1..][..width]);
        }
    }
    let mut sums = vec![F::default(); width];
    for i in 0..height {
        for (j, sum) in sums.iter_mut().enumerate() {
            let of_a = |p: usize| if tile.a_by_rows { a.0[i * a.1 + p] } else { a.0[p * a.1 + i] };
            let terms = (0..depth).map(|p| (of_a(p), b.0[p * b.1 + j]));
            *sum = terms.fold(F::default(), |sum, (a, b)| a.multiply_add::<FMA>(b, sum));
        }
        tile.store::<1>(i, &sums);
    }
}

/// Computes a tile of packed lines of L and W numbers, and returns true if it is one.
#[inline(always)]
fn in_registers<F: Element, const FMA: bool, const L: usize, const W: usize>(
    tile: &mut Tile<'_, F>,
) -> bool {
    let lines = tile.a.0.len() >= tile.depth * L && tile.b.0.len() >= tile.depth * W;
    let packed = lines && (tile.a.1, tile.b.1) == (L, W);
    if !packed || tile.a_by_rows || tile.height > HEIGHT || tile.width > W || tile.copy.is_some() {
        return false;
    }
    match tile.height {
        1..=2 => rows::<F, FMA, 2, L, W>(tile),
        3..=4 => rows::<F, FMA, 4, L, W>(tile),
        _ => rows::<F, FMA, HEIGHT, L, W>(tile),
    }
    true
}

/// R rows of W columns, of which the first are stored.
#[inline(always)]
fn rows<F: Element, const FMA: bool, const R: usize, const L: usize, const W: usize>(
    tile: &mut Tile<'_, F>,
) {
    let mut room = [[F::default(); W]; R];
    sum::<F, FMA, R, L, W>(tile.a.0, tile.b.0, tile.depth, &mut room);
    for (i, sums) in room.iter().enumerate().take(tile.height) {
        tile.store::<W>(i, sums);
    }
}

/// The sums of R rows, in registers until they are complete.
///
/// They are handed over in memory so that the compiler keeps them in registers: it keeps an array that is indexed by a
/// variable in memory at every step.
#[inline(never)]
fn sum<F: Element, const FMA: bool, const R: usize, const L: usize, const W: usize>(
    a: &[F],
    b: &[F],
    depth: usize,
    room: &mut [[F; W]; R],
) {
    let mut sums = [[F::default(); W]; R];
    for (a, b) in a.as_chunks::<L>().0.iter().zip(b.as_chunks().0).take(depth) {
        // Row by row, written out: with a loop over the rows some heights are spilled.
        if R > 0 {
            sums[0] = row::<F, FMA, W>(a[0], b, sums[0]);
        }
        if R > 1 {
            sums[1] = row::<F, FMA, W>(a[1], b, sums[1]);
        }
        if R > 2 {
            sums[2] = row::<F, FMA, W>(a[2], b, sums[2]);
        }
        if R > 3 {
            sums[3] = row::<F, FMA, W>(a[3], b, sums[3]);
        }
        if R > 4 {
            sums[4] = row::<F, FMA, W>(a[4], b, sums[4]);
        }
        if R > 5 {
            sums[5] = row::<F, FMA, W>(a[5], b, sums[5]);
        }
    }
    *room = sums;
}

/// `a * b + sums`, number by number.
#[inline(always)]
fn row<F: Element, const FMA: bool, const W: usize>(a: F, b: &[F; W], mut sums: [F; W]) -> [F; W] {
    for j in 0..W {
        sums[j] = a.multiply_add::<FMA>(b[j], sums[j]);
    }
    sums
}

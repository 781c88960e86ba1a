//! Loops over a block of draws down its columns, a few columns at a time.
//!
//! What belongs to a column, such as a standard deviation or a running sum, then stays in registers for all rows.

/// Work on a block of rows that each have the same columns.
pub(super) trait Columns {
    /// The most columns whose numbers fit into thirty-two registers of 512 bits: 32 or 16.
    const WIDEST: usize;

    /// Works on `W` neighbouring columns, beginning with column `at`, with fused products if `FMA`. Must be `#[inline(always)]`.
    fn run<const FMA: bool, const W: usize>(&mut self, at: usize);
}

/// Works on `count` columns, with registers of `BYTES` bytes.
#[inline(always)]
pub(super) fn each_column<C: Columns, const FMA: bool, const BYTES: usize>(
    count: usize,
    mut work: C,
) {
    let mut at = 0;
    while BYTES == 64 && C::WIDEST >= 32 && at + 32 <= count {
        work.run::<FMA, 32>(at);
        at += 32;
    }
    while BYTES == 64 && at + 16 <= count {
        work.run::<FMA, 16>(at);
        at += 16;
    }
    while at + 8 <= count {
        work.run::<FMA, 8>(at);
        at += 8;
    }
    if at + 4 <= count {
        work.run::<FMA, 4>(at);
        at += 4;
    }
    while at < count {
        work.run::<FMA, 1>(at);
        at += 1;
    }
}

/// The numbers of `W` columns from `at` on.
#[inline(always)]
pub(super) fn part<const W: usize>(row: &[f64], at: usize) -> &[f64; W] {
    row[at..].first_chunk().expect("the columns are within the row")
}

/// The same, to be written.
#[inline(always)]
pub(super) fn part_mut<const W: usize>(row: &mut [f64], at: usize) -> &mut [f64; W] {
    row[at..].first_chunk_mut().expect("the columns are within the row")
}

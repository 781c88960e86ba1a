//! Tables of all sums of four lines of a matrix, and rows that are sums of lines chosen from tables.
//!
//! [`write`] and [`add`] are plain code. They are the twins of the wide vectors in [`simd`](super::simd), the same sums in the same
//! order, and serve where there are none.

use super::element::Element;
use super::level::{HEIGHT, Job, registers};
use super::tile::{Lines, end, tops};

/// The lines of the matrix that a table is made of.
pub(crate) const GROUP: usize = 4;
/// The lines of a table: line $s$ is the sum of those of the four whose bits are set in $s$.
pub(crate) const LINES: usize = 1 << GROUP;

/// The numbers of a line of a table: two vectors of the level in use.
#[inline]
pub(crate) fn line<F>() -> usize {
    registers::<F>().width()
}

/// The code of line 1 of a table: 4, 8 or 16. A code is the distance of a line from the first in units of eight bytes, which a
/// processor multiplies by as it adds up an address.
pub(crate) fn unit<F>() -> u8 {
    (line::<F>() * size_of::<F>() / 8) as u8
}

/// The codes that are read at a time.
pub(crate) const WORD: usize = 8;

/// Tables to be written.
pub(crate) struct Tables<'a, F> {
    /// The columns of the matrix.
    pub(crate) width: usize,
    /// The lines of the matrix; those that are missing in the last table count as zero.
    pub(crate) depth: usize,
    pub(crate) lines: Lines<'a, F>,
    /// Tables, whose numbers beyond the columns are not defined.
    pub(crate) tables: &'a mut [F],
}

impl<F: Element> Job for Tables<'_, F> {
    type Number = F;

    /// The matrix and the tables lie in their slices, and the columns fit a line of a table.
    fn check(&self) {
        let Self { width, depth, lines: (lines, stride), .. } = *self;
        let line = line::<F>();
        assert!(width > 0 && width <= line, "tables: {width} columns do not fit a line of {line}");
        assert!(depth > 0, "tables: a matrix without lines has none");
        let (needed, found) = (end(depth, stride, width), lines.len());
        assert!(needed <= found, "tables: the lines need {needed} numbers, and there are {found}");
        let (needed, room) = (depth.div_ceil(GROUP), self.tables.len() / (LINES * line));
        assert!(needed <= room, "tables: there is room for {room} of {needed}");
    }

    fn plain(self) {
        write(self);
    }
}

#[cfg(target_arch = "x86_64")]
impl<F> Tables<'_, F> {
    /// The tables from number `first` on.
    pub(crate) fn after(self, first: usize) -> Option<Self> {
        let Self { width, depth, lines: (lines, stride), tables } = self;
        let at = first * GROUP;
        (at < depth).then(|| Tables {
            width,
            depth: depth - at,
            lines: (&lines[at * stride..], stride),
            tables: &mut tables[first * LINES * line::<F>()..],
        })
    }
}

/// Writes tables. It is fast if a line has two vectors of 128 bits.
pub(crate) fn write<F: Element>(t: Tables<'_, F>) {
    match (line::<F>(), size_of::<F>()) {
        (8, 4) => write_pieces::<F, 8>(t),
        _ => write_pieces::<F, 4>(t),
    }
}

/// Writes tables, W numbers of a line at a time.
fn write_pieces<F: Element, const W: usize>(t: Tables<'_, F>) {
    let Tables { width, depth, lines: (lines, stride), tables } = t;
    let line = line::<F>();
    for (first, table) in (0..depth).step_by(GROUP).zip(tables.chunks_exact_mut(LINES * line)) {
        for j in (0..width).step_by(W) {
            let mut four = [[F::default(); W]; GROUP];
            for (p, four) in (first..depth).zip(&mut four) {
                copy::<F, W>(four, &lines[p * stride + j..], W.min(width - j));
            }
            for (s, sums) in all_sums(four).iter().enumerate() {
                *table[s * line + j..].first_chunk_mut().expect("a line is as long") = *sums;
            }
        }
    }
}

/// All sums of four lines.
#[inline(always)]
fn all_sums<F: Element, const W: usize>([a, b, c, d]: [[F; W]; GROUP]) -> [[F; W]; LINES] {
    // Written out, so that the compiler holds them in registers.
    let [ab, ac, bc] = [plus(a, &b), plus(a, &c), plus(b, &c)];
    let abc = plus(ab, &c);
    let [ad, bd, abd] = [a, b, ab].map(|sum| plus(sum, &d));
    let [cd, acd, bcd, abcd] = [c, ac, bc, abc].map(|sum| plus(sum, &d));
    [[F::default(); W], a, b, ab, c, ac, bc, abc, d, ad, bd, abd, cd, acd, bcd, abcd]
}

/// The numbers that the sums of some rows begin with.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a, F> {
    Nothing,
    /// The present contents of the rows.
    Present,
    /// Other rows, and the distance between them.
    Lines(Lines<'a, F>),
}

/// The rows of a matrix in panels that the registers have room for. Their heights differ by one at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Panels {
    rows: usize,
    count: usize,
    /// The length of a line of codes.
    line: usize,
    /// The tables.
    tables: usize,
}

impl Panels {
    /// As few panels as can be of so many rows, for so many tables.
    pub(crate) fn new(rows: usize, most: usize, tables: usize) -> Self {
        let count = rows.div_ceil(most);
        Self { rows, count, line: rows.div_ceil(count).next_multiple_of(WORD), tables }
    }

    /// The number of all codes.
    pub(crate) fn codes(self) -> usize {
        self.count * self.tables * self.line
    }

    /// The length of a line of codes.
    pub(crate) fn line(self) -> usize {
        self.line
    }

    /// The rows of all panels.
    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// For every panel its first row, its height, and the place of its codes for a table.
    #[inline(always)]
    pub(crate) fn iter(self, table: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let Self { rows, count, line, tables } = self;
        let top = tops(rows, count);
        (0..count).map(move |i| (top(i), top(i + 1) - top(i), (i * tables + table) * line))
    }
}

/// The codes of rows: panel by panel a line for each table, with a code for each row in whole [words](WORD).
pub(crate) struct Codes<'a> {
    panels: Panels,
    codes: &'a [u8],
    unit: u8,
}

impl<'a> Codes<'a> {
    /// Codes in multiples of `unit`, which is that of the tables.
    ///
    /// # Panics
    /// If there are not as many as the panels need, or one is not the code of a line.
    pub(crate) fn new(panels: Panels, codes: &'a [u8], unit: u8) -> Self {
        assert!(unit.is_power_of_two() && unit <= 16, "codes: {unit} is no unit");
        let (needed, found) = (panels.codes(), codes.len());
        assert!(needed == found, "codes: {needed} are needed, and there are {found}");
        let (mut all, most) = (0, unit * (LINES as u8 - 1));
        codes.iter().for_each(|code| all |= code);
        assert!(all & !most == 0, "codes: one chooses no line of a table");
        Self { panels, codes, unit }
    }
}

/// Rows of C to which lines of tables are added.
pub(crate) struct Rows<'a, F> {
    /// The codes of all rows, and the tables that they now choose from: the first, and how many.
    pub(crate) codes: &'a Codes<'a>,
    pub(crate) first: usize,
    pub(crate) count: usize,
    /// The columns: up to two vectors.
    pub(crate) width: usize,
    /// These tables.
    pub(crate) tables: &'a [F],
    /// The rows of C and the distance between them.
    pub(crate) c: (&'a mut [F], usize),
    pub(crate) start: Start<'a, F>,
}

impl<F: Element> Job for Rows<'_, F> {
    type Number = F;

    /// The rows and the tables lie in their slices, the codes are those of lines, and the panels fit the registers.
    fn check(&self) {
        let Self { codes: &Codes { panels, unit: found, .. }, first, count, width, .. } = *self;
        let (line, height, unit) = (line::<F>(), registers::<F>().height, unit::<F>());
        assert!(found == unit, "rows: the codes have unit {found}, and lines have {unit}");
        let highest = panels.rows.div_ceil(panels.count);
        assert!(highest <= height, "rows: {highest} do not fit the registers, {height} do");
        assert!(width > 0 && width <= line, "rows: {width} columns do not fit a line of {line}");
        let codes = first < panels.tables && count <= panels.tables - first;
        assert!(codes, "rows: there are no codes for {count} tables from {first} on");
        let room = self.tables.len() / (LINES * line);
        assert!(room >= count, "rows: {count} tables are needed, and there are {room}");
        let Self { ref c, start, .. } = *self;
        let (needed, found) = (end(panels.rows, c.1, width), c.0.len());
        assert!(needed <= found, "rows: C needs {needed} numbers, and has {found}");
        if let Start::Lines((lines, step)) = start {
            let (needed, found) = (end(panels.rows, step, width), lines.len());
            assert!(needed <= found, "rows: {found} of {needed} numbers are there to begin with");
        }
    }

    fn plain(self) {
        add(self);
    }
}

impl<F> Rows<'_, F> {
    /// For every panel its first row, its height and its codes.
    #[inline(always)]
    pub(crate) fn panels(&self) -> impl Iterator<Item = (usize, usize, &[u8])> {
        let (len, panels) = (self.count * self.codes.panels.line, self.codes.panels);
        panels
            .iter(self.first)
            .map(move |(i, height, at)| (i, height, &self.codes.codes[at..][..len]))
    }

    /// The length of a line of codes.
    #[inline(always)]
    pub(crate) fn code_line(&self) -> usize {
        self.codes.panels.line
    }
}

/// Adds lines of tables to rows. It is fast if a line has two vectors of 128 bits and a panel [`HEIGHT`] rows at most.
pub(crate) fn add<F: Element>(mut rows: Rows<'_, F>) {
    let low = rows.panels().all(|(_, height, _)| height <= HEIGHT);
    match (line::<F>(), size_of::<F>()) {
        (8, 4) if low => add_in_registers::<F, 8>(&mut rows),
        (4, 8) if low => add_in_registers::<F, 4>(&mut rows),
        _ => add_one_by_one(rows),
    }
}

/// Adds lines number by number.
fn add_one_by_one<F: Element>(rows: Rows<'_, F>) {
    let (code_line, line, unit) = (rows.code_line(), line::<F>(), usize::from(unit::<F>()));
    let Rows { codes: &Codes { panels, codes, .. }, first, count, width, .. } = rows;
    let Rows { tables, c: (c, step), start, .. } = rows;
    for (top, height, at) in panels.iter(first) {
        for r in 0..height {
            for j in 0..width {
                let begin = match start {
                    Start::Nothing => F::default(),
                    Start::Present => c[(top + r) * step + j],
                    Start::Lines((lines, step)) => lines[(top + r) * step + j],
                };
                c[(top + r) * step + j] = (0..count).fold(begin, |sum, g| {
                    let s = usize::from(codes[at + g * code_line + r]) / unit;
                    sum + tables[(g * LINES + s) * line + j]
                });
            }
        }
    }
}

/// Adds lines of W numbers to whole panels, whose sums are in registers.
fn add_in_registers<F: Element, const W: usize>(rows: &mut Rows<'_, F>) {
    let Rows { codes: &Codes { panels, codes, .. }, first, count, width, .. } = *rows;
    let Rows { tables, c: (c, step), start, .. } = rows;
    let tables = tables.as_chunks::<W>().0.as_chunks::<LINES>().0;
    for (top, height, at) in panels.iter(first) {
        let mut sums = [[F::default(); W]; HEIGHT];
        for (r, sums) in (top..top + height).zip(&mut sums) {
            match *start {
                Start::Nothing => {}
                Start::Present => copy::<F, W>(sums, &c[r * *step..], width),
                Start::Lines((lines, step)) => copy::<F, W>(sums, &lines[r * step..], width),
            }
        }
        let codes = &codes[at..][..count * WORD];
        let sums = add_chosen(codes.as_chunks().0, tables, sums);
        for (r, sums) in (top..top + height).zip(&sums) {
            copy::<F, W>(&mut c[r * *step..], sums, width);
        }
    }
}

/// Adds the lines that the codes of each row choose, table by table. The sums stay in registers, for which the rows are
/// written out.
#[inline(always)]
fn add_chosen<F: Element, const W: usize>(
    codes: &[[u8; WORD]],
    tables: &[[[F; W]; LINES]],
    [mut a, mut b, mut c, mut d, mut e, mut f]: [[F; W]; HEIGHT],
) -> [[F; W]; HEIGHT] {
    for (codes, table) in codes.iter().zip(tables) {
        let (codes, unit) = (u64::from_le_bytes(*codes), W * size_of::<F>() / 8);
        let line = |row: usize| &table[(codes >> (8 * row)) as usize / unit % LINES];
        a = plus(a, line(0));
        b = plus(b, line(1));
        c = plus(c, line(2));
        d = plus(d, line(3));
        e = plus(e, line(4));
        f = plus(f, line(5));
    }
    [a, b, c, d, e, f]
}

/// Copies the first `count` numbers, of W as a rule: a copy of known length needs no call.
#[inline(always)]
fn copy<F: Element, const W: usize>(to: &mut [F], from: &[F], count: usize) {
    match (to.first_chunk_mut::<W>(), from.first_chunk()) {
        (Some(to), Some(from)) if count == W => *to = *from,
        _ => to[..count].copy_from_slice(&from[..count]),
    }
}

/// The sums of numbers, place by place.
#[inline(always)]
fn plus<F: Element, const W: usize>(mut x: [F; W], y: &[F; W]) -> [F; W] {
    for j in 0..W {
        x[j] = x[j] + y[j];
    }
    x
}

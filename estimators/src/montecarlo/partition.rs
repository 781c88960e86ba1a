//! The division of draws into streams and blocks.

/// The numbers of a block: three arrays of this length are in use at once, in a first-level cache of 32 to 48 KB.
const BLOCK: usize = 1600;
/// The largest number of numbers in a group, unless one draw has more.
const GROUP: usize = BLOCK / 4;
/// The numbers of the widest vector register.
pub(super) const VECTOR: usize = 8;
/// The approximate count of numbers of a stream, unless there are [`MAX_STREAMS`] streams.
const STREAM: usize = 1 << 16;
/// The largest number of streams; each needs memory for its sums and time to add them.
pub(super) const MAX_STREAMS: usize = 64;

/// The division of `draws` draws into blocks, and of the blocks into streams.
#[derive(Clone, Copy, Debug)]
pub(super) struct Partition {
    draws: usize,
    /// The draws of a group, which the loops treat as one long row.
    pub(super) group: usize,
    /// The draws of a block; the last may have fewer.
    pub(super) rows: usize,
    blocks: usize,
    pub(super) streams: usize,
}

impl Partition {
    #[track_caller]
    pub(super) fn new(draws: usize, latents: usize) -> Self {
        assert!(draws >= 2, "a variance needs at least two draws, not {draws}");
        assert!(latents > 0, "a distribution needs at least one latent");
        // A group is long enough for a loop over it to pay, and ends with a whole vector.
        let (mut group, good) = (1, |numbers| numbers >= 8 * VECTOR && numbers % VECTOR == 0);
        while !good(group * latents) && 2 * group * latents <= GROUP {
            group *= 2;
        }
        let (rows, unit) = (BLOCK / latents, group.max(16));
        let rows = if rows < unit { rows.max(1) } else { rows - rows % unit }.min(draws);
        let blocks = draws.div_ceil(rows);
        let streams = (draws * latents).div_ceil(STREAM).min(MAX_STREAMS).min(blocks);
        Self { draws, group, rows, blocks, streams }
    }

    /// The number of draws of each block of a stream; all streams have equally many blocks up to one.
    pub(super) fn blocks_of(self, stream: usize) -> impl Iterator<Item = usize> {
        let first = |stream| stream * self.blocks / self.streams;
        (first(stream)..first(stream + 1))
            .map(move |block| self.rows.min(self.draws - block * self.rows))
    }
}

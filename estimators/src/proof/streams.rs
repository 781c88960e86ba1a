//! Streams of draws: the state that a candidate carries from draw to draw, and the moments of many draws.

use super::gradient::Candidate;
use super::means::draw;
use crate::enumerator::Enumerator;
use crate::moments::{BLOCK, Moments};
use crate::parallel::map;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Instant;

/// A candidate whose draws change at so many places learns from each draw, and the search ends. A change adds up to two
/// places.
const LEARNS: usize = 64;

/// After every so many draws a stream is compared with a new copy of the candidate.
const FRESH: usize = 32;

/// The streams of a proof that are longer than a block have random numbers of their own from this index on.
const LONG_STREAMS: u64 = 1 << 40;

/// The numbers of draws after which a candidate's draws change.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// The number of draws that were looked at.
    pub(super) depth: usize,
    /// The first numbers of earlier draws at which draws change, about [`LEARNS`] of them at most, in ascending order.
    pub(super) changes: Vec<usize>,
    /// True if two copies of the candidate draw different gradients from equal random numbers.
    pub(super) has_own_randomness: bool,
    /// The largest number of choices of a draw.
    pub(super) choices: usize,
    /// The number of earlier draws after which all draws are made; `None` for draws that follow each other.
    pub(super) at: Option<usize>,
}

impl Memory {
    /// Compares two streams, one of which is a draw ahead of the other, from equal random numbers: as long as nothing
    /// is learnt, their draws are equal to the bit.
    pub(super) fn of(
        candidate: &dyn Candidate,
        len: usize,
        depth: usize,
        seed: u64,
        end: Option<Instant>,
    ) -> Self {
        let mut memory = Self::default();
        let mut outs = [vec![0.0; len + 1], vec![0.0; len + 1]];
        let [mut ahead, mut behind] = [candidate.clone_box(), candidate.clone_box()];
        // A stream of its own for each draw: the numbers of a draw do not depend on how many the last one took.
        let source = |index: usize| {
            let mut source = Enumerator::tilted(seed, index as u64, 0);
            source.begin();
            source
        };
        let differ = |outs: &[Vec<f64>; 2]| {
            outs[0].iter().zip(&outs[1]).any(|(a, b)| a.to_bits() != b.to_bits())
        };
        let mut fresh = candidate.clone_box();
        for index in 0..3 {
            if is_over(end) {
                return memory;
            }
            let mut numbers = source(index);
            draw(&mut *fresh, &mut numbers, &mut outs[0]);
            memory.choices = memory.choices.max(numbers.choices());
            draw(&mut *behind, &mut source(index), &mut outs[1]);
            memory.has_own_randomness |= differ(&outs);
        }
        behind = candidate.clone_box();
        let mut first = source(depth);
        draw(&mut *ahead, &mut first, &mut outs[0]);
        memory.choices = memory.choices.max(first.choices());
        for t in 0..depth {
            if is_over(end) {
                break;
            }
            let mut numbers = source(t);
            draw(&mut *ahead, &mut numbers, &mut outs[0]);
            draw(&mut *behind, &mut source(t), &mut outs[1]);
            memory.choices = memory.choices.max(numbers.choices());
            memory.depth = t + 1;
            // A state that an outcome sets is the same in both streams, but not that of a new copy.
            let mut changed = differ(&outs);
            if !changed && t % FRESH == FRESH - 1 {
                draw(&mut *candidate.clone_box(), &mut source(t), &mut outs[0]);
                changed = differ(&outs);
            }
            if changed {
                // The change is in the draw after t draws or in the one after t + 1.
                let new = [t, t + 1].into_iter().filter(|t| memory.changes.last() < Some(t));
                let new: Vec<usize> = new.collect();
                memory.changes.extend(new);
                if memory.changes.len() >= LEARNS {
                    break;
                }
            }
        }
        memory
    }

    /// True if draws depend on earlier ones.
    pub(super) fn learns(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The numbers of earlier draws after which a draw differs from others, if these are single ones.
    ///
    /// A draw that differs makes a change before it and one behind it, so that it is found between two others: of places
    /// in a row, all but the first and the last. Draws that differ from some place on make one change, and the later of its
    /// two places is such a draw.
    pub(super) fn single_changes(&self) -> Vec<usize> {
        if self.changes.len() >= LEARNS {
            return Vec::new();
        }
        let rows = self.changes.chunk_by(|a, b| a + 1 == *b);
        let differ = rows.flat_map(|row| match row {
            [_, between @ .., _] if !between.is_empty() => between,
            _ => &row[row.len() - 1..],
        });
        differ.copied().collect()
    }
}

/// True if the deadline, if there is one, has passed.
pub(super) fn is_over(end: Option<Instant>) -> bool {
    end.is_some_and(|end| Instant::now() >= end)
}

/// The moments of draws from streams.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    /// The moments of draws, weighted such that they are those under the candidate's own laws.
    pub(super) law: Moments,
    /// The moments of the weighted differences from a centre, which are added to the centre.
    pub(super) test: Moments,
    /// The moments of the means of whole streams.
    pub(super) streams: Moments,
}

impl Sums {
    pub(super) fn new(len: usize) -> Self {
        let [law, test, streams] = [(); 3].map(|()| Moments::new(len + 1));
        Self { law, test, streams }
    }

    /// The number of draws, those that are not finite included.
    pub(super) fn draws(&self) -> f64 {
        self.test.draws + self.test.non_finite
    }

    /// Adds the draws of a stream; those of one that was cut off do not stand for a whole stream.
    fn join(&mut self, other: &Self, whole: bool) {
        self.law.join(&other.law);
        self.test.join(&other.test);
        if whole && other.test.draws > 0.0 {
            self.streams.add(&other.test.mean);
        }
    }
}

/// Streams of draws that all begin with a copy of one candidate and have random numbers of their own.
pub(super) struct Streams<'a> {
    candidate: Mutex<Box<dyn Candidate>>,
    /// The values from which differences are weighted: the nearer to the means, the smaller the variance. They come
    /// from the truth or from earlier draws.
    centre: Vec<f64>,
    /// The number of choices that may come from wider laws. Draws from such laws are no histories that a candidate
    /// could have learnt from, so that none does where draws depend on earlier ones.
    choices: usize,
    seed: u64,
    end: Option<Instant>,
    pub(super) memory: &'a Memory,
}

impl<'a> Streams<'a> {
    pub(super) fn new(
        candidate: &dyn Candidate,
        centre: Vec<f64>,
        memory: &'a Memory,
        seed: u64,
        end: Option<Instant>,
    ) -> Self {
        let natural = memory.learns() || memory.has_own_randomness || memory.at.is_some();
        let choices = if natural { 0 } else { memory.choices };
        let candidate = Mutex::new(candidate.clone_box());
        Self { candidate, centre, choices, seed, end, memory }
    }

    /// Sets the centre to means of earlier draws.
    pub(super) fn centre_on(&mut self, sums: &Sums) {
        self.centre.copy_from_slice(&sums.law.mean);
    }

    /// Adds a range of draws to `sums`, cut into streams of a block each.
    pub(super) fn add_short(&self, draws: Range<usize>, sums: &mut Sums) {
        let streams = draws.start / BLOCK..draws.end.div_ceil(BLOCK);
        let length = |index: usize| draws.end.min((index + 1) * BLOCK) - index * BLOCK;
        self.add(streams, 0, length, 0, sums);
    }

    /// Adds draws to `sums` that come later in their streams than those of a block, until there are `draws` of them;
    /// `depth` is more than a block.
    pub(super) fn add_long(&self, depth: usize, draws: usize, sums: &mut Sums) {
        let each = depth - BLOCK;
        let have = sums.draws() as usize / each;
        self.add(have..draws.div_ceil(each), LONG_STREAMS, |_| BLOCK + each, BLOCK, sums);
    }

    fn add(
        &self,
        streams: Range<usize>,
        first: u64,
        length: impl Fn(usize) -> usize + Sync + Send,
        skip: usize,
        sums: &mut Sums,
    ) {
        let len = self.centre.len() - 1;
        let stream = |(): &mut (), index: usize| {
            let (mut found, mut out) = (Sums::new(len), vec![0.0; len + 1]);
            if is_over(self.end) {
                return (found, false);
            }
            let candidate =
                self.candidate.lock().expect("no thread panics while it holds the lock");
            let mut candidate = candidate.clone_box();
            let mut source = match self.choices {
                0 => Enumerator::seeded(self.seed, first + index as u64),
                choices => Enumerator::tilted(self.seed, first + index as u64, choices),
            };
            let at = self.memory.at;
            for t in 0..at.unwrap_or(0) + length(index) {
                if is_over(self.end) {
                    return (found, false);
                }
                source.begin();
                match at {
                    // Every draw begins with the state after the same history.
                    Some(depth) if t >= depth => {
                        draw(&mut *candidate.clone_box(), &mut source, &mut out);
                    }
                    _ => draw(&mut *candidate, &mut source, &mut out),
                }
                if t < at.unwrap_or(skip) {
                    continue;
                }
                let weight = source.weight();
                found.law.add_weighted(&out, weight);
                for (out, centre) in out.iter_mut().zip(&self.centre) {
                    *out = centre + weight * (*out - centre);
                }
                found.test.add(&out);
            }
            (found, true)
        };
        for (found, whole) in map(streams, || (), stream) {
            sums.join(&found, whole);
        }
    }

    /// True if draws of one stream depend on each other.
    pub(super) fn are_dependent(&self) -> bool {
        self.memory.learns() || self.memory.at.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{LEARNS, Memory, Sums};

    #[test]
    fn single_changes_are_the_draws_between_others_or_the_first_of_a_new_kind() {
        let of = |changes: &[usize]| {
            let changes = changes.to_vec();
            Memory { changes, ..Memory::default() }.single_changes()
        };
        assert_eq!(of(&[99, 100, 101, 199, 200, 201]), [100, 200]);
        assert_eq!(of(&[29, 30]), [30]);
        assert_eq!(of(&[7, 19, 20, 21, 22]), [7, 20, 21]);
        assert!(of(&[]).is_empty() && of(&[1; LEARNS]).is_empty());
    }

    #[test]
    fn whole_streams_with_draws_have_a_mean() {
        let mut drawn = Sums::new(1);
        drawn.test.add(&[3.0, 4.0]);
        let mut sums = Sums::new(1);
        for (stream, whole, count) in
            [(&drawn, true, 1.0), (&drawn, false, 1.0), (&Sums::new(1), true, 1.0)]
        {
            sums.join(stream, whole);
            assert_eq!(sums.streams.draws, count);
        }
        assert_eq!((sums.streams.mean[0], sums.test.draws), (3.0, 2.0));
    }
}

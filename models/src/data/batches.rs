//! The rows of each training step.

use std::ops::Range;

use super::DataError;
use crate::seed::{self, Stream};

/// Batches of rows in a new random order for each epoch, with direct access to the rows of any step.
///
/// The order of an epoch is a pure function of the seed and the epoch, so a run that is resumed at a step sees the same
/// rows as a run without interruption. The last `n % batch` rows in the order of an epoch are left out of that epoch.
///
/// ```
/// # use pathscore_models::data::{Batches, DataError};
/// let mut batches = Batches::new(10, 4, 7)?;
/// assert_eq!(batches.per_epoch(), 2);
/// let third = batches.at(2).to_vec();
/// assert_eq!(Batches::new(10, 4, 7)?.at(2), third);
/// assert!(Batches::new(10, 11, 7).is_err());
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    batch: usize,
    seed: u64,
    epoch: Option<u64>,
    order: Vec<usize>,
}

impl Batches {
    /// Batches of `batch` rows out of `n`.
    ///
    /// # Errors
    /// If `batch` is 0 or more than `n`.
    pub fn new(n: usize, batch: usize, seed: u64) -> Result<Batches, DataError> {
        if batch == 0 || batch > n {
            return Err(DataError::Batch { batch, n });
        }
        Ok(Batches { batch, seed, epoch: None, order: (0..n).collect() })
    }

    /// The number of rows in the table.
    pub fn n(&self) -> usize {
        self.order.len()
    }

    /// The number of rows in a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The number of steps in an epoch, ⌊n / batch⌋.
    pub fn per_epoch(&self) -> u64 {
        (self.order.len() / self.batch) as u64
    }

    /// The epoch of a step, counted from 0, and the range of the step in that epoch's order.
    pub fn place(&self, step: u64) -> (u64, Range<usize>) {
        let start = (step % self.per_epoch()) as usize * self.batch;
        (step / self.per_epoch(), start..start + self.batch)
    }

    /// The rows of a step. The call allocates nothing, and shuffles only when the epoch changes.
    pub fn at(&mut self, step: u64) -> &[usize] {
        let (epoch, place) = self.place(step);
        if self.epoch != Some(epoch) {
            // Every shuffle starts from the identity, or the order would depend on the epochs before.
            self.order.iter_mut().enumerate().for_each(|(i, row)| *row = i);
            seed::shuffle(&mut seed::rng(self.seed, Stream::Batches, epoch), &mut self.order);
            self.epoch = Some(epoch);
        }
        &self.order[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_sees_no_row_twice_and_the_next_has_another_order() {
        let mut batches = Batches::new(103, 10, 3).unwrap();
        let mut epoch = |e: u64| -> Vec<usize> {
            (0..10).flat_map(|i| batches.at(10 * e + i).to_vec()).collect()
        };
        let (first, second) = (epoch(0), epoch(1));
        assert_ne!(first, second);
        for mut rows in [first, second] {
            rows.sort_unstable();
            rows.dedup();
            assert_eq!(rows.len(), 100);
        }
    }

    #[test]
    fn any_step_is_the_same_in_any_order_of_asking() {
        let mut forward = Batches::new(50, 7, 9).unwrap();
        let rows: Vec<Vec<usize>> = (0..40).map(|step| forward.at(step).to_vec()).collect();
        let mut backward = Batches::new(50, 7, 9).unwrap();
        for step in (0..40).rev() {
            assert_eq!(backward.at(step), rows[step as usize]);
        }
        assert_ne!(Batches::new(50, 7, 10).unwrap().at(0), rows[0]);
    }

    #[test]
    fn a_batch_of_none_or_of_more_than_all_is_an_error() {
        assert!(Batches::new(5, 0, 0).is_err());
        assert!(Batches::new(0, 0, 0).is_err());
        assert_eq!(
            Batches::new(5, 6, 0).unwrap_err().to_string(),
            "a batch of 6 rows cannot be drawn from 5 rows"
        );
        assert_eq!(Batches::new(5, 5, 0).unwrap().at(u64::MAX).len(), 5);
    }

    #[test]
    fn a_step_has_its_epoch_and_its_place() {
        let batches = Batches::new(10, 3, 0).unwrap();
        assert_eq!((batches.n(), batches.batch(), batches.per_epoch()), (10, 3, 3));
        for (step, place) in [(0, (0, 0..3)), (2, (0, 6..9)), (3, (1, 0..3)), (10, (3, 3..6))] {
            assert_eq!(batches.place(step), place, "step {step}");
        }
    }
}

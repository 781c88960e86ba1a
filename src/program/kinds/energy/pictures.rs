//! The pictures of an energy model.

use super::model::EnergyKindModel;
use super::view::{View, to_f32};
use crate::program::chart::histogram;
use crate::program::gallery::{EXPECTED, Gallery, wide};
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::seed::{self, Stream};

/// The pictures of an energy model without hidden units.
pub(crate) const PICTURES: &[&str] =
    &["samples.png", "chains.png", "filters.png", "reconstructions.png"];
/// The pictures of one with hidden units.
pub(crate) const PICTURES_WITH_HIDDEN: &[&str] =
    &["samples.png", "chains.png", "filters.png", "reconstructions.png", "hidden.png"];

/// Pictures of `samples.png`, and the most of `filters.png`.
const SAMPLES: usize = 64;
const FILTERS: usize = 100;
/// The chains of `chains.png` that are shown, and the moments of each.
const CHAINS: usize = 8;
const MOMENTS: usize = 12;
/// The rows from which the activity of the hidden units is measured.
const ACTIVE_ROWS: usize = 500;

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// All pictures, from chains of so many sweeps.
    pub(super) fn pictures(
        &self,
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let mut pictures = match self.split.test.image() {
            Some(_) => self.pictures_of_pictures(sweeps, seed)?,
            None => self.pictures_of_table(sweeps, seed)?,
        };
        if let Some(hidden) = self.hidden_activity()? {
            pictures.push(("hidden.png", hidden));
        }
        Ok(pictures)
    }

    /// The weights of at most so many units.
    pub(super) fn filters(&self, gallery: &Gallery, most: usize) -> anyhow::Result<Vec<u8>> {
        let filters = self.model.filters(self.params, most);
        let shown = filters.len() / self.columns();
        let [name, words] = self.model.filters_are(shown);
        gallery.weights(&filters, wide(shown).0, [&name, &words])
    }

    /// All pictures but that of hidden activity, if the rows are pictures.
    fn pictures_of_pictures(
        &self,
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let gallery = Gallery::new(&self.split.test);
        let [samples, chains] = self.chains(&gallery, sweeps, seed)?;
        let mut pictures = vec![("samples.png", samples), ("chains.png", chains)];
        pictures.push(("filters.png", self.filters(&gallery, FILTERS)?));
        pictures.push(("reconstructions.png", self.reconstructions(&gallery)?));
        Ok(pictures)
    }

    /// Test rows and their reconstructions.
    pub(super) fn reconstructions(&self, gallery: &Gallery) -> anyhow::Result<Vec<u8>> {
        let rows = &gallery.data().values()[..gallery.reconstructed() * self.columns()];
        let x: Vec<F> = rows.iter().map(|&x| F::from(x)).collect();
        gallery.reconstructions(&to_f32(&self.reconstruct(&x)))
    }

    /// The expected rows of chains after the last sweep, and of some chains at moments that double, from left to right: after
    /// 0, 1, 2, 4, … sweeps.
    fn chains(&self, gallery: &Gallery, sweeps: usize, seed: u64) -> anyhow::Result<[Vec<u8>; 2]> {
        let rng = &mut seed::lanes(seed, Stream::Sample, 0);
        let mut states = self.starts(SAMPLES, rng);
        let width = states.len() / SAMPLES;
        let doublings = (0..MOMENTS as u32 - 2).map(|i| 1 << i).filter(|&at| at < sweeps);
        let moments: Vec<usize> = [0].into_iter().chain(doublings).chain([sweeps]).collect();
        let mut shown = vec![Vec::new(); CHAINS];
        let mut done = 0;
        for &moment in &moments {
            self.run(&mut states, SAMPLES, &[], moment - done, rng);
            done = moment;
            let expected = match moment {
                // The first pictures show where the chains begin.
                0 => {
                    states.chunks_exact(width).flat_map(|x| &x[..self.columns()]).copied().collect()
                }
                _ => self.expected(&states, SAMPLES),
            };
            let rows = expected.chunks_exact(self.columns());
            shown.iter_mut().zip(rows).for_each(|(chain, row)| chain.extend(to_f32(row)));
        }
        let samples = gallery.samples(&to_f32(&self.expected(&states, SAMPLES)), EXPECTED)?;
        let words = format!(
            "each row: a chain at its start, then means given its state after {} sweeps",
            moments[1..].iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
        );
        Ok([samples, gallery.grid(&shown.concat(), moments.len(), &words)?])
    }

    /// A histogram of the mean probabilities of the hidden units over the first test rows, if there are hidden units.
    fn hidden_activity(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let test = &self.split.test;
        let rows = ACTIVE_ROWS.min(test.len());
        let x: Vec<F> =
            test.values()[..rows * self.columns()].iter().map(|&x| F::from(x)).collect();
        let (tape, states) = (Tape::new(), self.states(&x));
        let states = tape.constant(&states, [rows, states.len() / rows]);
        let Some(means) = self.model.hidden_means(self.params.on(&tape), states) else {
            return Ok(None);
        };
        let means = means.mean_axis(0).value();
        let means: Vec<f64> = means.values().iter().map(|x| x.to_f64()).collect();
        let title = format!("activity of {} hidden units over {rows} test rows", means.len());
        let axes = ["mean probability of being on", "hidden units"];
        Ok(Some(histogram(&means, (0.0, 1.0), axes, &title)?))
    }
}

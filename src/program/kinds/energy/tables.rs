//! The pictures of an energy model whose rows are no pictures: panels for the columns of a table.

use super::model::EnergyKindModel;
use super::view::{View, to_f32};
use crate::program::chart::{
    LinePanel, MOST_COLUMNS, Series, column_panels, line_panels, marginals,
};
use crate::program::gallery::{Gallery, column_names};
use pathscore::autodiff::Scalar;
use pathscore::models::seed::{self, Stream};

/// The most units that are drawn.
const UNITS: usize = 24;
/// The rows of the data and of chains that are drawn.
const ROWS: usize = 500;
/// The chains of `chains.png`, and the number of moments at which they are drawn.
const TRACES: usize = 4;
const MOMENTS: usize = 100;

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// All pictures but that of hidden activity, from chains of so many sweeps.
    pub(super) fn pictures_of_table(
        &self,
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let [samples, traces] = self.panels_of_chains(sweeps, seed);
        let gallery = Gallery::new(&self.split.test);
        let sweeps = sweeps.max(MOMENTS);
        let title = format!("{}, and {ROWS} chains after {sweeps} sweeps", gallery.first(ROWS));
        Ok(vec![
            ("samples.png", line_panels(&samples, &title)?),
            (
                "chains.png",
                line_panels(&traces, &format!("chains over their last {MOMENTS} sweeps"))?,
            ),
            ("filters.png", self.filters(&gallery, UNITS)?),
            ("reconstructions.png", self.reconstructions(&gallery)?),
        ])
    }

    /// Marginal densities of the data and of chains after so many sweeps, and the first chains over their last sweeps.
    fn panels_of_chains(&self, sweeps: usize, seed: u64) -> [Vec<LinePanel>; 2] {
        let (rng, columns) = (&mut seed::lanes(seed, Stream::Sample, 0), self.columns());
        let mut states = self.starts(ROWS, rng);
        let width = states.len() / ROWS;
        let before = sweeps.saturating_sub(MOMENTS);
        self.run(&mut states, ROWS, &[], before, rng);
        let mut traces = vec![vec![Vec::new(); TRACES]; columns.min(MOST_COLUMNS)];
        for moment in 0..MOMENTS {
            self.run(&mut states, ROWS, &[], 1, rng);
            for (column, traces) in traces.iter_mut().enumerate() {
                for (trace, state) in traces.iter_mut().zip(states.chunks_exact(width)) {
                    trace.push(((before + moment + 1) as f64, state[column].to_f64()));
                }
            }
        }
        let data = self.split.test.values();
        let samples: Vec<f32> =
            states.chunks_exact(width).flat_map(|state| to_f32(&state[..columns])).collect();
        let traced = |column: usize| {
            let each = traces[column].iter().enumerate();
            each.map(|(i, points)| Series {
                name: format!("chain {}", i + 1),
                points: points.clone(),
            })
            .collect()
        };
        let names = column_names(&self.split.test);
        [
            marginals(&names, [("test rows", data), ("chains", &samples)]),
            column_panels(&names, ["sweep", "value"], false, traced),
        ]
    }
}

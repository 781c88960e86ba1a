//! The pictures of an energy model whose rows are no pictures: panels for the columns of a table.

use super::model::EnergyKindModel;
use super::view::{View, to_f32};
use crate::program::chart::{LinePanel, Series, heat_map, line_panels};
use pathscore::autodiff::Scalar;
use pathscore::models::seed::{self, Stream};

/// The most columns that are drawn, and the most units.
const COLUMNS: usize = 12;
const UNITS: usize = 24;
/// Rows of the data and of chains whose marginal densities are drawn, and the bins of a density.
const ROWS: usize = 500;
const BINS: usize = 24;
/// The chains of `chains.png`, and the number of moments at which they are drawn.
const TRACES: usize = 4;
const MOMENTS: usize = 100;

impl<F: Scalar, M: EnergyKindModel<F>> View<'_, F, M> {
    /// The names of the columns, or their numbers.
    fn names(&self) -> Vec<String> {
        let names = self.split.test.column_names().map(<[String]>::to_vec);
        names.unwrap_or_else(|| (1..=self.columns()).map(|i| format!("column {i}")).collect())
    }

    /// All pictures but that of hidden activity, from chains of so many sweeps.
    pub(super) fn pictures_of_table(
        &self,
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let [samples, traces] = self.panels_of_chains(sweeps, seed);
        let filters = self.model.filters(self.params, UNITS);
        let units: Vec<String> =
            (1..=filters.len() / self.columns()).map(|i| format!("unit {i}")).collect();
        Ok(vec![
            (
                "samples.png",
                line_panels(&samples, "marginal densities of the test rows and of chains")?,
            ),
            ("chains.png", line_panels(&traces, "chains over time, after each sweep")?),
            ("filters.png", heat_map(&filters, [&units, &self.names()], "weights of the units")?),
            (
                "reconstructions.png",
                line_panels(
                    &self.panels_of_reconstructions(),
                    "test rows and their reconstructions",
                )?,
            ),
        ])
    }

    /// A panel for each of the first columns.
    fn panels(
        &self,
        labels: [&'static str; 2],
        marks: bool,
        series: impl Fn(usize) -> Vec<Series>,
    ) -> Vec<LinePanel> {
        let names = self.names().into_iter().take(COLUMNS).enumerate();
        let panel = |(column, title)| LinePanel { title, labels, series: series(column), marks };
        names.map(panel).collect()
    }

    /// Marginal densities of the data and of chains after so many sweeps, and the first chains over their last sweeps.
    fn panels_of_chains(&self, sweeps: usize, seed: u64) -> [Vec<LinePanel>; 2] {
        let (rng, columns) = (&mut seed::lanes(seed, Stream::Sample, 0), self.columns());
        let mut states = self.starts(ROWS, rng);
        let width = states.len() / ROWS;
        self.run(&mut states, ROWS, &[], sweeps.saturating_sub(MOMENTS), rng);
        let mut traces = vec![vec![Vec::new(); TRACES]; columns.min(COLUMNS)];
        for moment in 0..MOMENTS {
            self.run(&mut states, ROWS, &[], 1, rng);
            for (column, traces) in traces.iter_mut().enumerate() {
                for (trace, state) in traces.iter_mut().zip(states.chunks_exact(width)) {
                    trace.push((moment as f64, state[column].to_f64()));
                }
            }
        }
        let data = self.split.test.values();
        let samples: Vec<f32> =
            states.chunks_exact(width).flat_map(|state| to_f32(&state[..columns])).collect();
        let of_column = |rows: &[f32], column: usize| -> Vec<f64> {
            rows.iter().skip(column).step_by(columns).take(ROWS).map(|&x| f64::from(x)).collect()
        };
        let densities = |column: usize| {
            let numbers = [of_column(data, column), of_column(&samples, column)];
            let all = numbers.iter().flatten();
            let low = all.clone().copied().fold(f64::INFINITY, f64::min);
            let high = all.copied().fold(f64::NEG_INFINITY, f64::max);
            let named = ["test rows", "chains"].into_iter().zip(&numbers);
            named
                .map(|(name, numbers)| Series {
                    name: name.into(),
                    points: density(numbers, (low, high)),
                })
                .collect()
        };
        let traced = |column: usize| {
            let each = traces[column].iter().enumerate();
            each.map(|(i, points)| Series {
                name: format!("chain {}", i + 1),
                points: points.clone(),
            })
            .collect()
        };
        [
            self.panels(["value", "density"], false, densities),
            self.panels(["sweep", "value"], false, traced),
        ]
    }

    /// Values and their reconstructions: good ones lie on the diagonal.
    fn panels_of_reconstructions(&self) -> Vec<LinePanel> {
        let columns = self.columns();
        let rows = ROWS.min(self.split.test.len());
        let data = &self.split.test.values()[..rows * columns];
        let x: Vec<F> = data.iter().map(|&x| F::from(x)).collect();
        let back = to_f32(&self.reconstruct(&x));
        self.panels(["value", "reconstruction"], true, |column| {
            let pairs = data.iter().zip(&back).skip(column).step_by(columns);
            let points = pairs.map(|(&x, &y)| (f64::from(x), f64::from(y))).collect();
            vec![Series { name: "test rows".into(), points }]
        })
    }
}

/// The outline of a histogram of numbers over a range, scaled to a density.
fn density(numbers: &[f64], (low, high): (f64, f64)) -> Vec<(f64, f64)> {
    let width = ((high - low) / BINS as f64).max(f64::MIN_POSITIVE);
    let mut counts = [0.0; BINS];
    for x in numbers {
        counts[(((x - low) / width) as usize).min(BINS - 1)] += 1.0;
    }
    let height = |count: f64| count / (numbers.len() as f64 * width);
    let step = |(bin, count): (usize, &f64)| {
        let ends = [bin, bin + 1].map(|edge| low + edge as f64 * width);
        ends.map(|x| (x, height(*count)))
    };
    counts.iter().enumerate().flat_map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_of_a_histogram_has_an_area_of_one() {
        let numbers: Vec<f64> = (0..100).map(|i| f64::from(i * i) / 100.0).collect();
        let outline = density(&numbers, (0.0, 99.0));
        let area: f64 =
            outline.chunks_exact(2).map(|step| (step[1].0 - step[0].0) * step[0].1).sum();
        // A hundred numbers are counted and divided.
        assert!((area - 1.0).abs() < 1e-12, "{area}");
        assert!(density(&[2.0; 5], (2.0, 2.0)).iter().all(|point| !point.1.is_nan()));
    }
}

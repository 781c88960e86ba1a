//! Pictures of a model with latents: samples, reconstructions, and the effect of each latent.

use super::codes::{decode, latents};
use super::posterior::{Plane, posterior};
use crate::program::chart::{self, MOST_COLUMNS, Series, column_panels, line_panels};
use crate::program::gallery::{Gallery, MEANS, column_names, of_columns};
use crate::program::picture::Sheet;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::{Scalar, Tape, Var};
use pathscore::models::data::Table;
use pathscore::models::dist::Distribution;
use pathscore::models::latent::{Decoder, Generative};
use pathscore::models::{Bound, Params, seed};

/// The number of test rows by which the activity of latents is measured.
const ACTIVITY_ROWS: usize = 500;
/// The most test rows in `latent-map.png`.
const MAP_ROWS: usize = 2000;
/// Pictures across and down the map of a latent plane.
const MAP: usize = 20;
/// The largest value of a latent in the map and the traversals, in standard deviations of the prior.
const REACH: f64 = 2.5;
/// Latents whose effect is drawn, and pictures along each.
const TRAVERSED: usize = 10;
const ALONG: usize = 11;
/// Latents whose effect on the columns of a table is drawn.
const LINES: usize = 5;

/// Loadings side by side in `loadings.png`.
const ACROSS: usize = 6;

/// The direction of a single latent.
pub(crate) fn unit(latent: usize, latents: usize) -> Vec<f64> {
    (0..latents).map(|l| if l == latent { 1.0 } else { 0.0 }).collect()
}

/// Refuses a number of latents that a linear model of so many columns does not have.
///
/// # Errors
/// If there are no latents, or not fewer than columns.
pub(crate) fn latent_dim_fits(latents: usize, columns: usize) -> anyhow::Result<()> {
    match (1..columns).contains(&latents) {
        true => Ok(()),
        false if columns < 2 => Err(usage_error(
            "the data have a single column, and this model explains columns by fewer latents: it needs at least two",
        )),
        false => Err(usage_error(format!(
            "--latent-dim is {latents}; it must be at least 1 and less than the {columns} columns of the data"
        ))),
    }
}

/// Draws pictures of one model.
pub(crate) struct Views<'a, F, M> {
    model: &'a M,
    params: &'a Params<F>,
    gallery: Gallery<'a>,
    /// The rows that are encoded.
    rows: &'a Table,
}

impl<'a, F: Scalar, M: Decoder<F> + Generative<F>> Views<'a, F, M> {
    /// Views of a model whose data look like `data`.
    pub(crate) fn new(model: &'a M, params: &'a Params<F>, data: &'a Table) -> Self {
        Self { model, params, gallery: Gallery::new(data), rows: data }
    }

    /// The same views with other rows to encode, those of the data without gaps.
    pub(crate) fn with_rows(self, rows: &'a Table) -> Self {
        Self { rows, ..self }
    }

    /// The decoder's means of some latents, flat.
    fn decode(&self, z: &[F]) -> Vec<f32> {
        decode(self.model, self.params, z).into_iter().map(|x| x as f32).collect()
    }

    /// The latents of some rows of the data, flat.
    fn encode(&self, rows: usize) -> Vec<F> {
        latents(self.model, self.params, &self.rows.take(0..rows), None)
    }

    /// Draws from the model: rows of a table as they are, with the noise of the data, and pictures, in which this noise would hide
    /// everything, as the means of the decoder.
    pub(crate) fn samples(&self, count: usize, seed: u64) -> Vec<f32> {
        let tape = Tape::new();
        let (params, rng) = (self.params.on(&tape), &mut seed::rng(seed, seed::Stream::Sample, 0));
        let z = self.model.prior(params).sample(count, rng);
        if self.gallery.data().image().is_some() {
            return self.decode(z.value().values());
        }
        let x = self.model.sample_data(params, z, rng);
        x.with(|x| x.iter().map(|x| x.to_f64() as f32).collect())
    }

    /// Draws from the model as a picture.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn drawn(&self, seed: u64) -> anyhow::Result<Vec<u8>> {
        self.gallery.samples(&self.samples(self.gallery.shown(), seed), MEANS)
    }

    /// Rows of the data and their reconstructions from the latents.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn reconstructions(&self) -> anyhow::Result<Vec<u8>> {
        self.gallery.reconstructions(&self.decode(&self.encode(self.gallery.reconstructed())))
    }

    /// The loadings of each latent of a linear model, whose weights lie row by row, a row for each column of the data: pictures
    /// behind that of the mean, or for a table numbers in standard deviations of the columns.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn loadings(&self, mean: &[f64], weights: &[f64]) -> anyhow::Result<Vec<u8>> {
        let latents = weights.len() / mean.len();
        let loading = |k: usize| weights.iter().skip(k).step_by(latents);
        let loadings = (0..latents).flat_map(loading).map(|&x| x as f32);
        let (title, rows): (_, Vec<f32>) = match self.gallery.data().image() {
            Some(_) => {
                let rows = mean.iter().map(|&x| x as f32).chain(loadings);
                ("the mean, then the loadings of each latent", rows.collect())
            }
            None => {
                let rows = self.gallery.in_deviations(&loadings.collect::<Vec<_>>());
                ("loadings, in standard deviations of the test rows", rows)
            }
        };
        self.gallery.weights(&rows, ACROSS, ["latent", title])
    }

    /// The rows of the data in the plane of the two latents whose means vary most, in the colours of their labels.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    fn latent_map(&self) -> anyhow::Result<Vec<u8>> {
        let (most, axes) = self.two_most_active();
        let [across, up] = latent_names(&most);
        let title = two_most_active_of(self.model.latents());
        self.map_along(&axes, [&title, &across, &up])
    }

    /// The pictures `latent-map.png` and `posterior.png` of normal latents.
    ///
    /// # Errors
    /// If a picture cannot be drawn.
    pub(crate) fn map_and_posterior(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(vec![
            ("latent-map.png", self.latent_map()?),
            ("posterior.png", self.active_posterior()?),
        ])
    }

    /// The two latents whose means vary most over the rows, in their own order, and their directions.
    fn two_most_active(&self) -> (Vec<usize>, Vec<Vec<f64>>) {
        let z = self.encode(self.rows.len().min(MAP_ROWS));
        let mut most = most_active(&z, self.model.latents());
        most.truncate(2);
        most.sort_unstable();
        let axes = most.iter().map(|&latent| unit(latent, self.model.latents())).collect();
        (most, axes)
    }

    /// The posterior of the first row in the plane of the two latents whose means vary most.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    fn active_posterior(&self) -> anyhow::Result<Vec<u8>> {
        let (most, axes) = self.two_most_active();
        let [across, up] = latent_names(&most);
        self.posterior(&axes, [&across, &up], 0)
    }

    /// The posterior of the first row in the plane of two directions of the latents.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn posterior(
        &self,
        axes: &[Vec<f64>],
        names: [&str; 2],
        seed: u64,
    ) -> anyhow::Result<Vec<u8>> {
        let label = self.rows.labels().map_or(String::new(), |l| format!(" (label {})", l[0]));
        let (plane, title) = (Plane { axes, names }, format!("First test row{label}"));
        posterior(self.model, self.params, self.rows.row(0), plane, (&title, seed))
    }

    /// The rows of the data at their coordinates along two directions of the latents, in the colours of their labels. Without a second
    /// direction, the second coordinate is zero.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn map_along(
        &self,
        axes: &[Vec<f64>],
        [title, across, up]: [&str; 3],
    ) -> anyhow::Result<Vec<u8>> {
        let rows = self.rows.len().min(MAP_ROWS);
        let z = self.encode(rows);
        let along = |z: &[F], axis: Option<&Vec<f64>>| {
            axis.map_or(0.0, |axis| axis.iter().zip(z).map(|(a, z)| a * z.to_f64()).sum())
        };
        let row = |z: &[F]| [along(z, axes.first()), along(z, axes.get(1))];
        let points: Vec<[f64; 2]> = z.chunks_exact(self.model.latents()).map(row).collect();
        let labels = self.rows.labels().map(|labels| -> Vec<u32> {
            labels[..rows].iter().map(|&label| u32::from(label)).collect()
        });
        let of = Gallery::new(self.rows).first(rows);
        let title = format!("{}{}: {title}", of[..1].to_uppercase(), &of[1..]);
        chart::latent_map(&points, labels.as_deref(), [&title, across, up])
    }

    /// The picture of normal latents: for two latents a map of the plane, otherwise a row of pictures along each of the
    /// most active latents; for a table the means of its columns along each of these.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn latent_plane(&self) -> anyhow::Result<Vec<u8>> {
        let code = || self.encode(self.gallery.data().len().min(ACTIVITY_ROWS));
        self.plane((self.model.latents(), "latent"), code, |z| self.decode(z))
    }

    /// [`Views::latent_plane`] of the layer that is farthest from the data, whose width is `top`; `below` computes all layers from
    /// it.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn top_plane(
        &self,
        top: impl Fn(&M) -> usize,
        below: impl for<'t> Fn(&M, Bound<'t, F>, Var<'t, F>) -> Var<'t, F>,
    ) -> anyhow::Result<Vec<u8>> {
        let (latents, top) = (self.model.latents(), top(self.model));
        let code = || {
            let z = self.encode(self.gallery.data().len().min(ACTIVITY_ROWS));
            z.chunks_exact(latents).flat_map(|z| z[latents - top..].iter().copied()).collect()
        };
        self.plane((top, "latent of the top layer"), code, |z| {
            let tape = Tape::new();
            let z = tape.constant(z, [z.len() / top, top]);
            let all = below(self.model, self.params.on(&tape), z).value();
            self.decode(all.values())
        })
    }

    /// The picture of so many latents, with the word for one, from the code of the data and a decoder of these latents.
    fn plane(
        &self,
        (latents, name): (usize, &str),
        code: impl FnOnce() -> Vec<F>,
        decode: impl Fn(&[F]) -> Vec<f32>,
    ) -> anyhow::Result<Vec<u8>> {
        let place =
            |i: usize, n: usize| F::from_f64(REACH * (2.0 * i as f64 / (n - 1) as f64 - 1.0));
        let table = self.gallery.data().image().is_none();
        if latents == 2 && !table {
            let z: Vec<F> = (0..MAP * MAP)
                .flat_map(|i| [place(i % MAP, MAP), place(MAP - 1 - i / MAP, MAP)])
                .collect();
            let sheet = Sheet { gap: 0, ..self.gallery.sheet(MAP) }.filling(MAP);
            let words = format!("means, {name} 1 from −{REACH} to {REACH} rightwards, 2 upwards");
            return sheet.grid(&self.gallery.grey(&decode(&z))).captioned(&words);
        }
        let mut active = most_active(&code(), latents);
        active.truncate(if table { LINES } else { TRAVERSED });
        let mut z = Vec::new();
        for &j in &active {
            for i in 0..ALONG {
                z.extend((0..latents).map(|l| if l == j { place(i, ALONG) } else { F::ZERO }));
            }
        }
        let means = decode(&z);
        if !table {
            let words = format!(
                "each row: one {name}, by its number, from −{REACH} to {REACH}, the others at zero"
            );
            return self.gallery.grid_of(&means, ALONG, &numbers(&active), &words);
        }
        let columns = self.gallery.data().columns();
        let of_column = |column: usize| {
            let lines = active.iter().zip(means.chunks_exact(ALONG * columns));
            let series = lines.map(|(latent, means)| {
                let means = means.iter().skip(column).step_by(columns).enumerate();
                let points = means.map(|(i, &mean)| (place(i, ALONG).to_f64(), f64::from(mean)));
                Series { name: format!("{name} {}", latent + 1), points: points.collect() }
            });
            series.collect()
        };
        let names = column_names(self.gallery.data());
        let mut panels = column_panels(&names, ["latent", "mean"], false, of_column);
        let (mean, deviation) =
            (self.gallery.data().mean(), self.gallery.data().standard_deviation());
        for (panel, (mean, deviation)) in panels.iter_mut().zip(mean.iter().zip(&deviation)) {
            panel.holds = vec![mean - 2.0 * deviation, mean + 2.0 * deviation];
        }
        let title = format!(
            "means of the columns along one {name}, the others at zero\n(height: {}, mean ± 2 SD or more)",
            self.gallery.first(usize::MAX)
        );
        line_panels(&panels, &of_columns(&title, MOST_COLUMNS, columns))
    }

    /// The picture of bits: reconstructions of some rows of the data, and below them a row of pictures for each of the
    /// most active bits, in which this bit is flipped; for a table the change of the means of its columns.
    ///
    /// # Errors
    /// If the picture cannot be drawn.
    pub(crate) fn latent_bits(&self) -> anyhow::Result<Vec<u8>> {
        let latents = self.model.latents();
        let probs = self.encode(self.gallery.data().len().min(ACTIVITY_ROWS));
        let half = F::from_f64(0.5);
        let code = |p: &F| if *p > half { F::ONE } else { F::ZERO };
        let columns = self.gallery.data().len().min(ALONG);
        let base: Vec<F> = probs[..columns * latents].iter().map(code).collect();
        let mut active = most_active(&probs, latents);
        active.truncate(TRAVERSED);
        if self.gallery.data().image().is_none() {
            return self.effects_of_bits(&base, &active);
        }
        let mut z = base.clone();
        for &j in &active {
            let turned = base.iter().enumerate();
            z.extend(turned.map(|(i, &bit)| if i % latents == j { F::ONE - bit } else { bit }));
        }
        let words = "top: rows as the model sees them; below, in each row one bit, by its number, is turned over";
        let names: Vec<String> = [String::new()].into_iter().chain(numbers(&active)).collect();
        self.gallery.grid_of(&self.decode(&z), columns, &names, words)
    }

    /// A heat map of the change of the columns' means when a bit becomes one, for some bits, averaged over rows of bits.
    fn effects_of_bits(&self, base: &[F], bits: &[usize]) -> anyhow::Result<Vec<u8>> {
        let (latents, columns) = (self.model.latents(), self.gallery.data().columns());
        let rows = base.len() / latents;
        let means_with = |bit: usize, value: F| {
            let each = base.iter().enumerate();
            let z: Vec<F> =
                each.map(|(i, &z)| if i % latents == bit { value } else { z }).collect();
            self.decode(&z)
        };
        let mut effects = vec![0.0; bits.len() * columns];
        for (effects, &bit) in effects.chunks_exact_mut(columns).zip(bits) {
            let (on, off) = (means_with(bit, F::ONE), means_with(bit, F::ZERO));
            for (i, (on, off)) in on.iter().zip(&off).enumerate() {
                effects[i % columns] += (on - off) / rows as f32;
            }
        }
        let names: Vec<String> = bits.iter().map(|bit| format!("bit {}", bit + 1)).collect();
        self.gallery.heat_map(&effects, &names, "change of the means when a bit becomes one")
    }
}

/// The numbers of latents, counted from one.
fn numbers(latents: &[usize]) -> Vec<String> {
    latents.iter().map(|latent| (latent + 1).to_string()).collect()
}

/// The words for the two latents of a map, of so many.
pub(crate) fn two_most_active_of(latents: usize) -> String {
    match latents {
        1 => "the latent".into(),
        2 => "the two latents".into(),
        all => format!("the two most active of {all} latents"),
    }
}

/// The names of two latents, or of one.
pub(crate) fn latent_names(latents: &[usize]) -> [String; 2] {
    [0, 1].map(|axis| latents.get(axis).map_or(String::new(), |l| format!("latent {}", l + 1)))
}

/// The latents in the order of their variance over rows, which lie one after another, the largest first.
fn most_active<F: Scalar>(z: &[F], latents: usize) -> Vec<usize> {
    let rows = (z.len() / latents) as f64;
    let variance = |j: usize| {
        let column = || z.iter().skip(j).step_by(latents).map(|z| z.to_f64());
        let mean = column().sum::<f64>() / rows;
        column().map(|z| (z - mean).powi(2)).sum::<f64>() / rows
    };
    let mut order: Vec<(usize, f64)> = (0..latents).map(|j| (j, variance(j))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order.into_iter().map(|pair| pair.0).collect()
}

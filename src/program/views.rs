//! What a model looks like: samples, reconstructions, and what its latents do.

use super::picture::Sheet;
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::data::Table;
use pathscore::models::dist::Distribution;
use pathscore::models::latent::Decoder;
use pathscore::models::{Params, seed};

/// Rows of the test split that are looked at.
const LOOKED_AT: usize = 500;
/// Pictures across and down the map of a latent plane.
const MAP: usize = 20;
/// How far the map and the traversals go, in standard deviations of the prior.
const REACH: f64 = 2.5;
/// Latents whose effect is drawn, and pictures along each.
const TRAVERSED: usize = 10;
const ALONG: usize = 11;

/// How the numbers of a data set become grey.
struct Grey {
    low: f32,
    high: f32,
}

impl Grey {
    fn of(table: &Table) -> Self {
        if table.in_unit_interval() {
            return Self { low: 0.0, high: 1.0 };
        }
        let fold = |f: fn(f32, f32) -> f32, from| table.values().iter().copied().fold(from, f);
        Self { low: fold(f32::min, f32::INFINITY), high: fold(f32::max, f32::NEG_INFINITY) }
    }

    fn apply(&self, x: &[f32]) -> Vec<f32> {
        let width = (self.high - self.low).max(f32::MIN_POSITIVE);
        x.iter().map(|x| (x - self.low) / width).collect()
    }
}

/// Draws pictures of one model.
pub(crate) struct Views<'a, F, M> {
    model: &'a M,
    params: &'a Params<F>,
    data: &'a Table,
    grey: Grey,
}

impl<'a, F: Scalar, M: Decoder<F>> Views<'a, F, M> {
    /// Of a model whose data look like `data`.
    pub(crate) fn new(model: &'a M, params: &'a Params<F>, data: &'a Table) -> Self {
        Self { model, params, data, grey: Grey::of(data) }
    }

    fn sheet(&self, columns: usize) -> Sheet {
        match self.data.image() {
            Some(shape) => Sheet::of_pictures(shape, columns),
            None => Sheet::of_strips(self.data.columns()),
        }
    }

    /// The decoder's means of some latents, flat.
    fn decode(&self, z: &[F]) -> Vec<f32> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let latents = self.model.latents();
        let z = tape.constant(z, [z.len() / latents, latents]);
        let mean = self.model.mean(params, z);
        self.grey
            .apply(&mean.with(|mean| mean.iter().map(|x| x.to_f64() as f32).collect::<Vec<_>>()))
    }

    /// The latents of some rows of the data, flat.
    fn encode(&self, rows: usize) -> Vec<F> {
        let tape = Tape::new();
        let params = self.params.on(&tape);
        let columns = self.data.columns();
        let x = tape.constant_with([rows, columns], |x| {
            x.iter_mut().zip(self.data.values()).for_each(|(x, &value)| *x = F::from(value));
        });
        self.model.encode(params, x).value().values().to_vec()
    }

    /// Draws from the prior, decoded.
    pub(crate) fn samples(&self, count: usize, seed: u64) -> Vec<u8> {
        let tape = Tape::new();
        let rng = &mut seed::rng(seed, seed::Stream::Sample, 0);
        let z = self.model.prior(self.params.on(&tape)).sample(count, rng).value();
        let columns = (count as f64).sqrt().ceil() as usize;
        self.sheet(columns).grid(&self.decode(z.values()))
    }

    /// Rows of the data above what is left of them after passing through the latents.
    pub(crate) fn reconstructions(&self) -> Vec<u8> {
        let rows = self.data.len().min(40);
        let originals = self.grey.apply(&self.data.values()[..rows * self.data.columns()]);
        self.sheet(10).pairs(&originals, &self.decode(&self.encode(rows)))
    }

    /// The latents in order of how much they vary over the data, most active first.
    fn most_active(&self, z: &[F]) -> Vec<usize> {
        let latents = self.model.latents();
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

    /// Normal latents: of two, a map of the plane; of others, a row of pictures along each of the most
    /// active.
    pub(crate) fn latent_plane(&self) -> Vec<u8> {
        let latents = self.model.latents();
        let place =
            |i: usize, n: usize| F::from_f64(REACH * (2.0 * i as f64 / (n - 1) as f64 - 1.0));
        if latents == 2 {
            let z: Vec<F> = (0..MAP * MAP)
                .flat_map(|i| [place(i % MAP, MAP), place(MAP - 1 - i / MAP, MAP)])
                .collect();
            let sheet = Sheet { gap: 0, ..self.sheet(MAP) };
            return sheet.grid(&self.decode(&z));
        }
        let active = self.most_active(&self.encode(self.data.len().min(LOOKED_AT)));
        let mut z = Vec::new();
        for &j in active.iter().take(TRAVERSED) {
            for i in 0..ALONG {
                z.extend((0..latents).map(|l| if l == j { place(i, ALONG) } else { F::ZERO }));
            }
        }
        self.sheet(ALONG).grid(&self.decode(&z))
    }

    /// Bits: rows of the data reconstructed, and below them the same with one of the most active bits
    /// turned over, a bit for each row of pictures.
    pub(crate) fn latent_bits(&self) -> Vec<u8> {
        let latents = self.model.latents();
        let probs = self.encode(self.data.len().min(LOOKED_AT));
        let half = F::from_f64(0.5);
        let code = |p: &F| if *p > half { F::ONE } else { F::ZERO };
        let columns = self.data.len().min(ALONG);
        let base: Vec<F> = probs[..columns * latents].iter().map(code).collect();
        let mut z = base.clone();
        for &j in self.most_active(&probs).iter().take(TRAVERSED) {
            let turned = base.iter().enumerate();
            z.extend(turned.map(|(i, &bit)| if i % latents == j { F::ONE - bit } else { bit }));
        }
        self.sheet(columns).grid(&self.decode(&z))
    }
}

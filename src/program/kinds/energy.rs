//! The part that all energy models share: training by a criterion with Gibbs chains, free energies, pictures of chains.

use super::annealed_energy::Annealed;
use super::criterion;
use super::kind::{Curve, Fitting, Measure, Quantity, Reading};
use super::tractable::{Mean, each_row};
use super::trainer::{AnyTrainer, Start, step_on_batch};
use crate::program::catalogue::{Job, Row, energy_rows, partition_rows, rows_of};
use crate::program::gallery::Gallery;
use crate::program::run::checkpoint::State;
use crate::program::run::settings::Settings;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::{Scalar, Tape};
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{BaseModel, ExactPartition, Params, RandomSource};
use serde_json::{Value, json};

/// The pictures of every energy model.
pub(crate) const PICTURE_NAMES: &[&str] = &["samples.png", "filters.png", "reconstructions.png"];

/// The number of rows of the quick evaluation after each epoch.
const QUICK_ROWS: usize = 500;
/// The exact likelihood is measured after each epoch if its sum has at most this many products.
const QUICK_PRODUCTS: usize = 1 << 24;
/// Pictures of `samples.png` and `reconstructions.png`, and the most of `filters.png`.
const PICTURES: usize = 64;
const RECONSTRUCTIONS: usize = 40;
const FILTERS: usize = 100;

/// Sweeps of a chain from independent pixels to a sample.
const SWEEPS: usize = 2000;

/// The key of the value of a criterion: chains report the gap between the free energies of data and model.
fn value_key(criterion: &str) -> &'static str {
    match criterion {
        "cd" | "pcd" | "ucd" | "pt" => "train/free_energy_difference",
        "ml" => "train/log_likelihood",
        _ => "train/criterion",
    }
}

/// An energy model of bits that the program can train.
pub(crate) trait EnergyKindModel<F: Scalar>:
    BaseModel<F> + ExactPartition<F> + ExactPartition<f64> + Sized + 'static
{
    /// The criteria that fit the model.
    fn criteria<J: Job<F, Self>>() -> Vec<Row<F, Self, J>> {
        rows_of([energy_rows(), partition_rows()])
    }

    /// The expected rows after one pass to the hidden units and back, flat.
    fn reconstruct(&self, params: &Params<F>, x: &[F]) -> Vec<F>;

    /// The weights of some hidden units as rows of the data, flat.
    fn filters(&self, params: &Params<F>, most: usize) -> Vec<f32>;
}

/// An energy model in training.
pub(crate) struct EnergyFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    batches: Batches,
    trainer: Box<dyn AnyTrainer<F, M>>,
    words: String,
    readings: [Reading; 2],
}

impl<'a, F: Scalar, M: EnergyKindModel<F>> EnergyFit<'a, F, M> {
    /// A fit that has not begun, of a model with its initial parameters.
    pub(crate) fn open(
        settings: &'a Settings,
        split: &'a Split,
        (model, params): (M, Params<F>),
    ) -> anyhow::Result<Self> {
        if !(split.train.in_unit_interval() && split.test.in_unit_interval()) {
            return Err(usage_error(format!(
                "{}: some values lie outside [0, 1], and this kind of model describes bits",
                settings.data.source
            )));
        }
        let (binarize, batches) = (settings.binarize()?, settings.batches(split.train.len())?);
        let criterion = criterion::read(&settings.estimator)?;
        let words = criterion.words();
        let schedule = settings.schedule(batches.per_epoch())?;
        let start = Start { model, settings, schedule, samples: 1, words: &words };
        let trainer =
            criterion::trainer(&criterion, M::criteria(), start, params, split.train.mean())?;
        let keys = [value_key(criterion.about.name), "grad/norm"];
        let readings = keys.map(|key| Reading { key, value: f64::NAN });
        Ok(Self { settings, split, binarize, batches, trainer, words, readings })
    }

    fn seed(&self) -> u64 {
        self.settings.run.seed
    }

    /// The free energies of the first rows of a table.
    fn free_energies(&self, table: &Table, rows: usize, seed: u64) -> Vec<f64> {
        let (model, params) = (self.trainer.model(), self.trainer.params());
        let columns = table.columns();
        each_row((table, self.binarize), rows, seed, |tape: &Tape<F>, x, rows| {
            let energy = model.energy(params.on(tape), tape.constant(x, [rows, columns]));
            energy.with(|numbers| numbers.iter().map(|x| x.to_f64()).collect())
        })
    }

    /// The mean squared error of a pixel after one pass to the hidden probabilities and back.
    fn reconstruction_error(&self, rows: usize, seed: u64) -> Mean {
        let (model, params, test) = (self.trainer.model(), self.trainer.params(), &self.split.test);
        let columns = test.columns();
        Mean::of(&each_row((test, self.binarize), rows, seed, |_: &Tape<F>, x, _| {
            let error = |(row, back): (&[F], &[F])| {
                let each = row.iter().zip(back).map(|(&x, &y)| (x - y).to_f64().powi(2));
                each.sum::<f64>() / columns as f64
            };
            let back = model.reconstruct(params, x);
            x.chunks_exact(columns).zip(back.chunks_exact(columns)).map(error).collect()
        }))
    }

    /// The free energy of the first test rows less that of as many training rows: it grows when the model overfits.
    fn gap(&self, rows: usize, seed: u64) -> f64 {
        let Split { train, test, .. } = self.split;
        let rows = rows.min(train.len());
        let mean = |table| Mean::of(&self.free_energies(table, rows, seed)).value;
        mean(test) - mean(train)
    }

    /// True if the rows are bits: the density of a grey value is not defined.
    fn has_density(&self, table: &Table) -> bool {
        let bit = |&x: &f32| x == 0.0 || x == 1.0;
        self.binarize == Binarize::Dynamic || table.values().iter().all(bit)
    }

    /// The exact mean of ln p(x) over the first rows of a table, if ln Z can be summed and the rows are bits.
    fn log_likelihood(&self, table: &Table, rows: usize, seed: u64) -> Option<Mean> {
        if !self.has_density(table) {
            return None;
        }
        let log_z =
            ExactPartition::<F>::log_partition(self.trainer.model(), self.trainer.params())?;
        let log_prob = |energy: f64| -energy - log_z;
        let each: Vec<f64> =
            self.free_energies(table, rows, seed).into_iter().map(log_prob).collect();
        Some(Mean::of(&each))
    }

    /// The quantities of the first test rows, their names ending with `part`.
    fn quantities(&self, rows: usize, seed: u64, part: &str) -> Vec<Quantity> {
        let error = self.reconstruction_error(rows, seed);
        let gap = Quantity {
            name: "free_energy_gap".into(),
            value: self.gap(rows, seed),
            error: None,
            unit: "nats",
            samples: None,
            rows,
        };
        let mut found =
            vec![error.quantity(format!("reconstruction_error{part}"), "per pixel"), gap];
        let exact = self.log_likelihood(&self.split.test, rows, seed);
        found.extend(exact.map(|mean| mean.quantity(format!("log_likelihood{part}"), "nats")));
        found
    }

    /// Runs chains from independent pixels with the means of the data, and returns the expected rows after the last
    /// sweep, flat.
    fn chains(&self, count: usize, seed: u64) -> Vec<f32> {
        let (model, params) = (self.trainer.model(), self.trainer.params());
        let means: Vec<F> = self.split.train.mean().into_iter().map(F::from_f64).collect();
        let shape = [count, means.len()];
        let rng = &mut seed::lanes(seed, Stream::Sample, 0);
        let mut tape = Tape::new();
        let start = rng.bernoulli_var(tape.constant(&means, [means.len()]), shape.into());
        let mut x: Vec<F> = start.value().values().to_vec();
        for _ in 0..SWEEPS {
            tape.clear();
            let swept = model.gibbs_sweep(params.on(&tape), tape.constant(&x, shape), rng);
            swept.with(|values| x.copy_from_slice(values));
        }
        to_f32(&model.reconstruct(params, &x))
    }
}

/// Numbers in single precision.
fn to_f32<F: Scalar>(x: &[F]) -> Vec<f32> {
    x.iter().map(|x| x.to_f64() as f32).collect()
}

impl<F: Scalar, M: EnergyKindModel<F>> Fitting for EnergyFit<'_, F, M> {
    fn words(&self) -> String {
        self.words.clone()
    }

    fn parameters(&self) -> usize {
        self.trainer.params().len()
    }

    fn per_epoch(&self) -> u64 {
        self.batches.per_epoch()
    }

    fn taken(&self) -> u64 {
        self.trainer.taken()
    }

    fn advance(&mut self) -> anyhow::Result<&[Reading]> {
        let Self { batches, trainer, split, binarize, readings, .. } = self;
        step_on_batch(&mut **trainer, batches, (&split.train, *binarize), readings)?;
        Ok(&self.readings)
    }

    fn epoch_metrics(&mut self) -> anyhow::Result<Vec<(String, Value)>> {
        let (test, seed) = (&self.split.test, self.seed());
        let rows = QUICK_ROWS.min(test.len());
        let mut numbers = vec![
            (
                "test/reconstruction_error".to_string(),
                json!(self.reconstruction_error(rows, seed).value),
            ),
            ("test/free_energy_gap".to_string(), json!(self.gap(rows, seed))),
        ];
        let terms = ExactPartition::<F>::terms(self.trainer.model()).unwrap_or(usize::MAX);
        if terms.saturating_mul(self.parameters()) <= QUICK_PRODUCTS {
            let exact = self.log_likelihood(test, rows, seed).map(|mean| mean.value);
            numbers.push(("test/log_likelihood".to_string(), json!(exact)));
        }
        // That of the parameters before the last step.
        let tracked = self.trainer.log_partition();
        numbers.extend(tracked.map(|log_z| ("train/log_partition".to_string(), json!(log_z))));
        Ok(numbers)
    }

    fn curve(&self) -> Curve {
        let train = self.readings[0].key;
        let label = match train {
            "train/criterion" => "criterion, and free energy (nats)",
            _ => "free energy (nats)",
        };
        // The likelihood has a curve of its own for data that were not trained on.
        match train {
            "train/log_likelihood" => {
                Curve { train, test: "test/log_likelihood", label: "ln p(x) (nats)" }
            }
            _ => Curve { train, test: "test/free_energy_gap", label },
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        Ok(self.quantities(self.split.test.len(), self.seed(), "_test"))
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        Measure { ais: None, ..*how }.refuse_samples("what is known of an rbm is not sampled")?;
        let mut found = self.quantities(how.rows, how.seed, "");
        if let Some(ais) = how.ais {
            let (test, means) = (&self.split.test, self.split.train.mean());
            let energies = || self.free_energies(test, how.rows, how.seed);
            let annealed = Annealed {
                model: self.trainer.model(),
                params: self.trainer.params(),
                columns: test.columns(),
                means: &means,
                free_energies: self.has_density(test).then(energies),
            };
            found.extend(annealed.quantities(ais, how.seed)?);
        }
        Ok(found)
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        Ok(Table::new(self.chains(count, seed), self.split.test.columns())?)
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let (model, params, test) = (self.trainer.model(), self.trainer.params(), &self.split.test);
        let gallery = Gallery::new(test);
        let samples = gallery.square(&self.chains(PICTURES, self.seed()));
        let filters = model.filters(params, FILTERS);
        let shown = filters.len() / test.columns();
        let filters = gallery.signed(&filters, (shown as f64).sqrt().ceil() as usize);
        let rows = RECONSTRUCTIONS.min(test.len());
        let x: Vec<F> =
            test.values()[..rows * test.columns()].iter().map(|&x| F::from(x)).collect();
        let back = to_f32(&model.reconstruct(params, &x));
        let pictures = [samples, filters, gallery.pairs(&back)];
        Ok(PICTURE_NAMES.iter().copied().zip(pictures).collect())
    }

    fn save(&self) -> State {
        self.trainer.save()
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        self.trainer.restore(state)
    }
}

//! The part that all energy models share: training by a criterion with chains, free energies, pictures of chains.

mod measures;
pub(super) mod model;
mod pictures;
mod tables;
mod view;

use model::EnergyKindModel;
pub(crate) use pictures::{PICTURES, PICTURES_WITH_HIDDEN};

use super::codes::Codes;
use super::criterion;
use super::kind::{
    Chains, Curve, Fitting, MakeModel, Measure, QUICK_ROWS, QUICK_TEST, Quantity, Reading,
};
use super::trainer::{AnyTrainer, Start, step_on_batch};
use crate::program::catalogue::Reported;
use crate::program::gallery::{DRAWS, EXPECTED};
use crate::program::run::checkpoint::State;
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OptimizerOptions, epochs_help};
use crate::program::run::settings::{Length, Settings, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::Scalar;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::seed::{self, Stream};
use pathscore::models::{ExactPartition, MOST_TERMS, Params};
use serde::Serialize;
use serde_json::{Value, json};
use view::{View, to_f32};

/// The length of a run if none is given.
const EPOCHS: u64 = 30;
/// The exact likelihood is measured after each epoch if its sum has at most this many products.
const QUICK_PRODUCTS: usize = 1 << 24;
/// Sweeps of a chain from independent columns to a sample, and in the pictures that are drawn during training.
const SWEEPS: usize = 2000;
const QUICK_SWEEPS: usize = 200;

/// Adds the options of the criteria and of the optimiser.
pub(crate) fn options<M: EnergyKindModel<f64>>(command: Command) -> Command {
    OptimizerOptions::augment_args(criterion::options::<M>(command))
        .mut_arg("batch", |batch| batch.default_value("100"))
        .mut_arg("epochs", |epochs| epochs.help(epochs_help(EPOCHS)))
}

/// The settings of a new run of a kind, with its section `[model]`.
pub(crate) fn settings<M: EnergyKindModel<f64>>(
    given: &Given,
    kind: &str,
    model: &impl Serialize,
) -> anyhow::Result<Settings> {
    let mut settings = given.settings(kind, Length::Epochs(EPOCHS), M::BITS)?;
    settings.model = to_section(model)?;
    settings.estimator = criterion::settings::<M>(given)?;
    settings.optimizer = Some(given.optimizer()?);
    Ok(settings)
}

/// A fit of a kind in the precision of its run.
///
/// # Errors
/// If the data do not fit the model, or the settings are not of this kind.
pub(crate) fn open<'a, K: MakeModel>(
    settings: &'a Settings,
    split: &'a Split,
) -> anyhow::Result<Box<dyn Fitting + 'a>>
where
    K::Model: EnergyKindModel<f32> + EnergyKindModel<f64>,
{
    Ok(match settings.run.dtype {
        Dtype::F32 => Box::new(EnergyFit::open(settings, split, K::make::<f32>(settings, split)?)?),
        Dtype::F64 => Box::new(EnergyFit::open(settings, split, K::make::<f64>(settings, split)?)?),
    })
}

/// An energy model in training.
pub(crate) struct EnergyFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    batches: Batches,
    trainer: Box<dyn AnyTrainer<F, M>>,
    words: String,
    reported: Reported,
    readings: [Reading; 2],
}

impl<'a, F: Scalar, M: EnergyKindModel<F> + EnergyKindModel<f64>> EnergyFit<'a, F, M> {
    /// A fit that has not begun, of a model with its initial parameters.
    pub(crate) fn open(
        settings: &'a Settings,
        split: &'a Split,
        (model, params): (M, Params<F>),
    ) -> anyhow::Result<Self> {
        let bits = <M as EnergyKindModel<F>>::BITS;
        if bits && !(split.train.in_unit_interval() && split.test.in_unit_interval()) {
            return Err(usage_error(format!(
                "{}: some values lie outside [0, 1], and this kind of model describes bits; train grbm describes real numbers",
                settings.data.source
            )));
        }
        let (binarize, batches) = (settings.binarize()?, settings.batches(split.train.len())?);
        let criterion = criterion::read::<M>(&settings.estimator)?;
        let terms = ExactPartition::<F>::terms(&model).filter(|&terms| terms <= MOST_TERMS);
        let reported = criterion.about.reported;
        if reported == Reported::LogLikelihood && terms.is_none() {
            return Err(usage_error(format!(
                "--criterion ml sums all terms of Z in each step, and this model has more than {MOST_TERMS}: \
                 take fewer units (--hidden 20 or less for rbm and grbm) or another criterion"
            )));
        }
        let words = criterion.words();
        let schedule = settings.schedule(batches.per_epoch())?;
        let start = Start { model, settings, schedule, samples: 1, words: &words };
        let trainer = criterion::trainer(&criterion, start, params, split.train.mean())?;
        let keys = [reported.key(), "grad/norm"];
        let readings = keys.map(|key| Reading { key, value: f64::NAN });
        Ok(Self { settings, split, binarize, batches, trainer, words, reported, readings })
    }
}

impl<F: Scalar, M: EnergyKindModel<F>> EnergyFit<'_, F, M> {
    fn seed(&self) -> u64 {
        self.settings.run.seed
    }

    fn view(&self) -> View<'_, F, M> {
        let (model, params) = (self.trainer.model(), self.trainer.params());
        View { model, params, split: self.split, binarize: self.binarize }
    }
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
        let (view, test, seed) = (self.view(), &self.split.test, self.seed());
        let rows = QUICK_ROWS.min(test.len());
        let error = view.reconstruction_error(rows, seed).value;
        let mut numbers = vec![
            ("test/reconstruction_error".to_string(), json!(error)),
            ("test/free_energy_gap".to_string(), json!(view.gap(rows, seed))),
        ];
        let terms = ExactPartition::<F>::terms(self.trainer.model()).unwrap_or(usize::MAX);
        if terms.saturating_mul(self.parameters()) <= QUICK_PRODUCTS {
            let (name, exact) = match view.log_likelihood(test, rows, seed) {
                Some((name, mean)) => (name, Some(mean.value)),
                None => ("log_likelihood", None),
            };
            numbers.push((format!("test/{name}"), json!(exact)));
        }
        // That of the parameters before the last step.
        let tracked = self.trainer.log_partition();
        numbers.extend(tracked.map(|log_z| ("train/log_partition".to_string(), json!(log_z))));
        Ok(numbers)
    }

    fn curve(&self) -> Curve {
        let train = self.reported.key();
        let gap = ("test/free_energy_gap", "free energy, test less training rows (nats)");
        let (of_train, (test, of_test)) = match self.reported {
            // The likelihood has a curve of its own for data that were not trained on.
            Reported::LogLikelihood => {
                ("ln p(x) (nats)", ("test/log_likelihood", "ln p(x) (nats)"))
            }
            Reported::Criterion => ("criterion, which is maximised", gap),
            Reported::FreeEnergyDifference => ("free energy, chains less data (nats)", gap),
        };
        Curve { train, test, names: ["training", QUICK_TEST], labels: [of_train, of_test] }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        Ok(self.view().quantities(self.split.test.len(), self.seed(), "_test"))
    }

    fn needs_annealing(&self) -> bool {
        self.view().needs_annealing()
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        Measure { ais: None, ..*how }
            .refuse_samples("what is known of an energy model is not sampled")?;
        let view = self.view();
        let mut found = view.quantities(how.rows, how.seed, "");
        if let Some(ais) = how.ais {
            found.extend(view.annealed(ais, how.rows, how.seed)?);
        }
        Ok(found)
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        Chains::sample(self, count, SWEEPS, seed)
    }

    fn samples_are(&self) -> &'static str {
        if self.split.train.image().is_some() { EXPECTED } else { DRAWS }
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        self.view().pictures(SWEEPS, self.seed())
    }

    fn pictures_during(&self, epoch: u64) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        // Epochs that double, so that a long run spends no time on pictures.
        if !epoch.is_power_of_two() {
            return Ok(Vec::new());
        }
        self.view().pictures(QUICK_SWEEPS, self.seed())
    }

    fn save(&self) -> State {
        self.trainer.save()
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        self.trainer.restore(state)
    }

    fn codes(&self) -> Option<Box<dyn Codes + '_>> {
        match M::HIDDEN {
            true => Some(Box::new(self.view())),
            false => None,
        }
    }

    fn chains(&self) -> Option<&dyn Chains> {
        Some(self)
    }
}

impl<F: Scalar, M: EnergyKindModel<F>> Chains for EnergyFit<'_, F, M> {
    fn sweeps(&self) -> usize {
        SWEEPS
    }

    fn sample(&self, count: usize, sweeps: usize, seed: u64) -> anyhow::Result<Table> {
        let (view, rng) = (self.view(), &mut seed::lanes(seed, Stream::Sample, 0));
        let mut states = view.starts(count, rng);
        view.run(&mut states, count, &[], sweeps, rng);
        if self.split.train.image().is_some() {
            return Ok(Table::new(to_f32(&view.expected(&states, count)), view.columns())?);
        }
        // The rows of a table are the states themselves, of which the columns of the data come first.
        let width = states.len() / count;
        let visible = states.chunks_exact(width).flat_map(|state| &state[..view.columns()]);
        Ok(Table::new(to_f32(&visible.copied().collect::<Vec<F>>()), view.columns())?)
    }

    fn complete(
        &self,
        rows: &Table,
        known: &[bool],
        sweeps: usize,
        seed: u64,
    ) -> anyhow::Result<Table> {
        let (view, rng) = (self.view(), &mut seed::lanes(seed, Stream::Sample, 0));
        let (count, columns) = (rows.len(), view.columns());
        let mut data = vec![F::ZERO; count * columns];
        let all: Vec<usize> = (0..count).collect();
        self.binarize.fill(rows, &all, &mut data, rng);
        // The unknown columns begin like those of any other chain, and the latent ones at their means given both.
        let starts = view.starts(count, rng);
        let width = starts.len() / count;
        for (row, start) in data.chunks_exact_mut(columns).zip(starts.chunks_exact(width)) {
            let hidden = row.iter_mut().zip(start).zip(known).filter(|(_, known)| !**known);
            hidden.for_each(|((x, &start), _)| *x = start);
        }
        let mut states = view.states(&data);
        view.run(&mut states, count, known, sweeps, rng);
        // The bits of the chains, not their probabilities: the means of several completions look alike.
        let drawn = states.chunks_exact(width).flat_map(|state| to_f32(&state[..columns]));
        let mut found: Vec<f32> = drawn.collect();
        for (found, row) in found.chunks_exact_mut(columns).zip(rows.values().chunks_exact(columns))
        {
            let given = found.iter_mut().zip(row).zip(known).filter(|(_, known)| **known);
            given.for_each(|((to, &x), _)| *to = x);
        }
        Ok(Table::new(found, columns)?)
    }
}

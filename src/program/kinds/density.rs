//! The part that all densities by networks share: training by gradients of the exact likelihood in batches, and pictures.

use super::kind::{About, Curve, Fitting, MakeModel, Measure, Quantity, Reading};
use super::tractable::log_likelihood;
use super::trainer::{AnyTrainer, Start, step_on_batch};
use crate::program::catalogue::Job;
use crate::program::choice::cli_name;
use crate::program::gallery::{DRAWS, Gallery};
use crate::program::run::checkpoint::State;
use crate::program::run::choices::Dtype;
use crate::program::run::options::{Given, OptimizerOptions, epochs_help};
use crate::program::run::settings::{Length, Settings, to_section};
use crate::program::usage_error::usage_error;
use clap::{Args, Command};
use pathscore::autodiff::Scalar;
use pathscore::estimators::tractable::ExactLikelihood;
use pathscore::models::data::{Batches, Binarize, Split, Table};
use pathscore::models::{Params, Tractable};
use serde::Serialize;
use serde_json::{Value, json};

/// The length of a run if none is given.
const EPOCHS: u64 = 50;
/// Test rows of the evaluation after each epoch.
const QUICK_ROWS: usize = 2000;

/// Adds the options of the training.
pub(crate) fn options(command: Command) -> Command {
    OptimizerOptions::augment_args(command)
        .mut_arg("batch", |batch| batch.default_value("100"))
        .mut_arg("schedule", |schedule| schedule.default_value("cosine-decay"))
        .mut_arg("epochs", |epochs| epochs.help(epochs_help(EPOCHS)))
}

/// The settings of a new run with its section `[model]`; `bits` is true if the model describes bits.
pub(crate) fn settings(
    given: &Given,
    kind: &str,
    bits: bool,
    model: &impl Serialize,
) -> anyhow::Result<Settings> {
    let mut settings = given.settings(kind, Length::Epochs(EPOCHS), bits)?;
    settings.model = to_section(model)?;
    settings.optimizer = Some(given.optimizer()?);
    Ok(settings)
}

/// Refuses data that are no bits.
///
/// # Errors
/// If a value is neither zero nor one, and is not drawn as one of them.
pub(crate) fn bits_only(settings: &Settings, split: &Split) -> anyhow::Result<()> {
    if settings.binarize()? == Binarize::Dynamic {
        return Ok(());
    }
    let values = split.train.values().iter().chain(split.test.values());
    match values.into_iter().find(|&&x| x != 0.0 && x != 1.0) {
        None => Ok(()),
        Some(x) => {
            let advice = match split.train.in_unit_interval() && split.test.in_unit_interval() {
                true => "try --binarize dynamic, fixed or threshold",
                false => "some values lie outside [0, 1]; train flow describes real numbers",
            };
            Err(usage_error(format!(
                "{}: the value {x} is no bit, and this kind of model describes bits: {advice}",
                settings.data.source
            )))
        }
    }
}

/// A density by a network, as the program sees it.
pub(crate) trait DensityModel<F: Scalar>: Tractable<F> + Sized + 'static {
    /// The entry of its kind; its first picture is `samples.png`.
    const ABOUT: &'static About;

    /// New rows, flat.
    fn draws(&self, params: &Params<F>, count: usize, seed: u64) -> Vec<F>;

    /// The pictures beside the samples, as far as the data have them.
    ///
    /// # Errors
    /// If a picture cannot be drawn.
    fn more_pictures(
        &self,
        _params: &Params<F>,
        _gallery: &Gallery,
        _seed: u64,
    ) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        Ok(Vec::new())
    }
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
    K::Model: DensityModel<f32> + DensityModel<f64>,
{
    Ok(match settings.run.dtype {
        Dtype::F32 => {
            Box::new(DensityFit::open(settings, split, K::make::<f32>(settings, split)?)?)
        }
        Dtype::F64 => {
            Box::new(DensityFit::open(settings, split, K::make::<f64>(settings, split)?)?)
        }
    })
}

/// A density in training.
pub(crate) struct DensityFit<'a, F: Scalar, M> {
    settings: &'a Settings,
    split: &'a Split,
    binarize: Binarize,
    batches: Batches,
    trainer: Box<dyn AnyTrainer<F, M>>,
    words: String,
    readings: [Reading; 2],
}

impl<'a, F: Scalar, M: DensityModel<F>> DensityFit<'a, F, M> {
    /// A fit that has not begun, of a model with its initial parameters.
    pub(crate) fn open(
        settings: &'a Settings,
        split: &'a Split,
        (model, params): (M, Params<F>),
    ) -> anyhow::Result<Self> {
        let (binarize, batches) = (settings.binarize()?, settings.batches(split.train.len())?);
        let words = format!("exact likelihood, {}", cli_name(&settings.optimizer()?.name));
        let schedule = settings.schedule(batches.per_epoch())?;
        let start = Start { model, settings, schedule, samples: 1, words: &words };
        let trainer = start.run(params, ExactLikelihood)?;
        let readings = ["train/log_likelihood", "grad/norm"];
        let readings = readings.map(|key| Reading { key, value: f64::NAN });
        Ok(Self { settings, split, binarize, batches, trainer, words, readings })
    }

    fn seed(&self) -> u64 {
        self.settings.run.seed
    }

    /// The mean of ln p(x) over the first rows of a table.
    fn log_likelihood(&self, table: &Table, rows: usize, seed: u64, name: &str) -> Quantity {
        let (model, params) = (self.trainer.model(), self.trainer.params());
        let data = (table, self.binarize);
        log_likelihood(|params, x| model.log_prob(params, x), params, data, rows, seed)
            .quantity(name, "nats")
    }

    fn draws(&self, count: usize, seed: u64) -> Vec<f32> {
        let rows = self.trainer.model().draws(self.trainer.params(), count, seed);
        rows.into_iter().map(|x| x.to_f64() as f32).collect()
    }
}

impl<F: Scalar, M: DensityModel<F>> Fitting for DensityFit<'_, F, M> {
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
        let test = &self.split.test;
        let found = self.log_likelihood(test, test.len().min(QUICK_ROWS), self.seed(), "");
        Ok(vec![("test/log_likelihood".into(), json!(found.value))])
    }

    fn curve(&self) -> Curve {
        Curve {
            train: "train/log_likelihood",
            test: "test/log_likelihood",
            names: ["training", "test"],
            labels: ["log p(x) (nats)"; 2],
        }
    }

    fn results(&mut self) -> anyhow::Result<Vec<Quantity>> {
        let (Split { train, test, .. }, seed) = (self.split, self.seed());
        let rows = train.len().min(test.len());
        let of_train = self.log_likelihood(train, rows, seed, "log_likelihood_train");
        let of_test = self.log_likelihood(test, test.len(), seed, "log_likelihood_test");
        Ok(vec![of_train, of_test])
    }

    fn measure(&mut self, how: &Measure) -> anyhow::Result<Vec<Quantity>> {
        how.refuse_samples(&format!("the likelihood of {} is exact", M::ABOUT.name))?;
        Ok(vec![self.log_likelihood(&self.split.test, how.rows, how.seed, "log_likelihood")])
    }

    fn sample(&self, count: usize, seed: u64) -> anyhow::Result<Table> {
        Ok(Table::new(self.draws(count, seed), self.split.test.columns())?)
    }

    fn pictures(&self) -> anyhow::Result<Vec<(&'static str, Vec<u8>)>> {
        let gallery = Gallery::new(&self.split.test);
        let samples = gallery.samples(&self.draws(gallery.shown(), self.seed()), DRAWS)?;
        let (model, params) = (self.trainer.model(), self.trainer.params());
        let more = model.more_pictures(params, &gallery, self.seed())?;
        Ok([(M::ABOUT.pictures[0], samples)].into_iter().chain(more).collect())
    }

    fn save(&self) -> State {
        self.trainer.save()
    }

    fn restore(&mut self, state: &State) -> anyhow::Result<()> {
        self.trainer.restore(state)
    }
}
